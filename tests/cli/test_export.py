"""``handgrad export`` as a person calls it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import onnx
import pytest

from tests.cli.conftest import Run


def test_it_writes_one_file_and_says_what_goes_in_and_out(trained: Path, here: Path, run: Run) -> None:
    out = here / "new folder" / "digits.onnx"
    said = run("export", trained, out)
    assert said.code == 0
    assert said.out.splitlines() == [
        "input images: uint8, batch × 8 × 8 × 1",
        "output probabilities: float32, batch × 10",
        "classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "opset 13",
        f"written to {out}: ONNX, {out.stat().st_size:,} bytes",
    ]
    assert [file.name for file in out.parent.iterdir()] == ["digits.onnx"]
    onnx.checker.check_model(out, full_check=True)


def test_programs_read_the_same_as_json(trained: Path, here: Path, run: Run) -> None:
    said = run("export", trained, here / "DIGITS.ONNX", "--json")
    assert json.loads(said.out) == {
        "path": str(here / "DIGITS.ONNX"),
        "format": "ONNX",
        "bytes": (here / "DIGITS.ONNX").stat().st_size,
        "inputs": [{"name": "images", "dtype": "uint8", "shape": ["batch", 8, 8, 1]}],
        "outputs": [{"name": "probabilities", "dtype": "float32", "shape": ["batch", 10]}],
        "opset": 13,
        "classes": list("0123456789"),
    }


def test_a_file_that_is_there_is_kept_unless_told(trained: Path, here: Path, run: Run) -> None:
    out = here / "model.onnx"
    out.write_text("mine")
    assert run("export", trained, out).complaint == (
        f"out={out}: is there already; choose another place, or give --overwrite"
    )
    assert out.read_text() == "mine"
    assert run("export", trained, out, "--overwrite").code == 0
    assert out.read_text(errors="replace") != "mine"


@pytest.mark.parametrize("name", ["model", "model.pb", "model.onnx.gz", ".onnx"])
def test_an_unknown_suffix_names_the_known_ones(name: str, trained: Path, here: Path, run: Run) -> None:
    complaint = run("export", trained, here / name).complaint
    assert complaint.startswith(f"out={here / name}: its suffix is no format's; the formats are .onnx (ONNX)")
    assert list(here.iterdir()) == []


def test_what_is_no_file_is_not_replaced(trained: Path, here: Path, run: Run) -> None:
    (here / "folder.onnx").mkdir()
    assert "it is a folder" in run("export", trained, "folder.onnx", "--overwrite").complaint
    os.mkfifo(here / "pipe.onnx")
    assert "is no ordinary file" in run("export", trained, "pipe.onnx", "--overwrite").complaint
    assert (here / "pipe.onnx").is_fifo()


def test_a_model_that_is_none_leaves_nothing(here: Path, run: Run) -> None:
    assert run("export", "nowhere", "new/model.onnx").complaint.startswith("model=nowhere: there is no such file")
    assert list(here.iterdir()) == []


def test_without_the_package_the_cure_is_named(
    trained: Path, here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "handgrad.export.onnx", raising=False)
    monkeypatch.delattr("handgrad.export.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    complaint = run("export", trained, "model.onnx").complaint
    assert complaint.startswith("package=onnx: is needed for ONNX files")
    assert complaint.endswith("pip install 'handgrad[onnx]'")
    assert list(here.iterdir()) == []
