"""Fitting, and what a fit can tell."""

from __future__ import annotations

import os
import warnings as _warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _core
from ._labels import Floats, Labels, _installed, as_array, data_of, kron, names, of_dask
from ._progress import watcher
from ._results import (
    Comparison,
    KronfitWarning,
    Outliers,
    Profile,
    StandardErrors,
    Summary,
    TestResult,
    frame,
    series,
)

if TYPE_CHECKING:
    from ._distributions import Frozen

Law = Literal["gaussian", "kronecker-t", "matrix-t"]
Kind = Literal["observed", "expected", "robust"]
Progress = bool | Callable[[dict[str, Any]], Any] | None

#: Coordinates up to which a summary holds standard errors without being asked.
_FEW = 300


def model_of(
    model: str,
    rows: Any = "unstructured",
    cols: Any = "unstructured",
    mean: Any = "free",
    dof: float | str | None = None,
) -> _core.Model:
    """The compiled model of names and arrays."""
    if type(mean) is not str:
        mean = tuple(map(_matrix, mean)) if isinstance(mean, tuple) else _matrix(mean)
    if type(rows) is not str:
        rows = _matrix(rows)
    if type(cols) is not str:
        cols = _matrix(cols)
    return _core.Model(model, rows, cols, mean, dof)


def _matrix(x: Any) -> Any:
    return str(x) if isinstance(x, str) else as_array(x, "a matrix of the model")


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; the library knows the defaults of the others."""
    return {name: value for name, value in given.items() if value is not None}


def fit(
    X: Any,
    model: Law = "gaussian",
    *,
    rows: Any = "unstructured",
    cols: Any = "unstructured",
    mean: Any = "free",
    dof: float | Literal["estimate"] | None = None,
    method: str | None = None,
    tol: float | None = None,
    max_iter: int | None = None,
    optimizer: str | None = None,
    coordinates: str | None = None,
    certificate: str | None = None,
    time_limit: float | None = None,
    source: str | None = None,
    force: bool | None = None,
    progress: Progress = None,
    row_names: Sequence[str] | None = None,
    col_names: Sequence[str] | None = None,
) -> Fit:
    """Fit a matrix-variate model by maximum likelihood.

    Parameters
    ----------
    X : array_like, xarray.DataArray, dask array, Labelled, str or path
        n matrices of p rows and q columns, (n, p, q). An ndarray of float64 in C order is read
        where it is, without a copy: do not write to it while a fit runs. A name is a bundled
        dataset (see :func:`datasets`) or a file.
    model : {"gaussian", "kronecker-t", "matrix-t"}
        Law of the observations.
    rows, cols : str or array_like
        Structure of A and of B: ``"unstructured"``, ``"diagonal"``, ``"identity"``,
        ``"correlation"``, ``"ar1"``, ``"compound-symmetry"``, ``"toeplitz"``, ``"factor:K"``; a
        matrix is known up to its scale.
    mean : str, array_like or tuple of two array_like
        ``"free"``, ``"zero"``, ``"rows"``, ``"cols"``, ``"scalar"``; a p × q matrix is known; the
        designs (C, D) are those of a growth curve M = C Θ D.
    dof : float or "estimate", optional
        Degrees of freedom of a t law; estimated when not given.
    method : {"auto", "flip-flop", "newton", "joint", "three-step"}, optional
        How to climb.
    tol : float, optional
        Stop when the score max(|G_A − I|, |G_B − I|) is at most this.
    max_iter : int, optional
        Most iterations.
    optimizer : {"lbfgs", "cg", "steepest", "trust-region"}, optional
        Solver of the joint method.
    coordinates : {"geodesic", "log-euclidean", "log-cholesky"}, optional
        Coordinates of the joint method.
    certificate : {"auto", "force", "skip"}, optional
        Whether to certify the maximum.
    time_limit : float, optional
        Stop after this many seconds.
    source : {"auto", "samples", "moments"}, optional
        What the likelihood is computed from.
    force : bool, optional
        Fit even where there are too few samples for a maximum to exist.
    progress : bool or callable, optional
        True shows a bar (by ``tqdm`` if it is installed); a callable is told of every step by a
        dict, and stops the fit by returning False.
    row_names, col_names : sequence of str, optional
        Names for the report.

    Returns
    -------
    Fit
        The estimates, also where the fit did not converge: ask :attr:`Fit.converged`.

    Raises
    ------
    ValueError
        Where there is no usable estimate, or the input is not what it should be.

    Warns
    -----
    KronfitWarning
        For everything that the reader of the fit has to know.

    Examples
    --------
    >>> import kronfit, numpy as np
    >>> x = np.array([[[1.0], [1.0]], [[-1.0], [0.0]], [[0.0], [-1.0]], [[0.0], [0.0]]])
    >>> fit = kronfit.fit(x)
    >>> fit.row_factor * fit.sigma2
    array([[0.5 , 0.25],
           [0.25, 0.5 ]])
    """
    options = options_of(
        {
            "method": method,
            "tol": tol,
            "max_iter": max_iter,
            "optimizer": optimizer,
            "coordinates": coordinates,
            "certificate": certificate,
            "time_limit": time_limit,
            "source": source,
            "force": force,
        }
    )
    if type(X) is not np.ndarray and (lazy := of_dask(X)) is not None:
        from .dask import fit as distributed_fit

        lazy_array, lazy_labels = lazy
        return distributed_fit(
            lazy_array,
            model,
            rows=rows,
            cols=cols,
            mean=mean,
            dof=dof,
            progress=progress,
            labels=lazy_labels,
            **options,
        )
    data, labels, values = data_of(X, row_names=row_names, col_names=col_names)
    spec = model_of(model, rows, cols, mean, dof)
    with watcher(progress) as callback:
        core = _core.fit(data, spec, options, callback)
    result = Fit(core, data, spec, options, labels, values)
    for text in core.warnings:
        _warnings.warn(text, KronfitWarning, stacklevel=2)
    return result


class Fit:
    """A fitted model: estimates, their likelihood, and everything that is asked afterwards.

    Made by :func:`fit`. Matrices come back as what was fitted: arrays, pandas tables for data from
    :func:`from_long`, ``xarray.DataArray`` for that.
    """

    def __init__(
        self,
        core: _core.Fit,
        data: _core.Data | None,
        model: _core.Model | None,
        options: dict[str, Any],
        labels: Labels,
        values: Floats | None = None,
    ) -> None:
        self._core, self._model, self._options = core, model, options
        self._data, self._labels, self._values = data, labels, values
        self._errors: dict[str, StandardErrors] = {}
        self._trace: list[dict[str, Any]] = []

    # What was fitted.

    @property
    def model(self) -> str:
        """The law: ``"gaussian"``, ``"kronecker-t"`` or ``"matrix-t"``."""
        return self._core.model

    @property
    def rows(self) -> str:
        """Structure of A."""
        return self._core.rows

    @property
    def cols(self) -> str:
        """Structure of B."""
        return self._core.cols

    @property
    def mean_structure(self) -> str:
        """Structure of M."""
        return self._core.mean_structure

    @property
    def nobs(self) -> int:
        """Number of matrices n."""
        return self._core.shape[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, p, q)."""
        return self._core.shape

    # Estimates.

    @property
    def sigma2(self) -> float:
        """σ², the mean variance (t laws: squared scale) of one entry."""
        return self._core.sigma2

    @property
    def row_factor(self) -> Any:
        """A (p × p), of trace p; for the t laws a scale, not a covariance."""
        return self._labels.dress(self._core.row_factor, (1, 1))

    @property
    def col_factor(self) -> Any:
        """B (q × q), of trace q; for the t laws a scale, not a covariance."""
        return self._labels.dress(self._core.col_factor, (2, 2))

    @property
    def mean(self) -> Any:
        """M (p × q)."""
        return self._labels.dress(self._core.mean, (1, 2))

    @property
    def dof(self) -> float | None:
        """ν; None for the Gaussian, infinity where the estimate is that limit."""
        return np.inf if self._core.dof is None and self._core.dof_estimated else self._core.dof

    def factors(self, normalise: str = "trace") -> tuple[float, Any, Any]:
        """σ², A and B by a normalisation.

        Parameters
        ----------
        normalise : {"trace", "det", "first-row", "first-col", "all-cols"}
            What fixes the scale between them.

        Returns
        -------
        sigma2 : float
            1 where the normalisation absorbs it.
        row_factor, col_factor : array
            A and B.
        """
        sigma2, row, col = self._core.factors(normalise)
        return sigma2, self._labels.dress(row, (1, 1)), self._labels.dress(col, (2, 2))

    def covariance(self) -> Floats:
        """Cov(vec X) in full (pq × pq), rows of X one after the other.

        Raises
        ------
        ValueError
            Where the law has no covariance (ν ≤ 2).
        """
        factor = self._core.covariance_factor
        if factor is None:
            raise ValueError(f"the covariance does not exist: ν = {self.dof} is not above 2")
        scale = factor * self.sigma2
        return kron(scale * self._core.row_factor, self._core.col_factor)

    # Likelihood and how it was reached.

    @property
    def llf(self) -> float:
        """Maximised log-likelihood, every constant included."""
        return self._core.llf

    @property
    def n_parameters(self) -> int:
        """Free parameters."""
        return self._core.n_parameters

    @property
    def aic(self) -> float:
        """−2ℓ + 2k."""
        return self._core.aic

    @property
    def aicc(self) -> float | None:
        """AIC for small samples; None where n ≤ k + 1."""
        return self._core.aicc

    @property
    def bic(self) -> float:
        """−2ℓ + k ln n, n = number of matrices."""
        return self._core.bic

    @property
    def converged(self) -> bool:
        """Whether this is a maximum to the tolerance asked for."""
        return self._core.converged

    @property
    def termination(self) -> str:
        """Why the fit ended."""
        return self._core.termination

    @property
    def score(self) -> float:
        """max(|G_A − I|, |G_B − I|) at the estimate, projected on the structures."""
        return self._core.score

    @property
    def method(self) -> str:
        """The method that reached it."""
        return self._core.method

    @property
    def iterations(self) -> int:
        """Iterations."""
        return self._core.iterations

    @property
    def passes(self) -> int:
        """Passes over the data."""
        return self._core.passes

    @property
    def seconds(self) -> float:
        """Seconds of the fit alone."""
        return self._core.seconds

    @property
    def warnings(self) -> list[str]:
        """What the reader has to know."""
        return self._core.warnings

    @property
    def trace(self) -> Any:
        """Every step: passes, seconds, log-likelihood, score, ν."""
        steps = self._trace or self._core.trace
        heads = ("iteration", "passes", "seconds", "log_likelihood", "score", "dof")
        columns = {
            head: np.array([np.nan if s[head] is None else s[head] for s in steps])
            for head in heads
        }
        return frame(columns)

    def to_dict(self, normalise: str = "trace") -> dict[str, Any]:
        """The record that the command line writes as JSON."""
        return self._core.record(normalise)

    # How sure.

    def standard_errors(self, kind: Kind = "observed") -> StandardErrors:
        """Standard errors from the information at the estimate.

        Parameters
        ----------
        kind : {"observed", "expected", "robust"}
            Observed information, its expectation, or the sandwich that is right also where the
            law is not.

        Returns
        -------
        StandardErrors
            Of σ², A, B, their correlations, M and ν.
        """
        if kind not in self._errors:
            information = "observed" if kind == "robust" else kind
            robust = kind == "robust"
            core = self._core.standard_errors(self._sample(), information, robust)
            self._errors[kind] = StandardErrors(core, kind, self._labels)
        return self._errors[kind]

    def _intervals(self, kind: Kind, level: float) -> tuple[list[str], list[tuple[Any, ...]]]:
        rows = self.standard_errors(kind)._core.intervals(level)
        columns = list(zip(*rows, strict=True))
        return list(columns[0]), columns[1:]

    @property
    def param_names(self) -> list[str]:
        """Names of :attr:`params`."""
        return self._intervals("observed", 0.95)[0]

    @property
    def params(self) -> Any:
        """σ², ν, the structures' own parameters, correlations of A and B, and the mean."""
        heads, columns = self._intervals("observed", 0.95)
        return series(columns[0], heads, "estimate")

    @property
    def bse(self) -> Any:
        """Standard errors of :attr:`params` from the observed information."""
        heads, columns = self._intervals("observed", 0.95)
        return series(columns[1], heads, "std_error")

    def conf_int(self, alpha: float = 0.05, kind: Kind = "observed") -> Any:
        """Wald intervals of :attr:`params`.

        Parameters
        ----------
        alpha : float
            One less the probability to cover.
        kind : {"observed", "expected", "robust"}
            Which standard errors.

        Returns
        -------
        pandas.DataFrame or ndarray
            Lower and upper ends, symmetric in ln σ², ln ν and atanh of correlations.
        """
        heads, columns = self._intervals(kind, 1.0 - alpha)
        ends = frame({0: columns[2], 1: columns[3]}, heads)  # type: ignore[dict-item]
        return ends if hasattr(ends, "loc") else np.column_stack(columns[2:4])

    def cov_params(self, kind: Kind = "observed") -> Any:
        """Asymptotic covariance of :attr:`params`."""
        covariance = self.standard_errors(kind).cov()
        heads = self.param_names
        table = frame(dict(zip(heads, covariance.T, strict=True)), heads)
        return table if hasattr(table, "loc") else covariance

    def profile(
        self,
        what: Literal["dof", "rows", "cols"] = "dof",
        level: float = 0.95,
        points: int = 41,
    ) -> Profile:
        """Profile likelihood of one number.

        Parameters
        ----------
        what : {"dof", "rows", "cols"}
            ν, or the ρ of an AR(1) or compound-symmetry factor.
        level : float
            Probability that the interval is asked to cover.
        points : int
            Points of the curve.
        """
        return Profile._of(
            _core.profile(self._core, self._sample(), what, level, points, self._options)
        )

    # Tests and comparisons.

    def test_separability(
        self,
        *,
        bootstrap: int | None = None,
        seed: int = 1,
        project: tuple[int, int] | None = None,
        progress: Progress = None,
    ) -> TestResult:
        """Test Cov(vec X) = A ⊗ B against any covariance, under normality.

        Parameters
        ----------
        bootstrap : int, optional
            Simulate the null this many times.
        seed : int
            Of the simulation.
        project : tuple of int, optional
            Test the first (a, b) eigenvectors only (needs ``bootstrap``).
        progress : bool or callable, optional
            As in :func:`fit`, told how many are done.
        """
        with watcher(progress, bootstrap) as callback:
            return TestResult._of(
                _core.separability(
                    self._sample(), self._spec(), self._options, bootstrap, seed, project, callback
                )
            )

    def test_structure(
        self,
        *,
        rows: Any = None,
        cols: Any = None,
        bootstrap: int | None = None,
        seed: int = 1,
        progress: Progress = None,
    ) -> TestResult:
        """Test a structure of A or of B against the unstructured factor.

        Parameters
        ----------
        rows, cols : str or array_like, optional
            The structure under the null; the other parts of the model stay as they are.
        bootstrap, seed, progress
            As in :meth:`test_separability`.
        """
        if (rows is None) == (cols is None):
            raise ValueError("test_structure needs rows= or cols=, one of them")
        spec = self._spec()
        if rows is not None:
            null = spec.replace(rows=_matrix(rows) if type(rows) is not str else rows)
            alternative = spec.replace(rows="unstructured")
        else:
            null = spec.replace(cols=_matrix(cols) if type(cols) is not str else cols)
            alternative = spec.replace(cols="unstructured")
        return self._nested(null, alternative, bootstrap, seed, progress)

    def test_gaussian(
        self,
        law: Literal["kronecker-t", "matrix-t"] | None = None,
        *,
        bootstrap: int | None = None,
        seed: int = 1,
        progress: Progress = None,
    ) -> TestResult:
        """Test the Gaussian (ν = ∞) against a t law with estimated ν.

        Parameters
        ----------
        law : {"kronecker-t", "matrix-t"}, optional
            The alternative; the law of the fit when it is a t law.
        bootstrap, seed, progress
            As in :meth:`test_separability`.
        """
        chosen = law or ("kronecker-t" if self.model == "gaussian" else self.model)
        spec = self._spec()
        return self._nested(
            spec.replace(law="gaussian"), spec.replace(law=chosen), bootstrap, seed, progress
        )

    def _nested(
        self,
        null: _core.Model,
        alternative: _core.Model,
        bootstrap: int | None,
        seed: int,
        progress: Progress,
    ) -> TestResult:
        with watcher(progress, bootstrap) as callback:
            return TestResult._of(
                _core.nested_test(
                    self._sample(), null, alternative, self._options, bootstrap, seed, callback
                )
            )

    def compare(
        self,
        *,
        models: Sequence[str] = ("gaussian", "kronecker-t", "matrix-t"),
        structures: Sequence[str] = ("unstructured", "diagonal", "ar1"),
        sort: Literal["aic", "bic", "grid"] = "aic",
        progress: Progress = None,
    ) -> Comparison:
        """Fit a grid of models to the same data; see :func:`compare`."""
        return _compare(
            self._sample(), self._options, self._spec(), models, structures, sort, progress
        )

    # Samples, old and new.

    def outliers(self) -> Outliers:
        """Distances of the samples with p-values, and the cells behind them."""
        data = self._sample()
        return Outliers(
            _core.outliers(self._core, data),
            self._labels,
            lambda index: _core.contributions(self._core, data, index),
        )

    def score_samples(self, X: Any) -> Floats:
        """Log-density of matrices under the fit.

        Parameters
        ----------
        X : array_like
            (m, p, q), or one matrix (p, q). Rows and columns are matched by their names where
            both have names.

        Returns
        -------
        ndarray
            m numbers.
        """
        return self._scores(X)[0]

    def mahalanobis(self, X: Any) -> Floats:
        """Squared distances tr[A⁻¹(X−M)B⁻¹(X−M)ᵀ]/σ² of matrices under the fit."""
        return self._scores(X)[1]

    def p_values(self, X: Any) -> Floats:
        """Probability of a distance at least so large under the fit, for each matrix."""
        return self._scores(X)[2]

    def _scores(self, X: Any) -> tuple[Floats, Floats, Floats]:
        if np.ndim(X) == 2:
            X = np.asarray(X)[np.newaxis]
        return self._core.score_samples(data_of(X)[0])

    def simulate(self, n: int, seed: int) -> Any:
        """Draw n matrices of the fitted law.

        Parameters
        ----------
        n : int
            How many.
        seed : int
            The same seed gives the same numbers everywhere, and the first of them do not depend
            on n.

        Returns
        -------
        array
            (n, p, q).
        """
        drawn = self._core.simulate(n, seed)
        labels = Labels(
            self._labels.kind, self._labels.dims, None, self._labels.rows, self._labels.cols
        )
        return labels.dress(drawn, (0, 1, 2))

    def distribution(self) -> Frozen:
        """The fitted law as a distribution in SciPy's shape."""
        from ._distributions import Frozen

        return Frozen(self._core.distribution(), self.model)

    # Pages, figures, files.

    def summary(self, standard_errors: bool | None = None, kind: Kind = "observed") -> Summary:
        """The page that a statistician reads.

        Parameters
        ----------
        standard_errors : bool, optional
            With standard errors and intervals; by default where the fit converged and has not
            very many parameters.
        kind : {"observed", "expected", "robust"}
            Which standard errors.
        """
        wanted = standard_errors
        if wanted is None:
            wanted = self.converged and self._data is not None and self.n_parameters <= _FEW
        text = self._core.text()
        errors = None
        if wanted:
            try:
                errors = self.standard_errors(kind)
            except ValueError as error:
                if standard_errors:
                    raise
                text += f"\nNo standard errors: {error}\n"
        if errors is not None:
            text += f"\n{errors}"
        from ._page import page

        return Summary(text, page(self, errors))

    def __str__(self) -> str:
        return self._core.text()

    def __repr__(self) -> str:
        n, p, q = self.shape
        state = "" if self.converged else ", NOT converged"
        return (
            f"<kronfit.Fit: {self.model} ({self.rows} × {self.cols}) of {n} matrices {p} × {q}, "
            f"llf {self.llf:.4f}{state}>"
        )

    def _repr_html_(self) -> str:
        from ._page import page

        return page(self, None)

    def figures(self) -> dict[str, Any]:
        """The command line's figures by name: each shows itself in a notebook, ``.svg`` is text."""
        from ._page import Figure

        return {
            name: Figure(name, title, svg) for name, title, svg in self._core.figures(self._data)
        }

    def plot(self, what: str | Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw with matplotlib.

        Parameters
        ----------
        what : str or sequence of str, optional
            Of ``"row_factor"``, ``"col_factor"``, ``"mean"``, ``"eigenvalues"``, ``"qq"`` and
            ``"trace"``; all of them when not given.
        ax : matplotlib.axes.Axes, optional
            Where to draw one of them.

        Returns
        -------
        matplotlib.axes.Axes or ndarray of them
            What was drawn on.
        """
        from ._plot import plot

        return plot(self, what, ax)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write report and figures as one self-contained HTML file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._core.html("kronfit.fit", self._data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit as JSON, as ``kronfit fit --json`` does; :func:`load` reads it.

        The sample is not in it.
        """
        self._core.save(os.fspath(path))

    def on(self, X: Any) -> Fit:
        """Give the same fit with its data, for what needs them after :func:`load`.

        Parameters
        ----------
        X : array_like
            The sample that was fitted, as in :func:`fit`.

        Raises
        ------
        ValueError
            When it is another one.
        """
        data, labels, values = data_of(X)
        self._core.require_sample(data)
        return Fit(self._core, data, self._model, self._options, labels, values)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "fit": self._core.to_json(),
            "options": self._options,
            "labels": self._labels,
            "values": self._values,
            "trace": self._trace or self._core.trace,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        core = _core.Fit.from_json(state["fit"])
        labels, values = state["labels"], state["values"]
        data = None
        if values is not None:
            heads = names(labels.rows), names(labels.cols)
            data = _core.Data(values, *heads, core.source)
        self.__init__(  # type: ignore[misc]
            core, data, core.specification(), state["options"], labels, values
        )
        self._trace = state["trace"]

    def _sample(self) -> _core.Data:
        if self._data is None:
            raise ValueError(
                "this fit was made without its sample in memory (loaded, or from Dask); what is "
                "asked for needs it: use fit.on(X)"
            )
        return self._data

    def _spec(self) -> _core.Model:
        if self._model is None:
            raise ValueError("this fit does not know its model's specification; fit it anew")
        return self._model


def _compare(
    data: _core.Data,
    options: dict[str, Any],
    spec: _core.Model,
    models: Sequence[str],
    structures: Sequence[str],
    sort: str,
    progress: Progress,
) -> Comparison:
    plain = [s for s in structures if "*" not in s]
    pairs = [(r, c) for r in plain for c in plain]
    pairs += [(r, c) for r, _, c in (s.partition("*") for s in structures if "*" in s)]
    grid = [spec.replace(r, c, law) for law in models for r, c in pairs]
    with watcher(progress, len(grid)) as callback:
        rows, text = _core.compare(data, grid, options, sort, callback)
    heads = [
        "model",
        "rows",
        "cols",
        "mean",
        "log_likelihood",
        "n_parameters",
        "dof",
        "aic",
        "aicc",
        "bic",
        "aic_weight",
        "bic_weight",
        "converged",
        "reason",
        "seconds",
    ]
    numbers = set(heads[4:12])
    columns = {
        head: [
            np.nan if row.get(head) is None and head in numbers else row.get(head) for row in rows
        ]
        for head in heads
    }
    return Comparison(frame(columns), text)


def compare(
    X: Any,
    *,
    models: Sequence[str] = ("gaussian", "kronecker-t", "matrix-t"),
    structures: Sequence[str] = ("unstructured", "diagonal", "ar1"),
    mean: Any = "free",
    sort: Literal["aic", "bic", "grid"] = "aic",
    progress: Progress = None,
    **options: Any,
) -> Comparison:
    """Fit a grid of models to one sample, side by side.

    Parameters
    ----------
    X : array_like
        As in :func:`fit`.
    models : sequence of str
        Laws; ν of the t laws is estimated.
    structures : sequence of str
        Each on the rows and on the columns; a pair like ``"ar1*unstructured"`` stands for itself
        alone.
    mean : str or array_like
        Mean of all models.
    sort : {"aic", "bic", "grid"}
        Order of the table.
    progress : bool or callable, optional
        As in :func:`fit`, told how many models are done.
    **options
        As in :func:`fit`.

    Returns
    -------
    Comparison
        Its ``table`` has a line per model.
    """
    data = data_of(X)[0]
    spec = model_of("gaussian", mean=mean)
    return _compare(data, options_of(options), spec, models, structures, sort, progress)


def load(path: str | os.PathLike[str]) -> Fit:
    """Load a fit that :meth:`Fit.save` or ``kronfit fit --json`` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    Fit
        Its estimates to the last bit; for standard errors and tests give it its sample by
        :meth:`Fit.on`.
    """
    core = _core.Fit.load(os.fspath(path))
    rows, cols = core.row_names or None, core.col_names or None
    labels = Labels(
        "pandas" if (rows or cols) and _installed("pandas") else "numpy", rows=rows, cols=cols
    )
    return Fit(core, None, core.specification(), {}, labels)
