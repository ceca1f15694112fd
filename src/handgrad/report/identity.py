"""Which images these are: the checksum of a part, where a picture lies."""

from __future__ import annotations

import hashlib

import numpy as np

from handgrad.data import Samples


def checksum(samples: Samples) -> str:
    """SHA-256 of the shape, the images' digests and the labels of one part, as in ``Dataset.checksum``."""
    digest = hashlib.sha256(repr(samples.images.shape).encode())
    digest.update(np.ascontiguousarray(samples.measured().digests).data)
    digest.update(np.ascontiguousarray(samples.labels).data)
    return digest.hexdigest()


def path_of(samples: Samples, index: int) -> str | None:
    """Where a picture lies in its source: its path or, in a file of many, its place; None where that is unknown.

    Examples
    --------
    >>> one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["free/1.png"], object))
    >>> path_of(one, 0)
    'free/1.png'
    """
    return None if samples.names is None else str(samples.names[index])
