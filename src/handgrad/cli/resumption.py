"""``handgrad train --resume``: what a training has to know to go on, and how it ends so that it can."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from handgrad.cli import display, place
from handgrad.data import Dataset, absolute
from handgrad.errors import CheckpointError, ClusterError, DivergenceError, InputError, Interrupted, OutputError
from handgrad.training import Epoch, State, Step
from handgrad.training.checkpoint import Checkpoint, Checkpoints

_KEY = "handgrad.checkpoint"

FREE = ("out", "overwrite", "resume", "checkpoint_seconds", "threads", "cache_folder", "no_cache", "address")
"""Options that have no say in the result."""


def settings(context: typer.Context) -> dict[str, Any]:
    """Every choice that decides the result, as plain values; and the folder that a relative source starts from."""
    chosen = {name: value for name, value in context.params.items() if name not in FREE}
    return json.loads(json.dumps(chosen | {"folder": _here()}, default=str))


def command(folder: Path) -> str:
    """What one types to go on."""
    return f"handgrad train --resume {shlex.quote(str(folder))}"


def resumed(context: typer.Context) -> Checkpoint | None:
    """The checkpoint that this command goes on from, once it is read."""
    return context.meta.get(_KEY)


def resume(context: typer.Context, folder: Path, train: Callable[..., None]) -> None:
    """Call `train` anew, with the arguments of the training in this folder.

    Raises
    ------
    CheckpointError
        If none of its checkpoints is sound.
    InputError
        If it has none, or an option contradicts it.
    """

    def passed_over(error: CheckpointError) -> None:
        display.notice(f"{error.value}: {error.rule}; it is passed over for the one before")

    with place.locked(folder, "resume"):
        if place.is_finished(folder):
            display.notice(f"the training in {folder} is finished; nothing is left to do")
            return
        checkpoint = Checkpoints(folder).newest(passed_over)
        if checkpoint is None:
            remedy = "begin one with handgrad train SOURCE --out DIR"
            raise InputError("resume", folder, "holds no checkpoint of a training", remedy)
        arguments = context.params | _chosen(context, checkpoint) | {"out": folder}
        context.meta[_KEY] = checkpoint
        train(context, **arguments)


def check_same(checkpoint: Checkpoint, source: str, dataset: Dataset) -> None:
    """Refuse images that are others than those that the training began with; tell of other versions.

    Raises
    ------
    InputError
        If pixels, labels or the split have changed.
    """
    from handgrad.report.surroundings import versions

    began, now = checkpoint.provenance["data"]["sha256"], dataset.checksum()
    if began != now:
        raise InputError(
            "source",
            source,
            f"its images are not those that the training began with (SHA-256 {began[:8]}… then, {now[:8]}… now)",
            "bring those back, or train anew",
        )
    for name, version in versions().items():
        if (then := checkpoint.provenance["versions"].get(name)) != version:
            display.notice(f"begun with {name} {then}, going on with {version}: the last bits of the result may differ")


def _chosen(context: typer.Context, checkpoint: Checkpoint) -> dict[str, Any]:
    """The arguments of ``train`` as the checkpoint has them, and its source where it lies now."""
    stored = dict(checkpoint.settings)
    origin = stored.pop("folder", "")
    known = {parameter.name for parameter in context.command.params} - set(FREE)
    if not stored.keys() <= known or not all(
        isinstance(text, str) for text in (origin, stored.get("source"), stored.get("group_by") or "")
    ):
        remedy = "use the handgrad that wrote it, or train anew"
        raise CheckpointError("checkpoint", checkpoint.path, "has settings that this handgrad lacks", remedy)
    folder = context.params["resume"]
    given = [name for name in context.params if _was_given(context, name) and name not in ("source", "resume")]
    mine = settings(context)
    for name in given:
        if name in stored and mine[name] != stored[name]:
            rule = f"contradicts the training in {folder}, which has {_shown(stored[name])}"
        elif name == "overwrite" or (name == "out" and context.params["out"].resolve() != folder.resolve()):
            rule = f"contradicts --resume {folder}, where the results go"
        else:
            continue
        raise InputError(name, _shown(context.params[name]), rule, "leave it out")
    # Where the images have moved, the source can be given again: their checksum tells whether they are the same.
    places = {name: _located(stored[name], origin) for name in ("source", "group_by") if stored.get(name)}
    if context.params["source"]:
        places["source"] = context.params["source"]
    return {name: _tuples(value) for name, value in stored.items()} | places


@contextmanager
def kept(checkpoints: Checkpoints, write: Callable[[], None], state: State) -> Iterator[None]:
    """Whatever ends the training: tell how it goes on, or leave nothing where it cannot."""
    folder = checkpoints.folder.parent
    try:
        yield
    except KeyboardInterrupt:
        write()
        raise Interrupted(f"interrupted after step {state.step}; {command(folder)} goes on") from None
    except DivergenceError:
        # From every checkpoint it would take the same steps.
        checkpoints.clear()
        raise
    except ClusterError as error:
        raise ClusterError(f"{error}; {command(folder)} goes on") from error
    except OutputError as error:
        if not checkpoints.paths():
            checkpoints.clear()
            raise
        raise OutputError(error.path, error.reason, f"make room, then {command(folder)} goes on") from error


def each_epoch(write: Callable[[], None], seconds: float) -> Callable[[Step | Epoch], None]:
    """Has a checkpoint written after each epoch, and within one when the last is older than so many seconds."""
    last = time.monotonic()

    def heed(event: Step | Epoch) -> None:
        nonlocal last
        if isinstance(event, Epoch) or time.monotonic() - last >= seconds:
            write()
            last = time.monotonic()

    return heed


def _here() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # removed meanwhile: nothing can be relative to it
        return ""


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _located(name: str, origin: str) -> str:
    """What the name of a file or folder meant in the working folder that the training began in."""
    meant = absolute(name, origin)
    return name if meant == absolute(name) else meant


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    return str(_tuples(value))
