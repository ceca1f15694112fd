"""Where Numba has no packages, as on musl, the notes engine computes, and one line says what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from handgrad import fused

ROOT = Path(__file__).resolve().parents[1]

_WITHOUT = """
import sys, sysconfig
from importlib import metadata
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
known, get = metadata.version, sysconfig.get_config_var
def version(name):
    if name in ("numba", "llvmlite"):
        raise metadata.PackageNotFoundError(name)
    return known(name)
metadata.version = version
sysconfig.get_config_var = lambda name: "x86_64-alpine-linux-musl" if name == "HOST_GNU_TYPE" else get(name)
from handgrad.cli import run
sys.exit(run(sys.argv[1:]))
"""
TRAIN = ("train", "digits", "--epochs", "1", "--filters", "2,2", "--hidden", "3", "--out")
MUSL = ("has no packages for musl (Alpine)", "use a system with glibc, such as the image python:3.13-slim")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _WITHOUT, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_notes_engine_trains_and_one_line_says_why(tmp_path: Path) -> None:
    done = run(*TRAIN, str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    line = (
        f"handgrad: the fused engine needs Numba, which {MUSL[0]}; the notes engine computes instead, slower; {MUSL[1]}"
    )
    assert done.stderr.splitlines().count(line) == 1
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["engine"] == "notes"
    assert "numba" not in report["versions"]


def test_what_only_kernels_do_is_refused(tmp_path: Path) -> None:
    done = run(*TRAIN, str(tmp_path / "run"), "--augment", "shift,flip")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"handgrad: error: --augment=shift,flip: needs Numba, which {MUSL[0]}; {MUSL[1]}"
    )


class Broken:
    def find_spec(self, name: str, *_: Any) -> None:
        if name == "numba":
            raise OSError("libLLVM.so: cannot open shared object file")


def test_libraries_that_do_not_load_are_missing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: None)
    assert fused.missing_compiler() == (
        "needs Numba, which cannot be imported (libLLVM.so: cannot open shared object file)",
        "pip install numba",
    )
