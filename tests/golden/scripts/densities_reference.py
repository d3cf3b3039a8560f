"""ln_pdf of the three laws by SciPy and, for any ν, by 50-digit mpmath; writes laws_densities.json.

Inputs are rational so that any program can rebuild them exactly:
A_ij = 2^-|i-j|, B_ij = (2 + [i=j]) 4^-|i-j|, M_ij = (i - j)/8, X_ij = ((7i + 3j + ij) mod 11 - 5)/4.
"""
import json
import pathlib
import mpmath as mp
import numpy as np
from scipy import stats

mp.mp.dps = 50


def inputs(p, q):
    a = np.array([[2.0 ** -abs(i - j) for j in range(p)] for i in range(p)])
    b = np.array([[(2.0 + (i == j)) * 4.0 ** -abs(i - j) for j in range(q)] for i in range(q)])
    m = np.array([[(i - j) / 8 for j in range(q)] for i in range(p)])
    x = np.array([[((7 * i + 3 * j + i * j) % 11 - 5) / 4 for j in range(q)] for i in range(p)])
    return a, b, m, x


def exact(law, nu, p, q):
    a, b, m, x = inputs(p, q)
    y = mp.matrix((x - m).tolist())
    a, b = mp.matrix(a.tolist()), mp.matrix(b.tolist())
    g = mp.lu_solve_matrix(a, y) if hasattr(mp, "lu_solve_matrix") else a ** -1 * y
    g = g * (b ** -1) * y.T
    ln_dets = mp.mpf(q) / 2 * mp.log(mp.det(a)) + mp.mpf(p) / 2 * mp.log(mp.det(b))
    d = p * q
    trace = sum(g[i, i] for i in range(p))
    if law == "gaussian":
        return -mp.mpf(d) / 2 * mp.log(2 * mp.pi) - ln_dets - trace / 2
    nu = mp.mpf(nu)
    if law == "kronecker-t":
        c = mp.loggamma((nu + d) / 2) - mp.loggamma(nu / 2) - mp.mpf(d) / 2 * mp.log(nu * mp.pi)
        return c - ln_dets - (nu + d) / 2 * mp.log(1 + trace / nu)
    c = sum(mp.loggamma((nu + p + q - 1 - j) / 2) - mp.loggamma((nu + p - 1 - j) / 2) for j in range(p))
    c -= mp.mpf(d) / 2 * mp.log(mp.pi)
    return c - ln_dets - (nu + p + q - 1) / 2 * mp.log(mp.det(mp.eye(p) + g))


def scipy_value(law, nu, p, q):
    a, b, m, x = inputs(p, q)
    if law == "gaussian":
        return stats.matrix_normal(m, a, b).logpdf(x)
    if law == "kronecker-t":
        return stats.multivariate_t(m.ravel(), np.kron(a, b), df=nu).logpdf(x.ravel())
    return stats.matrix_t(m, a, b, nu).logpdf(x)


cases = []
for p, q in [(1, 1), (1, 5), (4, 3), (2, 7), (20, 20), (10, 40), (40, 10)]:
    for law in ["gaussian", "kronecker-t", "matrix-t"]:
        for nu in [None] if law == "gaussian" else [1e-3, 0.5, 1.0, 4.0, 30.0, 1e4, 1e9]:
            case = {"law": law, "nu": nu, "p": p, "q": q, "mpmath": float(exact(law, nu, p, q))}
            if nu is None or 0.5 <= nu <= 30.0:
                case["scipy"] = float(scipy_value(law, nu, p, q))
            cases.append(case)
here = pathlib.Path(__file__).resolve().parent.parent
(here / "laws_densities.json").write_text(json.dumps(cases, indent=0))
gap = max(abs(c["scipy"] / c["mpmath"] - 1) for c in cases if "scipy" in c)
print(len(cases), "cases; SciPy against mpmath:", gap)
