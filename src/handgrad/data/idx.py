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
from handgrad.data.classes import class_names, class_numbers
from handgrad.data.dataset import Samples
from handgrad.data.expansion import check_expansion
from handgrad.data.split import Splits
from handgrad.errors import DataError
from handgrad.typing import Pixels

_KINDS = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}
_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_PIECE = 1 << 20


def is_idx(folder: Path) -> bool:
    """Whether a folder holds at least one of the four files."""
    return any(_find(folder, kind) for kind in _KINDS)


def read_idx(folder: Path) -> Splits:
    """The four IDX files of a folder; the classes are named by their numbers.

    Parameters
    ----------
    folder : Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same two of ``t10k``, or the spelling
        ``train-images.idx3-ubyte``, each with ``.gz`` or without.

    Returns
    -------
    Splits
        With the source's own test part.

    Raises
    ------
    DataError
        If a file is missing, or is not what its name says.
    """
    arrays = {kind: read_array(_required(folder, kind), dimensions) for kind, dimensions in _KINDS.items()}
    for part in ("train", "t10k"):
        images, labels = len(arrays[f"{part}-images"]), len(arrays[f"{part}-labels"])
        if images != labels:
            raise DataError(
                "source",
                folder,
                f"{part}-images holds {images} images, {part}-labels {labels} labels; each image needs one label",
                "download both files again",
            )
    classes = class_names(arrays["train-labels"], partial(DataError, "source", _required(folder, "train-labels")))
    train, test = (
        Samples(
            arrays[f"{part}-images"][..., np.newaxis],
            class_numbers(
                arrays[f"{part}-labels"], classes, partial(DataError, "source", _required(folder, f"{part}-labels"))
            ),
        )
        for part in ("train", "t10k")
    )
    return Splits(classes, train, test=test)


def read_array(path: Path, dimensions: int) -> Pixels:
    """The array of one IDX file.

    Parameters
    ----------
    path : Path
        A name that ends in ``.gz`` is a gzip file.
    dimensions : int
        How many the file must have: 3 for images, 1 for labels.

    Returns
    -------
    array of uint8

    Raises
    ------
    DataError
        If the file is no such array, is cut short, or goes on after its end.
    """
    refuse = partial(DataError, "source", path)
    try:
        with cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            shape = _read_shape(file, dimensions, refuse)
            length = math.prod(shape)
            check_expansion(length, path.stat().st_size, refuse, compressed=path.suffix == ".gz")
            body = _read_body(file, length, shape, refuse)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refuse(f"it is no sound gzip file ({error})", "download it again, or drop .gz if it is none") from error
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror or error})", "check the file and its permissions") from error
    return np.frombuffer(body, np.uint8).reshape(shape)


def _read_shape(file: BinaryIO, dimensions: int, refuse: Refusal) -> tuple[int, ...]:
    header = file.read(4 + 4 * dimensions)
    magic, expected = header[:4].hex(), f"{0x0800 + dimensions:08x}"
    again = "download it again, or give the file that belongs here"
    if len(header) >= 4 and header[:2] == b"\0\0" and header[3] == dimensions and header[2] != 0x08:
        found = _TYPES.get(header[2], "an unknown type")
        raise refuse(f"its type code is {header[2]:#04x} ({found}); it must be 0x08 (uint8)", again)
    if magic != expected:
        raise refuse(f"it begins with the bytes {magic or '(none)'}; an IDX file of this name, {expected}", again)
    if len(header) < 4 + 4 * dimensions:
        raise refuse(f"its header has {len(header)} bytes; it must have {4 + 4 * dimensions}", again)
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4", offset=4))
    if 0 in shape:
        raise refuse(f"its header claims the shape {shape}; no size may be 0", again)
    return shape


def _read_body(file: BinaryIO, length: int, shape: tuple[int, ...], refuse: Refusal) -> bytearray:
    body = bytearray()
    # Memory grows with what is there, not with what the header claims.
    while len(body) < length and (piece := file.read(min(_PIECE, length - len(body)))):
        body += piece
    if len(body) < length:
        raise refuse(
            f"it is cut short: its header claims {length} bytes for the shape {shape}, {len(body)} are there",
            "download it again",
        )
    if file.read(1):
        raise refuse(f"bytes follow the {length} that its header claims for the shape {shape}", "download it again")
    return body


def _find(folder: Path, kind: str) -> Path | None:
    for name in _spellings(kind):
        if (folder / name).is_file():
            return folder / name
    return None


def _required(folder: Path, kind: str) -> Path:
    found = _find(folder, kind)
    if found is None:
        raise DataError(
            "source",
            folder,
            f"it lacks {_spellings(kind)[0]}; the four IDX files go together",
            "add it (with .gz or without)",
        )
    return found


def _spellings(kind: str) -> list[str]:
    stems = [f"{kind}{mark}idx{_KINDS[kind]}-ubyte" for mark in "-."]
    return [stem + suffix for stem in stems for suffix in ("", ".gz")]
