"""scikit-learn's own checks, and matrices in its tools."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import kronfit
from conftest import golden

X = golden("t3_100_4_3")


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([kronfit.MatrixNormal(), kronfit.KroneckerT(), kronfit.MatrixT()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_matrices_and_flat_rows_are_one():
    model = kronfit.MatrixT(rows="ar1").fit(X)
    flat = kronfit.MatrixT(rows="ar1", shape=(4, 3)).fit(X.reshape(100, 12))
    assert np.array_equal(model.covariance_, flat.covariance_, equal_nan=True)
    fit = kronfit.fit(X, "matrix-t", rows="ar1")
    assert model.log_likelihood_ == fit.llf and model.dof_ == fit.dof
    assert model.score(X) * 100 == pytest.approx(fit.llf, rel=1e-12)
    assert model.mahalanobis(X) == pytest.approx(fit.mahalanobis(X), rel=1e-12)
    with pytest.raises(ValueError, match="expecting 4 × 3"):
        model.score(X[:, :, :2])
    with pytest.raises(ValueError, match="needs 10"):
        kronfit.MatrixT(shape=(5, 2)).fit(X.reshape(100, 12))


def test_precision_is_the_inverse():
    model = kronfit.MatrixNormal().fit(X)
    assert model.precision_ @ model.covariance_ == pytest.approx(np.eye(12), abs=1e-8)
    assert model.sample(3, random_state=1).shape == (3, 4, 3)


def test_one_row_is_the_empirical_covariance():
    from sklearn.covariance import EmpiricalCovariance

    flat = X.reshape(100, 12)
    ours, theirs = kronfit.MatrixNormal().fit(flat), EmpiricalCovariance().fit(flat)
    assert ours.covariance_ == pytest.approx(theirs.covariance_, rel=1e-6, abs=1e-6)
    assert ours.score(flat) == pytest.approx(theirs.score(flat))


def test_search_over_structures():
    search = GridSearchCV(
        kronfit.MatrixT(dof=3.0), {"rows": ["unstructured", "diagonal", "ar1"]}, cv=4
    )
    search.fit(X)
    assert search.best_params_["rows"] in ("unstructured", "diagonal", "ar1")
    scores = cross_val_score(clone(search.best_estimator_), X, cv=4)
    assert scores.mean() == pytest.approx(search.best_score_)


def test_pipelines():
    pipe = make_pipeline(FunctionTransformer(np.negative), kronfit.KroneckerT(shape=(4, 3)))
    pipe.fit(X.reshape(100, 12))
    straight = kronfit.KroneckerT().fit(X)
    assert pipe.score(X.reshape(100, 12)) == pytest.approx(straight.score(X), rel=1e-8)
