"""Checkpoints: all that is needed to resume a training, as safetensors under a checksum; never pickle.

They are in the subfolder ``checkpoints`` of the training's folder, which exists only until the training is finished.
Each, e.g. ``step-00000120.safetensors``, holds

- the tensors ``parameters``; the optimizer's ``velocity``, or ``m`` and ``v``; with early stopping ``best``; the
  ``history``, one row per epoch;
- as metadata ``settings`` (every choice that decides the result), ``provenance``, ``sums`` (the steps taken, and sums
  over the current epoch) as JSON, and ``sha256`` over everything else.

The last two are kept, in case one is corrupted. Those that a cluster writes are under ``checkpoints/ray``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from handgrad import atomic
from handgrad.engine import Engine
from handgrad.errors import CheckpointError, OutputError
from handgrad.model import Model
from handgrad.model_file import CHECKPOINTS
from handgrad.training.loop import Epoch, State
from handgrad.training.recipe import Recipe
from handgrad.typing import Array

FORMAT = "handgrad-checkpoint"
VERSION = "3"
_JSON = ("settings", "provenance", "sums")
_SUMS = ("step", "correct", "loss", "seconds")
_COLUMNS = len(fields(Epoch))
_REMEDY = "train again, or copy the file again"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that was read.

    Parameters
    ----------
    path : Path
    settings : dict
        The choices of the training, as plain values.
    provenance : dict
        The model's.
    tensors : mapping of str to array
        ``parameters``, the optimizer's memory, and ``best`` with early stopping.
    history : list of Epoch
    sums : dict
        The rest of the state: ``step``, ``correct``, ``loss``, ``seconds``.
    """

    path: Path
    settings: dict[str, Any]
    provenance: dict[str, Any]
    tensors: Mapping[str, Array]
    history: list[Epoch]
    sums: dict[str, Any]

    def restore(self, model: Model, recipe: Recipe, engine: Engine) -> State:
        """Put the parameters into a model of the same training, and return its state.

        Raises
        ------
        CheckpointError
            If its tensors are not those of this network and optimizer.
        """
        vector, best = model.parameters.vector, self.tensors.get("best")
        optimizer = engine.optimizer(recipe, model.parameters)
        expected = {"parameters", *optimizer.memory()}
        if recipe.early_stopping and self.history:
            expected.add("best")
        found = {name: (tensor.dtype, tensor.shape) for name, tensor in self.tensors.items()}
        if found != dict.fromkeys(expected, (vector.dtype, vector.shape)):
            raise CheckpointError("checkpoint", self.path, "its tensors are not those of its training", _REMEDY)
        vector[:] = self.tensors["parameters"]
        optimizer.remember(self.tensors, self.sums["step"])
        return State(optimizer, **self.sums, history=self.history, best=best)


class Checkpoints:
    """The checkpoints of one training.

    Parameters
    ----------
    folder : Path
        Of the training.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / CHECKPOINTS
        self.cluster = self.folder / "ray"
        self._kept: list[Path] = []

    def paths(self) -> list[Path]:
        """Return the path of every checkpoint, the newest first."""
        found = [*self.folder.glob("step-*.safetensors"), *self.cluster.glob("*/*/step-*.safetensors")]
        return sorted(found, key=step_of, reverse=True)

    def write(self, model: Model, state: State, settings: dict[str, Any]) -> None:
        """Write one atomically, then remove all but it and the one before.

        Raises
        ------
        OutputError
            If it cannot be written; the others are then unchanged.
        """
        path, content = self.folder / name_of(state.step), to_bytes(model, state, settings)
        try:
            # Without its parents: a training's folder that was removed is not made again.
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(self.folder, error.strerror or str(error)) from error
        atomic.write_files(self.folder, {path.name: content})
        self._kept = [*(kept for kept in self._kept if kept != path), path][-2:]
        self._remove_all_but(self._kept)

    def newest(self, skipped: Callable[[CheckpointError], None]) -> Checkpoint | None:
        """Return the newest valid one, which is kept until there are two new ones; None if there are none at all.

        Parameters
        ----------
        skipped : callable
            Called with the error of every newer one.

        Raises
        ------
        CheckpointError
            If there are some, but none is valid.
        """
        failure: CheckpointError | None = None
        for path in self.paths():
            if failure:
                skipped(failure)
            try:
                found = load(path)
            except CheckpointError as error:
                failure = error
            else:
                self._kept = [path]
                return found
        if failure:
            raise failure
        return None

    def clear(self) -> None:
        """Remove all of them, and their folder."""
        self._kept = []
        self._remove_all_but([])
        shutil.rmtree(self.cluster, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _remove_all_but(self, kept: list[Path]) -> None:
        # A dot before the name means that the process was killed while it wrote the file.
        for path in self.folder.glob("*step-*.safetensors*"):
            if path not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()


def name_of(step: int) -> str:
    """Return the name of a checkpoint's file."""
    return f"step-{step:08}.safetensors"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint by its file's name; −1 for a name that nothing here gave.

    >>> step_of(Path("step-00000120.safetensors"))
    120
    """
    number = path.stem.removeprefix("step-")
    return int(number) if number.isdecimal() and number.isascii() else -1


def to_bytes(model: Model, state: State, settings: dict[str, Any]) -> bytes:
    """Return the content of a checkpoint's file."""
    history = np.array([astuple(epoch) for epoch in state.history], np.float64).reshape(-1, _COLUMNS)
    tensors = {"parameters": model.parameters.vector, **state.optimizer.memory(), "history": history}
    if state.best is not None:
        tensors["best"] = state.best
    values = {
        "settings": settings,
        "provenance": model.provenance,
        "sums": {name: getattr(state, name) for name in _SUMS},
    }
    texts = {"format": FORMAT, "version": VERSION} | {name: json.dumps(value) for name, value in values.items()}
    return signed(texts, tensors)


