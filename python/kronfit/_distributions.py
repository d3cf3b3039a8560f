"""The laws in SciPy's shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _core
from ._labels import Floats, as_array, kron


def _seed(random_state: Any) -> int:
    """A seed drawn from what SciPy calls a random state."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**63 - 1, dtype=np.int64))
    generator = np.random.default_rng(random_state)
    return int(generator.integers(0, 2**63 - 1, dtype=np.int64))


def _square(x: Any, order: int | None, what: str) -> Floats:
    """A factor from a matrix, a diagonal or a number, as SciPy takes them."""
    array = np.asarray(1.0 if x is None else x, dtype=np.float64)
    if array.ndim == 0:
        return np.ascontiguousarray(np.eye(order or 1) * array)
    if array.ndim == 1:
        return np.ascontiguousarray(np.diag(array))
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(f"{what} has shape {array.shape}, but a square matrix is needed")
    return np.ascontiguousarray(array)


def _parameters(mean: Any, row: Any, col: Any, heads: tuple[str, str]) -> tuple[Floats, ...]:
    p = q = None
    if mean is not None:
        mean = as_array(np.asarray(mean, dtype=np.float64), "mean")
        if mean.ndim != 2:
            raise ValueError(f"mean has {mean.ndim} dimensions, but (p, q) is needed")
        p, q = mean.shape
    a, b = _square(row, p, heads[0]), _square(col, q, heads[1])
    if mean is None:
        mean = np.zeros((len(a), len(b)))
    return mean, a, b


class Frozen:
    """A distribution with its parameters.

    Made by calling one of :data:`matrix_normal`, :data:`kronecker_t`, :data:`matrix_t`, or by
    :meth:`Fit.distribution`.
    """

    def __init__(self, core: _core.Distribution, law: str) -> None:
        self._core, self.law = core, law

    def __reduce__(self) -> Any:
        return (_frozen, (self.law, self._core.dof, self._core.location, *self._core.factors))

    def __repr__(self) -> str:
        p, q = self._core.shape
        return f"<kronfit {self.law} distribution of {p} × {q} matrices>"

    def logpdf(self, X: ArrayLike) -> Any:
        """Log-density at X (…, p, q)."""
        array = as_array(X)
        p, q = self._core.shape
        if array.shape[-2:] != (p, q) or array.ndim < 2:
            raise ValueError(f"X has shape {array.shape}, but (…, {p}, {q}) is needed")
        out = self._core.logpdf(array.reshape(-1, p, q)).reshape(array.shape[:-2])
        return out[()]

    def pdf(self, X: ArrayLike) -> Any:
        """Density at X (…, p, q)."""
        return np.exp(self.logpdf(X))

    def rvs(self, size: int | tuple[int, ...] = 1, random_state: Any = None) -> Floats:
        """Random matrices.

        Parameters
        ----------
        size : int or tuple of int
            How many.
        random_state : None, int, Generator or RandomState
            Where the seed comes from; the same int gives the same numbers everywhere.

        Returns
        -------
        ndarray
            (p, q) for size 1, else size + (p, q).
        """
        shape = (size,) if isinstance(size, int | np.integer) else tuple(size)
        count = int(np.prod(shape))
        if count == 0:
            return np.empty((*shape, *self._core.shape))
        drawn = self._core.rvs(count, _seed(random_state))
        return drawn[0] if shape == (1,) else drawn.reshape(*shape, *self._core.shape)

    def mean(self) -> Floats:
        """E X (p × q); NaN where it does not exist."""
        mean = self._core.mean()
        return np.full(self._core.shape, np.nan) if mean is None else mean

    def cov(self) -> Floats:
        """Cov(vec X) (pq × pq), rows of X one after the other; NaN where it does not exist."""
        factors = self._core.cov()
        if factors is None:
            d = int(np.prod(self._core.shape))
            return np.full((d, d), np.nan)
        return kron(*factors)

    def entropy(self) -> float:
        """Differential entropy in nats; NaN where it has no closed form."""
        value = self._core.entropy()
        return np.nan if value is None else value


def _frozen(law: str, dof: float | None, mean: Floats, row: Floats, col: Floats) -> Frozen:
    return Frozen(_core.Distribution(law, dof, mean, row, col), law)


