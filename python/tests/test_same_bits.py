"""The same numbers as the command line, to the last bit."""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest

import kronfit
from conftest import GOLDEN, golden

FITS = [
    ("norm_50_4_3", {}),
    ("norm_50_4_3", {"mean": "rows"}),
    ("norm_30_2_15", {"mean": "zero"}),
    ("norm_12_10_10", {"method": "newton"}),
    ("ill_40_6_7", {}),
    ("big_50_4_3", {"cols": "correlation"}),
    ("t3_100_4_3", {"model": "matrix-t"}),
    ("t3_100_4_3", {"model": "matrix-t", "dof": 3.0}),
    ("t10_200_3_6", {"model": "kronecker-t"}),
    ("tcsar_150_4_5", {"model": "matrix-t", "rows": "compound-symmetry", "cols": "ar1"}),
    ("tcsar_150_4_5", {"rows": "diagonal", "cols": "toeplitz", "method": "joint"}),
]


def flags(options):
    return [text for key, value in options.items() for text in (f"--{key}", str(value))]


@pytest.mark.filterwarnings("ignore::kronfit.KronfitWarning")
@pytest.mark.parametrize(("name", "options"), FITS, ids=str)
def test_fits_of_the_golden_sets(program, name, options):
    path = GOLDEN / "data" / f"{name}.npy"
    theirs = program("fit", path, *flags(options), "--json", "-")
    ours = kronfit.fit(golden(name), **options).to_dict()
    for record in (theirs, ours):
        record.pop("seconds")
        record["data"].pop("source")
    assert ours == theirs


def test_standard_errors(program):
    theirs = program("fit", "us-macro", "--rows", "ar1", "--se", "--json", "-")["standard_errors"]
    errors = kronfit.fit("us-macro", rows="ar1").standard_errors()
    assert errors.sigma2 == theirs["sigma2"]
    assert np.array_equal(errors.row_factor, theirs["row_cov"])
    assert np.array_equal(errors.col_correlation, theirs["col_correlation"])
    assert np.array_equal(errors.mean, theirs["mean"])


def test_tests_and_outliers(program):
    theirs = program("test", "us-macro", "rows=ar1", "--json", "-")
    ours = kronfit.fit("us-macro").test_structure(rows="ar1")
    assert ours.details == theirs
    theirs = program("outliers", "grunfeld", "--cols", "diagonal", "--rows", "ar1", "--json", "-")
    found = kronfit.fit("grunfeld", cols="diagonal", rows="ar1").outliers()
    for key in ("distance", "p_value", "holm", "benjamini_hochberg"):
        assert [d[key] for d in theirs["distances"]] == found.table[key].to_list()


def test_comparison(program):
    grid = "unstructured,ar1"
    theirs = program("compare", "us-macro", "--structures", grid, "--json", "-")
    ours = kronfit.compare("us-macro", structures=grid.split(",")).table
    assert ours["aic"].to_list() == [row["aic"] for row in theirs]
    assert ours["rows"].to_list() == [row["rows"] for row in theirs]


def test_separability(program):
    path = GOLDEN / "data" / "norm_50_4_3.npy"
    theirs = program("test", path, "separability", "--bootstrap", 19, "--seed", 3, "--json", "-")
    ours = kronfit.test_separability(golden("norm_50_4_3"), bootstrap=19, seed=3)
    assert ours.details == theirs


def test_simulation(built, tmp_path):
    """The fitted law drawn by `simulate` from its own factors."""
    fit = kronfit.fit(golden("norm_50_4_3"))
    _, row, col = fit.factors("all-cols")
    for name, matrix in (("row", row), ("col", col), ("mean", fit.mean)):
        np.save(tmp_path / f"{name}.npy", matrix)
    files = ["--rows-cov", "row.npy", "--cols-cov", "col.npy", "--mean", "mean.npy"]
    arguments = ["simulate", "-n", "7", "--seed", "5", *files, "-o", "x.npz", "--quiet"]
    subprocess.run([built, *arguments], cwd=tmp_path, check=True)
    drawn = kronfit.matrix_normal(fit.mean, row, col)._core.rvs(7, 5)
    assert np.array_equal(np.load(tmp_path / "x.npz")["x"], drawn)
    assert fit.simulate(7, seed=5) == pytest.approx(drawn, rel=1e-9)


def test_studies(built, tmp_path):
    text = """seed = 5
replicates = 3
[design]
n = 20
p = 2
q = 3
[[estimator]]
law = "gaussian"
"""
    (tmp_path / "small.toml").write_text(text)
    arguments = ["study", "small.toml", "-o", "out", "--quiet"]
    subprocess.run([built, *arguments], cwd=tmp_path, check=True)
    ours = kronfit.study(text).results
    theirs = pd.read_csv(tmp_path / "out" / "results.csv")
    assert ours["frobenius"].to_list() == theirs["frobenius"].to_list()


def test_golden_log_likelihoods():
    """Against other software, by way of Python."""
    fits = json.loads((GOLDEN / "fits.json").read_text())
    wanted = fits["norm_50_4_3"]["normal"]["loglik"]
    assert kronfit.fit(golden("norm_50_4_3")).llf == pytest.approx(wanted, rel=1e-10)
    wanted = fits["t3_100_4_3"]["t_nu3"]["loglik"]
    fit = kronfit.fit(golden("t3_100_4_3"), "matrix-t", dof=3)
    assert fit.llf == pytest.approx(wanted, rel=1e-10)
