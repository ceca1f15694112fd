"""Compile kernels before the work that needs them, so that its time and its progress bar do not include it."""

from __future__ import annotations

from typing import Any

from handgrad import progress
from handgrad.cli import display
from handgrad.engine import Engine
from handgrad.parameters import Parameters


def prepare(engine: Engine, parameters: Parameters, pixels: Any, **needs: Any) -> None:
    """Call ``engine.prepare``; show a bar with each kernel on a terminal, else one line, while it compiles."""
    with progress.compiling(display.stderr, display.notice) as told:
        compiled = engine.prepare(parameters, pixels, **needs, compiling=told)
    if compiled and display.stderr.is_terminal:
        display.notice(f"compiled kernels, once, {compiled.seconds:.0f} s")
    if compiled and not compiled.kept:
        remedy = "set NUMBA_CACHE_DIR to a folder with room"
        display.notice(f"the kernels could not be kept, so every run compiles them; {remedy}")
