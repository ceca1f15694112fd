"""Whether the fused engine's numbers are the notes': used by tests here, and as a program by those in other processes.

As a program it checks architectures of every kind, small enough for kernels that run as plain Python.
"""

from __future__ import annotations

import sys

import numpy as np

from handgrad.architecture import Architecture
from handgrad.fused.network import ArrayEngine
from handgrad.notes import network as notes
from handgrad.parameters import Parameters
from handgrad.typing import Array

TOLERANCE = {"float32": 1e-4, "float64": 1e-12}
"""Largest difference between the engines, as a share of the tensor's largest number."""


def parameters_of(architecture: Architecture, rng: np.random.Generator, dtype: str) -> Parameters:
    """Parameters none of which is zero."""
    parameters = Parameters.draw(architecture, rng, dtype)
    for name in parameters:
        if name.startswith(("b", "alpha")):
            parameters[name][...] += rng.normal(0, 0.3, parameters[name].shape)
    return parameters


def check(architecture: Architecture, X: Array, rng: np.random.Generator, threads: int = 2) -> None:
    """Both engines' losses, probabilities and gradients are the same up to the precision's tolerance."""
    dtype = X.dtype.name
    parameters = parameters_of(architecture, rng, dtype)
    y = rng.integers(0, architecture.classes, len(X))
    engine = ArrayEngine(threads)
    losses, probabilities, gradient = notes.loss_and_gradients(parameters, X, y)
    fused_losses, fused_probabilities, fused_gradient = engine.loss_and_gradients(parameters, X, y)
    predicted = engine.predict(parameters, X)
    pairs = {
        "E": (losses, fused_losses),
        "z": (probabilities, fused_probabilities),
        "predict": (probabilities, predicted),
    }
    pairs |= {name: (gradient[name], fused_gradient[name]) for name in gradient}
    for name, (expected, found) in pairs.items():
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        scale = max(float(np.abs(expected).max()), 1e-6)
        worst = float(np.abs(found - expected).max()) / scale
        assert worst <= TOLERANCE[dtype], f"{name} of {architecture}: {worst:.2g}"


SMALL = (
    {"input_shape": (7, 8, 1)},
    {"input_shape": (11, 12, 1), "stages": ((2, 2),), "filter_size": (5, 5)},
    {"input_shape": (9, 8, 2), "stages": ((2, 1, 2),), "hidden": (3, 2)},
    {"input_shape": (17, 16, 3), "stages": ((2, 2), (3,))},
    {"input_shape": (9, 9, 3), "stages": ((2, 2),), "maps": 2},
    {"input_shape": (18, 17, 2), "stages": ((3, 2), (2, 2)), "maps": 2, "filter_size": (2, 3)},
    {"input_shape": (7, 7, 3), "stages": ((2, 3),), "hidden": ()},
    {"input_shape": (12, 11, 2), "stages": ((2, 2),), "pooling": 3},
    {"input_shape": (14, 13, 2), "stages": ((2,), (2,)), "pooling": 3, "maps": 2, "filter_size": (1, 2)},
    {"input_shape": (5, 6, 2), "stages": ((2, 2),), "pooling": 1},
    {"input_shape": (11, 10, 1), "stages": ((2,),), "pooling": 4},
)


def main(last: int) -> None:
    """Check the first architectures of the list."""
    rng = np.random.default_rng(0)
    for number, sizes in enumerate(SMALL[:last]):
        architecture = Architecture(**{"hidden": (3,), "stages": ((2, 2),), **sizes})  # type: ignore[arg-type]
        dtype = "float32" if number % 2 == 0 else "float64"
        check(architecture, rng.normal(size=(1 + number % 3, *architecture.input_shape)).astype(dtype), rng)
        print(dtype, sizes)


if __name__ == "__main__":
    main(int(sys.argv[1]))
