"""Predictions by the workers of a cluster: one row per picture, however many workers there are or are killed."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from handgrad import cli, model_file
from handgrad.answers.prediction import ROWS
from handgrad.answers.state import MANIFEST
from handgrad.model import Model
from tests_cluster.processes import below_this, watched

MANY = 200_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    assert cli.run(["train", "digits", "--filters", "8,8", "--epochs", "10", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def model(trained: Path) -> Model:
    return model_file.load(trained)


@pytest.fixture(scope="module")
def digits() -> Any:
    return load_digits().images.astype(np.uint8) * 15


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, digits: Any) -> Path:
    """200,000 pictures of 8 × 8 pixels: the digits again and again, with another first pixel each time."""
    pixels = np.resize(digits, (MANY, 64))
    pixels[:, 0] = np.arange(MANY) // len(digits) % 256
    images = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 64)
    path = tmp_path_factory.mktemp("many") / "many.parquet"
    table = pa.table({"path": [f"{number}.png" for number in range(MANY)], "image": images})
    pq.write_table(table, path, row_group_size=25_000)
    return path


def predict(model: Path, images: Path, out: Path, *arguments: str, workers: int = 2, address: str) -> int:
    on = ("--cluster", "ray", "--workers", str(workers), "--address", address, "--out", os.path.relpath(out))
    return cli.run(["predict", str(model), os.path.relpath(images), *on, *arguments])


def rows(out: Path) -> Any:
    paths = sorted(out.glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(path) for path in paths])


@pytest.fixture(scope="module")
def by_two(trained: Path, many: Path, tmp_path_factory: pytest.TempPathFactory, address: str) -> Any:
    out = tmp_path_factory.mktemp("by_two") / "out"
    assert predict(trained, many, out, address=address) == 0
    return rows(out)


def test_two_workers_predict_what_one_machine_predicts(by_two: Any, many: Path, model: Model) -> None:
    pixels = pq.read_table(many)["image"].combine_chunks().flatten().to_numpy().reshape(-1, 8, 8, 1)
    expected = model.predict(pixels)
    assert by_two["path"].to_pylist() == [f"{number}.png" for number in range(MANY)]
    assert by_two["class"].to_pylist() == [model.classes[index] for index in expected.argmax(axis=1)]
    # The last bits depend on what else is in a picture's batch.
    np.testing.assert_allclose(by_two["probability"].to_numpy(), expected.max(axis=1), rtol=1e-5)
    assert by_two["error"].null_count == MANY


def test_one_worker_writes_the_rows_of_two(
    by_two: Any, trained: Path, many: Path, tmp_path: Path, address: str
) -> None:
    assert predict(trained, many, tmp_path / "out", workers=1, address=address) == 0
    assert rows(tmp_path / "out").equals(by_two)


def meanwhile(out: Path, shards: int, act: Callable[[], None]) -> threading.Thread:
    """Do something as soon as that many shards exist."""

    def watch() -> None:
        while len(list(out.glob("part-*.parquet"))) < shards:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_no_row_is_lost_or_repeated_when_a_worker_is_killed(
    by_two: Any, trained: Path, many: Path, tmp_path: Path, address: str
) -> None:
    killed: list[int] = []

    def kill() -> None:
        killed.extend(below_this("Predictor")[:1])
        os.kill(killed[0], signal.SIGKILL)

    watching = meanwhile(tmp_path / "out", 3, kill)
    assert predict(trained, many, tmp_path / "out", address=address) == 0
    watching.join()
    assert killed
    assert rows(tmp_path / "out").equals(by_two)


def test_an_interrupted_run_resumes_with_the_missing_shards(
    by_two: Any, trained: Path, many: Path, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    def interrupt(done: int, total: int) -> None:
        if done >= MANY // 3:
            raise KeyboardInterrupt

    with watched(interrupt):
        assert predict(trained, many, out, address=address) == 130
    assert "the same command continues" in capsys.readouterr().err
    kept = {path: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert 10 <= len(kept) < MANY // ROWS
    damaged = min(kept)
    damaged.write_bytes(b"half a file")
    assert predict(trained, many, out, "--json", address=address) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["found"] == len(kept) - 1
    assert (summary["pictures"], summary["unreadable"], sum(summary["classes"].values())) == (MANY, 0, MANY)
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items() if path != damaged)
    assert rows(out).equals(by_two)


def png(pixels: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_a_folder_with_bad_pictures(
    trained: Path, digits: Any, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out"
    (folder / "deeper").mkdir(parents=True)
    for number in range(12):
        (folder / f"{number}.png").write_bytes(png(digits[number]))
    (folder / "deeper" / "torn.png").write_bytes(png(digits[0])[:60])
    (folder / "deeper" / "notes.txt").write_text("no picture")
    (folder / "deeper" / os.fsdecode(b"\xff.png")).write_bytes(png(digits[3]))
    (folder / "red.png").write_bytes(png(np.full((8, 8, 3), (200, 0, 0), np.uint8)))
    assert predict(trained, folder, out, address=address) == 0
    printed = capsys.readouterr()
    assert "16 pictures in 1 shard" in printed.out
    assert "3 pictures could not be read; the column error says why" in printed.err
    table = {row["path"]: row for row in rows(out).to_pylist()}
    assert len(table) == 16
    assert table["deeper/notes.txt"]["error"] == "it is no picture of a known format"
    assert "damaged" in table["deeper/torn.png"]["error"] or "cannot be read" in table["deeper/torn.png"]["error"]
    assert "in color" in table["red.png"]["error"]
    assert all(row["class"] is None and row["probability"] is None for row in table.values() if row["error"])
    assert table["deeper/\\udcff.png"]["class"] == table["3.png"]["class"]
    # The command without a cluster predicts the same.
    readable = [str(folder / f"{number}.png") for number in range(12)]
    assert cli.run(["predict", str(trained), *readable, "--json"]) == 0
    for record in json.loads(capsys.readouterr().out):
        row = table[Path(record["image"]).name]
        assert (row["class"], row["probability"]) == (record["class"], pytest.approx(record["probability"], rel=1e-6))


def test_tables_of_files_and_pixels(trained: Path, digits: Any, tmp_path: Path, address: str) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    files = [png(digits[0]), None, b"noise", png(digits[1])]
    raw = [digits[2].ravel().tolist(), [1, 2], None, [None] * 64]
    pq.write_table(pa.table({"image": pa.array(files, pa.binary())}), folder / "1.parquet")
    columns = {"image": pa.array(raw, pa.list_(pa.uint8())), "path": ["a", "b", None, "d"]}
    pq.write_table(pa.table(columns), folder / "2.parquet")
    pixels = pa.array([digits[2].tobytes()], pa.binary(64))
    pq.write_table(pa.table({"image": pixels}), folder / "3.parquet")
    assert predict(trained, folder, tmp_path / "out", address=address) == 0
    table = rows(tmp_path / "out").to_pylist()
    names = ["1.parquet#0", "1.parquet#1", "1.parquet#2", "1.parquet#3", "a", "b", "2.parquet#2", "d", "3.parquet#0"]
    assert [row["path"] for row in table] == names
    assert [row["error"] for row in table] == [
        None, "there is no image", "it is no picture of a known format", None,
        None, "it has 2 pixels; the network takes 8 × 8 × 1", "there is no image", "some of its pixels are missing",
        None,
    ]  # fmt: skip
    assert table[4]["class"] == table[8]["class"]


def test_another_model_or_list_is_refused(
    trained: Path, digits: Any, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(digits[0]))
    assert predict(trained, folder, out, address=address) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = model_file.load(trained)
    other.parameters.vector[:] += 1
    model_file.save(other, tmp_path / "other.safetensors")
    capsys.readouterr()
    assert predict(tmp_path / "other.safetensors", folder, out, address=address) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("holds answers of another model; choose another path, or give --overwrite")
    )
    (folder / "b.png").write_bytes(png(digits[1]))
    assert predict(trained, folder, out, address=address) == 2
    assert "holds answers of other pictures" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / MANIFEST).unlink()
    assert predict(trained, folder, out, address=address) == 2
    assert "holds answers without a valid manifest.json" in capsys.readouterr().err
