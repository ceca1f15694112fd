"""The files of a training, as bytes by name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from handgrad import model_file
from handgrad.model import Model
from handgrad.report import plots
from handgrad.training import Epoch

MODEL = "model.safetensors"


def contents(model: Model, history: Sequence[Epoch], report: dict[str, Any]) -> dict[str, bytes]:
    """Content of every file of a training by its name: model, history, report and pictures."""
    return {
        MODEL: model_file.to_bytes(model),
        "history.csv": history_csv(history).encode(),
        "report.json": (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace"),
        "curves.png": plots.curves(history),
        "filters.png": plots.filters(model.parameters),
    }


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