def signed(texts: dict[str, str], tensors: dict[str, Array]) -> bytes:
    """Return a file of tensors and metadata, with their checksum."""
    return safetensors.numpy.save(tensors, texts | {"sha256": _checksum(texts, tensors)})


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If it is truncated, corrupted, or not a checkpoint.
    """
    try:
        path.open("rb").close()  # for the system's own message
        with safe_open(path, framework="np") as file:
            texts = file.metadata() or {}
            _check_format(path, texts)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if texts.pop("sha256", None) != _checksum(texts, tensors):
            raise CheckpointError("checkpoint", path, "is corrupted: its checksum is not that of its content", _REMEDY)
        settings, provenance, sums = (_object(texts[name]) for name in _JSON)
        history = _history(tensors.pop("history"))
        return Checkpoint(path, settings, _provenance(provenance), tensors, history, _sums(sums))
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError("checkpoint", path, f"cannot be read ({error.strerror or error})", "check it") from error
    except SafetensorError as error:
        raise CheckpointError("checkpoint", path, f"is not a valid safetensors file ({error})", _REMEDY) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError("checkpoint", path, f"its content does not fit ({error})", _REMEDY) from error


def _check_format(path: Path, texts: dict[str, str]) -> None:
    if texts.get("format") != FORMAT:
        raise CheckpointError("checkpoint", path, "is a safetensors file, but not a checkpoint", _REMEDY)
    if texts.get("version") != VERSION:
        rule = f"has the format version {texts.get('version')}, and this handgrad reads version {VERSION}"
        raise CheckpointError("checkpoint", path, rule, "use the handgrad that wrote it, or train again")


def _checksum(texts: Mapping[str, str], tensors: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(json.dumps(texts, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text[:20]!r} is not an object")
    return value


def _provenance(values: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(values["data"]["sha256"], str) or not isinstance(values["versions"], dict):
        raise ValueError("its provenance lacks checksum or versions")
    return values


def _history(table: Array) -> list[Epoch]:
    if table.dtype != np.float64 or table.shape != (len(table), _COLUMNS) or not np.isfinite(table).all():
        raise ValueError(f"its history is {table.dtype} of shape {table.shape}, or not finite")
    if not (table[:, 0] == np.arange(1, len(table) + 1)).all():
        raise ValueError("its epochs do not follow each other")
    return [Epoch(int(epoch), int(epochs), *figures) for epoch, epochs, *figures in table.tolist()]


def _sums(values: dict[str, Any]) -> dict[str, Any]:
    kinds = dict(zip(_SUMS, (int, int, float, float), strict=True))
    if {name: type(value) for name, value in values.items()} != kinds:
        raise ValueError(f"its sums are {values}")
    if not (0 <= values["step"] < 2**53 and 0 <= values["correct"] < 2**53 and np.isfinite([*values.values()]).all()):
        raise ValueError(f"its sums are {values}")
    return values
