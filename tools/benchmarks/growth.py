"""How the cost of handgrad's training step grows with each size."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.architecture import Architecture
from handgrad.engine import Engine
from handgrad.notes import descent
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization

_RATE = 0.01
_LEAST_SECONDS = 1e-3

_CURVES: dict[str, tuple[tuple[int, ...], Callable[[int], tuple[Architecture, int]]]] = {
    "width": (
        (8, 9, 12, 13, 16, 17, 24, 25, 31, 32, 33, 48, 63, 64, 65, 96, 101, 127, 128, 129, 192, 255, 256),
        lambda width: (Architecture(input_shape=(width, width, 1)), 16),
    ),
    "filters": (
        (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128),
        lambda filters: (_digits(stages=((filters, filters),)), 32),
    ),
    "depth": (
        (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64),
        lambda depth: (_digits(input_shape=(28, 28, depth)), 64),
    ),
    "batch": (
        (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33, 64, 65, 127, 128, 129, 256, 511, 512, 1024, 2047, 2048, 4096),
        lambda batch: (_digits(), batch),
    ),
}
_QUICK = {"width": (8, 17, 32, 64), "filters": (1, 3, 8, 16), "depth": (1, 3, 8, 16), "batch": (1, 7, 64, 256)}


def _digits(**sizes: Any) -> Architecture:
    chosen: dict[str, Any] = {"input_shape": (28, 28, 1), "classes": 10, "stages": ((16, 16),), "hidden": (64,)}
    return Architecture(**(chosen | sizes))


def measure(engine_for: Callable[[Standardization], Engine], rounds: int, *, quick: bool) -> dict[str, Any]:
    """Measure the seconds per image of every point of every curve, and each curve's exponent and steepest cliff.

    Parameters
    ----------
    engine_for : callable
        The engine for a standardization.
    rounds : int
        Repetitions of a curve; a point's figure is its minimum.
    quick : bool
        Fewer points.
    """
    curves = {}
    for name, (values, sizes) in _CURVES.items():
        values = _QUICK[name] if quick else values
        points = [_Point(engine_for, *sizes(value)) for value in values]
        for _ in range(rounds):
            for point in points:
                point.time()
        seconds = [point.seconds for point in points]
        curves[name] = {
            "values": list(values),
            "seconds_per_image": seconds,
            "exponent": _exponent(values, seconds),
            "cliff": _cliff(values, seconds),
        }
    return curves


class _Point:
    """A size that is timed repeatedly."""

    def __init__(self, engine_for: Callable[[Standardization], Engine], architecture: Architecture, batch: int) -> None:
        rng = np.random.default_rng(0)
        self._images = rng.integers(0, 256, (batch, *architecture.input_shape), dtype=np.uint8)
        self._labels = rng.integers(0, architecture.classes, batch)
        self._parameters = Parameters.draw(architecture, rng)
        self._engine = engine_for(Standardization.of(self._images[:16]))
        self.seconds = float("inf")

    def time(self) -> None:
        """Take two warm-up steps, then at least three steps and at least a millisecond."""
        for _ in range(2):
            self._step()
        spent, taken = 0.0, 0
        while spent < _LEAST_SECONDS or taken < 3:
            start = time.perf_counter()
            self._step()
            duration = time.perf_counter() - start
            spent, taken = spent + duration, taken + 1
            self.seconds = min(self.seconds, duration / len(self._images))

    def _step(self) -> None:
        _, _, gradient = self._engine.loss_and_gradients(self._parameters, self._images, self._labels)
        vector = self._parameters.vector
        vector[:] = descent.step(vector, gradient.vector, _RATE)


def _exponent(values: tuple[int, ...], seconds: list[float]) -> float:
    """Fit the slope of the curve's upper half in logarithms: below, the fixed cost of a step hides the size."""
    half = len(values) // 2
    slope, _ = np.polyfit(np.log(values[half:]), np.log(seconds[half:]), 1)
    return float(slope)


def _cliff(values: tuple[int, ...], seconds: list[float]) -> dict[str, float]:
    """Find the point furthest above the line (in logarithms) between its neighbors."""
    x, y = np.log(values), np.log(seconds)
    between = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    above = y[1:-1] - between
    index = int(above.argmax())
    return {"value": values[index + 1], "ratio": float(np.exp(above[index]))}
