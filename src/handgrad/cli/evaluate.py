"""``handgrad evaluate``."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from handgrad import atomic, model_file, system
from handgrad import engine as engines
from handgrad.cli import cache, display, kernels, options
from handgrad.cli.unseen import shown_unseen
from handgrad.report.coverage import Answered, at, check_threshold
from handgrad.report.evaluation import evaluation_report
from handgrad.report.files import report_files
from handgrad.report.metrics import Metrics, measure
from handgrad.report.unseen import WORDS
from handgrad.runs.folder import claimed


def evaluate(
    context: typer.Context,
    model_path: options.ModelPath,
    source: options.LabeledSource,
    out: Annotated[Path | None, typer.Option(help="Write report.json and report.html into this folder.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results that --out already holds.")
    ] = False,
    json: options.Json = False,
    threshold: options.Threshold = None,
    strict: options.Strict = False,
    engine: options.Engine = engines.ENGINES[0],
    threads: options.Threads = None,
    cache_folder: cache.Folder = None,
    no_cache: cache.Without = False,
) -> None:
    """Measure a model on labeled images that it has not learned from.

    The images are the source's own test split; else, if the model was trained on this very source, the test split of
    that training; else all of the source.
    """
    check_threshold(threshold)
    with claimed(out, overwrite) if out else contextlib.nullcontext():
        model = model_file.load_for_pictures(model_path)
        samples, which, notices = shown_unseen(model, source, cache.chosen(cache_folder, no_cache), strict=strict)
        computing = engines.create(engine, model.standardization, threads, model.architecture)
        kernels.prepare(computing, model.parameters, samples.images.dtype)
        with display.counting("Evaluating") as progress:
            probabilities = model.predict(samples.images, computing, progress=progress)
        metrics = measure(probabilities, samples.labels, model.classes)
        chosen = None if threshold is None else at((probabilities, samples.labels), threshold)
        if out:
            report = evaluation_report(
                model, samples, probabilities, computing,
                command=system.typed(["handgrad", *context.obj]), model_path=str(model_path), source=source,
                split=which, threshold=threshold, notices=notices,
            )  # fmt: skip
            atomic.write_files(out, report_files(report, {"test": samples}))
    if json:
        found = {"model": str(model_path), "source": source, "split": which, **asdict(metrics)}
        display.print_json(found | ({"threshold": asdict(chosen)} if chosen else {}))
    else:
        _print(metrics, which)
        if chosen:
            _print_threshold(chosen, metrics)
        if out:
            display.stdout.print()
            display.say(f"written to {out}{os.sep}: report.json, report.html")


def _print_threshold(chosen: Answered, metrics: Metrics) -> None:
    """Print what a threshold leaves."""
    share = display.percent(chosen.coverage)
    correct = "" if chosen.accuracy is None else f", {display.percent(chosen.accuracy)} of the answers are correct"
    counts = f"{chosen.images} of {metrics.images} images"
    display.say(f"\nfrom {chosen.threshold:g} on: {share} are answered, {counts}{correct}")


def _print(metrics: Metrics, which: str) -> None:
    display.say(
        f"accuracy {display.percent(metrics.accuracy)}, balanced {display.percent(metrics.balanced_accuracy)} "
        f"on {metrics.images} images ({WORDS[which]})"
    )
    table = display.table("class", "precision>", "recall>", "F1>", "images>")
    for row in metrics.classes:
        shares = (display.percent(value) for value in (row.precision, row.recall, row.f1))
        table.add_row(row.name, *shares, str(row.images))
    display.stdout.print()
    display.stdout.print(table)
    names = [row.name for row in metrics.classes]
    if len(names) <= 12:
        confusion = display.table("expected \\ predicted", *(f"{name}>" for name in names))
        for name, counts in zip(names, metrics.confusion_matrix, strict=True):
            confusion.add_row(name, *(display.styled(str(count), "" if count else "dim") for count in counts))
        display.stdout.print()
        display.stdout.print(confusion)
