"""Studies as dicts and texts, with an estimator of one's own."""

import numpy as np
import pytest

import kronfit
from kronfit._study import to_toml

DESIGN = {
    "seed": 3,
    "replicates": 5,
    "design": {"n": [15, 30], "p": 3, "q": 2, "rows": ["ar1:0.5", "identity"]},
    "estimator": [
        {"law": "gaussian", "name": "mle"},
        {"law": "gaussian", "rows": "ar1", "name": "ar"},
    ],
}


def test_dict_and_text_are_one():
    a, b = kronfit.study(DESIGN, threads=1), kronfit.study(to_toml(DESIGN), threads=2)
    assert a.results.equals(b.results)
    assert len(a.results) == 2 * 2 * 5 * 2 and len(a.summary) == 8


def test_an_estimator_in_python():
    def moments(x):
        y = x - x.mean(axis=0)
        return np.einsum("nij,nkj->ik", y, y), np.einsum("nij,nik->jk", y, y)

    def broken(x):
        raise RuntimeError("no idea")

    own = {"moments": moments, "broken": broken, "kronfit": lambda x: fitted(kronfit.fit(x))}

    def fitted(fit):
        return fit.sigma2, fit.row_factor, fit.col_factor

    found = kronfit.study(DESIGN, estimators=own).results
    of = {
        name: found[found["estimator"] == name] for name in ("mle", "kronfit", "broken", "moments")
    }
    assert (of["broken"]["status"] == "failed").all()
    assert of["broken"]["message"].str.contains("no idea").all()
    assert of["kronfit"]["frobenius"].to_numpy() == pytest.approx(of["mle"]["frobenius"].to_numpy())
    assert (of["moments"]["frobenius"] > 0).all()


def test_faults_name_the_place():
    with pytest.raises(ValueError, match="replicates: missing"):
        kronfit.study({"seed": 1})
    with pytest.raises(ValueError, match="unknown key"):
        kronfit.study({**DESIGN, "desing": 1})
