"""``handgrad sweep``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from handgrad import system
from handgrad.cli import cache, clusters, display, options
from handgrad.cli.screen import Screen
from handgrad.cli.train import show
from handgrad.sweep.processes import Processes
from handgrad.sweep.space import Distribution, Options, Space, read, shown
from handgrad.sweep.sweep import TABLE, Sweep
from handgrad.sweep.trials import Scheduler, Trial

_SHOWN = 10


def sweep(
    context: typer.Context,
    source: options.LabeledSource,
    space: Annotated[
        Path, typer.Option(metavar="FILE", help="TOML: a value or a distribution for each option of train.")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the best model and the table of trials; an interrupted sweep is continued.")
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trainings.")] = 20,
    seed: Annotated[int, typer.Option(help="Draws the options; also the seed of every training.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Trials at a time; by default, as many as there are processors for."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of each trial; by default, its share of the processors.")
    ] = None,
    cluster: clusters.Kind = None,
    address: clusters.Address = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
) -> None:
    """Train with many choices of options, and write the model of the best.

    The accuracy on the validation split decides. Trials that fall behind are stopped early. The best options are
    trained once more, with the same result bit for bit, and only their model is measured on the test split. The same
    command continues an interrupted sweep.
    """
    scheduler = _scheduler(cluster, workers, threads, address)
    chosen = Sweep(source, read(space), trials, seed, out, cache.chosen(cache_folder, no_cache))
    screen = Screen()
    ended = chosen.run(scheduler, screen)
    _print(ended, chosen.space)
    with screen.resumable():
        command = f"handgrad train {system.typed([source])} {typed(ended[0].options)} --seed {seed} --out {out}"
        display.notice(f"training trial {ended[0].number} once more, for its model")
        result = chosen.train_best(ended[0], command=command, observer=screen)
    show(result)
    display.say(f"and {TABLE}, all {trials} trials")


def _scheduler(cluster: str | None, workers: int | None, threads: int | None, address: str | None) -> Scheduler:
    """Return what has the trials trained: processes of this machine, or a cluster."""
    if not cluster:
        clusters.check(None, None, address)
        return Processes(workers, threads)
    clusters.check(cluster, workers or 1, address)
    # Imported here, since nothing but a cluster needs it.
    from handgrad.cluster.tuning import OnRay

    return OnRay(workers, threads, address)


def typed(options: Options) -> str:
    """Return options as one types them.

    >>> typed({"learning-rate": 0.0123456, "strict": True, "early-stopping": False})
    '--learning-rate 0.01235 --strict'
    """
    words: list[str] = []
    for name, value in options.items():
        if value is not False:
            words += [f"--{name}"] if value is True else [f"--{name}", shown(value)]
    return system.typed(words)


def _print(trials: Sequence[Trial], space: Space) -> None:
    """Print the best trials, and what differs between them."""
    varied = [name for name, entry in space.items() if isinstance(entry, Distribution)]
    table = display.table("trial>", "validation accuracy>", "loss>", "epochs>", *(f"{name}>" for name in varied), "")
    for one in trials[:_SHOWN]:
        failed = math.isnan(one.validation_accuracy)
        figures = ("", "") if failed else (display.percent(one.validation_accuracy), f"{one.validation_loss:.4f}")
        values = (shown(one.options[name]) for name in varied)
        table.add_row(str(one.number), *figures, str(one.epochs), *values, one.error or one.state)
    display.stdout.print(table)
    states = [one.state for one in trials]
    kinds = (state for state in ("finished", "stopped", "failed") if state in states)
    counts = ", ".join(f"{states.count(state)} {state}" for state in kinds)
    display.say(f"{len(trials)} trials: {counts}; the best has {typed(trials[0].options)}")
    display.stdout.print()
