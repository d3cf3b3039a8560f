"""A fit from NumPy and back, by the command line (kronfit on the PATH)."""

import os
import tempfile

import numpy as np

os.chdir(tempfile.mkdtemp())
rng = np.random.default_rng(1)
x = rng.standard_normal((30, 3, 2))
rows, cols = ["a", "b", "c"], ["u", "v"]

# ANCHOR: fit
import json, subprocess

np.savez("sample.npz", x=x, row_names=rows, col_names=cols)      # x: (n, p, q)
done = subprocess.run(["kronfit", "fit", "sample.npz", "--json", "-"],
                      capture_output=True, text=True)
fit = json.loads(done.stdout)
sigma = fit["sigma2"] * np.kron(fit["row_cov"], fit["col_cov"])  # Cov(vec_rows X)
# ANCHOR_END: fit

assert done.returncode == 0 and fit["row_names"] == rows
centred = (x - x.mean(axis=0)).reshape(30, -1)
logdet, precision = np.linalg.slogdet(sigma)[1], np.linalg.inv(sigma)
distances = np.einsum("ij,jk,ik->i", centred, precision, centred)
expected = -0.5 * (30 * (6 * np.log(2 * np.pi) + logdet) + distances.sum())
assert abs(expected - fit["log_likelihood"]) < 1e-6 * abs(expected)
