"""``handgrad sweep``."""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from handgrad import atomic
from handgrad.cli import cache, clusters, display, place
from handgrad.cli.train import train
from handgrad.cluster.space import Distribution, Options, Space, extremes, read
from handgrad.cluster.sweep import Interpretation, Trial
from handgrad.cluster.sweep import sweep as sweep_on_cluster
from handgrad.data import absolute, load
from handgrad.errors import HandgradError, InputError, Interrupted
from handgrad.training import Recipe
from handgrad.training.checkpoint import Checkpoints

_SIZES = {"stages": "filters", "filter_size": "filter_size", "pooling": "pooling", "hidden": "hidden", "maps": "maps"}
_DATA = ("size", "strict", "group_by")
_RECIPE = tuple(field.name for field in fields(Recipe))
OPTIONS = tuple(name.replace("_", "-") for name in (*_SIZES.values(), *_RECIPE, *_DATA))
"""Options of a training that a space can have."""

_TABLE, _PLAN, _TRIALS = "trials.csv", "sweep.json", "trials"
_SHOWN = 10

_typer = typer.Typer()
_typer.command()(train)
_TRAIN = typer.main.get_command(_typer)


def sweep(
    source: Annotated[str, typer.Argument(help="As of handgrad train.", metavar="SOURCE")],
    space: Annotated[
        Path, typer.Option(metavar="FILE", help="TOML: a value or a distribution for each option of handgrad train.")
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the best model and the table of trials; a sweep that was ended there goes on."),
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trainings.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses the options, and is that of every training.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Trials at a time; as many as there are processors for if left out."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of each trial; its share of the processors if left out.")
    ] = None,
    address: clusters.Address = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
) -> None:
    """Train with many choices of options, on Ray Tune, and write the model of the best.

    What decides is the accuracy on the validation part. Trials that fall behind are ended early. The best options are
    trained once more, to the same bits, and their model alone meets the test part.
    """
    clusters.check("ray", 1, None)
    chosen = read(space, OPTIONS)
    _check(chosen, space)
    plan = {"source": source, "trials": trials, "seed": seed, "space": json.loads(json.dumps(chosen))}
    begun = _is_same(out, plan)
    kept = cache.chosen(cache_folder, no_cache)
    with display.counting("Reading pictures") as progress:
        # What is wrong with them would be wrong in every trial.
        fixed = {name: value for name, value in chosen.items() if not isinstance(value, Distribution)}
        reading, _, _ = interpret(fixed)
        load(source, seed=seed, cache=kept, progress=progress, **reading)
    try:
        with place.locked(out, "out") if begun else place.claimed(out, overwrite=False):
            atomic.write_files(out, {_PLAN: (json.dumps(plan, indent=2) + "\n").encode()})
            ended = _tried(source, chosen, trials, out, seed, workers, threads, address, kept)
            atomic.write_files(out, {_TABLE: _csv(ended, chosen).encode()})
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; the trials in {out} are kept, and the same command goes on") from None
    _print(ended, chosen)
    best = ended[0]
    arguments = [source, *_arguments(best.options), "--seed", str(seed), "--out", str(out)]
    if Checkpoints(out).paths():
        arguments = ["--resume", str(out)]
    if cache_folder:
        arguments += ["--cache", str(cache_folder)]
    if no_cache:
        arguments += ["--no-cache"]
    display.notice(f"training trial {best.number} once more, for its model")
    _TRAIN.main(arguments, prog_name="handgrad train", standalone_mode=False, obj=["train", *arguments])
    shutil.rmtree(out / _TRIALS, ignore_errors=True)
    display.say(f"and {_TABLE}, all {trials} trials")


def interpret(options: Options) -> Interpretation:
    """What ``handgrad train`` makes of options."""
    context = _TRAIN.make_context("handgrad train", _arguments(options))
    given = context.params
    reading = {name: given[name] for name in _DATA}
    sizes = {name: given[option] for name, option in _SIZES.items()}
    return reading, sizes, Recipe(**{name: given[name] for name in _RECIPE})


