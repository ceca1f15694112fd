"""``handgrad train``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.markup import escape

from handgrad import runs, system, tracking
from handgrad.cli import cache, clusters, completion, display, options, typed
from handgrad.cli.screen import Screen
from handgrad.data import KINDS
from handgrad.errors import InputError
from handgrad.report.files import NAMES
from handgrad.runs import TrainingOptions
from handgrad.runs.written import combine, written

_OUTPUT = "Output"
_Source = Annotated[
    str | None,
    typer.Argument(help=f"{KINDS}.", metavar="SOURCE", show_default=False, autocompletion=completion.sources),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the results; by default, the first free one of runs/SOURCE, runs/SOURCE-2 …",
        rich_help_panel=_OUTPUT,
    ),
]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results that --out already holds.", rich_help_panel=_OUTPUT)
]
_Resume = Annotated[
    Path | None,
    typer.Option(
        help="Resume the training in this folder, with its own options.", metavar="DIR", rich_help_panel=_OUTPUT
    ),
]
_Log = Annotated[
    Literal[tracking.TRACKERS] | None,  # type: ignore[valid-type]
    typer.Option(
        help=escape(
            "Log every epoch also to TensorBoard, beside the results, or to MLflow's server; needs the extra of "
            "that name."
        ),
        rich_help_panel=_OUTPUT,
    ),
]
_Seconds = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Seconds from checkpoint to checkpoint within a long epoch.",
        rich_help_panel=_OUTPUT,
    ),
]


@options.with_training_options
def train(
    context: typer.Context,
    source: _Source = None,
    out: _Out = None,
    overwrite: _Overwrite = False,
    resume: _Resume = None,
    log: _Log = None,
    checkpoint_seconds: _Seconds = 60,
    *,
    chosen: Mapping[str, Any],
    threads: options.TrainingThreads = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
    cluster: clusters.Kind = None,
    workers: clusters.Workers = None,
    address: clusters.Address = None,
) -> None:
    """Train a network on labeled images, and write the model and its report."""
    screen = Screen(lambda known: typed.without_effect(context, _values(known)), log)
    arguments: dict[str, Any] = {
        "cache": cache.chosen(cache_folder, no_cache),
        "threads": threads,
        "checkpoint_seconds": checkpoint_seconds,
        "loop": clusters.loop(address, threads),
        "observer": screen,
    }
    with screen.resumable():
        if resume:
            _refuse_other_folder(resume, out, overwrite)
            repeated = {**chosen, "cluster": cluster, "workers": workers}
            repeated = {name: value for name, value in repeated.items() if options.given(context, name)}
            result = runs.resume(resume, source=source, repeated=repeated, **arguments)
        elif source:
            clusters.check(cluster, workers, address)
            training_options = combine(chosen, TrainingOptions(source=source, workers=workers))
            command = system.typed(["handgrad", *context.obj])
            result = runs.train(training_options, out, overwrite=overwrite, command=command, **arguments)
        else:
            raise InputError("source", "(none)", "a training needs images", "give a SOURCE, e.g. digits, or --resume")
    if result:
        # All is written, so that Ctrl-C has nothing left to end.
        with contextlib.suppress(KeyboardInterrupt):
            show(result)


def show(result: runs.Result) -> None:
    """Print how well a training's model works and where it is."""
    report, test_images = result.report, result.report["images"]["test"]
    predicted = np.flatnonzero(np.sum(report["confusion_matrix"], axis=0))
    if len(predicted) == 1:
        display.notice(
            f"the model predicts {report['classes'][predicted[0]]!r} for every test image; try another --seed, a "
            "smaller --learning-rate, or more stages, e.g. --filters 16,16/16,16/16,16"
        )
    display.say(
        f"test accuracy {display.percent(report['test_accuracy'])}, balanced "
        f"{display.percent(report['test_balanced_accuracy'])} ({test_images} images); "
        f"{report['seconds']:.1f} s of training, {report['images_per_second']:,.0f} images/s"
    )
    display.say(f"written to {result.folder}{os.sep}: {', '.join(NAMES)}")


def _values(known: TrainingOptions) -> dict[str, Any]:
    """Return the options of a resumed training by the names of this command's parameters."""
    values = {name.replace("-", "_"): value for name, value in written(known).items()}
    return values | {"source": known.source, "workers": known.workers}


def _refuse_other_folder(resumed: Path, out: Path | None, overwrite: bool) -> None:
    rule = f"contradicts --resume {resumed}, where the results go"
    if overwrite:
        raise InputError("overwrite", True, rule, "leave it out")
    if out and out.resolve() != resumed.resolve():
        raise InputError("out", out, rule, "leave it out")
