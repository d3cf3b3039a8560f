"""Independent check of us-macro.npz: three fits in NumPy that share no code with kronfit.

Writes tests/golden/us_macro_witness.json. Laws, for one p × q observation X with Y = X - M:

* gaussian:    vec X ~ N(vec M, A ⊗ B)
* kronecker-t: vec X ~ multivariate t with dof v and scale A ⊗ B (d = pq)
* matrix-t:    density C |A|^(-q/2) |B|^(-p/2) |I + A^-1 Y B^-1 Y^T|^(-(v + p + q - 1) / 2)

The mean is free. For a fixed v, A, B and M follow by block ascent (Dutilleul's flip-flop,
Kent-Tyler-Vardi weights, and the p-side EM of the matrix t); v is the root of the derivative of the profile likelihood.
At the end each log-likelihood is evaluated again observation by observation by SciPy.
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import gammaln, multigammaln, psi

HERE = Path(__file__).parent
X = np.load(HERE / "us-macro.npz")["x"]
N, P, Q = X.shape
D = P * Q
SWEEPS, SMALL = 20_000, 1e-13


def ln_det(matrix):
    return np.linalg.slogdet(matrix)[1]


def distances(a, b, mean):
    y = X - mean
    return np.einsum("nij,nij->n", np.linalg.solve(a, y), y @ np.linalg.inv(b))


def iterate(step, state):
    """Repeat a step until A, B and M stand still (A with determinant 1)."""
    for _ in range(SWEEPS):
        a, b, mean = step(*state)
        unit = np.exp(ln_det(a) / P)
        new = (a / unit, b * unit, mean)
        moved = max(np.abs(u - v).max() / np.abs(u).max() for u, v in zip(new, state))
        state = new
        if moved < SMALL:
            break
    return state


def start():
    return np.eye(P), np.eye(Q), X.mean(axis=0)


def gaussian():
    mean = X.mean(axis=0)
    y = X - mean

    def step(a, b, _):
        a = np.einsum("nij,jk,nlk->il", y, np.linalg.inv(b), y) / (N * Q)
        b = np.einsum("nji,jk,nkl->il", y, np.linalg.inv(a), y) / (N * P)
        return a, b, mean

    a, b, mean = iterate(step, start())
    value = -0.5 * (N * D * np.log(2 * np.pi) + N * Q * ln_det(a) + N * P * ln_det(b))
    return value - 0.5 * distances(a, b, mean).sum(), a, b, mean


def kronecker_t(dof, state):
    def step(a, b, mean):
        w = (dof + D) / (dof + distances(a, b, mean))
        mean = np.einsum("n,nij->ij", w, X) / w.sum()
        y = X - mean
        a = np.einsum("n,nij,jk,nlk->il", w, y, np.linalg.inv(b), y) / (Q * w.sum())
        b = np.einsum("n,nji,jk,nkl->il", w, y, np.linalg.inv(a), y) / (P * w.sum())
        return a, b, mean

    a, b, mean = iterate(step, state)
    value = N * (gammaln((dof + D) / 2) - gammaln(dof / 2) - D / 2 * np.log(dof * np.pi))
    value -= 0.5 * (N * Q * ln_det(a) + N * P * ln_det(b))
    delta = distances(a, b, mean)
    value -= (dof + D) / 2 * np.log1p(delta / dof).sum()
    slope = N / 2 * (psi((dof + D) / 2) - psi(dof / 2) - D / dof)
    slope += 0.5 * (-np.log1p(delta / dof) + (dof + D) * delta / (dof * (dof + delta))).sum()
    return value, slope, a, b, mean


def matrix_t(dof, state):
    power = dof + P + Q - 1

    def step(a, b, mean):
        y = X - mean
        s = power * np.linalg.inv(a + y @ np.linalg.inv(b) @ y.transpose(0, 2, 1))
        total = s.sum(axis=0)
        mean = np.linalg.solve(total, (s @ X).sum(axis=0))
        y = X - mean
        a = N * (dof + P - 1) * np.linalg.inv(total)
        b = (y.transpose(0, 2, 1) @ s @ y).sum(axis=0) / (N * P)
        return (a + a.T) / 2, (b + b.T) / 2, mean

    a, b, mean = iterate(step, state)
    y = X - mean
    inner = np.eye(P) + np.linalg.solve(a, y @ np.linalg.inv(b) @ y.transpose(0, 2, 1))
    value = N * (multigammaln(power / 2, P) - multigammaln((dof + P - 1) / 2, P))
    value -= N * D / 2 * np.log(np.pi) + 0.5 * (N * Q * ln_det(a) + N * P * ln_det(b))
    logs = np.linalg.slogdet(inner)[1].sum()
    j = np.arange(P)
    slope = N * (psi((power - j) / 2) - psi((dof + P - 1 - j) / 2)).sum() / 2 - logs / 2
    return value - power / 2 * logs, slope, a, b, mean


def profile(fit):
    """Best dof: the root of the slope, each fit started from the last one."""
    last = {"state": start()}

    def slope(dof):
        _, slope, *state = fit(dof, last["state"])
        last["state"] = tuple(state)
        return slope

    dof = brentq(slope, 3, 30, xtol=1e-11, rtol=1e-14)
    value, _, *state = fit(dof, last["state"])
    return dof, (value, *state)


def scipy_log_likelihood(law, dof, a, b, mean):
    if law == "gaussian":
        return stats.matrix_normal(mean, a, b).logpdf(X).sum()
    if law == "kronecker-t":
        flat = stats.multivariate_t(mean.ravel(), np.kron(a, b), df=dof)
        return flat.logpdf(X.reshape(N, D)).sum()
    return stats.matrix_t(mean=mean, row_spread=a, col_spread=b, df=dof).logpdf(X).sum()


def report(law, dof, fit):
    value, a, b, mean = fit
    again = float(scipy_log_likelihood(law, dof, a, b, mean))
    assert abs(again - value) < 1e-8 * abs(value), (law, value, again)
    scale = P / np.trace(a)
    print(f"{law:12} l = {value:.12f}  (SciPy {again:.12f})  dof = {dof}")
    return {
        "log_likelihood": float(value),
        "dof": dof,
        "row_scale_trace_p": (a * scale).tolist(),
        "col_scale": (b / scale).tolist(),
        "mean": mean.tolist(),
    }


result = {
    "made_by": "datasets/witness.py",
    "data": "us-macro",
    "shape": [N, P, Q],
    "gaussian": report("gaussian", None, gaussian()),
    "kronecker-t": report("kronecker-t", *profile(kronecker_t)),
    "matrix-t": report("matrix-t", *profile(matrix_t)),
}
target = HERE.parent / "tests" / "golden" / "us_macro_witness.json"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(result, indent=1) + "\n")
