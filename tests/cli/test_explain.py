"""``handgrad explain`` as a person calls it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handgrad.cli import run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a pïcture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)).save(path)
    return path


def test_it_writes_one_page_and_reports_what_it_shows(
    trained: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture.parent / "new folder" / "page.html"
    assert run(["explain", str(picture), "--model", str(trained), "--label", "4", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "expected 4, E = " in printed
    assert f"written to {out}" in printed
    assert [file.name for file in out.parent.iterdir()] == ["page.html"]
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_a_label_the_likeliest_class_is_expected(
    trained: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", str(picture), "--model", str(trained), "--out", str(picture.with_suffix(".html"))]) == 0
    said = capsys.readouterr().out.partition(": ")[2]
    assert said.split(" with ")[0] == said.partition("expected ")[2].partition(",")[0]


def test_a_page_that_exists_is_not_overwritten_without_the_option(
    trained: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture.with_suffix(".html")
    out.write_text("mine")
    arguments = ["explain", str(picture), "--model", str(trained), "--out", str(out)]
    assert run(arguments) == 2
    assert "already exists; choose another path, or give --overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run([*arguments, "--overwrite"]) == 0
    assert out.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--label", "x"], "--label=x: the model's classes are 0, 1, 2"),
        (["--model", "nowhere"], "--model=nowhere: there is no such file"),
        (["--out", ".", "--overwrite"], "it is a folder"),
    ],
    ids=["label", "model", "folder"],
)
def test_what_is_wrong_is_an_error_of_one_line(
    arguments: list[str],
    told: str,
    trained: Path,
    picture: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(picture.parent)
    assert run(["explain", str(picture), "--model", str(trained), *arguments]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_only_ordinary_files_are_replaced(trained: Path, picture: Path) -> None:
    pipe = picture.parent / "pipe"
    os.mkfifo(pipe)
    assert run(["explain", str(picture), "--model", str(trained), "--out", str(pipe), "--overwrite"]) == 2
    assert pipe.is_fifo()
