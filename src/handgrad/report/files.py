"""The files of a training, as bytes by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from handgrad import model_file
from handgrad.data import Dataset, Samples
from handgrad.data.split import split_csv
from handgrad.model import Model
from handgrad.text import csv_text, json_text
from handgrad.training import Epoch

NAMES = (model_file.FILE_NAME, "report.html", "report.json", "history.csv", "split.csv", "curves.png", "filters.png")


def contents(model: Model, dataset: Dataset, history: Sequence[Epoch], report: dict[str, Any]) -> dict[str, bytes]:
    """Return the content of every file of a training by name."""
    # Imported here, because Pillow takes long to import.
    from handgrad.report import drawing, figures

    return {
        model_file.FILE_NAME: model_file.to_bytes(model),
        **report_files(report, {"validation": dataset.validation, "test": dataset.test}),
        "history.csv": history_csv(history).encode(),
        "split.csv": split_csv(dataset).encode(),
        "curves.png": drawing.png(figures.curves(report["history"], report["chosen_epoch"])),
        "filters.png": figures.filters(model.parameters),
    }


def report_files(report: dict[str, Any], splits: Mapping[str, Samples]) -> dict[str, bytes]:
    """Return the report as JSON and as a page, by name; the images that it refers to are in these splits."""
    # Imported here, because Jinja takes long to import.
    from handgrad.report.page import report_page

    return {
        "report.html": report_page(report, splits).encode(),
        "report.json": f"{json_text(report)}\n".encode(),
    }


def history_csv(history: Sequence[Epoch]) -> str:
    """Write one row per epoch, with the fields of ``Epoch`` as columns."""
    return csv_text([field.name for field in fields(Epoch)], map(astuple, history))
