"""Names and numbers of classes: any labels become class numbers from 0, in an order a person expects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal
from handgrad.data.dataset import Samples
from handgrad.typing import Pixels


def natural_order(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sorting key that puts class 2 before class 10, whatever the case of the letters.

    Examples
    --------
    >>> sorted(["b", "10", "2", "A"], key=natural_order)
    ['2', '10', 'A', 'b']
    """
    parts = re.findall(r"([^0-9]*)([0-9]*)", name.casefold())
    return [(text, int(digits[:4000] or 0)) for text, digits in parts], name


def class_names(labels: NDArray[Any], refuse: Refusal) -> tuple[str, ...]:
    """Names of the classes that occur: integers by value, strings in natural order.

    Parameters
    ----------
    labels : array of integers or strings, shape (count,)
    refuse : callable
        Makes the error from a rule and a remedy.

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        If the labels are neither integers nor strings, or not one an image.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> class_names(np.array([10, 3, 3]), partial(DataError, "source", "a.npz"))
    ('3', '10')
    """
    values = np.unique(_checked(labels, refuse))
    names = [_text(value) for value in values]
    for name in names:
        if not name.strip() or not name.isprintable():
            raise refuse(f"its class name {name!r} cannot be printed", "rename the class")
    return tuple(names) if values.dtype.kind in "iu" else tuple(sorted(names, key=natural_order))


def class_numbers(labels: NDArray[Any], classes: Sequence[str], refuse: Refusal) -> NDArray[np.int64]:
    """Number of each label's name among the classes.

    Parameters
    ----------
    labels : array of integers or strings, shape (count,)
    classes : sequence of str
        Names as ``class_names`` gives them.
    refuse : callable
        Makes the error from a rule and a remedy.

    Returns
    -------
    array of int64, shape (count,)

    Raises
    ------
    DataError
        If a label is none of the classes.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> class_numbers(np.array(["dog", "cat"]), ("cat", "dog"), partial(DataError, "source", "a.npz"))
    array([1, 0])
    """
    values, places = np.unique(_checked(labels, refuse), return_inverse=True)
    numbers = {name: number for number, name in enumerate(classes)}
    unknown = [name for name in map(_text, values) if name not in numbers]
    if unknown:
        raise refuse(
            f"its label {unknown[0]!r} is none of its {len(classes)} classes",
            "correct the label, or add the class to the training part",
        )
    return np.array([numbers[_text(value)] for value in values], np.int64)[places]


def labelled(images: Pixels, labels: NDArray[Any], classes: Sequence[str], refuse: Refusal) -> Samples:
    """Images and their class numbers, from labels of any kind.

    Parameters
    ----------
    images : array of uint8, shape (count, height, width, depth)
    labels : array of integers or strings, shape (count,)
    classes : sequence of str
        Names as ``class_names`` gives them.
    refuse : callable
        Makes the error from a rule and a remedy.

    Returns
    -------
    Samples

    Raises
    ------
    DataError
        If the labels are not usable, or not one an image.

    Examples
    --------
    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> images = np.zeros((1, 2, 2, 1), np.uint8)
    >>> labelled(images, np.array(["b"]), ("a", "b"), partial(DataError, "source", "a.npz")).labels
    array([1])
    """
    numbers = class_numbers(labels, classes, refuse)
    if len(images) != len(numbers):
        raise refuse(f"it has {len(images)} images and {len(numbers)} labels", "give one label an image")
    return Samples(images, numbers)


def _checked(labels: NDArray[Any], refuse: Refusal) -> NDArray[Any]:
    if labels.ndim != 1 or labels.dtype.kind not in "iuUS":
        raise refuse(
            f"its labels are {labels.dtype} of shape {labels.shape}; they must be integers or strings, one an image",
            "save one class number or name an image",
        )
    return labels


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
