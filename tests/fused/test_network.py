"""The fused engine's numbers are the notes', whatever the network, batch, threads, memory and numbers."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.fused import network as fused
from handgrad.fused.engine import FusedEngine
from handgrad.fused.team import Task
from handgrad.notes import network as notes
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array
from tests.fused.agreement import TOLERANCE, check, network_of, parameters_of, size_of
from tests.notes.strategies import dtypes, generators, layouts, sizes

DIGITS = Architecture(input_shape=(8, 8, 1), classes=10, stages=((5, 3),), hidden=(6,))
PHOTOS = Architecture(input_shape=(23, 22, 3), classes=3, stages=((4, 3), (5,)), hidden=(6,))
MAPS = Architecture(input_shape=(22, 23, 3), classes=3, stages=((4, 3), (5,)), hidden=(), maps=2)
WIDE_POOLING = Architecture(input_shape=(14, 15, 3), classes=3, stages=((4, 3),), hidden=(), pooling=4, maps=2)
"""Whose kernels for pixels are those of tests/cli/test_export_c.py."""


@st.composite
def networks(draw: st.DrawFn) -> Architecture:
    """Networks of the notes' filters and windows, which share one set of kernels."""
    stages = st.lists(sizes(1, 5), min_size=1, max_size=3).map(tuple)
    wanted: dict[str, Any] = {
        "classes": draw(sizes(2, 5)),
        "stages": tuple(draw(st.lists(stages, min_size=1, max_size=2))),
        "hidden": tuple(draw(st.lists(sizes(1, 9), max_size=2))),
        "maps": draw(st.none() | sizes(1, 8)),
    }
    height, width = Architecture(**wanted).smallest_image
    return Architecture(
        input_shape=(height + draw(sizes(0, 5)), width + draw(sizes(0, 5)), draw(sizes(1, 4))), **wanted
    )


@settings(max_examples=40)
@given(networks(), st.sampled_from([1, 2, 3, 5, 8, 9, 17, 65, 70]), dtypes, layouts, sizes(1, 3), generators)
def test_any_network_agrees_with_the_notes(
    architecture: Architecture, batch: int, dtype: str, layout: str, threads: int, rng: np.random.Generator
) -> None:
    check(architecture, batch, dtype, rng, threads, layout)


@pytest.mark.parametrize("architecture", [DIGITS, PHOTOS, MAPS])
@pytest.mark.parametrize("batch", [1, 7, 33])
def test_results_are_bit_for_bit_the_same_for_any_threads_and_run(architecture: Architecture, batch: int) -> None:
    rng = np.random.default_rng(1)
    parameters = parameters_of(architecture, rng, "float32")
    X = rng.normal(size=(batch, *architecture.input_shape)).astype("float32")
    y = rng.integers(0, architecture.classes, batch)
    results = set()
    for threads in (1, 2, 3, 7):
        engine = network_of(parameters, threads)
        for _ in range(2):
            losses, z, gradient = engine.loss_and_gradients(parameters, X, y)
            results_of_run = (losses, z, gradient.vector, engine.predict(parameters, X))
            results.add(b"".join(part.tobytes() for part in results_of_run))
    assert len(results) == 1


@pytest.mark.parametrize("architecture", [DIGITS, PHOTOS, WIDE_POOLING])
def test_pixels_are_standardized_as_by_the_notes_engine(architecture: Architecture) -> None:
    rng = np.random.default_rng(2)
    depth = architecture.input_shape[2]
    pixels = rng.integers(0, 256, (9, *architecture.input_shape), dtype=np.uint8)
    standardization = Standardization(tuple(rng.uniform(50, 200, depth)), tuple(rng.uniform(20, 90, depth)))
    parameters = parameters_of(architecture, rng, "float32")
    y = rng.dirichlet(np.ones(architecture.classes), 9)
    expected = notes.loss_and_gradients(parameters, standardization.apply(pixels, "float32"), y)
    found = FusedEngine(standardization).loss_and_gradients(parameters, pixels, y)
    np.testing.assert_allclose(found[0], expected[0], rtol=TOLERANCE["float32"])
    for name in parameters:
        atol = TOLERANCE["float32"] * size_of(expected[2][name])
        np.testing.assert_allclose(found[2][name], expected[2][name], rtol=0, atol=atol)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-30, 1e8])
@pytest.mark.parametrize("architecture", [DIGITS, PHOTOS, MAPS])
def test_flat_images_tie_in_every_window(architecture: Architecture, value: float) -> None:
    rng = np.random.default_rng(3)
    parameters = parameters_of(architecture, rng, "float64")
    X, y = np.full((5, *architecture.input_shape), value), np.arange(5) % architecture.classes
    # Integer filters on a flat image: sums are exact, so both engines see a tie.
    for name in parameters:
        if name[0] in "Fa":
            parameters[name][...] = rng.integers(-2, 3, parameters[name].shape)
    losses, _, gradient = notes.loss_and_gradients(parameters, X, y)
    fused_losses, _, fused_gradient = network_of(parameters).loss_and_gradients(parameters, X, y)
    np.testing.assert_allclose(fused_losses, losses, rtol=1e-9)
    for name in gradient:
        scale = np.abs(gradient[name]).max()
        np.testing.assert_allclose(fused_gradient[name], gradient[name], rtol=0, atol=1e-9 * max(scale, 1e-300))


def test_a_smaller_batch_may_follow_in_the_buffers_of_a_larger() -> None:
    rng = np.random.default_rng(6)
    parameters = parameters_of(DIGITS, rng, "float32")
    X = rng.normal(size=(80, *DIGITS.input_shape)).astype("float32")
    for largest in (80, 65, 17, 9):
        engine = network_of(parameters, 1)
        for batch in (largest, 1, *range(largest, 1, -1)):
            engine.loss_and_gradients(parameters, X[:batch], np.zeros(batch, int))


