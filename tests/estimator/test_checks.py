"""scikit-learn's own checks of an estimator, all of them, on the classifier as it is by default."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from handgrad import HandgradClassifier


@parametrize_with_checks([HandgradClassifier()])  # type: ignore[untyped-decorator]
def test_scikit_learn_s_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)
