"""Images from openml.org through scikit-learn's own loader."""

from __future__ import annotations

import http.client
import math
import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.arrays import Refusal
from handgrad.data.classes import to_splits
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges


def read_openml(name: str, file_ranges: Ranges | None = None) -> Splits:
    """Read the active version of an OpenML data set whose rows are square images.

    A row is grey (``mnist_784``), or RGB with one channel after the other (``CIFAR_10``). The notices have the warnings
    of OpenML and scikit-learn.
    """
    refuse = partial(DataError, "source", f"openml:{name}")
    if not name.strip():
        raise refuse("it names no data set", "give its name, e.g. openml:mnist_784")
    # Importing scikit-learn takes a second, which no other source should cost.
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            # The only parser that does not need pandas.
            bunch = fetch_openml(name, as_frame=False, parser="liac-arff")
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            remedy = "check the name and the network, or load it once where there is one: it is cached"
            raise refuse(f"it cannot be fetched from openml.org ({error})", remedy) from error
    pairs = [(_images(bunch.data, refuse), np.asarray(bunch.target).astype(str))]
    splits = to_splits(pairs, refuse, file_ranges=file_ranges)
    warned = dict.fromkeys(str(warning.message) for warning in caught)
    return replace(splits, notices=(*warned, *splits.notices))


def _images(rows: Any, refuse: Refusal) -> NDArray[Any]:
    dense = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
    width = dense.shape[1] if dense.ndim == 2 else 0
    for channels in (1, 3):
        side = math.isqrt(width // channels)
        if 0 < width == side * side * channels:
            return np.moveaxis(dense.reshape(-1, channels, side, side), 1, 3)
    rule = f"its rows have {width} numbers, which is no square grey or RGB image"
    raise refuse(rule, "choose a data set of square images")
