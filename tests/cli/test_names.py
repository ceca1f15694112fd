"""Names that are more than names: in every way out they are harmless, and where a program reads them, exact."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.cli import display
from handgrad.data.objects import objects_of
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from handgrad.text import printable
from tests.cli.conftest import Run
from tests.data.writing import write_picture
from tools.fuzz import names
from tools.fuzz.names import NAMES, harm

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")


def is_file_name(name: str) -> bool:
    """Whether a file of Linux can have it."""
    try:
        return not {"\0", "/"} & set(name) and 0 < len(os.fsencode(name)) < 200
    except UnicodeEncodeError:
        return False


FILES = [name[:60] for name in NAMES if is_file_name(name[:60])]


def model_of(*classes: str) -> Model:
    architecture = Architecture(input_shape=(6, 6, 1), classes=len(classes), stages=((2, 2),), hidden=())
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    provenance: dict[str, Any] = {name: {name: name} for name in NAMES}
    provenance |= {"data": {"source": NAMES[1], "sha256": 3}, "command": NAMES[0]}
    return Model(parameters, classes, Standardization((100.0,), (50.0,)), provenance)


@pytest.mark.parametrize("first", range(0, len(NAMES), 3))
def test_nothing_acts_on_its_reader_in_any_way_out(first: int, tmp_path: Path) -> None:
    classes = (NAMES * 2)[first : first + 3]
    model, ways = model_of(*classes), list[str]()
    for way in names.quick_ways_out(model, NAMES[first], tmp_path):
        names.check(model, way)
        ways.append(way.name)
    assert len(ways) == 10


@pytest.mark.parametrize("seed", range(3))
def test_nor_in_the_report_and_the_page(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    model = names.draw_model(rng)
    for way in names.ways_out(model, names.draw(rng), tmp_path):
        names.check(model, way)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Pictures with such names."""
    (tmp_path / "pictures").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6), np.uint8)
    return [str(write_picture(tmp_path / "pictures" / f"{name}.png", pixels)) for name in FILES]


@posix
def test_predictions_of_files_and_classes_with_such_names(pictures: list[str], tmp_path: Path, run: Run) -> None:
    model_file.save(model_of(*NAMES), tmp_path / "model.safetensors")
    assert len(pictures) > 20
    said = run("predict", tmp_path, *pictures, "--top", "3")
    assert said.code == 0
    assert harm(said.out + said.err) == ""
    assert len(said.out.splitlines()) == 1 + 3 * len(pictures)
    rows = json.loads(run("predict", tmp_path, *pictures, "--json").out)
    assert [row["image"] for row in rows] == pictures
    assert {row["class"] for row in rows} <= set(NAMES)


@posix
def test_errors_about_files_with_such_names(pictures: list[str], tmp_path: Path, run: Run) -> None:
    model_file.save(model_of("a", "b"), tmp_path / "model.safetensors")
    for path in pictures:
        Path(path).write_bytes(b"no picture")
    said = run("predict", tmp_path, *pictures)
    assert said.code == 2
    assert harm(said.out + said.err) == ""
    assert len(said.err.splitlines()) == len(pictures)
    out = ("--out", tmp_path / "out")
    for command in (["info", pictures[0]], ["evaluate", tmp_path, pictures[1]], ["train", pictures[2], *out]):
        assert harm(run(*command).complaint) == ""


@posix
def test_a_training_on_pictures_with_such_names(tmp_path: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    for label in ("=1+1", "<b>[red]"):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for name in FILES[:14]:
            write_picture(folder / f"{name}.png", rng.integers(0, 256, (6, 6), np.uint8))
    small = ("--filters", "1", "--hidden", "none", "--epochs", "1", "--engine", "notes", "--no-cache")
    said = run("train", tmp_path / "photos", *small, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    assert harm(said.out + said.err) == ""
    for name in ("report.html", "report.json", "split.csv", "history.csv"):
        assert harm((tmp_path / "out" / name).read_text(encoding="utf-8")) == "", name
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "split.csv").read_text(encoding="utf-8"))))
    assert {row["class"] for row in rows} == {"=1+1", "<b>[red]"}
    true = [os.fsdecode(path.relative_to(tmp_path / "photos")) for path in (tmp_path / "photos").rglob("*.png")]
    assert sorted(row["image"] for row in rows) == sorted(map(printable, true))


def test_a_picture_whose_name_is_escaped_in_a_table_is_known(tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("image,object\na\\x1b[2J.png,7\nb.png,8\n")
    assert objects_of(["a\x1b[2J.png", "b.png", "c.png"], str(table)).tolist() == ["7", "8", "c.png"]


def test_a_warning_of_others_is_printable_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(), display.warnings_as_notices():
        warnings.simplefilter("always")
        warnings.warn("about \x1b[2J", stacklevel=1)
        display.notice("[/] \x1b")
        display.complain("[link=x] \x9b")
    told = capsys.readouterr().err
    assert harm(told) == ""
    assert re.search(r"about \\x1b\[2J", told)
    assert "[/] \\x1b" in told


def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table = display.table("[bold]name[/]", "[/x]>", title="[link=a]b[/]")
    table.add_row("[red]a[/] \\[b]", display.styled("[/]\x1b", "dim"))
    display.stdout.print(table)
    told = capsys.readouterr().out
    for text in ("[bold]name[/]", "[/x]", "[link=a]b[/]", "[red]a[/] \\[b]", "[/]\\x1b"):
        assert text in told


def test_onnx_says_the_exact_names(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from handgrad.export import export

    model = model_of(*NAMES)
    export(model, tmp_path / "model.onnx")
    made = onnx.load(tmp_path / "model.onnx")
    said = {entry.key: entry.value for entry in made.metadata_props}
    assert tuple(json.loads(said["classes"])) == NAMES
    assert json.loads(said["provenance"]) == model.provenance
    assert harm("".join(said.values()) + made.doc_string) == ""


def test_a_page_of_arguments_is_refused_in_one_bounded_line(run: Run) -> None:
    for arguments in (["\x1b[2J" * 9000], ["info", "x" * 90_000], ["predict", "--top", "\x1b" * 9000, "a", "b"]):
        complaint = run(*arguments).complaint
        assert harm(complaint) == ""
        assert len(complaint) < 10_000
