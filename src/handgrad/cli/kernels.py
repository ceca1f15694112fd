"""Compile kernels before the work that needs them, so that its time and its progress bar do not include it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from handgrad.cli import display
from handgrad.engine import Engine
from handgrad.parameters import Parameters


def prepare(engine: Engine, parameters: Parameters, pixels: Any, **needs: Any) -> None:
    """Call ``engine.prepare``; show a clock on a terminal, else one line, while it compiles."""
    clock = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=display.stderr, transient=True
    )

    def begin() -> None:
        if display.stderr.is_terminal:
            shown.enter_context(clock)
            clock.add_task("Compiling kernels, once; this takes about a quarter of a minute")
        else:
            display.notice("compiling kernels, once; this takes about a quarter of a minute")

    with ExitStack() as shown:
        compiled = engine.prepare(parameters, pixels, **needs, begin=begin)
    if compiled and display.stderr.is_terminal:
        display.notice(f"compiled kernels, once, {compiled.seconds:.0f} s")
    if compiled and not compiled.kept:
        remedy = "set NUMBA_CACHE_DIR to a folder with room"
        display.notice(f"the kernels could not be kept, so every run compiles them; {remedy}")
