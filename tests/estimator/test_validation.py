"""The validation images of early stopping: stratified, drawn by the seed, never trained on."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from handgrad import HandgradClassifier, training
from handgrad.data import Samples

COUNTS = np.array([150, 30, 20])
LABELS = np.repeat([7, 3, 5], COUNTS)
CLASSES, COUNTED = [3, 5, 7], np.array([30, 20, 150])
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNTS.sum(), 6, 6), np.uint8)
WEIGHTS = np.arange(1.0, 1 + COUNTS.sum())

Calls = list[dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record the arguments of every training."""
    found: Calls = []

    def watching(
        model: Any, samples: Samples, validation: Samples | None, recipe: Any, engine: Any, seed: int, *rest: Any
    ) -> Generator[Any, None, None]:
        found.append({"samples": samples, "validation": validation, "seed": seed, "weights": rest[1]})
        return training.train(model, samples, validation, recipe, engine, seed, *rest)

    monkeypatch.setattr("handgrad.estimator.classifier.train", watching)
    return found


def classifier(**parameters: Any) -> HandgradClassifier:
    small = {"stages": ((2, 2),), "hidden_layer_sizes": (), "max_iter": 1, "random_state": 0, "engine": "notes"}
    return HandgradClassifier(**{**small, **parameters})


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_validation_images_are_a_share_of_every_class(calls: Calls, fraction: float, seed: int) -> None:
    classifier(early_stopping=True, validation_fraction=fraction, random_state=seed).fit(IMAGES, LABELS)
    held_out = np.bincount(calls[0]["validation"].labels, minlength=3)
    np.testing.assert_array_equal(held_out, COUNTED * fraction)
    np.testing.assert_array_equal(np.bincount(calls[0]["samples"].labels), COUNTED * (1 - fraction))


def test_the_seed_draws_them_with_their_labels_and_weights(calls: Calls) -> None:
    for seed in (0, 0, 1):
        classifier(early_stopping=True, random_state=seed).fit(IMAGES, LABELS, sample_weight=WEIGHTS)
    first, again, other = ({image.tobytes() for image in call["validation"].images} for call in calls)
    assert first == again != other
    of = {image.tobytes(): (label, weight) for image, label, weight in zip(IMAGES, LABELS, WEIGHTS, strict=True)}
    for call in calls:
        learned = {image.tobytes() for image in call["samples"].images}
        assert learned | {image.tobytes() for image in call["validation"].images} == of.keys()
        assert not learned & {image.tobytes() for image in call["validation"].images}
        for split in (call["samples"], call["validation"]):
            for image, label in zip(split.images, split.labels, strict=True):
                assert CLASSES[label] == of[image.tobytes()][0]
        for image, weight in zip(call["samples"].images, call["weights"], strict=True):
            assert weight == of[image.tobytes()][1]


def test_they_are_those_of_scikit_learns_own_networks(calls: Calls) -> None:
    classifier(early_stopping=True, random_state=3).fit(IMAGES, LABELS)
    _, expected = train_test_split(IMAGES, test_size=0.1, random_state=3, stratify=LABELS)
    np.testing.assert_array_equal(calls[0]["validation"].images[..., 0], expected)


def test_without_early_stopping_all_images_are_trained_on(calls: Calls) -> None:
    classifier().fit(IMAGES, LABELS)
    assert calls[0]["validation"] is None
    assert len(calls[0]["samples"]) == len(IMAGES)


def test_every_epoch_has_its_own_order(calls: Calls) -> None:
    stream = classifier()
    for _ in range(3):
        stream.partial_fit(IMAGES, LABELS, classes=CLASSES)
    warm = classifier(max_iter=2, warm_start=True)
    for _ in range(2):
        warm.fit(IMAGES, LABELS)
    assert [call["seed"] for call in calls] == [0, 1, 2, 0, 2]
