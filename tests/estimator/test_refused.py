"""A call that is refused, fails or is interrupted leaves the classifier as it was, whatever it was."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from handgrad import HandgradClassifier, training
from handgrad.errors import DivergenceError

LABELS = np.arange(60) % 3
X = np.random.default_rng(0).integers(0, 256, (60, 6, 6), np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (60, 7, 8, 3), np.uint8)
NAMED = np.array([f"class {label}" for label in LABELS])


def classifier(**parameters: Any) -> HandgradClassifier:
    small = {"stages": ((2, 2),), "hidden_layer_sizes": (), "max_iter": 1, "random_state": 0, "engine": "notes"}
    return HandgradClassifier(**{**small, **parameters})


def fresh(**parameters: Any) -> HandgradClassifier:
    return classifier(**parameters)


def fitted(**parameters: Any) -> HandgradClassifier:
    return classifier(**parameters).fit(X, LABELS)


def partly(**parameters: Any) -> HandgradClassifier:
    return classifier(**parameters).partial_fit(X, LABELS, classes=range(3))


def floats(**parameters: Any) -> HandgradClassifier:
    # Their range is not known, so that no other is refused for it.
    return classifier(**parameters, pixel_range=None).fit(X.reshape(60, -1) / 255, LABELS)


def state(one: HandgradClassifier) -> bytes:
    return pickle.dumps(vars(one))


def predicted(one: HandgradClassifier) -> bytes | None:
    try:
        check_is_fitted(one)
    except NotFittedError:
        return None
    return one.predict_proba(X).tobytes()


Call = Callable[[HandgradClassifier], object]
REFUSED: dict[str, Call] = {
    "fit one class": lambda one: one.fit(X, np.zeros(60)),
    "fit one class of others": lambda one: one.fit(OTHER, np.zeros(60)),
    "fit no images": lambda one: one.fit(X[:0], LABELS[:0]),
    "fit too few labels": lambda one: one.fit(OTHER, LABELS[:50]),
    "fit continuous labels": lambda one: one.fit(OTHER, LABELS + 0.5),
    "fit labels of two columns": lambda one: one.fit(OTHER, np.stack([LABELS, LABELS], axis=1)),
    "fit NaN": lambda one: one.fit(np.full((60, 9), np.nan), LABELS),
    "fit text": lambda one: one.fit([["a", "b"]] * 60, LABELS),
    "fit five dimensions": lambda one: one.fit(np.zeros((60, 2, 2, 2, 2)), LABELS),
    "fit images too small": lambda one: one.fit(X[:, :3, :3], LABELS),
    "fit weights of another length": lambda one: one.fit(OTHER, LABELS, sample_weight=np.ones(3)),
    "fit negative weights": lambda one: one.fit(OTHER, LABELS, sample_weight=-np.ones(60)),
    "fit weights of NaN": lambda one: one.fit(OTHER, LABELS, sample_weight=np.full(60, np.nan)),
    "stream other classes": lambda one: one.partial_fit(X, NAMED),
    "stream other names": lambda one: one.partial_fit(X, LABELS, classes=[5, 6, 7]),
    "stream labels beyond the classes": lambda one: one.partial_fit(X, LABELS + 1, classes=range(3)),
    "stream labels of NaN": lambda one: one.partial_fit(X, np.full(60, np.nan), classes=range(3)),
    "stream an image too small": lambda one: one.partial_fit(X[:, :2, :2], LABELS, classes=range(3)),
    "stream infinity": lambda one: one.partial_fit(np.full((60, 6, 6), np.inf), LABELS, classes=range(3)),
    "set an unknown name": lambda one: one.set_params(max_iter=7, engine="fused", epochs=3),
    "set an unknown name first": lambda one: one.set_params(no__such=3, pooling=3),
    "predict columns": lambda one: one.predict(np.zeros((4, 5))),
    "predict other images": lambda one: one.predict(OTHER),
    "predict one image": lambda one: one.predict(X[0, 0]),
}
"""What every classifier refuses, in whatever state."""
INSTEAD: dict[str, dict[str, Any]] = {
    "no epochs": {"max_iter": 0},
    "unknown solver": {"solver": "adam"},
    "unknown engine": {"engine": "torch"},
    "no room for a pooling": {"pooling": 50},
    "a filter of text": {"filter_size": "large"},
    "an image of another shape": {"image_shape": (5, 5)},
    "a weight for no class": {"class_weight": {9: 1.0}},
    "a negative weight": {"class_weight": {0: -1.0}},
    "no validation image": {"early_stopping": True, "validation_fraction": 1e-9},
    "no such change": {"augment": ("mirror",)},
    "a seed of text": {"random_state": "now"},
    "a loss that is no number": {"learning_rate_init": 1e30, "learning_rate": "constant", "max_iter": 5},
}
"""Parameters with which ``fit`` and ``partial_fit`` are refused."""


@pytest.mark.parametrize("begun", [fresh, fitted, partly, floats])
@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_call_changes_nothing(begun: Callable[..., HandgradClassifier], name: str) -> None:
    one = begun()
    before, answers, attributes = state(one), predicted(one), dict(vars(one))
    with pytest.raises((ValueError, TypeError, NotFittedError)):
        REFUSED[name](one)
    assert (state(one), predicted(one)) == (before, answers)
    assert all(vars(one)[key] is value for key, value in attributes.items())


@pytest.mark.parametrize("begun", [fresh, fitted])
@pytest.mark.parametrize("name", INSTEAD)
def test_parameters_that_break_a_rule_change_nothing_else(begun: Callable[..., HandgradClassifier], name: str) -> None:
    one = begun().set_params(**INSTEAD[name])
    before = state(one)
    # A network that exists keeps its sizes in a stream, and one epoch need not diverge.
    streams = begun is fresh and not name.startswith("a loss")
    trainings: list[Any] = [one.fit, partial(one.partial_fit, classes=[0, 1, 2])]
    for train in trainings[: 1 + streams]:
        with pytest.raises((ValueError, TypeError, DivergenceError)):
            train(np.concatenate([X, X]), np.concatenate([LABELS, LABELS]))
        assert state(one) == before


@settings(max_examples=15)
@given(st.lists(st.sampled_from([*REFUSED]), max_size=6))
def test_refused_calls_in_any_order_change_no_later_training(names: list[str]) -> None:
    one, twin = partly(random_state=np.random.RandomState(4)), partly(random_state=np.random.RandomState(4))
    for name in names:
        with pytest.raises((ValueError, TypeError)):
            REFUSED[name](one)
    assert predicted(one.partial_fit(X, LABELS)) == predicted(twin.partial_fit(X, LABELS))


@pytest.mark.parametrize("begun", [fresh, fitted])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_training_that_is_interrupted_changes_nothing(
    begun: Callable[..., HandgradClassifier], failure: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun(random_state=np.random.RandomState(3), warm_start=True, max_iter=3)
    before, answers = state(one), predicted(one)

    def failing(*arguments: Any) -> Any:
        events = training.train(*arguments)
        yield next(events)
        yield next(events)
        raise failure

    monkeypatch.setattr("handgrad.estimator.classifier.train", failing)
    trainings: list[Any] = [one.fit, partial(one.partial_fit, classes=range(3))]
    for train in trainings:
        with pytest.raises(failure):
            train(X, LABELS)
        assert (state(one), predicted(one)) == (before, answers)
        assert predicted(pickle.loads(pickle.dumps(one))) == answers
        assert not hasattr(clone(one), "model_")


def test_a_classifier_that_was_never_fitted_is_still_not() -> None:
    one = fresh()
    with pytest.raises(ValueError, match="one class"):
        one.fit(X, np.zeros(60))
    with pytest.raises(NotFittedError):
        one.predict(X)


def test_a_stream_may_change_its_solver() -> None:
    one = partly().set_params(solver="sgd", learning_rate_init=0.01)
    before = predicted(one)
    assert predicted(one.partial_fit(X, LABELS)) != before
