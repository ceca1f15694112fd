"""What every source becomes: labeled pixels, split into train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from handgrad.data.figures import Figures, measure
from handgrad.data.stored import StoredImages
from handgrad.errors import InputError
from handgrad.pixel_range import Ranges
from handgrad.representation import Represented
from handgrad.standardization import Standardization
from handgrad.typing import Images

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Samples:
    """Labeled images.

    Parameters
    ----------
    images : array of uint8, float32 or float64, shape (count, height, width, channels)
        Pixels from 0 to 255, as every source gives, or numbers of any range; one channel is grey, three are RGB.
    labels : array of int64, shape (count,)
        Class numbers from 0.
    names : array of str, shape (count,), optional
        What identifies an image in its source: its path there, or its index.
    known : Figures, optional
        Digests and moments of the images, if they have been measured.

    Raises
    ------
    InputError
        If the images or labels have another type or shape, or their numbers differ.

    Examples
    --------
    >>> samples = Samples(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1]))
    >>> len(samples[:3])
    3
    >>> Samples(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1]))
    Traceback (most recent call last):
        ...
    handgrad.errors.InputError: labels=2: must be as many as the 4 images; give one label per image
    """

    images: Images
    labels: NDArray[np.int64]
    names: NDArray[np.object_] | None = None
    known: Figures | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype not in (np.uint8, np.float32, np.float64) or len(images.shape) != 4:
            rule = "must be uint8, float32 or float64 of shape (count, height, width, channels)"
            remedy = "convert them with .astype; add the channel of grey images with images[..., np.newaxis]"
            raise InputError("images", f"{images.dtype} of shape {images.shape}", rule, remedy)
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            remedy = "number the classes from 0; from one-hot rows, by labels.argmax(axis=1)"
            shown = f"{labels.dtype} of shape {labels.shape}"
            raise InputError("labels", shown, "must be integers of shape (count,)", remedy)
        if len(images) != len(labels):
            rule = f"must be as many as the {len(images)} images"
            raise InputError("labels", len(labels), rule, "give one label per image")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | NDArray[np.integer]) -> Samples:
        """Return some of the samples, in memory."""
        return self._with(self.images[chosen], chosen)

    def subset(self, chosen: slice | NDArray[np.integer]) -> Samples:
        """Return some of the samples; images on disk stay there."""
        images = self.images
        return self._with(images.subset(chosen) if isinstance(images, StoredImages) else images[chosen], chosen)

    @cached_property
    def figures(self) -> Figures:
        """Digests and moments of the images."""
        return self.known or measure(self.images)

    @property
    def identifiers(self) -> NDArray[np.object_]:
        """The names of the images, or their indices if they have none."""
        return np.array([str(index) for index in range(len(self))], object) if self.names is None else self.names

    def checksum(self) -> str:
        """Compute the SHA-256 of the shape, the images' digests and the labels."""
        return _checksum([self])

    def _with(self, images: Images, chosen: slice | NDArray[np.integer]) -> Samples:
        names = None if self.names is None else self.names[chosen]
        known = None if self.known is None else self.known.subset(chosen)
        return Samples(images, self.labels[chosen], names, known)


@dataclass(frozen=True, eq=False)
class Dataset(Represented):
    """A source of images, read and split.

    Parameters
    ----------
    name : str
        Short name of the source, fit for a folder's name.
    classes : tuple of str
        Name of each class number.
    train, validation, test : Samples
        The three splits; every image is in exactly one.
    notices : tuple of str
        What a person should know: which images were skipped and why, which were resized.
    group_by : str, optional
        What named the object of each image, as in ``objects.objects_of``.
    file_ranges : dict of PixelRange
        What was black and white in its files, by kinds of numbers; empty for 8-bit pictures.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    notices: tuple[str, ...] = ()
    group_by: str | None = None
    file_ranges: Ranges = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, Samples]:
        """The three splits by name."""
        return {split: getattr(self, split) for split in SPLITS}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    def standardization(self) -> Standardization:
        """Return the training split's exact mean and std, from its figures alone."""
        count, height, width, _ = self.train.images.shape
        sums, squares = (moments.sum(axis=0).tolist() for moments in self.train.figures[1:])
        return Standardization.of_moments(count * height * width, sums, squares)

    def checksum(self) -> str:
        """Compute the SHA-256 of all images' digests and labels; the same data and splits give the same checksum."""
        return _checksum(self.splits.values())


def _checksum(splits: Iterable[Samples]) -> str:
    digest = hashlib.sha256()
    for samples in splits:
        digest.update(repr(samples.images.shape).encode())
        digest.update(np.ascontiguousarray(samples.figures.digests).data)
        digest.update(np.ascontiguousarray(samples.labels).data)
    return digest.hexdigest()
