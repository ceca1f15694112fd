"""Which images of the magnetic tiles show the same tile: each was taken under six lamps within a short time."""

from __future__ import annotations

import csv
from pathlib import Path

APART = 130
"""The number in a name counts time. Within a tile it grows by a few dozen per image; a longer pause ends the tile."""


def write(source: Path, path: Path) -> None:
    """Write the table for ``--group-by``, with the columns image and object.

    Parameters
    ----------
    source : Path
        Folder of class folders with images named ``…_num_1234.jpg``.
    path : Path
        The CSV to write.
    """
    taken = {each: int(each.stem.rpartition("num_")[2]) for each in source.glob("*/*.jpg")}
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "object"))
        tile, before = 0, 0
        for image in sorted(taken, key=lambda image: (taken[image], image)):
            tile += taken[image] - before > APART
            before = taken[image]
            table.writerow((image.relative_to(source).as_posix(), f"tile {tile}"))
