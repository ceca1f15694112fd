"""scikit-learn's own checks of an estimator, all of them."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from handgrad import HandgradClassifier


# Few epochs, to save time; scikit-learn does the same with its own network.
@parametrize_with_checks([HandgradClassifier(max_iter=100)])  # type: ignore[untyped-decorator]
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)
