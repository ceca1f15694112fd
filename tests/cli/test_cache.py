"""``handgrad cache``, ``--cache`` and ``--no-cache``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from handgrad import model_file
from tests.cli.conftest import Run
from tests.data.writing import write_classes

SMALL = ["--engine", "notes", "--epochs", "1", "--filters", "2,2", "--hidden", "4"]


def test_a_training_keeps_its_pictures_in_the_chosen_folder(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_classes(here / "photos [1]", "a", "b")
    assert run("train", source, "--no-cache", "--out", here / "one", *SMALL).code == 0
    assert not (here / "own").exists()
    assert run("train", source, "--cache", here / "own", "--out", here / "two", *SMALL).code == 0
    one, two = (model_file.load(here / name) for name in ("one", "two"))
    np.testing.assert_array_equal(one.parameters.vector, two.parameters.vector)
    found = json.loads(run("cache", "--cache", here / "own", "--json").out)
    assert [(file["source"], file.get("size"), file["images"]) for file in found["files"]] == [
        (str(source), [12, 9], 10),
        (str(source), None, 10),
    ]
    monkeypatch.setenv("HANDGRAD_CACHE", str(here / "own"))
    table = run("cache").out.splitlines()
    assert table[0].split() == ["pictures", "of", "images", "size", "bytes", "last", "used"]
    assert table[1].startswith(f"{source}  ")
    assert "12 × 9 × 1" in table[1]
    evaluated = run("evaluate", here / "one", source, "--json")
    assert json.loads(evaluated.out)["split"] == "held out"
    assert run("cache", "--clear").out.startswith("removed ")
    assert list((here / "own").iterdir()) == []


def test_damaged_files_are_listed_as_damaged_and_what_they_kept_is_decoded_again(run: Run, here: Path) -> None:
    source = write_classes(here / "photos", "a", "b")
    options = ["--cache", here / "own"]
    assert run("train", source, *options, "--out", here / "one", *SMALL).code == 0
    for path, place in zip(sorted((here / "own").iterdir()), (300, -300), strict=True):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
    table = run("cache", *options)
    assert [line.split()[-5] for line in table.out.splitlines()[1:3]] == ["damaged"] * 2
    assert table.err == "handgrad: 2 of 2 files are damaged: what they keep is decoded again when needed\n"
    found = json.loads(run("cache", *options, "--json").out)["files"]
    assert [file["damaged"] for file in found] == [True, True]
    done = run("train", source, *options, "--out", here / "two", *SMALL)
    assert done.err.count("is damaged (") == 2
    one, two = (model_file.load(here / name) for name in ("one", "two"))
    np.testing.assert_array_equal(one.parameters.vector, two.parameters.vector)
    assert not any(file["damaged"] for file in json.loads(run("cache", *options, "--json").out)["files"])
    (here / "own" / f"{'0' * 16}.pictures").write_text("anything")
    assert run("cache", *options, "--clear").out.startswith("removed ")
    assert list((here / "own").iterdir()) == []


def test_a_cache_that_is_no_folder(run: Run, here: Path) -> None:
    (here / "file").write_text("")
    complaint = run("train", "digits", "--cache", here / "file").complaint
    assert complaint == f"--cache={here / 'file'}: it is not a folder; choose another, or give --no-cache"


def test_a_training_on_augmented_balanced_grouped_pictures(run: Run, here: Path) -> None:
    source = write_classes(here / "photos", "a", "b", count=30)
    options = ["--augment", "shift, flip", "--class-weight", "balanced", "--group-by", r"(./.)"]
    assert run("train", source, "--out", here / "one", *SMALL, *options).code == 0
    report = json.loads((here / "one" / "report.json").read_text())
    assert report["recipe"]["augment"] == ["shift", "flip"]
    assert report["recipe"]["class_weight"] == "balanced"
    assert report["data"]["group_by"] == r"(./.)"
    assert "a/12.png,a," in (here / "one" / "split.csv").read_text()
    assert json.loads(run("evaluate", here / "one", source, "--json").out)["split"] == "held out"
    complaint = run("train", source, "--augment", "mirror").complaint
    assert complaint == "--augment=mirror: must be one of shift, flip, rotate, contrast; try shift"
