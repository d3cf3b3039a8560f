"""The laws against SciPy's."""

import numpy as np
import pytest
import scipy.stats

import kronfit
from conftest import golden

X = golden("norm_50_4_3")
A = np.cov(np.random.default_rng(1).normal(size=(4, 30)))
B = np.cov(np.random.default_rng(2).normal(size=(3, 30)))
M = X[0] / 3


def test_matrix_normal_is_scipys():
    ours, theirs = kronfit.matrix_normal, scipy.stats.matrix_normal
    assert ours.logpdf(X, M, A, B) == pytest.approx(theirs.logpdf(X, M, A, B), rel=1e-10)
    assert ours.pdf(X[3], M, A, B) == pytest.approx(theirs.pdf(X[3], M, A, B), rel=1e-9)
    assert ours(M, A, B).entropy() == pytest.approx(theirs(M, A, B).entropy(), rel=1e-12)
    assert ours.logpdf(X[0], rowcov=2.0 * np.eye(4), colcov=np.eye(3)) == pytest.approx(
        theirs.logpdf(X[0], rowcov=2.0 * np.eye(4), colcov=np.eye(3))
    )


def test_matrix_t_is_scipys():
    ours = kronfit.matrix_t(M, A, B, df=4)
    theirs = scipy.stats.matrix_t(mean=M, row_spread=A, col_spread=B, df=4)
    assert ours.logpdf(X) == pytest.approx([theirs.logpdf(x) for x in X], rel=1e-9)


def test_kronecker_t_is_the_multivariate_t():
    ours = kronfit.kronecker_t(M, A, B, df=2.5)
    theirs = scipy.stats.multivariate_t(M.ravel(), np.kron(A, B), df=2.5)
    assert ours.logpdf(X) == pytest.approx(theirs.logpdf(X.reshape(50, 12)), rel=1e-9)


@pytest.mark.parametrize("law", ["matrix_normal", "kronecker_t", "matrix_t"])
def test_draws_have_their_moments(law):
    df = () if law == "matrix_normal" else (9.0,)
    frozen = getattr(kronfit, law)(M, A, B, *df)
    draws = frozen.rvs(100_000, random_state=5)
    assert draws.shape == (100_000, 4, 3)
    flat = draws.reshape(len(draws), -1)
    error = np.sqrt(np.diag(frozen.cov()) / len(draws))
    assert np.abs(flat.mean(0) - frozen.mean().ravel()).max() < 5 * error.max()
    assert np.cov(flat.T) == pytest.approx(frozen.cov(), abs=0.05 * np.diag(frozen.cov()).max())


def test_shapes_and_states():
    frozen = kronfit.matrix_normal(M, A, B)
    assert frozen.rvs().shape == (4, 3) and frozen.rvs((2, 5)).shape == (2, 5, 4, 3)
    assert frozen.rvs(0).shape == (0, 4, 3)
    same = [frozen.rvs(3, random_state=s) for s in (7, 7, np.random.default_rng(7))]
    assert np.array_equal(same[0], same[1]) and np.array_equal(same[0], same[2])
    generator = np.random.default_rng(7)
    assert not np.array_equal(frozen.rvs(3, generator), frozen.rvs(3, generator))
    assert frozen.rvs(2, np.random.RandomState(1)).shape == (2, 4, 3)
    assert frozen.logpdf(X[0]).shape == () and frozen.logpdf(X.reshape(5, 10, 4, 3)).shape == (
        5,
        10,
    )


def test_what_does_not_exist_is_nan():
    heavy = kronfit.kronecker_t(M, A, B, df=1.0)
    assert np.isnan(heavy.mean()).all() and np.isnan(heavy.cov()).all()


def test_bad_parameters():
    with pytest.raises(ValueError, match="square"):
        kronfit.matrix_normal(rowcov=np.ones((2, 3)))
    with pytest.raises(ValueError, match="not positive definite"):
        kronfit.matrix_normal(rowcov=-np.eye(2))
    with pytest.raises(ValueError, match="mean has shape"):
        kronfit.matrix_normal(M, A, np.eye(2))
    with pytest.raises(ValueError, match="but must be"):
        kronfit.matrix_t(M, A, B, df=0)
    with pytest.raises(ValueError, match="is needed"):
        kronfit.matrix_normal(M, A, B).logpdf(np.ones((3, 3)))
