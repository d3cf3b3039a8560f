"""Tests that begin with data and not with a fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from . import _core
from ._fit import Progress, model_of, options_of
from ._labels import data_of
from ._progress import watcher
from ._results import TestResult


def test_separability(
    X: Any,
    *,
    mean: Any = "free",
    bootstrap: int | None = None,
    seed: int = 1,
    project: tuple[int, int] | None = None,
    progress: Progress = None,
    **options: Any,
) -> TestResult:
    """Test Cov(vec X) = A ⊗ B against any covariance matrix, under normality.

    Parameters
    ----------
    X : array_like
        As in :func:`fit`.
    mean : str or array_like
        Mean under both hypotheses.
    bootstrap : int, optional
        Simulate the null this many times for the p-value.
    seed : int
        Of the simulation.
    project : tuple of int, optional
        Test the first (a, b) eigenvectors only: for samples that are too few for the full test.
    progress : bool or callable, optional
        Told how many simulated samples are done.
    **options
        How the Kronecker model is fitted, as in :func:`fit`.

    Returns
    -------
    TestResult
        With ``pvalue``.

    Examples
    --------
    >>> import kronfit
    >>> kronfit.test_separability("us-macro").df
    483
    """
    spec = model_of("gaussian", mean=mean)
    with watcher(progress, bootstrap) as callback:
        found = _core.separability(
            data_of(X)[0], spec, options_of(options), bootstrap, seed, project, callback
        )
    return TestResult._of(found)


def test_equal_factors(
    groups: Sequence[Any],
    shared: Literal["both", "rows", "cols"] = "both",
    *,
    bootstrap: int | None = None,
    seed: int = 1,
    progress: Progress = None,
    **options: Any,
) -> TestResult:
    """Test whether groups of matrices share A ⊗ B, A or B, each with its own mean.

    Parameters
    ----------
    groups : sequence of array_like
        Two samples or more of matrices of one shape.
    shared : {"both", "rows", "cols"}
        What they share under the null.
    bootstrap, seed, progress
        As in :func:`test_separability`.
    **options
        As in :func:`fit`.
    """
    samples = [data_of(group)[0] for group in groups]
    with watcher(progress, bootstrap) as callback:
        found = _core.equal_factors(samples, shared, options_of(options), bootstrap, seed, callback)
    return TestResult._of(found)


test_separability.__test__ = False  # type: ignore[attr-defined]
test_equal_factors.__test__ = False  # type: ignore[attr-defined]
