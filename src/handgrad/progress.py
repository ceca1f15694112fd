"""How far work is: a bar on a terminal or in a notebook, and lines that remain anywhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from handgrad.percent import percent
from handgrad.training import Callback, Epoch, Step

_EPOCHS_SHOWN = 12
_SECONDS_BETWEEN_UPDATES = 0.2


def stdout() -> Console:
    """Return a console for a library's output; in a notebook, which would keep every frame of a bar, no terminal."""
    terminal = False if in_notebook() else None
    return Console(file=sys.stdout, force_jupyter=False, force_terminal=terminal, highlight=False)


def bar(console: Console, *columns: ProgressColumn) -> Progress:
    """Make a bar that disappears when the work is done; nothing if the console is no terminal."""
    shown = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *columns,
        TimeRemainingColumn(),
    )
    return Progress(*shown, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def compiling(console: Console, say: Callable[[str], None]) -> Iterator[Callable[[str, int, int], None]]:
    """Show each kernel that the yielded function is told of, by a bar; without a terminal, `say` one line."""
    shown = bar(console, TimeElapsedColumn())
    tasks: list[TaskID] = []
    with ExitStack() as begun:

        def show(name: str, done: int, total: int) -> None:
            if not tasks:
                tasks.append(shown.add_task(""))
                begun.enter_context(shown)
                if shown.disable:
                    say("compiling kernels, once; this takes about a quarter of a minute")
            shown.update(tasks[0], description=f"Compiling kernels, once: {name}", completed=done, total=total)

        yield show


@contextmanager
def training(console: Console) -> Iterator[Callback]:
    """Show the steps and epochs that the yielded function is given: a bar, and a line for some dozen epochs."""
    columns = "loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]}  {task.fields[rate]:,.0f} images/s"
    with bar(console, TextColumn(columns)) as shown, _notebook() as update_notebook:
        task = shown.add_task("Training", total=None, loss=math.nan, accuracy="", rate=0.0)
        loss = accuracy = 0.0
        images = 0

        def show(event: Step | Epoch) -> None:
            nonlocal loss, accuracy, images
            if isinstance(event, Epoch):
                if event.epoch % -(-event.epochs // _EPOCHS_SHOWN) == 0 or event.epoch == event.epochs:
                    console.print(line(event), soft_wrap=True)
                return
            # Running means are easier to read.
            weight = max(0.05, 1 / event.step)
            loss += weight * (event.loss - loss)
            accuracy += weight * (event.accuracy - accuracy)
            images += event.images
            figures: dict[str, Any] = {
                "loss": loss,
                "accuracy": percent(accuracy, 1),
                "rate": images / event.seconds,
            }
            shown.update(task, description=f"Epoch {event.epoch}", completed=event.step, total=event.steps, **figures)
            update_notebook(event)

        yield show


def line(epoch: Epoch) -> str:
    """Say how an epoch went.

    Examples
    --------
    >>> line(Epoch(3, 9, 0.5, 0.75, math.nan, math.nan, learning_rate=0.001, seconds=2.0))
    'epoch   3 of 9  training loss 0.5000  accuracy 75.00 %'
    """
    text = (
        f"epoch {epoch.epoch:>3} of {epoch.epochs}  training loss {epoch.loss:.4f}  accuracy {percent(epoch.accuracy)}"
    )
    if math.isnan(epoch.validation_loss):
        return text
    return f"{text}  validation loss {epoch.validation_loss:.4f}  accuracy {percent(epoch.validation_accuracy)}"


@contextmanager
def _notebook() -> Iterator[Callback]:
    """Yield what shows steps in a notebook: one bar, changed in place a few times a second, which leaves nothing."""
    handle: Any = None
    if in_notebook():
        shown: Any = import_module("IPython.display")
        handle = shown.display(shown.HTML(""), display_id=True)
    updated = 0.0

    def update(event: Step | Epoch) -> None:
        nonlocal updated
        now = time.perf_counter()
        if handle and isinstance(event, Step) and now - updated > _SECONDS_BETWEEN_UPDATES:
            updated = now
            label = f"step {event.step:,} of {event.steps:,}"
            handle.update(shown.HTML(f'<progress value="{event.step}" max="{event.steps}"></progress> {label}'))

    try:
        yield update
    finally:
        if handle:
            handle.update(shown.HTML(""))


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")
