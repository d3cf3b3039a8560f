"""What is asked of a fit, as small values that print themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._labels import Floats, Labels, _installed


class KronfitWarning(UserWarning):
    """Something about a fit that its reader has to know."""


class Table:
    """Columns of equal length, for where pandas is not installed."""

    def __init__(self, columns: Mapping[str, Any], index: Sequence[Any] | None = None) -> None:
        self.columns = {name: np.asarray(column) for name, column in columns.items()}
        length = len(next(iter(self.columns.values()), ()))
        self.index = list(range(length)) if index is None else list(index)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.index)

    def _cells(self) -> list[list[str]]:
        def text(x: Any) -> str:
            return f"{x:.6g}" if isinstance(x, float | np.floating) else str(x)

        rows = [["", *self.columns]]
        for i, label in enumerate(self.index):
            rows.append([str(label), *(text(column[i]) for column in self.columns.values())])
        return rows

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in cells)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_table(self._cells())


def html_table(cells: Sequence[Sequence[str]]) -> str:
    """Rows of text, the first of them heads, as an HTML table."""
    head, *rows = cells
    heads = "".join(f"<th>{escape(c)}</th>" for c in head)
    body = "".join(
        "<tr>" + "".join(f"<{t}>{escape(c)}</{t}>" for c, t in _tagged(row)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _tagged(row: Sequence[str]) -> list[tuple[str, str]]:
    return [(c, "td" if i else "th") for i, c in enumerate(row)]


def frame(columns: Mapping[str, Any], index: Any = None, name: str | None = None) -> Any:
    """A pandas DataFrame where pandas is installed, else a :class:`Table`."""
    if not _installed("pandas"):
        return Table(columns, index)
    import pandas as pd

    return pd.DataFrame(dict(columns), index=None if index is None else pd.Index(index, name=name))


def series(values: Any, index: Sequence[str], name: str) -> Any:
    """A pandas Series where pandas is installed, else an array."""
    array = np.asarray(values, dtype=np.float64)
    if not _installed("pandas"):
        return array
    import pandas as pd

    return pd.Series(array, index=pd.Index(index), name=name)


class Summary:
    """The page of a fit: ``print`` it, or let a notebook show it."""

    def __init__(self, text: str, html: str) -> None:
        self._text, self._html = text, html

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def as_text(self) -> str:
        """Give the page as plain text."""
        return self._text

    def as_html(self) -> str:
        """Give the page as HTML."""
        return self._html

    _repr_html_ = as_html


class StandardErrors:
    """Standard errors of a fit in its normalisation (tr A = p, tr B = q).

    Attributes
    ----------
    kind : str
        ``"observed"``, ``"expected"`` or ``"robust"``.
    sigma2 : float
        Of σ².
    dof : float or None
        Of ν; None where it is not estimated, or infinite.
    row_factor, col_factor, mean : array
        Of the entries of A, B and M.
    row_correlation, col_correlation : array
        Of the correlations of A and of B.
    notes : list of str
        What the reader has to know.
    """

    def __init__(self, core: _core.StandardErrors, kind: str, labels: Labels) -> None:
        self._core, self._labels, self.kind = core, labels, kind
        self.sigma2, self.dof, self.notes = core.sigma2, core.dof, core.notes

    def _get(self, name: str, axes: tuple[int, int]) -> Any:
        return self._labels.dress(getattr(self._core, name), axes)

    @property
    def row_factor(self) -> Any:
        """Of the entries of A (p × p)."""
        return self._get("row_factor", (1, 1))

    @property
    def col_factor(self) -> Any:
        """Of the entries of B (q × q)."""
        return self._get("col_factor", (2, 2))

    @property
    def row_correlation(self) -> Any:
        """Of the correlations of A; zero on the diagonal."""
        return self._get("row_correlation", (1, 1))

    @property
    def col_correlation(self) -> Any:
        """Of the correlations of B; zero on the diagonal."""
        return self._get("col_correlation", (2, 2))

    @property
    def mean(self) -> Any:
        """Of the entries of M (p × q); zero where the mean is not estimated."""
        return self._get("mean", (1, 2))

    def table(self, level: float = 0.95) -> Any:
        """Estimates, standard errors and Wald intervals of everything that has one.

        Parameters
        ----------
        level : float
            Probability that an interval is asked to cover.

        Returns
        -------
        pandas.DataFrame or Table
            ``estimate``, ``std_error``, ``low``, ``high``, and the ``scale`` on which the
            interval is symmetric.
        """
        rows = self._core.intervals(level)
        columns = list(zip(*rows, strict=True))
        heads = ("estimate", "std_error", "low", "high", "scale")
        return frame(dict(zip(heads, columns[1:], strict=True)), list(columns[0]), "parameter")

    def cov(self) -> Floats:
        """Asymptotic covariance of the estimates in the order of :meth:`table`."""
        return self._core.covariance()

    def __str__(self) -> str:
        return self._core.text()

    __repr__ = __str__


@dataclass(frozen=True)
class TestResult:
    """The outcome of a test.

    Attributes
    ----------
    test, null, alternative : str
        What was tested.
    statistic : float
        The likelihood-ratio statistic.
    df : int
        Difference of the numbers of parameters.
    pvalue : float or None
        The one to report: simulated, else corrected for small samples, else asymptotic.
    details : dict
        Everything, by the names of the command line's JSON.
    """

    __test__ = False

    test: str
    null: str
    alternative: str
    statistic: float
    df: int
    pvalue: float | None
    details: dict[str, Any]
    text: str

    @classmethod
    def _of(cls, found: tuple[dict[str, Any], str]) -> TestResult:
        record, text = found
        best = record["p_value"]
        for better in (record["corrected"], record["bootstrap"]):
            best = better["p_value"] if better else best
        keys = ("test", "null", "alternative", "statistic", "df")
        return cls(**{key: record[key] for key in keys}, pvalue=best, details=record, text=text)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True)
class Profile:
    """A profile likelihood: the maximum over everything else, as a function of one number.

    Attributes
    ----------
    name : str
        What was held fixed.
    estimate : float
        Its estimate.
    low, high : float or None
        Ends of the interval; None where it reaches the edge of the range.
    level : float
        Probability that the interval is asked to cover.
    values, log_likelihood : ndarray
        The curve.
    notes : list of str
        What the reader has to know.
    """

    name: str
    estimate: float
    low: float | None
    high: float | None
    level: float
    values: Floats
    log_likelihood: Floats
    notes: list[str]
    text: str
    svg: str

    @classmethod
    def _of(cls, found: tuple[dict[str, Any], float, str, str]) -> Profile:
        record, estimate, text, svg = found
        curve = np.asarray(record["curve"], dtype=np.float64)
        return cls(
            record["name"],
            estimate,
            record["low"],
            record["high"],
            record["level"],
            curve[:, 0],
            curve[:, 1],
            record["notes"],
            text,
            svg,
        )

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_svg_(self) -> str:
        return self.svg


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes
    ----------
    table : pandas.DataFrame or Table
        One line per model: law, structures, log-likelihood, parameters, AIC, AICc, BIC, weights.
    """

    table: Any
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(self.table._repr_html_())


