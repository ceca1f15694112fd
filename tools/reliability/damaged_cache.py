"""Damages files of decoded pictures, and reads the pictures."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad.data import Dataset, load
from handgrad.data.cache import Cache
from handgrad.data.stored import StoredImages, checksums_of
from handgrad.errors import HandgradWarning
from tools.reliability._damage import damaged
from tools.reliability.trial import Outcome

SECTION = "Damaged files"
TITLE = (
    "a file of decoded pictures, damaged anywhere: it is reported, the pictures are decoded again, and all pixels and "
    "checksums are right"
)
FOUND = (
    "91 of 1,876 damaged files gave other pixels of the same shape, and nobody was told: the pixels had no checksum. "
    "Now every byte is under one, and each picture is compared with its own whenever it is read"
)
COUNT = 3_000


def trial(folder: Path) -> Outcome:
    """Damage the files of grey and of colored pictures, with their own size and another."""
    rng, tried, held = np.random.default_rng(15), 0, 0
    for channels, size in ((1, None), (3, (8, 6))):
        root = _pictures(folder / f"{channels}", channels)
        cache = Cache(folder / f"cache-{channels}")
        right = _content(load(str(root), size=size, cache=cache))
        files = {stored.path: stored.path.read_bytes() for stored in cache.files()}
        for path, content in files.items():
            for changed in damaged(content, COUNT // 3, rng):
                for each, whole in files.items():
                    each.unlink(missing_ok=True)
                    each.write_bytes(changed if each == path else whole)
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    found = _content(load(str(root), size=size, cache=cache))
                reported = [issubclass(each.category, HandgradWarning) for each in told]
                tried += 1
                held += found == right and reported == [True] * (changed != content)
    return Outcome(tried, held, _cost(folder))


def _pictures(root: Path, channels: int) -> Path:
    for number in range(10):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (12, 9, channels), np.uint8)
        Image.fromarray(pixels.squeeze()).save(path)
    return root


def _content(dataset: Dataset) -> object:
    pixels = [np.asarray(samples.images).tobytes() for samples in dataset.splits.values()]
    return pixels, dataset.checksum(), dataset.standardization()


def _cost(folder: Path) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (10_000, 100, 100, 3), np.uint8)
    pixels.tofile(folder / "pixels")
    seconds = time.process_time()
    checksums = checksums_of(pixels)
    seconds = time.process_time() - seconds
    with (folder / "pixels").open("rb") as file:
        images = StoredImages(file, pixels.shape, checksums, pixels.__getitem__)
    order = np.random.default_rng(1).permutation(len(pixels))
    reading = time.process_time()
    for start in range(0, len(order), 128):
        images[order[start : start + 128]]
    reading = time.process_time() - reading
    return f"10,000 pictures of 100 × 100 × 3: {reading:.2f} s of reading an epoch, {seconds:.2f} of it for checksums"
