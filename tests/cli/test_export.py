"""``handgrad export`` as a person calls it."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from handgrad import model_file
from handgrad.data import load
from handgrad.errors import InputError
from handgrad.export import export
from tests.cli.conftest import Run
from tests.cli.test_real_data import first_of


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


def test_a_file_that_exists_is_kept_unless_overwriting_is_asked_for(trained: Path, here: Path, run: Run) -> None:
    out = here / "model.onnx"
    out.write_text("mine")
    assert run("export", trained, out).complaint == (
        f"out={out}: already exists; choose another path, or give --overwrite"
    )
    assert out.read_text() == "mine"
    assert run("export", trained, out, "--overwrite").code == 0
    assert out.read_text(errors="replace") != "mine"


@pytest.mark.parametrize("name", ["model", "model.pb", "model.onnx.gz", ".onnx"])
def test_an_unknown_suffix_names_the_known_ones(name: str, trained: Path, here: Path, run: Run) -> None:
    complaint = run("export", trained, here / name).complaint
    assert complaint.startswith(f"out={here / name}: its suffix is no format's; the formats are .onnx (ONNX)")
    assert list(here.iterdir()) == []


def test_the_library_writes_what_the_command_writes(trained: Path, here: Path, run: Run) -> None:
    model = model_file.load(trained)
    for suffix, options in ((".onnx", {}), (".c", {"prefix": "digits"})):
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        assert run("export", trained, f"command{suffix}", *given).code == 0
        made = export(model, here / f"library{suffix}", **options)
        assert (here / f"library{suffix}").read_bytes() == made.content
        renamed = made.content.replace(b"library", b"command")
        assert renamed == (here / f"command{suffix}").read_bytes()
    with pytest.raises(InputError, match=r"color=red: is an option of no format, and .*\.onnx is ONNX; leave it out"):
        export(model, "model.onnx", color="red")


def test_only_ordinary_files_are_replaced(trained: Path, here: Path, run: Run) -> None:
    (here / "folder.onnx").mkdir()
    assert "it is a folder" in run("export", trained, "folder.onnx", "--overwrite").complaint
    os.mkfifo(here / "pipe.onnx")
    assert "is no ordinary file" in run("export", trained, "pipe.onnx", "--overwrite").complaint
    assert (here / "pipe.onnx").is_fifo()


def test_a_missing_model_leaves_nothing(here: Path, run: Run) -> None:
    assert run("export", "nowhere", "new/model.onnx").complaint.startswith("model=nowhere: there is no such file")
    assert list(here.iterdir()) == []


def test_without_the_package_the_remedy_is_named(
    trained: Path, here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "handgrad.export.onnx", raising=False)
    monkeypatch.delattr("handgrad.export.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    complaint = run("export", trained, "model.onnx").complaint
    assert complaint.startswith("package=onnx: is needed for ONNX files")
    assert complaint.endswith("pip install 'handgrad[onnx]'")
    assert list(here.iterdir()) == []


def test_onnx_runtime_agrees_on_the_whole_of_mnist(run: Run, here: Path, tmp_path: Path, shared_data: Path) -> None:
    source = first_of(shared_data / "mnist", tmp_path / "first", 6000)
    assert run("train", source, "--out", "out", "--epochs", "2").code == 0
    assert run("export", "out", "mnist.onnx").code == 0
    images = load(str(shared_data / "mnist")).test.images
    assert images.shape == (10000, 28, 28, 1)
    wanted = model_file.load(here / "out").predict(images)
    session = onnxruntime.InferenceSession(here / "mnist.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["probabilities"], {"images": np.asarray(images)})
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(axis=1), wanted.argmax(axis=1))


def test_the_example_of_the_docs_says_what_handgrad_predicts(
    trained: Path, here: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8).mean(axis=2).astype(np.uint8)
    Image.fromarray(pixels).save("one.png")
    (record,) = json.loads(run("predict", trained, "one.png", "--json").out)
    assert run("export", trained, "photos.onnx").code == 0
    document = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    capsys.readouterr()
    exec(example, {})
    assert capsys.readouterr().out == f"{record['class']} {record['probability']:.2%}\n"
