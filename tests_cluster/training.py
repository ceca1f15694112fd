"""Trainings by the command line, with access to their events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from handgrad import cli, model_file
from handgrad.cli.screen import Screen
from handgrad.training import Epoch, Step
from handgrad.typing import Array

NETWORK = ("--filters", "8,8", "--hidden", "32")


Watch = Callable[[Step | Epoch], None]


def attempt(*arguments: str, watch: Watch = lambda _: None, before: Callable[[], None] = lambda: None) -> int:
    """Return the exit code of ``handgrad train``; call `before` before the first step, `watch` with every event."""
    shown = Screen.training

    @contextmanager
    def watched(screen: Screen) -> Iterator[Watch]:
        before()
        with shown(screen) as show:

            def see(event: Step | Epoch) -> None:
                watch(event)
                show(event)

            yield see

    with patch.object(Screen, "training", watched):
        return cli.run(["train", *arguments])


def run(out: Path, *arguments: str, source: str = "digits", watch: Watch = lambda _: None) -> list[Step | Epoch]:
    """Train, and return the events."""
    seen: list[Step | Epoch] = []

    def see(event: Step | Epoch) -> None:
        seen.append(event)
        watch(event)

    assert attempt(source, "--out", str(out), *arguments, watch=see) == 0
    return seen


def weights(folder: Path) -> Array:
    """Return the parameters that a training wrote."""
    return model_file.load(folder).parameters.vector


def losses(events: list[Step | Epoch]) -> list[float]:
    """Return the loss of each step."""
    return [event.loss for event in events if isinstance(event, Step)]
