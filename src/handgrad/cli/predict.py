"""``handgrad predict``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from handgrad import engine as engines
from handgrad import model_file
from handgrad.answers import prediction
from handgrad.answers.answering import Answer, Answerer, Manner
from handgrad.answers.pictures import BATCH, files_of, find
from handgrad.answers.state import refuse_file
from handgrad.answers.tables import Csv, JsonLines
from handgrad.cli import clusters, display, kernels, options, unseen
from handgrad.errors import InputError, Interrupted
from handgrad.model import Model
from handgrad.report.coverage import UNKNOWN

_BAR = 20
_STDOUT = Path("-")


def predict(
    model_path: options.ModelPath,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures, resized to the model's size; folders, with all pictures below them; a Parquet file.",
        ),
    ],
    json: options.Json = False,
    top: Annotated[int, typer.Option(min=1, help="Classes per picture, the most probable first.")] = 1,
    threshold: options.Threshold = None,
    engine: options.Engine = engines.ENGINES[0],
    threads: options.Threads = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write a row for each picture: a .csv, .jsonl or .parquet file, or - for stdout; with --cluster also "
            "a folder for Parquet files. The same command continues an interrupted one.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file, or other answers there.")] = False,
    cluster: clusters.Kind = None,
    workers: clusters.Workers = None,
    address: clusters.Address = None,
) -> None:
    """Predict the classes of pictures, with their probabilities.

    A picture that cannot be read is reported, the others are predicted all the same, and the exit code is 2. In a file,
    its row says why, and the exit code is 0.
    """
    clusters.check(cluster, workers, address)
    _check(out, overwrite, cluster)
    manner = Manner(top, threshold, engine)
    model = model_file.load_for_pictures(model_path)
    if out and out != _STDOUT:
        scheduler = _scheduler(model, manner, threads, workers, address, out, overwrite)
        summary = _write(model, images, out, manner, threads=threads, overwrite=overwrite, scheduler=scheduler)
        if json:
            given = {"model": str(model_path), "images": str(images[0]), "out": str(out)}
            display.print_json(given | asdict(summary))
        else:
            _print_summary(summary, out)
        return
    paths = [] if out else [one for path in images for one in (files_of([path]) if path.is_dir() else [str(path)])]
    model = replace(model, file_ranges=unseen.shown_ranges(model, list(map(Path, paths))))
    computing = engines.create(engine, model.standardization, threads, model.architecture)
    with Answerer(model, manner, threads, computing) as answerer:
        if out:
            _stream(answerer, images, json)
        else:
            _show(answerer, paths, json)


def _check(out: Path | None, overwrite: bool, cluster: str | None) -> None:
    """Refuse what does not fit where the answers go."""
    if out is None or out == _STDOUT:
        if cluster:
            raise InputError("out", out or "(none)", "a cluster writes into files", "give e.g. --out answers.csv")
        if overwrite:
            raise InputError("overwrite", True, "there is no file to replace", "give --out FILE, or leave it out")
    elif not cluster:
        prediction.check_out(out)


def _scheduler(
    model: Model, manner: Manner, threads: int | None, workers: int | None, address: str | None, out: Path,
    overwrite: bool,
) -> prediction.Scheduler:  # fmt: skip
    """Return what has the pictures answered, its kernels compiled."""
    if workers:
        # Imported here, since nothing but a cluster needs it.
        from handgrad.cluster.prediction import on_ray

        return on_ray(workers, address)
    refuse_file(out, overwrite)
    computing = engines.create(manner.engine, model.standardization, threads, model.architecture)
    kernels.prepare(computing, model.parameters, np.uint8)
    return partial(prediction.in_this_process, engine=computing)


def _write(model: Model, images: Sequence[Path], out: Path, manner: Manner, **options: Any) -> prediction.Summary:
    """Have all pictures answered into a file, with a bar."""
    try:
        with display.counting("Predicting") as progress:
            return prediction.predict(model, images, out, manner, **options, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what is answered is kept, and the same command continues") from None


def _print_summary(summary: prediction.Summary, out: Path) -> None:
    earlier = f", {summary.found} of them from an earlier run" if summary.found else ""
    shards = f"{summary.parts:,} shard{'s' if summary.parts > 1 else ''}"
    display.say(f"{summary.pictures:,} pictures in {shards}{earlier}")
    table = display.table("class", "pictures>", "share>")
    for name, count in summary.classes.items():
        table.add_row(name, f"{count:,}", display.percent(count / summary.pictures))
    display.stdout.print(table)
    if summary.unreadable:
        display.notice(f"{summary.unreadable:,} pictures could not be read; the column error says why")
    display.say(f"written to {out}{os.sep if out.is_dir() else ''}")


def _stream(answerer: Answerer, images: Sequence[Path], json: bool) -> None:
    """Print rows as they come."""
    table, columns = JsonLines() if json else Csv(), answerer.manner.columns
    folder, shards, _ = find(images, prediction.ROWS)
    kernels.prepare(answerer.engine, answerer.model.parameters, np.uint8)
    display.write(table.header(columns))
    unreadable = 0
    for answers in chain.from_iterable(answerer.of_shard(folder, shard) for shard in shards):
        unreadable += sum(answer.error is not None for answer in answers)
        if not display.write(table.lines(columns, [answer.row(answerer.manner) for answer in answers])):
            return
    if unreadable:
        display.notice(f"{unreadable:,} pictures could not be read; the column error says why")


def _show(answerer: Answerer, paths: Sequence[str], json: bool) -> None:
    """Print a table of all answers, and what cannot be read."""
    if any(map(os.path.exists, paths)):
        kernels.prepare(answerer.engine, answerer.model.parameters, np.uint8)
    found: list[Answer] = []
    failed = 0
    with display.counting("Predicting") as progress:
        for start in range(0, len(paths), BATCH):
            few = paths[start : start + BATCH]
            answers = answerer.of_files(few, few)
            found += [answer for answer in answers if not answer.error]
            for error in (answer.error for answer in answers if answer.error):
                display.complain(str(error))
                failed += 1
            progress(start + len(few), len(paths))
    if json:
        display.print_json([_record(answer) for answer in found])
    elif found:
        _print(found)
    if failed:
        raise typer.Exit(2)


def _record(answer: Answer) -> dict[str, object]:
    classes = [{"class": name, "probability": probability} for name, probability in answer.ranked]
    return {"image": answer.path, **classes[0], "class": answer.text, "top": classes}


def _print(answers: Sequence[Answer]) -> None:
    table = display.table("image", "class", "probability>", "")
    for answer in answers:
        lines = [(name, probability) for name, probability in answer.ranked]
        if not answer.known:
            # What it would have answered follows, if it was asked for.
            lines = [(UNKNOWN, lines[0][1]), *(lines if len(lines) > 1 else [])]
        for number, (name, probability) in enumerate(lines):
            bar = "█" * max(1, round(_BAR * probability))
            shown = answer.path if number == 0 else ""
            table.add_row(shown, name, display.percent(probability), display.styled(bar, "blue"))
    display.stdout.print(table)
