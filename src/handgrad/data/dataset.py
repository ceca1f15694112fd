"""What every source becomes: labelled pixels in three parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.data.figures import Figures, measure
from handgrad.data.stored import StoredImages
from handgrad.errors import InputError
from handgrad.standardization import Standardization
from handgrad.typing import Images


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled images.

    Parameters
    ----------
    images : array of uint8, float32 or float64, shape (count, height, width, depth)
        Pixels from 0 to 255, as every source gives, or numbers of any range; depth 1 is grey, 3 is RGB.
    labels : array of int64, shape (count,)
        Class numbers from 0.
    names : array of str, shape (count,), optional
        What tells an image from all others of its source: its path there, or its place.
    figures : Figures, optional
        Digests and moments of the images, where they are known.

    Raises
    ------
    InputError
        If the images or labels are of another type or shape, or not as many.

    Examples
    --------
    >>> samples = Samples(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1]))
    >>> len(samples[:3])
    3
    >>> Samples(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1]))
    Traceback (most recent call last):
        ...
    handgrad.errors.InputError: labels=2: must be as many as the 4 images; give one label an image
    """

    images: Images
    labels: NDArray[np.int64]
    names: NDArray[np.object_] | None = None
    figures: Figures | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype not in (np.uint8, np.float32, np.float64) or len(images.shape) != 4:
            raise InputError(
                "images",
                f"{images.dtype} of shape {images.shape}",
                "must be uint8, float32 or float64 of shape (count, height, width, depth)",
                "convert them with .astype; give grey images their depth by images[..., np.newaxis]",
            )
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise InputError(
                "labels",
                f"{labels.dtype} of shape {labels.shape}",
                "must be integers of shape (count,)",
                "number the classes from 0; from one-hot rows, by labels.argmax(axis=1)",
            )
        if len(images) != len(labels):
            raise InputError(
                "labels", len(labels), f"must be as many as the {len(images)} images", "give one label an image"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | NDArray[np.integer]) -> Samples:
        """Some of the samples, in memory."""
        return self._with(self.images[chosen], chosen)

    def part(self, chosen: slice | NDArray[np.integer]) -> Samples:
        """Some of the samples; images that are on disk stay there."""
        if isinstance(self.images, StoredImages):
            return self._with(self.images.part(chosen), chosen)
        return self[chosen]

    def measured(self) -> Figures:
        """Digests and moments of the images."""
        return self.figures or measure(self.images)

    def _with(self, images: Images, chosen: slice | NDArray[np.integer]) -> Samples:
        names = None if self.names is None else self.names[chosen]
        figures = None if self.figures is None else self.figures.part(chosen)
        return Samples(images, self.labels[chosen], names, figures)


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
    notices : tuple of str
        What a person should know: pictures that were skipped and why, pictures that were resized.
    group_by : str, optional
        What told the object of each image, as in ``objects.objects_of``.
    """

    name: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    notices: tuple[str, ...] = ()
    group_by: str | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, depth) of every image."""
        height, width, depth = self.train.images.shape[1:]
        return height, width, depth

    def standardization(self) -> Standardization:
        """The training part's exact mean and std, without looking at its images where their moments are known."""
        count, height, width, _ = self.train.images.shape
        figures = self.train.measured()
        sums, squares = figures.sums.sum(axis=0), figures.squares.sum(axis=0)
        return Standardization.of_moments(count * height * width, sums.tolist(), squares.tolist())

    def checksum(self) -> str:
        """SHA-256 of all images' digests and labels, part by part: the same data and split give the same checksum."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(repr(part.images.shape).encode())
            digest.update(np.ascontiguousarray(part.measured().digests).data)
            digest.update(np.ascontiguousarray(part.labels).data)
        return digest.hexdigest()
