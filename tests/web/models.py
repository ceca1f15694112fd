"""Networks for the page's tests: every operation that a trace can hold."""

from __future__ import annotations

import numpy as np

from handgrad.architecture import Architecture
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.trace import Trace, trace

ARCHITECTURES = {
    "notes": Architecture(input_shape=(11, 12, 2), classes=3, stages=((4, 3),), hidden=(5,)),
    "maps": Architecture(input_shape=(12, 11, 3), classes=3, stages=((4, 3),), hidden=(5,), maps=2),
    "two stages": Architecture(
        input_shape=(17, 16, 1), classes=2, stages=((3,), (2, 4)), filter_size=(3, 2), pooling=2, hidden=(4, 3)
    ),
    "no hidden layer": Architecture(input_shape=(9, 9, 1), classes=4, stages=((3, 2),), pooling=3, hidden=()),
    "mnist": Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,)),
}


def drawn(name: str, seed: int = 0) -> Model:
    """A network with parameters drawn at random, biases too."""
    architecture, rng = ARCHITECTURES[name], np.random.default_rng(seed)
    parameters = Parameters.draw(architecture, rng)
    for layer in architecture.denses:
        parameters[layer.b][:] = rng.normal(size=layer.outputs)
    depth = architecture.input_shape[2]
    classes = tuple(f"class <{k}> & “ü”" for k in range(architecture.classes))
    return Model(parameters, classes, Standardization((120.0,) * depth, (60.0,) * depth))


def pixels_for(model: Model, seed: int = 0) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """A picture of noise and a plain half, so that neighbors differ and windows tie."""
    height, width, depth = model.architecture.input_shape
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, depth), np.uint8)
    pixels[: height // 2, : width // 2] = 255
    return pixels


def traced(name: str, seed: int = 0) -> Trace:
    """Both passes of such a network over such a picture."""
    model = drawn(name, seed)
    return trace(model, pixels_for(model, seed), 1)
