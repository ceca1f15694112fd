"""A training as a function: the files of the command, events for an observer, nothing printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from handgrad import model_file
from handgrad.errors import InputError, Interrupted
from handgrad.report.files import NAMES
from handgrad.runs import Observer, Run, TrainingOptions, resume, train
from handgrad.runs.folder import locked
from handgrad.training import Epoch, Recipe, Step
from handgrad.training.checkpoint import Checkpoints

OPTIONS = TrainingOptions(
    source="digits", network={"stages": ((2,),), "hidden": ()}, recipe=Recipe(epochs=2), engine="notes", seed=3
)


class Recorder(Observer):
    def __init__(self, stop_after: int = 0) -> None:
        self.events: list[Step | Epoch] = []
        self.notices: list[str] = []
        self.runs: list[tuple[Run, Path]] = []
        self.stop_after = stop_after

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def prepared(self, run: Run, folder: Path) -> None:
        self.runs.append((run, folder))

    def training(self) -> AbstractContextManager[Callable[[Step | Epoch], None]]:
        @contextmanager
        def recording() -> Iterator[Callable[[Step | Epoch], None]]:
            def see(event: Step | Epoch) -> None:
                self.events.append(event)
                if len(self.events) == self.stop_after:
                    raise KeyboardInterrupt

            yield see

        return recording()


@pytest.fixture
def undisturbed(tmp_path: Path) -> Path:
    return train(OPTIONS, tmp_path / "undisturbed").folder


def test_it_writes_every_file_and_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = Recorder()
    result = train(OPTIONS, tmp_path / "out", observer=seen)
    assert capsys.readouterr() == ("", "")
    assert {path.name for path in result.folder.iterdir()} == set(NAMES)
    report = json.loads((result.folder / "report.json").read_text(encoding="utf-8"))
    assert TrainingOptions.from_dict(report["options"]) == OPTIONS
    assert report["seed"] == 3
    assert report["command"].startswith("train(TrainingOptions(source='digits', ")
    ((run, folder),) = seen.runs
    assert (run.options, folder) == (OPTIONS, result.folder)
    assert [event.epoch for event in seen.events if isinstance(event, Epoch)] == [1, 2]
    written = model_file.load(result.folder)
    assert written.parameters.vector.tobytes() == result.model.parameters.vector.tobytes()


def test_without_a_folder_it_takes_the_next_free_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [train(OPTIONS).folder for _ in range(2)] == [Path("runs/digits"), Path("runs/digits-2")]


def test_interrupted_it_is_resumed_to_the_same_model(tmp_path: Path, undisturbed: Path) -> None:
    folder = tmp_path / "out"
    with pytest.raises(Interrupted, match=r"interrupted after step 5$"):
        train(OPTIONS, folder, observer=Recorder(stop_after=5))
    kept = Checkpoints(folder).newest(lambda error: None)
    assert kept is not None
    assert TrainingOptions.from_dict({k: v for k, v in kept.settings.items() if k != "folder"}) == OPTIONS
    assert {path.name for path in folder.iterdir()} == {"checkpoints"}
    seen = Recorder()
    result = resume(folder, repeated={"epochs": 2, "filters": "2"}, observer=seen)
    assert result is not None
    assert seen.notices == ["resuming after step 5, in epoch 1 of 2"]
    assert {path.name for path in folder.iterdir()} == set(NAMES)
    one, other = ((place / "model.safetensors").read_bytes() for place in (folder, undisturbed))
    assert model_file.load(folder).provenance | {"command": ""} == model_file.load(undisturbed).provenance | {
        "command": ""
    }
    assert one == other
    assert resume(folder, observer=seen) is None
    assert seen.notices[-1] == f"the training in {folder} is finished; nothing is left to do"


@pytest.mark.parametrize(
    ("repeated", "message"),
    [
        ({"epochs": 3}, "epochs=3: contradicts the training in .*, which has 2; leave it out"),
        ({"filters": "2,2"}, "filters=2,2: contradicts the training in .*, which has 2; leave it out"),
        ({"workers": 2}, "workers=2: contradicts the training in .*, which was begun without it; leave it out"),
        ({"cluster": "ray"}, "cluster=ray: contradicts the training in .*, which was begun without it; leave it out"),
    ],
    ids=str,
)
def test_a_contradiction_is_refused(tmp_path: Path, repeated: dict[str, object], message: str) -> None:
    with pytest.raises(Interrupted):
        train(OPTIONS, tmp_path, observer=Recorder(stop_after=1))
    with pytest.raises(InputError, match=message):
        resume(tmp_path, repeated=repeated)


def test_workers_need_a_cluster(tmp_path: Path) -> None:
    options = TrainingOptions(source="digits", engine="notes", workers=2)
    with pytest.raises(InputError, match="workers=2: needs a cluster to train on"):
        train(options, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_locked_belongs_to_one(tmp_path: Path) -> None:
    with locked(tmp_path, "out"):
        with pytest.raises(InputError, match="another process is writing to it"), locked(tmp_path, "out"):
            pass
        with pytest.raises(InputError, match="another process is writing to it"):
            train(OPTIONS, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path, "out"):
        pass


def test_what_a_killed_process_leaves_of_its_lock_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    assert {path.name for path in train(OPTIONS, tmp_path).folder.iterdir()} == set(NAMES)
