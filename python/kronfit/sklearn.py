"""The models as scikit-learn estimators (needs ``kronfit[sklearn]``)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _core
from ._fit import model_of
from ._labels import Floats, kron
from ._results import KronfitWarning

__all__ = ["KroneckerT", "MatrixNormal", "MatrixT"]


class _MatrixEstimator(BaseEstimator):  # type: ignore[misc]
    """What the three laws share."""

    _law = "gaussian"

    shape: tuple[int, int] | None
    rows: Any
    cols: Any
    mean: Any
    method: str
    tol: float
    max_iter: int
    force: bool
    dof: Any = None

    def _matrices(self, X: Any, reset: bool) -> Floats:
        """X as (n, p, q): as it is, or rows of numbers folded by ``shape``, or with p = 1."""
        array: Floats = validate_data(
            self,
            X,
            dtype=np.float64,
            order="C",
            allow_nd=True,
            reset=reset,
            ensure_min_samples=2 if reset else 1,
        )
        array = np.require(array, np.float64, ["C", "A"])
        if array.ndim == 3:
            found = array.shape[1:]
            if not reset and tuple(found) != self._shape:
                raise ValueError(
                    f"X holds matrices of {found[0]} × {found[1]}, but {type(self).__name__} is "
                    f"expecting {self._shape[0]} × {self._shape[1]}"
                )
            return array
        if array.ndim != 2:
            raise ValueError(f"X has {array.ndim} dimensions, but (n, p, q) or (n, pq) is needed")
        shape = self._shape if not reset else self.shape or (1, array.shape[1])
        if shape[0] * shape[1] != array.shape[1]:
            raise ValueError(
                f"X has {array.shape[1]} features, but shape={tuple(shape)} needs "
                f"{shape[0] * shape[1]}"
            )
        return array.reshape(len(array), *shape)

    def fit(self, X: Any, y: Any = None) -> Any:
        """Fit the model by maximum likelihood.

        Parameters
        ----------
        X : array_like
            (n, p, q), or (n, pq) with ``shape``; without it p = 1.
        y : ignored

        Returns
        -------
        self
        """
        values = self._matrices(X, reset=True)
        self._shape = (values.shape[1], values.shape[2])
        data = _core.Data(values, [], [], "X")
        model = model_of(self._law, self.rows, self.cols, self.mean, self.dof)
        options = {
            "method": self.method,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "force": self.force,
        }
        fit = _core.fit(data, model, options, None)
        for text in fit.warnings:
            warnings.warn(text, KronfitWarning, stacklevel=2)
        self.location_ = fit.mean
        self.sigma2_ = fit.sigma2
        self.row_factor_, self.col_factor_ = fit.row_factor, fit.col_factor
        self.dof_ = fit.dof
        self.covariance_factor_ = fit.covariance_factor
        self.log_likelihood_, self.aic_, self.bic_ = fit.llf, fit.aic, fit.bic
        self.converged_, self.n_iter_ = fit.converged, max(fit.iterations, 1)
        return self

    def _distribution(self) -> _core.Distribution:
        # An estimate of ν at infinity is the Gaussian.
        law = self._law if self.dof_ is not None else "gaussian"
        row = self.sigma2_ * self.row_factor_
        return _core.Distribution(law, self.dof_, self.location_, row, self.col_factor_)

    def score_samples(self, X: Any) -> Floats:
        """Log-density of every matrix."""
        check_is_fitted(self)
        return self._distribution().logpdf(self._matrices(X, reset=False))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-density of the matrices."""
        return float(np.mean(self.score_samples(X)))

    def mahalanobis(self, X: Any) -> Floats:
        """Squared distance of every matrix from the location, in the fitted scale."""
        check_is_fitted(self)
        return self._distribution().distances(self._matrices(X, reset=False))

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Random matrices (n, p, q) of the fitted law."""
        from ._distributions import _seed

        check_is_fitted(self)
        return self._distribution().rvs(n_samples, _seed(random_state))

    @property
    def covariance_(self) -> Floats:
        """Cov(vec X) (pq × pq), rows of X one after the other; NaN where it does not exist."""
        factor = np.nan if self.covariance_factor_ is None else self.covariance_factor_
        return kron(factor * self.sigma2_ * self.row_factor_, self.col_factor_)

    @property
    def precision_(self) -> Floats:
        """Inverse of :attr:`covariance_`."""
        factor = np.nan if self.covariance_factor_ is None else self.covariance_factor_
        row: Any = np.linalg.inv(self.row_factor_) / (factor * self.sigma2_)
        col: Any = np.linalg.inv(self.col_factor_)
        return kron(row, col)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


_PARAMETERS = """
    Parameters
    ----------
    shape : tuple of int, optional
        (p, q) of the matrices, where X is (n, pq).
    rows, cols : str or array_like
        Structures of A and of B, as in :func:`kronfit.fit`.
    mean : str, array_like or tuple
        Mean, as in :func:`kronfit.fit`.
    method : str
        How to climb.
    tol : float
        Stop when the score is at most this.
    max_iter : int
        Most iterations.
    force : bool
        Fit even where there are too few samples for a maximum to exist.{dof}

    Attributes
    ----------
    location_ : ndarray (p, q)
        M.
    row_factor_, col_factor_ : ndarray
        A and B, with traces p and q.
    sigma2_ : float
        Scale of one entry.
    covariance_, precision_ : ndarray (pq, pq)
        Of vec X, rows of X one after the other.
    dof_ : float or None
        Degrees of freedom.
    log_likelihood_, aic_, bic_ : float
        Of the fit.
    converged_ : bool
        Is it a maximum?
"""
_DOF = """
    dof : float or "estimate"
        Degrees of freedom."""


class MatrixNormal(_MatrixEstimator):
    """Matrix normal by maximum likelihood."""

    _law = "gaussian"

    def __init__(
        self,
        *,
        shape: tuple[int, int] | None = None,
        rows: Any = "unstructured",
        cols: Any = "unstructured",
        mean: Any = "free",
        method: str = "auto",
        tol: float = 1e-8,
        max_iter: int = 10_000,
        force: bool = False,
    ) -> None:
        self.shape = shape
        self.rows = rows
        self.cols = cols
        self.mean = mean
        self.method = method
        self.tol = tol
        self.max_iter = max_iter
        self.force = force


class _TEstimator(_MatrixEstimator):
    def __init__(
        self,
        *,
        dof: Any = "estimate",
        shape: tuple[int, int] | None = None,
        rows: Any = "unstructured",
        cols: Any = "unstructured",
        mean: Any = "free",
        method: str = "auto",
        tol: float = 1e-8,
        max_iter: int = 10_000,
        force: bool = False,
    ) -> None:
        self.dof = dof
        self.shape = shape
        self.rows = rows
        self.cols = cols
        self.mean = mean
        self.method = method
        self.tol = tol
        self.max_iter = max_iter
        self.force = force


class KroneckerT(_TEstimator):
    """Elliptical t with Kronecker scale by maximum likelihood."""

    _law = "kronecker-t"


class MatrixT(_TEstimator):
    """Matrix-variate t by maximum likelihood."""

    _law = "matrix-t"


for _class, _text in ((MatrixNormal, ""), (KroneckerT, _DOF), (MatrixT, _DOF)):
    _class.__doc__ = f"{_class.__doc__}\n{_PARAMETERS.format(dof=_text)}"
