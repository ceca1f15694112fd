"""Which pictures of the magnetic tiles show one tile: each was taken under six lamps, shortly after one another."""

from __future__ import annotations

import csv
import re
from pathlib import Path

_NUMBER = re.compile(r"num_(\d+)")
APART = 130
"""The number in a name counts time. Within a tile it grows by a few dozen a picture; a longer pause ends the tile."""


def write(source: Path, path: Path) -> None:
    """The table for ``--group-by``: columns image and object.

    Parameters
    ----------
    source : Path
        Folder of class folders with pictures named ``…_num_1234.jpg``.
    path : Path
        The CSV to write.
    """
    files = source.glob("*/*.jpg")
    pictures = sorted((int(number[1]), file) for file in files if (number := _NUMBER.search(file.name)))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "object"))
        tile, before = 0, pictures[0][0]
        for number, picture in pictures:
            tile += number - before > APART
            before = number
            table.writerow((picture.relative_to(source).as_posix(), f"tile {tile}"))
