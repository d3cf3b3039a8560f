"""Minima of ln|A| + tr(A^-1 S) over A = LL' + diag(u), u >= 0, and one whole fit, by SciPy.

    python3 make_factor_analysis.py > factor_analysis.json

Nothing is profiled out: all loadings and the roots of all uniquenesses are free numbers, L-BFGS-B
runs from many random starts with the exact gradient, and Newton's method with the Hessian by
complex steps polishes the best. NumPy and SciPy only.
"""

import json
import sys

import numpy as np
import scipy
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

STARTS = 200


def build(theta, d, k):
    loadings, roots = theta[: d * k].reshape(d, k), theta[d * k :]
    return loadings @ loadings.T + np.diag(roots**2)


def value_and_gradient(theta, scatter, k):
    d = len(scatter)
    a = build(theta, d, k)
    try:
        root = cho_factor(a, lower=True)
    except np.linalg.LinAlgError:
        return 1e100, np.zeros_like(theta)
    inverse = cho_solve(root, np.eye(d))
    value = 2 * np.log(np.diag(root[0])).sum() + np.trace(inverse @ scatter)
    return value, gradient(theta, scatter, k)


def gradient(theta, scatter, k):
    """Also for complex theta."""
    d = len(scatter)
    inverse = np.linalg.inv(build(theta, d, k))
    g = inverse - inverse @ scatter @ inverse
    return np.concatenate([(2 * g @ theta[: d * k].reshape(d, k)).ravel(), 2 * np.diag(g) * theta[d * k :]])


def polish(theta, slope):
    """Newton steps on the range of the Hessian: rotations of the loadings are left alone."""
    for _ in range(30):
        g = slope(theta)
        h = np.empty((len(theta), len(theta)))
        for i in range(len(theta)):
            moved = theta.astype(complex)
            moved[i] += 1e-30j
            h[:, i] = slope(moved).imag / 1e-30
        values, vectors = np.linalg.eigh((h + h.T) / 2)
        keep = values > 1e-9 * values[-1]
        step = vectors[:, keep] @ ((vectors[:, keep].T @ g) / values[keep])
        if np.abs(step).max() < 1e-15:
            break
        theta = theta - step
    return theta


def minimum(scatter, k, rng):
    d = len(scatter)
    scale = np.sqrt(np.diag(scatter))
    unit = scatter / np.outer(scale, scale)
    found = []
    for _ in range(STARTS):
        start = np.concatenate([rng.normal(0, 0.6, d * k), rng.uniform(0.05, 1, d)])
        end = minimize(
            value_and_gradient, start, args=(unit, k), jac=True, method="L-BFGS-B",
            options={"maxiter": 5000, "maxfun": 20000, "ftol": 0, "gtol": 1e-10, "maxcor": 30},
        )
        found.append((end.fun, end.x))
    found.sort(key=lambda pair: pair[0])
    best = polish(found[0][1], lambda theta: gradient(theta, unit, k))
    value, slope = value_and_gradient(best, unit, k)
    sigma = build(best, d, k) * np.outer(scale, scale)
    roots = best[d * k :] * scale
    distinct = sorted({round(f, 6) for f, _ in found if f < found[0][0] + 1})
    print(f"d={d} K={k}: f={value:.12f} |g|={np.abs(slope).max():.1e} minima {distinct[:6]}, "
          f"{sum(f < value + 1e-7 for f, _ in found)} of {STARTS} starts; "
          f"smallest uniqueness share {np.min(best[d*k:]**2):.1e}", file=sys.stderr)
    return {"factors": k, "scatter": scatter.tolist(),
            "minimum": value + 2 * np.log(scale).sum(), "matrix": sigma.tolist(),
            "uniquenesses": (roots**2).tolist()}


