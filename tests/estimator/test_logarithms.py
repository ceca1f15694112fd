"""Logarithms of probabilities are those of scikit-learn's loss, and finite where a probability underflows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from handgrad import HandgradClassifier
from handgrad.estimator.logarithms import log_softmax


@pytest.fixture(scope="module")
def fitted() -> HandgradClassifier:
    X, y = load_digits(return_X_y=True)
    return HandgradClassifier(max_iter=1, random_state=0, engine="notes").fit(X[:300].astype("u1"), y[:300])


def test_the_loss_is_scikit_learns(fitted: HandgradClassifier) -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[300:500].astype("u1"), y[300:500]
    logarithms = fitted.predict_log_proba(X)
    assert logarithms.dtype == fitted.predict_proba(X).dtype
    np.testing.assert_allclose(logarithms, np.log(fitted.predict_proba(X)), rtol=1e-4, atol=1e-6)
    own = -logarithms[np.arange(200), y].mean(dtype=np.float64)
    assert own == pytest.approx(log_loss(y, fitted.predict_proba(X), labels=fitted.classes_), rel=1e-5)


def test_a_probability_that_underflows_has_a_logarithm(fitted: HandgradClassifier) -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[300:400].astype("u1"), y[300:400]
    sure = HandgradClassifier().set_params(**fitted.get_params())
    sure.__dict__.update(fitted.__dict__)
    sure.model_ = type(fitted.model_)(
        fitted.model_.parameters.copy(), fitted.model_.classes, fitted.model_.standardization
    )
    sure.model_.parameters["w2"][:] *= 300
    sure.model_.parameters["b2"][:] *= 300
    probabilities, logarithms = sure.predict_proba(X), sure.predict_log_proba(X)
    assert (probabilities == 0).any()
    assert (probabilities == 1).any()
    assert np.isfinite(logarithms).all()
    assert logarithms.max() <= 0
    # 300 times the scores before the softmax: their differences are 300 times as large.
    before = fitted.predict_log_proba(X).astype(np.float64)
    spread = (before[:, :1] - before) * 300
    np.testing.assert_allclose(logarithms[:, :1] - logarithms, spread, rtol=1e-3, atol=0.05)
    # scikit-learn clips a probability of 0, and so cannot tell how wrong a model is.
    own = -logarithms[np.arange(100), y].mean(dtype=np.float64)
    assert own > log_loss(y, probabilities, labels=sure.classes_)


def test_beside_one_nothing_is_rounded_away() -> None:
    found = log_softmax(np.array([[0.0, -30.0, -400.0], [5.0, 5.0, -1e5], [1e30, 0.0, 0.0]]))
    assert found[0, 0] == pytest.approx(-math.exp(-30), rel=1e-12)
    np.testing.assert_allclose(found[1], [-math.log(2), -math.log(2), -1e5 - 5 - math.log(2)])
    assert found[2].tolist() == [0.0, -1e30, -1e30]


def test_it_must_be_fitted_first() -> None:
    with pytest.raises(NotFittedError):
        HandgradClassifier().predict_log_proba(np.zeros((1, 64)))
