"""The IDX format of MNIST and Fashion-MNIST (LeCun, Cortes and Burges): four files, gzip or not."""

from __future__ import annotations

import gzip
import math
import zlib
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from handgrad.data.arrays import Refusal
from handgrad.data.classes import to_splits
from handgrad.data.expansion import check_expansion
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.pixel_range import Ranges
from handgrad.typing import Pixels

_FILES = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}
_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_PIECE = 1 << 20
_AGAIN = "download it again, or give the file that belongs here"


def is_idx(folder: Path) -> bool:
    """Check whether a folder has at least one of the four files."""
    return any(_found(folder, file) for file in _FILES)


def read_idx(folder: Path, file_ranges: Ranges | None = None) -> Splits:
    """Read the four IDX files of a folder; the classes are named by their numbers.

    They are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same two of ``t10k``, or in the spelling
    ``train-images.idx3-ubyte``, each with ``.gz`` or without.
    """
    refuse = partial(DataError, "source", folder)
    arrays = []
    for file, dimensions in _FILES.items():
        path = _found(folder, file)
        if path is None:
            rule = f"it lacks {_spellings(file)[0]}; the four IDX files go together"
            raise refuse(rule, "add it (with .gz or without)")
        arrays.append(read_array(path, dimensions))
    return to_splits([(arrays[0], arrays[1]), (arrays[2], arrays[3])], refuse, file_ranges=file_ranges)


def read_array(path: Path, dimensions: int) -> Pixels:
    """Read the array of one IDX file, which must have 3 dimensions for images and 1 for labels."""
    refuse = partial(DataError, "source", path)
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            shape = _read_shape(file, dimensions, refuse)
            check_expansion(math.prod(shape), path.stat().st_size, refuse, compressed=path.suffix == ".gz")
            return np.frombuffer(_read_body(file, shape, refuse), np.uint8).reshape(shape)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        remedy = "download it again, or drop .gz if it is not compressed"
        raise refuse(f"it is no valid gzip file ({error})", remedy) from error
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror or error})", "check the file and its permissions") from error


def _read_shape(file: BinaryIO, dimensions: int, refuse: Refusal) -> tuple[int, ...]:
    header = file.read(4 + 4 * dimensions)
    magic, expected = header[:4].hex(), f"{0x0800 + dimensions:08x}"
    if len(header) >= 4 and header[:2] == b"\0\0" and header[3] == dimensions and header[2] != 0x08:
        found = _TYPES.get(header[2], "an unknown type")
        raise refuse(f"its type code is {header[2]:#04x} ({found}); it must be 0x08 (uint8)", _AGAIN)
    if magic != expected:
        raise refuse(f"it begins with the bytes {magic or '(none)'}; an IDX file of this name, {expected}", _AGAIN)
    if len(header) < 4 + 4 * dimensions:
        raise refuse(f"its header has {len(header)} bytes; it must have {4 + 4 * dimensions}", _AGAIN)
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4", offset=4))
    if 0 in shape:
        raise refuse(f"its header claims the shape {shape}; no size may be 0", _AGAIN)
    return shape


def _read_body(file: BinaryIO, shape: tuple[int, ...], refuse: Refusal) -> bytearray:
    body, length = bytearray(), math.prod(shape)
    # Memory grows with what is there, not with what the header claims.
    while len(body) < length and (piece := file.read(min(_PIECE, length - len(body)))):
        body += piece
    if len(body) < length:
        rule = f"it is truncated: its header claims {length} bytes for the shape {shape}, {len(body)} are there"
        raise refuse(rule, _AGAIN)
    if file.read(1):
        raise refuse(f"bytes follow the {length} that its header claims for the shape {shape}", _AGAIN)
    return body


def _found(folder: Path, file: str) -> Path | None:
    return next((folder / name for name in _spellings(file) if (folder / name).is_file()), None)


def _spellings(file: str) -> list[str]:
    stems = [f"{file}{mark}idx{_FILES[file]}-ubyte" for mark in "-."]
    return [stem + suffix for stem in stems for suffix in ("", ".gz")]
