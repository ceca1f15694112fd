"""The fused engine in training: the golden losses, the command line, threads that change no bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from handgrad import engine as engines
from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.cli import run
from handgrad.errors import InputError
from handgrad.notes import descent
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from tests.fused.agreement import AS_GIVEN

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = ["--epochs", "2", "--filters", "5,3", "--hidden", "12"]


@pytest.mark.parametrize("name", ["notes", "maps", "two_stages"])
def test_ten_golden_losses(name: str) -> None:
    with np.load(GOLDEN / f"{name}.npz") as file:
        golden = dict(file)
    architecture = Architecture.from_dict(json.loads(str(golden["sizes"])))
    parameters = Parameters.zeros(architecture, "float64")
    for key in parameters:
        parameters[key][:] = golden[f"parameters.{key}"]
    losses = []
    for _ in range(10):
        loss, _, gradient = AS_GIVEN.loss_and_gradients(parameters, golden["X"], golden["labels"])
        losses.append(loss.mean())
        parameters.vector[:] = descent.step(parameters.vector, gradient.vector, float(golden["learning_rate"]))
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-10)


def test_the_number_of_threads_changes_no_bit_of_a_model(tmp_path: Path) -> None:
    for threads in ("1", "2", "3"):
        out = str(tmp_path / threads)
        assert run(["train", "digits", "--engine", "fused", "--threads", threads, "--out", out, *SMALL]) == 0
    models = [learned(tmp_path / threads) for threads in ("1", "2", "3")]
    np.testing.assert_array_equal(models[0], models[1])
    np.testing.assert_array_equal(models[0], models[2])


def test_both_engines_learn_and_predict_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for engine in ("notes", "fused"):
        assert run(["train", "digits", "--engine", engine, "--out", str(tmp_path / engine), *SMALL]) == 0
    reports = [json.loads((tmp_path / engine / "report.json").read_text()) for engine in ("notes", "fused")]
    assert [report["engine"] for report in reports] == ["notes", "fused"]
    assert abs(reports[0]["test_accuracy"] - reports[1]["test_accuracy"]) < 0.02
    capsys.readouterr()
    found = []
    for engine in ("notes", "fused"):
        assert run(["evaluate", str(tmp_path / "notes"), "digits", "--engine", engine, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_no_threads_are_refused() -> None:
    with pytest.raises(InputError, match="threads=0: must be at least 1"):
        engines.create("fused", Standardization((0.0,), (1.0,)), threads=0)


def learned(folder: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(model_file.load(folder).parameters.vector, np.float32)
