"""The embedded source: the 1,797 scanned digits that scikit-learn ships (UCI, Alpaydin and Kaynak 1998)."""

from __future__ import annotations

import numpy as np

from handgrad.data.dataset import Samples
from handgrad.data.split import Splits


def read_digits() -> Splits:
    """Read the digits, 8 × 8 grey, their values of 0 to 16 scaled to 0 to 255."""
    # Importing scikit-learn takes a second, which no other source should cost.
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return Splits(tuple(map(str, digits.target_names)), Samples(images, digits.target.astype(np.int64)))