def _arguments(options: Options) -> list[str]:
    """Options as one types them.

    Examples
    --------
    >>> _arguments({"learning-rate": 0.0123456, "strict": True, "early-stopping": False})
    ['--learning-rate', '0.01235', '--strict']
    """
    typed = []
    for name, value in options.items():
        if isinstance(value, bool):
            typed += [f"--{name}"] * value
        else:
            typed += [f"--{name}", _shown(value)]
    return typed


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _check(space: Space, path: Path) -> None:
    """Try every value that the space names on the rules of its option."""
    for name in _DATA:
        option = name.replace("_", "-")
        if isinstance(space.get(option), Distribution):
            rule = f"has {option} with a distribution; all trials must have the same pictures"
            raise InputError("space", path, rule, "give it one value")
    for options in extremes(space):
        ((name, value),) = options.items()
        switch = name in ("early-stopping", "strict")
        if switch != isinstance(value, bool):
            rule = f"has {name} = {value}, which must {'' if switch else 'not '}be true or false"
            raise InputError("space", path, rule, "see handgrad train --help")
        try:
            interpret(options)
        except typer.TyperException as error:
            rule = f"has {name} = {value} ({error.format_message().rstrip('.')})"
            raise InputError("space", path, rule, "see handgrad train --help") from error
        except HandgradError as error:
            raise InputError("space", path, f"has {error}", "mend it") from error


def _is_same(out: Path, plan: dict[str, Any]) -> bool:
    """Whether the folder holds trials of this sweep, which is not finished.

    Raises
    ------
    InputError
        If they are of another.
    """
    if not (out / _TRIALS).exists() or place.is_finished(out):
        return False
    try:
        same = json.loads((out / _PLAN).read_bytes()) == plan
    except (OSError, ValueError) as error:
        raise InputError("out", out, f"its {_PLAN} is damaged ({error})", "choose another --out") from error
    if not same:
        raise InputError("out", out, "holds another sweep", "repeat its options, or choose another --out")
    return True


def _tried(
    source: str,
    space: Space,
    trials: int,
    out: Path,
    seed: int,
    workers: int | None,
    threads: int | None,
    address: str | None,
    kept: Any,
) -> list[Trial]:
    with display.counting("Trials") as progress:
        progress(0, trials)
        return sweep_on_cluster(
            space, trials, out / _TRIALS,
            reading={"source": absolute(source), "seed": seed, "cache": kept}, interpret=interpret, seed=seed,
            workers=workers, threads=threads, address=address, heed=lambda ended: progress(ended, trials),
        )  # fmt: skip


def _csv(trials: Sequence[Trial], space: Space) -> str:
    text = io.StringIO()
    names = ("trial", "state", "validation_accuracy", "validation_loss", "passes")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *space, "error"])
    for one in trials:
        figures = (one.number, one.state, one.validation_accuracy, one.validation_loss, one.epochs)
        writer.writerow([*figures, *(_shown(one.options[name]) for name in space), one.error])
    return text.getvalue()


def _print(trials: Sequence[Trial], space: Space) -> None:
    """The best trials, and what varied between them."""
    varied = [name for name, entry in space.items() if isinstance(entry, Distribution)]
    table = display.table("trial>", "validation accuracy>", "loss>", "passes>", *(f"{name}>" for name in varied), "")
    for one in trials[:_SHOWN]:
        told = escape(one.error) if one.error else one.state
        figures = (
            ("", "")
            if math.isnan(one.validation_accuracy)
            else (display.percent(one.validation_accuracy), f"{one.validation_loss:.4f}")
        )
        table.add_row(
            str(one.number), *figures, str(one.epochs), *(escape(_shown(one.options[name])) for name in varied), told
        )
    display.stdout.print(table)
    states = [one.state for one in trials]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("finished", "stopped", "failed") if state in states
    )
    display.say(f"{len(trials)} trials: {counts}; the best has {shlex.join(_arguments(trials[0].options))}\n")
