"""The command line as a process of its own: signals, pipes, encodings, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handgrad import model_file
from tests.data.writing import write_picture

HANDGRAD = [sys.executable, "-m", "handgrad"]


def start(*arguments: object, **more: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, **more.pop("environment", {})}
    return subprocess.Popen(
        [*HANDGRAD, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        **more,
    )


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_before_the_first_step_leaves_nothing(tmp_path: Path, open_folder: Path) -> None:
    command = ("train", "digits", "--epochs", 10**6, "--out", tmp_path / "new" / "out")
    with start(*command, environment={"NUMBA_CACHE_DIR": str(open_folder)}) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("handgrad: compiling kernels, once; "):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "handgrad: error: interrupted; nothing was written"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    assert {path.suffix for path in open_folder.rglob("*") if path.is_file()} <= {".kernel"}


def test_a_reader_that_leaves_is_no_error(trained: Path) -> None:
    with start("info", trained) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_training_continues_when_nobody_reads(tmp_path: Path) -> None:
    with start("train", "digits", "--epochs", 1, "--filters", "2,2", "--out", tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
    assert process.returncode == 0
    assert (tmp_path / "report.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_a_closed_stdout_is_no_error(trained: Path) -> None:
    command = f'"{sys.executable}" -m handgrad info "{trained}" --json >&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names of any bytes")
def test_a_terminal_without_the_signs_still_gets_the_result(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(write_picture(tmp_path / "plain.png").read_bytes())
    with start("predict", trained, path, environment={"PYTHONIOENCODING": "ascii", "COLUMNS": "400"}) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert r"caf\udce9.png" in out
    assert "#" in out


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names of any bytes")
def test_a_training_from_and_to_names_that_are_no_utf8(tmp_path: Path) -> None:
    source, out = (tmp_path / os.fsdecode(name) for name in (b"caf\xe9", b"\xfcber"))
    for name in ("a", "b"):
        for number in range(6):
            write_picture(source / name / f"{number}.png")
    with start("train", source, "--epochs", 1, "--filters", "2", "--out", out) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["data"]["source"] == str(source)
    assert model_file.load(out).provenance["data"]["source"] == str(source)
