"""Maxima of the likelihoods with structured factors, by NumPy and SciPy alone.

    python3 make_structures.py > structures.json

Every structure stands once on the rows and once on the columns, the other side unstructured, for
the Gaussian, the Kronecker t and the matrix t (degrees of freedom estimated where the rows are
structured, 5 where the columns are). Mean zero. Everything is dense: -ln L of all numbers at once,
the gradient by complex steps, BFGS from several random starts, Newton's method with differences of
the exact gradient at the end.
"""

import json
import sys

import numpy as np
import scipy
from scipy.optimize import minimize
from scipy.special import loggamma

STARTS = 4
N, P, Q = 24, 6, 5
PLACES = {
    "row-times": [[0.0], [0.7], [2.0], [2.4], [4.1], [5.5]],
    "col-times": [[3.0], [2.1], [1.9], [0.4], [-0.6]],
    "row-places": [[0.0, 0.1], [0.6, 0.4], [1.9, -0.3], [2.5, 0.2], [4.0, 0.5], [5.3, 0.0]],
    "col-places": [[0.2, 3.0], [0.0, 2.2], [0.3, 1.6], [-0.2, 0.5], [0.1, -0.7]],
}
GROUPS = {"row": ["a", "a", "b", "b", "b", "c"], "col": ["x", "y", "x", "y", "y"]}
BLOCKS = {"row": [2, 1, 3], "col": [3, 2]}


def distances(key):
    at = np.array(PLACES[key])
    return np.sqrt(((at[:, None, :] - at[None, :, :]) ** 2).sum(axis=2))


def lower(theta, d, first_free=True):
    """Log-Cholesky; the first diagonal entry is one where it is not free."""
    out = np.zeros((d, d), dtype=theta.dtype)
    at = 0
    for i in range(d):
        for j in range(i + 1):
            if i == j == 0 and not first_free:
                out[0, 0] = 1
                continue
            out[i, j] = np.exp(theta[at]) if i == j else theta[at]
            at += 1
    return out


def triangle(d):
    return d * (d + 1) // 2


def powers(rho, d):
    lag = np.abs(np.subtract.outer(np.arange(d), np.arange(d)))
    return rho**lag


def levinson(z):
    """Autocorrelations from partial ones, by the regression of each on those before."""
    r = [np.ones((), dtype=z.dtype)[()]]
    for k in range(len(z)):
        t = np.array([[r[abs(i - j)] for j in range(k)] for i in range(k)], dtype=z.dtype).reshape(k, k)
        past = np.array(r[1 : k + 1], dtype=z.dtype)
        if k == 0:
            r.append(z[0])
            continue
        solved = np.linalg.solve(t, past)
        mean = (past[::-1] * solved).sum()
        spread = 1 - (past * solved).sum()
        r.append(mean + z[k] * spread)
    d = len(z) + 1
    return np.array([[r[abs(i - j)] for j in range(d)] for i in range(d)])


def kernel(name, x):
    if name == "exponential":
        return np.exp(-x)
    if name == "matern:3/2":
        return (1 + np.sqrt(3) * x) * np.exp(-np.sqrt(3) * x)
    if name == "matern:5/2":
        return (1 + np.sqrt(5) * x + 5 * x * x / 3) * np.exp(-np.sqrt(5) * x)
    return np.exp(-x * x / 2)


