"""The folder of a training is taken away while it runs: one line says what is lost, and nothing is written there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from handgrad import engine as engines
from handgrad.errors import FolderLostError, OutputError
from handgrad.runs import train
from handgrad.runs.folder import claimed, locked
from handgrad.training.checkpoint import Checkpoints, step_of
from tests.cli.conftest import Run, here, run  # noqa: F401 - fixtures
from tests.cli.endings import write_images
from tests.mounting import Mount
from tests.runs.test_train import OPTIONS, Recorder

STEPS = 82
"""Of two epochs of OPTIONS: a checkpoint after each, and the results at the end."""


class Taker(Recorder):
    """Takes the folder away after a step."""

    def __init__(self, step: int, take: Callable[[], None]) -> None:
        super().__init__()
        self.step, self.take = step, take

    def training(self) -> AbstractContextManager[Callable[[Any], None]]:
        @contextmanager
        def taking() -> Iterator[Callable[[Any], None]]:
            def see(event: Any) -> None:
                self.events.append(event)
                if len(self.events) == self.step:
                    self.take()

            yield see

        return taking()


def _replaced_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("mine")


def _replaced_by_a_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "step-00000099.safetensors").write_text("of another training")
    (folder / ".lock").touch()


def _moved(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a folder whose lock is open")
@pytest.mark.parametrize("take", [shutil.rmtree, _replaced_by_a_file, _replaced_by_a_folder, _moved])
@pytest.mark.parametrize("step", [3, STEPS + 2])
def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path, take: Callable[[Path], None], step: int) -> None:
    folder, left = tmp_path / "run", {}

    def taken() -> None:
        take(folder)
        left.update(_tree(tmp_path))

    with pytest.raises(FolderLostError) as caught:
        train(OPTIONS, folder, observer=Taker(step, taken))
    steps = STEPS // 2 if step < STEPS // 2 else STEPS
    assert str(caught.value) == (
        f"path={folder}: cannot be written (it was removed or replaced during the training); "
        f"the {steps} steps so far are lost; train again"
    )
    # Nothing was written, and nothing of somebody else removed.
    assert _tree(tmp_path) == left


def test_a_lock_that_is_another_s_stays(tmp_path: Path) -> None:
    with locked(tmp_path, "out") as claim:
        assert claim.holds()
        (tmp_path / ".lock").unlink()
        assert not claim.holds()
        (tmp_path / ".lock").write_text("of another")
        assert not claim.holds()
    assert (tmp_path / ".lock").read_text() == "of another"
    with pytest.raises(ValueError, match="of a test"), claimed(tmp_path / "new", overwrite=False):
        raise ValueError("of a test")
    assert not (tmp_path / "new").exists()


def test_a_disk_that_becomes_read_only(tmp_path: Path, mount: Mount) -> None:
    disk = mount("size=4m")
    folder = disk / "run"

    def read_only() -> None:
        # A disk with an open file cannot be made read-only itself; what is mounted over it can.
        for options in ("bind", "remount,bind,ro"):
            subprocess.run(["mount", "-o", options, str(disk), str(disk)], check=True)

    try:
        with pytest.raises(OutputError, match=r"run/checkpoints: cannot be written \(Read-only file system\)"):
            train(OPTIONS, folder, observer=Taker(STEPS // 2 + 3, read_only))
        assert [step_of(path) for path in Checkpoints(folder).paths()] == [STEPS // 2, 0]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_the_command_says_from_which_step_a_training_can_be_resumed(
    run: Run,  # noqa: F811
    here: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_images(here / "images.npz")
    steps, original = [], engines.NotesEngine.loss_and_gradients

    def counted(*given: Any) -> Any:
        steps.append(1)
        if len(steps) == 5:
            shutil.rmtree(here / "run" / "checkpoints")
            (here / "run" / "checkpoints").write_text("")
        return original(*given)

    monkeypatch.setattr(engines.NotesEngine, "loss_and_gradients", counted)
    small = ("--filters", "2", "--hidden", "4", "--engine", "notes", "--epochs", "12")
    said = run("train", "images.npz", *small, "--out", "run").err.splitlines()[-1]
    assert said == (
        "handgrad: error: path=run/checkpoints: cannot be written (File exists); the 6 steps so far are lost; "
        "train again into a writable folder on a disk with room"
    )


def test_checkpoints_are_ordered_by_their_steps_whatever_the_clock_says(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    names = ["step-00000002", "step-99999999", "step-100000000", "step-mine"]
    for time, name in enumerate(reversed(names)):
        path = folder / f"{name}.safetensors"
        path.touch()
        os.utime(path, (time, time))
    assert [path.stem for path in Checkpoints(tmp_path).paths()] == [names[2], names[1], names[0], names[3]]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_of_two_trainings_into_one_folder_at_once_one_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "images.npz")
    command = [sys.executable, "-m", "handgrad", "train", "images.npz", "--out", "run", "--engine", "notes"]
    command += ["--filters", "2", "--hidden", "4", "--epochs", "100000"]
    both = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    loser = _first_to_end(both)
    (winner,) = (process for process in both if process is not loser)
    assert loser.communicate()[1] == (
        "handgrad: error: --out=run: another process is writing to it; wait, or choose another\n"
    )
    assert loser.returncode == 2
    while not Checkpoints(tmp_path / "run").paths():
        assert winner.poll() is None
    winner.send_signal(signal.SIGINT)
    assert "resumes it" in winner.communicate()[1]


def _first_to_end(processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    while True:
        for process in processes:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return process
