"""Which images these are: the checksum of a split, the path of an image."""

from __future__ import annotations

import hashlib

import numpy as np

from handgrad.data import Samples


def checksum(samples: Samples) -> str:
    """Compute the SHA-256 of the shape, the images' digests and the labels of a split, as ``Dataset.checksum`` does."""
    digest = hashlib.sha256(repr(samples.images.shape).encode())
    digest.update(np.ascontiguousarray(samples.measured().digests).data)
    digest.update(np.ascontiguousarray(samples.labels).data)
    return digest.hexdigest()


def path_of(samples: Samples, index: int) -> str | None:
    """Return the path of an image in its source or, in a file of many, its index; None if that is unknown.

    Examples
    --------
    >>> one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["free/1.png"], object))
    >>> path_of(one, 0)
    'free/1.png'
    """
    return None if samples.names is None else str(samples.names[index])
