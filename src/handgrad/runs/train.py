"""A whole training: read, train, evaluate, write; and the same from a checkpoint on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from handgrad import atomic
from handgrad.data.cache import Cache
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.report.files import contents
from handgrad.report.training import training_report
from handgrad.runs import resumption
from handgrad.runs.folder import Claim, claimed, is_finished, locked, next_free
from handgrad.runs.options import TrainingOptions
from handgrad.runs.run import Observer, Run, prepare
from handgrad.training import Epoch, Step
from handgrad.training.checkpoint import Checkpoints
from handgrad.training.interruption import uninterrupted
from handgrad.training.loop import best_epoch

_CHECKPOINT_SECONDS = 60.0


class Result(NamedTuple):
    """What a training left: the folder with its files, the model, and report.json as plain values."""

    folder: Path
    model: Model
    report: dict[str, Any]


Loop = Callable[[Run, Path], Generator[Step | Epoch, None, None]]
"""Trains a run whose folder, with a first checkpoint in it, is given."""


def in_this_process(run: Run, folder: Path) -> Generator[Step | Epoch, None, None]:
    """Train without a cluster."""
    return run.events()


def train(
    options: TrainingOptions,
    out: Path | None = None,
    *,
    overwrite: bool = False,
    command: str | None = None,
    cache: Cache | None = None,
    threads: int | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
    loop: Loop = in_this_process,
    observer: Observer | None = None,
) -> Result:
    """Train a model and write it with its report; what ``handgrad train`` does.

    Parameters
    ----------
    out : Path, optional
        Folder for the files; the first free one of ``runs/NAME``, ``runs/NAME-2`` … if left out.
    overwrite : bool
        Replace the results that `out` already holds.
    command : str, optional
        What the model's provenance and the report say of how it was made; this call if left out.
    cache : Cache, optional
        Keeps decoded images.
    threads : int, optional
        Of the fused engine; they do not change the result.
    checkpoint_seconds : float
        Seconds from checkpoint to checkpoint within a long epoch.
    loop : callable
        Trains the model; ``cluster.training.train`` with the workers of a cluster.
    observer : Observer, optional
        Receives what happens.

    Raises
    ------
    InputError
        If an option does not fit the images, or the folder holds other results.
    DivergenceError
        If a loss is not finite; then nothing is left behind.
    Interrupted
        If Ctrl-C ended it; ``resume`` continues from its checkpoint.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.training import Recipe
    >>> options = TrainingOptions(source="digits", engine="notes", recipe=Recipe(epochs=1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = train(options, Path(folder) / "digits")
    ...     sorted(path.name for path in result.folder.iterdir())[:3]
    ['curves.png', 'filters.png', 'history.csv']
    """
    observer = observer or Observer()
    with ExitStack() as claims:
        if out:
            claim = claims.enter_context(claimed(out, overwrite))
        run = prepare(options, command=command, cache=cache, threads=threads, observer=observer)
        if not out:
            out = next_free(Path("runs") / run.dataset.name)
            claim = claims.enter_context(claimed(out, overwrite))
        claim.check()
        checkpoints = Checkpoints(out)
        checkpoints.clear()
        return _finish(run, claim, checkpoints, resumption.settings(options), checkpoint_seconds, loop, observer)


def resume(
    folder: Path,
    *,
    source: str | None = None,
    repeated: Mapping[str, Any] | None = None,
    cache: Cache | None = None,
    threads: int | None = None,
    checkpoint_seconds: float = _CHECKPOINT_SECONDS,
    loop: Loop = in_this_process,
    observer: Observer | None = None,
) -> Result | None:
    """Resume the training in a folder from its newest valid checkpoint; the result is the same, bit for bit.

    If the training is finished, return None.

    Parameters
    ----------
    source : str, optional
        Where the images are now, if they have moved.
    repeated : mapping, optional
        Options by their written names (see ``written``), which must not contradict the training's.
    cache, threads, checkpoint_seconds, loop, observer
        As in ``train``.

    Raises
    ------
    CheckpointError
        If none of its checkpoints is valid.
    InputError
        If there is no checkpoint, an option contradicts it, or the images have changed.
    """
    observer = observer or Observer()
    if not folder.is_dir():
        raise InputError("folder", folder, "is not a folder of a training", "check it")
    if is_finished(folder):
        observer.notice(f"the training in {folder} is finished; nothing is left to do")
        return None
    with locked(folder, "folder") as claim:
        checkpoints = Checkpoints(folder)
        checkpoint = resumption.newest(checkpoints, observer)
        options = resumption.options_of(checkpoint)
        resumption.check_repeated(repeated or {}, options, folder)
        options = resumption.located(options, checkpoint, source)
        run = prepare(options, cache=cache, threads=threads, observer=observer)
        run.model = replace(run.model, provenance=checkpoint.provenance)
        resumption.check_same(checkpoint, options.source, run.dataset, observer)
        run.state = checkpoint.restore(run.model, options.recipe, run.engine)
        epochs = options.recipe.epochs_for(len(run.dataset.train))
        epoch = min(len(run.state.history) + 1, epochs)
        observer.notice(f"resuming after step {run.state.step}, in epoch {epoch} of {epochs}")
        return _finish(run, claim, checkpoints, checkpoint.settings, checkpoint_seconds, loop, observer)


def _finish(
    run: Run,
    claim: Claim,
    checkpoints: Checkpoints,
    settings: dict[str, Any],
    seconds: float,
    loop: Loop,
    observer: Observer,
) -> Result:
    """Train from where the run stands, evaluate, and write the results in place of the checkpoints."""
    options, folder = run.options, checkpoints.folder.parent
    if options.workers and loop is in_this_process:
        raise InputError("workers", options.workers, "needs a cluster to train on", "give its loop, or leave it out")
    observer.prepared(run, folder)
    with resumption.checkpointed(run, claim, checkpoints, settings, seconds) as keep:
        with observer.training() as show, closing(loop(run, folder)) as events:
            for event in events:
                # A cluster keeps checkpoints of its own.
                if not options.workers:
                    keep(event)
                show(event)
        history = run.state.history
        if options.recipe.early_stopping:
            observer.notice(f"keeping the model of epoch {best_epoch(history)} of {len(history)}")
        with observer.counting("Evaluating") as progress:
            report = training_report(run.model, run.dataset, history, run.engine, progress)
        report["options"] = resumption.recorded(settings)
        # Once all is written, Ctrl-C has nothing left to end.
        with suppress(KeyboardInterrupt), uninterrupted():
            claim.check()
            atomic.write_files(folder, contents(run.model, run.dataset, history, report))
            checkpoints.clear()
    return Result(folder, run.model, report)
