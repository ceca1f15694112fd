"""Every system that people have: the main path under Windows' rules, and what differs between systems."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from handgrad import atomic, system
from handgrad.errors import OutputError

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for open files; Windows imposes its rules itself")
def test_the_main_path_holds_under_the_rules_of_windows(tmp_path: Path) -> None:
    settings = {
        "HANDGRAD_CACHE": str(tmp_path / "cache"), "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "COLUMNS": "300",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-m", "tests.windows", str(tmp_path / "work")],
        cwd=ROOT, env=os.environ | settings, capture_output=True, check=False,
    )  # fmt: skip
    out, err = done.stdout.decode("cp1252"), done.stderr.decode("cp1252")
    assert done.returncode == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["refused"] == []
    assert [code for _, code in result["codes"]] == [130, *[0] * 13], err
    assert result["left"] == []
    assert sum(result["checked"].values()) > 500
    assert "grün" in out
    assert "\\u65e5\\u672c" in out, "what cp1252 lacks is an escape"
    assert "%  #" in out, "and a bar is of # where it lacks the blocks"
    assert "12 × 9" in out


RULES = (
    ("file = open('a', 'w'); os.unlink('a')", "to unlink an open file"),
    ("open('b', 'w').close(); c = open('c', 'w'); os.replace('b', 'c')", "to replace an open file"),
    ("os.open('.', os.O_RDONLY)", "Windows opens no folders"),
    ("open('aux.txt', 'w')", "the name of"),
    ("open('openml:mnist', 'w')", "the name of"),
    ("os.fork()", "has no attribute 'fork'"),
    ("exec('import fcntl', {'__name__': 'handgrad.runs'})", "No module named 'fcntl'"),
    ("open('E', 'w').close(); os.unlink('e'); assert not os.path.exists('E')", ""),
    ("numpy.memmap('map', 'u1', 'w+', 0, 9)", ""),
    ("kept = numpy.memmap('map', 'u1', 'r+', 0, 9); os.replace('b', 'MAP')", "to replace an open file"),
)
"""Programs, in this order, and what is refused."""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for open files")
def test_the_rules_are_imposed(tmp_path: Path) -> None:
    lines = ["import numpy, os", "from tests import windows", "windows.impose()", f"os.chdir({str(tmp_path)!r})"]
    for program, _ in RULES:
        lines += ["try:", f"    {program}", "    print()", "except Exception as error:", "    print(error)"]
    program = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    for line, (program, refusal) in zip(done.stdout.splitlines(), RULES, strict=True):
        assert refusal in line, program
        assert bool(line) == bool(refusal), program


def test_a_file_that_another_program_has_open_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries, original = [], os.replace

    def busy(source: Path, target: Path) -> None:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(13, "another process is using it")
        original(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(system, "WINDOWS", True)
    atomic.write_files(tmp_path, {"a.txt": b"1"})
    assert (tmp_path / "a.txt").read_bytes() == b"1"
    assert len(tries) == 3
    monkeypatch.setattr(system, "_PATIENCE", 0)
    tries.clear()
    with pytest.raises(OutputError, match="another process is using it"):
        atomic.write_files(tmp_path, {"a.txt": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_on_windows_commands_are_quoted_as_its_shell_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    assert system.typed(["handgrad", "train", r"C:\My photos"]) == r'handgrad train "C:\My photos"'


def test_two_servers_never_share_a_port() -> None:
    with system.listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            system.listening("127.0.0.1", port)
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_what_has_no_counterpart_in_ascii_is_an_escape() -> None:
    assert "2 × 3 − 1 ≥ 5, ∂E 日".encode("ascii", "readable") == rb"2 x 3 - 1 >= 5, dE \u65e5"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", "readable")
