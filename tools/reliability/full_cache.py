"""Keeps decoded pictures on a disk that has no room for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad.data import Dataset, load
from handgrad.data.cache import Cache
from tools.reliability.trial import Outcome

SECTION = "Interruptions and full disks"
TITLE = (
    "a disk for the decoded pictures with room for none, some or all of them: right pixels from memory, a line that "
    "says so, and no part of a file left"
)
FOUND = ""
_PAGE = 4
SIZES = range(_PAGE, 200, _PAGE)
"""KiB of the disk; the pictures and their index need about 150."""


def trial(folder: Path) -> Outcome:
    """Mount disks in memory, page by page larger."""
    root, disk, held, full = folder / "photos", folder / "disk", 0, 0
    disk.mkdir()
    for number in range(40):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # The last are in color, so that the first are written twice.
        shape = (32, 32, 3) if number > 36 else (32, 32)
        Image.fromarray(np.random.default_rng(number).integers(0, 256, shape, np.uint8)).save(path)
    right = _content(load(str(root)))
    for size in SIZES:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)], check=True)
        try:
            datasets = [load(str(root), cache=Cache(disk / "cache")) for _ in range(2)]
            told = all("No space left on device" in " ".join(dataset.notices) for dataset in datasets)
            parts = [path for path in disk.rglob("*") if path.suffix in (".part", ".lock")]
            kept = any(stored.about.get("size") for stored in Cache(disk / "cache").files())
            held += all(_content(dataset) == right for dataset in datasets) and told != kept and not parts
            full += told
            del datasets
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    return Outcome(len(SIZES), held, f"{full} of the disks were too small")


def _content(dataset: Dataset) -> object:
    return [np.asarray(samples.images).tobytes() for samples in dataset.splits.values()], dataset.checksum()
