"""``handgrad export`` to C as a person calls it, and the classifier of digits that fits a small microcontroller."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handgrad import model_file
from handgrad.data import load
from handgrad.export.c import export
from handgrad.export.quantization import rounded
from handgrad.model import Model
from handgrad.typing import Pixels
from tests.cli.conftest import Run
from tests.export.compiling import compiled, driven


def test_it_reports_memory_and_writes_a_program(trained: Path, here: Path, run: Run) -> None:
    said = run("export", trained, "digits-1.c")
    source = (here / "digits-1.c").read_text(encoding="ascii")
    assert said.err == ""
    assert said.out.splitlines() == [
        "input pixels: uint8, 8 × 8 × 1",
        "output probabilities: float32, 10",
        "classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "flash 6,188 bytes of constants, and about 1,200 of code",
        "RAM 504 bytes, static",
        f"written to digits-1.c: C99, {len(source):,} bytes",
    ]
    images: Pixels = np.asarray(load("digits").test.images)
    program = compiled(here, "digits-1.c", "-DHANDGRAD_MAIN", "-O2")
    done = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True)
    found = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert found == model_file.load(trained).predict(images).argmax(axis=1).tolist()


def test_int8_reports_what_it_costs_on_the_images_held_out(trained: Path, here: Path, run: Run) -> None:
    said = json.loads(run("export", trained, "model.c", "--int8", "--prefix", "digits", "--json").out)
    model, test = model_file.load(trained), load("digits").test
    exact, coarse = (
        float((each.predict(test.images).argmax(axis=1) == test.labels).mean())
        for each in (model, replace(model, parameters=rounded(model.parameters)))
    )
    assert said["accuracy"] == {
        "source": "digits",
        "split": "the test split held out in training",
        "images": 359,
        "exact": exact,
        "rounded": coarse,
    }
    assert (said["prefix"], said["weights"], said["ram_bytes"]) == ("digits", "int8", 504)
    source = (here / "model.c").read_text(encoding="ascii")
    assert "int digits_predict(" in source
    text = run("export", trained, "model.c", "--int8", "--overwrite").out
    line = f"accuracy {100 * coarse:.2f} % with int8 weights, {100 * exact:.2f} % without: "
    line += f"{100 * (coarse - exact):+.2f} points"
    assert line in text
    assert line in source.replace("\n *  ", "")


def test_without_int8_the_accuracy_is_reported_if_data_are_given(trained: Path, here: Path, run: Run) -> None:
    said = run("export", trained, "model.c", "--data", "digits")
    assert re.search(r"^accuracy \d\d\.\d\d % on 359 images of digits", said.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        ({}, "the model does not say what it was trained on; give --data SOURCE"),
        (
            {"data": {"source": "gone"}},
            "only the model names is not opened; give --data SOURCE, e.g. --data gone",
        ),
        ({"data": {"source": "digits", "sha256": "other"}}, "it is not known which images of digits .*; give --data"),
    ],
)
def test_it_says_what_cannot_be_measured(
    trained: Path, here: Path, run: Run, provenance: dict[str, object], words: str
) -> None:
    model = model_file.load(trained)
    model_file.save(Model(model.parameters, model.classes, model.standardization, provenance), here / "other")
    said = run("export", "other", "model.c", "--int8")
    assert said.code == 0
    assert re.search(words, said.err)
    assert "accuracy" not in said.out
    assert (here / "model.c").exists()


def test_options_of_c_are_refused_elsewhere(trained: Path, here: Path, run: Run) -> None:
    assert run("export", trained, "model.onnx", "--int8").complaint.startswith("--int8: is an option of .c")
    assert run("export", trained, "model.onnx", "--data", "digits").complaint.startswith("--data=digits: is an option")
    assert run("export", trained, "model.c", "--prefix", "2nd").complaint.startswith("--prefix=2nd: names in C begin")
    assert run("export", trained, "model.c", "--data", "nowhere").complaint.startswith("source=nowhere: there is no")
    assert list(here.iterdir()) == []


MICRO = ("--filters", "8,8", "--pooling", "4", "--hidden", "24", "--maps", "2", "--epochs", "4")
"""The network of docs/c.md, with two epochs less."""


@pytest.fixture(scope="module")
def micro(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small classifier of digits."""
    from handgrad import cli

    folder = tmp_path_factory.mktemp("micro") / "mnist"
    assert cli.run(["train", str(shared_data / "mnist"), "--out", str(folder), *MICRO]) == 0
    return folder


def test_a_classifier_of_digits_for_a_microcontroller(micro: Path, here: Path, run: Run, shared_data: Path) -> None:
    said = json.loads(run("export", micro, "mnist.c", "--int8", "--data", shared_data / "mnist", "--json").out)
    assert said["accuracy"]["images"] == 10_000
    assert said["accuracy"]["rounded"] >= 0.97
    assert said["accuracy"]["exact"] - said["accuracy"]["rounded"] <= 0.003
    # Code and constants, and all that is not constant; the picture and the probabilities come on top.
    target = compiled(here, "-c", "-Os", "-fno-pie", "mnist.c")
    text, data, bss = map(int, subprocess.check_output(["size", target]).splitlines()[1].split()[:3])
    assert text + data <= 16 * 1024
    assert data + bss + 784 + 40 <= 8 * 1024
    assert said["constants_bytes"] < text + data
    assert said["ram_bytes"] <= data + bss


@pytest.mark.parametrize("int8", [False, True])
def test_a_thousand_digits_get_the_class_that_handgrad_gives_them(
    micro: Path, tmp_path: Path, shared_data: Path, int8: bool
) -> None:
    model = model_file.load(micro)
    images: Pixels = np.asarray(load(str(shared_data / "mnist")).test.images[:1000])
    source = export(model, int8=int8).content.decode("ascii")
    classes, probabilities = driven(tmp_path, source, model, images)
    wanted = (replace(model, parameters=rounded(model.parameters)) if int8 else model).predict(images)
    assert (classes == wanted.argmax(axis=1)).all()
    assert np.abs(probabilities - wanted).max() <= 1e-5
