"""A row for every picture, whatever interrupts the command, and never those of another model."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import atomic
from handgrad.answers import Manner, Summary, predict
from handgrad.answers.pictures import Shard
from handgrad.answers.prediction import Job, in_this_process
from handgrad.answers.state import MANIFEST, beside
from handgrad.data.image_file import read_image
from handgrad.errors import DataError, InputError, OutputError
from handgrad.model import Model

NOTES = Manner(engine="notes")


def answered(model: Model, images: Path, out: Path, manner: Manner = NOTES, **more: Any) -> Summary:
    return predict(model, [images], out, manner, rows=2, threads=1, **more)


def rows(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_has_a_row_in_the_order_of_the_paths(model: Model, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    summary = answered(model, pictures, out)
    found = {row["path"]: row for row in rows(out)}
    names = [*(f"{number}.png" for number in range(8)), "color.png", "notes.txt", "torn.png", f"deeper{os.sep}ü, 8.png"]
    assert list(found) == names
    assert (summary.pictures, summary.unreadable, sum(summary.classes.values()), summary.parts) == (12, 3, 9, 6)
    for name, row in found.items():
        if row["error"]:
            assert (row["class"], row["probability"]) == ("", "")
            continue
        (expected,) = model.predict(read_image(pictures / name, (6, 6), 1)[np.newaxis])
        assert row["class"] == model.classes[expected.argmax()]
        assert float(row["probability"]) == pytest.approx(expected.max(), rel=1e-5)
    assert found["notes.txt"]["error"] == "it is no picture of a known format"
    assert "in color" in found["color.png"]["error"]
    assert [path.name for path in tmp_path.iterdir() if path != pictures] == ["answers.csv"]


def test_more_classes_and_the_answer_below_a_threshold(model: Model, pictures: Path, tmp_path: Path) -> None:
    answered(model, pictures, tmp_path / "all.csv")
    middle = sorted(float(row["probability"]) for row in rows(tmp_path / "all.csv") if row["probability"])[4]
    manner = Manner(top=2, threshold=middle, engine="notes")
    summary = answered(model, pictures, tmp_path / "answers.jsonl", manner)
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines):
        assert tuple(row) == manner.columns
        if row["error"] is None:
            assert row["probability"] == row["probability_1"] >= row["probability_2"]
            assert row["class"] == (row["class_1"] if row["probability"] >= middle else "don't know")
    assert summary.classes["don't know"] == 4
    with pytest.raises(InputError, match="a class named"):
        answered(replace(model, classes=("a", "b", "don't know")), pictures, tmp_path / "other.csv", manner)


def test_the_results_may_be_among_the_pictures(model: Model, pictures: Path, tmp_path: Path) -> None:
    out = pictures / "answers.csv"
    answered(model, pictures, out)
    first = out.read_bytes()
    answered(model, pictures, out, overwrite=True)
    assert out.read_bytes() == first
    assert b"answers.csv" not in first


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_an_interrupted_prediction_continues_and_ends_alike(
    model: Model, pictures: Path, tmp_path: Path, ending: str
) -> None:
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"answers.{ending}"
    expected = answered(model, pictures, whole)
    shards_done: list[int] = []

    def interrupted(job: Job, shards: list[Shard]) -> Generator[int, None, None]:
        """Answer one shard and half of another, or what is left."""
        shards_done.append(6 - len(shards))
        for count, pictures in enumerate(in_this_process(job, shards)):
            if count == 1:
                raise KeyboardInterrupt
            yield pictures

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            answered(model, pictures, out, scheduler=interrupted)
        assert not out.exists()
    summary = answered(model, pictures, out, scheduler=interrupted)
    # The second batch of each run was not written, but the last run had only one.
    assert shards_done == [0, 1, 2, 3, 4, 5]
    assert summary == replace(expected, found=5)
    assert out.read_bytes() == whole.read_bytes()
    assert not beside(out).exists()


def part_way(model: Model, pictures: Path, out: Path, manner: Manner = NOTES) -> None:
    """Leave what a command that was killed after three shards leaves."""

    def killed(job: Job, shards: list[Shard]) -> Generator[int, None, None]:
        yield from in_this_process(job, shards[:3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answered(model, pictures, out, manner, scheduler=killed)


def test_another_model_manner_or_list_is_refused_and_replaced_only_if_asked(
    model: Model, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    part_way(model, pictures, out)
    kept = {path.name: path.read_bytes() for path in beside(out).iterdir()}
    other = Model.initial(model.architecture, model.classes, model.standardization, seed=1)
    remedy = "; choose another path, or set overwrite=True"

    def refused(model: Model, manner: Manner) -> str:
        with pytest.raises(InputError) as caught:
            answered(model, pictures, out, manner)
        assert {path.name: path.read_bytes() for path in beside(out).iterdir()} == kept
        return str(caught.value).removeprefix(f"out={out}: ")

    assert refused(other, NOTES) == f"holds answers of another model{remedy}"
    assert refused(model, replace(NOTES, top=2)) == f"holds answers of another top: 1, not 2{remedy}"
    assert refused(model, replace(NOTES, threshold=0.5)) == f"holds answers of another threshold: None, not 0.5{remedy}"
    (pictures / "0.png").write_bytes((pictures / "1.png").read_bytes())
    assert refused(model, NOTES) == f"holds answers of other pictures{remedy}"
    assert answered(other, pictures, out, overwrite=True).found == 0
    with pytest.raises(InputError, match=r"answers\.csv: already exists; choose another path, or set overwrite=True"):
        answered(other, pictures, out)


def test_the_option_to_overwrite_continues_what_is_the_same(model: Model, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    out.write_text("earlier")
    with pytest.raises(InputError, match="already exists"):
        answered(model, pictures, out)

    def killed(job: Job, shards: list[Shard]) -> Generator[int, None, None]:
        yield from in_this_process(job, shards[:3])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answered(model, pictures, out, overwrite=True, scheduler=killed)
    assert out.read_text() == "earlier"
    assert answered(model, pictures, out, overwrite=True).found == 3
    assert out.read_text().startswith("path,class")


def test_damaged_parts_are_answered_again_and_a_damaged_manifest_is_refused(
    model: Model, pictures: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "answers.csv"
    answered(model, pictures, whole)
    part_way(model, pictures, out)
    part = beside(out) / "part-00001.csv"
    part.write_bytes(part.read_bytes().replace(b"2.png", b"7.png"))
    (beside(out) / "part-00002.csv").write_bytes(b"")
    assert answered(model, pictures, out).found == 1
    assert out.read_bytes() == whole.read_bytes()
    part_way(model, pictures, tmp_path / "other.csv")
    (beside(tmp_path / "other.csv") / MANIFEST).write_text("{")
    with pytest.raises(InputError, match=r"without a valid manifest\.json"):
        answered(model, pictures, tmp_path / "other.csv")


def test_a_full_disk_ends_it_in_one_line_and_it_continues(
    model: Model, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real, written = tmp_path / "answers.csv", atomic.write_files, list[str]()

    def full(folder: Path, contents: Any) -> None:
        written.extend(contents)
        if len(written) == 4:
            raise OutputError(folder, "No space left on device")
        real(folder, contents)

    monkeypatch.setattr(atomic, "write_files", full)
    with pytest.raises(OutputError, match="No space left"):
        answered(model, pictures, out)
    monkeypatch.undo()
    assert answered(model, pictures, out).found == 2


def test_what_cannot_be_answered_is_refused_and_leaves_nothing(model: Model, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "answers.csv"
    with pytest.raises(DataError, match="it holds no pictures"):
        answered(model, tmp_path / "empty", out)
    with pytest.raises(DataError, match="there is no such file or folder; check the path"):
        answered(model, tmp_path / "missing", out)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"is a folder; name a file"):
        answered(model, pictures, tmp_path / "folder.csv")
    with pytest.raises(InputError, match="top=0: must be at least 1"):
        Manner(top=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "folder.csv", "pictures"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names of any bytes")
def test_names_that_would_act_on_a_terminal_are_escaped(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in (b"\xff.png", b"\x1b[2J.png", b"a\nb.png", "\u202egnp.exe".encode(), "é 1.png".encode()):
        (folder / os.fsdecode(name)).write_bytes(b"no picture")
    answered(model, folder, tmp_path / "answers.csv")
    assert sorted(row["path"] for row in rows(tmp_path / "answers.csv")) == sorted(
        [r"\udcff.png", r"\x1b[2J.png", r"a\nb.png", r"\u202egnp.exe", "é 1.png"]
    )
