"""The classifier: the images that it accepts, and the same model from the same seed, bit for bit."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import handgrad
from handgrad import HandgradClassifier, cli, model_file, training
from handgrad.data import Samples, load
from handgrad.errors import DivergenceError, InputError
from handgrad.standardization import Standardization

DIGITS = load("digits")
X, Y = DIGITS.train.images[:400, ..., 0], DIGITS.train.labels[:400]
SMALL: dict[str, Any] = {"stages": ((4, 4),), "hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}


def bits(classifier: HandgradClassifier) -> bytes:
    return classifier.model_.parameters.vector.tobytes()


def fitted(**parameters: Any) -> HandgradClassifier:
    return HandgradClassifier(**{**SMALL, **parameters}).fit(X, Y)


def test_the_package_exports_it_and_no_unknown_name() -> None:
    assert handgrad.HandgradClassifier is HandgradClassifier
    assert set(handgrad.__all__) >= {"HandgradClassifier"}
    with pytest.raises(AttributeError, match="module 'handgrad' has no attribute 'Perceptron'"):
        _ = handgrad.Perceptron


def test_the_shape_of_the_images_changes_nothing() -> None:
    expected = fitted()
    deep, flat = X[..., np.newaxis], X.reshape(len(X), -1)
    ways: tuple[tuple[Any, dict[str, Any]], ...] = (
        (deep, {}),
        (flat, {}),
        (flat, {"image_shape": (8, 8)}),
        (flat, {"image_shape": [8, 8, 1]}),
    )
    for images, given in ways:
        found = HandgradClassifier(**SMALL, **given).fit(images, Y)
        assert found.image_shape_ == (8, 8, 1)
        assert found.n_features_in_ == 64
        assert bits(found) == bits(expected)
        for others in (X, deep, flat):
            np.testing.assert_array_equal(found.predict_proba(others), expected.predict_proba(X))
    lists = HandgradClassifier(**SMALL).fit(X.tolist(), Y)
    assert bits(lists) == bits(HandgradClassifier(**SMALL).fit(X.astype(np.float64), Y))


def test_color_images_are_standardized_per_channel() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 7, 9, 3), np.uint8)
    deep = HandgradClassifier(**SMALL).fit(images, np.arange(40) % 2)
    flat = HandgradClassifier(**SMALL, image_shape=(7, 9, 3)).fit(images.reshape(40, -1), np.arange(40) % 2)
    assert bits(deep) == bits(flat)
    assert deep.model_.standardization == Standardization.of(images)
    assert deep.n_features_in_ == 7 * 9 * 3


def test_a_row_that_is_not_an_image_passes_the_convolution_unchanged() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 9))
    labels = (rows[:, 3] > rows[:, 7]).astype(int)
    classifier = HandgradClassifier(random_state=0).fit(rows, labels)
    assert classifier.image_shape_ == (1, 9, 1)
    assert classifier.score(rows, labels) > 0.97
    # Its numbers have no neighbors: in another order they are learned as well.
    order = rng.permutation(9)
    assert HandgradClassifier(random_state=0).fit(rows[:, order], labels).score(rows[:, order], labels) > 0.97


def test_an_integer_is_the_seed_of_the_command(tmp_path: Path) -> None:
    arguments = ["train", "digits", "--out", str(tmp_path / "run"), "--seed", "3", "--filters", "4,4"]
    assert cli.run([*arguments, "--hidden", "16", "--epochs", "3"]) == 0
    written = model_file.load(tmp_path / "run")
    split = load("digits", seed=3).train
    found = HandgradClassifier(**{**SMALL, "random_state": 3}).fit(split.images, split.labels)
    assert bits(found) == written.parameters.vector.tobytes()
    assert found.model_.standardization == written.standardization


def test_floats_are_learned_like_pixels_whatever_their_range() -> None:
    pixels = fitted().predict_proba(X)
    for scale, shift, dtype in ((1.0, 0.0, np.float64), (1 / 16, 0.0, np.float32), (1e-9, -1e-6, np.float64)):
        numbers = (X * scale + shift).astype(dtype)
        found = HandgradClassifier(**SMALL).fit(numbers, Y)
        assert found.model_.parameters.vector.dtype == found.predict_proba(numbers).dtype == dtype
        np.testing.assert_allclose(found.predict_proba(numbers), pixels, atol=2e-4)


def test_floats_lose_no_precision() -> None:
    """The difference between the classes is far below 1/255 of the range."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    images = rng.standard_normal((300, 6, 6)) * 1e-3
    images[:, 2:4, 2:4] += 1e-3 * (2 * labels - 1)[:, np.newaxis, np.newaxis]
    images[:, 0, 0] = rng.choice([-1.0, 1.0], 300)
    found = HandgradClassifier(random_state=0, max_iter=60).fit(images[:200], labels[:200])
    assert found.score(images[200:], labels[200:]) > 0.85


