"""N1–N35 in order: every tensor by name, finite differences, and what the batch and the precision may not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.notes import network, pooling
from handgrad.parameters import Parameters
from handgrad.typing import Array
from tests.notes.strategies import architectures, brief, filled, generators

SMALL = Architecture(input_shape=(7, 8, 2), classes=3, stages=((3, 2),), hidden=(4,))
STEP = 1e-5


def images(architecture: Architecture, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Images and soft labels."""
    return rng.normal(size=(count, *architecture.input_shape)), rng.dirichlet(np.ones(architecture.classes), count)


def branches(architecture: Architecture, values: network.Tensors) -> list[bytes]:
    """Which way every ReLU and every window went: within one such pattern E is smooth."""
    patterns = []
    for layer in architecture.convolutions:
        T = values[layer.T]
        chosen = pooling.winners(T, architecture.pooling) if layer.pooled_shape else T > 0
        patterns.append(chosen.tobytes())
    patterns.extend((values[layer.t] > 0).tobytes() for layer in architecture.denses if not layer.last)
    return patterns


def slope(parameters: Parameters, X: Array, y: Array, array: Array, place: tuple[int, ...]) -> float:
    """Central difference of the mean loss by one number of `array`, which is X or a view of the parameters."""
    before = array[place]
    losses, patterns = [], []
    for shifted in (before + STEP, before - STEP):
        array[place] = shifted
        values = network.forward(parameters, X, y)
        losses.append(values["E"].mean())
        patterns.append(branches(parameters.architecture, values))
    array[place] = before
    assume(patterns[0] == patterns[1])
    return (losses[0] - losses[1]) / (2 * STEP)


@brief
@given(architectures(), generators)
def test_n17_to_n35_agree_with_finite_differences_on_any_network(
    architecture: Architecture, rng: np.random.Generator
) -> None:
    parameters = filled(architecture, rng)
    X, y = images(architecture, rng, 2)
    gradients = network.backward(parameters, network.forward(parameters, X, y), y)
    for name, array in {"X": X, **parameters}.items():
        # Two images: the mean loss moves by half of what one of them does.
        exact = gradients[name] / 2 if name == "X" else gradients[name]
        place = tuple(int(rng.integers(length)) for length in array.shape)
        assert exact[place] == pytest.approx(slope(parameters, X, y, array, place), rel=1e-6, abs=1e-8), name


@brief
@given(architectures(), generators)
def test_both_passes_name_every_tensor_with_its_shape(architecture: Architecture, rng: np.random.Generator) -> None:
    parameters = filled(architecture, rng)
    X, y = images(architecture, rng, 3)
    expected: dict[str, tuple[int, ...]] = {"X": architecture.input_shape}
    for layer in architecture.convolutions:
        if layer.mixing_shape:
            expected[layer.S] = (*layer.input_shape[:2], layer.mixing_shape[1])
        expected[layer.T] = layer.shape
        expected[layer.output] = layer.pooled_shape or layer.shape
    expected["x'"] = (architecture.flat,)
    for dense in architecture.denses:
        expected[dense.t] = expected[dense.output] = (dense.outputs,)
    expected["E"] = ()
    values = network.forward(parameters, X, y)
    assert [(name, array.shape) for name, array in values.items()] == [(n, (3, *s)) for n, s in expected.items()]
    gradients = network.backward(parameters, values, y)
    assert {name: array.shape for name, array in gradients.items()} == {
        **{name: array.shape for name, array in values.items()},
        **{name: array.shape for name, array in parameters.items()},
    }
    assert {array.dtype for array in (*values.values(), *gradients.values())} == {np.dtype("float64")}


def test_the_notes_network_has_the_notes_names() -> None:
    parameters = filled(SMALL, np.random.default_rng(0))
    X, y = images(SMALL, np.random.default_rng(1), 1)
    values = network.forward(parameters, X, y)
    assert list(values) == ["X", "T1", "H1", "T2", "U2", "x'", "t1'", "h1'", "t2'", "z", "E"]
    assert network.backward(parameters, values, y).keys() == {*values, "F1", "F2", "w1", "b1", "w2", "b2"}