@pytest.mark.parametrize("pixel", [(0, 0), (0, -1), (-1, -1), (3, 4)])
def test_nan_stays_nan_and_in_its_image(pixel: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    architecture = Architecture(input_shape=(8, 8, 1), classes=3, stages=((3, 2),), hidden=(4,))
    parameters = parameters_of(architecture, rng, "float32")
    X = rng.normal(size=(6, *architecture.input_shape)).astype("float32")
    X[2, pixel[0], pixel[1], 0] = np.nan
    y = np.zeros(6, int)
    expected, _, _ = notes.loss_and_gradients(parameters, X, y)
    engine = network_of(parameters)
    losses, z, gradient = engine.loss_and_gradients(parameters, X, y)
    np.testing.assert_array_equal(np.isnan(losses), np.isnan(expected))
    assert np.isnan(losses).tolist() == [False, False, True, False, False, False]
    assert np.isnan(z[2]).all()
    for name in ("F1", "F2", "w1", "b1", "w2", "b2"):
        assert np.isnan(gradient[name]).any(), name
    assert np.isnan(engine.predict(parameters, X)[2]).all()
    # Nothing of it is left in the buffers for the next batch.
    assert np.isfinite(engine.loss_and_gradients(parameters, X[3:], y[3:])[2].vector).all()


def test_several_threads_predict_at_once() -> None:
    rng = np.random.default_rng(5)
    parameters = parameters_of(PHOTOS, rng, "float32")
    engine = network_of(parameters)
    batches = [rng.normal(size=(n, *PHOTOS.input_shape)).astype("float32") for n in (1, 9, 40, 3) * 4]
    alone = [engine.predict(parameters, X) for X in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda X: engine.predict(parameters, X), batches))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def _predict(parameters: Parameters, X: Array, threads: int) -> Array:
    return _ENGINE.predict(parameters, X)


_ENGINE = FusedEngine(Standardization((0.0,), (1.0,)), 2)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_predicts(method: str) -> None:
    rng = np.random.default_rng(6)
    parameters = parameters_of(DIGITS, rng, "float32")
    X = rng.normal(size=(20, *DIGITS.input_shape)).astype("float32")
    here = _ENGINE.predict(parameters, X)
    with multiprocessing.get_context(method).Pool(1) as pool:
        there = pool.apply(_predict, (parameters, X, 2))
    np.testing.assert_array_equal(here, there)


def test_several_threads_learn_at_once() -> None:
    rng = np.random.default_rng(8)
    parameters = parameters_of(MAPS, rng, "float32")
    engine = network_of(parameters)
    batches = [rng.normal(size=(n, *MAPS.input_shape)).astype("float32") for n in (2, 19, 33, 5) * 3]

    def gradient(X: Array) -> Array:
        return engine.loss_and_gradients(parameters, X, np.zeros(len(X), int))[2].vector

    alone = [gradient(X) for X in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(gradient, batches))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_forked_while_a_thread_predicts_do_not_wait_for_it() -> None:
    rng = np.random.default_rng(9)
    parameters = parameters_of(DIGITS, rng, "float32")
    X = rng.normal(size=(70, *DIGITS.input_shape)).astype("float32")
    expected, done = _ENGINE.predict(parameters, X), threading.Event()

    def go_on() -> None:
        while not done.is_set():
            _ENGINE.predict(parameters, X)

    busy = threading.Thread(target=go_on)
    busy.start()
    try:
        for _ in range(8):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                found = pool.starmap_async(_predict, [(parameters, X, 2)] * 2).get(timeout=120)
            assert all(np.array_equal(expected, one) for one in found)
    finally:
        done.set()
        busy.join()


def test_results_are_the_callers_own() -> None:
    rng = np.random.default_rng(7)
    parameters = parameters_of(DIGITS, rng, "float32")
    X = rng.normal(size=(4, *DIGITS.input_shape)).astype("float32")
    engine = network_of(parameters)
    first = engine.loss_and_gradients(parameters, X, np.zeros(4, int))
    kept = [first[0].copy(), first[1].copy(), first[2].vector.copy()]
    engine.loss_and_gradients(parameters, X[:2] + 1, np.ones(2, int))
    for before, now in zip(kept, (first[0], first[1], first[2].vector), strict=True):
        np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize(
    ("shape", "dtype", "labels"),
    [((2, 7, 8, 1), "float32", [0, 1]), ((0, 8, 8, 1), "float32", []), ((2, 8, 8, 1), "float64", [0, 1]),
     ((2, 8, 8, 1), "float32", [0]), ((2, 8, 8, 1), "float32", [0, 10])],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(shape: tuple[int, ...], dtype: str, labels: list[int]) -> None:
    with pytest.raises(InputError):
        network_of(Parameters.zeros(DIGITS)).loss_and_gradients(
            Parameters.zeros(DIGITS), np.zeros(shape, dtype), np.array(labels, int)
        )


def test_little_work_is_left_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "ENOUGH", 2_000_000)
    architecture = Architecture(input_shape=(28, 28, 1), classes=10, stages=((8, 8),), hidden=(16,))
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    engine = network_of(parameters)
    shared: list[Task] = []
    run = engine.team.run

    def counted(task: Task) -> None:
        shared.append(task)
        run(task)

    monkeypatch.setattr(engine.team, "run", counted)
    engine.predict(parameters, np.zeros((8, 28, 28, 1), np.float32))
    assert shared == []
    engine.predict(parameters, np.zeros((64, 28, 28, 1), np.float32))
    assert shared
