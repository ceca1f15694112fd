"""What is black and what is white in the numbers that stand for pixels, said or found in the numbers themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.errors import InputError
from handgrad.typing import Images

_PIECE = 256
_FULL = (255, 1023, 4095, 16383, 65535)
"""White of 8, 10, 12, 14 and 16 bits."""

_FEW = (1, 15, 16)
"""White of few levels: masks, 4 bits, and the scanned digits of UCI. A set is of them if it reaches them exactly."""

_DARK = 1 / 8
"""The greatest of floats between 0 and 1, below which they are something else, such as pixels divided too often."""

_NARROWEST, _WIDEST = 1e-30, 1e30


class Extent(NamedTuple):
    """The least and the greatest of some numbers, and whether all are whole."""

    low: float
    high: float
    whole: bool

    @classmethod
    def of(cls, numbers: Images) -> Extent:
        """Look at all numbers, a piece at a time; NaN makes both ends NaN."""
        low, high, whole = math.inf, -math.inf, True
        for start in range(0, len(numbers), _PIECE):
            piece = np.asarray(numbers[start : start + _PIECE])
            low, high = float(np.minimum(low, piece.min())), float(np.maximum(high, piece.max()))
            whole = whole and (piece.dtype.kind != "f" or bool((piece == np.rint(piece)).all()))
        return cls(low, high, whole)

    @classmethod
    def union(cls, extents: Iterable[Extent]) -> Extent:
        """Return the extent of all of them together."""
        lows, highs, wholes = zip(*extents, strict=True)
        return cls(min(lows), max(highs), all(wholes))


@dataclass(frozen=True)
class PixelRange:
    """The numbers that are black and white; others are between them.

    Parameters
    ----------
    black, white : float

    Raises
    ------
    InputError
        If black is not below white, or one of them is too large or they are too close for float32.

    Examples
    --------
    >>> PixelRange(), PixelRange.known(np.array([[0.0, 7.0, 16.0]]))
    (PixelRange(black=0.0, white=255.0), PixelRange(black=0.0, white=16.0))
    """

    black: float = 0.0
    white: float = 255.0

    def __post_init__(self) -> None:
        numbers = (self.black, self.white)
        if not all(abs(number) <= _WIDEST for number in numbers) or not self.white - self.black >= _NARROWEST:
            rule = f"black must be below white, at least {_NARROWEST:g}, and both within ±{_WIDEST:g}"
            raise InputError("pixel_range", f"({self.black:g}, {self.white:g})", rule, "give (0, 1) or (0, 255)")
        # NumPy's numbers are no JSON.
        object.__setattr__(self, "black", float(self.black))
        object.__setattr__(self, "white", float(self.white))

    def __str__(self) -> str:
        return f"{self.black:,.10g} to {self.white:,.10g}"

    @classmethod
    def of(cls, ends: Any) -> PixelRange:
        """Make a range of a pair (black, white), or of another range."""
        if isinstance(ends, PixelRange):
            return ends
        try:
            black, white = map(float, ends)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError("pixel_range", ends, "must be two numbers, black and white", "give (0, 255)") from error
        return cls(black, white)

    @classmethod
    def known(cls, numbers: Images) -> PixelRange | None:
        """Return the range of images where their numbers leave no doubt, else None.

        Booleans are 0 and 1. uint8 is 0 to 255, unless the greatest number is at most 16. Whole numbers with the
        greatest 1, 15 or 16 have exactly that range. Others of at least 0 have 0 to 1 if the greatest is above 1/8, or
        the full range of 8, 10, 12, 14 or 16 bits of which they fill more than half. Negative numbers have no known
        range.

        Examples
        --------
        >>> [PixelRange.known(np.array([[0, white]])) for white in (200, 900)]
        [PixelRange(black=0.0, white=255.0), PixelRange(black=0.0, white=1023.0)]
        >>> PixelRange.known(np.array([[0.0, 3.7]])), PixelRange.known(np.array([[-1.0, 1.0]]))
        (None, None)
        """
        if numbers.dtype.kind == "b":
            return cls(0, 1)
        extent = Extent.of(numbers)
        if not 0 <= extent.low <= extent.high <= _FULL[-1]:
            return None
        if numbers.dtype == np.uint8:
            return cls(0, extent.high) if extent.high in _FEW else cls() if not 0 < extent.high <= max(_FEW) else None
        if extent.whole and extent.high in _FEW:
            return cls(0, extent.high)
        white = _filled(extent.high)
        return None if white is None else cls(0, white)

    @classmethod
    def covering(cls, kind: str, extent: Extent) -> PixelRange:
        """Return the range for files of a kind of numbers that all lie in this extent; it depends on nothing else.

        Whole numbers of at least 0 have the smallest of 1, 4 (15 or 16), 8, 10, 12, 14 or 16 bits that holds them.
        Floats have 0 to 1 if the greatest is above 1/8, or the full range of which they fill more than half, else the
        next power of two. Where one is negative, both ends are powers of two.

        Examples
        --------
        >>> str(PixelRange.covering("uint16", Extent(0, 900, True)))
        '0 to 1,023'
        >>> str(PixelRange.covering("integers", Extent(-1000, 2900, True)))
        '-1,024 to 4,095'
        """
        low, high, whole = extent
        if kind == "uint8":
            return cls(0, high if high in _FEW else _FULL[0])
        if low < 0:
            return cls(-_power(-low), 0 if high <= 0 else _power(high + 1) - 1 if whole and high > 1 else _power(high))
        if whole:
            return cls(0, next((white for white in (*_FEW, *_FULL) if high <= white), _power(high + 1) - 1))
        return cls(0, _filled(high) or _power(high))

    def to_list(self) -> list[float]:
        """Return black and white, for JSON."""
        return [self.black, self.white]

    def doubt(self, numbers: NDArray[Any]) -> str | None:
        """Say why images are not in this range, if their numbers show it.

        Examples
        --------
        >>> PixelRange(0, 1).doubt(np.array([[0.0, 200.0]]))
        'numbers of 0 to 200 are above white, which is 1'
        >>> PixelRange(0, 255).doubt(np.array([[0.0, 0.9]]))
        'numbers of 0 to 0.9 look like 0 to 1'
        """
        if not len(numbers) or (numbers.dtype == np.uint8 and self == PixelRange() and numbers.max() > max(_FEW)):
            return None
        other, shown = PixelRange.known(numbers), f"numbers of {numbers.min():g} to {numbers.max():g}"
        if other and other.white > 2 * self.white:
            return f"{shown} are above white, which is {self.white:g}"
        # Fewer bits than the model's may be a dark picture, but not 0 to 1.
        return f"{shown} look like {other}" if other and other.white <= 1 < self.white else None


PIXELS = PixelRange()
"""That of pictures: 8-bit files, and everything that ``data`` returns."""

Ranges: TypeAlias = Mapping[str, PixelRange]
"""Ranges by the kind of numbers in files, which ``kind_of`` returns."""

USUAL: Ranges = {"uint8": PIXELS, "uint16": PixelRange(0, 65535), "integers": PIXELS, "floats": PixelRange(0, 1)}
"""Ranges of pictures by themselves."""

_UNTOLD = {kind: {usual} | ({PIXELS} if kind == "floats" else set()) for kind, usual in USUAL.items()}
"""Ranges that need no mention."""


NAMES = {"uint8": "8-bit numbers", "uint16": "16-bit numbers", "integers": "integers", "floats": "floats"}
"""Of the kinds, for people."""


def kind_of(dtype: DTypeLike) -> str:
    """Return the kind of numbers for which one range is kept.

    Examples
    --------
    >>> [kind_of(dtype) for dtype in ("u1", "u2", "i4", "f4")]
    ['uint8', 'uint16', 'integers', 'floats']
    """
    kind = np.dtype(dtype).newbyteorder("=")
    if kind in (np.uint8, np.uint16):
        return kind.name
    return "floats" if kind.kind == "f" else "integers"


def decide(extents: Mapping[str, Sequence[Extent]], given: Ranges | None) -> dict[str, PixelRange]:
    """Return the range of each kind that occurs: the one given, else what covers all of its extents."""
    given = given or {}
    return {kind: given.get(kind) or PixelRange.covering(kind, Extent.union(found)) for kind, found in extents.items()}


def notices(ranges: Ranges, given: Ranges | None) -> list[str]:
    """Say what was decided, one line for each kind whose range is not the usual one and was not given by a model."""
    why = "by the range of all of them" + ("" if given is None else "; the model was trained on none of this kind")
    return [
        f"the images hold {NAMES[kind]}: {decided.black:g} is taken for black and {decided.white:g} for white, {why}"
        for kind, decided in ranges.items()
        if kind not in (given or {}) and decided not in _UNTOLD[kind]
    ]


def too_dark(extents: Mapping[str, Sequence[Extent]], ranges: Ranges) -> list[str]:
    """Say which images are nearly black, if they are most of their kind: one of another scale may be among them."""
    lines = []
    for kind, found in extents.items():
        white = ranges[kind].white
        dark = sum(_DARK * white > extent.high for extent in found)
        if 2 * dark > len(found) and white > 0:
            lines.append(
                f"{dark} of the {len(found)} pictures with {NAMES[kind]} stay below an eighth of white, "
                f"which is {white:g}; if they are too dark, give all the same scale"
            )
    return lines


def _filled(high: float) -> float | None:
    """Return white of the full range that numbers up to this fill, if there is one."""
    if _DARK < high <= 1:
        return 1
    return next((white for white in _FULL if white / 2 < high <= white), None)


def _power(number: float) -> float:
    """Return the power of two that is at least this; 1 for 0."""
    return 2.0 ** math.ceil(math.log2(number)) if 0 < number < math.inf else 1.0
