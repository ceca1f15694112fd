"""What the Tab key offers where an option or argument is no choice of a few words.

A shell completes paths only where a command offers nothing, so what may be a path offers paths too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from handgrad.export import FORMATS
from handgrad.training.augmentation import AUGMENTATIONS


def sources(incomplete: str) -> list[str]:
    """Offer the sources that have a name, folders, and archives."""
    return [*_starting(("digits", "openml:"), incomplete), *_paths(incomplete, ".npz")]


def models(incomplete: str) -> list[str]:
    """Offer model files, and the folders on the way to them."""
    return _paths(incomplete, ".safetensors")


def exports(incomplete: str) -> list[str]:
    """Offer folders, and a file of each format."""
    name = incomplete if incomplete and not incomplete.endswith("/") else f"{incomplete}model"
    return [*_paths(incomplete), *(f"{Path(name).with_suffix(suffix)}" for suffix in FORMATS)]


def augmentations(incomplete: str) -> list[str]:
    """Offer what a list of augmentations does not yet have."""
    listed, comma, word = incomplete.rpartition(",")
    rest = [kind for kind in AUGMENTATIONS if kind not in listed.split(",")]
    return [f"{listed}{comma}{kind}" for kind in _starting((*rest, *(() if comma else ("none",))), word)]


def _examples(*texts: str) -> Callable[[str], list[str]]:
    def offered(incomplete: str) -> list[str]:
        return list(_starting(texts, incomplete))

    return offered


def _starting(words: tuple[str, ...], incomplete: str) -> Iterator[str]:
    return (word for word in words if word.startswith(incomplete))


def _paths(incomplete: str, *suffixes: str) -> list[str]:
    folder, separator, name = incomplete.rpartition("/")
    try:
        found = sorted(os.scandir(f"{folder}{separator}" or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    shown = [entry for entry in found if entry.name.startswith(name) and not entry.name.startswith(".")]
    return [f"{folder}{separator}{entry.name}/" for entry in shown if entry.is_dir()] + [
        f"{folder}{separator}{entry.name}" for entry in shown if entry.name.endswith(suffixes) and entry.is_file()
    ]


OFFERED: Mapping[str, Callable[[str], list[str]]] = {
    "augment": augmentations,
    "filters": _examples("8,8", "16,16", "16,16/32,32", "16,16/16,16/16,16"),
    "filter-size": _examples("3x3", "5x5"),
    "hidden": _examples("none", "64", "128", "64,64"),
    "size": _examples("28x28", "64x64", "100x100"),
}
"""By the name of an option of a training."""
