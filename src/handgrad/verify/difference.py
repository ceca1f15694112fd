"""One claimed derivative against central finite differences of fourth order.

The error is ``|analytic − numeric| / max(|analytic|, |numeric|, scale / 10)``, the worst over the coordinates, the
scale being the largest derivative met. A small tensor is compared whole; of a large one the first and the last number,
those with the largest derivatives, and drawn ones. Where a
ReLU or a pooling window would change its mind inside the difference, the step is made smaller, and where that does not
help the coordinate is left for another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handgrad.typing import Array, Integers

TOLERANCE = 1e-7
"""Largest relative error that passes."""

COORDINATES = 24
"""Numbers that are checked of a large tensor; a tensor of up to ``ALL_OF`` is checked whole."""

ALL_OF = 256

_STEPS = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)

Pieces = tuple[Integers, ...]
"""Which linear piece each ReLU and each pooling window is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That `analytic` is the derivative of ``⟨cotangent, f(x)⟩`` by x.

    Parameters
    ----------
    number : str
        The line, "N17"; "N17–N30" for the whole pass.
    derivative : str
        "∂E/∂t2'".
    x : array of float64
        Moved in place, a number at a time, and put back.
    f : callable
        The forward line: from x to its result and the pieces that it is on.
    cotangent : array, the shape of f's result
    analytic : array, the shape of `x`
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
    """Worst relative error over some coordinates of a claim, and how many were compared.

    The error is infinite where the shapes differ, and 0 with a count of 0 where every coordinate sits on a kink.
    """
    if claim.analytic.shape != claim.x.shape:
        return float("inf"), 0
    _, pieces = claim.f(claim.x)
    pairs: list[tuple[float, float]] = []
    steps: tuple[float, ...] = _STEPS
    for index in _coordinates(claim.analytic, rng):
        place = np.unravel_index(index, claim.x.shape)
        numeric, steps = _difference(claim, place, pieces, steps)
        if numeric is not None:
            pairs.append((float(claim.analytic[place]), numeric))
        if len(pairs) == COORDINATES and claim.x.size > ALL_OF:
            break
    if not pairs:
        return 0.0, 0
    analytic, numerics = np.array(pairs).T
    size = np.maximum(np.abs(analytic), np.abs(numerics))
    floor = max(size.max() / 10, np.finfo(np.float64).tiny)
    return float(np.max(np.abs(analytic - numerics) / np.maximum(size, floor))), len(pairs)


def _coordinates(analytic: Array, rng: np.random.Generator) -> list[int]:
    """All places of a small tensor; of a large one its corners, the largest derivatives, then drawn ones."""
    if analytic.size <= ALL_OF:
        return list(range(analytic.size))
    corners = [0, analytic.size - 1]
    sizes = np.abs(analytic).ravel()
    half = min(COORDINATES // 2, sizes.size)
    largest = np.argpartition(-sizes, half - 1)[:half]
    drawn = rng.choice(sizes.size, min(4 * COORDINATES, sizes.size), replace=False)
    return list(dict.fromkeys([*corners, *largest.tolist(), *drawn.tolist()]))


def _difference(
    claim: Claim, place: tuple[np.intp, ...], pieces: Pieces, steps: tuple[float, ...]
) -> tuple[float | None, tuple[float, ...]]:
    """The difference at one coordinate, None where f has a kink there; and the steps worth trying at the next."""
    at = claim.x[place]

    def moved(by: float) -> tuple[Array, Pieces]:
        claim.x[place] = at + by
        result, on = claim.f(claim.x)
        # A result may be a view of x, which is put back.
        result = result.copy()
        claim.x[place] = at
        return result, on

    for number, h in enumerate(steps):
        (above, pieces_above), (below, pieces_below) = moved(2 * h), moved(-2 * h)
        if _same(pieces_above, pieces) and _same(pieces_below, pieces):
            # Results are subtracted before they are summed, so that little is lost.
            outer = float(np.sum(claim.cotangent * (above - below)))
            inner = float(np.sum(claim.cotangent * (moved(h)[0] - moved(-h)[0])))
            # Where a step crosses kinks at one coordinate of a large tensor, it does so at most of them.
            return (8 * inner - outer) / (12 * h), steps[max(number - 1, 0) :]
    return None, steps


def _same(one: Pieces, other: Pieces) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
