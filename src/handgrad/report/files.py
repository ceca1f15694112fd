"""The files of a training, as bytes by name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from handgrad import model_file
from handgrad.data import Dataset, Samples
from handgrad.data.split_file import split_csv
from handgrad.model import Model
from handgrad.training import Epoch

NAMES = (model_file.FILE_NAME, "report.html", "report.json", "history.csv", "split.csv", "curves.png", "filters.png")


def contents(model: Model, dataset: Dataset, history: Sequence[Epoch], report: dict[str, Any]) -> dict[str, bytes]:
    """Content of every file of a training by its name: model, history, report and pictures."""
    # Imported here, since it brings Matplotlib, which takes half a second.
    from handgrad.report import figures

    return {
        model_file.FILE_NAME: model_file.to_bytes(model),
        **report_files(report, {"validation": dataset.validation, "test": dataset.test}),
        "history.csv": history_csv(history).encode(),
        "split.csv": split_csv(dataset).encode("utf-8", "surrogateescape"),
        "curves.png": figures.png(figures.curves(report["history"], report["chosen_epoch"])),
        "filters.png": figures.png(figures.filters(model.parameters)),
    }


def report_files(report: dict[str, Any], parts: Mapping[str, Samples]) -> dict[str, bytes]:
    """The report as JSON and as a page, by their names; the images that it refers to are in these parts."""
    # Imported here, since its template engine takes a tenth of a second.
    from handgrad.report.page import report_page

    return {
        "report.html": _encoded(report_page(report, parts)),
        "report.json": _encoded(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"),
    }


def _encoded(text: str) -> bytes:
    # The path of a source may hold bytes that are no UTF-8.
    return text.encode(errors="backslashreplace")


def history_csv(history: Sequence[Epoch]) -> str:
    """One row an epoch, the fields of ``Epoch`` as columns.

    Examples
    --------
    >>> print(history_csv([Epoch(1, 1, 2.0, 0.3, 1.9, 0.4, 0.01, 1.0)]).strip())
    epoch,epochs,loss,accuracy,validation_loss,validation_accuracy,learning_rate,seconds
    1,1,2.0,0.3,1.9,0.4,0.01,1.0
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()
