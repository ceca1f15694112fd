"""Images that a model has not learned from, for the commands that measure one."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handgrad.cli import display
from handgrad.data import Samples, Splits, read, split_source
from handgrad.data.arrays import to_depth
from handgrad.data.cache import Cache
from handgrad.errors import DataError
from handgrad.model import Model

WORDS = {
    "test": "the source's test part",
    "held out": "the test part held out in training",
    "all": "all of the source",
}
"""Which images they are."""


class Unseen(NamedTuple):
    """Images with the labels that the model gives their classes.

    Attributes
    ----------
    samples : Samples
        As deep as the model's images.
    which : {"test", "held out", "all"}
    notices : tuple of str
        What there is to know of the source.
    """

    samples: Samples
    which: str
    notices: tuple[str, ...]


def read_unseen(model: Model, source: str, cache: Cache | None, strict: bool = False) -> Unseen:
    """The source's own test part; else, of the model's training source, the part held out then; else all of it.

    Raises
    ------
    DataError
        If the source cannot be read, or has classes that the model does not know.
    """
    height, width, depth = model.architecture.input_shape
    with display.counting("Reading pictures") as progress:
        parts = read(source, size=(height, width), strict=strict, progress=progress, cache=cache)
    for text in parts.notices:
        display.notice(text)
    samples, which = _unseen(model, parts, source)
    images = to_depth(samples.images, depth, partial(DataError, "source", source))
    return Unseen(Samples(images, _numbers(samples, parts, model, source), samples.names), which, parts.notices)


def _unseen(model: Model, parts: Splits, source: str) -> tuple[Samples, str]:
    """The images that the model has not learned from, and which they are."""
    if parts.test is not None:
        return parts.test, "test"
    data = model.provenance.get("data")
    if not isinstance(data, dict):
        return parts.train, "all"
    # Where there are too few images to split, they are not what the model was trained on.
    with contextlib.suppress(ValueError):
        dataset = split_source(parts, source, model.provenance.get("seed", 0), data.get("group_by"))
        if dataset.checksum() == data.get("sha256"):
            return dataset.test, "held out"
    if _same_place(source, str(data.get("source"))):
        display.notice(
            f"source={source}: it has changed since the model was trained on it, which may have learned from most of "
            "these images; evaluate on others"
        )
    return parts.train, "all"


def _same_place(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def _numbers(samples: Samples, parts: Splits, model: Model, source: str) -> NDArray[np.int64]:
    """The labels as the model numbers its classes."""
    unknown = [name for name in parts.classes if name not in model.classes]
    if unknown:
        raise DataError(
            "source",
            source,
            f"its labels {', '.join(map(repr, unknown[:5]))} are unknown to the model, which knows "
            f"{', '.join(map(repr, model.classes[:10]))}{' …' if len(model.classes) > 10 else ''}",
            "rename or remove them, or train a model on this source",
        )
    numbers = np.array([model.classes.index(name) for name in parts.classes], np.int64)
    return numbers[samples.labels]
