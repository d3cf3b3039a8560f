"""Fits past one machine (needs ``kronfit[dask]``).

Every pass over the data is a round of tasks, one per chunk: a task gets M and the roots of A and
B, and gives back the sums that a step needs, p² + q² + pq numbers and a few more. The answers are
added up by a tree whose shape depends on the number of chunks alone, so the result has the same
bits whatever the number of workers, and also when a worker dies and Dask computes its chunks
again.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from dask.base import compute as _compute
from dask.delayed import delayed as _delayed

from . import _core
from ._fit import Fit, Progress, model_of, options_of
from ._labels import Floats, Labels, as_array
from ._progress import watcher
from ._results import KronfitWarning

__all__ = ["fit"]

compute: Any = _compute
delayed: Any = _delayed

#: Answers that one task adds up.
_ARITY = 16
#: Numbers of the part that the fit starts from, which comes to the client.
_PART = 1 << 18


def _answer(question: str, block: Any, offset: int) -> Floats:
    """What a worker does: the sums of its chunk."""
    # What came over a network may stand anywhere in memory.
    values = np.require(block, np.float64, ["C", "A"])
    if values.size and not np.isfinite(values.sum()):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            i, j, k = (int(x) for x in bad[0])
            raise ValueError(
                f"the dask array holds {values[i, j, k]} at index [{offset + i}, {j}, {k}]; "
                "missing cells are not for fits by Dask: fill them in, or leave the sample out"
            )
    return _core.answer(question, values)


def _total(*answers: Floats) -> Floats:
    total = np.array(answers[0])
    for answer in answers[1:]:
        total += answer
    return total


class _Cluster:
    """The chunks of an array, asked together."""

    def __init__(self, x: Any) -> None:
        blocks = x.to_delayed().reshape(-1)
        sizes = x.chunks[0]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        # Empty chunks have nothing to say.
        self.blocks = [
            (block, int(start))
            for block, size, start in zip(blocks, sizes, starts, strict=True)
            if size
        ]

    def ask(self, question: str, sums: bool) -> Floats:
        """Ask every chunk, and add up what they say in a fixed order."""
        ask = delayed(_answer, pure=False)
        answers: list[Any] = [ask(question, block, start) for block, start in self.blocks]
        if not sums:
            return np.concatenate([as_array(answer) for answer in compute(*answers)])
        add = delayed(_total, pure=False)
        while len(answers) > 1:
            answers = [add(*answers[i : i + _ARITY]) for i in range(0, len(answers), _ARITY)]
        (total,) = compute(answers[0])
        return as_array(total)


def fit(
    X: Any,
    model: str = "gaussian",
    *,
    rows: Any = "unstructured",
    cols: Any = "unstructured",
    mean: Any = "free",
    dof: Any = None,
    progress: Progress = None,
    labels: Labels | None = None,
    **options: Any,
) -> Fit:
    """Fit a model to a dask array, every pass as tasks on its cluster.

    Parameters
    ----------
    X : dask.array.Array
        (n, p, q), chunked along the samples only. Persisted chunks stay where they are; others are
        computed again for every pass (so for the t laws persist what fits the workers' memory).
    model, rows, cols, mean, dof, progress
        As in :func:`kronfit.fit`. For an estimated ν that makes no small steps, one number per
        sample (``"matrix-t"``: min(p, q)) comes to the client now and then; with a given ν only
        sums travel.
    **options
        As in :func:`kronfit.fit`.

    Returns
    -------
    Fit
        Without its data: what needs the samples one by one is not there.

    Raises
    ------
    ValueError
        For an array that is not (n, p, q), or is chunked along rows or columns.

    Notes
    -----
    The Gaussian needs two rounds where moments pay (small p and q, many samples), the other laws
    one per pass. The first fit to a part of the samples is made on the client.
    """
    _check(X)
    if X.dtype != np.float64:
        X = X.astype(np.float64)
    n, p, q = X.shape
    spec = model_of(model, rows, cols, mean, dof)
    step = max(1, min(-(-n * p * q // _PART), -(-n // 64)))
    part = as_array(X[::step].compute())
    near = _core.Data(part, [], [], "the dask array")
    cluster = _Cluster(X)
    given = options_of(options)
    with watcher(progress) as callback:
        core = _core.fit_shards(
            (n, p, q), "the dask array", near, spec, given, cluster.ask, callback
        )
    for text in core.warnings:
        warnings.warn(text, KronfitWarning, stacklevel=3)
    return Fit(core, None, spec, given, labels or Labels())


def _check(X: Any) -> None:
    if X.ndim != 3:
        raise ValueError(
            f"the dask array has {X.ndim} dimensions, but (n, p, q) is needed: n matrices of p "
            "rows and q columns"
        )
    if X.dtype.kind not in "fiub":
        raise ValueError(f"the dask array holds {X.dtype}, but real numbers are needed")
    for axis, side in ((1, "rows"), (2, "columns")):
        if X.numblocks[axis] > 1:
            raise ValueError(
                f"the dask array is chunked along the {side} (chunks {X.chunks[axis]}), but a "
                "matrix must be in one chunk: X.rechunk({1: -1, 2: -1})"
            )
    if any(np.isnan(size) for size in X.chunks[0]):
        raise ValueError(
            "the dask array has chunks of unknown size; call X.compute_chunk_sizes() first"
        )
