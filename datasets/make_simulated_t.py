"""Simulate a matrix-variate t sample (determinant form) with known truth.

Law: density proportional to |I + A^-1 (X - M) B^-1 (X - M)^T|^(-(dof + p + q - 1) / 2), drawn as
X = M + L_A T^-T Z L_B^T, T the lower Bartlett factor of a Wishart matrix with dof + p - 1 degrees
of freedom, Z standard normal, A = L_A L_A^T, B = L_B L_B^T.
"""

import json
from pathlib import Path

import numpy as np

SEED, N, P, Q, DOF, RHO = 20240607, 200, 6, 4, 4.0, 0.6

rng = np.random.default_rng(SEED)
index = np.arange(P)
row_scale = RHO ** np.abs(index[:, None] - index[None, :])
col_scale = np.array(
    [
        [2.0, 0.8, -0.4, 0.3],
        [0.8, 1.0, 0.2, -0.1],
        [-0.4, 0.2, 1.5, 0.6],
        [0.3, -0.1, 0.6, 1.2],
    ]
)
mean = np.outer(np.ones(P), [1.0, -1.0, 0.5, 0.0]) + 0.1 * index[:, None]
root_row, root_col = np.linalg.cholesky(row_scale), np.linalg.cholesky(col_scale)

x = np.empty((N, P, Q))
for i in range(N):
    bartlett = np.tril(rng.standard_normal((P, P)), -1)
    bartlett[index, index] = np.sqrt(rng.chisquare(DOF + P - 1 - index))
    z = rng.standard_normal((P, Q))
    x[i] = mean + root_row @ np.linalg.solve(bartlett.T, z) @ root_col.T

here = Path(__file__).parent
np.savez_compressed(
    here / "simulated-t.npz",
    x=x,
    mean=mean,
    row_scale=row_scale,
    col_scale=col_scale,
    dof=np.array(DOF),
)
truth = {
    "seed": SEED,
    "law": "matrix-t",
    "dof": DOF,
    "row_ar1": RHO,
    "mean": mean.tolist(),
    "row_scale": row_scale.tolist(),
    "col_scale": col_scale.tolist(),
}
(here / "simulated-t-truth.json").write_text(json.dumps(truth, indent=1) + "\n")
