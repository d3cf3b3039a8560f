"""Reference numbers for divided differences and derivatives of matrix functions.

Everything is computed with mpmath at 120 digits from the double inputs as stored, then rounded.
At that precision the textbook quotients are safe: gaps of 1e-17 leave 100 digits.
Usage: python3 make_matrix_functions.py > matrix_functions.json
"""

import json
import random

from mpmath import mp, mpf

mp.dps = 120
random.seed(20240117)
EQUAL = mpf(10) ** -60

FUNCTIONS = {
    "exp": (mp.exp, mp.exp, mp.exp),
    "log": (mp.log, lambda x: 1 / x, lambda x: -1 / x**2),
    "sqrt": (mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * mp.sqrt(x) ** 3)),
    "inverse": (lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "tanh": (mp.tanh, lambda x: 1 - mp.tanh(x) ** 2,
             lambda x: -2 * mp.tanh(x) * (1 - mp.tanh(x) ** 2)),
}


def power(alpha):
    a = mpf(alpha)
    return (lambda x: x**a, lambda x: a * x ** (a - 1), lambda x: a * (a - 1) * x ** (a - 2))


POWERS = [-20.0, 0.015625, 0.984375, 20.5, -3.5, -2.0, -1.0, -0.5, 0.3, 0.5, 1.0, 1.0625, 1.5, 2.0, 2.75, 4.0, 7.0]
for alpha in POWERS:
    FUNCTIONS[f"power {alpha}"] = power(alpha)


def first(f, a, b):
    return f[1](a) if abs(a - b) < EQUAL else (f[0](a) - f[0](b)) / (a - b)


def second(f, a, b, c):
    a, b, c = sorted([a, b, c])
    if abs(a - c) < EQUAL:
        return f[2](a) / 2
    return (first(f, c, b) - first(f, b, a)) / (c - a)


def matrix(rows):
    return mp.matrix([[mpf(x) for x in row] for row in rows])


def hadamard(x):
    """F o H in the eigenbasis of x."""
    values, vectors = mp.eigsy(x)
    return [values[i] for i in range(len(values))], vectors


def gradient(f, x, a):
    lam, q = hadamard(x)
    inner = q.T * a * q
    n = len(lam)
    for i in range(n):
        for j in range(n):
            inner[i, j] *= first(f, lam[i], lam[j])
    return q * inner * q.T


def hessian_product(f, x, h, k):
    lam, q = hadamard(x)
    h, k = q.T * h * q, q.T * k * q
    n = len(lam)
    inner = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            inner[i, j] = sum(
                second(f, lam[i], lam[m], lam[j]) * (h[i, m] * k[m, j] + k[i, m] * h[m, j])
                for m in range(n))
    return q * inner * q.T


def floats(m):
    return [[float(m[i, j]) for j in range(m.cols)] for i in range(m.rows)]


def rand_symmetric(n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            m[i][j] = m[j][i] = random.uniform(-1, 1)
    return m


def with_spectrum(lam):
    """A double matrix whose spectrum is (almost) lam: H diag(lam) H / 4, H a Hadamard matrix.

    For the dyadic spectra below every entry is exact, so the gaps are those stated.
    """
    h = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
    return [[float(sum(mpf(h[i][k]) * mpf(lam[k]) * h[j][k] for k in range(4)) / 4)
             for j in range(4)] for i in range(4)]


def random_basis(condition):
    """A double matrix with eigenvalues 1 to 1/condition (two of them close) in a random basis."""
    q, _ = mp.qr(matrix(rand_symmetric(4)))
    lam = [mpf(1), mpf(1) - mpf(10) ** -9, 1 / mp.sqrt(mpf(condition)), 1 / mpf(condition)]
    m = q * mp.diag(lam) * q.T
    return [[float(m[max(i, j), min(i, j)]) for j in range(4)] for i in range(4)]


def divided_table():
    rows1, rows2 = [], []
    gaps = [0.0] + [2.0**-k for k in (52, 50, 46, 40, 33, 27, 20, 13, 7, 4, 2, 1, 0)] + [
        3.0, 10.0, 63.5, 1000.0]
    for name, f in FUNCTIONS.items():
        for base in (0.0078125, 1.0, 5.0):
            for gap in gaps:
                a, b = base, base + gap
                if name == "exp" and b > 600 or name == "tanh" and b > 30:
                    continue
                rows1.append([name, a, b, float(first(f, mpf(a), mpf(b)))])
                c = random.choice([a, b, a + (b - a) * random.random(), b + gap * random.random()])
                if name == "exp" and c > 600:
                    continue
                rows2.append([name, a, b, c, float(second(f, mpf(a), mpf(b), mpf(c)))])
    for a, b, c in [(-7.5, -7.5, -3.0), (-30.0, 2.0, 1.0), (-1.0, 1.0, 0.0), (-700.0, 1.0, -700.0)]:
        f = FUNCTIONS["exp"]
        rows1.append(["exp", a, b, float(first(f, mpf(a), mpf(b)))])
        rows2.append(["exp", a, b, c, float(second(f, mpf(a), mpf(b), mpf(c)))])
    return rows1, rows2


def gradients():
    spectra = []
    for e in (50, 40, 30, 20, 10, 3):
        g = 2.0**-e
        spectra.append((f"gaps 2^-{e}", [1.0, 1.0 + g, 1.0 + 2 * g, 2.0]))
    spectra += [
        ("all equal", [1.0, 1.0, 1.0, 1.0]),
        ("two equal pairs", [0.5, 0.5, 3.0, 3.0]),
        ("gaps from 0 to 1e3", [0.5, 0.5, 0.5 + 2.0**-40, 1000.5]),
        ("spread", [0.125, 1.0, 11.0, 1000.0]),
    ]
    out = []
    for label, lam in spectra:
        for name in ("exp", "log", "sqrt", "inverse", "power -0.5", "power 0.3", "power 2.75"):
            # exp at 1000 overflows: turn the spectrum round, which keeps the gaps.
            values = [-x for x in lam] if name == "exp" and max(lam) > 100 else lam
            x, a, h = with_spectrum(values), rand_symmetric(4), rand_symmetric(4)
            f, X, A, H = FUNCTIONS[name], matrix(x), matrix(a), matrix(h)
            out.append({
                "label": label, "f": name, "X": x, "A": a, "H": h,
                "gradient": floats(gradient(f, X, A)),
                "hessian_product": floats(hessian_product(f, X, H, A)),
            })
    for condition in (1e2, 1e5, 1e8):
        for name in ("log", "sqrt", "inverse", "power 0.3"):
            x, a, h = random_basis(condition), rand_symmetric(4), rand_symmetric(4)
            f, X, A, H = FUNCTIONS[name], matrix(x), matrix(a), matrix(h)
            out.append({
                "label": f"condition {condition:.0e}", "f": name, "X": x, "A": a, "H": h,
                "gradient": floats(gradient(f, X, A)),
                "hessian_product": floats(hessian_product(f, X, H, A)),
            })
    return out


rows1, rows2 = divided_table()
print(json.dumps({"first": rows1, "second": rows2, "gradients": gradients()}))
