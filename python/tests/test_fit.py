"""What a fit tells."""

import copy
import pickle

import numpy as np
import pytest

import kronfit
from conftest import golden


@pytest.fixture(scope="module")
def fit():
    return kronfit.fit(golden("t10_200_3_6"), "kronecker-t", rows="ar1")


def test_estimates_fit_together(fit):
    assert fit.shape == (200, 3, 6) and fit.nobs == 200 and fit.converged
    assert np.trace(fit.row_factor) == pytest.approx(3) and np.trace(
        fit.col_factor
    ) == pytest.approx(6)
    assert fit.aic == pytest.approx(-2 * fit.llf + 2 * fit.n_parameters)
    assert fit.bic == pytest.approx(-2 * fit.llf + np.log(200) * fit.n_parameters)
    sigma2, row, col = fit.factors("det")
    assert np.linalg.det(row) == pytest.approx(1)
    wanted = fit.sigma2 * np.kron(fit.row_factor, fit.col_factor)
    assert sigma2 * np.kron(row, col) == pytest.approx(wanted, rel=1e-10)
    assert fit.covariance() == pytest.approx(wanted * fit.dof / (fit.dof - 2), rel=1e-12)


def test_density_of_the_sample_is_its_likelihood(fit):
    x = golden("t10_200_3_6")
    from scipy.stats import multivariate_t

    scale = fit.sigma2 * np.kron(fit.row_factor, fit.col_factor)
    theirs = multivariate_t(fit.mean.ravel(), scale, df=fit.dof).logpdf(x.reshape(200, -1))
    assert fit.score_samples(x) == pytest.approx(theirs, rel=1e-9)
    assert theirs.sum() == pytest.approx(fit.llf, rel=1e-10)
    y = (x - fit.mean).reshape(200, -1)
    distances = np.einsum("ij,ij->i", y, np.linalg.solve(scale, y.T).T)
    assert fit.mahalanobis(x) == pytest.approx(distances, rel=1e-9)


def test_statsmodels_habits(fit):
    assert list(fit.params.index) == fit.param_names == list(fit.bse.index)
    covariance = fit.cov_params()
    assert np.sqrt(np.diag(covariance)) == pytest.approx(fit.bse.to_numpy(), rel=1e-7)
    assert np.linalg.eigvalsh(covariance).min() > -1e-12
    ends = fit.conf_int(alpha=0.1)
    assert (ends[0] < fit.params).all() and (fit.params < ends[1]).all()
    mean = fit.params.filter(like="mean(").to_numpy()
    assert mean == pytest.approx(fit.mean.ravel())


def test_covariance_of_parameters_by_simulation():
    """Joint covariance of σ̂² and ρ̂ over samples against the delta method at the truth."""
    from scipy.linalg import toeplitz

    truth = kronfit.matrix_normal(np.zeros((4, 2)), toeplitz(0.5 ** np.arange(4)), np.eye(2))
    estimates = []
    for seed in range(300):
        one = kronfit.fit(truth.rvs(60, seed), rows="ar1", cols="identity", mean="zero")
        estimates.append(one.params.to_numpy()[:2])
    found = np.cov(np.array(estimates).T)
    theory = kronfit.fit(truth.rvs(4000, 1), rows="ar1", cols="identity", mean="zero")
    wanted = theory.cov_params().to_numpy()[:2, :2] * 4000 / 60
    assert found[0, 1] / np.sqrt(found[0, 0] * found[1, 1]) == pytest.approx(
        wanted[0, 1] / np.sqrt(wanted[0, 0] * wanted[1, 1]), abs=0.15
    )
    assert np.diag(found) == pytest.approx(np.diag(wanted), rel=0.25)


def test_pages(fit):
    text = str(fit.summary())
    assert "Log-likelihood" in text and "Standard errors" in text
    for html in (fit._repr_html_(), fit.summary().as_html()):
        assert html.count("<table>") == html.count("</table>") >= 3
    assert "Standard errors" not in str(fit.summary(standard_errors=False))
    figures = fit.figures()
    assert {"mean", "row-factor", "qq", "eigenvalues"} <= set(figures)
    assert figures["mean"].svg.lstrip().startswith("<svg")


def test_html_file(fit, tmp_path):
    fit.to_html(tmp_path / "fit.html")
    assert "<svg" in (tmp_path / "fit.html").read_text(encoding="utf-8")


def test_plots(fit):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    axes = fit.plot()
    assert axes.shape == (2, 3)
    assert axes.flat[2].get_title() == "Mean M"
    _, ax = plt.subplots()
    assert fit.plot("qq", ax=ax) is ax
    with pytest.raises(ValueError, match="there is no figure"):
        fit.plot("pie")
    plt.close("all")


