"""Which images these are: checksums of a part, how many pictures two parts share, where a picture lies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from handgrad.data import Samples, duplicates


def checksum(samples: Samples) -> str:
    """SHA-256 of the shape, the images' digests and the labels of one part, as in ``Dataset.checksum``."""
    digest = hashlib.sha256(repr(samples.images.shape).encode())
    digest.update(np.ascontiguousarray(samples.measured().digests).data)
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
    return {names: len(places) for names, places in duplicates.shared_pictures(parts).items()}


def path_of(samples: Samples, index: int) -> str | None:
    """Where a picture lies in its source: its path or, in a file of many, its place; None where that is unknown.

    Examples
    --------
    >>> one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["free/1.png"], object))
    >>> path_of(one, 0)
    'free/1.png'
    """
    return None if samples.names is None else str(samples.names[index])