def test_the_seed_alone_decides_the_model_whatever_the_number_of_threads() -> None:
    first = fitted(n_threads=1)
    assert bits(fitted(n_threads=2)) == bits(clone(first).fit(X, Y)) == bits(first)
    assert bits(fitted(random_state=1)) != bits(first)
    drawn = np.random.RandomState(5)
    assert bits(fitted(random_state=drawn)) != bits(fitted(random_state=drawn))
    assert bits(fitted(random_state=None)) != bits(fitted(random_state=None))


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_continues_after_a_pickle_as_without_one(method: str, solver: str, tmp_path: Path) -> None:
    left = fitted(warm_start=True, solver=solver, learning_rate_init=0.01)
    joblib.dump(left, tmp_path / "it")
    copies = [pickle.loads(pickle.dumps(left)), joblib.load(tmp_path / "it", mmap_mode="r")]
    before = bits(left)
    getattr(left, method)(X[:100], np.arange(100) % 10)
    assert bits(left) != before
    for copied in copies:
        np.testing.assert_array_equal(copied.predict(X), copied.predict(X))
        assert bits(copied) == before
        getattr(copied, method)(X[:100], np.arange(100) % 10)
        assert bits(copied) == bits(left)
        assert copied.loss_curve_ == left.loss_curve_


