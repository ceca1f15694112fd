"""Models on disk: safetensors, with everything but the tensors as JSON in its metadata; never pickle.

====================  =====================================================================
metadata key          value
====================  =====================================================================
``format``            ``handgrad``
``version``           ``2``, raised when an older reader would misread the file
``architecture``      the arguments of ``Architecture``
``classes``           the classes' names, in order
``standardization``   mean and std for each depth, in pixel values
``provenance``        command, data and its checksum, seed, recipe, versions
====================  =====================================================================

The tensors are the parameters by their names in the notes: ``F1, F2, w1, b1, w2, b2``; ``alpha2`` where there are maps.
"""

from __future__ import annotations

import json
import shlex
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
from handgrad.standardization import Standardization

FILE_NAME = "model.safetensors"
CHECKPOINTS = "checkpoints"
"""Folder beside the model file while a training is not finished."""
VERSION = "2"
_KEYS = ("architecture", "classes", "standardization", "provenance")


def to_bytes(model: Model) -> bytes:
    """The content of a model file; equal models give equal bytes."""
    metadata = {
        "format": "handgrad",
        "version": VERSION,
        # Provenance is escaped, since the path of a source may hold bytes that are no UTF-8.
        **{name: json.dumps(value, ensure_ascii=name == "provenance") for name, value in model.to_dict().items()},
    }
    # safetensors writes the memory as it lies, so each view must lie in order.
    tensors = {name: np.ascontiguousarray(view) for name, view in model.parameters.items()}
    return _ordered(safetensors.numpy.save(tensors, metadata))


def _ordered(content: bytes) -> bytes:
    """The same file with its metadata in order of their keys: safetensors writes them in a random one."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def save(model: Model, path: str | Path) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    atomic.write_files(path.parent, {path.name: to_bytes(model)})


def load(path: str | Path) -> Model:
    """Read a model file.

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
    try:
        if path.is_dir():
            path = path / FILE_NAME
        path.open("rb").close()  # for what the system says: to safetensors, a file that it may not open is missing
        with safe_open(path, framework="np") as file:
            metadata = _metadata(path, file.metadata() or {})
            architecture = Architecture.from_dict(metadata["architecture"])
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            _check_shapes(path, shapes, architecture)
            tensors = {name: file.get_tensor(name) for name in shapes}
        return Model(
            _parameters(path, architecture, tensors),
            _names(metadata["classes"]),
            Standardization.from_dict(metadata["standardization"]),
            dict(metadata["provenance"].items()),
        )
    except ModelFileError:
        raise
    except FileNotFoundError:
        rule, remedy = "there is no such file", "give the model.safetensors of a training"
        if (path.parent / CHECKPOINTS).is_dir():
            rule = "the training there is not finished"
            remedy = f"handgrad train --resume {shlex.quote(str(path.parent))} goes on with it"
        raise ModelFileError("model", path, rule, remedy) from None
    except OSError as error:
        raise ModelFileError("model", path, f"cannot be read ({error.strerror or error})", "check the file") from error
    except SafetensorError as error:
        raise ModelFileError(
            "model", path, f"is no whole safetensors file ({error})", "train the model again, or copy the file again"
        ) from error
    except (InputError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFileError("model", path, f"its metadata does not fit ({error})", "train the model again") from error


def _metadata(path: Path, texts: dict[str, str]) -> dict[str, Any]:
    if texts.get("format") != "handgrad":
        raise ModelFileError(
            "model", path, "is a safetensors file, but of no handgrad model", "give the model.safetensors of a training"
        )
    if texts.get("version") == "1":
        texts = _from_version_1(texts)
    if texts.get("version") != VERSION:
        raise ModelFileError(
            "model",
            path,
            f"has the format version {texts.get('version')}, and this handgrad reads version {VERSION}",
            "use the handgrad that wrote it, or train again",
        )
    return {name: json.loads(texts[name]) for name in _KEYS}


def _from_version_1(texts: dict[str, str]) -> dict[str, str]:
    """Rename what version 1 spelled another way."""
    figures = json.loads(texts["standardisation"])
    renamed = {"mean": figures["mean"], "std": figures["deviation"]}
    return texts | {"standardization": json.dumps(renamed), "version": VERSION}


def _names(classes: Any) -> tuple[str, ...]:
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("classes must be a list of names")
    return tuple(classes)


def _check_shapes(path: Path, shapes: dict[str, tuple[int, ...]], architecture: Architecture) -> None:
    if shapes != architecture.parameter_shapes:
        wrong = sorted(set(shapes.items()) ^ set(architecture.parameter_shapes.items()))[:3]
        raise ModelFileError(
            "model", path, f"its tensors are not those of its architecture (see {wrong})", "train the model again"
        )


def _parameters(path: Path, architecture: Architecture, tensors: dict[str, Any]) -> Parameters:
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if dtypes not in ({np.dtype("f4")}, {np.dtype("f8")}):
        raise ModelFileError("model", path, f"its tensors are {dtypes}, not all float32 or float64", "train it again")
    vector = np.concatenate([tensors[name].ravel() for name in architecture.parameter_shapes])
    if not np.isfinite(vector).all():
        raise ModelFileError("model", path, "holds numbers that are not finite", "train the model again")
    return Parameters(architecture, vector)
