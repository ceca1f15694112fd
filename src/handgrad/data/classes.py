"""Labels of any kind become class numbers from 0, in the order that a person expects."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal, to_images
from handgrad.data.dataset import Samples
from handgrad.data.split import Splits
from handgrad.pixel_range import Ranges, notices


def natural_order(name: str) -> tuple[list[tuple[str, int]], str]:
    """Return a sorting key that puts class 2 before class 10, whatever the case of the letters.

    Every split depends on this order. natsort's differs: it decomposes accents, and so puts "ä" before "b".

    Examples
    --------
    >>> sorted(["b", "10", "2", "A", "ä"], key=natural_order)
    ['2', '10', 'A', 'b', 'ä']
    """
    words = re.findall(r"([^0-9]*)([0-9]*)", name.casefold())
    return [(text, int(digits[:4000] or 0)) for text, digits in words], name


def to_splits(
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    refuse: Refusal,
    classes: NDArray[Any] | None = None,
    file_ranges: Ranges | None = None,
) -> Splits:
    """Make the training split, and the test split if there is a second pair, of images and labels of any kind.

    Images and `file_ranges` are as in ``arrays.to_images``; labels are integers or strings, one per image. `classes`
    are the names that integer labels count from 0. Without them, the training labels are the names: integers by value,
    strings in natural order.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> images, labels = np.zeros((3, 2, 2), np.uint8), np.array([10, 3, 3])
    >>> splits = to_splits([(images, labels)], partial(DataError, "source", "a.npz"))
    >>> splits.classes, splits.train.labels
    (('3', '10'), array([1, 0, 0]))
    """
    images, ranges = to_images([images for images, _ in pairs], refuse, file_ranges)
    for _, labels in pairs:
        if labels.ndim != 1 or labels.dtype.kind not in "iuUS":
            rule = f"its labels are {labels.dtype} of shape {labels.shape}; they must be integers or strings"
            raise refuse(rule, "save one class number or name per image")
    names = _names(pairs[0][1], refuse) if classes is None else _given(classes, refuse)
    samples = []
    for split, pixels, (_, labels) in zip(("training", "test"), images, pairs, strict=False):
        if len(pixels) != len(labels):
            raise refuse(f"it has {len(pixels)} images and {len(labels)} labels ({split})", "give one label per image")
        counted = classes is not None and labels.dtype.kind in "iu"
        samples.append(Samples(pixels, (_checked if counted else _numbers)(labels, names, split, refuse)))
    test, told = samples[1] if len(samples) > 1 else None, tuple(notices(ranges, file_ranges))
    return Splits(names, samples[0], test=test, notices=told, file_ranges=ranges)


def _names(labels: NDArray[Any], refuse: Refusal) -> tuple[str, ...]:
    values = np.unique(labels)
    names = [_text(value) for value in values]
    for name in names:
        if not name.strip() or not name.isprintable():
            raise refuse(f"its class name {name!r} cannot be printed", "rename the class")
    return tuple(names) if values.dtype.kind in "iu" else tuple(sorted({*names}, key=natural_order))


def _given(classes: NDArray[Any], refuse: Refusal) -> tuple[str, ...]:
    names = tuple(map(_text, classes.ravel()))
    if classes.ndim != 1 or classes.dtype.kind != "U" or len(set(names)) < len(names):
        rule = f"its classes are {classes.dtype} of shape {classes.shape}"
        raise refuse(rule, "save one different name for each class")
    return names


def _checked(labels: NDArray[Any], names: Sequence[str], split: str, refuse: Refusal) -> NDArray[np.int64]:
    low, high = labels.min(), labels.max()
    if low < 0 or high >= len(names):
        rule = f"its {split} labels run from {low} to {high}; {len(names)} classes are 0 to {len(names) - 1}"
        raise refuse(rule, "number the classes from 0, in the order of their names")
    return labels.astype(np.int64)


def _numbers(labels: NDArray[Any], names: Sequence[str], split: str, refuse: Refusal) -> NDArray[np.int64]:
    values, indices = np.unique(labels, return_inverse=True)
    numbers = {name: number for number, name in enumerate(names)}
    if unknown := [name for name in map(_text, values) if name not in numbers]:
        rule = f"its {split} label {unknown[0]!r} is none of its {len(names)} classes"
        raise refuse(rule, "correct the label, or add the class to the training split")
    return np.array([numbers[_text(value)] for value in values], np.int64)[indices]


def _text(value: Any) -> str:
    """Return a label as text, in the one of Unicode's spellings of it that class folders have, too."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    return unicodedata.normalize("NFC", text)
