"""Ways in which disks, copies and people damage a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def damaged(content: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield so many contents, each damaged in one of seven ways, anywhere in the file."""
    for number in range(count):
        changed, place = bytearray(content), int(rng.integers(len(content)))
        length = int(rng.integers(1, 1 + min(512, len(content) - place)))
        match number % 7:
            case 0:
                changed[place] ^= 1 << int(rng.integers(8))
            case 1:
                changed[place] = (changed[place] + int(rng.integers(1, 256))) % 256
            case 2:
                del changed[place:]
            case 3:
                changed[place : place + length] = bytes(length)
            case 4:
                other = int(rng.integers(len(content) - length + 1))
                one, two = content[place : place + length], content[other : other + length]
                changed[place : place + length], changed[other : other + length] = two, one
            case 5:
                changed[place:place] = rng.bytes(length)
            case 6:
                del changed[place : place + length]
        yield bytes(changed)
