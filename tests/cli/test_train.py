"""``handgrad train``: the six files, the report, and what is refused before and after the work."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handgrad import __version__, model_file
from handgrad.data import load
from tests.cli.conftest import Run
from tests.data.writing import write_classes, write_picture

FILES = ["curves.png", "filters.png", "history.csv", "model.safetensors", "report.html", "report.json", "split.csv"]
SMALL = ("--filters", "4,4", "--hidden", "16", "--epochs", "2")
NOTES = ("--engine", "notes")
"""For sizes that would have kernels compiled of their own."""

REPORT_KEYS = {
    *("engine", "seconds", "images_per_second", "train_accuracy", "validation_accuracy", "test_accuracy"),
    *("test_balanced_accuracy", "confusion_matrix", "classes", "parameters", "seed", "command"),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_training_leaves_six_files_that_can_be_read(trained: Path) -> None:
    assert names(trained) == FILES
    for name in ("curves.png", "filters.png"):
        with Image.open(trained / name) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert picture.width > 800
    with (trained / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 13)]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_the_report_has_what_it_must_have_and_it_is_true(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    assert report.keys() >= REPORT_KEYS
    digits, model = load("digits"), model_file.load(trained)
    for name in ("train", "validation", "test"):
        part = getattr(digits, name)
        right = model.predict(part.images).argmax(axis=1) == part.labels
        assert report[f"{name}_accuracy"] == pytest.approx(right.mean(), abs=1e-12)
        assert report["images"][name] == len(part)
    confusion = np.array(report["confusion_matrix"])
    assert confusion.sum() == len(digits.test)
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(digits.test.labels))
    assert report["test_accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert report["test_balanced_accuracy"] == pytest.approx(np.mean(np.diag(confusion) / confusion.sum(axis=1)))
    assert report["test_accuracy"] > 0.5
    assert report["classes"] == list("0123456789")
    assert report["parameters"] == model.architecture.parameter_count == 72 + 72 + 32 * 32 + 32 + 320 + 10
    assert (report["engine"], report["seed"]) == ("fused", 0)
    assert report["seconds"] > 0
    assert report["images_per_second"] == pytest.approx(len(digits.train) * 12 / report["seconds"])
    assert report["command"] == f"handgrad train digits --out {trained} --filters 8,8 --hidden 32 --epochs 12"


def test_the_report_of_a_training_goes_with_its_history_and_its_page(trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    assert (report["format"], report["version"], report["kind"]) == ("handgrad report", 2, "training")
    assert [epoch["epoch"] for epoch in report["history"]] == list(range(1, 13))
    assert report["chosen_epoch"] == 12
    assert report["filters"]["split"] == "validation"
    assert [layer["layer"] for layer in report["filters"]["layers"]] == ["F1", "F2"]
    low, high = report["test_accuracy_interval"]
    assert low < report["test_accuracy"] < high
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert f"{100 * report['test_accuracy']:.1f}\u00a0% of 359 test pictures are recognized" in page
    assert report["command"] in page


def test_the_model_knows_where_it_comes_from(trained: Path) -> None:
    model, digits = model_file.load(trained), load("digits")
    assert model.architecture.stages == ((8, 8),)
    assert model.classes == tuple("0123456789")
    assert model.standardization.mean == pytest.approx([np.asarray(digits.train.images).mean()])
    provenance = model.provenance
    assert provenance["data"] == {"source": "digits", "sha256": digits.checksum(), "group_by": None}
    assert provenance["seed"] == 0
    assert provenance["recipe"]["epochs"] == 12
    assert provenance["versions"]["handgrad"] == __version__
    assert provenance["command"].startswith("handgrad train digits ")


@pytest.mark.usefixtures("trained")  # so that no kernel has to be compiled
def test_results_are_on_stdout_and_all_else_on_stderr(run: Run, here: Path) -> None:
    done = run("train", "digits", *SMALL)
    assert done.code == 0
    first, second = done.out.splitlines()
    assert first.startswith("test accuracy ")
    files = "model.safetensors, report.html, report.json, history.csv, split.csv, curves.png, filters.png"
    assert second == f"written to runs/digits/: {files}"
    lines = done.err.splitlines()
    assert lines[0].startswith("1294 training, 144 validation and 359 test images of 8 × 8 × 1, 10 classes; ")
    assert [line[:14] for line in lines[1:]] == ["epoch   1 of 2", "epoch   2 of 2"]


def test_the_same_command_gives_the_same_model_in_the_next_free_folder(run: Run, here: Path) -> None:
    for _ in range(2):
        assert run("train", "digits", *SMALL).code == 0
    assert names(here / "runs") == ["digits", "digits-2"]
    one, two = (here / "runs" / name / "model.safetensors" for name in ("digits", "digits-2"))
    assert one.read_bytes() == two.read_bytes()


def test_a_folder_that_holds_a_model_is_only_overwritten_on_demand(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ä b" / "c"
    assert run("train", "digits", *SMALL, "--out", out).code == 0
    (out / "mine.txt").write_text("precious")
    before = (out / "model.safetensors").read_bytes()
    complaint = run("train", "digits", *SMALL, "--out", out).complaint
    assert complaint == f"--out={out}: already holds a model.safetensors; choose another folder, or give --overwrite"
    assert (out / "model.safetensors").read_bytes() == before
    assert run("train", "digits", *SMALL, "--out", out, "--overwrite", "--seed", 1).code == 0
    assert names(out) == sorted([*FILES, "mine.txt"])
    assert (out / "model.safetensors").read_bytes() != before


def test_a_loss_that_is_not_finite_names_step_and_remedy_and_writes_nothing(
    run: Run, tmp_path: Path, trained: Path
) -> None:
    new = tmp_path / "new" / "folder"
    done = run("train", "digits", "--out", new, "--learning-rate", "1e6")
    assert done.code == 2
    assert done.out == ""
    complaint = done.err.splitlines()[-1]
    assert complaint.startswith("handgrad: error: loss=")
    assert " at step " in complaint
    assert "the loss must stay finite; try a smaller learning rate than" in complaint
    assert names(tmp_path) == []
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert run("train", "digits", "--out", trained, "--overwrite", "--learning-rate", "1e6").code == 2
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epochs", "0"], "--epochs=0: must be an integer of at least 1; try"),
        (
            ["--epochs", "many"],
            "--epochs=many: must be a whole number; see handgrad train --help",
        ),
        (["--batch-size", "0"], "--batch-size=0: must be an integer of at least 1; try"),
        (
            ["--batch-size", "1.5"],
            "--batch-size=1.5: must be a whole number; see",
        ),
        (
            ["--filters", "0"],
            "--filters=0: must be positive numbers with commas between them, and slashes between stages; try 16",
        ),
        (["--filters", "4,,4"], "--filters=4,,4: must be positive numbers"),
        (["--filters", "16,16/"], "--filters=16,16/: must be positive numbers"),
        (["--filters", "-4"], "--filters=-4: must be positive numbers"),
        (["--filter-size", "3"], "--filter-size=3: must be HEIGHTxWIDTH; try 28x28"),
        (
            ["--filter-size", "9x9"],
            "--filter-size=9x9: on images of 8 × 8, at N3, T1 = X @ F1, 8 × 8 is left for a window of 9 × 9",
        ),
        (["--pooling", "0"], "--pooling=0: must be an integer of at least 1; "),
        (
            ["--pooling", "7"],
            "--pooling=7: on images of 8 × 8, at N7, U2 = MP(T2), 4 × 4 is left for a window of 7 × 7; ",
        ),
        (["--hidden", "-3"], "--hidden=-3: must be positive numbers with commas between them, or none; try 128,64"),
        (["--hidden", "a"], "--hidden=a: must be positive numbers"),
        (["--maps", "0"], "--maps=0: must be a positive integer"),
        (["--optimizer", "adam"], "--optimizer=adam: must be one of adamw, sgd; see"),
        (["--learning-rate", "-1"], "--learning-rate=-1: must be a positive number; try"),
        (["--learning-rate", "nan"], "--learning-rate=nan: must be a positive number; try"),
        (
            ["--learning-rate", "fast"],
            "--learning-rate=fast: must be a number; see",
        ),
        (["--schedule", "cosine"], "--schedule=cosine: must be one of one-cycle, constant; see"),
        (["--weight-decay", "-1"], "--weight-decay=-1: must be 0 or more; try"),
        (["--momentum", "1"], "--momentum=1: must be from 0 to below 1; try"),
        (["--seed", "-1"], "--seed=-1: must be"),
        (["--seed", "4294967296"], "--seed=4294967296: must be"),
        (["--engine", "torch"], "--engine=torch: must be one of fused, notes; see"),
        (["--size", "8"], "--size=8: must be HEIGHTxWIDTH; try"),
        (["--size", "0x8"], "--size=0x8: height and width must be"),
        (
            ["--size", "5x5"],
            "--size=5x5: at N7, U2 = MP(T2), 1 × 1 is left for a window of 2 × 2; the smallest image that works",
        ),
        (["--out", "/dev/null/x"], "path=/dev/null/x: cannot be written (Not a directory); choose a writable folder"),
        (["--filters", "4/4/4"], "--filters=4/4/4: on images of 8 × 8, at N7, U2 = MP(T2), 1 × 1 is left"),
        (["--filters", "9999999999,2"], "--filters=9999999999,2: has a number above 1,000,000"),
        (["--filters", "400000,400000", "--hidden", "900000"], "--hidden=900000: the network has 1,440,017,100,010"),
        (["--filter-size", "0x3"], "--filter-size=0x3: must be 2 positive integers; try 3x3"),
        (["--epochs", "1" + 20 * "0"], f"--epochs=1{20 * '0'}: must be at most 1,000,000,000; choose"),
        (["--threads", "100000"], "--threads=100000: must be at least 1 and at most 1024, a whole number; leave"),
        (["--checkpoint-seconds", "-1"], "--checkpoint-seconds=-1: must be at least 0; see"),
        (["--out", ""], "--out=: must not be empty; give a value, or leave it out"),
        (["--group-by="], "--group-by=: must not be empty; give"),
        (["--cache", "x", "--no-cache"], "--cache=x: contradicts --no-cache; leave it out"),
        (["--faster"], "No such option: --faster (Possible options: --cluster, --filters, --strict); see"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_choice_is_an_error_of_one_line_and_leaves_nothing(
    run: Run, here: Path, options: list[str], words: str
) -> None:
    complaint = run("train", "digits", *options).complaint
    assert words in complaint
    assert ";" in complaint
    assert names(here) == []


@pytest.mark.parametrize("source", ["missing", "empty", "one class", "few", "text.txt"])
def test_a_source_that_cannot_be_used_leaves_nothing(run: Run, here: Path, tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")
    write_classes(tmp_path / "one class", "a")
    write_classes(tmp_path / "few", "a", "b", count=2)
    complaint = run("train", tmp_path / source, "--out", here / "new").complaint
    assert complaint.startswith(f"source={tmp_path / source}: ")
    assert "; " in complaint
    assert names(here) == []


def test_pictures_that_cannot_be_read_are_named_and_strict_stops(run: Run, here: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "größe x", "gut [1]", "schlecht :x:", count=8, shape=(12, 12))
    (source / "gut [1]" / "broken [red].png").write_bytes(b"no picture")
    write_picture(source / "gut [1]" / "odd.png", np.zeros((20, 12), np.uint8))
    done = run("train", source, *SMALL, "--size", "12x12")
    assert done.code == 0
    assert "broken [red].png" in done.err
    assert names(here / "runs" / "größe-x") == FILES
    assert model_file.load(here / "runs" / "größe-x").classes == ("gut [1]", "schlecht :x:")
    shown = run("info", here / "runs" / "größe-x")
    assert "gut [1], schlecht :x:" in shown.out
    assert "gut [1]" in run("evaluate", here / "runs" / "größe-x", source).out
    complaint = run("train", source, *SMALL, "--strict").complaint
    assert "broken [red].png" in complaint


@pytest.mark.parametrize(
    "options",
    [
        ("--filters", "3/2,2", "--size", "20x17", "--filter-size", "2x3", *NOTES),
        ("--maps", "2", "--pooling", "4"),  # whose kernels are those of test_export_c.py
        ("--filters", "3/2,2", "--size", "20x17", "--hidden", "8,6"),
        ("--hidden", "8,6", "--pooling", "1", *NOTES),
        ("--optimizer", "sgd", "--schedule", "constant", "--momentum", "0", "--weight-decay", "0"),
        ("--batch-size", "100000", "--hidden", "none"),
        ("--batch-size", "100000", "--filter-size", "1x1", "--pooling", "3", "--hidden", "none", *NOTES),
    ],
    ids=" ".join,
)
def test_every_kind_of_network_and_recipe_trains_shows_and_predicts(
    run: Run, here: Path, options: tuple[str, ...]
) -> None:
    assert run("train", "digits", *SMALL, "--epochs", 1, *options).code == 0
    assert names(here / "runs" / "digits") == FILES
    assert run("info", "runs/digits").code == 0
    engine = NOTES if options[-2:] == NOTES else ()
    assert run("evaluate", "runs/digits", "digits", *engine).code == 0


def test_a_full_disk_is_an_error_at_the_end_and_nothing_is_half_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    done = run("train", "digits", *SMALL, "--out", tmp_path / "out")
    assert done.code == 2
    assert done.out == ""
    assert "cannot be written (No space left on device); nothing is lost yet" in done.err.splitlines()[-1]
    assert names(tmp_path) == []
