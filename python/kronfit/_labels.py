"""What people hold their matrices in, and results in the same dress."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """Names of samples, rows and columns, and what results are dressed as.

    Attributes
    ----------
    kind : {"numpy", "pandas", "xarray"}
        What results come back as.
    dims : tuple of str
        Names of the three axes.
    samples, rows, cols : sequence or None
        Labels along each axis, as they came.
    """

    kind: str = "numpy"
    dims: tuple[str, str, str] = ("sample", "row", "col")
    samples: Any = None
    rows: Any = None
    cols: Any = None

    def _axis(self, which: int, length: int) -> Any:
        names = (self.samples, self.rows, self.cols)[which]
        return np.arange(length) if names is None else names

    def dress(self, values: Floats, axes: tuple[int, ...]) -> Any:
        """Put labels on an array whose axes are 0 (samples), 1 (rows) or 2 (columns)."""
        if self.kind == "numpy" or (len(axes) == 3 and self.kind == "pandas"):
            return values
        names = [self._axis(which, size) for which, size in zip(axes, values.shape, strict=True)]
        dims = [self.dims[which] for which in axes]
        if self.kind == "pandas":
            import pandas as pd

            heads = [pd.Index(n, name=d) for n, d in zip(names, dims, strict=True)]
            if len(axes) == 1:
                return pd.Series(values, index=heads[0])
            return pd.DataFrame(values, index=heads[0], columns=heads[1])
        import xarray as xr

        if len(dims) == 2 and dims[0] == dims[1]:
            dims[1] = f"{dims[1]}_2"
        return xr.DataArray(values, dims=dims, coords=dict(zip(dims, names, strict=True)))


@dataclass(frozen=True)
class Labelled:
    """An array (n, p, q) with the names of its samples, rows and columns.

    Attributes
    ----------
    values : ndarray
        The numbers, (n, p, q).
    labels : Labels
        The names.
    source : str
        Where it came from, for messages.
    """

    values: Floats
    labels: Labels = field(default_factory=Labels)
    source: str = "the table"

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, p, q)."""
        return self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        return np.array(self.values, dtype=dtype, copy=bool(copy) or dtype is not None)

    def to_xarray(self) -> Any:
        """As an ``xarray.DataArray`` (needs xarray)."""
        import dataclasses

        return dataclasses.replace(self.labels, kind="xarray").dress(self.values, (0, 1, 2))


def read(path: str | os.PathLike[str], key: str | None = None) -> Labelled:
    """Read a sample from a file, or a bundled dataset by its name.

    Parameters
    ----------
    path : str or path
        A ``.npy``, ``.npz`` or long ``.csv`` file as the command line reads them, or a name that
        :func:`datasets` lists.
    key : str, optional
        Name of the array in an ``.npz`` file.

    Returns
    -------
    Labelled
        The numbers with their names.

    Examples
    --------
    >>> import kronfit
    >>> x = kronfit.read("us-macro")
    >>> x.shape, list(x.labels.rows)
    ((49, 4, 8), ['Q1', 'Q2', 'Q3', 'Q4'])
    """
    return _labelled(_core.Data.read(os.fspath(path), key))


def _labelled(data: _core.Data) -> Labelled:
    rows, cols = data.row_names or None, data.col_names or None
    named = rows is not None or cols is not None
    kind = "pandas" if named and _installed("pandas") else "numpy"
    return Labelled(data.values(), Labels(kind=kind, rows=rows, cols=cols), data.source)


def datasets() -> list[dict[str, Any]]:
    """List the bundled datasets.

    Returns
    -------
    list of dict
        ``name``, ``shape``, ``description``, ``source``, ``licence`` and ``file`` of each.

    Examples
    --------
    >>> import kronfit
    >>> [d["name"] for d in kronfit.datasets()]
    ['us-macro', 'digits', 'grunfeld', 'simulated-t']
    """
    return list(_core.datasets())


def from_long(
    df: Any,
    *,
    sample: str = "sample",
    row: str = "row",
    col: str = "col",
    value: str = "value",
) -> Labelled:
    """Make matrices of a long table: one line per cell.

    Parameters
    ----------
    df : pandas.DataFrame or mapping of arrays
        The table.
    sample, row, col, value : str
        The columns with the labels of samples, rows and columns, and with the numbers.

    Returns
    -------
    Labelled
        Samples, rows and columns in the order of their labels where these are numbers, times or
        ordered categories, else in the order of first appearance; a cell that is not in the table
        is NaN.

    Raises
    ------
    ValueError
        When a column is missing or a cell is there twice.

    Examples
    --------
    >>> import kronfit
    >>> table = {"firm": ["a", "a", "b", "b"], "year": [2001, 2000, 2000, 2001],
    ...          "what": ["x"] * 4, "n": [2.0, 1.0, 3.0, 4.0]}
    >>> kronfit.from_long(table, sample="firm", row="year", col="what", value="n").values[:, :, 0]
    array([[1., 2.],
           [3., 4.]])
    """
    names = (sample, row, col, value)
    known = list(df.keys())
    for name in names:
        if name not in known:
            raise ValueError(
                f'the table has no column "{name}"; its columns are {", ".join(map(str, known))}'
            )
    axes, codes = zip(*(_levels(df[name]) for name in names[:3]), strict=True)
    shape = tuple(len(axis) for axis in axes)
    flat = np.ravel_multi_index(codes, shape)
    if len(np.unique(flat)) < len(flat):
        order = np.argsort(flat, kind="stable")
        twice = order[1:][np.diff(flat[order]) == 0][0]
        cell = ", ".join(
            f"{name} {axis[code[twice]]}"
            for name, axis, code in zip(names, axes, codes, strict=False)
        )
        raise ValueError(f"the table has two lines for the cell {cell}; keep one of them")
    values = np.full(shape, np.nan)
    values.reshape(-1)[flat] = np.asarray(df[value], dtype=np.float64)
    kind = "pandas" if "pandas" in sys.modules and hasattr(df, "iloc") else "numpy"
    labels = Labels(kind, (sample, row, col), *axes)
    return Labelled(values, labels)


