"""``fit(callbacks=…)``: called as things happen, in a pipeline too; what one raises ends the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from handgrad import HandgradClassifier, tracking
from handgrad.errors import InputError
from handgrad.training import Epoch, Step

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
LABELS = np.arange(40) % 2
SMALL: dict[str, Any] = {
    "stages": ((2,),),
    "hidden_layer_sizes": (),
    "max_iter": 3,
    "batch_size": 20,
    "engine": "notes",
}


def test_a_callback_gets_every_step_and_every_epoch() -> None:
    seen: list[Step | Epoch] = []
    epochs: list[int] = []
    both = (seen.append, lambda event: epochs.append(event.epoch))
    classifier = HandgradClassifier(**SMALL, random_state=0).fit(IMAGES, LABELS, callbacks=both)
    assert [type(event).__name__ for event in seen] == ["Step", "Step", "Epoch"] * 3
    assert epochs == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [event.loss for event in seen if isinstance(event, Epoch)] == classifier.loss_curve_
    alone = HandgradClassifier(**SMALL, random_state=0).fit(IMAGES, LABELS)
    np.testing.assert_array_equal(classifier.predict_proba(IMAGES), alone.predict_proba(IMAGES))


def test_a_callback_reaches_the_last_step_of_a_pipeline() -> None:
    seen: list[Step | Epoch] = []
    pipeline = make_pipeline(FunctionTransformer(), HandgradClassifier(**SMALL))
    pipeline.fit(IMAGES.reshape(40, -1), LABELS, handgradclassifier__callbacks=seen.append)
    assert len(seen) == 9


def test_what_a_callback_raises_ends_the_training_and_leaves_the_classifier() -> None:
    class Enough(Exception):
        pass

    def stop(event: Step | Epoch) -> None:
        if event.epoch == 2:
            raise Enough

    classifier = HandgradClassifier(**SMALL)
    with pytest.raises(Enough):
        classifier.fit(IMAGES, LABELS, callbacks=stop)
    assert not hasattr(classifier, "model_")
    classifier.fit(IMAGES, LABELS)
    before = classifier.predict_proba(IMAGES)
    with pytest.raises(Enough):
        classifier.fit(IMAGES, 1 - LABELS, callbacks=stop)
    np.testing.assert_array_equal(classifier.predict_proba(IMAGES), before)


def test_what_cannot_be_called_is_refused() -> None:
    for wrong in (("tensorboard",), 3, "mlflow"):
        with pytest.raises(InputError, match=r"callbacks=.*: must be callables; give functions"):
            HandgradClassifier(**SMALL).fit(IMAGES, LABELS, callbacks=wrong)  # type: ignore[arg-type]


def test_tensorboard_is_a_callback(tmp_path: Path) -> None:
    with tracking.tensorboard(tmp_path) as log:
        HandgradClassifier(**SMALL).fit(IMAGES, LABELS, callbacks=log)
    (events,) = tmp_path.iterdir()
    assert events.stat().st_size > 500
