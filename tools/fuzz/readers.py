"""The readers to fuzz: each as a function of arbitrary bytes, with valid files to begin with."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from PIL import Image

from handgrad import engine, model_file, optimizer
from handgrad.architecture import Architecture
from handgrad.data import idx, image_file, npz
from handgrad.errors import DataError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.training import Epoch, Recipe, State, checkpoint
from tools.fuzz import names

_SEPARATOR = b"\xff"
"""Separates the texts of an input that stands for metadata; it never occurs in UTF-8."""


@dataclass(frozen=True)
class Reader:
    """One reader.

    Parameters
    ----------
    subject : str
        What it reads.
    read : callable
        Reads arbitrary bytes; may raise the project's own errors.
    seeds : callable
        Valid inputs.
    """

    subject: str
    read: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]


def _written(content: bytes, suffix: str = "") -> Path:
    """Write a file in memory with this content, one for each suffix."""
    path = Path(_FOLDER.name) / f"input{suffix}"
    path.write_bytes(content)
    return path


_FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


def _read_idx(content: bytes) -> None:
    """Read IDX; the first byte chooses images or labels, and a plain file, a gzip file, or a file to compress here."""
    kind, body = (content[0] if content else 0), content[1:]
    if kind & 4:
        body = gzip.compress(body, 1)
    idx.read_array(_written(body, ".gz" if kind & 5 else ""), 3 if kind & 2 else 1)


def _idx_seeds() -> Iterator[bytes]:
    images = struct.pack(">IIII", 0x0803, 2, 3, 4) + bytes(range(24))
    labels = struct.pack(">II", 0x0801, 5) + bytes(5)
    huge = struct.pack(">IIII", 0x0803, 1_000_000, 10_000, 1_000) + bytes(100)
    for kind, content in ((2, images), (0, labels), (2, huge)):
        yield bytes([kind]) + content
        yield bytes([kind | 4]) + content
        yield bytes([kind | 1]) + gzip.compress(content)


def _read_npz(content: bytes) -> None:
    """Read an archive; or, after the byte 0, an array that is put into one with zip's checksum."""
    if content[:1] == b"\0":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("images.npy", content[1:])
            archive.writestr("labels.npy", _npy(np.arange(6) % 2))
        content = file.getvalue()
    npz.read_npz(_written(content, ".npz"))


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz_seeds() -> Iterator[bytes]:
    images, labels = np.arange(96, dtype=np.uint8).reshape(6, 4, 4), np.arange(6) % 2
    arrays: list[dict[str, Any]] = [
        {"images": images, "labels": labels},
        {"images": images / 255, "labels": labels.astype(str), "classes": np.array(["a", "b"])},
        {"images": images.astype(np.uint16) * 600, "labels": labels, "classes": np.array(["a", "b"])},
        {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]},
        {"images": images > 50, "labels": np.array([b"ja", b"nein"])[labels]},
        {"images": np.array([None, {}]), "labels": labels},
    ]
    yield from (b"\0" + _npy(one["images"]) for one in arrays if "images" in one)
    for one, save in product(arrays, (np.savez, np.savez_compressed)):
        file = io.BytesIO()
        save(file, **one)
        yield file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": True, "shape": (10**6, 10**6)})
        archive.writestr("images.npy", header.getvalue() + bytes(100))
    yield file.getvalue()


def _read_picture(content: bytes) -> None:
    """Read an image from a file, in any format, and as it is uploaded to the page."""
    path = _written(content)
    for read in (image_file.size_of, lambda path: image_file.decode(path, (8, 6)), image_file.decode):
        try:
            read(path)
        except DataError:
            continue
    image_file.read_image(io.BytesIO(content), (8, 6), 1, to_grey=True)


_FORMATS = [
    "AVIF",
    "BLP",
    "BMP",
    "DDS",
    "DIB",
    "EPS",
    "GIF",
    "ICNS",
    "ICO",
    "IM",
    "JPEG",
    "JPEG2000",
    "MPO",
    "MSP",
    "PALM",
    "PCX",
    "PDF",
    "PNG",
    "PPM",
    "QOI",
    "SGI",
    "SPIDER",
    "TGA",
    "TIFF",
    "WEBP",
    "XBM",
]


