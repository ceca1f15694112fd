"""``handgrad watch``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import numpy as np
import typer

from handgrad import answers, model_file
from handgrad import engine as engines
from handgrad.answers.state import refuse_file
from handgrad.cli import display, kernels, options
from handgrad.text import printable


def watch(
    model_path: options.ModelPath,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where pictures arrive; its folders count too.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Results: a .csv or .jsonl file, complete at every moment; it is continued."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes per picture, the most probable first.")] = 1,
    threshold: options.Threshold = None,
    once: Annotated[bool, typer.Option("--once", help="Answer what has arrived, and end: for cron.")] = False,
    seconds: Annotated[float, typer.Option(min=0.01, help="From look to look.")] = 1.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results, if they are others.")] = False,
    engine: options.Engine = engines.ENGINES[0],
    threads: options.Threads = None,
) -> None:
    """Answer the pictures that arrive in a folder, until Ctrl-C.

    A picture is answered when it no longer grows, and again when it changes. What cannot be read is a row with the
    reason. The next call continues: it answers only what is new.
    """
    manner = answers.Manner(top, threshold, engine)
    model = model_file.load_for_pictures(model_path)
    refuse_file(out, overwrite)
    computing = engines.create(engine, model.standardization, threads, model.architecture)
    kernels.prepare(computing, model.parameters, np.uint8)
    with _signaled() as stop:
        answered = answers.watch(
            model, folder, out, manner,
            seconds=seconds, once=once, overwrite=overwrite, threads=threads, engine=computing, stop=stop, tell=_tell,
            notice=display.notice,
        )  # fmt: skip
    display.notice(f"{answered:,} pictures were answered; the results are in {out}")


@contextmanager
def _signaled() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C, or the end that a system asks for, sets; another ends it at once."""
    stop = Event()
    before: dict[int, Any] = {}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            # A handler that was not set from Python (None) could not be restored.
            before[number] = signal.getsignal(number) or signal.SIG_DFL
            signal.signal(number, handle)
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(answer: answers.Answer) -> None:
    probability = display.percent(answer.ranked[0][1]) if answer.ranked else ""
    display.say(
        f"{printable(answer.path)}  {answer.text or (answer.error and answer.error.rule)}  {probability}".rstrip()
    )
