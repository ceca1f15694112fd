"""Files of images, valid ones and broken ones, as the tests write them; and all images of a dataset read back."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handgrad.data import Dataset, Samples

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def everything(dataset: Dataset) -> Samples:
    """All three splits as one."""
    splits = dataset.splits.values()
    return Samples(np.concatenate([each.images for each in splits]), np.concatenate([each.labels for each in splits]))


def write_picture(path: Path, pixels: NDArray[np.uint8] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(12, 9) if pixels is None else pixels).save(path)
    return path


def write_classes(root: Path, *names: str, count: int = 5, shape: tuple[int, ...] = (12, 9)) -> Path:
    for index, name in enumerate(names):
        for number in range(count):
            write_picture(root / name / f"{number}.png", noise(*shape, seed=100 * index + number))
    return root


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, *, dot: bool = False, zipped: bool = False) -> Path:
    """Forty images of two classes for training, ten for testing."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = (np.arange(40) % 2).astype(np.uint8)
    arrays = (noise(40, 6, 5), labels, noise(10, 6, 5, seed=1), labels[:10])
    for name, array in zip(NAMES, arrays, strict=True):
        spelled = name.replace("-idx", ".idx") if dot else name
        content = idx(array)
        (folder / (spelled + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)
    return folder
