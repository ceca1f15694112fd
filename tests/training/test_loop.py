"""Training from images to weights: it learns, it repeats itself, it looks at no validation label."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handgrad import engine as engines
from handgrad import optimizer as optimizers
from handgrad.architecture import Architecture
from handgrad.data import Samples, load
from handgrad.engine import Engine
from handgrad.errors import DivergenceError, InputError
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Epoch, Recipe, State, Step, train
from handgrad.training.loop import score
from handgrad.training.recipe import OptimizerName
from handgrad.typing import Array, Integers, Stored

DIGITS = load("digits")
TRAIN, VALIDATION = DIGITS.train[:300], DIGITS.validation


def new_model(seed: int = 0, dtype: str = "float32") -> Model:
    architecture = Architecture(input_shape=(8, 8, 1), classes=10, stages=((4, 4),), hidden=(16,))
    parameters = Parameters.draw(architecture, np.random.default_rng(seed), dtype)
    return Model(parameters, DIGITS.classes, Standardization.of(TRAIN.images))


def events(
    model: Model,
    recipe: Recipe,
    *,
    samples: Samples = TRAIN,
    validation: Samples = VALIDATION,
    seed: int = 0,
    engine: Engine | None = None,
) -> tuple[list[Step], list[Epoch]]:
    engine = engine or engines.create("notes", model.standardization)
    found = list(train(model, samples, validation, recipe, engine, seed))
    return [e for e in found if isinstance(e, Step)], [e for e in found if isinstance(e, Epoch)]


@pytest.mark.parametrize("recipe", [Recipe(epochs=40), Recipe(epochs=40, optimizer="sgd", learning_rate=0.05)])
def test_the_loss_falls_and_unseen_images_are_recognized(recipe: Recipe) -> None:
    steps, epochs = events(new_model(), recipe, samples=DIGITS.train)
    assert epochs[-1].loss < epochs[0].loss / 3
    assert epochs[-1].validation_accuracy > 0.7
    assert np.mean([step.loss for step in steps[-10:]]) < np.mean([step.loss for step in steps[:10]]) / 3


def test_one_batch_is_learned_by_heart() -> None:
    model, few = new_model(), TRAIN[:20]
    _, epochs = events(model, Recipe(epochs=200, batch_size=20, learning_rate=0.005), samples=few)
    assert epochs[-1].accuracy == 1
    assert (model.predict(few.images).argmax(axis=1) == few.labels).all()


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    weights = []
    for start, order in ((0, 0), (0, 0), (0, 1), (1, 0)):
        model = new_model(start)
        steps, _ = events(model, Recipe(epochs=2), seed=order)
        weights.append((model.parameters.vector.tobytes(), tuple(step.loss for step in steps)))
    assert weights[0] == weights[1]
    assert len(set(weights)) == 3


def test_validation_is_never_learned_from() -> None:
    rng = np.random.default_rng(0)
    others = Samples(rng.permutation(VALIDATION.images), rng.permutation(VALIDATION.labels))
    results = []
    for validation in (VALIDATION, others):
        model = new_model()
        _, epochs = events(model, Recipe(epochs=2), validation=validation)
        results.append((model.parameters.vector.tobytes(), epochs[-1].validation_loss))
    assert results[0][0] == results[1][0]
    assert results[0][1] != results[1][1]


def test_a_training_without_momentum_is_n31_on_the_notes_gradient() -> None:
    """Steps of the loop, written out: order, batches with a smaller last one, standardized images, mean gradients."""
    recipe = Recipe(
        epochs=2, batch_size=128, optimizer="sgd", momentum=0, weight_decay=0, schedule="constant", learning_rate=0.05
    )
    model, expected = new_model(dtype="float64"), new_model(dtype="float64").parameters
    steps, epochs = events(model, recipe, seed=3)
    losses = []
    X = (np.asarray(TRAIN.images) - model.standardization.mean[0]) / model.standardization.std[0]
    for epoch in (1, 2):
        order = np.random.default_rng((3, epoch)).permutation(300)
        for chosen in (order[:128], order[128:256], order[256:]):
            values = network.forward(expected, X[chosen], TRAIN.labels[chosen])
            gradients = network.backward(expected, values, TRAIN.labels[chosen])
            losses.append(float(values["E"].mean()))
            for name in expected:
                expected[name][...] -= 0.05 * gradients[name]
    np.testing.assert_allclose(model.parameters.vector, expected.vector, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([step.loss for step in steps], losses, rtol=1e-10)
    assert [step.images for step in steps] == [128, 128, 44, 128, 128, 44]
    assert epochs[0].loss == pytest.approx(np.average(losses[:3], weights=[128, 128, 44]))


def test_every_image_is_seen_once_an_epoch_in_a_new_order() -> None:
    class Watching(engines.NotesEngine):
        seen: list[bytes]

        def loss_and_gradients(
            self, parameters: Parameters, images: Stored, labels: Integers | Array, sample_weight: Array | None = None
        ) -> tuple[Array, Array, Parameters]:
            self.seen += [image.tobytes() for image in images]
            return super().loss_and_gradients(parameters, images, labels, sample_weight)

    model = new_model()
    engine = Watching(model.standardization)
    engine.seen = []
    events(model, Recipe(epochs=2, batch_size=70), engine=engine)
    first, second = engine.seen[:300], engine.seen[300:]
    assert sorted(first) == sorted(second) == sorted(image.tobytes() for image in TRAIN.images)
    assert first != second


def test_steps_and_epochs_count_and_measure() -> None:
    model = new_model()
    steps, epochs = events(model, Recipe(epochs=3, batch_size=128))
    assert [(step.epoch, step.step, step.steps) for step in steps] == [(1 + n // 3, n + 1, 9) for n in range(9)]
    assert [(epoch.epoch, epoch.epochs) for epoch in epochs] == [(1, 3), (2, 3), (3, 3)]
    seconds = [step.seconds for step in steps]
    assert seconds == sorted(seconds)
    assert [epoch.seconds for epoch in epochs] == seconds[2::3]
    for epoch in epochs:
        own = [step for step in steps if step.epoch == epoch.epoch]
        assert epoch.accuracy == pytest.approx(sum(step.accuracy * step.images for step in own) / 300)
    probabilities = model.predict(VALIDATION.images)
    expected = probabilities[np.arange(len(VALIDATION)), VALIDATION.labels]
    assert epochs[-1].validation_loss == pytest.approx(-np.log(expected).mean(), rel=1e-5)
    assert epochs[-1].validation_accuracy == (probabilities.argmax(axis=1) == VALIDATION.labels).mean()


@pytest.mark.parametrize("batch_size", [1, 7, 300, 10_000])
def test_batches_of_any_size(batch_size: int) -> None:
    few = TRAIN[:15]
    steps, _ = events(new_model(), Recipe(epochs=1, batch_size=batch_size), samples=few)
    assert sum(step.images for step in steps) == 15
    assert len(steps) == -(-15 // batch_size)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_loss_that_is_not_finite_stops_with_step_and_remedy(optimizer: OptimizerName) -> None:
    recipe = Recipe(epochs=10, optimizer=optimizer, learning_rate=1e30, schedule="constant")
    with pytest.raises(DivergenceError) as caught:
        events(new_model(), recipe)
    error = caught.value
    assert error.step >= 2
    assert not np.isfinite(error.loss)
    assert f"at step {error.step}: the loss must stay finite; try a smaller" in str(error)


@pytest.mark.parametrize("validation", [VALIDATION, None])
def test_the_last_step_must_leave_finite_parameters(validation: Samples | None) -> None:
    class Breaking(engines.NotesEngine):
        def loss_and_gradients(self, *given: Any) -> tuple[Array, Array, Parameters]:
            loss, probabilities, gradient = super().loss_and_gradients(*given)
            gradient["w2"][0, 0] = np.nan
            return loss, probabilities, gradient

    model = new_model()
    with pytest.raises(DivergenceError, match="loss=nan at step 1:"):
        list(train(model, TRAIN, validation, Recipe(epochs=1, batch_size=300), Breaking(model.standardization), 0))


def test_a_network_that_is_wrong_and_sure_has_a_finite_validation_loss() -> None:
    model = new_model()
    model.parameters["b2"][0] = 1e4
    model.parameters["w2"][:] = 0
    _, epochs = events(model, Recipe(epochs=1, learning_rate=1e-9))
    assert 50 < epochs[0].validation_loss < 100


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("taken", [1, 2, 3, 4, 7])
def test_a_training_left_after_any_step_resumes_as_if_uninterrupted(optimizer: OptimizerName, taken: int) -> None:
    recipe = Recipe(epochs=3, batch_size=128, optimizer=optimizer, early_stopping=True)
    whole, broken = new_model(), new_model()
    everything = list(train(whole, TRAIN, VALIDATION, recipe, engines.create("notes", whole.standardization), 5))
    engine = engines.create("notes", broken.standardization)
    state = State(optimizers.create(recipe, broken.parameters))
    for event in train(broken, TRAIN, VALIDATION, recipe, engine, 5, state):
        if isinstance(event, Step) and event.step == taken:
            break
    again = Model(broken.parameters.copy(), broken.classes, broken.standardization)
    resumed = replace(state, optimizer=optimizers.create(recipe, again.parameters))
    resumed.optimizer.remember(state.optimizer.memory(), state.step)
    list(train(again, TRAIN, VALIDATION, recipe, engine, 5, resumed))
    assert again.parameters.vector.tobytes() == whole.parameters.vector.tobytes()
    expected = [replace(event, seconds=0) for event in everything if isinstance(event, Epoch)]
    assert [replace(epoch, seconds=0) for epoch in resumed.history] == expected


def test_early_stopping_ends_after_its_patience_with_the_best_epoch_s_parameters() -> None:
    recipe = Recipe(epochs=200, learning_rate=0.03, schedule="constant", early_stopping=True, patience=3)
    model, after = new_model(), []
    engine = engines.create("notes", model.standardization)
    epochs = []
    for event in train(model, TRAIN, VALIDATION, recipe, engine, 0):
        if isinstance(event, Epoch):
            epochs.append(event)
            after.append(model.parameters.vector.copy())
    best = max(epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
    assert len(epochs) == best.epoch + 3 < 200
    assert model.parameters.vector.tobytes() == after[best.epoch - 1].tobytes() != after[-1].tobytes()


def test_a_training_needs_no_validation_split() -> None:
    with_it, without = new_model(), new_model()
    events(with_it, Recipe(epochs=2))
    engine = engines.create("notes", without.standardization)
    found = list(train(without, TRAIN, None, Recipe(epochs=2), engine, 0))
    assert without.parameters.vector.tobytes() == with_it.parameters.vector.tobytes()
    assert isinstance(found[-1], Epoch)
    assert np.isnan([found[-1].validation_loss, found[-1].validation_accuracy]).all()
    with pytest.raises(InputError, match="early_stopping=True: chooses the epoch by a validation split"):
        next(train(without, TRAIN, None, Recipe(early_stopping=True), engine, 0))


def test_without_early_stopping_the_last_epoch_counts() -> None:
    model = new_model()
    _, epochs = events(model, Recipe(epochs=30, learning_rate=0.03, schedule="constant"))
    assert len(epochs) == 30
    _, accuracy = score(model, VALIDATION, engines.create("notes", model.standardization))
    assert accuracy == epochs[-1].validation_accuracy


@pytest.mark.parametrize("moment", ["engine", "validation"])
def test_ctrl_c_leaves_parameters_and_state_that_belong_together(moment: str) -> None:
    """In the middle of a step it waits for its end; from elsewhere it comes at once."""

    class Interrupting(engines.NotesEngine):
        calls = 0

        def loss_and_gradients(self, *given: Any) -> tuple[Array, Array, Parameters]:
            self.calls += 1
            if moment == "engine" and self.calls == 5:
                signal.raise_signal(signal.SIGINT)
            return super().loss_and_gradients(*given)

        def predict(self, *given: Any) -> Array:
            if moment == "validation" and self.calls == 6:
                signal.raise_signal(signal.SIGINT)
            return super().predict(*given)

    recipe, model = Recipe(epochs=3, batch_size=128), new_model()
    state = State(optimizers.create(recipe, model.parameters))
    with pytest.raises(KeyboardInterrupt):
        list(train(model, TRAIN, VALIDATION, recipe, Interrupting(model.standardization), 0, state))
    assert (state.step, len(state.history)) == ((5, 1) if moment == "engine" else (6, 1))
    engine, whole = engines.create("notes", model.standardization), new_model()
    list(train(model, TRAIN, VALIDATION, recipe, engine, 0, state))
    list(train(whole, TRAIN, VALIDATION, recipe, engine, 0))
    assert model.parameters.vector.tobytes() == whole.parameters.vector.tobytes()
