"""Names for the arrays that handgrad passes around, and for callbacks that report progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""Float32 or float64; a function returns the dtype of its input."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Class numbers, or positions in a window."""

Pixels: TypeAlias = NDArray[np.uint8]
"""Images as stored: (batch, height, width, channels), 0 to 255."""

Stored: TypeAlias = Pixels | Array
"""Pixels, or numbers of any range instead."""


class Images(Protocol):
    """Images as stored, in memory or on disk: (count, height, width, channels); an index copies them to memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(count, height, width, channels)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8; float32 or float64 for numbers instead of pixels."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __array__(self) -> NDArray[Any]: ...


Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number done and the total."""
