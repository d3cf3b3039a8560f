"""Fits on a cluster: the maximum of the whole, the same bits on any of them, whoever dies."""

import os
import signal
import threading
import time

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from distributed import Client, LocalCluster

import kronfit
from conftest import golden

X = np.concatenate([golden("t10_200_3_6")] * 3 + [golden("t10_200_3_6") * 1.5])


@pytest.fixture(scope="module", params=[1, 2], ids="{}workers".format)
def client(request):
    with (
        LocalCluster(
            n_workers=request.param, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


BITS = {}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rows": "ar1", "source": "samples"},
        {"model": "kronecker-t", "dof": 5.0},
        {"model": "matrix-t", "mean": "rows"},
    ],
    ids=str,
)
def test_the_maximum_of_the_whole_and_the_same_bits(client, options):
    whole = kronfit.fit(X, **options)
    fit = kronfit.fit(da.from_array(X, chunks=(150, -1, -1)), **options)
    assert fit.converged and fit.shape == X.shape
    assert fit.llf == pytest.approx(whole.llf, rel=1e-10)
    assert fit.row_factor == pytest.approx(whole.row_factor, abs=1e-6)
    assert fit.mean == pytest.approx(whole.mean, abs=1e-6)
    found = (fit.llf, fit.sigma2, fit.row_factor.tobytes(), fit.mean.tobytes())
    assert BITS.setdefault(str(options), found) == found


def test_persisted_chunks_and_xarray(client):
    x = da.from_array(X, chunks=(150, -1, -1))
    fit = kronfit.fit(x.persist(), "kronecker-t", dof=5.0)
    assert BITS.get(str({"model": "kronecker-t", "dof": 5.0}), (fit.llf,))[0] == fit.llf
    named = xr.DataArray(x, dims=("i", "r", "c"), coords={"r": list("abc")})
    assert kronfit.fit(named).mean.dims == ("r", "c")


def test_progress(client):
    told = []
    kronfit.fit(
        da.from_array(X, chunks=(400, -1, -1)), "kronecker-t", dof=5.0, progress=told.append
    )
    assert told[-1]["passes"] >= len(told) > 2


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (da.ones((9, 4, 4), chunks=(3, 2, 4)), r"chunked along the rows .*rechunk"),
        (da.ones((9, 4, 4), chunks=(3, 4, 2)), "chunked along the columns"),
        (da.ones((9, 4)), "2 dimensions"),
        (da.ones((9, 4, 4), dtype=complex), "real numbers"),
        (da.ones((9, 4, 4))[da.ones(9) > 0], "compute_chunk_sizes"),
    ],
    ids=["rows", "columns", "rank", "type", "unknown"],
)
def test_bad_arrays(bad, sentence):
    with pytest.raises(ValueError, match=sentence):
        kronfit.fit(bad)


def test_nan_is_named():
    x = X.copy()
    x[371, 2, 4] = np.nan
    with pytest.raises(ValueError, match=r"at index \[371, 2, 4\]"):
        kronfit.fit(da.from_array(x, chunks=(150, -1, -1)), "kronecker-t", dof=5.0)


def _slow(block):
    time.sleep(0.02)
    return block


def test_a_worker_that_is_killed_changes_nothing():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        x = da.from_array(X, chunks=(50, -1, -1)).map_blocks(_slow, dtype=float)
        wanted = kronfit.fit(x, "kronecker-t", dof=5.0)
        victim = client.run(os.getpid)
        pid = next(iter(victim.values()))
        killed = []

        def kill():
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(0.6, kill)
        timer.start()
        fit = kronfit.fit(x, "kronecker-t", dof=5.0)
        timer.cancel()
        assert killed == [pid]
        assert fit.llf == wanted.llf
        assert np.array_equal(fit.row_factor, wanted.row_factor)
        assert np.array_equal(fit.col_factor, wanted.col_factor)
