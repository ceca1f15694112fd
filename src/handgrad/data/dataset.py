"""What every source becomes: labelled pixels in three parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.typing import Pixels


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled images.

    Parameters
    ----------
    images : array of uint8, shape (count, height, width, depth)
        Pixels from 0 to 255; depth 1 is grey, 3 is RGB.
    labels : array of int64, shape (count,)
        Class numbers from 0.
    """

    images: Pixels
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | NDArray[np.integer]) -> Samples:
        return Samples(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A source of images, read and split.

    Parameters
    ----------
    name : str
        Short name of the source, fit for a folder's name.
    classes : tuple of str
        Name of each class number.
    train, validation, test : Samples
        The three parts; every image is in exactly one.
    own_test : bool
        True where the source brings its own test part, False where it was split off here.
    notices : tuple of str
        What a person should know: pictures that were skipped and why, pictures that were resized.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    own_test: bool
    notices: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, depth) of every image."""
        height, width, depth = self.train.images.shape[1:]
        return height, width, depth

    def everything(self) -> Samples:
        """All three parts as one."""
        parts = (self.train, self.validation, self.test)
        return Samples(np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))

    def checksum(self) -> str:
        """SHA-256 of all pixels and labels, part by part: the same data and split give the same checksum."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(repr(part.images.shape).encode())
            digest.update(np.ascontiguousarray(part.images).data)
            digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()