def _levels(column: Any) -> tuple[Any, NDArray[np.intp]]:
    """Labels in order, and the number of each line's label."""
    dtype = getattr(column, "dtype", None)
    if getattr(dtype, "ordered", False):
        used = column.cat.remove_unused_categories().cat
        return np.asarray(used.categories), np.asarray(used.codes, dtype=np.intp)
    labels = np.asarray(column)
    if labels.dtype.kind == "O":
        labels = np.asarray([str(x) for x in labels])
    levels, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    if labels.dtype.kind in "iufMmb":
        return levels, codes
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return levels[order], rank[codes]


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return name in sys.modules or find_spec(name) is not None


def kron(a: Floats, b: Floats) -> Floats:
    """A ⊗ B."""
    return np.asarray(np.kron(a, b), dtype=np.float64)


def as_array(x: ArrayLike, what: str = "X") -> Floats:
    """Float64 in C order, as it is where it is that already."""
    if type(x) is np.ndarray and x.dtype == np.float64 and x.flags.c_contiguous and x.flags.aligned:
        return x
    if isinstance(x, np.ma.MaskedArray):
        masked: Any = x.astype(np.float64)
        x = masked.filled(np.nan)
    array = np.asarray(x)
    if array.dtype.kind == "O":
        raise ValueError(
            f"{what} is an array of Python objects; make it an array of numbers, "
            "for instance by np.asarray(X, dtype=float)"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what} holds {array.dtype}, but real numbers are needed")
    return np.require(array, np.float64, ["C", "A"])


def matrices(
    x: Any, shape: tuple[int, int] | None = None, what: str = "X"
) -> tuple[Floats, Labels, str]:
    """The numbers (n, p, q) of what users hold, with labels and the name of the source."""
    labels, source = Labels(), what
    if isinstance(x, Labelled):
        return x.values, x.labels, x.source
    if type(x) is not np.ndarray:
        module = type(x).__module__.partition(".")[0]
        if module == "xarray":
            x, labels = _of_xarray(x)
        elif module == "pandas":
            raise ValueError(
                f"{what} is a table; kronfit.from_long(df, sample=, row=, col=, value=) makes "
                "matrices of it"
            )
        if type(x).__module__.startswith("dask"):
            x = x.compute()
    array = as_array(x, what)
    if array.ndim == 2 and shape is not None:
        array = _folded(array, shape, what)
    if array.ndim != 3:
        raise ValueError(
            f"{what} has {array.ndim} dimension{'' if array.ndim == 1 else 's'} "
            f"{array.shape}, but (n, p, q) is needed: n matrices of p rows and q columns"
            + ("; X[np.newaxis] is one matrix, X[:, np.newaxis, :] is n rows" * (array.ndim == 2))
        )
    return array, labels, source


def _folded(array: Floats, shape: tuple[int, int], what: str) -> Floats:
    p, q = shape
    if array.shape[1] != p * q:
        raise ValueError(
            f"{what} has {array.shape[1]} features, but shape=({p}, {q}) needs {p * q}"
        )
    return array.reshape(len(array), p, q)


def _of_xarray(x: Any) -> tuple[Any, Labels]:
    if not hasattr(x, "dims") or hasattr(x, "data_vars"):
        raise ValueError("X is an xarray Dataset; choose one variable of it, X[name]")
    dims = tuple(str(d) for d in x.dims)
    if len(dims) != 3:
        return x.data, Labels()
    axes = [x.coords[d].values if d in x.coords else None for d in x.dims]
    return x.data, Labels("xarray", dims, *axes)


def of_dask(x: Any) -> tuple[Any, Labels] | None:
    """A dask array with its labels, also out of xarray; None for anything else."""
    module = type(x).__module__.partition(".")[0]
    if module == "dask":
        return x, Labels()
    if module == "xarray" and type(getattr(x, "data", None)).__module__.startswith("dask"):
        array, labels = _of_xarray(x)
        return array, labels
    return None


def names(axis: Any) -> list[str]:
    """Labels as text; times without what they all share."""
    if axis is None:
        return []
    array = np.asarray(axis)
    if array.dtype.kind == "M":
        days = array.astype("datetime64[D]")
        array = days if np.all(days == array) else array
    return [str(x) for x in array]


def data_of(
    x: Any,
    shape: tuple[int, int] | None = None,
    row_names: Sequence[str] | None = None,
    col_names: Sequence[str] | None = None,
) -> tuple[_core.Data, Labels, Floats | None]:
    """The checked sample of anything that is taken."""
    if isinstance(x, str | os.PathLike):
        data = _core.Data.read(os.fspath(x))
        x = _labelled(data)
        if row_names is None and col_names is None:
            return data, x.labels, None
    values, labels, source = matrices(x, shape)
    if row_names is not None or col_names is not None:
        labels = Labels(
            labels.kind,
            labels.dims,
            labels.samples,
            labels.rows if row_names is None else list(row_names),
            labels.cols if col_names is None else list(col_names),
        )
    if labels.rows is None and labels.cols is None:
        return _core.Data(values, [], [], source), labels, values
    return _core.Data(values, names(labels.rows), names(labels.cols), source), labels, values
