"""Models on disk: safetensors, with everything but the tensors as JSON in its metadata; never pickle.

====================  =====================================================================
metadata key          value
====================  =====================================================================
``format``            ``handgrad``
``version``           ``3``, raised when an older reader would misread the file
``architecture``      the arguments of ``Architecture``
``classes``           the classes' names, in order
``standardization``   mean and std of each channel, in the numbers of ``pixel_range``
``pixel_range``       black and white in the images that it was fitted on; null if not known
``file_ranges``       black and white in files of other numbers, by kind: ``uint16`` …
``provenance``        command, data and its checksum, seed, recipe, versions
====================  =====================================================================

The tensors are the parameters by their names in the notes: ``F1, F2, w1, b1, w2, b2``; ``alpha2`` where there are maps.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from handgrad import atomic
from handgrad.architecture import Architecture
from handgrad.errors import InputError, ModelFileError
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.pixel_range import PIXELS, USUAL, PixelRange, Ranges
from handgrad.standardization import Standardization

FILE_NAME = "model.safetensors"
CHECKPOINTS = "checkpoints"
"""Folder beside the model file while a training is not finished."""
VERSION = "3"
_KEYS = ("architecture", "classes", "standardization", "provenance", "pixel_range", "file_ranges")
_OLDER = {
    "pixel_range": json.dumps(PIXELS.to_list()),
    "file_ranges": json.dumps({kind: ends.to_list() for kind, ends in USUAL.items()}),
}
"""What versions 1 and 2 always meant."""
_GIVE, _TRAIN = "give the model.safetensors of a training", "train the model again"


def to_bytes(model: Model) -> bytes:
    """Return the content of a model file; equal models give equal bytes."""
    metadata = {
        "format": "handgrad",
        "version": VERSION,
        **{name: _json(value, name) for name, value in model.to_dict().items()},
    }
    # safetensors writes memory as it is, so each view must be contiguous.
    tensors = {name: np.ascontiguousarray(view) for name, view in model.parameters.items()}
    return _ordered(safetensors.numpy.save(tensors, metadata))


def _json(value: Any, name: str) -> str:
    """Write letters as they are, but escape provenance, and what UTF-8 has no form for: bytes of a path, say."""
    text = json.dumps(value, ensure_ascii=name == "provenance")
    return text if text.isprintable() else json.dumps(value)


def _ordered(content: bytes) -> bytes:
    """Sort the metadata by key: safetensors writes them in random order."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def save(model: Model, path: str | Path) -> None:
    """Write a model file, atomically; raise an OutputError if it cannot be written."""
    path = Path(path)
    atomic.write_files(path.parent, {path.name: to_bytes(model)})


def load(path: str | Path) -> Model:
    """Read a model file, or that of a folder.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, of another version, or no handgrad model.

    Examples
    --------
    >>> import tempfile
    >>> model = Model(Parameters.zeros(Architecture()), ("free", "defect"), Standardization((0.0,), (1.0,)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.safetensors")
    ...     load(f"{folder}/model.safetensors").classes
    ('free', 'defect')
    """
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir fails where it may not look
        path = path / FILE_NAME
    refuse = partial(ModelFileError, "model", path)
    try:
        path.open("rb").close()  # for the system's own message: safetensors takes a forbidden file for a missing one
        with safe_open(path, framework="np") as file:
            return _model(file, refuse)
    except ModelFileError:
        raise
    except FileNotFoundError:
        if (path.parent / CHECKPOINTS).is_dir():
            raise refuse("the training there is not finished", f"resume the training in {path.parent}") from None
        raise refuse("there is no such file", _GIVE) from None
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror or error})", "check the file") from error
    except SafetensorError as error:
        raise refuse(f"is no valid safetensors file ({error})", f"{_TRAIN}, or copy the file again") from error
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise refuse(f"its metadata does not fit ({error})", _TRAIN) from error


def load_for_pictures(path: str | Path) -> Model:
    """Read a model file, and return the model for pixels of 0 to 255 (see ``Model.of_pictures``).

    Raises
    ------
    ModelFileError
        As ``load``, and if it is not known what is black and white in the images that it was fitted on.
    """
    model = load(path)
    try:
        return model.of_pictures()
    except InputError as error:
        raise ModelFileError("model", path, error.rule, error.remedy) from None


def _model(file: Any, refuse: Callable[[str, str], ModelFileError]) -> Model:
    metadata = _metadata(file.metadata() or {}, refuse)
    architecture = Architecture.from_dict(metadata["architecture"])
    shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    if shapes != architecture.parameter_shapes:
        wrong = sorted(set(shapes.items()) ^ set(architecture.parameter_shapes.items()))[:3]
        raise refuse(f"its tensors are not those of its architecture (see {wrong})", _TRAIN)
    tensors = {name: file.get_tensor(name) for name in architecture.parameter_shapes}
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if dtypes not in ({np.dtype("f4")}, {np.dtype("f8")}):
        raise refuse(f"its tensors are {dtypes}, not all float32 or float64", _TRAIN)
    vector = np.concatenate([tensor.ravel() for tensor in tensors.values()])
    if not np.isfinite(vector).all():
        raise refuse("has numbers that are not finite", _TRAIN)
    classes = metadata["classes"]
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("classes must be a list of names")
    standardization = Standardization.from_dict(metadata["standardization"])
    provenance = dict(metadata["provenance"].items())
    ends = metadata["pixel_range"]
    ranges = (None if ends is None else PixelRange.of(ends)), _file_ranges(metadata["file_ranges"])
    return Model(Parameters(architecture, vector), tuple(classes), standardization, provenance, *ranges)


def _file_ranges(found: dict[str, Any]) -> Ranges:
    ranges = {kind: PixelRange.of(ends) for kind, ends in found.items()}
    if unknown := sorted(set(ranges) - set(USUAL)):
        raise ValueError(f"file_ranges has the unknown kind {unknown[0]!r}")
    return ranges


def _metadata(texts: dict[str, str], refuse: Callable[[str, str], ModelFileError]) -> dict[str, Any]:
    if texts.get("format") != "handgrad":
        raise refuse("is a safetensors file, but of no handgrad model", _GIVE)
    version = texts.get("version")
    if version == "1":
        # It spelled some names in another way.
        figures = json.loads(texts["standardisation"])
        texts = texts | {"standardization": json.dumps({"mean": figures["mean"], "std": figures["deviation"]})}
    if version in ("1", "2"):
        texts = _OLDER | texts
    elif version != VERSION:
        rule = f"has the format version {version}, and this handgrad reads version {VERSION}"
        raise refuse(rule, "use the handgrad that wrote it, or train again")
    return {name: json.loads(texts[name]) for name in _KEYS}
