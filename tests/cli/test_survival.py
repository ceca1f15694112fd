"""Trainings that are killed, interrupted or out of room: resumed, each ends like the undisturbed one, bit for bit."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from handgrad.training import checkpoint as checkpoints
from handgrad.training.checkpoint import Checkpoints
from tests.cli.conftest import Run
from tests.cli.endings import assert_ended_alike, step_of, wait_for, write_images
from tests.cli.test_process import start
from tests.data.writing import write_classes
from tests.mounting import Mount

KILLS = 10
EPOCHS = 600

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def test_killed_at_ten_moments_it_ends_with_the_model_of_the_undisturbed_run(tmp_path: Path) -> None:
    seed = int(os.environ.get("HANDGRAD_SEED", random.randrange(10**6)))
    rng = random.Random(seed)
    source = write_images(tmp_path / "images.npz")
    recipe = ("--epochs", EPOCHS, "--early-stopping", "--patience", EPOCHS)
    begin = ("train", source, "--out", "run", "--filters", "2", "--hidden", "4", *recipe)
    here, alone = tmp_path / "killed", tmp_path / "undisturbed"
    here.mkdir()
    alone.mkdir()
    with start(*begin, cwd=alone) as process:
        assert process.communicate()[1].count("epoch ") >= 12
    folder = here / "run"
    moments: list[int] = []
    for target in sorted(rng.sample(range(2 * EPOCHS * 9 // 10), KILLS)):
        # Some write a checkpoint after every step, so that the middle of an epoch is one of the moments.
        resume = ("train", "--resume", "run", "--checkpoint-seconds", rng.choice([0, 60]))
        with start(*(resume if step_of(folder) >= 0 else begin), cwd=here) as process:
            if rng.random() < 0.2:  # wherever it then is: in its imports, reading, compiling
                time.sleep(rng.uniform(0.2, 1.5))
            else:
                wait_for(folder, target, process)
                time.sleep(rng.uniform(0, 0.01))
            process.kill()
            err = process.communicate()[1]
        told = f"HANDGRAD_SEED={seed}: killed after steps {[*moments, step_of(folder)]}; then {err}"
        assert process.returncode == -signal.SIGKILL, told
        assert not (folder / "model.safetensors").exists(), told
        assert "error" not in err, told
        moments.append(step_of(folder))
    with start("train", "--resume", "run", cwd=here) as process:
        err = process.communicate()[1]
    told = f"HANDGRAD_SEED={seed}: killed after steps {moments}; then {err}"
    assert process.returncode == 0, told
    assert_ended_alike(folder, alone / "run", told)


def test_ctrl_c_ends_after_the_step_with_a_checkpoint_and_one_line(tmp_path: Path) -> None:
    """Of an epoch that would take a minute."""
    source, folder = write_images(tmp_path / "images.npz", 400_000), tmp_path / "ä run"
    command = ("train", source, "--out", folder, "--filters", "2", "--batch-size", 1, "--epochs", 1)
    with start(*command) as process:
        wait_for(folder, 0, process)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert out == ""
    step = step_of(folder)
    assert 0 < step < 280_000
    expected = f"handgrad: error: interrupted after step {step}; handgrad train --resume '{folder}' resumes it"
    assert err.splitlines()[-1] == expected
    assert "Traceback" not in err
    assert {path.name for path in folder.iterdir()} == {"checkpoints"}
    assert checkpoints.load(folder / "checkpoints" / f"step-{step:08}.safetensors").sums["step"] == step


def test_a_full_disk_stops_it_with_one_line_and_the_last_checkpoint_is_valid(tmp_path: Path, mount: Mount) -> None:
    disk, source = mount("size=4m"), write_images(tmp_path / "images.npz")
    command = ("train", source, "--out", "run", "--filters", "2", "--hidden", "4", "--epochs", EPOCHS // 2)
    with start(*command, cwd=disk) as process:
        wait_for(disk / "run", 10, process)
        with (disk / "filling").open("wb", buffering=0) as file:
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    file.write(bytes(4096))
        out, err = process.communicate()
    assert process.returncode == 2
    assert out == ""
    kept = step_of(disk / "run")
    assert err.splitlines()[-1] == (
        "handgrad: error: path=run/checkpoints: cannot be written (No space left on device); "
        f"make room or allow writing, then handgrad train --resume run resumes it after step {kept}"
    )
    assert "Traceback" not in err
    assert not any(path.name.startswith(".") for path in (disk / "run").rglob("*"))
    for path in Checkpoints(disk / "run").paths():
        checkpoints.load(path)
    (disk / "filling").unlink()
    (tmp_path / "alone").mkdir()
    for place, arguments in ((disk, ("train", "--resume", "run")), (tmp_path / "alone", command)):
        with start(*arguments, cwd=place) as process:
            assert process.communicate()[0]
    assert_ended_alike(disk / "run", tmp_path / "alone" / "run")


_FAILING = """
import sys, threading, time
from handgrad.cli import main
from handgrad.fused.team import Team
from handgrad.fused import network
from handgrad.training.checkpoint import Checkpoints

run, write, written = Team.run, Checkpoints.write, []

def counted(*given):
    write(*given)
    written.append(True)

def failing(team, task):
    def part(worker, number):
        if threading.current_thread() is not threading.main_thread() and len(written) > 1:
            raise {failure}
        time.sleep(0.0005)
        task(worker, number)
    run(team, part)

Team.run, Checkpoints.write, network.ENOUGH = failing, counted, 0
main()
"""


@pytest.mark.parametrize(
    ("failure", "code", "last"),
    [
        ("MemoryError", 2, "handgrad: error: memory: there is not enough for these sizes; use fewer or smaller images"),
        ("RuntimeError('of a thread')", 1, "RuntimeError: of a thread"),
    ],
)
def test_the_exception_of_a_worker_thread_reaches_the_user(tmp_path: Path, failure: str, code: int, last: str) -> None:
    program = _FAILING.format(failure=failure)
    command = ["train", "digits", "--out", "run", "--filters", "2,2", "--epochs", "100", "--threads", "2"]
    done = subprocess.run(
        [sys.executable, "-c", program, *command, "--batch-size", "256"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(last)
    assert checkpoints.load(Checkpoints(tmp_path / "run").paths()[0]).sums["step"] > 0


@pytest.mark.parametrize("failure", [MemoryError(), RuntimeError("of a thread")], ids=repr)
def test_the_exception_of_a_decoding_thread_reaches_the_user(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    write_classes(here / "photos", "a", "b", count=9)

    def failing(*given: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        raise failure

    monkeypatch.setattr("handgrad.data.image_files.decode", failing)
    if isinstance(failure, MemoryError):
        assert run("train", "photos", "--epochs", 1, "--out", "run").complaint.startswith("memory: there is not enough")
    else:
        with pytest.raises(RuntimeError, match="of a thread"):
            run("train", "photos", "--epochs", 1, "--out", "run")
    assert not (here / "run").exists()
