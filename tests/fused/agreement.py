"""Check that the fused engine's numbers are the notes': a module for tests, and a program for tests in other processes.

As a program it checks architectures of every kind, small enough for kernels that run as plain Python.
"""

from __future__ import annotations

import sys

import numpy as np

from handgrad.architecture import Architecture, Convolution, Dense
from handgrad.fused import network
from handgrad.fused.engine import FusedEngine
from handgrad.fused.network import Network
from handgrad.fused.team import Team
from handgrad.notes import network as notes
from handgrad.notes import pooling
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.typing import Array
from tests.notes.strategies import laid_out

TOLERANCE = {"float32": 3e-5, "float64": 5e-14}
"""Largest difference between the engines, as a share of the ``size_of`` the tensor.

The engines add the same numbers in another order. Of 2,400 networks drawn as in ``test_network.py``, the worst
tensor was off by 1.0e-5 in float32 (one in a thousand by more than 2.1e-6), of 600 in float64 by 5.5e-15.
"""

MARGIN = 1e-5
"""Share of a layer's largest number within which rounding may decide."""


AS_GIVEN = FusedEngine(Standardization((0.0,), (1.0,)))
"""The engine over images that are given as the notes take them."""


def network_of(parameters: Parameters, threads: int = 2) -> Network:
    """Return the kernels' network of these parameters, over images that are given as the notes take them."""
    return Network(parameters.architecture, parameters.vector.dtype, None, Team(threads))


def parameters_of(architecture: Architecture, rng: np.random.Generator, dtype: str) -> Parameters:
    """Draw parameters none of which is zero."""
    parameters = Parameters.draw(architecture, rng, dtype)
    for name in parameters:
        if name.startswith(("b", "alpha")):
            parameters[name][...] += rng.normal(0, 0.3, parameters[name].shape)
    return parameters


def size_of(tensor: Array) -> float:
    """Return its largest number, or 0.1: the errors z − y, of size 1, may cancel, but their roundings do not."""
    return max(float(np.abs(tensor).max()), 0.1)


def images_of(parameters: Parameters, batch: int, rng: np.random.Generator) -> Array:
    """Draw images on which rounding changes no decision of a ReLU or of a pooling window.

    On others the engines' gradients may differ by a whole cell's share: once in some hundred networks in float32.
    """
    exact, shape = parameters.astype(np.float64), parameters.architecture.input_shape
    X = np.empty((batch, *shape))
    unsure = np.ones(batch, bool)
    while unsure.any():
        drawn = rng.normal(size=(int(unsure.sum()), *shape)).astype(parameters.vector.dtype)
        X[unsure] = drawn
        unsure[unsure] = _unsure(exact, drawn.astype(np.float64))
    return X.astype(parameters.vector.dtype)


def _unsure(parameters: Parameters, X: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which images bring a ReLU or a window so near to its kink that rounding may decide."""
    architecture = parameters.architecture
    values = notes.forward(parameters, X, np.zeros(len(X), int))
    unsure = np.zeros(len(X), bool)
    layers: tuple[Convolution | Dense, ...] = (*architecture.convolutions, *architecture.denses[:-1])
    for layer in layers:
        t = values[layer.T if isinstance(layer, Convolution) else layer.t]
        if isinstance(layer, Convolution) and layer.pooled_shape:
            best = np.sort(pooling.windows(t, architecture.pooling), axis=3)
            distances = best[:, :, :, -1] - best[:, :, :, -2] if best.shape[3] > 1 else best
        else:
            distances = np.abs(t)
        sizes, distances = np.abs(t).reshape(len(X), -1).max(axis=1), distances.reshape(len(X), -1)
        # Exact zeros, of images that a ReLU has blanked, are zeros to both engines.
        unsure |= ((distances > 0) & (distances < MARGIN * sizes[:, None])).any(axis=1)
    return unsure


def check(
    architecture: Architecture,
    batch: int,
    dtype: str,
    rng: np.random.Generator,
    threads: int = 2,
    layout: str = "rows first",
) -> None:
    """Check that losses, probabilities and gradients of both engines agree up to the precision's tolerance."""
    parameters = parameters_of(architecture, rng, dtype)
    X = laid_out(images_of(parameters, batch, rng), layout)
    y = rng.integers(0, architecture.classes, len(X))
    fused = network_of(parameters, threads)
    losses, probabilities, gradient = notes.loss_and_gradients(parameters, X, y)
    fused_losses, fused_probabilities, fused_gradient = fused.loss_and_gradients(parameters, X, y)
    predicted = fused.predict(parameters, X)
    pairs = {
        "E": (losses, fused_losses),
        "z": (probabilities, fused_probabilities),
        "predict": (probabilities, predicted),
    }
    pairs |= {name: (gradient[name], fused_gradient[name]) for name in gradient}
    for name, (expected, found) in pairs.items():
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        worst = float(np.abs(found - expected).max()) / size_of(expected)
        assert worst <= TOLERANCE[dtype], f"{name} of {architecture}: {worst:.2g}"


SMALL = (
    {"input_shape": (7, 8, 1)},
    {"input_shape": (11, 12, 1), "stages": ((2, 2),), "filter_size": (5, 5)},
    {"input_shape": (9, 8, 2), "stages": ((2, 1, 2),), "hidden": (3, 2)},
    {"input_shape": (17, 16, 3), "stages": ((2, 2), (3,))},
    {"input_shape": (9, 9, 3), "stages": ((2, 2),), "maps": 2},
    {"input_shape": (18, 17, 2), "stages": ((3, 2), (2, 2)), "maps": 2, "filter_size": (2, 3)},
    {"input_shape": (12, 8, 2), "stages": ((1, 2), (1, 2)), "filter_size": (2, 1), "maps": 3},
    {"input_shape": (7, 7, 3), "stages": ((2, 3),), "hidden": ()},
    {"input_shape": (12, 11, 2), "stages": ((2, 2),), "pooling": 3},
    {"input_shape": (14, 13, 2), "stages": ((2,), (2,)), "pooling": 3, "maps": 2, "filter_size": (1, 2)},
    {"input_shape": (5, 6, 2), "stages": ((2, 2),), "pooling": 1},
    {"input_shape": (11, 10, 1), "stages": ((2,),), "pooling": 4},
    # Loops that are not written out.
    {"input_shape": (11, 12, 2), "stages": ((2,),), "pooling": 1, "filter_size": (9, 9)},
    {"input_shape": (17, 16, 1), "stages": ((3, 2),), "filter_size": (7, 7)},
    {"input_shape": (9, 10, 2), "stages": ((2, 2),), "pooling": 5, "maps": 2},
    {"input_shape": (21, 20, 3), "stages": ((5, 2),), "pooling": 9},
)


def main(last: int) -> None:
    """Check the first architectures of the list, shared by all threads however small they are."""
    network.ENOUGH = 0
    rng = np.random.default_rng(0)
    for number, sizes in enumerate(SMALL[:last]):
        architecture = Architecture(**{"hidden": (3,), "stages": ((2, 2),), **sizes})  # type: ignore[arg-type]
        dtype = "float32" if number % 2 == 0 else "float64"
        check(architecture, 1 + number % 3, dtype, rng)
        print(dtype, sizes)


if __name__ == "__main__":
    main(int(sys.argv[1]))
