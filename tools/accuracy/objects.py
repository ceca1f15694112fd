"""Which pictures of the magnetic tiles show one tile: each was taken under six lamps, shortly after one another."""

from __future__ import annotations

import csv
from pathlib import Path

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
    taken = {each: int(each.stem.rpartition("num_")[2]) for each in source.glob("*/*.jpg")}
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "object"))
        tile, before = 0, 0
        for picture in sorted(taken, key=lambda picture: (taken[picture], picture)):
            tile += taken[picture] - before > APART
            before = taken[picture]
            table.writerow((picture.relative_to(source).as_posix(), f"tile {tile}"))