def scatters(rng):
    """(name, S, K)."""
    def noisy(d, k, m, strength):
        truth = rng.normal(0, strength, (d, k))
        a = truth @ truth.T + np.diag(rng.uniform(0.3, 1.5, d))
        x = rng.multivariate_normal(np.zeros(d), a, size=m)
        size = 10.0 ** rng.uniform(-1, 1, d)
        return x.T @ x / m * np.outer(size, size)

    yield "d5_k2", noisy(5, 2, 400, 1.0), 2
    yield "d6_k2", noisy(6, 2, 300, 1.0), 2
    yield "d6_k3", noisy(6, 3, 60, 1.0), 3
    yield "few", noisy(8, 2, 12, 0.8), 2
    yield "singular", noisy(9, 1, 8, 1.0), 1
    # The first variable is nearly the factor itself.
    loadings = np.array([1.0, 0.8, 0.6, 0.7, 0.5])
    heywood = np.outer(loadings, loadings)
    np.fill_diagonal(heywood, 1.0)
    heywood[1, 2] = heywood[2, 1] = heywood[1, 2] - 0.08
    heywood[3, 4] = heywood[4, 3] = heywood[3, 4] - 0.05
    yield "heywood", heywood, 1
    exact = np.array([[2.0, 0.3], [1.0, -0.5], [0.4, 1.1], [-0.7, 0.9], [0.2, 0.6], [1.3, 0.1]])
    yield "exact", exact @ exact.T + np.diag([0.5, 0.2, 0.9, 1.4, 0.3, 0.7]), 2


def fit(rng):
    """Gaussian, A free, B = LL' + diag(u), free mean: -l over all parameters but the mean."""
    n, p, q, k = 40, 3, 5, 1
    a = np.array([[1.0, 0.4, 0.1], [0.4, 1.3, 0.3], [0.1, 0.3, 0.8]])
    loadings = rng.normal(0, 1.0, (q, k))
    b = loadings @ loadings.T + np.diag(rng.uniform(0.4, 1.2, q))
    x = np.linalg.cholesky(a) @ rng.normal(size=(n, p, q)) @ np.linalg.cholesky(b).T
    centred = x - x.mean(axis=0)
    lower = np.tril_indices(p)

    def split(theta):
        root = np.zeros((p, p))
        root[lower] = np.concatenate([[1.0], theta[: len(lower[0]) - 1]])
        return root, build(theta[len(lower[0]) - 1 :], q, k)

    def cost(theta):
        root, b = split(theta)
        try:
            col = np.linalg.cholesky(b)
        except np.linalg.LinAlgError:
            return 1e100
        if np.abs(np.diag(root)).min() < 1e-8:
            return 1e100
        z = np.linalg.solve(root, centred)
        z = np.linalg.solve(col, z.transpose(0, 2, 1))
        return (0.5 * (z**2).sum() + n * q * np.log(np.abs(np.diag(root))).sum()
                + n * p * np.log(np.diag(col)).sum() + 0.5 * n * p * q * np.log(2 * np.pi))

    best = None
    for _ in range(12):
        identity = np.eye(p)[lower][1:]
        start = np.concatenate([identity + rng.normal(0, 0.1, len(identity)),
                                rng.normal(0, 0.8, q * k), rng.uniform(0.4, 1.2, q)])
        end = minimize(cost, start, method="BFGS", options={"maxiter": 4000, "gtol": 1e-6})
        if best is None or end.fun < best.fun:
            best = end
    root, b = split(best.x)
    print(f"fit: l = {-best.fun:.10f}, |g| = {np.abs(best.jac).max():.1e}", file=sys.stderr)
    return {"factors": k, "values": x.tolist(), "log_likelihood": -best.fun,
            "covariance": np.kron(root @ root.T, b).tolist()}


def main():
    rng = np.random.default_rng(20240611)
    cases = {name: minimum(s, k, rng) for name, s, k in scatters(rng)}
    versions = {"numpy": np.__version__, "scipy": scipy.__version__}
    json.dump({"versions": versions, "cases": cases, "fit": fit(rng)}, sys.stdout)
    print()


main()
