"""Out-of-fold probabilities: no network sees what it judges, and what is kept is what would be computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handgrad.data import Samples
from handgrad.errors import InputError
from handgrad.review.folds import folds_of
from handgrad.review.subject import read_subject
from handgrad.review.training import FILE_NAME, Plan, is_known, out_of_fold, plan_of
from handgrad.training import Recipe
from handgrad.training import train as train_model
from tests.review.pictures import model

Given = tuple[Samples, tuple[str, ...], NDArray[np.int64], Plan]
Seen = list[tuple[set[bytes], set[bytes] | None]]


@pytest.fixture
def given(folder: Path) -> Given:
    subject = read_subject(model(), str(folder))
    plan = replace(plan_of(model(), 3)[0], engine="notes", recipe=Recipe(epochs=1, batch_size=16))
    return subject.samples, subject.classes, folds_of(subject.samples, 3), plan


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The pictures that each training was given, and those that it validated on."""
    trained: Seen = []

    def train(net: Any, samples: Samples, validation: Samples | None, *more: Any) -> Any:
        images = [
            None if each is None else {image.tobytes() for image in each.images} for each in (samples, validation)
        ]
        trained.append((images[0] or set(), images[1]))
        return train_model(net, samples, validation, *more)

    monkeypatch.setattr("handgrad.review.training.train", train)
    return trained


def test_no_network_learns_what_it_judges(given: Given, seen: Seen) -> None:
    samples, _, folds, _ = given
    probabilities = out_of_fold(*given)
    assert len(seen) == 3
    for fold, (learned, validated) in enumerate(seen):
        held_out = {samples.images[index].tobytes() for index in np.flatnonzero(folds == fold)}
        assert learned.isdisjoint(held_out)
        assert len(learned) + len(held_out) == 30
        assert validated is None
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_early_stopping_chooses_by_a_fold_that_is_neither(given: Given, seen: Seen) -> None:
    samples, classes, folds, plan = given
    stopping = replace(plan, recipe=replace(plan.recipe, early_stopping=True))
    out_of_fold(samples, classes, folds, stopping)
    for fold, (learned, validated) in enumerate(seen):
        held_out = {samples.images[index].tobytes() for index in np.flatnonzero(folds == fold)}
        assert validated
        assert learned.isdisjoint(held_out | validated)
        assert validated.isdisjoint(held_out)
    with pytest.raises(InputError, match="folds=2: early stopping needs a fold of its own"):
        out_of_fold(samples, classes, folds % 2, stopping)


def test_what_is_kept_is_not_computed_again(given: Given, seen: Seen, tmp_path: Path) -> None:
    assert not is_known(*given, folder=tmp_path)
    first = out_of_fold(*given, folder=tmp_path)
    assert is_known(*given, folder=tmp_path)
    np.testing.assert_array_equal(out_of_fold(*given, folder=tmp_path), first)
    assert len(seen) == 3


def test_an_interrupted_run_continues_with_the_next_fold(given: Given, seen: Seen, tmp_path: Path) -> None:
    whole, done = out_of_fold(*given), []

    def interrupt(step: int, steps: int) -> None:
        done.append(step)
        if step > steps // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        out_of_fold(*given, folder=tmp_path, progress=interrupt)
    assert not is_known(*given, folder=tmp_path)
    before = len(seen)
    np.testing.assert_array_equal(out_of_fold(*given, folder=tmp_path), whole)
    assert len(seen) - before == 2


@pytest.mark.parametrize("change", ["label", "pixel", "recipe", "folds", "class"])
def test_what_is_kept_of_anything_else_is_not_used(given: Given, seen: Seen, tmp_path: Path, change: str) -> None:
    samples, classes, folds, plan = given
    out_of_fold(*given, folder=tmp_path)
    images, labels = np.array(samples.images), samples.labels.copy()
    if change == "label":
        labels[0] = 1 - labels[0] % 2
    if change == "pixel":
        images[0, 0, 0, 0] ^= 1
    other = Samples(images, labels) if change in ("label", "pixel") else samples
    plan = replace(plan, recipe=Recipe(epochs=2)) if change == "recipe" else plan
    folds = (folds + 1) % 3 if change == "folds" else folds
    classes = (*classes[:2], "other") if change == "class" else classes
    assert not is_known(other, classes, folds, plan, tmp_path)


@pytest.mark.parametrize("damage", [b"", b"no file", None])
def test_a_damaged_file_is_computed_again(given: Given, tmp_path: Path, damage: bytes | None) -> None:
    whole = out_of_fold(*given, folder=tmp_path)
    content = (tmp_path / FILE_NAME).read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    (tmp_path / FILE_NAME).write_bytes(flipped if damage is None else damage)
    np.testing.assert_array_equal(out_of_fold(*given, folder=tmp_path), whole)


@pytest.mark.parametrize("recipe", [None, [], "x", {"epochs": -1}, {"no such": 1}, {"optimizer": {"a": []}}])
def test_a_model_without_a_recipe_gets_the_default_one(recipe: Any) -> None:
    asked = model()
    asked.provenance.update(recipe=recipe, seed="x")
    plan, notices = plan_of(asked, 3)
    assert (plan.recipe, plan.seed) == (Recipe(), 0)
    assert notices == ["the model's file tells no recipe that this handgrad knows; the default recipe is used"]
