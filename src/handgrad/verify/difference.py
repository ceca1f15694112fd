"""One claimed derivative against central finite differences of fourth order.

The error is ``|analytic − numeric| / max(|analytic|, |numeric|, scale / 10)``, the largest over the coordinates; the
scale is the largest derivative among them. A small tensor is compared whole. Of a large one the first and last numbers
are compared, those with the largest derivatives, and some drawn at random. If a ReLU or a pooling window switches
inside the difference, the step is made smaller; if that does not help, another coordinate is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handgrad.typing import Array, Integers

TOLERANCE = 1e-7
"""Largest relative error that passes."""

COORDINATES = 24
"""Numbers of a large tensor that are checked; one of up to ``ALL_OF`` numbers is checked whole."""

ALL_OF = 256

_STEPS = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)

Pieces = tuple[Integers, ...]
"""The linear piece that each ReLU and each pooling window is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The claim that `analytic` is the derivative of ``⟨cotangent, f(x)⟩`` by x.

    Parameters
    ----------
    number : str
        The line, "N17"; "N17–N30" for the whole pass.
    derivative : str
        "∂E/∂t2'".
    x : array of float64
        Changed in place, one number at a time, and restored.
    f : callable
        The forward line, from x to its result and its linear pieces.
    cotangent : array, of the shape of f's result
    analytic : array, of the shape of `x`
    formula : str
        The line as text.
    """

    number: str
    derivative: str
    x: Array
    f: Callable[[Array], tuple[Array, Pieces]]
    cotangent: Array
    analytic: Array
    formula: str


def compare(claim: Claim, rng: np.random.Generator) -> tuple[float, int]:
    """Return the largest relative error over some coordinates of a claim, and how many were compared.

    The error is infinite if the shapes differ; it is 0, with a count of 0, if every coordinate is on a kink.
    """
    if claim.analytic.shape != claim.x.shape:
        return float("inf"), 0
    _, pieces = claim.f(claim.x)
    pairs: list[tuple[float, float]] = []
    steps: tuple[float, ...] = _STEPS
    for index in _coordinates(claim.analytic, rng):
        coordinate = np.unravel_index(index, claim.x.shape)
        numeric, steps = _difference(claim, coordinate, pieces, steps)
        if numeric is not None:
            pairs.append((float(claim.analytic[coordinate]), numeric))
        if len(pairs) == COORDINATES and claim.x.size > ALL_OF:
            break
    if not pairs:
        return 0.0, 0
    analytic, numerics = np.array(pairs).T
    size = np.maximum(np.abs(analytic), np.abs(numerics))
    floor = max(size.max() / 10, np.finfo(np.float64).tiny)
    return float(np.max(np.abs(analytic - numerics) / np.maximum(size, floor))), len(pairs)


def _coordinates(analytic: Array, rng: np.random.Generator) -> list[int]:
    """Return all indices of a small tensor; of a large one its ends, the largest derivatives, then random ones."""
    if analytic.size <= ALL_OF:
        return list(range(analytic.size))
    ends = [0, analytic.size - 1]
    sizes = np.abs(analytic).ravel()
    half = min(COORDINATES // 2, sizes.size)
    largest = np.argpartition(-sizes, half - 1)[:half]
    drawn = rng.choice(sizes.size, min(4 * COORDINATES, sizes.size), replace=False)
    return list(dict.fromkeys([*ends, *largest.tolist(), *drawn.tolist()]))


def _difference(
    claim: Claim, coordinate: tuple[np.intp, ...], pieces: Pieces, steps: tuple[float, ...]
) -> tuple[float | None, tuple[float, ...]]:
    """Return the difference at one coordinate, None on a kink, and the steps worth trying at the next."""
    at = claim.x[coordinate]

    def moved(by: float) -> tuple[Array, Pieces]:
        claim.x[coordinate] = at + by
        result, on = claim.f(claim.x)
        # A result may be a view of x, which is restored.
        result = result.copy()
        claim.x[coordinate] = at
        return result, on

    for number, h in enumerate(steps):
        (above, pieces_above), (below, pieces_below) = moved(2 * h), moved(-2 * h)
        if _same(pieces_above, pieces) and _same(pieces_below, pieces):
            # Subtracted before they are summed, so that little precision is lost.
            outer = float(np.sum(claim.cotangent * (above - below)))
            inner = float(np.sum(claim.cotangent * (moved(h)[0] - moved(-h)[0])))
            # A step that crosses kinks at one coordinate of a large tensor crosses some at most of them.
            return (8 * inner - outer) / (12 * h), steps[max(number - 1, 0) :]
    return None, steps


def _same(one: Pieces, other: Pieces) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
