"""One claimed derivative against central finite differences of fourth order.

The error is the largest ``|analytic − numeric| / max(|analytic|, |numeric|, scale / 10)`` of the coordinates, where
the scale is the largest derivative. A small tensor is compared whole; of a large one the first and the last number,
those with the largest derivatives, and drawn ones. If a ReLU or a pooling window changes its linear piece inside the
difference, the step is made smaller; if that does not help, the coordinate is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from handgrad.typing import Array, Integers

TOLERANCE = 1e-7
"""Largest relative error that passes."""

COORDINATES = 24
"""Numbers that are checked of a tensor that has more than ``ALL_OF``; a smaller one is checked whole."""

ALL_OF = 256
_STEPS = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)

Pieces: TypeAlias = tuple[Integers, ...]
"""Which linear piece each ReLU and each pooling window is on."""


class Claim(NamedTuple):
    """The claim that `analytic` is the derivative of ``⟨cotangent, f(x)⟩`` by x.

    ``f``, the forward line, gives its result and the pieces that it is on. Each number of ``x`` is moved in place and
    restored. The other fields are those of ``LineCheck``.
    """

    number: str
    derivative: str
    formula: str
    x: Array
    f: Callable[[Array], tuple[Array, Pieces]]
    cotangent: Array
    analytic: Array


def compare(claim: Claim, rng: np.random.Generator) -> tuple[float, int]:
    """Return the largest relative error of some coordinates of a claim, and how many were compared.

    The error is infinite if the shapes differ, and 0 with a count of 0 if all coordinates are on a kink.
    """
    if claim.analytic.shape != claim.x.shape:
        return float("inf"), 0
    _, pieces = claim.f(claim.x)
    pairs: list[tuple[float, float]] = []
    steps: tuple[float, ...] = _STEPS
    for index in _coordinates(claim.analytic, rng):
        position = np.unravel_index(index, claim.x.shape)
        numeric, steps = _difference(claim, position, pieces, steps)
        if numeric is not None:
            pairs.append((float(claim.analytic[position]), numeric))
        if len(pairs) == COORDINATES and claim.x.size > ALL_OF:
            break
    if not pairs:
        return 0.0, 0
    analytic, numerics = np.array(pairs).T
    size = np.maximum(np.abs(analytic), np.abs(numerics))
    floor = max(size.max() / 10, np.finfo(np.float64).tiny)
    return float(np.max(np.abs(analytic - numerics) / np.maximum(size, floor))), len(pairs)


def _coordinates(analytic: Array, rng: np.random.Generator) -> list[int]:
    """Return all indices of a small tensor; of a large one its corners, the largest derivatives, then drawn ones."""
    if analytic.size <= ALL_OF:
        return list(range(analytic.size))
    half = COORDINATES // 2
    largest = np.argpartition(-np.abs(analytic).ravel(), half - 1)[:half]
    drawn = rng.choice(analytic.size, 4 * COORDINATES, replace=False)
    return list(dict.fromkeys([0, analytic.size - 1, *largest.tolist(), *drawn.tolist()]))


def _difference(
    claim: Claim, position: tuple[np.intp, ...], pieces: Pieces, steps: tuple[float, ...]
) -> tuple[float | None, tuple[float, ...]]:
    """Return the difference at one coordinate, None if f has a kink there, and the steps worth trying at the next."""
    at = claim.x[position]

    def moved(by: float) -> tuple[Array, bool]:
        claim.x[position] = at + by
        result, on = claim.f(claim.x)
        result = result.copy()  # It may be a view of x, which is restored.
        claim.x[position] = at
        return result, all(map(np.array_equal, on, pieces))

    for number, h in enumerate(steps):
        (above, is_smooth_above), (below, is_smooth_below) = moved(2 * h), moved(-2 * h)
        if is_smooth_above and is_smooth_below:
            # Results are subtracted before they are summed, so that little is lost.
            outer = float(np.sum(claim.cotangent * (above - below)))
            inner = float(np.sum(claim.cotangent * (moved(h)[0] - moved(-h)[0])))
            # A step that crosses kinks at one coordinate of a large tensor does so at most of them.
            return (8 * inner - outer) / (12 * h), steps[max(number - 1, 0) :]
    return None, steps
