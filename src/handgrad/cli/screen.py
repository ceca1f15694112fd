"""A training on the terminal: a bar, a line for each epoch, and what to know before and after."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rich.progress import TextColumn

from handgrad.cli import display, kernels
from handgrad.errors import ClusterError, Interrupted, OutputError
from handgrad.runs import Observer, Run, TrainingOptions
from handgrad.training import Epoch, Step
from handgrad.training.checkpoint import Checkpoints
from handgrad.typing import Progress

_EPOCHS_SHOWN = 12


class Screen(Observer):
    """Shows a training on stderr; `remarks` are lines about its options."""

    def __init__(self, remarks: Callable[[TrainingOptions], list[str]] = lambda options: []) -> None:
        self.folder: Path | None = None
        self._remarks = remarks

    def notice(self, text: str) -> None:
        """Print one line."""
        display.notice(text)

    def counting(self, description: str) -> AbstractContextManager[Progress]:
        """Show a bar."""
        return display.counting(description)

    def prepared(self, run: Run, folder: Path) -> None:
        """Print what is trained on what, and compile kernels."""
        self.folder, dataset = folder, run.dataset
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

    def training(self) -> AbstractContextManager[Callable[[Step | Epoch], None]]:
        """Show the loop."""
        return loop()

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Say how to resume a training that ends early and has a checkpoint."""
        try:
            yield
        except (Interrupted, ClusterError, OutputError) as error:
            if not self.folder or not Checkpoints(self.folder).paths():
                raise
            command = resume_command(self.folder)
            if isinstance(error, OutputError):
                raise OutputError(error.path, error.reason, f"make room, then {command} resumes it") from error
            raise type(error)(f"{error}; {command} resumes it") from error


def resume_command(folder: Path) -> str:
    """Return the command that resumes the training in a folder."""
    return f"handgrad train --resume {shlex.quote(str(folder))}"


@contextmanager
def loop() -> Iterator[Callable[[Step | Epoch], None]]:
    """Show the steps and epochs that the yielded function is given."""
    columns = "loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]}  {task.fields[rate]:,.0f} images/s"
    with display.progress_bar(TextColumn(columns)) as bar:
        task = bar.add_task("Training", total=None, loss=float("nan"), accuracy="", rate=0.0)
        loss = accuracy = 0.0
        images = 0

        def show(event: Step | Epoch) -> None:
            nonlocal loss, accuracy, images
            if isinstance(event, Epoch):
                if event.epoch % -(-event.epochs // _EPOCHS_SHOWN) == 0 or event.epoch == event.epochs:
                    bar.console.print(_line(event), soft_wrap=True)
                return
            # Running means are easier to read.
            weight = max(0.05, 1 / event.step)
            loss += weight * (event.loss - loss)
            accuracy += weight * (event.accuracy - accuracy)
            images += event.images
            figures: dict[str, Any] = {
                "loss": loss,
                "accuracy": display.percent(accuracy, 1),
                "rate": images / event.seconds,
            }
            bar.update(task, description=f"Epoch {event.epoch}", completed=event.step, total=event.steps, **figures)

        yield show


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.epoch:>3} of {epoch.epochs}  training loss {epoch.loss:.4f}  accuracy "
        f"{display.percent(epoch.accuracy)}  validation loss {epoch.validation_loss:.4f}  accuracy "
        f"{display.percent(epoch.validation_accuracy)}"
    )
