"""Images from openml.org through scikit-learn's own loader."""

from __future__ import annotations

import http.client
import math
import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal, to_images
from handgrad.data.classes import class_names, labelled
from handgrad.data.split import Splits
from handgrad.errors import DataError


def read_openml(name: str) -> Splits:
    """The active version of an OpenML data set whose rows are square images.

    Parameters
    ----------
    name : str
        Such as ``mnist_784``. A row is grey, or RGB with one channel after the other (``CIFAR_10``).

    Returns
    -------
    Splits
        What OpenML or scikit-learn warned of is among the notices.

    Raises
    ------
    DataError
        If it cannot be fetched, or its rows are no square images with a class each.
    """
    # Loading scikit-learn takes a second, which no other source should cost.
    from sklearn.datasets import fetch_openml

    refuse = partial(DataError, "source", f"openml:{name}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            # This parser alone does without pandas.
            bunch = fetch_openml(name, as_frame=False, parser="liac-arff")
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise refuse(
                f"it cannot be fetched from openml.org ({error})",
                "check the name and the network, or load it once where there is one: it is cached",
            ) from error
    labels = np.asarray(bunch.target).astype(str)
    classes = class_names(labels, refuse)
    (images,) = to_images([_images(bunch.data, refuse)], refuse)
    notices = tuple(dict.fromkeys(str(warning.message) for warning in caught))
    return Splits(classes, labelled(images, labels, classes, refuse), notices=notices)


def _images(rows: Any, refuse: Refusal) -> NDArray[Any]:
    dense = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
    width = dense.shape[1] if dense.ndim == 2 else 0
    for depth in (1, 3):
        side = math.isqrt(width // depth)
        if 0 < width == side * side * depth:
            return np.moveaxis(dense.reshape(-1, depth, side, side), 1, 3)
    raise refuse(
        f"its rows have {width} numbers, which is no square grey or RGB image",
        "choose a data set of square images",
    )
