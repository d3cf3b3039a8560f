"""Simulation studies."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _core
from ._results import frame


@dataclass(frozen=True)
class StudyResults:
    """What a study found.

    Attributes
    ----------
    results : pandas.DataFrame or Table
        One line per scenario, replicate and estimator.
    summary : pandas.DataFrame or Table
        Means and Monte-Carlo standard errors per scenario and estimator.
    timings : pandas.DataFrame or Table
        Seconds of every estimation.
    """

    results: Any
    summary: Any
    timings: Any
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return str(self.summary._repr_html_())


def study(
    design: str | os.PathLike[str] | Mapping[str, Any],
    *,
    estimators: Mapping[str, Callable[[Any], Any]] | None = None,
    threads: int | None = None,
    progress: Any = None,
) -> StudyResults:
    """Run a simulation study: estimators against known truths.

    Parameters
    ----------
    design : mapping, str or path
        The study file of the command line: a dict with the same keys, TOML text, or a path.
    estimators : mapping of str to callable, optional
        Estimators of one's own, each a column of the study: given an array (n, p, q), it returns
        (row factor, column factor), or (σ², row factor, column factor).
    threads : int, optional
        Worker threads; all processors by default. Results do not depend on it.
    progress : bool or callable, optional
        Told how many replicates are done.

    Returns
    -------
    StudyResults
        As tables; every estimator sees the same samples.

    Examples
    --------
    >>> import kronfit, numpy as np
    >>> design = {"seed": 1, "replicates": 4, "design": {"n": 20, "p": 3, "q": 2},
    ...           "estimator": [{"law": "gaussian", "name": "mle"}]}
    >>> def identity(x):
    ...     return np.eye(x.shape[1]), np.eye(x.shape[2])
    >>> found = kronfit.study(design, estimators={"identity": identity})
    >>> found.summary["frobenius"].to_numpy()[1]
    np.float64(0.0)
    """
    from ._progress import watcher

    if isinstance(design, Mapping):
        text, name = to_toml(design), "the design"
    elif isinstance(design, os.PathLike) or ("\n" not in design and design.endswith(".toml")):
        text, name = Path(design).read_text(encoding="utf-8"), os.fspath(design)
    else:
        text, name = str(design), "the design"
    own = list((estimators or {}).items())
    with watcher(progress) as callback:
        csv, timings, summary, page = _core.study(text, name, own, threads or 0, callback)
    return StudyResults(_table(csv), _table(summary), _table(timings), page)


def _table(text: str) -> Any:
    """CSV text as a table; empty cells of numbers are NaN."""
    import csv

    head, *rows = csv.reader(io.StringIO(text))
    columns = zip(*rows, strict=True) if rows else ([] for _ in head)
    return frame({name: _column(cells) for name, cells in zip(head, columns, strict=True)})


def _column(cells: Any) -> Any:
    try:
        numbers = [float(cell) if cell else np.nan for cell in cells]
    except ValueError:
        return np.array(cells, dtype=object)
    if not any(cells):
        return np.array(cells, dtype=object)
    whole = all(cell.lstrip("-").isdigit() for cell in cells)
    return np.array(numbers, dtype=np.int64 if whole else np.float64)


def to_toml(table: Mapping[str, Any], head: str = "") -> str:
    """A nested dict as TOML text."""
    plain, nested = [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            nested.append(f"\n[{head}{key}]\n" + to_toml(value, f"{head}{key}."))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for entry in value:
                nested.append(f"\n[[{head}{key}]]\n" + to_toml(entry, f"{head}{key}."))
        else:
            plain.append(f"{key} = {_value(value)}\n")
    return "".join(plain + nested)


def _value(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        import json

        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple | np.ndarray):
        return "[" + ", ".join(_value(x) for x in value) + "]"
    raise ValueError(f"{value!r} cannot stand in a study; use numbers, text, lists and dicts")
