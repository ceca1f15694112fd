"""``handgrad evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli import display
from handgrad.data import Parts, Samples, read, split_parts
from handgrad.errors import DataError, InputError
from handgrad.model import Model
from handgrad.report.metrics import Metrics, measure
from handgrad.typing import Pixels


def evaluate(
    model_path: Annotated[Path, typer.Argument(metavar="MODEL", help="A model.safetensors, or the folder it lies in.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Labelled images, as for train.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first picture that cannot be read.")] = False,
    engine: Annotated[str, typer.Option(help=f"What computes: {', '.join(engines.ENGINES)}.")] = engines.ENGINES[0],
) -> None:
    """Measure a model on labelled images that it has not learned from.

    The images are the source's own test part; else, where the model was trained on this very source, the test part
    that was split off then; else all of the source.
    """
    model = model_file.load(model_path)
    height, width, _ = model.architecture.input_shape
    with display.counting("Reading pictures") as progress:
        parts = read(source, size=(height, width), strict=strict, progress=progress)
    for text in parts.notices:
        display.notice(text)
    samples, which = _unseen(model, parts, source)
    samples = Samples(_of_depth(samples.images, model, source), _numbers(samples, parts, model, source))
    with display.counting("Evaluating") as progress:
        computing = engines.create(engine, model.standardisation)
        metrics = measure(model.predict(samples.images, computing, progress=progress), samples.labels, model.classes)
    if json:
        display.print_json({"model": str(model_path), "source": source, "part": which, **metrics.to_dict()})
    else:
        _print(metrics, which)


def _unseen(model: Model, parts: Parts, source: str) -> tuple[Samples, str]:
    """The images that the model has not learned from, and what they are."""
    if parts.test is not None:
        return parts.test, "the source's test part"
    data = model.provenance.get("data")
    if isinstance(data, dict):
        try:
            dataset = split_parts(parts, source, int(model.provenance.get("seed", 0)))
        except (InputError, TypeError, ValueError):
            # Too few images to split: not what the model was trained on.
            return parts.train, "all of the source"
        if dataset.checksum() == data.get("sha256"):
            return dataset.test, "the test part split off in training"
    return parts.train, "all of the source"


def _of_depth(images: Pixels, model: Model, source: str) -> Pixels:
    depth = model.architecture.input_shape[2]
    if images.shape[3] > depth:
        raise DataError(
            "source",
            source,
            f"its images are coloured (depth {images.shape[3]}), but the model takes grey ones (depth {depth})",
            "convert them to grey, or train a model on colour pictures",
        )
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], depth)))


def _numbers(
    samples: Samples, parts: Parts, model: Model, source: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The labels as the model numbers its classes."""
    unknown = [name for name in parts.classes if name not in model.classes]
    if unknown:
        raise DataError(
            "source",
            source,
            f"its labels {', '.join(map(repr, unknown[:5]))} are unknown to the model, which knows "
            f"{', '.join(map(repr, model.classes[:10]))}{' …' if len(model.classes) > 10 else ''}",
            "rename or remove them, or train a model on this source",
        )
    numbers = np.array([model.classes.index(name) for name in parts.classes], np.int64)
    return numbers[samples.labels]


def _print(metrics: Metrics, which: str) -> None:
    display.say(
        f"accuracy {display.percent(metrics.accuracy)}, balanced {display.percent(metrics.balanced_accuracy)} "
        f"on {metrics.images} images ({which})"
    )
    table = display.table("class", "precision>", "recall>", "F1>", "images>")
    for row in metrics.classes:
        shares = (display.percent(value) for value in (row.precision, row.recall, row.f1))
        table.add_row(escape(row.name), *shares, str(row.images))
    display.stdout.print()
    display.stdout.print(table)
    names = [row.name for row in metrics.classes]
    if len(names) <= 12:
        confusion = display.table("expected \\ predicted", *(f"{name}>" for name in names))
        for name, counts in zip(names, metrics.confusion_matrix, strict=True):
            confusion.add_row(escape(name), *(f"[dim]{count}[/]" if count == 0 else str(count) for count in counts))
        display.stdout.print()
        display.stdout.print(confusion)