class Outliers:
    """Distances of the samples from the fitted mean, with p-values.

    Attributes
    ----------
    reference : str
        The law that the distances are referred to.
    table : pandas.DataFrame or Table
        ``distance``, ``statistic``, ``p_value``, ``holm`` and ``benjamini_hochberg`` per sample.
    notes : list of str
        What the reader has to know.
    """

    def __init__(
        self,
        found: tuple[str, dict[str, Floats], list[str]],
        labels: Labels,
        contributions: Any,
    ) -> None:
        self.reference, columns, self.notes = found
        self._columns, self._labels, self._contributions = columns, labels, contributions
        index = range(len(columns["distance"])) if labels.samples is None else labels.samples
        self.table = frame(columns, index, labels.dims[0])

    def worst(self, k: int = 10) -> Any:
        """The k samples with the smallest p-values."""
        order = np.lexsort((-self._columns["statistic"], self._columns["p_value"]))[:k]
        samples = self._labels.samples
        index = order if samples is None else np.asarray(samples)[order]
        chosen = {name: column[order] for name, column in self._columns.items()}
        return frame(chosen, index, self._labels.dims[0])

    def called(self, alpha: float = 0.05) -> NDArray[np.intp]:
        """Numbers of the samples whose p-value, adjusted by Holm, is below ``alpha``."""
        return np.flatnonzero(self._columns["holm"] < alpha)

    def contributions(self, sample: int) -> Any:
        """Cells (p × q) that add up to the distance of the sample with this number."""
        return self._labels.dress(self._contributions(sample), (1, 2))

    def __str__(self) -> str:
        return f"Distances, {self.reference}\n{self.worst()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.reference)}</p>" + str(self.worst()._repr_html_())
