"""The files of a training: history as a table, report as JSON, pictures that show something."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from handgrad.architecture import Architecture
from handgrad.engine import NotesEngine
from handgrad.parameters import Parameters
from handgrad.report import plots
from handgrad.report.files import NAMES, contents, history_csv
from handgrad.report.training import training_report
from handgrad.training import Epoch
from tests.report.models import drawn


def history(count: int) -> list[Epoch]:
    return [Epoch(n, count, 2 / n, 1 - 1 / n, 3 / n, 1 - 1 / n, 0.01, n * 0.5) for n in range(1, count + 1)]


def opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture


def test_the_history_can_be_read_back() -> None:
    rows = list(csv.DictReader(io.StringIO(history_csv(history(3)))))
    for row, epoch in zip(rows, history(3), strict=True):
        assert {name: float(value) for name, value in row.items()} == asdict(epoch)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_curves_of_any_length(count: int) -> None:
    colors = opened(plots.curves(history(count))).convert("RGB").getcolors(1 << 20)
    assert colors is not None
    assert {(0, 114, 178), (213, 94, 0)} <= {color for _, color in colors}


def test_curves_of_a_loss_of_0_and_of_huge_losses() -> None:
    opened(plots.curves([Epoch(1, 2, 0.0, 1.0, 0.0, 1.0, 0.01, 1.0), Epoch(2, 2, 1e30, 0.0, 1e30, 0.0, 0.01, 2.0)]))


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(input_shape=(6, 6, 1)),
        Architecture(input_shape=(12, 9, 3), stages=((1,), (70,)), filter_size=(1, 2), maps=2),
    ],
)
def test_filters_of_any_number_and_shape(architecture: Architecture) -> None:
    drawn = opened(plots.filters(Parameters.draw(architecture, np.random.default_rng(0)))).convert("RGB")
    red = np.array(drawn).astype(int)
    assert (red[..., 0] > red[..., 2] + 100).any()
    assert (red[..., 2] > red[..., 0] + 100).any()


def test_filters_that_are_all_0() -> None:
    opened(plots.filters(Parameters.zeros(Architecture(input_shape=(6, 6, 1), stages=((1,),)))))


def test_the_six_files() -> None:
    model, dataset = drawn(classes=("gut", "schön"))
    model.provenance["command"] = "handgrad train caf\udce9"
    report = training_report(model, dataset, history(2), NotesEngine(model.standardization))
    found = contents(model, dataset, history(2), report)
    assert tuple(found) == NAMES
    assert json.loads(found["report.json"]) == json.loads(json.dumps(report))
    assert "schön" in found["report.json"].decode()
    assert "schön" in found["report.html"].decode()
    assert r"caf\udce9" in found["report.html"].decode()
