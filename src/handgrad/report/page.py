"""report.html: the report for people, one file that needs no network and no program."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np

from handgrad.data import Samples
from handgrad.percent import percent
from handgrad.report import numbers
from handgrad.report.charts import LineChart, Scale, line_chart, rounded_range
from handgrad.report.pictures import Window, picture, window

_SHADES = 10
_TABLE = 20
"""Up to so many classes, the confusion matrix is a table of numbers; beyond, a picture."""
_CONFUSIONS = 10
_POLICY = "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'"


def report_page(report: Mapping[str, Any], parts: Mapping[str, Samples]) -> str:
    """The page of a report.

    Parameters
    ----------
    report : mapping
        What report.json holds.
    parts : mapping of str to Samples
        The images that it refers to: ``test``, and ``validation`` where it is of a training.

    Returns
    -------
    str
        HTML.
    """
    style = _environment().loader.get_source(_environment(), "style.css")[0]  # type: ignore[union-attr]
    checksum = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            name=Path(report["data"]["source"]).name,
            origin=report if report["kind"] == "training" else report["training"],
            wrong=report["images"]["test"] - int(np.trace(report["confusion_matrix"])),
            style=style,
            policy=_POLICY.format(checksum),
            classes=report["per_class"],
            places=2 if report["images"]["test"] >= 1000 else 1,
            curves=_curves(report),
            confusion=_confusion(report["confusion_matrix"]),
            confusions=_confusions(report["confusion_matrix"], report["classes"]),
            longest=max(map(len, report["classes"])),
            as_table=len(report["classes"]) <= _TABLE,
            interval_scale=_interval_scale(report["per_class"]),
            mistakes=[(each, picture(parts["test"].images[each["index"]])) for each in report["mistakes"]],
            layers=[_layer(layer, parts[report["filters"]["split"]]) for layer in report["filters"]["layers"]],
            reliability=(Scale(0, 1, 46, 346), Scale(0, 1, 320, 20)),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("handgrad.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=partial(percent, space=numbers.NO_BREAK),
        interval=numbers.interval,
        count=numbers.count,
        decimal=numbers.decimal,
        duration=numbers.duration,
        setting=numbers.setting,
    )
    return environment


def _curves(report: Mapping[str, Any]) -> list[tuple[str, LineChart]]:
    history: Sequence[dict[str, float]] = report.get("history", ())
    if not history:
        return []
    chosen = report["chosen_epoch"]

    def series(name: str) -> dict[str, Sequence[float]]:
        return {
            "training": [epoch[name] for epoch in history],
            "validation": [epoch[f"validation_{name}"] for epoch in history],
        }

    return [
        ("Loss", line_chart(series("loss"), chosen, "{:g}".format, logarithmic=True)),
        ("Accuracy", line_chart(series("accuracy"), chosen, lambda value: f"{100 * value:.4g} %")),
    ]


class Cell(NamedTuple):
    """How many images of a row's class are taken for a column's: the share of the row, and a shade from 0 to 10."""

    images: int
    share: float
    shade: int


def _confusion(matrix: list[list[int]]) -> list[list[Cell]]:
    # By the square root, so that one mistake among a hundred is seen.
    return [
        [
            Cell(images, share := images / max(1, sum(row)), math.ceil(_SHADES * math.sqrt(share)) if images else 0)
            for images in row
        ]
        for row in matrix
    ]


class Confusion(NamedTuple):
    """Images of one class that are taken for another, and their share of all images of that class."""

    expected: str
    predicted: str
    images: int
    share: float


def _confusions(matrix: list[list[int]], classes: list[str]) -> list[Confusion]:
    counts = np.array(matrix)
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    most = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]
    pairs = [divmod(int(place), len(classes)) for place in most]
    return [
        Confusion(classes[i], classes[j], int(counts[i, j]), float(counts[i, j] / totals[i]))
        for i, j in pairs
        if counts[i, j]
    ]


def _interval_scale(rows: list[dict[str, Any]]) -> Scale:
    """From the lowest end that is known to 100 %."""
    ends = [
        row[f"{name}_interval"][0]
        for row in rows
        for name, known in (("precision", row["predicted"]), ("recall", row["images"]), ("f1", row["images"]))
        if known
    ]
    return Scale(min(0.9, rounded_range(min(ends), 1)[0]), 1, 2, 118)


class ShownFilter(NamedTuple):
    """A filter's numbers, each with its size on the layer's scale, and the places of its strongest responses."""

    filter: dict[str, Any]
    slices: list[list[list[tuple[float, float]]]]
    windows: list[tuple[dict[str, Any], Window]]


def _layer(layer: dict[str, Any], samples: Samples) -> tuple[dict[str, Any], list[ShownFilter]]:
    weights = [np.array(each["weights"]) for each in layer["filters"]]
    largest = max(float(np.abs(each).max()) for each in weights) or 1.0
    shown = []
    for each, numbers_ in zip(layer["filters"], weights, strict=True):
        slices = numbers_.reshape(-1, *numbers_.shape[-2:])
        sizes = np.abs(slices) / largest
        pairs = [
            [list(zip(row.tolist(), size.tolist(), strict=True)) for row, size in zip(one, two, strict=True)]
            for one, two in zip(slices, sizes, strict=True)
        ]
        field = (layer["field"][0], layer["field"][1])
        windows = [
            (place, window(samples.images[place["image"]], place["row"], place["column"], field))
            for place in each["strongest"]
        ]
        shown.append(ShownFilter(each, pairs, windows))
    return layer, shown
