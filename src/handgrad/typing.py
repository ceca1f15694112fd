"""Names for the arrays that travel through handgrad, and for who is told how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""Float32 or float64; a function returns the dtype it was given."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Class numbers, or places in a window."""

Pixels: TypeAlias = NDArray[np.uint8]
"""Images as stored: (batch, height, width, depth), 0 to 255."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is done and the total."""