def _picture_seeds() -> Iterator[bytes]:
    shape = np.arange(7 * 5 * 4, dtype=np.uint8).reshape(7, 5, 4)
    rgba = Image.fromarray(shape)
    modes = [rgba.convert(mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I", "F", "LA")]
    modes.append(Image.fromarray(shape[:, :, 0].astype(np.uint16) * 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, image in product(_FORMATS, modes):
        file = io.BytesIO()
        try:
            image.save(file, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "TIFF", "WEBP") else {}))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SystemError):
            continue
        if file.tell() < 4096:
            yield file.getvalue()
    animated = io.BytesIO()
    modes[3].save(animated, "GIF", save_all=True, append_images=[modes[1]])
    yield animated.getvalue()


def make_model() -> Model:
    """Make a small model that has learned nothing."""
    architecture = Architecture(input_shape=(6, 6, 1), stages=((2, 2),), hidden=(3,))
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    provenance = {"data": {"sha256": "0"}, "versions": {}}
    return Model(parameters, ("a", "b"), Standardization((1.0,), (2.0,)), provenance)


_MODEL = make_model()


def _read_model(content: bytes) -> None:
    """Read a file; or, after the byte 0, the texts of a file's metadata, so that the code behind them is reached."""
    if content[:1] != b"\0":
        _show(_written(content, ".safetensors"))
        return
    keys = ("architecture", "classes", "standardization", "provenance", "pixel_range", "file_ranges", "version")
    texts = {"format": "handgrad"} | dict(zip(keys, _texts(content), strict=False))
    _show(_written(safetensors.numpy.save(dict(_MODEL.parameters), texts), ".safetensors"))


def _show(path: Path) -> None:
    """Read a model file, and print what ``handgrad info`` says of it."""
    model = model_file.load(path)
    names.check(model, names.info_of(path))


def _read_names(content: bytes) -> None:
    """Write a model with three names of classes and a provenance, and what is said of a file of a fourth name."""
    pieces = [piece.decode("utf-8", "surrogateescape") for piece in content.split(_SEPARATOR)]
    *given, file, provenance = [*pieces, *("",) * 5][:5]
    try:
        said = json.loads(provenance)
    except (ValueError, RecursionError):
        said = provenance
    classes = tuple(f"{name}{number}" for number, name in enumerate(given))
    architecture = Architecture(input_shape=(6, 6, 1), classes=3, stages=((2, 2),), hidden=())
    model = Model(Parameters.zeros(architecture), classes, Standardization((1.0,), (2.0,)), {"data": said, file: said})
    for way in names.quick_ways_out(model, file, Path(_FOLDER.name)):
        names.check(model, way)


def _name_seeds() -> Iterator[bytes]:
    for number, name in enumerate(names.NAMES[:-2]):
        others = [names.NAMES[number - 1], names.NAMES[number - 2], name, json.dumps({name: [name, 1e400]})]
        yield _SEPARATOR.join(text.encode("utf-8", "surrogatepass") for text in (name, *others))


def _texts(content: bytes) -> list[str]:
    return [text.decode(errors="replace") for text in content[1:].split(_SEPARATOR)]


def _model_seeds() -> Iterator[bytes]:
    yield model_file.to_bytes(_MODEL)
    values = tuple(_MODEL.to_dict().values())
    version = model_file.VERSION.encode()
    yield b"\0" + _SEPARATOR.join([*(json.dumps(value).encode() for value in values), version])


def _state(steps: int) -> State:
    adam = optimizer.create(Recipe(), _MODEL.parameters)
    return State(adam, step=steps, history=[Epoch(n, 9, 1.0, 0.5, 1.0, 0.5, 0.1, n) for n in range(1, steps)])


def _read_checkpoint(content: bytes) -> None:
    """Read a file; or, after the byte 0, texts and numbers under a valid checksum."""
    if content[:1] == b"\0":
        keys = ("settings", "provenance", "sums", "version")
        *texts_of, table = content.split(_SEPARATOR, len(keys))
        texts = {"format": checkpoint.FORMAT} | dict(zip(keys, _texts(_SEPARATOR.join(texts_of)), strict=False))
        history = np.frombuffer(table[: len(table) // 64 * 64], np.float64).reshape(-1, 8)
        memory = _state(0).optimizer.memory()
        content = checkpoint.signed(texts, {"parameters": _MODEL.parameters.vector, "history": history, **memory})
    read = checkpoint.load(_written(content, ".safetensors"))
    model = make_model()
    read.restore(model, Recipe(), engine.create("notes", model.standardization))


def _checkpoint_seeds() -> Iterator[bytes]:
    settings = {"source": "digits", "seed": 0}
    for steps in (0, 3):
        yield checkpoint.to_bytes(_MODEL, _state(steps), settings)
    sums = {"step": 3, "correct": 2, "loss": 1.5, "seconds": 0.25}
    texts = [json.dumps(value).encode() for value in (settings, _MODEL.provenance, sums)]
    texts.append(checkpoint.VERSION.encode())
    for table in (b"", np.array([astuple(epoch) for epoch in _state(3).history], np.float64).tobytes()):
        yield b"\0" + _SEPARATOR.join([*texts, table])


READERS = {
    "idx": Reader("IDX, plain and gzip", _read_idx, _idx_seeds),
    "npz": Reader("NumPy archives", _read_npz, _npz_seeds),
    "picture": Reader("pictures, from files and uploaded", _read_picture, _picture_seeds),
    "model": Reader("model files", _read_model, _model_seeds),
    "checkpoint": Reader("checkpoints", _read_checkpoint, _checkpoint_seeds),
    "names": Reader("names, and all that says them", _read_names, _name_seeds),
}
