"""A second fit is independent of the first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handgrad import HandgradClassifier
from handgrad.standardization import Standardization

LABELS = np.arange(60) % 3
RNG = np.random.default_rng(0)
DARK = RNG.integers(0, 60, (60, 6, 6), np.uint8)
BRIGHT = RNG.integers(150, 256, (60, 6, 6), np.uint8)
LARGE = RNG.integers(0, 256, (60, 7, 8, 3), np.uint8)


def classifier(**parameters: Any) -> HandgradClassifier:
    small = {"stages": ((2, 2),), "hidden_layer_sizes": (), "max_iter": 2, "random_state": 0, "engine": "notes"}
    return HandgradClassifier(**{**small, **parameters})


@pytest.mark.parametrize("first", [DARK, LARGE])
@pytest.mark.parametrize("engine", ["notes", "fused"])
def test_other_images_are_standardized_by_their_own_mean_and_std(first: Any, engine: str) -> None:
    fresh = classifier(engine=engine).fit(BRIGHT, LABELS)
    again = classifier(engine=engine).fit(first, LABELS).fit(BRIGHT, LABELS)
    assert again.model_.standardization == fresh.model_.standardization == Standardization.of(BRIGHT[..., np.newaxis])
    np.testing.assert_array_equal(again.predict_proba(BRIGHT), fresh.predict_proba(BRIGHT))
    assert again.loss_curve_ == fresh.loss_curve_


def test_the_engine_can_be_changed() -> None:
    one = classifier().fit(DARK, LABELS)
    expected = one.predict_proba(DARK)
    one.set_params(engine="fused", n_threads=1)
    np.testing.assert_allclose(one.predict_proba(DARK), expected, atol=1e-5)
    assert one._engine(one.model_).name == "fused"
    one.set_params(engine="notes")
    np.testing.assert_array_equal(one.predict_proba(DARK), expected)


def test_other_classes_may_be_fitted() -> None:
    one = classifier(early_stopping=True).fit(DARK, LABELS).fit(DARK, np.array(["b", "a"])[LABELS % 2])
    assert one.classes_.tolist() == ["a", "b"]
    assert one.predict_proba(DARK).shape == (60, 2)
