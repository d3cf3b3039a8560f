"""Figures by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._labels import names

if TYPE_CHECKING:
    from ._fit import Fit

_KINDS = ("row_factor", "col_factor", "mean", "eigenvalues", "qq", "trace")


def plot(fit: Fit, what: str | Sequence[str] | None, ax: Any) -> Any:
    """Draw one figure of a fit on axes, or several on a grid."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "plot() needs matplotlib: pip install 'kronfit[plot]'; figures() does without"
        ) from error
    wanted = [k for k in _KINDS if k != "qq" or fit._data is not None] if what is None else what
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    for kind in kinds:
        if kind not in _KINDS:
            raise ValueError(f'there is no figure "{kind}"; choose of {", ".join(_KINDS)}')
    if ax is not None:
        if len(kinds) != 1:
            raise ValueError("one axes holds one figure: name it, for instance plot('mean', ax=ax)")
        return _draw(fit, kinds[0], ax)
    if len(kinds) == 1:
        return _draw(fit, kinds[0], plt.subplots(layout="constrained")[1])
    columns = min(3, len(kinds))
    lines = -(-len(kinds) // columns)
    _, axes = plt.subplots(
        lines, columns, figsize=(4.2 * columns, 3.6 * lines), layout="constrained", squeeze=False
    )
    for kind, one in zip(kinds, axes.flat, strict=False):
        _draw(fit, kind, one)
    for unused in axes.flat[len(kinds) :]:
        unused.set_axis_off()
    return axes


def _draw(fit: Fit, kind: str, ax: Any) -> Any:
    core, labels = fit._core, fit._labels
    if kind == "row_factor":
        _heat(ax, core.row_factor, "A, rows", labels.rows, labels.rows)
    elif kind == "col_factor":
        _heat(ax, core.col_factor, "B, columns", labels.cols, labels.cols)
    elif kind == "mean":
        _heat(ax, core.mean, "Mean M", labels.rows, labels.cols)
    elif kind == "eigenvalues":
        for matrix, name in ((core.row_factor, "A, rows"), (core.col_factor, "B, columns")):
            values = np.linalg.eigvalsh(matrix)[::-1]
            ax.semilogy(np.arange(1, len(values) + 1), values, "o-", label=name)
        ax.set(title="Eigenvalues (trace = order)", xlabel="rank")
        ax.legend()
    elif kind == "qq":
        _qq(fit, ax)
    else:
        steps = core.trace
        ax.semilogy([s["passes"] for s in steps], [s["score"] for s in steps], "o-", markersize=3)
        ax.set(title="Score", xlabel="passes over the data")
    return ax


def _heat(ax: Any, values: Any, title: str, rows: Any, cols: Any) -> None:
    reach = float(np.abs(values).max()) or 1.0
    image = ax.imshow(values, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto")
    ax.figure.colorbar(image, ax=ax, shrink=0.8)
    ax.set_title(title)
    for axis, labels, length in ((ax.yaxis, rows, len(values)), (ax.xaxis, cols, values.shape[1])):
        if labels is not None and length <= 30:
            axis.set_ticks(np.arange(length), names(labels), rotation=0 if axis is ax.yaxis else 45)


def _qq(fit: Fit, ax: Any) -> None:
    from statistics import NormalDist

    found = fit.outliers()
    p_values = np.clip(found._columns["p_value"], 1e-300, 1 - 1e-16)
    normal = NormalDist()
    observed = np.sort([-normal.inv_cdf(p) for p in p_values])
    n = len(observed)
    expected = [normal.inv_cdf((k + 0.5) / n) for k in range(n)]
    ax.plot(expected, observed, "o", markersize=3)
    ends = [min(expected[0], observed[0]), max(expected[-1], observed[-1])]
    ax.plot(ends, ends, color="0.5", linewidth=1)
    ax.set(
        title="Distances on the normal scale",
        xlabel="expected quantile",
        ylabel="Φ⁻¹(1 − p-value)",
    )
