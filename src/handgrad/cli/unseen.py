"""Images that a model has not learned from, with their progress and notices on the terminal.

What a model file says of its training may be anybody's: nothing that it names is opened unless the person names it too.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handgrad.cli import display
from handgrad.data.cache import Cache
from handgrad.data.image_file import ranges_of
from handgrad.model import Model
from handgrad.pixel_range import Ranges, notices
from handgrad.provenance import told
from handgrad.report.unseen import Unseen, read_unseen


def shown_ranges(model: Model, paths: Sequence[Path]) -> Ranges:
    """Return what is black and white in pictures of more than 8 bits, and print what the model does not say."""
    ranges = ranges_of(paths, model.file_ranges)
    for text in notices(ranges, model.file_ranges):
        display.notice(text)
    return ranges


def shown_unseen(model: Model, source: str, cache: Cache | None, **options: Any) -> Unseen:
    """Read them as ``report.unseen.read_unseen`` does, and print its notices."""
    with display.counting("Reading pictures") as progress:
        unseen = read_unseen(model, source, cache, **options, progress=progress)
    for text in unseen.notices:
        display.notice(text)
    return unseen


EMBEDDED = "digits"
"""The source that is part of the package: nothing is opened for it."""


def trained_on(model: Model) -> str | None:
    """Return the source of its training that a model names."""
    return told(model.provenance, "data", "source", kind=str)


def request(model: Model, option: str) -> str:
    """Return how a person asks for the pictures of a model's training, or for others."""
    named = trained_on(model)
    return f"{option} SOURCE, e.g. {option} {shlex.quote(named)}" if named else f"{option} SOURCE"
