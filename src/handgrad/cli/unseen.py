"""Images that a model has not learned from, with their progress and notices on the terminal."""

from __future__ import annotations

from typing import Any

from handgrad.cli import display
from handgrad.data.cache import Cache
from handgrad.model import Model
from handgrad.report.unseen import Unseen, read_unseen


def shown_unseen(model: Model, source: str, cache: Cache | None, **options: Any) -> Unseen:
    """Read them as ``report.unseen.read_unseen`` does, and print its notices."""
    with display.counting("Reading pictures") as progress:
        unseen = read_unseen(model, source, cache, **options, progress=progress)
    for text in unseen.notices:
        display.notice(text)
    return unseen
