"""Compile kernels before the work that needs them, so that its time and its progress bar do not include it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rich.progress import TaskID, TimeElapsedColumn

from handgrad import progress
from handgrad.cli import display
from handgrad.engine import Engine
from handgrad.parameters import Parameters


def prepare(engine: Engine, parameters: Parameters, pixels: Any, **needs: Any) -> None:
    """Call ``engine.prepare``; show a bar with each kernel on a terminal, else one line, while it compiles."""
    bar = progress.bar(display.stderr, TimeElapsedColumn())
    tasks: list[TaskID] = []

    def compiling(name: str, done: int, total: int) -> None:
        if not tasks:
            tasks.append(bar.add_task(""))
            shown.enter_context(bar)
            if bar.disable:
                display.notice("compiling kernels, once; this takes about a quarter of a minute")
        bar.update(tasks[0], description=f"Compiling kernels, once: {name}", completed=done, total=total)

    with ExitStack() as shown:
        compiled = engine.prepare(parameters, pixels, **needs, compiling=compiling)
    if compiled and display.stderr.is_terminal:
        display.notice(f"compiled kernels, once, {compiled.seconds:.0f} s")
    if compiled and not compiled.kept:
        remedy = "set NUMBA_CACHE_DIR to a folder with room"
        display.notice(f"the kernels could not be kept, so every run compiles them; {remedy}")
