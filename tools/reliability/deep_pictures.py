"""Folders of pictures that hold numbers of any width, sign and type."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad.data import load
from tools.reliability.trial import Outcome

SECTION = "Pixels"
TITLE = (
    "Folders of TIFF and PNG files of 16 and 32 bits and floats that hold fewer bits, signed numbers or small floats: "
    "at least 60 levels are left in 8 bits, what is white is told once, and each file is read alike in any company"
)
FOUND = "Pictures of 16 bits that hold 8, 10 or 12 became black without a word. The data set now decides what is white."

_EXTENTS = [
    (0, 255), (0, 900), (0, 1023), (0, 3000), (0, 4095), (0, 16000), (0, 65535), (-100, 100), (-1000, 3000),
    (0, 1), (0, 0.01), (0, 20.5), (-3.5, 4.2), (-1, 1),
]  # fmt: skip
_KINDS = {"png": np.uint16, "tif": np.uint16, "i.tif": np.int32, "f.tif": np.float32}


def trial(folder: Path) -> Outcome:
    """Write a folder for each extent and kind, and read it as a whole and with the range of the whole."""
    rng, tried, held = np.random.default_rng(0), 0, 0
    for number, ((low, high), (suffix, kind)) in enumerate(product(_EXTENTS, _KINDS.items())):
        dtype = np.dtype(kind)
        if (dtype.kind != "f" and high - low < 25) or (dtype.kind == "u" and low < 0):
            continue
        root = folder / str(number)
        for picture in range(12):
            numbers = rng.uniform(low, high, (8, 8))
            numbers[0, :2] = low, high
            path = root / "ab"[picture % 2] / f"{picture}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(numbers.astype(dtype)).save(path)
        dataset = load(str(root), size=(8, 8))
        images = np.concatenate([np.asarray(each.images) for each in dataset.splits.values()])
        (found,) = dataset.file_ranges.values()
        told = [text for text in dataset.notices if "is taken for black" in text]
        usual = (found.black, found.white) in ((0, 65535), (0, 1), (0, 255))
        tried += 1
        held += (
            len(np.unique(images)) >= 60
            and (len(told) == 1 or (usual and not told))
            and found.black <= low < high <= found.white
        )
    return Outcome(tried, int(held))
