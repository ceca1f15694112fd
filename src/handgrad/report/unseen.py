"""Images that a model has not learned from: what it is evaluated on, and what its page offers."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from functools import partial
from typing import NamedTuple

import numpy as np

from handgrad.data import Samples, Splits, absolute, duplicates, read, split_source
from handgrad.data.arrays import to_channels
from handgrad.data.cache import Cache
from handgrad.data.objects import is_table
from handgrad.errors import DataError, InputError
from handgrad.model import Model
from handgrad.pixel_range import PIXELS
from handgrad.provenance import told
from handgrad.typing import Progress

WORDS = {
    "test": "the source's test split",
    "held out": "the test split held out in training",
    "all": "all of the source",
}
"""Which images they are."""


class Unseen(NamedTuple):
    """Images as the model takes them, which they are (see ``WORDS``), and what a person should know about the source.

    A label that the model does not know is −1.
    """

    samples: Samples
    which: str
    notices: tuple[str, ...]


def read_unseen(
    model: Model,
    source: str,
    cache: Cache | None = None,
    *,
    strict: bool = False,
    known_only: bool = True,
    progress: Progress | None = None,
) -> Unseen:
    """Read the images of a source that a model has not learned from.

    They are the source's own test split; else, if the model was trained on this very source, the test split held out
    then; else all of the source. Refuse classes that the model does not know if `known_only`. The other options are
    those of ``data.read``.
    """
    if model.pixel_range != PIXELS:
        rule = f"it takes images of {model.pixel_range or 'no known range'}, and a source gives pixels of {PIXELS}"
        raise InputError("model", ", ".join(model.classes[:3]), rule, "give model.of_pictures()")
    height, width, channels = model.architecture.input_shape
    kept = partial(read, source, size=(height, width), cache=cache, file_ranges=model.file_ranges)
    splits = kept(strict=strict, progress=progress)
    refuse = partial(DataError, "source", source)
    # Folders have names in one of Unicode's spellings; a model from elsewhere may have the other.
    numbers = {unicodedata.normalize("NFC", name): number for number, name in enumerate(model.classes)}
    unknown = [name for name in splits.classes if name not in numbers]
    if unknown and known_only:
        raise refuse(
            f"its labels {', '.join(map(repr, unknown[:5]))} are unknown to the model, which knows "
            f"{', '.join(map(repr, model.classes[:10]))}{' …' if len(model.classes) > 10 else ''}",
            "rename or remove them, or train a model on this source",
        )
    samples, which, doubts = _unseen(model, splits, source)
    if strict and doubts:
        raise refuse(doubts[0], "correct it, or leave strict reading out")
    labels = np.array([numbers.get(name, -1) for name in splits.classes], np.int64)[samples.labels]
    images = to_channels(samples.images, channels, refuse)
    # Digests do not depend on the channels.
    return Unseen(Samples(images, labels, samples.names, samples.figures), which, (*splits.notices, *doubts))


def _unseen(model: Model, splits: Splits, source: str) -> tuple[Samples, str, list[str]]:
    """Return the images, which they are, and what casts doubt on that."""
    if splits.test is not None:
        shared = duplicates.notice(splits.own)
        return splits.test, "test", [shared] if shared else []
    says = partial(told, model.provenance)
    named, group_by = says("data", "source", kind=str), says("data", "group_by", kind=str)
    is_its_own = named is not None and _is_same(source, named)
    if group_by and is_table(group_by) and not is_its_own:
        rule = f"the model may have learned from these images: a table that it names ({group_by}) is not opened"
        return splits.train, "all", [f"source={source}: {rule}; evaluate on {named}, or on others"]
    # If there are too few images to split, the model was not trained on them.
    with contextlib.suppress(ValueError):
        dataset = split_source(splits, source, says("seed", kind=int) or 0, group_by)
        if dataset.checksum() == says("data", "sha256", kind=str):
            return dataset.test, "held out", []
    if not is_its_own:
        return splits.train, "all", []
    changed = "it has changed since the model was trained on it, which may have learned from most of these images"
    return splits.train, "all", [f"source={source}: {changed}; evaluate on others"]


def _is_same(source: str, named: str) -> bool:
    """Compare a source to one that a model names, as text: looking at a path may already tell another machine."""
    path = os.path.abspath(named)  # noqa: PTH100 - a Path refuses a NUL
    return source == named or path in (absolute(source), os.path.abspath(source))  # noqa: PTH100