@brief
@given(architectures(), generators)
def test_a_batch_is_its_images_one_by_one_and_its_gradient_their_mean(
    architecture: Architecture, rng: np.random.Generator
) -> None:
    parameters = filled(architecture, rng)
    X, y = images(architecture, rng, 3)
    losses, probabilities, gradient = network.loss_and_gradients(parameters, X, y)
    alone = [network.loss_and_gradients(parameters, X[[s]], y[[s]]) for s in range(3)]
    np.testing.assert_allclose(losses, [loss[0] for loss, _, _ in alone], rtol=1e-10)
    np.testing.assert_allclose(probabilities, [z[0] for _, z, _ in alone], rtol=1e-10)
    np.testing.assert_allclose(network.predict(parameters, X), probabilities, rtol=1e-12)
    mean = np.mean([single.vector for _, _, single in alone], axis=0)
    np.testing.assert_allclose(gradient.vector, mean, rtol=1e-9, atol=1e-12)


@brief
@given(architectures(), generators)
def test_float32_stays_float32_and_is_near_float64(architecture: Architecture, rng: np.random.Generator) -> None:
    parameters = filled(architecture, rng, "float32")
    X, y = images(architecture, rng, 2)
    X = X.astype(np.float32)
    values = network.forward(parameters, X, y)
    gradients = network.backward(parameters, values, y)
    assert {array.dtype for array in (*values.values(), *gradients.values())} == {np.dtype("float32")}
    exact = network.forward(parameters.astype("float64"), X.astype(np.float64), y)
    assume(branches(architecture, values) == branches(architecture, exact))
    for name, array in network.backward(parameters.astype("float64"), exact, y).items():
        scale = np.abs(array).max()
        np.testing.assert_allclose(gradients[name], array, rtol=1e-3, atol=1e-4 * scale, err_msg=name)


def test_neither_pass_writes_to_what_it_is_given_and_the_results_stand_alone() -> None:
    rng = np.random.default_rng(2)
    vector = filled(SMALL, rng).vector
    vector.flags.writeable = False
    parameters = Parameters(SMALL, vector)
    X, y = images(SMALL, rng, 2)
    for array in (X, y):
        array.flags.writeable = False
    losses, probabilities, gradient = network.loss_and_gradients(parameters, X, y)
    results = [losses, probabilities, gradient.vector]
    for result in results:
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (X, y, vector))
    assert not any(np.shares_memory(a, b) for a, b in ((losses, probabilities), (losses, gradient.vector)))


def test_nan_in_an_image_stays_nan_in_its_own_loss_only() -> None:
    parameters = filled(SMALL, np.random.default_rng(3))
    X, y = images(SMALL, np.random.default_rng(4), 2)
    X[0, 3, 3, 0] = np.nan
    np.testing.assert_array_equal(np.isnan(network.forward(parameters, X, y)["E"]), [True, False])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros((1, 7, 8, 1)), r"X=\(1, 7, 8, 1\): must have the shape \(batch, 7, 8, 2\)"),
        (np.zeros((7, 8, 2)), r"must have the shape \(batch, 7, 8, 2\)"),
        (np.zeros((0, 7, 8, 2)), r"X=\(0, 7, 8, 2\)"),
        (np.zeros((1, 7, 8, 2), np.float32), "X=float32: must be float64 like the parameters"),
    ],
)
def test_images_that_do_not_fit_are_refused(X: Array, words: str) -> None:
    parameters = Parameters.zeros(SMALL, "float64")
    for entry in (network.predict, lambda p, images: network.forward(p, images, np.array([0]))):
        with pytest.raises(InputError, match=words):
            entry(parameters, X)


def test_one_label_an_image_is_needed() -> None:
    with pytest.raises(InputError, match="labels=3 labels: 2 images need as many labels"):
        network.forward(Parameters.zeros(SMALL, "float64"), np.zeros((2, 7, 8, 2)), np.array([0, 1, 2]))