def test_a_warm_start_continues_where_the_last_fit_ended() -> None:
    classifier = fitted(warm_start=True, learning_rate_init=0.002)
    first = list(classifier.loss_curve_)
    assert classifier.n_iter_ == len(first) == 3
    figures = classifier.model_.standardization
    classifier.fit(X[::2] // 2, Y[::2])
    assert classifier.loss_curve_[:3] == first
    assert len(classifier.loss_curve_) == 6
    assert classifier.model_.standardization == figures
    cold = fitted().fit(X, Y)
    assert cold.loss_curve_ == fitted().loss_curve_


@pytest.mark.parametrize(
    ("change", "labels", "message"),
    [
        ({}, Y % 9, "y=.*warm_start continues with the classes"),
        ({"hidden_layer_sizes": (8,)}, Y, "warm_start=True: the parameters are those of a network of other sizes"),
    ],
)
def test_a_warm_start_needs_the_same_network_and_classes(
    change: dict[str, Any], labels: NDArray[Any], message: str
) -> None:
    classifier = fitted(warm_start=True).set_params(**change)
    before = bits(classifier)
    with pytest.raises(InputError, match=message):
        classifier.fit(X, labels)
    assert bits(classifier) == before


def test_partial_fit_learns_a_stream_of_batches() -> None:
    classifier = HandgradClassifier(random_state=0, learning_rate_init=0.005)
    train = DIGITS.train
    for _ in range(6):
        for start in range(0, len(train), 128):
            batch = slice(start, start + 128)
            classifier.partial_fit(train.images[batch], train.labels[batch], classes=np.arange(10))
    assert classifier.n_iter_ == 1
    assert len(classifier.loss_curve_) == 6 * -(-len(train) // 128)
    assert classifier.score(DIGITS.validation.images, DIGITS.validation.labels) > 0.9


def test_partial_fit_knows_classes_that_a_batch_lacks() -> None:
    classifier = HandgradClassifier(**SMALL)
    with pytest.raises(InputError, match="classes=None: the first call to partial_fit must name all classes"):
        classifier.partial_fit(X, Y)
    few = Y < 3
    classifier.partial_fit(X[few], Y[few], classes=range(10))
    assert classifier.predict_proba(X).shape == (400, 10)
    with pytest.raises(InputError, match="those of the first call were"):
        classifier.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(InputError, match=r"y=\[11\]: the classes are"):
        classifier.partial_fit(X[:2], [11, 1])


def test_early_stopping_keeps_the_best_epoch() -> None:
    classifier = fitted(early_stopping=True, n_iter_no_change=3, max_iter=200, learning_rate="constant")
    scores = classifier.validation_scores_ or []
    assert classifier.n_iter_ == len(scores) == len(classifier.loss_curve_) < 200
    assert classifier.best_validation_score_ == max(scores)
    assert max(scores[-3:]) <= max(scores[:-3])
    assert fitted().validation_scores_ is None


def test_a_warm_start_holds_out_the_same_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the first fit would have learned from them."""
    splits: list[tuple[set[bytes], set[bytes]]] = []

    def watching(model: Any, samples: Samples, validation: Samples, *rest: Any) -> Any:
        splits.append(({image.tobytes() for image in samples.images}, {image.tobytes() for image in validation.images}))
        return training.train(model, samples, validation, *rest)

    monkeypatch.setattr("handgrad.estimator.classifier.train", watching)
    classifier = fitted(early_stopping=True, validation_fraction=0.2, warm_start=True).fit(X, Y)
    assert len(classifier.loss_curve_) == 6
    assert splits[0] == splits[1]
    assert not splits[0][0] & splits[0][1]
    assert len(splits[0][1]) == 80


def test_sample_weights_are_repetitions() -> None:
    """With all images in one step; the mean and std are weighted too."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, 60)
    numbers = X[:60] / 3
    one_step: dict[str, Any] = {**SMALL, "batch_size": 1000, "max_iter": 10}
    weighted = HandgradClassifier(**one_step).fit(numbers, Y[:60], sample_weight=counts)
    repeated = HandgradClassifier(**one_step).fit(numbers.repeat(counts, axis=0), Y[:60].repeat(counts))
    np.testing.assert_allclose(weighted.predict_proba(numbers), repeated.predict_proba(numbers), rtol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    plain = HandgradClassifier(**one_step).fit(numbers, Y[:60])
    assert np.abs(plain.predict_proba(numbers) - repeated.predict_proba(numbers)).max() > 0.01


def test_class_weights_are_sample_weights() -> None:
    given = {int(label): 1.0 + label for label in range(10)}
    by_class = fitted(class_weight=given)
    by_sample = HandgradClassifier(**SMALL)
    by_sample.fit(X, Y)
    plain = by_sample.loss_curve_
    assert by_class.loss_curve_ != plain
    assert fitted(class_weight=dict.fromkeys(range(10), 1.0)).loss_curve_ == pytest.approx(plain)
    counts = np.bincount(Y)
    balanced = {label: len(Y) / (10 * count) for label, count in enumerate(counts)}
    assert fitted(class_weight="balanced").loss_curve_ == pytest.approx(fitted(class_weight=balanced).loss_curve_)
    both = HandgradClassifier(**SMALL, class_weight=given).fit(X, Y, sample_weight=1 / (1.0 + Y))
    assert both.loss_curve_[0] == pytest.approx(plain[0], rel=0.1)


def test_class_names_may_be_anything_sortable() -> None:
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[Y]
    classifier = HandgradClassifier(**SMALL).fit(X, names)
    assert classifier.classes_.tolist() == sorted(set(names))
    assert classifier.model_.classes == tuple(classifier.classes_)
    assert set(classifier.predict(X)) <= set(names)
    np.testing.assert_array_equal(
        classifier.predict_proba(X).argmax(axis=1), np.searchsorted(classifier.classes_, classifier.predict(X))
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": (0,)}, r"hidden_layer_sizes=\(0,\): must be positive integers"),
        ({"stages": (16, 16)}, r"stages=\(16, 16\): each stage is one or more positive numbers"),
        (
            {"stages": ((8, 8), (8, 8)), "image_shape": (8, 8)},
            r"stages=.*on images of 8 × 8, at N6.*the smallest image",
        ),
        ({"pooling": 0}, "pooling=0: must be an integer"),
        ({"image_shape": 8}, r"images of \(8, 8, 1\): those of this classifier are \(8,\)"),
        ({"image_shape": (7, 8)}, r"images of \(8, 8, 1\): those of this classifier are \(7, 8, 1\)"),
        ({"solver": "adam"}, "solver=adam: must be one of adamw, sgd"),
        ({"learning_rate": "adaptive"}, "learning_rate=adaptive: must be one of one-cycle, constant"),
        ({"learning_rate_init": 0}, "learning_rate_init=0: must be a positive number"),
        ({"max_iter": 0}, "max_iter=0: must be an integer"),
        ({"batch_size": "all"}, "batch_size=all: must be an integer"),
        ({"n_iter_no_change": 0}, "n_iter_no_change=0: must be an integer"),
        ({"augment": ("mirror",)}, "augment=mirror: must be one of shift"),
        ({"engine": "torch"}, "engine=torch: the engines are fused, notes"),
        ({"n_threads": 0}, "n_threads=0: must be at least 1"),
        ({"class_weight": {0: -1}}, "class_weight={0: -1}: weights must be finite"),
    ],
)
def test_errors_name_the_classifiers_own_parameter(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted(**parameters)


def test_a_flat_image_needs_as_many_numbers_as_its_shape() -> None:
    with pytest.raises(InputError, match=r"image_shape=\(7, 8, 1\): is not that of 64 numbers"):
        HandgradClassifier(image_shape=(7, 8)).fit(X.reshape(len(X), -1), Y)
    classifier = fitted()
    with pytest.raises(InputError, match=r"X=images of \(4, 16, 1\): those of this classifier are \(8, 8, 1\)"):
        classifier.predict(X.reshape(len(X), 4, 16))
    with pytest.raises(ValueError, match="X has 60 features, but HandgradClassifier is expecting 64 features"):
        classifier.predict(np.zeros((2, 60)))
    with pytest.raises(NotFittedError):
        HandgradClassifier().predict(X)


def test_a_training_that_fails_leaves_the_model_unchanged() -> None:
    classifier = fitted(warm_start=True)
    before = bits(classifier)
    classifier.set_params(learning_rate_init=1e30, learning_rate="constant")
    with pytest.raises(DivergenceError):
        classifier.fit(X, Y)
    assert bits(classifier) == before
    assert classifier.predict(X).shape == (400,)


def test_partial_fit_refuses_options_that_need_all_images() -> None:
    for parameters, message in (
        ({"early_stopping": True}, "early_stopping=True: partial_fit trains for a single epoch"),
        ({"class_weight": "balanced"}, "class_weight=balanced: partial_fit does not see"),
    ):
        with pytest.raises(InputError, match=message):
            HandgradClassifier(**SMALL, **parameters).partial_fit(X, Y, classes=range(10))
    weighted = HandgradClassifier(**SMALL, class_weight={3: 2.0, 7: 5.0})
    weighted.partial_fit(X[Y < 5], Y[Y < 5], classes=range(10))


def test_pixels_are_augmented_and_floats_refused() -> None:
    assert bits(fitted(augment=("shift", "contrast"))) != bits(fitted())
    with pytest.raises(InputError, match="augment=float64: changes pixels"):
        HandgradClassifier(**SMALL, augment=("shift",)).fit(X / 16, Y)


def test_both_engines_learn_the_same() -> None:
    for images in (X, X / 16):
        notes = HandgradClassifier(**SMALL, engine="notes").fit(images, Y)
        fused = HandgradClassifier(**SMALL).fit(images, Y)
        np.testing.assert_allclose(notes.predict_proba(images), fused.predict_proba(images), atol=1e-3)


def test_verbose_prints_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    fitted(engine="notes")
    assert capsys.readouterr().out == ""
    fitted(engine="notes", verbose=True, early_stopping=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "360 images of 8x8x1, 10 classes; 514 parameters"
    assert len(lines) == 4
    assert lines[1].startswith("epoch   1 of 3  training loss ")
    assert "validation loss" in lines[1]
    classifier = HandgradClassifier(**SMALL, engine="notes", verbose=True)
    for _ in range(2):
        classifier.partial_fit(X[:, :5, :4].reshape(400, -1) / 16, Y, classes=range(10))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "400 rows of 20 numbers, 10 classes; 507 parameters"
    assert len(lines) == 3


def test_every_command_reads_its_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classifier = HandgradClassifier(**SMALL).fit(X, Y)
    model_file.save(classifier.model_, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(model_file.load(tmp_path).predict(X[..., np.newaxis]), classifier.predict_proba(X))
    for command in (["info", str(tmp_path)], ["evaluate", str(tmp_path), "digits"]):
        assert cli.run(command) == 0
    assert "HandgradClassifier(" in capsys.readouterr().out
