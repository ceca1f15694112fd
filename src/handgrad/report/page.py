"""report.html: the report for people, one file that needs no network and runs no script."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from handgrad.data import Samples
from handgrad.percent import percent
from handgrad.report import figures
from handgrad.report.drawing import svg
from handgrad.report.images import crop, embedded
from handgrad.text import shown

_NO_BREAK = "\u00a0"
_SHADES = 10
_TABLE = 20
"""Up to this many classes, the confusion matrix is a table of numbers; beyond, a heat map."""
_CONFUSIONS = 10
_LONGEST = 2000
"""Characters of a name or a command; the whole of it is in report.json."""
_POLICY = "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'"


def report_page(report: Mapping[str, Any], splits: Mapping[str, Samples]) -> str:
    """Write the page of the report in report.json.

    `splits` are the images that it refers to: ``test``, and ``validation`` for the report of a training.
    """
    environment = _environment()
    style = environment.get_template("style.css").render(shades=_SHADES)
    matrix = np.array(report["confusion_matrix"])
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    filters = report["filters"]
    return environment.get_template("report.html").render(
        report=report,
        name=Path(report["data"]["source"]).name,
        origin=report if report["kind"] == "training" else report["training"],
        wrong=int(matrix.sum() - matrix.trace()),
        style=style,
        policy=_POLICY.format(b64encode(sha256(style.encode()).digest()).decode()),
        classes=report["per_class"],
        places=2 if report["images"]["test"] >= 1000 else 1,
        curves=list(_curves(report)),
        shares=shares.tolist(),
        # By the square root, so that one mistake among a hundred is visible.
        shades=np.ceil(_SHADES * np.sqrt(shares)).astype(int).tolist(),
        confusions=list(_confusions(matrix, shares, report["classes"])),
        longest=max(map(len, report["classes"])),
        as_table=len(report["classes"]) <= _TABLE,
        lowest=_lowest_end(report["per_class"]),
        mistakes=[(each, embedded(splits["test"].images[each["index"]])) for each in report["mistakes"]],
        layers=[(layer, list(_filters(layer, splits[filters["split"]]))) for layer in filters["layers"]],
        reliability=svg(
            figures.reliability(report["calibration"]["bins"]),
            "Reliability diagram: how often predictions of a given probability are correct, and the number of pictures "
            "for each.",
        ),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("handgrad.report"),
        autoescape=jinja2.select_autoescape(),
        undefined=jinja2.StrictUndefined,
        # A mark in a name that turns the direction of writing would turn what is beside it.
        finalize=lambda value: value if isinstance(value, Markup) else shown(value, _LONGEST),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=partial(percent, space=_NO_BREAK),
        interval=_interval,
        count="{:,}".format,
        decimal="{:.3g}".format,
        duration=_duration,
        setting=lambda value: {"None": "none", "False": "no", "True": "yes"}.get(str(value), str(value)),
    )
    return environment


def _interval(ends: tuple[float, float], places: int = 1) -> str:
    r"""Format the ends of an interval of shares.

    >>> _interval((0.9, 1.0)), _interval((0.0, 0.5))
    ('90.0 to 100\xa0%', '0 to 50.0\xa0%')
    """
    low, high = (str(round(100 * end)) if end in (0, 1) else f"{100 * end:.{places}f}" for end in ends)
    return f"{low} to {high}{_NO_BREAK}%"


def _duration(seconds: float) -> str:
    """Format seconds, from two minutes on as minutes and seconds.

    >>> _duration(19.42), _duration(754.2)
    ('19.4 seconds', '12 minutes 34 seconds')
    """
    return (
        f"{seconds:.1f} seconds" if seconds < 120 else "{:.0f} minutes {:.0f} seconds".format(*divmod(int(seconds), 60))
    )


def _curves(report: Mapping[str, Any]) -> Iterator[str]:
    if history := report.get("history"):
        chosen = report["chosen_epoch"]
        for name, value in (("loss", "{:.3g}"), ("accuracy", "{:.1%}")):
            kept = [value.format(history[chosen - 1][key]) for key in (name, f"validation_{name}")]
            label = f"{name.title()} by epoch. At epoch {chosen}: training {kept[0]}, validation {kept[1]}."
            yield svg(figures.curves(history, chosen, [name]), label)


def _confusions(matrix: NDArray[np.int64], shares: NDArray[np.float64], classes: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the most frequent confusions of two classes, each with its share of the expected class."""
    counts = matrix.copy()
    np.fill_diagonal(counts, 0)
    for index in np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]:
        i, j = divmod(int(index), len(classes))
        if counts[i, j]:
            yield {"expected": classes[i], "predicted": classes[j], "images": int(counts[i, j]), "share": shares[i, j]}


def _lowest_end(rows: list[dict[str, Any]]) -> float:
    """Return where the bars of the intervals begin: at most 0.9, and in tenths."""
    known = {"precision": "predicted", "recall": "images", "f1": "images"}
    ends = (row[f"{name}_interval"][0] for row in rows for name, images in known.items() if row[images])
    return min(9, math.floor(10 * min(ends))) / 10


def _filters(layer: dict[str, Any], samples: Samples) -> Iterator[dict[str, Any]]:
    """Yield each filter with its slices on the layer's scale, from −1 to 1, and crops of its strongest responses."""
    largest = max(float(np.abs(each["weights"]).max()) for each in layer["filters"]) or 1.0
    for each in layer["filters"]:
        weights = np.array(each["weights"]) / largest
        yield {
            **each,
            "slices": weights.reshape(-1, *weights.shape[-2:]).tolist(),
            "crops": [
                crop(samples.images[where["image"]], where["row"], where["column"], tuple(layer["field"]))
                for where in each["strongest"]
            ],
        }
