"""Ill-conditioned log-quadratic forms in 60-digit arithmetic.

A and B are symmetric positive definite doubles with condition numbers from 1e2 to 1e6; the gradient of
log(alpha + w'(A (x) B)^-1 w) is computed with mpmath from those doubles by the dense definition, that
is without any of the formulas of the library: the derivative of the dense quadratic form in each
entry of A and B.
Usage: python3 make_log_quadratic.py > log_quadratic.json
"""

import json
import random

from mpmath import mp, mpf

mp.dps = 60
random.seed(7)


def spd(n, condition):
    q = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            q[i, j] = mpf(random.uniform(-1, 1))
    q, _ = mp.qr(q)
    lam = [mpf(condition) ** (mpf(k) / (n - 1)) for k in range(n)]
    m = q * mp.diag(lam) * q.T
    return [[float(m[max(i, j), min(i, j)]) for j in range(n)] for i in range(n)]


def matrix(rows):
    return mp.matrix([[mpf(x) for x in row] for row in rows])


def kron(a, b):
    out = mp.matrix(a.rows * b.rows, a.cols * b.cols)
    for i in range(a.rows):
        for j in range(a.cols):
            for k in range(b.rows):
                for l in range(b.cols):
                    out[i * b.rows + k, j * b.cols + l] = a[i, j] * b[k, l]
    return out


cases = []
for condition in (1e2, 1e4, 1e6):
    p, q, alpha = 4, 3, 1.0
    a, b = spd(p, condition), spd(q, condition)
    w = [[random.uniform(-1, 1) for _ in range(q)] for _ in range(p)]
    A, B = matrix(a), matrix(b)
    vec = mp.matrix([mpf(x) for row in w for x in row])
    solved = mp.lu_solve(kron(A, B), vec)
    beta = mpf(alpha) + (vec.T * solved)[0]

    def unit(n, i, j):
        e = mp.matrix(n, n)
        e[i, j] = 1
        return e

    # S is symmetric: d(w'S^-1 w) = -(S^-1 w)' dS (S^-1 w).
    grad_a = [[float(-(solved.T * kron(unit(p, i, j), B) * solved)[0] / beta) for j in range(p)]
              for i in range(p)]
    grad_b = [[float(-(solved.T * kron(A, unit(q, i, j)) * solved)[0] / beta) for j in range(q)]
              for i in range(q)]
    cases.append({"condition": condition, "A": a, "B": b, "W": w, "alpha": alpha,
                  "value": float(mp.log(beta)), "grad_A": grad_a, "grad_B": grad_b})
print(json.dumps({"cases": cases}))
