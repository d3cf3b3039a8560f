"""Matrix-variate Gaussian and t models with Kronecker covariance.

Observations are matrices X_1, …, X_n, each p × q, in one array (n, p, q); the model
is ``Cov(vec X) ∝ A ⊗ B`` with A (p × p) on the rows and B (q × q) on the columns, where ``vec``
stacks rows (NumPy's memory order).

>>> import kronfit
>>> fit = kronfit.fit("us-macro", model="matrix-t", rows="compound-symmetry")
>>> fit.converged, fit.row_factor.shape, round(fit.dof, 2)
(True, (4, 4), 11.46)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _core
from ._distributions import kronecker_t, matrix_normal, matrix_t
from ._fit import Fit, compare, fit, load
from ._inference import test_equal_factors, test_separability
from ._labels import Labelled, datasets, from_long, read
from ._results import (
    Comparison,
    KronfitWarning,
    Outliers,
    Profile,
    StandardErrors,
    Summary,
    TestResult,
)
from ._study import StudyResults, study

if TYPE_CHECKING:
    from .sklearn import KroneckerT, MatrixNormal, MatrixT

__version__: str = _core.VERSION

_ESTIMATORS = ("KroneckerT", "MatrixNormal", "MatrixT")

__all__ = [
    "Comparison",
    "Fit",
    "KroneckerT",
    "KronfitWarning",
    "Labelled",
    "MatrixNormal",
    "MatrixT",
    "Outliers",
    "Profile",
    "StandardErrors",
    "StudyResults",
    "Summary",
    "TestResult",
    "compare",
    "datasets",
    "fit",
    "from_long",
    "kronecker_t",
    "load",
    "matrix_normal",
    "matrix_t",
    "read",
    "study",
    "test_equal_factors",
    "test_separability",
]


def __getattr__(name: str) -> Any:
    """Import the scikit-learn estimators when they are asked for."""
    if name in _ESTIMATORS:
        return getattr(import_module(".sklearn", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
