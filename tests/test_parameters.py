"""One vector, its named views, and the scale at which a network starts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.notes import network
from handgrad.parameters import Parameters
from tests.notes.strategies import architectures, brief, dtypes, generators


@brief
@given(architectures(), dtypes)
def test_the_views_cover_the_vector_in_order_and_write_to_it(architecture: Architecture, dtype: str) -> None:
    parameters = Parameters.zeros(architecture, dtype)
    assert list(parameters) == list(architecture.parameter_shapes)
    for index, (name, shape) in enumerate(architecture.parameter_shapes.items(), start=1):
        assert parameters[name].shape == shape
        parameters[name][...] = index
    sizes = [int(np.prod(shape)) for shape in architecture.parameter_shapes.values()]
    np.testing.assert_array_equal(parameters.vector, np.repeat(np.arange(1, len(parameters) + 1), sizes))
    assert parameters.vector.dtype == dtype


def test_a_vector_of_any_stride_is_written_through() -> None:
    architecture = Architecture(input_shape=(6, 6, 1))
    every_other = np.zeros(2 * architecture.parameter_count)[::2]
    Parameters(architecture, every_other)["w1"][...] = 1
    assert every_other.sum() == np.prod(architecture.parameter_shapes["w1"])


def test_copies_share_nothing() -> None:
    parameters = Parameters.draw(Architecture(input_shape=(6, 6, 1)), np.random.default_rng(0))
    for other in (parameters.copy(), parameters.astype("float32"), pickle.loads(pickle.dumps(parameters))):
        np.testing.assert_array_equal(other.vector, parameters.vector)
        assert not np.shares_memory(other.vector, parameters.vector)
    assert parameters.astype("float64")["F1"].dtype == np.float64


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match=r"vector=.*this architecture has 368960 parameters"):
        Parameters(Architecture(), np.zeros(3))


@brief
@given(architectures(), generators)
def test_a_draw_is_its_seed_and_its_biases_are_zero(architecture: Architecture, rng: np.random.Generator) -> None:
    seed = int(rng.integers(2**32))
    first, second = (Parameters.draw(architecture, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first.vector, second.vector)
    for name in first:
        assert first[name].any() != name.startswith("b")


@pytest.mark.parametrize("maps", [None, 1, 4])
@pytest.mark.parametrize("count", [4, 64])
def test_the_scale_of_t2_does_not_depend_on_the_number_of_maps_that_it_sums(count: int, maps: int | None) -> None:
    architecture = Architecture(input_shape=(16, 16, 1), stages=((count, 16),), hidden=(32,), classes=10, maps=maps)
    scales = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        parameters = Parameters.draw(architecture, rng, "float64")
        X = rng.normal(size=(4, 16, 16, 1))
        values = network.forward(parameters, X, np.zeros(4, int))
        scales.append([np.mean(values[name] ** 2) for name in ("T1", "T2")])
    assert np.mean(scales, axis=0) == pytest.approx([1, 1], rel=0.3)


def test_mixing_weights_start_with_balanced_signs() -> None:
    architecture = Architecture(input_shape=(12, 12, 1), stages=((7, 4),), maps=3)
    alpha = Parameters.draw(architecture, np.random.default_rng(0))["alpha2"]
    np.testing.assert_array_equal(np.abs(alpha), 1)
    np.testing.assert_array_equal(alpha.sum(axis=0), 1)


def test_what_is_read_only_is_copied() -> None:
    architecture = Architecture(input_shape=(6, 6, 1))
    vector = np.zeros(architecture.parameter_count)
    assert np.shares_memory(Parameters(architecture, vector).vector, vector)
    vector.flags.writeable = False
    Parameters(architecture, vector)["b2"][:] = 1
    assert not vector.any()
