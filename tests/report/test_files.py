"""The files of a training: the history as a table, the report as JSON and as a page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

from handgrad.engine import NotesEngine
from handgrad.report.files import NAMES, contents, history_csv
from handgrad.report.training import training_report
from handgrad.training import Epoch
from tests.report.models import drawn


def history(count: int) -> list[Epoch]:
    return [Epoch(n, count, 2 / n, 1 - 1 / n, 3 / n, 1 - 1 / n, 0.01, n * 0.5) for n in range(1, count + 1)]


def test_the_history_can_be_read_back() -> None:
    rows = list(csv.DictReader(io.StringIO(history_csv(history(3)))))
    for row, epoch in zip(rows, history(3), strict=True):
        assert {name: float(value) for name, value in row.items()} == asdict(epoch)


def test_all_files() -> None:
    model, dataset = drawn(classes=("gut", "schön"))
    model.provenance["command"] = "handgrad train caf\udce9"
    report = training_report(model, dataset, history(2), NotesEngine(model.standardization))
    found = contents(model, dataset, history(2), report)
    assert tuple(found) == NAMES
    assert json.loads(found["report.json"]) == json.loads(json.dumps(report))
    assert "schön" in found["report.json"].decode()
    assert "schön" in found["report.html"].decode()
    assert r"caf\udce9" in found["report.html"].decode()
