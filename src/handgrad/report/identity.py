"""Where an image is in its source."""

from __future__ import annotations

from handgrad.data import Samples


def path_of(samples: Samples, index: int) -> str | None:
    """Return the path of an image in its source or, in a file of many, its index; None if that is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["free/1.png"], object))
    >>> path_of(one, 0)
    'free/1.png'
    """
    return None if samples.names is None else str(samples.names[index])