def test_profile_and_tests(fit):
    profile = fit.profile("dof", points=5)
    assert profile.low < fit.dof < (profile.high or np.inf) and profile.values.shape == (5,)
    assert "Profile" in str(profile) and "<svg" in profile._repr_svg_()
    test = fit.test_gaussian()
    assert test.df == 1 and test.pvalue < 1e-3
    test = fit.test_structure(cols="diagonal")
    assert test.df == 15 and "diagonal" in test.null
    with pytest.raises(ValueError, match="one of them"):
        fit.test_structure()
    told = []
    test = kronfit.test_separability(
        golden("norm_50_4_3"), bootstrap=20, seed=2, progress=told.append
    )
    assert sorted(told) == list(range(1, 21))
    assert test.pvalue == test.details["bootstrap"]["p_value"]
    halves = golden("norm_50_4_3")[:25], golden("norm_50_4_3")[25:]
    assert kronfit.test_equal_factors(halves).df == 15


def test_simulation_is_reproducible(fit):
    a, b = fit.simulate(5, seed=3), fit.simulate(8, seed=3)
    assert a.shape == (5, 3, 6) and np.array_equal(a, b[:5])
    assert not np.array_equal(a, fit.simulate(5, seed=4))


def test_outliers(fit):
    found = fit.outliers()
    assert len(found.table) == 200 and found.worst(3).shape[0] == 3
    i = int(found.worst(1).index[0])
    assert found.contributions(i).sum() == pytest.approx(found.table["distance"][i])


def test_distribution_survives_pickle(fit):
    frozen = fit.distribution()
    again = pickle.loads(pickle.dumps(frozen))
    x = golden("t10_200_3_6")
    assert np.array_equal(again.logpdf(x), copy.deepcopy(frozen).logpdf(x))
    assert again.logpdf(x) == pytest.approx(fit.score_samples(x), rel=1e-12)


def same(a, b):
    assert a.llf == b.llf and a.dof == b.dof and a.rows == b.rows and a.passes == b.passes
    for name in ("row_factor", "col_factor", "mean"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


def test_save_and_load(fit, tmp_path, program):
    fit.save(tmp_path / "fit.json")
    again = kronfit.load(tmp_path / "fit.json")
    same(fit, again)
    with pytest.raises(ValueError, match=r"fit.on\(X\)"):
        again.outliers()
    x = golden("t10_200_3_6")
    wanted = fit.standard_errors().mean
    assert again.on(x).standard_errors().mean == pytest.approx(wanted, rel=1e-9)
    with pytest.raises(ValueError, match="log-likelihood of this sample"):
        again.on(x + 1.0)
    np.save(tmp_path / "x.npy", x[:7])
    theirs = program("score", tmp_path / "x.npy", "--fit", tmp_path / "fit.json", "--json", "-")
    assert [s["log_density"] for s in theirs["samples"]] == again.score_samples(x[:7]).tolist()
    assert [s["p_value"] for s in theirs["samples"]] == again.p_values(x[:7]).tolist()
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises((ValueError, OSError), match="is not a fit"):
        kronfit.load(tmp_path / "bad.json")


def test_pickle_and_deepcopy(fit):
    for again in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
        same(fit, again)
        assert again.trace.equals(fit.trace)
        wanted = fit.standard_errors().sigma2
        assert again.standard_errors().sigma2 == pytest.approx(wanted, rel=1e-9)
        assert again.test_structure(cols="diagonal").statistic > 0
    named = kronfit.fit("us-macro")
    assert pickle.loads(pickle.dumps(named)).mean.equals(named.mean)


def test_warnings_are_warnings():
    with pytest.warns(kronfit.KronfitWarning, match="iterations ran out") as caught:
        fit = kronfit.fit(golden("ill_40_6_7"), max_iter=1, method="flip-flop")
    assert not fit.converged and caught[0].filename == __file__
    with pytest.raises(ValueError, match="did not converge"):
        fit.standard_errors()
    assert "NOT converged" in fit._repr_html_()


def test_progress_stops_and_raises():
    steps = []

    def three(step):
        steps.append(step)
        return len(steps) < 3

    with pytest.warns(kronfit.KronfitWarning, match="stopped"):
        fit = kronfit.fit(golden("ill_40_6_7"), progress=three)
    assert fit.termination == "interrupted" and len(steps) == 3
    assert steps[0].keys() >= {"iteration", "passes", "log_likelihood", "score"}

    def broken(step):
        raise RuntimeError("from the callback")

    with pytest.raises(RuntimeError, match="from the callback"):
        kronfit.fit(golden("ill_40_6_7"), progress=broken)
    kronfit.fit(golden("norm_50_4_3"), progress=True)


def test_known_parts():
    x = golden("norm_50_4_3")
    fit = kronfit.fit(x, mean=np.zeros((4, 3)))
    assert fit.llf == kronfit.fit(x, mean="zero").llf
    fit = kronfit.fit(x, rows=np.eye(4))
    assert fit.llf == pytest.approx(kronfit.fit(x, rows="identity").llf)
    ones = np.ones((4, 1)), np.eye(3)
    assert kronfit.fit(x, mean=ones).llf == pytest.approx(kronfit.fit(x, mean="cols").llf)
