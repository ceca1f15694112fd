"""Whether images are the same: checksums of a part, and pictures that two parts share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from handgrad.data import Samples
from handgrad.typing import Pixels

_PIECE = 256
"""Images in memory at a time."""


def checksum(samples: Samples) -> str:
    """SHA-256 of the shape, the pixels and the labels of one part, as in ``Dataset.checksum``."""
    digest = hashlib.sha256(repr(samples.images.shape).encode())
    for piece in _pieces(samples):
        digest.update(np.ascontiguousarray(piece).data)
    digest.update(np.ascontiguousarray(samples.labels).data)
    return digest.hexdigest()


def shared_pictures(parts: Mapping[str, Samples]) -> dict[tuple[str, str], int]:
    """How many pictures of a part are, pixel by pixel, in a part before it as well.

    Parameters
    ----------
    parts : mapping of str to Samples
        By name.

    Returns
    -------
    dict of (str, str) to int
        By the names of the part and of the first part that has the picture; only what is shared.

    Examples
    --------
    >>> one = Samples(np.zeros((2, 6, 6, 1), np.uint8), np.array([0, 1]))
    >>> shared_pictures({"training": one, "test": one})
    {('test', 'training'): 2}
    """
    first: dict[bytes, str] = {}
    shared: dict[tuple[str, str], int] = {}
    for name, samples in parts.items():
        for piece in _pieces(samples):
            for image in piece:
                digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
                if (before := first.setdefault(digest, name)) != name:
                    shared[name, before] = shared.get((name, before), 0) + 1
    return shared


def _pieces(samples: Samples) -> Iterator[Pixels]:
    for start in range(0, len(samples), _PIECE):
        yield samples.images[start : start + _PIECE]
