"""What a training needs to be resumed, and how it ends so that it can be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from handgrad.data import Dataset, absolute
from handgrad.errors import (
    CheckpointError,
    DivergenceError,
    FolderLostError,
    InputError,
    Interrupted,
    OutputError,
)
from handgrad.report import surroundings
from handgrad.runs.folder import Claim
from handgrad.runs.options import TrainingOptions
from handgrad.runs.run import Observer, Run
from handgrad.runs.written import OPTIONS, combine, written
from handgrad.training import Epoch, Step
from handgrad.training.checkpoint import Checkpoint, Checkpoints
from handgrad.training.interruption import uninterrupted

_FOLDER = "folder"
"""Key of the folder that a relative source starts from, beside the options."""


@contextmanager
def checkpointed(
    run: Run, claim: Claim, checkpoints: Checkpoints, settings: dict[str, Any], seconds: float
) -> Iterator[Callable[[Step | Epoch], None]]:
    """Leave a checkpoint behind if the training ends early; yield what writes one after each epoch or `seconds`."""
    last = 0.0

    def write() -> None:
        nonlocal last
        claim.check()
        checkpoints.write(run.model, run.state, settings)
        last = time.monotonic()

    def keep(event: Step | Epoch) -> None:
        if isinstance(event, Epoch) or time.monotonic() - last >= seconds:
            write()

    try:
        write()
        yield keep
    except KeyboardInterrupt:
        # Whoever is impatient presses it again.
        with suppress(KeyboardInterrupt), uninterrupted():
            write()
        raise Interrupted(f"interrupted after step {run.state.step}") from None
    except DivergenceError:
        # From every checkpoint it would diverge again.
        checkpoints.clear()
        raise
    except OutputError as error:
        # Whatever is there now is somebody else's.
        if lost := claim.lost():
            raise FolderLostError(lost.path, lost.reason, f"{_lost(run)}; train again") from error
        if checkpoints.paths():
            raise
        checkpoints.clear()
        remedy = f"{_lost(run)}; train again into a writable folder on a disk with room"
        raise OutputError(error.path, error.reason, remedy) from error


def _lost(run: Run) -> str:
    steps = run.state.step
    return "nothing is lost yet" if not steps else f"the {steps} steps so far are lost"


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
    """Return the newest valid checkpoint, or raise an InputError."""

    def skipped(error: CheckpointError) -> None:
        observer.notice(f"{error.value}: {error.rule}; using the one before it")

    found = checkpoints.newest(skipped)
    if found is None:
        remedy = "train into a new folder, or check this one"
        raise InputError("folder", checkpoints.folder.parent, "holds no checkpoint of a training", remedy)
    return found


def options_of(checkpoint: Checkpoint) -> TrainingOptions:
    """Return the options of a checkpoint's training, or raise a CheckpointError."""
    try:
        if not isinstance(checkpoint.settings.get(_FOLDER), str):
            raise InputError(_FOLDER, checkpoint.settings.get(_FOLDER), "must be text", "train again")
        return TrainingOptions.from_dict(recorded(checkpoint.settings))
    except InputError as error:
        rule = f"has options that this handgrad does not know ({error.argument}: {error.rule})"
        remedy = "use the handgrad that wrote it, or train again"
        raise CheckpointError("checkpoint", checkpoint.path, rule, remedy) from error


def check_repeated(repeated: Mapping[str, Any], options: TrainingOptions, folder: Path) -> None:
    """Refuse an option that contradicts those of the training in a folder."""
    known = written(options) | {"workers": options.workers, "cluster": "ray" if options.workers else None}
    for name, value in repeated.items():
        same = combine({name: value}, options) == options if name in OPTIONS else value == known[name]
        if not same:
            had = "was begun without it" if known[name] is None or known[name] is False else f"has {known[name]}"
            rule = f"contradicts the training in {folder}, which {had}"
            raise InputError(name, value, rule, "leave it out")


def located(options: TrainingOptions, checkpoint: Checkpoint, source: str | None) -> TrainingOptions:
    """Return the options with the names of files as the present working folder has them.

    A source that is given has moved; the checksum decides whether its images are the same.
    """

    def here(name: str) -> str:
        meant = absolute(name, checkpoint.settings[_FOLDER])
        return name if meant == absolute(name) else meant

    group_by = options.group_by and here(options.group_by)
    return replace(options, source=source or here(options.source), group_by=group_by)


def check_same(checkpoint: Checkpoint, source: str, dataset: Dataset, observer: Observer) -> None:
    """Refuse images other than those that the training began with; report other versions."""
    began, now = checkpoint.provenance["data"]["sha256"], dataset.checksum()
    if began != now:
        rule = f"its images are not those that the training began with (SHA-256 {began[:8]}… then, {now[:8]}… now)"
        raise InputError("source", source, rule, "restore those, or train again")
    for name, version in surroundings.versions().items():
        if (then := checkpoint.provenance["versions"].get(name)) != version:
            change = f"begun with {name} {then}, resuming with {version}"
            observer.notice(f"{change}: the last bits of the result may differ")
