"""A training on the terminal: a bar, a line for each epoch, and what to know before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from handgrad import progress, system, tracking
from handgrad.cli import display, kernels
from handgrad.errors import ClusterError, FolderLostError, Interrupted, OutputError
from handgrad.runs import Observer, Run, TrainingOptions
from handgrad.runs.written import written
from handgrad.training import Callback, Epoch, Step
from handgrad.training.checkpoint import Checkpoints, step_of
from handgrad.typing import Progress


class Screen(Observer):
    """Shows a training on stderr, and logs it to a tracker; `remarks` are lines about its options."""

    def __init__(
        self, remarks: Callable[[TrainingOptions], list[str]] = lambda options: [], log: str | None = None
    ) -> None:
        if log:
            tracking.check(log)
        self.folder: Path | None = None
        self._remarks, self._log = remarks, log
        self._options: dict[str, Any] = {}

    def notice(self, text: str) -> None:
        """Print one line."""
        display.notice(text)

    def counting(self, description: str) -> AbstractContextManager[Progress]:
        """Show a bar."""
        return display.counting(description)

    def prepared(self, run: Run, folder: Path) -> None:
        """Print what is trained on what, and compile kernels."""
        self.folder, dataset, self._options = folder, run.dataset, written(run.options)
        for line in self._remarks(run.options):
            display.notice(line)
        display.stderr.print(
            f"{len(dataset.train)} training, {len(dataset.validation)} validation and {len(dataset.test)} test images "
            f"of {' × '.join(map(str, dataset.image_shape))}, {len(dataset.classes)} classes; "
            f"{run.model.architecture.parameter_count:,} parameters",
            soft_wrap=True,
        )
        pixels = dataset.train.images.dtype
        kernels.prepare(run.engine, run.model.parameters, pixels, recipe=run.options.recipe)
        if workers := run.options.workers:
            display.notice(f"starting {workers} worker{'s' if workers > 1 else ''} of a Ray cluster")

    @contextmanager
    def training(self) -> Iterator[Callback]:
        """Show the loop, and log it."""
        with progress.training(display.stderr) as show:
            if not self._log or not self.folder:
                yield show
                return
            with tracking.tracker(self._log, self.folder, self._options) as log:

                def both(event: Step | Epoch) -> None:
                    show(event)
                    log(event)

                yield both

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Say how to resume a training that ends early and has a checkpoint."""
        try:
            yield
        except (Interrupted, ClusterError, OutputError) as error:
            paths = Checkpoints(self.folder).paths() if self.folder else []
            if not self.folder or not paths or isinstance(error, FolderLostError):
                raise
            command = resume_command(self.folder)
            if isinstance(error, OutputError):
                remedy = f"make room or allow writing, then {command} resumes it after step {step_of(paths[0])}"
                raise OutputError(error.path, error.reason, remedy) from error
            raise type(error)(f"{error}; {command} resumes it") from error


def resume_command(folder: Path) -> str:
    """Return the command that resumes the training in a folder."""
    return system.typed(["handgrad", "train", "--resume", str(folder)])
