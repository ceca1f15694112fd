"""Trainings that Ctrl-C ends at a certain step, in this process: resumed, each ends like the undisturbed one."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from handgrad import engine as engines
from handgrad import model_file
from handgrad.cli.screen import resume_command
from handgrad.cli.train import train as train_command
from handgrad.training import checkpoint as checkpoints
from handgrad.training.checkpoint import Checkpoints
from tests.cli.conftest import Run
from tests.cli.endings import FILES, assert_ended_alike, history, step_of, wait_for, write_images
from tests.cli.test_process import HANDGRAD, start
from tests.data.writing import write_classes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SMALL = ("--filters", "2", "--hidden", "4", "--engine", "notes")
TWELVE = (*SMALL, "--epochs", "12")


class Interruption:
    """Has Ctrl-C come while the notes engine computes a certain step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        original = engines.NotesEngine.loss_and_gradients

        def interrupted(*given: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
            return original(*given)

        monkeypatch.setattr(engines.NotesEngine, "loss_and_gradients", interrupted)

    def at(self, step: int) -> None:
        self.left = step


@pytest.fixture
def interruption(monkeypatch: pytest.MonkeyPatch) -> Interruption:
    return Interruption(monkeypatch)


@pytest.fixture
def source(here: Path) -> str:
    write_images(here / "images.npz")
    return "images.npz"


@pytest.fixture
def undisturbed(run: Run, here: Path, source: str) -> Path:
    """Of the same command in another folder."""
    alone = here / "alone"
    alone.mkdir()
    shutil.copy(source, alone)
    with contextlib.chdir(alone):
        assert run("train", source, *TWELVE, "--out", "run").code == 0
    return alone / "run"


@pytest.fixture
def stopped(run: Run, here: Path, source: str, interruption: Interruption) -> Path:
    """A training interrupted after 15 of its 24 steps."""
    interruption.at(15)
    assert run("train", source, *TWELVE, "--out", "run").code == 130
    return here / "run"


def test_it_resumes_without_any_option(run: Run, stopped: Path, undisturbed: Path) -> None:
    assert [path.name for path in Checkpoints(stopped).paths()] == [f"step-{n:08}.safetensors" for n in (15, 14)]
    done = run("train", "--resume", stopped)
    assert done.code == 0
    assert "handgrad: resuming after step 15, in epoch 8 of 12" in done.err.splitlines()
    assert done.out.splitlines()[-1].startswith(f"written to {stopped}/: model.safetensors")
    assert_ended_alike(stopped, undisturbed)


# Ctrl-C may come between a list of files and whatever closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_at_twenty_random_moments(
    run: Run, here: Path, source: str, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two instructions of the command; each training goes on from the one before."""
    seed = int(os.environ.get("HANDGRAD_SEED", random.randrange(10**6)))
    rng, pressed = random.Random(seed), list[str]()

    def press(number: int, frame: FrameType | None) -> None:
        within = frame
        while within and within.f_code is not train_command.__code__:
            within = within.f_back
        if within:
            signal.raise_signal(signal.SIGINT)
        elif not frame or not over:
            signal.setitimer(signal.ITIMER_REAL, 0.001)

    before = signal.signal(signal.SIGALRM, press)
    try:
        while len(pressed) < 20:
            begun = step_of(here / "run") >= 0
            over = False
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.1))
            done = run(*(("train", "--resume", "run") if begun else ("train", source, *TWELVE, "--out", "run")))
            over = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            told = f"HANDGRAD_SEED={seed}: {pressed}; then {done}"
            if done.code == 0:
                assert_ended_alike(here / "run", undisturbed, told)
                shutil.rmtree(here / "run")
                continue
            assert done.code == 130, told
            pressed.append(done.err.splitlines()[-1])
            assert pressed[-1].startswith("handgrad: error: interrupted"), told
            assert step_of(here / "run") >= 0 or not (here / "run").exists(), told
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if not (here / "run").exists():
        return
    assert run("train", "--resume", "run").code == 0
    assert_ended_alike(here / "run", undisturbed, f"HANDGRAD_SEED={seed}: {pressed}")


def test_a_second_ctrl_c_waits_for_the_checkpoint(
    run: Run, here: Path, source: str, interruption: Interruption, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Checkpoints.write

    def write(self: Checkpoints, model: Any, state: Any, settings: Any) -> None:
        if state.step == 15:
            signal.raise_signal(signal.SIGINT)
        original(self, model, state, settings)

    monkeypatch.setattr(Checkpoints, "write", write)
    interruption.at(15)
    done = run("train", source, *TWELVE, "--out", "run")
    assert done.code == 130
    assert done.err.splitlines()[-1].startswith("handgrad: error: interrupted after step 15; ")
    assert step_of(here / "run") == 15


def test_a_finished_training_says_so_and_is_left_as_it_is(run: Run, undisturbed: Path) -> None:
    before = {path.name: path.read_bytes() for path in undisturbed.iterdir()}
    done = run("train", "--resume", undisturbed)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"handgrad: the training in {undisturbed} is finished; nothing is left to do\n"
    assert {path.name: path.read_bytes() for path in undisturbed.iterdir()} == before


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("corrupt", "words"),
    [
        (lambda path: _flip(path, -1), "is corrupted: its checksum is not that of its content"),
        (lambda path: _flip(path, path.read_bytes().index(b'loss\\":') + 9), "is corrupted: its checksum is not"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "is not a valid safetensors file"),
        (lambda path: path.write_bytes(b""), "is not a valid safetensors file"),
    ],
    ids=["a number", "metadata", "cut short", "empty"],
)
def test_a_corrupted_checkpoint_is_named_and_passed_over_for_the_one_before(
    run: Run, stopped: Path, undisturbed: Path, corrupt: Callable[[Path], None], words: str
) -> None:
    newest, _ = Checkpoints(stopped).paths()
    corrupt(newest)
    done = run("train", "--resume", stopped)
    assert done.code == 0
    first = done.err.splitlines()[0]
    assert first.startswith(f"handgrad: {newest}: {words}")
    assert first.endswith("; using the one before it")
    assert "resuming after step 14, " in done.err
    assert_ended_alike(stopped, undisturbed)


def test_an_error_says_that_no_checkpoint_is_valid(run: Run, stopped: Path) -> None:
    paths = Checkpoints(stopped).paths()
    for path in paths:
        _flip(path, -1)
    done = run("train", "--resume", stopped)
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"handgrad: error: checkpoint={paths[-1]}: is corrupted: its checksum is not that of its content; "
        "train again, or copy the file again"
    )
    assert Checkpoints(stopped).paths() == paths


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--epochs", 13), "--epochs=13: contradicts the training in {0}, which has 12; leave it out"),
        (("--filters", "3,3"), "--filters=3,3: contradicts the training in {0}, which has 2; leave it out"),
        (("--seed", 1), "--seed=1: contradicts the training in {0}, which has 0; leave it out"),
        (("--engine", "fused"), "--engine=fused: contradicts the training in {0}, which has notes; leave it out"),
        (("--strict",), "--strict: contradicts the training in {0}, which was begun without it; leave it out"),
        (("--out", "other"), "--out=other: contradicts --resume {0}, where the results go; leave it out"),
        (("--overwrite",), "--overwrite: contradicts --resume {0}, where the results go; leave it out"),
    ],
)
def test_a_contradicting_option_is_named(run: Run, stopped: Path, options: tuple[object, ...], words: str) -> None:
    before = Checkpoints(stopped).paths()
    assert run("train", "--resume", stopped, *options).complaint == words.format(stopped)
    assert Checkpoints(stopped).paths() == before


def test_options_that_agree_or_do_not_change_the_result_are_accepted(
    run: Run, stopped: Path, undisturbed: Path
) -> None:
    more = ("--epochs", 12, "--filters", "2", "--out", "run", "--threads", 1, "--checkpoint-seconds", 1)
    assert run("train", "--resume", stopped, *more).code == 0
    assert_ended_alike(stopped, undisturbed)


def test_a_changed_data_set_is_refused_and_one_that_moved_is_found(
    run: Run, stopped: Path, undisturbed: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = (here / "images.npz").read_bytes()
    write_images(here / "images.npz", 61)
    complaint = run("train", "--resume", stopped).complaint.splitlines()[-1]
    assert complaint.startswith("source=images.npz: its images are not those that the training began with (SHA-256 ")
    (here / "images.npz").unlink()
    assert run("train", "--resume", stopped).complaint.startswith("source=images.npz: there is no such file")
    (here / "moved.npz").write_bytes(sound)
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert run("train", "../moved.npz", "--resume", "../run").code == 0
    assert_ended_alike(stopped, undisturbed)


def test_it_resumes_from_any_folder(
    run: Run, stopped: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "images.npz", 99)  # of the same name, in the folder that it resumes in
    monkeypatch.chdir(tmp_path)
    assert run("train", "--resume", stopped).code == 0
    assert_ended_alike(stopped, undisturbed)


@pytest.mark.parametrize(
    "options",
    [
        ("--optimizer", "sgd", "--momentum", "0.8", "--schedule", "constant", "--learning-rate", "0.01"),
        ("--maps", "2", "--filters", "3,2/2", "--size", "17x15", "--hidden", "5,4", "--seed", "7"),
        ("--filter-size", "2x3", "--pooling", "3", "--hidden", "none", "--batch-size", "5", "--weight-decay", "0"),
        ("--early-stopping", "--patience", "3", "--learning-rate", "0.05"),
        ("--class-weight", "balanced", "--group-by", r"(./\d)\.png"),
    ],
    ids=" ".join,
)
def test_every_choice_is_resumed(run: Run, here: Path, interruption: Interruption, options: tuple[str, ...]) -> None:
    write_classes(here / "photos", "a", "b", "c", count=9, shape=(14, 14))
    begin = ("train", "photos", *TWELVE, *options, "--out", "run")
    assert run(*begin).code == 0
    (here / "run").rename(here / "undisturbed")
    interruption.at(3)
    assert run(*begin).code == 130
    for step in (1, 2):
        interruption.at(step)
        assert run("train", "--resume", "run").code == 130
    assert run("train", "--resume", "run").code == 0
    assert_ended_alike(here / "run", here / "undisturbed")


def test_an_unfinished_training_is_no_model_and_is_not_overwritten_by_chance(
    run: Run, stopped: Path, source: str, undisturbed: Path
) -> None:
    for command in (("info", stopped), ("predict", stopped, source), ("evaluate", stopped, source)):
        assert run(*command).complaint == (
            f"model={stopped}/model.safetensors: the training there is not finished; resume the training in {stopped}"
        )
    begin = ("train", source, *TWELVE, "--out", "run")
    assert run(*begin).complaint == (
        "--out=run: holds a training that is not finished; resume it, choose another folder, or give --overwrite"
    )
    assert run(*begin, "--overwrite").code == 0
    model = model_file.load(stopped)
    assert model.parameters.vector.tobytes() == model_file.load(undisturbed).parameters.vector.tobytes()
    assert {path.name for path in stopped.iterdir()} == FILES


def test_results_that_are_to_be_overwritten_stay_until_the_new_ones_are_whole(
    run: Run, source: str, undisturbed: Path, interruption: Interruption
) -> None:
    before = {path.name: path.read_bytes() for path in undisturbed.iterdir()}
    interruption.at(5)
    assert run("train", source, *TWELVE, "--out", undisturbed, "--overwrite", "--seed", 1).code == 130
    assert {path.name: path.read_bytes() for path in undisturbed.iterdir() if path.is_file()} == before
    assert run("train", "--resume", undisturbed).code == 0
    assert (undisturbed / "model.safetensors").read_bytes() != before["model.safetensors"]
    assert {path.name for path in undisturbed.iterdir()} == FILES


def test_killed_while_it_wrote_its_results_it_writes_them_again(
    run: Run, stopped: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(self: Checkpoints) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "clear", killed)
        with pytest.raises(Killed):
            run("train", "--resume", stopped)
    (stopped / "report.json").rename(stopped / ".report.json.abcd1234")
    assert (stopped / "checkpoints").is_dir()
    assert run("train", "--resume", stopped).code == 0
    assert_ended_alike(stopped, undisturbed)


def test_a_folder_without_checkpoint_or_that_another_training_holds_is_refused(
    run: Run, here: Path, stopped: Path
) -> None:
    (here / "empty").mkdir()
    assert run("train", "--resume", "empty").complaint == (
        "--resume=empty: holds no checkpoint of a training; train into a new folder, or check this one"
    )
    assert run("train", "--resume", "missing").complaint == (
        "--resume=missing: is not a folder of a training; check it"
    )
    assert run("train").complaint == ("source=(none): a training needs images; give a SOURCE, e.g. digits, or --resume")
    with start("train", "digits", "--epochs", 10**5, "--out", "busy", *SMALL) as process:
        wait_for(here / "busy", 1, process)
        complaint = run("train", "--resume", "busy").complaint
        process.kill()
    assert complaint == "--resume=busy: another process is writing to it; wait, or choose another"


def test_a_checkpoint_of_another_handgrad_is_refused_or_reported(
    run: Run, stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "VERSION", "4")
    complaint = run("train", "--resume", stopped).err.splitlines()[-1]
    assert "has the format version 3, and this handgrad reads version 4; use the handgrad that wrote it" in complaint
    monkeypatch.undo()
    monkeypatch.chdir(stopped.parent)
    monkeypatch.setattr("handgrad.report.surroundings.versions", lambda: {"numpy": "9.9"})
    done = run("train", "--resume", stopped)
    assert done.code == 0
    assert ", resuming with 9.9: the last bits of the result may differ" in done.err


def test_checkpoints_within_an_epoch_by_time(
    run: Run, here: Path, source: str, interruption: Interruption, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    original = Checkpoints.write

    def write(self: Checkpoints, model: Any, state: Any, settings: Any) -> None:
        written.append(state.step)
        original(self, model, state, settings)

    monkeypatch.setattr(Checkpoints, "write", write)
    options = (*SMALL, "--epochs", 2, "--batch-size", 15)
    assert run("train", source, *options, "--out", "rare").code == 0
    assert written == [0, 3, 6]
    written.clear()
    assert run("train", source, *options, "--out", "often", "--checkpoint-seconds", 0).code == 0
    assert written == [0, 1, 2, 3, 3, 4, 5, 6, 6]


def test_early_stopping_keeps_the_best_and_says_which(run: Run, here: Path, source: str) -> None:
    options = (*SMALL, "--epochs", 200, "--learning-rate", "0.05", "--schedule", "constant")
    assert run("train", source, *options, "--early-stopping", "--patience", 4, "--out", "run").code == 0
    rows = history(here / "run")
    best = max(rows, key=lambda row: (float(row["validation_accuracy"]), -float(row["validation_loss"])))
    assert len(rows) == int(best["epoch"]) + 4 < 200
    report = (here / "run" / "report.json").read_text()
    assert f'"best_epoch": {best["epoch"]}' in report
    complaint = run("train", source, *options, "--early-stopping", "--patience", 0).complaint
    assert complaint == "--patience=0: must be an integer of at least 1; try 1 or more"


def test_the_command_that_resumes_can_be_typed(tmp_path: Path) -> None:
    assert resume_command(tmp_path / "it's ä") == f"handgrad train --resume '{tmp_path}/it'\"'\"'s ä'"
    assert shutil.which(HANDGRAD[0])
