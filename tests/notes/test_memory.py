"""Every function of N1–N35 on arrays of any layout: same numbers, same precision, nothing written, nothing shared."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.notes.lines import LINES
from tests.notes.strategies import brief, generators, laid_out, layouts

Shape = tuple[int, ...]

SHAPES: dict[str, tuple[Shape, ...]] = {
    "activation.relu": ((2, 5),),
    "activation.relu_derivative": ((2, 5),),
    "activation.relu_backward": ((2, 5), (2, 5)),
    "convolution.filters": ((3, 2, 4),),
    "convolution.turned": ((3, 2, 4),),
    "convolution.convolve": ((2, 5, 6, 3), (3, 2, 4)),
    "convolution.filter_gradient": ((2, 5, 6, 3), (2, 3, 5, 4)),
    "convolution.input_gradient": ((2, 3, 5, 4), (3, 2, 4)),
    "loss.cross_entropy_backward": ((2, 3), (2, 3)),
    "dense.dense": ((2, 3), (3, 4), (4,)),
    "dense.weight_gradient": ((2, 3), (2, 4)),
    "dense.bias_gradient": ((2, 4),),
    "dense.input_gradient": ((2, 4), (3, 4)),
    "loss.softmax": ((2, 4),),
    "loss.cross_entropy": ((2, 4), (2, 4)),
    "loss.softmax_cross_entropy_backward": ((2, 4), (2, 4)),
    "maps.weigh_depth": ((2, 5, 6, 3), (3, 2)),
    "maps.convolve_maps": ((2, 5, 6, 3), (3, 2, 3, 4)),
    "maps.filter_gradient": ((2, 5, 6, 3), (2, 3, 5, 4)),
    "maps.map_gradient": ((2, 3, 5, 4), (3, 2, 3, 4)),
    "maps.depth_weight_gradient": ((2, 5, 6, 3), (2, 5, 6, 2)),
    "maps.input_gradient": ((2, 5, 6, 2), (3, 2)),
    "pooling.flatten": ((2, 3, 4, 2),),
    "pooling.unflatten": ((2, 24),),
    "pooling.max_pool": ((2, 5, 6, 3),),
    "pooling.max_pool_backward": ((2, 2, 3, 3), (2, 5, 6, 3)),
    "descent.step": ((7,), (7,)),
}
"""The arrays that each function takes, by shape."""

FURTHER: dict[str, tuple[Any, ...]] = {
    "convolution.input_gradient": (3,),
    "pooling.unflatten": ((3, 4, 2),),
    "descent.step": (0.1,),
}
"""What it takes after the arrays."""

VIEWS = {"convolution.filters", "convolution.turned", "pooling.flatten", "pooling.unflatten"}
"""Those that may return a view of what they were given."""

NOT_OF_ARRAYS_ALONE = {"network.dense_half", "convolution.response", "convolution.response_derivative"}


def call(name: str, arrays: list[Any]) -> Any:
    module, function = name.split(".")
    return getattr(import_module(f"handgrad.notes.{module}"), function)(*arrays, *FURTHER.get(name, ()))


def test_every_function_of_the_lines_is_here() -> None:
    named = {name for line in LINES for name in line.functions}
    assert named - NOT_OF_ARRAYS_ALONE == SHAPES.keys() - {"convolution.turned"}


@pytest.mark.parametrize("name", SHAPES)
@brief
@given(rng=generators, layout=st.lists(layouts, min_size=3, max_size=3))
def test_the_layout_of_the_arguments_does_not_matter(name: str, rng: np.random.Generator, layout: list[str]) -> None:
    plain = [rng.normal(size=shape) for shape in SHAPES[name]]
    expected = call(name, plain)
    given_arrays = [laid_out(array, kind) for array, kind in zip(plain, layout, strict=False)]
    result = call(name, given_arrays)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)
    for array, before in zip(given_arrays, plain, strict=True):
        np.testing.assert_array_equal(array, before)
        assert name in VIEWS or not np.shares_memory(result, array)


@pytest.mark.parametrize("name", SHAPES)
def test_float32_stays_float32_and_is_near_float64(name: str) -> None:
    exact = [np.random.default_rng(32).normal(size=shape) for shape in SHAPES[name]]
    single = [array.astype(np.float32) for array in exact]
    result = call(name, single)
    assert (result.dtype, call(name, exact).dtype) == (np.float32, np.float64)
    exact_result = call(name, [array.astype(np.float64) for array in single])
    np.testing.assert_allclose(result, exact_result, rtol=1e-5, atol=1e-5)


def test_the_error_of_every_depth_is_one_map_that_cannot_be_written() -> None:
    """N29: the depths share their memory, so a write to one would be a write to all."""
    error = call("convolution.input_gradient", [np.ones(shape) for shape in SHAPES["convolution.input_gradient"]])
    assert np.shares_memory(error[..., 0], error[..., 1])
    assert not error.flags.writeable
