"""What Hypothesis draws for the tests of the notes: numbers, their layout in memory, whole networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from handgrad.architecture import Architecture
from handgrad.parameters import Parameters
from handgrad.typing import Array

brief = settings(deadline=None, max_examples=25)

LAYOUTS = ("rows first", "columns first", "every other", "backwards", "read-only")


def laid_out(array: Array, layout: str) -> Array:
    """The same numbers, elsewhere in memory."""
    if layout == "columns first":
        return np.asfortranarray(array)
    if layout == "every other":
        wide = np.full([2 * length for length in array.shape], np.nan, array.dtype)
        view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        view[...] = array
        return view
    if layout == "backwards":
        everywhere = tuple(slice(None, None, -1) for _ in array.shape)
        return np.ascontiguousarray(array[everywhere])[everywhere]
    copy = array.copy()
    copy.flags.writeable = layout != "read-only"
    return copy


layouts = st.sampled_from(LAYOUTS)
dtypes = st.sampled_from(["float32", "float64"])
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def sizes(least: int = 1, most: int = 4) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def whole_numbers(rng: np.random.Generator, *shape: int, most: int = 9) -> Array:
    """Small integers as float64: sums and products of them are exact, and ties are frequent."""
    return rng.integers(-most, most + 1, shape).astype(np.float64)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Small networks of every kind: stages, filters of any shape, pooling 1 to 3, maps, no hidden layer or several."""
    stages = st.lists(sizes(1, 3), min_size=1, max_size=2).map(tuple)
    wanted: dict[str, Any] = {
        "classes": draw(sizes(2, 4)),
        "stages": tuple(draw(st.lists(stages, min_size=1, max_size=2))),
        "filter_size": (draw(sizes(1, 3)), draw(sizes(1, 3))),
        "pooling": draw(sizes(1, 3)),
        "hidden": tuple(draw(st.lists(sizes(1, 4), max_size=2))),
        "maps": draw(st.none() | sizes(1, 3)),
    }
    height, width = Architecture(**wanted).smallest_image
    shape = (height + draw(sizes(0, 2)), width + draw(sizes(0, 2)), draw(sizes(1, 3)))
    return Architecture(input_shape=shape, **wanted)


def filled(architecture: Architecture, rng: np.random.Generator, dtype: str = "float64") -> Parameters:
    """Parameters none of which is zero, biases included."""
    parameters = Parameters.draw(architecture, rng, dtype)
    for name in parameters:
        if name.startswith("b"):
            parameters[name][:] = rng.normal(0, 0.5, parameters[name].shape)
    return parameters
