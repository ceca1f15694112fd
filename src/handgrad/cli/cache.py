"""``handgrad cache``, and the options of the commands that read pictures."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path
from rich.filesize import decimal

from handgrad.cli import display, options
from handgrad.data.cache import Cache
from handgrad.errors import InputError, OutputError

_VARIABLE = "HANDGRAD_CACHE"

Folder = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="FOLDER",
        envvar=_VARIABLE,
        help="Folder for decoded pictures; by default, in your cache folder.",
        rich_help_panel="Data",
    ),
]
Without = Annotated[
    bool, typer.Option("--no-cache", help="Decode all pictures again, into memory.", rich_help_panel="Data")
]


def chosen(folder: Path | None, without: bool = False) -> Cache | None:
    """Return the cache that these options ask for."""
    if not folder and (named := os.environ.get(_VARIABLE)):
        folder = Path(named)
    if folder and folder.exists() and not folder.is_dir():
        raise InputError("cache", folder, "it is not a folder", "choose another, or give --no-cache")
    if without:
        return None
    if not (folder := folder or _usual()):
        display.notice("the images are not kept, since you have no home folder; --cache names another")
    return Cache(folder) if folder else None


def _usual() -> Path | None:
    """Return the folder in the user's cache folder; None without a home, as in a container of a user without a name."""
    try:
        folder = user_cache_path("handgrad", appauthor=False) / "pictures"
    except RuntimeError:
        return None
    # Some versions of platformdirs return ~/.cache itself, which would make a folder named ~.
    return folder if folder.is_absolute() else None


def cache(
    folder: Folder = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove them all.")] = False,
    json: options.Json = False,
) -> None:
    """List the decoded pictures that are kept on disk, or remove them."""
    kept = chosen(folder)
    if not kept:
        return
    if clear:
        try:
            display.say(f"removed {decimal(kept.clear())} from {kept.folder}")
        except OSError as error:
            raise OutputError(kept.folder, error.strerror or str(error)) from error
        return
    with display.counting("Checking") as progress:
        files = kept.files(progress)
    if json:
        listed = [
            stored.about | {"file": stored.path.name, "bytes": stored.size, "damaged": stored.damaged}
            for stored in files
        ]
        display.print_json({"folder": str(kept.folder), "files": listed})
        return
    table = display.table("pictures of", "images>", "size>", "bytes>", "last used")
    for stored in files:
        about = stored.about
        size = " × ".join(map(str, [*about["size"], about["depth"]])) if "size" in about else "headers"
        source = str(about.get("source", stored.path.name))
        shown = "damaged" if stored.damaged else size
        table.add_row(source, f"{about.get('images', 0):,}", shown, decimal(stored.size), _shown(stored.used))
    display.stdout.print(table)
    total = decimal(sum(stored.size for stored in files))
    display.say(f"{total} in {kept.folder}; --clear removes all; what is not used for 30 days is removed automatically")
    if damaged := sum(stored.damaged for stored in files):
        display.notice(f"{damaged} of {len(files)} files are damaged: what they keep is decoded again when needed")


def _shown(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return "unknown"
