"""Trainings in the real TensorBoard and MLflow."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from handgrad import tracking
from handgrad.errors import HandgradError, InputError
from handgrad.training import Epoch, Step

STEPS = [Step(1, number, 4, 2.0 / number, 0.5, 8, float(number), 0.0) for number in (1, 2, 3, 4)]
EPOCHS = [
    Epoch(1, 2, 1.5, 0.5, 1.25, 0.75, 0.01, 2.0),
    Epoch(2, 2, 0.6, 0.75, math.nan, math.nan, 0.005, 4.0),
]
EVENTS = [*STEPS[:2], EPOCHS[0], *STEPS[2:], EPOCHS[1]]


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
    near = pytest.approx
    assert curves["loss/step"] == [(1, near(2.0)), (2, near(1.0)), (3, near(2 / 3)), (4, near(0.5))]
    assert curves["loss/training"] == [(2, near(1.5)), (4, near(0.6))]
    assert curves["loss/validation"] == [(2, near(1.25))]
    assert curves["learning_rate"] == [(2, near(0.01)), (4, near(0.005))]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for MLflow's runs; the warnings of its own packages are not ours."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri((tmp_path / "ml runs").as_uri())
    return tmp_path


@pytest.mark.filterwarnings("default")
def test_mlflow_has_the_options_and_the_epochs(store: Path) -> None:
    import mlflow

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


@pytest.mark.filterwarnings("default")
def test_mlflow_marks_a_training_that_failed_and_uses_an_active_run(store: Path) -> None:
    import mlflow

    with pytest.raises(ZeroDivisionError), tracking.mlflow():
        failed = mlflow.active_run()
        raise ZeroDivisionError
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"
    with mlflow.start_run() as own:
        with tracking.mlflow() as log:
            log(EPOCHS[0])
        assert mlflow.active_run().info.run_id == own.info.run_id
    assert mlflow.get_run(own.info.run_id).data.metrics["loss/training"] == 1.5


@pytest.mark.filterwarnings("default")
def test_what_mlflow_refuses_is_one_line(store: Path) -> None:
    with (
        pytest.raises(HandgradError, match="^mlflow: .*seed"),
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
