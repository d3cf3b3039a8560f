"""A fit as HTML for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ._labels import names
from ._results import StandardErrors, html_table

if TYPE_CHECKING:
    from ._fit import Fit

#: Largest side of a matrix that is shown entry by entry.
_SHOWN = 12
#: Most lines of a table of estimates.
_LINES = 60

_TITLES = {
    "gaussian": "Matrix normal",
    "kronecker-t": "Kronecker t (elliptical)",
    "matrix-t": "Matrix-variate t",
}


@dataclass(frozen=True)
class Figure:
    """A figure as SVG text, which a notebook shows."""

    name: str
    title: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<figure {self.name}: {self.title}>"

    def save(self, path: Any) -> None:
        """Write the SVG text to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)


def page(fit: Fit, errors: StandardErrors | None) -> str:
    """Facts, estimates, and what the reader has to know."""
    n, p, q = fit.shape
    dof = "" if fit.dof is None else f"{fit.dof:.6g}"
    verdict = (
        "converged" if fit.converged else f"<strong>NOT converged</strong> ({fit.termination})"
    )
    facts = [
        ("Law", escape(_TITLES.get(fit.model, fit.model))),
        ("Data", f"n = {n} matrices of {p} × {q}"),
        ("Row factor A", escape(fit.rows)),
        ("Column factor B", escape(fit.cols)),
        ("Mean M", escape(fit.mean_structure)),
        ("Degrees of freedom ν", dof),
        ("Log-likelihood", f"{fit.llf:.6f}"),
        ("Parameters", str(fit.n_parameters)),
        ("AIC, BIC", f"{fit.aic:.4f}, {fit.bic:.4f}"),
        ("σ²", f"{fit.sigma2:.6g}"),
        ("Verdict", f"{verdict}, score {fit.score:.1e}, {fit.passes} passes, {fit.seconds:.3g} s"),
    ]
    lines = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in facts if v)
    parts = [f"<table><tbody>{lines}</tbody></table>"]
    if fit.warnings:
        items = "".join(f"<li>{escape(w)}</li>" for w in fit.warnings)
        parts.append(f"<p><strong>Warnings</strong></p><ul>{items}</ul>")
    core, labels = fit._core, fit._labels
    rows, cols = _heads(labels.rows, p), _heads(labels.cols, q)
    parts.append(_matrix("A, rows", core.row_factor, rows, rows))
    parts.append(_matrix("B, columns", core.col_factor, cols, cols))
    if errors is not None:
        parts.append(_estimates(errors))
    return "<div>" + "".join(parts) + "</div>"


def _heads(axis: Any, length: int) -> list[str]:
    return names(axis) or [str(i + 1) for i in range(length)]


def _matrix(title: str, values: Any, rows: list[str], cols: list[str]) -> str:
    if max(values.shape) > _SHOWN:
        low, high = np.linalg.eigvalsh(values)[[0, -1]]
        return f"<p>{title}: {len(rows)} × {len(cols)}, eigenvalues {low:.4g} to {high:.4g}</p>"
    cells = [["", *cols]]
    cells += [[r, *(f"{x:.4f}" for x in line)] for r, line in zip(rows, values, strict=True)]
    return f"<p>{title}</p>" + html_table(cells)


def _estimates(errors: StandardErrors) -> str:
    rows = errors._core.intervals(0.95)
    cells = [["", "estimate", "std. error", "low", "high"]]
    cells += [[r[0], *(f"{x:.4g}" for x in r[1:5])] for r in rows[:_LINES]]
    more = len(rows) - _LINES
    note = f"<p>… and {more} more in standard_errors().table()</p>" if more > 0 else ""
    return f"<p>Estimates, 95 % Wald intervals ({errors.kind})</p>" + html_table(cells) + note