class Factor:
    """A matrix of a structure from a vector of numbers, its scale fixed."""

    def __init__(self, name, side, d):
        self.name, self.side, self.d = name, side, d
        het = name.startswith("het:")
        self.inner = name[4:] if het else name
        self.het = d - 1 if het else 0
        base, _, place = self.inner.rpartition(":")
        groups = GROUPS[side]
        self.names = list(dict.fromkeys(groups))
        self.many = [g for g in self.names if groups.count(g) > 1]
        sizes = {
            "ar1": 1,
            "compound-symmetry": 1,
            "toeplitz": d - 1,
            "antedependence": 2 * (d - 1),
            "unstructured": triangle(d),
        }
        self.kernel = None
        if self.inner in sizes:
            self.k = sizes[self.inner]
        elif self.inner.startswith("block"):
            self.k = sum(triangle(k) for k in BLOCKS[side]) - 1
        elif self.inner.startswith("exchangeable"):
            self.k = triangle(len(self.names)) + len(self.many) - 1
        else:
            self.kernel, self.distance, self.k = base, distances(place), 1
        self.size = self.k + self.het

    def matrix(self, theta):
        a = self.correlations(theta[self.het :])
        if self.het:
            s = np.concatenate([[1], np.exp(theta[: self.het])])
            a = s[:, None] * a * s[None, :]
        return a

    def correlations(self, t):
        d = self.d
        if self.kernel:
            return kernel(self.kernel, self.distance / np.exp(t[0]))
        if self.inner == "ar1":
            return powers(np.tanh(t[0]), d)
        if self.inner == "compound-symmetry":
            low = -1 / (d - 1)
            rho = low + (1 - low) / (1 + np.exp(-t[0]))
            return (1 - rho) * np.eye(d) + rho * np.ones((d, d))
        if self.inner == "toeplitz":
            return levinson(np.tanh(t))
        if self.inner == "antedependence":
            s = np.concatenate([[1], np.exp(t[: d - 1])])
            rho = np.tanh(t[d - 1 :])
            out = np.array([[np.prod(rho[min(i, j) : max(i, j)]) for j in range(d)] for i in range(d)])
            return s[:, None] * out * s[None, :]
        if self.inner == "unstructured":
            root = lower(t, d)
            return root @ root.T
        if self.inner.startswith("block"):
            out, at, row = np.zeros((d, d), dtype=t.dtype), 0, 0
            for b, k in enumerate(BLOCKS[self.side]):
                size = triangle(k) - (b == 0)
                root = lower(t[at : at + size], k, first_free=b > 0)
                out[row : row + k, row : row + k] = root @ root.T
                at, row = at + size, row + k
            return out
        # Exchangeable: an entry's own variance, and covariances within and between groups such
        # that the sums over the groups, divided by the roots of their sizes, have any covariance.
        m = len(self.names)
        groups = GROUPS[self.side]
        own = dict(zip(self.many, np.exp(t[: len(self.many)])))
        own = np.array([own.get(g, 0.0) for g in self.names])
        root = lower(t[len(self.many) :], m, first_free=False)
        sizes = np.sqrt(np.array([groups.count(g) for g in self.names]))
        shared = (root @ root.T - np.diag(own)) / np.outer(sizes, sizes)
        at = [self.names.index(g) for g in groups]
        return shared[np.ix_(at, at)] + np.diag(own[at])


def ln_det(a):
    sign, size = np.linalg.slogdet(a)
    return np.log(sign) + size


def multigamma(a, p):
    return sum(loggamma(a - j / 2) for j in range(p))


def log_likelihood(x, a, b, law, nu):
    n, p, q = x.shape
    ln_dets = n * (q * ln_det(a) + p * ln_det(b)) / 2
    left = np.linalg.solve(a, x)
    right = np.swapaxes(np.linalg.solve(b, np.swapaxes(x, 1, 2)), 1, 2)
    if law == "gaussian":
        return -n * p * q / 2 * np.log(2 * np.pi) - ln_dets - (left * right).sum() / 2
    if law == "kronecker-t":
        delta = (left * right).sum(axis=(1, 2))
        c = loggamma((nu + p * q) / 2) - loggamma(nu / 2) - p * q / 2 * np.log(nu * np.pi)
        return n * c - ln_dets - (nu + p * q) / 2 * np.log(1 + delta / nu).sum()
    kappa = nu + p + q - 1
    c = multigamma(kappa / 2, q) - multigamma((nu + q - 1) / 2, q) - p * q / 2 * np.log(np.pi)
    inner = np.eye(p) + left @ np.swapaxes(right, 1, 2)
    return n * c - ln_dets - kappa / 2 * sum(ln_det(m) for m in inner)


