"""What a training needs to be resumed, and how it ends so that it can be."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from handgrad.data import Dataset, absolute
from handgrad.errors import CheckpointError, DivergenceError, InputError, Interrupted, OutputError
from handgrad.report import surroundings
from handgrad.runs.observer import Observer
from handgrad.runs.options import TrainingOptions
from handgrad.runs.run import Run
from handgrad.runs.written import OPTIONS, combine, written
from handgrad.training import Epoch, Step
from handgrad.training.checkpoint import Checkpoint, Checkpoints

_FOLDER = "folder"
"""Key of the folder that a relative source starts from, beside the options."""


class Keeper:
    """Writes checkpoints during a training; a context that leaves one behind if the training ends early.

    Parameters
    ----------
    run : Run
    checkpoints : Checkpoints
    settings : dict
    seconds : float
        Longest time from checkpoint to checkpoint.
    """

    def __init__(self, run: Run, checkpoints: Checkpoints, settings: dict[str, Any], seconds: float) -> None:
        self.run, self.checkpoints, self.settings, self.seconds = run, checkpoints, settings, seconds
        self.last = 0.0

    def keep(self, event: Step | Epoch) -> None:
        """Write a checkpoint after an epoch, and within an epoch if the last one is old."""
        if isinstance(event, Epoch) or time.monotonic() - self.last >= self.seconds:
            self._write()

    def __enter__(self) -> Keeper:
        try:
            self._write()
        except OutputError:
            if not self.checkpoints.paths():
                self.checkpoints.clear()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._write()
            raise Interrupted(f"interrupted after step {self.run.state.step}") from None
        # From every checkpoint it would diverge again.
        if isinstance(error, DivergenceError):
            self.checkpoints.clear()

    def _write(self) -> None:
        self.checkpoints.write(self.run.model, self.run.state, self.settings)
        self.last = time.monotonic()


def settings(options: TrainingOptions) -> dict[str, Any]:
    """Return what a checkpoint keeps of the options: JSON, and the working folder."""
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:  # removed meanwhile: nothing can be relative to it
        folder = ""
    return json.loads(json.dumps(options.to_dict())) | {_FOLDER: folder}


def recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of ``settings`` alone."""
    return {name: value for name, value in settings.items() if name != _FOLDER}


def newest(checkpoints: Checkpoints, observer: Observer) -> Checkpoint:
    """Return the newest valid checkpoint.

    Raises
    ------
    CheckpointError
        If none is valid.
    InputError
        If there is none.
    """

    def skipped(error: CheckpointError) -> None:
        observer.notice(f"{error.value}: {error.rule}; using the one before it")

    found = checkpoints.newest(skipped)
    if found is None:
        remedy = "train into a new folder, or check this one"
        raise InputError("folder", checkpoints.folder.parent, "holds no checkpoint of a training", remedy)
    return found


def options_of(checkpoint: Checkpoint) -> TrainingOptions:
    """Return the options of a checkpoint's training.

    Raises
    ------
    CheckpointError
        If it has none that this handgrad knows.
    """
    try:
        if not isinstance(checkpoint.settings.get(_FOLDER), str):
            raise InputError(_FOLDER, checkpoint.settings.get(_FOLDER), "must be text", "train again")
        return TrainingOptions.from_dict(recorded(checkpoint.settings))
    except InputError as error:
        rule = f"has options that this handgrad does not know ({error.argument}: {error.rule})"
        remedy = "use the handgrad that wrote it, or train again"
        raise CheckpointError("checkpoint", checkpoint.path, rule, remedy) from error


def check_repeated(repeated: Mapping[str, Any], options: TrainingOptions, folder: Path) -> None:
    """Refuse options that contradict those of the training in a folder.

    Raises
    ------
    InputError
        For the first that does.
    """
    known = written(options) | {"workers": options.workers, "cluster": "ray" if options.workers else None}
    for name, value in repeated.items():
        same = combine({name: value}, options) == options if name in OPTIONS else value == known[name]
        if not same:
            rule = f"contradicts the training in {folder}, which has {known[name]}"
            raise InputError(name, value, rule, "leave it out")


def located(options: TrainingOptions, checkpoint: Checkpoint, source: str | None) -> TrainingOptions:
    """Return the options with names of files as they are found from the present working folder.

    Parameters
    ----------
    options : TrainingOptions
        Of the checkpoint.
    checkpoint : Checkpoint
    source : str, optional
        Where the images are now, if they have moved; the checksum decides whether they are the same.
    """

    def here(name: str) -> str:
        meant = absolute(name, checkpoint.settings[_FOLDER])
        return name if meant == absolute(name) else meant

    group_by = options.group_by and here(options.group_by)
    return replace(options, source=source or here(options.source), group_by=group_by)


def check_same(checkpoint: Checkpoint, source: str, dataset: Dataset, observer: Observer) -> None:
    """Refuse images other than those that the training began with; report other versions.

    Raises
    ------
    InputError
        If pixels, labels or the split have changed.
    """
    began, now = checkpoint.provenance["data"]["sha256"], dataset.checksum()
    if began != now:
        raise InputError(
            "source",
            source,
            f"its images are not those that the training began with (SHA-256 {began[:8]}… then, {now[:8]}… now)",
            "restore those, or train again",
        )
    for name, version in surroundings.versions().items():
        if (then := checkpoint.provenance["versions"].get(name)) != version:
            change = f"begun with {name} {then}, resuming with {version}"
            observer.notice(f"{change}: the last bits of the result may differ")
