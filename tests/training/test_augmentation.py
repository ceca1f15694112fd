"""Augmented images: SciPy's numbers, the same for any batch, thread and resumption; batches that are prepared ahead."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from handgrad import engine as engines
from handgrad import optimizer as optimizers
from handgrad.data import Samples, load
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.training import Recipe, State, Step, train
from handgrad.training.augmentation import AUGMENTATIONS, Augmentation
from handgrad.training.batches import batches
from handgrad.typing import Pixels
from tests.data.writing import noise
from tests.training.test_loop import TRAIN, VALIDATION, new_model

ALL = np.arange(40)


def augmented(kinds: tuple[str, ...], images: Pixels, seed: int = 0, epoch: int = 1) -> Pixels:
    return Augmentation(kinds, images.shape, seed, epoch).apply(images, np.arange(len(images)))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(AUGMENTATIONS), unique=True),
    st.tuples(st.integers(1, 4), st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3])),
    st.integers(0, 2**32 - 1),
)
def test_any_augmentation_is_scipys_affine_transform(kinds: list[str], shape: tuple[int, ...], seed: int) -> None:
    images = noise(*shape, seed=seed)
    augmentation = Augmentation(kinds, shape, seed, 1)
    found = augmentation.apply(images, np.arange(shape[0]))
    for image, numbers, result in zip(images, augmentation._numbers.astype(np.float64), found, strict=True):
        a, b, tx, c, d, ty, contrast = numbers
        for k in range(shape[3]):
            moved = ndimage.affine_transform(
                image[..., k].astype(np.float64), [[d, c], [b, a]], (ty, tx), order=1, mode="nearest"
            )
            expected = (image.mean() + contrast * (moved - image.mean())).clip(0, 255)
            # Rounding, and an interpolation between neighbors in float32.
            assert np.abs(expected - result[..., k]).max() <= 0.51


def test_none_is_the_image_itself() -> None:
    images = noise(5, 7, 9, 3)
    np.testing.assert_array_equal(augmented((), images), images)


def test_shifts_are_whole_pixels_to_every_side() -> None:
    images = np.zeros((400, 20, 20, 1), np.uint8)
    images[:, 10, 10] = 255
    found = np.argwhere(augmented(("shift",), images)[..., 0] == 255)
    assert len(found) == 400
    assert {tuple(place) for place in found[:, 1:].tolist()} == {(y, x) for y in range(8, 13) for x in range(8, 13)}


def test_flips_are_every_other_and_whole() -> None:
    images = noise(200, 6, 5, 3)
    found = augmented(("flip",), images)
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(found, images, strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(found, images, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert 70 < sum(mirrored) < 130


def test_turns_and_contrasts_keep_within_their_bounds() -> None:
    numbers = Augmentation(("rotate", "contrast"), (5000, 9, 9, 1), 0, 1)._numbers
    angles, contrasts = np.degrees(np.arcsin(numbers[:, 1])), numbers[:, 6]
    assert (angles.min(), angles.max()) == (pytest.approx(-10, abs=0.1), pytest.approx(10, abs=0.1))
    assert (contrasts.min(), contrasts.max()) == (pytest.approx(0.7, abs=0.01), pytest.approx(1.3, abs=0.01))


def test_an_image_is_changed_alike_in_any_batch_and_otherwise_in_another_epoch_or_seed() -> None:
    images = noise(40, 9, 9, 1)
    whole = augmented(AUGMENTATIONS, images)
    some = np.array([7, 3, 3, 39])
    augmentation = Augmentation(AUGMENTATIONS, images.shape, 0, 1)
    np.testing.assert_array_equal(augmentation.apply(images[some], some), whole[some])
    for seed, epoch in ((0, 2), (1, 1)):
        assert not np.array_equal(augmented(AUGMENTATIONS, images, seed, epoch), whole)


def test_one_kind_more_changes_nothing_of_the_others() -> None:
    images = noise(40, 9, 9, 1)
    both = augmented(("flip", "contrast"), images)
    flipped = augmented(("flip",), images)
    np.testing.assert_array_equal(augmented(("contrast",), flipped), both)


@given(st.integers(1, 45), st.integers(1, 40))
def test_batches_are_the_samples_in_their_order(batch_size: int, count: int) -> None:
    samples = Samples(noise(40, 3, 3, 1), ALL)
    order = np.random.default_rng(batch_size).permutation(40)[:count]
    found = list(batches(samples, order, batch_size))
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in found]), np.asarray(samples.images)[order])
    assert np.concatenate([batch.labels for batch in found]).tolist() == order.tolist()
    assert [len(batch.indices) for batch in found[:-1]] == [batch_size] * (len(found) - 1)


def test_what_the_other_thread_raises_is_raised_here() -> None:
    class Broken(Augmentation):
        def apply(self, images: Pixels, indices: Any) -> Pixels:
            if 5 in indices:
                raise OSError("the disk is gone")
            return images

    samples = Samples(noise(40, 3, 3, 1), ALL)
    arriving = batches(samples, ALL, 5, Broken((), (40, 3, 3, 1), 0, 1))
    next(arriving)
    with pytest.raises(OSError, match="the disk is gone"):
        next(arriving)


def test_no_thread_outlives_its_epoch() -> None:
    before = threading.active_count()
    arriving = batches(Samples(noise(40, 3, 3, 1), ALL), ALL, 5)
    next(arriving)
    arriving.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_a_training_sees_augmented_images_and_resumes_as_if_uninterrupted() -> None:
    recipe = Recipe(epochs=2, batch_size=70, augment=AUGMENTATIONS)
    weights = []
    for kinds in (AUGMENTATIONS, AUGMENTATIONS, ()):
        model = new_model()
        engine = engines.create("notes", model.standardization)
        list(train(model, TRAIN, VALIDATION, Recipe(epochs=2, batch_size=70, augment=kinds), engine, 5))
        weights.append(model.parameters.vector.tobytes())
    assert weights[0] == weights[1] != weights[2]
    for taken in (1, 5, 7):
        left = new_model()
        engine = engines.create("notes", left.standardization)
        state = State(optimizers.create(recipe, left.parameters))
        for event in train(left, TRAIN, VALIDATION, recipe, engine, 5, state):
            if isinstance(event, Step) and event.step == taken:
                break
        again = Model(left.parameters.copy(), left.classes, left.standardization)
        optimizer = optimizers.create(recipe, again.parameters)
        optimizer.remember(state.optimizer.memory(), state.step)
        state.optimizer = optimizer
        list(train(again, TRAIN, VALIDATION, recipe, engine, 5, state))
        assert again.parameters.vector.tobytes() == weights[0]


def test_kinds_are_checked() -> None:
    with pytest.raises(InputError, match="augment=mirror: must be one of shift, flip, rotate, contrast; try shift"):
        Recipe(augment=("shift", "mirror"))  # type: ignore[arg-type]


def test_shifted_digits_are_recognized_better_where_shifts_were_learned() -> None:
    digits = load("digits")
    moved = Samples(augmented(("shift",), np.asarray(digits.test.images), seed=9), digits.test.labels)
    found = []
    for kinds in ((), ("shift",)):
        model = new_model()
        engine = engines.create("notes", model.standardization)
        list(
            train(
                model, digits.train, digits.validation, Recipe(epochs=12, learning_rate=0.005, augment=kinds), engine, 0
            )
        )
        found.append((model.predict(moved.images, engine).argmax(axis=1) == moved.labels).mean())
    assert found[1] > found[0] + 0.1
