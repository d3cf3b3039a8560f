"""What comes in: no copy where none is needed, names kept, one sentence for what is wrong."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import kronfit
from conftest import golden

X = golden("norm_50_4_3")


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (np.ones(4), "X has 1 dimension .* but \\(n, p, q\\) is needed"),
        (np.ones((4, 3)), "X has 2 dimensions .* X\\[np.newaxis\\] is one matrix"),
        (np.ones((2, 2, 2, 2)), "X has 4 dimensions"),
        (np.array([[[None, 1.0]]]), "array of Python objects"),
        (np.array([[["a"]]]), "real numbers are needed"),
        (np.ones((3, 2, 2)) * 1j, "complex128, but real numbers"),
        (np.ones((0, 2, 2)), "at least one sample"),
        (pd.DataFrame({"a": [1.0]}), "from_long"),
        (X[:2], "n = 2 samples of 4 × 3 are too few"),
        ("nothing.npy", "no such file"),
    ],
    ids=str,
)
def test_bad_arrays(bad, sentence):
    with pytest.raises((ValueError, OSError), match=sentence):
        kronfit.fit(bad)


def test_inf_is_named():
    x = X.copy()
    x[3, 2, 1] = np.inf
    with pytest.raises(ValueError, match=r"inf at index \[3, 2, 1\]"):
        kronfit.fit(x)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rows": "ar2"}, 'structure is "ar2"'),
        ({"model": "gausian"}, "gausian"),
        ({"dof": 3}, "the Gaussian has none"),
        ({"model": "matrix-t", "dof": "guess"}, 'a number or "estimate"'),
        ({"model": "matrix-t", "dof": -1.0}, "-1"),
        ({"mean": "row"}, 'the mean is "row"'),
        ({"method": "fast"}, 'the method is "fast"'),
        ({"tol": 2.0}, "tolerance is 2"),
        ({"rows": np.ones((2, 2))}, "shape|definite"),
        ({"mean": np.zeros((2, 2))}, "known mean has shape"),
        ({"row_names": ["a"]}, "row names"),
    ],
    ids=str,
)
def test_bad_options(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        kronfit.fit(X, **options)


def test_other_memory_orders_and_types():
    wanted = kronfit.fit(X).llf
    for same in (np.asfortranarray(X), X.astype(">f8"), X.tolist(), X[::-1][::-1]):
        assert kronfit.fit(same).llf == wanted
    bytes_ = np.zeros(X.nbytes + 1, dtype=np.uint8)
    crooked = bytes_[1:].view(np.float64).reshape(X.shape)
    crooked[:] = X
    assert not crooked.flags.aligned and kronfit.fit(crooked).llf == wanted
    assert kronfit.fit(X.astype(np.float32)).llf == pytest.approx(wanted, rel=1e-6)
    assert kronfit.fit((X * 100).astype(int)).converged


def test_names_of_xarray_stay():
    x = xr.DataArray(
        X,
        dims=("year", "place", "what"),
        coords={"place": list("abcd"), "what": ["u", "v", "w"], "year": range(1950, 2000)},
    )
    fit = kronfit.fit(x, rows="ar1")
    assert fit.row_factor.dims == ("place", "place_2") and list(fit.mean.what.values) == list("uvw")
    assert "column correlation(v, u)" in fit.param_names and " w" in str(fit.summary())
    assert fit.outliers().table.index[0] == 1950
    assert fit.simulate(3, 1).dims == ("year", "place", "what")


def test_long_tables():
    x = kronfit.read("us-macro")
    cells = x.to_xarray().to_series().rename("n").reset_index()
    shuffled = cells.sample(frac=1.0, random_state=1)
    shuffled["row"] = pd.Categorical(shuffled["row"], ["Q1", "Q2", "Q3", "Q4"], ordered=True)
    back = kronfit.from_long(shuffled, value="n")
    order = [list(back.labels.cols).index(c) for c in x.labels.cols]
    assert np.array_equal(back.values[:, :, order], x.values)
    fit = kronfit.fit(back)
    assert list(fit.row_factor.index) == ["Q1", "Q2", "Q3", "Q4"]
    assert isinstance(fit.mean, pd.DataFrame) and fit.mean.index.name == "row"
    with pytest.raises(ValueError, match='no column "wert"'):
        kronfit.from_long(cells, value="wert")
    twice = pd.concat([cells, cells.iloc[:1]])
    with pytest.raises(ValueError, match="two lines for the cell sample 0"):
        kronfit.from_long(twice, value="n")


def test_no_copy_of_large_arrays():
    """Peak memory of a fit beside an array of 160 MB: far less than another of them."""
    code = """
import resource, numpy as np, kronfit
x = np.random.default_rng(1).standard_normal((200_000, 10, 10))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit = kronfit.fit(x, "kronecker-t", dof=5.0, max_iter=3, tol=0.5)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 60


def test_ctrl_c_stops_at_once():
    code = """
import _thread, threading, time, numpy as np, kronfit
x = np.random.default_rng(1).standard_normal((400_000, 8, 8))
threading.Timer(1.0, _thread.interrupt_main).start()
start = time.perf_counter()
try:
    while True:
        kronfit.fit(x, "kronecker-t", method="flip-flop", tol=1e-15)
except KeyboardInterrupt:
    print(time.perf_counter() - start)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2.0


def test_python_runs_beside_a_fit():
    """The GIL is free: another thread counts while a fit runs."""
    import threading

    x = np.random.default_rng(1).standard_normal((50_000, 8, 8))
    done, counted = threading.Event(), []

    def count():
        n = 0
        while not done.is_set():
            n += 1
        counted.append(n)

    thread = threading.Thread(target=count)
    thread.start()
    fit = kronfit.fit(x, "kronecker-t", dof=4.0)
    done.set()
    thread.join()
    assert fit.converged and counted[0] > 1000
