"""scikit-learn's own checks of an estimator, all of them."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from handgrad import HandgradClassifier


# One check sets n_iter_no_change whether it has an effect or not.
@pytest.mark.filterwarnings("ignore:n_iter_no_change=20. has no effect")
# Few epochs, to save time; scikit-learn does the same with its own network.
@parametrize_with_checks([HandgradClassifier(max_iter=100)])  # type: ignore[untyped-decorator]
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)
