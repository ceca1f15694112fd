"""Trainings in the real TensorBoard and MLflow."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest

from handgrad import cli, tracking
from handgrad.errors import HandgradError, InputError
from handgrad.training import Epoch, Step

STEPS = [Step(1, number, 4, 2.0 / number, 0.5, 8, float(number), 0.0) for number in (1, 2, 3, 4)]
EPOCHS = [
    Epoch(1, 2, 1.5, 0.5, 1.25, 0.75, 0.01, 2.0),
    Epoch(2, 2, 0.6, 0.75, math.nan, math.nan, 0.005, 4.0),
]
QUICK = ("train", "digits", "--engine", "notes", "--epochs", "2", "--filters", "2", "--hidden", "none")
OTHERS_WARNINGS = pytest.mark.filterwarnings("default")
"""MLflow's packages may warn of each other."""

EVENTS: list[Step | Epoch] = [*STEPS[:2], EPOCHS[0], *STEPS[2:], EPOCHS[1]]


def test_tensorboard_shows_steps_and_epochs(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.util import tensor_util

    folder = tmp_path / "logs of ü"
    with tracking.tensorboard(folder) as log:
        for event in EVENTS:
            log(event)
    read = accumulator.EventAccumulator(str(folder))
    read.Reload()
    curves = {
        tag: [(point.step, float(tensor_util.make_ndarray(point.tensor_proto))) for point in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }
    assert dict(curves["loss/step"]) == pytest.approx({1: 2.0, 2: 1.0, 3: 2 / 3, 4: 0.5})
    assert dict(curves["loss/training"]) == pytest.approx({2: 1.5, 4: 0.6})
    assert dict(curves["loss/validation"]) == pytest.approx({2: 1.25})
    assert dict(curves["learning_rate"]) == pytest.approx({2: 0.01, 4: 0.005})


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow, with a folder for its runs."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    module = pytest.importorskip("mlflow")
    module.set_tracking_uri((tmp_path / "ml runs").as_uri())
    return module


@OTHERS_WARNINGS
def test_mlflow_has_the_options_and_the_epochs(mlflow: Any) -> None:
    with tracking.mlflow({"filters": "16,16"}) as log:
        run = mlflow.active_run()
        for event in EVENTS:
            log(event)
    assert mlflow.active_run() is None
    finished = mlflow.get_run(run.info.run_id)
    assert finished.info.status == "FINISHED"
    assert finished.data.params == {"filters": "16,16"}
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss/training")
    assert [(point.step, point.value) for point in points] == [(1, 1.5), (2, 0.6)]
    assert finished.data.metrics["accuracy/validation"] == 0.75


@OTHERS_WARNINGS
def test_mlflow_marks_a_training_that_failed_and_uses_an_active_run(mlflow: Any) -> None:
    def fail() -> None:
        with tracking.mlflow():
            failed.append(mlflow.active_run())
            raise ZeroDivisionError

    failed: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert mlflow.get_run(failed[0].info.run_id).info.status == "FAILED"
    with mlflow.start_run() as own:
        with tracking.mlflow() as log:
            log(EPOCHS[0])
        assert mlflow.active_run().info.run_id == own.info.run_id
    assert mlflow.get_run(own.info.run_id).data.metrics["loss/training"] == 1.5


@OTHERS_WARNINGS
def test_what_mlflow_refuses_is_one_line(mlflow: Any) -> None:
    with (
        pytest.raises(HandgradError, match=r"^mlflow: .*seed"),
        tracking.mlflow({"seed": 1}),
        tracking.mlflow({"seed": 2}),
    ):
        pass


@pytest.mark.parametrize("name", tracking.TRACKERS)
def test_a_missing_tracker_names_its_extra(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    arguments = (tmp_path,) if name == "tensorboard" else ()
    with pytest.raises(InputError, match=rf"pip install 'handgrad\[{name}\]'"), getattr(tracking, name)(*arguments):
        pass


def test_the_command_logs_beside_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*QUICK, "--out", str(tmp_path / "run"), "--log", "tensorboard"]) == 0, capsys.readouterr().err
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert events.stat().st_size > 1000


@OTHERS_WARNINGS
def test_the_command_logs_its_options_to_mlflow(mlflow: Any, tmp_path: Path) -> None:
    assert cli.run([*QUICK, "--out", str(tmp_path / "run"), "--log", "mlflow"]) == 0
    (run,) = mlflow.MlflowClient().search_runs(["0"])
    assert run.data.params["filters"] == "2"
    assert 0 < run.data.metrics["accuracy/validation"] <= 1


def test_the_command_refuses_a_missing_tracker_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert cli.run([*QUICK, "--out", str(tmp_path / "run"), "--log", "mlflow"]) == 2
    assert "--log=mlflow: is not installed; pip install 'handgrad[mlflow]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
