"""The fused engine's kernels, compiled before the work that needs them, so that its time and progress are its own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from handgrad.cli import display
from handgrad.data import Samples
from handgrad.engine import Engine
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.training import Recipe
from handgrad.typing import Images


def compile_for_predictions(model: Model, images: Images, engine: Engine) -> None:
    """Have the kernels of predictions ready, and report a compilation."""
    if len(images):
        prepare(engine, model.parameters, images.dtype)


def compile_for_training(model: Model, samples: Samples, recipe: Recipe, engine: Engine) -> None:
    """Have the kernels of a training ready, and report a compilation."""
    prepare(engine, model.parameters, samples.images.dtype, recipe=recipe)


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
