"""From real images to a model, an evaluation and a prediction: MNIST, Fashion-MNIST and photos of tiles."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.data.writing import NAMES

SMALL = ("--filters", "4,4", "--hidden", "16", "--epochs", "1", "--batch-size", "50", "--out", "out")


def first_of(source: Path, target: Path, count: int) -> Path:
    """The first images and labels of a folder of IDX files."""
    target.mkdir()
    for name in NAMES:
        with gzip.open(source / f"{name}.gz") as file:
            axes = struct.unpack(">BBBB", file.read(4))[3]
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))[1:]
            size = count
            for length in shape:
                size *= length
            body = file.read(size)
        header = struct.pack(f">BBBB{axes}I", 0, 0, 8, axes, count, *shape)
        (target / f"{name}.gz").write_bytes(gzip.compress(header + body, compresslevel=1))
    return target


@pytest.mark.parametrize(("name", "least"), [("mnist", 0.4), ("fashion-mnist", 0.3)])
def test_idx(run: Run, here: Path, tmp_path: Path, shared_data: Path, name: str, least: float) -> None:
    source = first_of(shared_data / name, tmp_path / name, 3000)
    done = run("train", source, *SMALL)
    assert done.code == 0, done.err
    assert "2700 training, 300 validation and 3000 test images of 28 × 28 × 1, 10 classes" in done.err
    report = json.loads((here / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["test_accuracy"] > least
    found = json.loads(run("evaluate", "out", source, "--json").out)
    assert found["split"] == "test"
    assert found["accuracy"] == report["test_accuracy"]


def test_photos(run: Run, here: Path, shared_data: Path) -> None:
    source = shared_data / "magnetic-tile"
    done = run("train", source, *SMALL, "--size", "32x32")
    assert done.code == 0, done.err
    report = json.loads((here / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["classes"] == ["defect", "free"]
    assert sum(report["images"].values()) == 1344
    found = json.loads(run("evaluate", "out", source, "--json").out)
    assert found["split"] == "held out"
    assert found["confusion_matrix"] == report["confusion_matrix"]
    picture = next(path for path in sorted((source / "defect").iterdir()) if path.suffix in (".jpg", ".png"))
    (record,) = json.loads(run("predict", "out", picture, "--json").out)
    assert record["class"] in ("defect", "free")
    assert run("check", "out", picture).code == 0