class MatrixNormalLaw:
    """The matrix normal: Cov(vec X) = rowcov ⊗ colcov, in the shape of SciPy's ``matrix_normal``.

    Every method takes ``mean=None, rowcov=1, colcov=1`` (matrices, diagonals or numbers); calling
    the object with them freezes it.

    Examples
    --------
    >>> import kronfit, numpy as np
    >>> frozen = kronfit.matrix_normal(np.zeros((2, 3)), rowcov=np.eye(2), colcov=np.eye(3))
    >>> round(float(frozen.logpdf(np.zeros((2, 3)))), 12)  # −3 ln 2π
    -5.513631199228
    """

    def __call__(self, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Frozen:
        """Freeze the parameters."""
        parameters = _parameters(mean, rowcov, colcov, ("rowcov", "colcov"))
        return _frozen("gaussian", None, *parameters)

    def logpdf(self, X: ArrayLike, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Any:
        """Log-density at X (…, p, q)."""
        return self(mean, rowcov, colcov).logpdf(X)

    def pdf(self, X: ArrayLike, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Any:
        """Density at X (…, p, q)."""
        return self(mean, rowcov, colcov).pdf(X)

    def rvs(
        self,
        mean: Any = None,
        rowcov: Any = 1,
        colcov: Any = 1,
        size: int | tuple[int, ...] = 1,
        random_state: Any = None,
    ) -> Floats:
        """Random matrices; see :meth:`Frozen.rvs`."""
        return self(mean, rowcov, colcov).rvs(size, random_state)

    def mean(self, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Floats:
        """E X."""
        return self(mean, rowcov, colcov).mean()

    def cov(self, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Floats:
        """Cov(vec X) (pq × pq)."""
        return self(mean, rowcov, colcov).cov()

    def entropy(self, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> float:
        """Differential entropy in nats."""
        return self(mean, rowcov, colcov).entropy()


class TLaw:
    """A t law; every method takes ``mean=None, row_spread=1, col_spread=1, df=1``.

    The spreads are scales, not covariances: ``cov`` says what they come to.

    Examples
    --------
    >>> import kronfit
    >>> cauchy = kronfit.kronecker_t(df=1)
    >>> round(float(cauchy.pdf([[1.0]])), 6)
    0.159155
    >>> kronfit.matrix_t(row_spread=[1, 1], col_spread=[1, 1, 1], df=4).cov()[0, 0]
    np.float64(0.5)
    """

    def __init__(self, law: str) -> None:
        self.law = law

    def __call__(
        self, mean: Any = None, row_spread: Any = 1, col_spread: Any = 1, df: float = 1
    ) -> Frozen:
        """Freeze the parameters."""
        parameters = _parameters(mean, row_spread, col_spread, ("row_spread", "col_spread"))
        return _frozen(self.law, float(df), *parameters)

    def logpdf(
        self,
        X: ArrayLike,
        mean: Any = None,
        row_spread: Any = 1,
        col_spread: Any = 1,
        df: float = 1,
    ) -> Any:
        """Log-density at X (…, p, q)."""
        return self(mean, row_spread, col_spread, df).logpdf(X)

    def pdf(
        self,
        X: ArrayLike,
        mean: Any = None,
        row_spread: Any = 1,
        col_spread: Any = 1,
        df: float = 1,
    ) -> Any:
        """Density at X (…, p, q)."""
        return self(mean, row_spread, col_spread, df).pdf(X)

    def rvs(
        self,
        mean: Any = None,
        row_spread: Any = 1,
        col_spread: Any = 1,
        df: float = 1,
        size: int | tuple[int, ...] = 1,
        random_state: Any = None,
    ) -> Floats:
        """Random matrices; see :meth:`Frozen.rvs`."""
        return self(mean, row_spread, col_spread, df).rvs(size, random_state)

    def mean(
        self, mean: Any = None, row_spread: Any = 1, col_spread: Any = 1, df: float = 1
    ) -> Floats:
        """E X; NaN where it does not exist."""
        return self(mean, row_spread, col_spread, df).mean()

    def cov(
        self, mean: Any = None, row_spread: Any = 1, col_spread: Any = 1, df: float = 1
    ) -> Floats:
        """Cov(vec X) (pq × pq); NaN where it does not exist."""
        return self(mean, row_spread, col_spread, df).cov()


#: The matrix normal.
matrix_normal = MatrixNormalLaw()
#: The elliptical t: vec X is multivariate t with scale row_spread ⊗ col_spread.
kronecker_t = TLaw("kronecker-t")
#: The matrix-variate t, in the parametrisation of SciPy's ``matrix_t``.
matrix_t = TLaw("matrix-t")