def fit(x, row, col, law, nu):
    free = 1 if nu == "estimate" else 0

    def unpack(theta):
        a, b = row.matrix(theta[: row.size]), col.matrix(theta[row.size : row.size + col.size])
        return a, b, (np.exp(theta[-1]) if free else nu)

    def value(theta):
        a, b, v = unpack(theta)
        out = -log_likelihood(x, a, b, law, v)
        return out

    def slope(theta):
        out = np.empty(len(theta))
        for i in range(len(theta)):
            moved = theta.astype(complex)
            moved[i] += 1e-25j
            out[i] = value(moved).imag / 1e-25
        return out

    def safe(theta):
        try:
            a, b, _ = unpack(theta)
            if min(np.linalg.eigvalsh(a)[0], np.linalg.eigvalsh(b)[0]) <= 0:
                return 1e10, np.zeros(len(theta))
            v = float(value(theta))
            return (v, slope(theta)) if np.isfinite(v) else (1e10, np.zeros(len(theta)))
        except np.linalg.LinAlgError:
            return 1e10, np.zeros(len(theta))

    size = row.size + col.size + free
    rng = np.random.default_rng(5)
    found = []
    for _ in range(STARTS):
        start = 0.3 * rng.standard_normal(size)
        if free:
            start[-1] = np.log(8)
        with np.errstate(all="ignore"):
            best = minimize(safe, start, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 3000})
        found.append((best.fun, best.x))
    found.sort(key=lambda f: f[0])
    theta = found[0][1]
    for _ in range(8):
        g = slope(theta)
        h = np.array([(slope(theta + e) - slope(theta - e)) / 2e-5 for e in 1e-5 * np.eye(size)])
        h = (h + h.T) / 2
        theta = theta - np.linalg.solve(h, g)
        if np.abs(g).max() < 1e-10:
            break
    eigen = np.linalg.eigvalsh(h)
    agree = sum(f[0] - found[0][0] < 1e-6 for f in found)
    a, b, v = unpack(theta)
    return {
        "log_likelihood": -float(value(theta)),
        "gradient": float(np.abs(slope(theta)).max()),
        "least_curvature": float(eigen[0]),
        "starts_that_agree": int(agree),
        "parameters": size,
        "nu_hat": float(v) if free else None,
        "row": a.tolist(),
        "col": b.tolist(),
    }


def data():
    """Rows and columns that fade with their distance, with unequal variances, heavy tails."""
    rng = np.random.default_rng(21)
    a = kernel("exponential", distances("row-times") / 1.8)
    b = kernel("exponential", distances("col-times") / 1.2)
    s, t = np.array([1, 1.6, 0.8, 1.2, 0.6, 1.1]), np.array([1, 0.5, 1.4, 0.9, 1.3])
    root = np.linalg.cholesky(np.kron(np.outer(s, s) * a, np.outer(t, t) * b))
    z = rng.standard_normal((N, P * Q)) @ root.T
    z /= np.sqrt(rng.chisquare(5, N) / 5)[:, None]
    return np.round(z.reshape(N, P, Q), 3)


def names(side):
    at = side + "-times", side + "-places"
    spatial = ["exponential:" + at[0], "exponential:" + at[1], "matern:3/2:" + at[1]]
    spatial += ["matern:5/2:" + at[0], "gaussian:" + at[1], "het:exponential:" + at[0], "het:matern:3/2:" + at[0]]
    own = ["block:" + ",".join(map(str, BLOCKS[side])), "exchangeable:" + ",".join(GROUPS[side])]
    return ["het:ar1", "het:compound-symmetry", "het:toeplitz", "antedependence"] + spatial + own


def main():
    x = data()
    cases = []
    for law in ["gaussian", "kronecker-t", "matrix-t"]:
        for side in ["row", "col"]:
            for name in names(side):
                row = Factor(name if side == "row" else "unstructured", "row", P)
                col = Factor(name if side == "col" else "unstructured", "col", Q)
                nu = None if law == "gaussian" else "estimate" if side == "row" else 5.0
                case = {"law": law, "nu": nu, "rows": row.name, "cols": col.name}
                case.update(fit(x, row, col, law, nu))
                cases.append(case)
                print(law, side, name, case["log_likelihood"], case["gradient"],
                      case["least_curvature"], case["starts_that_agree"], case["nu_hat"], file=sys.stderr, flush=True)
    versions = {"numpy": np.__version__, "scipy": scipy.__version__}
    out = {"versions": versions, "data": x.tolist(), "places": PLACES, "cases": cases}
    json.dump(out, sys.stdout, indent=0)


main()
