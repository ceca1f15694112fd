"""The course of a training on the screen: a bar, and a line for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing

from rich.progress import TextColumn

from handgrad.cli import display
from handgrad.training import Epoch, Step

_EPOCHS_SHOWN = 12


def follow(events: Generator[Step | Epoch, None, None], heed: Callable[[Step | Epoch], None] = lambda _: None) -> None:
    """Show what happens; `heed` is called with each event. However it ends, the events end with it."""
    figures = TextColumn(
        "loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]}  {task.fields[rate]:,.0f} images/s"
    )
    with closing(events), display.progress_bar(figures) as bar:
        task = bar.add_task("Training", total=None, loss=float("nan"), accuracy="", rate=0.0)
        loss = accuracy = 0.0
        images = 0
        for event in events:
            heed(event)
            if isinstance(event, Step):
                # Running means, so that the figures can be read.
                weight = max(0.05, 1 / event.step)
                loss += weight * (event.loss - loss)
                accuracy += weight * (event.accuracy - accuracy)
                images += event.images
                bar.update(
                    task,
                    description=f"Epoch {event.epoch}",
                    completed=event.step,
                    total=event.steps,
                    loss=loss,
                    accuracy=display.percent(accuracy, 1),
                    rate=images / event.seconds,
                )
            else:
                if event.epoch % -(-event.epochs // _EPOCHS_SHOWN) == 0 or event.epoch == event.epochs:
                    bar.console.print(_line(event), soft_wrap=True)


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.epoch:>3} of {epoch.epochs}  training loss {epoch.loss:.4f}  accuracy "
        f"{display.percent(epoch.accuracy)}  validation loss {epoch.validation_loss:.4f}  accuracy "
        f"{display.percent(epoch.validation_accuracy)}"
    )
