"""The files below a folder: links are followed, loops end, what computers leave behind is ignored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from handgrad.data.classes import natural_order

_CLUTTER = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin"),
    *("system volume information", "lost+found", "__pycache__"),
}


def files_below(folder: str | Path) -> Iterable[str]:
    """Yield the paths of all files except clutter, folder by folder, in natural order."""
    for at, files in walk(str(folder), []):
        yield from (f"{at}{os.sep}{name}" for name in files)


def walk(folder: str, loops: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder with the names of its files, except clutter; add links to a folder above to `loops`.

    Linked folders are followed; a folder that several paths lead to is read once.
    """
    waiting: list[tuple[str, tuple[str, ...]]] = [(folder, (os.path.realpath(Path(folder).parent),))]
    seen: set[str] = set()
    while waiting:
        at, above = waiting.pop()
        real = os.path.realpath(at)
        if real in seen:
            continue
        seen.add(real)
        folders, files = entries(at)
        yield at, sorted(files, key=natural_order)
        inner = []
        for name in folders:
            path = f"{at}{os.sep}{name}"
            if leads_up(path, (*above, real)):
                loops.append(path)
            else:
                inner.append((Path(path).is_symlink(), natural_order(name), path))
        waiting += [(path, (*above, real)) for _, _, path in sorted(inner, reverse=True)]


def leads_up(path: str, above: tuple[str, ...]) -> bool:
    """Return whether a folder is, or holds, one of those that led to it."""
    real = os.path.realpath(path)
    if real.startswith(above[-1] + os.sep):
        return False
    return any(Path(folder).is_relative_to(real) for folder in above)


def entries(at: str) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the other files in a folder, without clutter."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(at) as entries:
        for entry in entries:
            if not is_clutter(entry.name):
                (folders if _is_folder(entry) else files).append(entry.name)
    return sorted(folders, key=natural_order), files


def has_files(folder: str) -> bool:
    """Return whether there is any file below, without listing more than needed."""
    waiting, seen = [folder], set()
    while waiting:
        at = waiting.pop()
        real = os.path.realpath(at)
        if real in seen:
            continue
        seen.add(real)
        with os.scandir(at) as entries:
            for entry in entries:
                if is_clutter(entry.name):
                    continue
                if not _is_folder(entry):
                    return True
                waiting.append(entry.path)
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def is_clutter(name: str) -> bool:
    """Return whether a file or folder is no one's picture: hidden, or made by a system."""
    return name.startswith(".") or name.casefold() in _CLUTTER
