"""``predict`` into a file, ``watch``, and the answer below a threshold, as one types them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from handgrad.answers.prediction import Worker
from handgrad.data import load
from tests.cli.conftest import Outcome, Run
from tests.data.writing import noise, write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven digits of the test part, and a file that is no picture."""
    for number, image in enumerate(load("digits").test.images[:7]):
        write_picture(tmp_path / "new" / f"{number}.png", image[..., 0])
    (tmp_path / "new" / "notes.txt").write_text("no picture")
    return tmp_path / "new"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_has_a_row_for_every_picture(run: Run, trained: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    done = run("predict", trained, folder, "-o", out)
    assert (done.code, done.err) == (0, "handgrad: 1 pictures could not be read; the column error says why\n")
    assert done.out.splitlines()[0] == "8 pictures in 1 shard"
    assert done.out.splitlines()[-1] == f"written to {out}"
    rows = table(out.read_text(encoding="utf-8"))
    assert [row["path"] for row in rows] == [*(f"{number}.png" for number in range(7)), "notes.txt"]
    shown = json.loads(run("predict", trained, *sorted(folder.glob("*.png")), "--json").out)
    assert [(row["class"], float(row["probability"])) for row in rows[:7]] == [
        (record["class"], record["probability"]) for record in shown
    ]
    assert run("predict", trained, folder, "-o", out).complaint == (
        f"--out={out}: already exists; choose another path, or give --overwrite"
    )
    summary = json.loads(run("predict", trained, folder, "-o", out, "--overwrite", "--json").out)
    assert (summary["pictures"], summary["unreadable"], summary["parts"], summary["found"]) == (8, 1, 1, 0)


def test_several_pictures_are_named_as_they_are_given(run: Run, trained: Path, folder: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "answers.jsonl", [folder / "3.png", folder / "1.png"]
    assert run("predict", trained, *given, "-o", out).code == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["path"] for row in rows] == list(map(str, given))
    complaint = run("predict", trained, folder / "*.jpg", "-o", tmp_path / "other.csv").complaint
    assert complaint == f"images={folder / '*.jpg'}: there is no such file or folder; check the path"


def test_rows_go_to_stdout(run: Run, trained: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    run("predict", trained, folder, "-o", out, "--top", 3, "--threshold", "90%")
    done = run("predict", trained, folder, "-o", "-", "--top", 3, "--threshold", 0.9)
    assert (done.code, done.out) == (0, out.read_text(encoding="utf-8"))
    assert done.err == "handgrad: 1 pictures could not be read; the column error says why\n"
    lines = run("predict", trained, folder, "-o", "-", "--json").out.splitlines()
    assert json.loads(lines[0])["path"] == "0.png"


def test_a_folder_is_shown_as_a_table(run: Run, trained: Path, folder: Path) -> None:
    done = run("predict", trained, folder)
    assert done.code == 2
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == [str(folder / f"{n}.png") for n in range(7)]
    assert "notes.txt: it is no picture of a known format" in done.err


def test_the_answer_below_a_threshold(run: Run, trained: Path, folder: Path) -> None:
    records = json.loads(run("predict", trained, *sorted(folder.glob("*.png")), "--json").out)
    middle = sorted(record["probability"] for record in records)[3]
    found = json.loads(run("predict", trained, *sorted(folder.glob("*.png")), "--json", "--threshold", middle).out)
    for record, before in zip(found, records, strict=True):
        is_known = before["probability"] >= middle
        assert record == before | {"class": before["class"] if is_known else "don't know"}
    assert sum(record["class"] == "don't know" for record in found) == 3
    shown = run("predict", trained, folder / "0.png", "--threshold", 1, "--top", 2).out.splitlines()
    assert len(shown) == 4
    assert "don't know" in shown[1]


def test_an_evaluation_says_what_a_threshold_leaves(run: Run, trained: Path, tmp_path: Path) -> None:
    plain = json.loads(run("evaluate", trained, "digits", "--json").out)
    found = json.loads(run("evaluate", trained, "digits", "--json", "--threshold", 0.9).out)
    chosen = found.pop("threshold")
    assert found == plain
    done = run("evaluate", trained, "digits", "--threshold", "90 %", "--out", tmp_path / "report")
    words = f"{chosen['images']} of 359 images, {100 * chosen['accuracy']:.2f} % of the answers are correct"
    assert f"from 0.9 on: {100 * chosen['coverage']:.2f} % are answered, {words}" in done.out
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["coverage"]["threshold"] == chosen
    same = next(each for each in report["coverage"]["curve"] if each["threshold"] == 0.9)
    assert {"threshold": 0.9, **same["test"]} == chosen
    assert chosen["accuracy"] > plain["accuracy"]


def test_the_report_of_a_training_chooses_thresholds_without_the_test_split(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    coverage = report["coverage"]
    assert coverage["chosen_on"] == "validation"
    for each in coverage["suggested"]:
        if each["threshold"] is not None:
            assert each["validation"]["accuracy"] >= each["goal"]
            assert 0 < each["test"]["coverage"] <= 1
    assert coverage["curve"][0]["test"]["accuracy"] == report["test_accuracy"]
    assert coverage["curve"][0]["validation"]["accuracy"] == report["validation_accuracy"]


def test_watching_answers_what_is_there_and_continues(run: Run, trained: Path, folder: Path, tmp_path: Path) -> None:
    out = folder / "results.csv"

    def once(*more: object) -> Outcome:
        return run("watch", trained, folder, "-o", out, "--once", *more)

    done = once()
    assert (done.code, len(done.out.splitlines())) == (0, 8)
    assert done.out.splitlines()[-1] == "notes.txt  it is no picture of a known format"
    assert done.err.splitlines()[-1] == f"handgrad: 8 pictures were answered; the results are in {out}"
    write_picture(folder / "later.png", noise(8, 8))
    assert [line.split()[0] for line in once().out.splitlines()] == ["later.png", "notes.txt"]
    assert len(table(out.read_text(encoding="utf-8"))) == 9
    complaint = once("--threshold", 0.5).complaint
    assert complaint == (
        f"--out={out}: holds answers of another threshold: None, not 0.5; choose another path, or give --overwrite"
    )
    assert run("watch", trained, tmp_path / "missing", "-o", out).complaint.startswith("folder=")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_watch_that_is_asked_to_end_ends_well(trained: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    arguments = ["watch", str(trained), str(folder), "-o", str(out), "--seconds", "0.05"]
    command = [sys.executable, "-m", "handgrad", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(8):
            assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 0
    assert err.splitlines()[-1] == f"handgrad: 8 pictures were answered; the results are in {out}"
    assert len(table(out.read_text(encoding="utf-8"))) == 8


def test_an_interrupted_prediction_says_that_it_continues(
    run: Run, trained: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Worker, shard: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Worker, "write", interrupted)
    done = run("predict", trained, folder, "-o", tmp_path / "answers.csv")
    assert (done.code, done.out) == (130, "")
    assert done.err.endswith("interrupted; what is answered is kept, and the same command continues\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_all_probabilities_are_shares(run: Run, trained: Path, folder: Path) -> None:
    (record, *_) = json.loads(run("predict", trained, folder / "0.png", "--json", "--top", 10).out)
    assert np.isclose(sum(each["probability"] for each in record["top"]), 1, atol=1e-5)
