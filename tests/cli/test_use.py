"""``evaluate``, ``predict``, ``info``, ``check`` and ``--version`` on a trained model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handgrad import __version__, model_file
from handgrad.data import load
from tests.cli.conftest import Run
from tests.data.writing import noise, write_classes, write_picture


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five digits of the test part as files, in paths with spaces and umlauts."""
    test = load("digits").test
    return [
        write_picture(tmp_path / "schöne Bilder" / f"{number} is {test.labels[number]} [b].png", image[..., 0])
        for number, image in enumerate(test.images[:5])
    ]


def test_evaluating_the_same_source_gives_the_accuracy_of_the_report(run: Run, trained: Path) -> None:
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    done = run("evaluate", trained, "digits", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["split"] == "held out"
    assert found["accuracy"] == report["test_accuracy"]
    assert found["balanced_accuracy"] == report["test_balanced_accuracy"]
    assert found["confusion_matrix"] == report["confusion_matrix"]
    assert found["images"] == 359
    plain = run("evaluate", trained / "model.safetensors", "digits")
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.startswith(f"accuracy {100 * report['test_accuracy']:.2f} %, balanced ")


def test_evaluating_another_source_takes_all_of_it(run: Run, trained: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "few", "3", "7", count=4)
    found = json.loads(run("evaluate", trained, source, "--json").out)
    assert (found["split"], found["images"]) == ("all", 8)
    rows = {row["name"]: row["images"] for row in found["classes"]}
    assert rows == {name: 4 if name in "37" else 0 for name in "0123456789"}


def test_an_evaluation_writes_the_report_of_its_images(run: Run, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "evaluation"
    done = run("evaluate", trained, "digits", "--out", out)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == f"written to {out}/: report.json, report.html"
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]
    found, training = (json.loads((place / "report.json").read_text("utf-8")) for place in (out, trained))
    assert (found["kind"], found["split"], found["images"]) == ("evaluation", "held out", {"test": 359})
    measured = [key for key in training if key.startswith("test_")]
    for key in (*measured, "per_class", "confusion_matrix", "calibration", "mistakes", "most_frequent_class"):
        assert found[key] == training[key], key
    assert found["data"] == {"source": "digits", "test_sha256": training["data"]["test_sha256"]}
    assert found["training"] == model_file.load(trained).provenance
    assert found["command"] == f"handgrad evaluate {trained} digits --out {out}"
    page = (out / "report.html").read_text("utf-8")
    assert f"{100 * found['test_accuracy']:.1f}\u00a0% of 359 test pictures are recognized" in page


def test_the_report_of_an_evaluation_replaces_no_other_without_the_option(
    run: Run, trained: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    complaint = run("evaluate", trained, "digits", "--out", trained).complaint
    assert complaint.startswith(f"--out={trained}: already holds a ")
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before
    assert run("evaluate", trained, "digits", "--out", tmp_path, "--json").code == 0
    assert run("evaluate", trained, "digits", "--out", tmp_path).code == 2
    assert run("evaluate", trained, "digits", "--out", tmp_path, "--overwrite").code == 0
    assert run("evaluate", trained, "missing", "--out", tmp_path / "empty").code == 2
    assert not (tmp_path / "empty").exists()


def test_evaluating_classes_that_the_model_does_not_know(run: Run, trained: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "letters", "1", "a [b]", count=4)
    complaint = run("evaluate", trained, source).complaint
    assert f"source={source}: its labels 'a [b]' are unknown to the model, which knows '0', '1'" in complaint
    assert "; rename or remove them" in complaint


def test_evaluating_color_with_a_grey_model(run: Run, trained: Path, tmp_path: Path) -> None:
    source = write_classes(tmp_path / "color", "1", "2", count=4, shape=(9, 9, 3))
    assert (
        "it is in color (3 channels), and this model takes grey (1 channel); convert it"
        in run("evaluate", trained, source).complaint
    )


def test_predictions_are_those_of_the_model(run: Run, trained: Path, pictures: list[Path]) -> None:
    model, test = model_file.load(trained), load("digits").test
    expected = model.predict(test.images[:5])
    done = run("predict", trained, *pictures, "--json", "--top", 3)
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert [record["image"] for record in found] == [str(path) for path in pictures]
    for record, row in zip(found, expected, strict=True):
        best = np.argsort(-row, kind="stable")[:3]
        assert [entry["class"] for entry in record["top"]] == [str(index) for index in best]
        assert [entry["probability"] for entry in record["top"]] == pytest.approx(row[best], rel=1e-5)
        assert (record["class"], record["probability"]) == tuple(record["top"][0].values())
    labels = test.labels[:5].astype(str).tolist()
    assert sum(record["class"] == label for record, label in zip(found, labels, strict=True)) >= 3


def test_plain_predictions_name_picture_class_and_probability(run: Run, trained: Path, pictures: list[Path]) -> None:
    (record,) = json.loads(run("predict", trained, pictures[0], "--json").out)
    done = run("predict", trained, pictures[0])
    header, row = done.out.splitlines()
    assert header.split() == ["image", "class", "probability"]
    assert row.startswith(str(pictures[0]))
    assert f"{record['class']}  " in row.removeprefix(str(pictures[0]))
    assert f"{100 * record['probability']:.2f} %" in row
    assert len(run("predict", trained, pictures[0], "--top", 99).out.splitlines()) == 11


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(
    run: Run, trained: Path, pictures: list[Path], tmp_path: Path
) -> None:
    broken, color = tmp_path / "bröken [i].png", write_picture(tmp_path / "color.png", noise(8, 8, 3))
    broken.write_bytes(b"\x89PNG\r\n\x1a\n no more")
    done = run("predict", trained, pictures[0], broken, pictures[1], color, tmp_path / "missing.png", "--json")
    assert done.code == 2
    assert [record["image"] for record in json.loads(done.out)] == [str(path) for path in pictures[:2]]
    complaints = done.err.splitlines()
    assert [line.startswith("handgrad: error: picture=") for line in complaints] == [True] * 3
    assert str(broken) in complaints[0]
    assert "it is in color (3 channels), and this model takes grey (1 channel); convert it" in complaints[1]
    assert "missing.png: it is no file; give" in complaints[2]
    alone = run("predict", trained, broken)
    assert str(broken) in alone.complaint


def test_a_picture_of_any_size_and_mode_is_brought_to_the_models(run: Run, trained: Path, tmp_path: Path) -> None:
    grey = Image.fromarray(noise(40, 23))
    for mode in ("L", "RGB", "RGBA", "P", "1"):
        grey.convert(mode).save(tmp_path / f"{mode}.png")
    done = run("predict", trained, *sorted(tmp_path.glob("*.png")), "--json")
    assert done.code == 0
    assert len(json.loads(done.out)) == 5


def test_info_shows_what_the_file_holds(run: Run, trained: Path) -> None:
    done = run("info", trained)
    assert (done.code, done.err) == (0, "")
    for words in (
        "X ",
        "8 × 8 × 1",
        "H1 @ F2",
        "MP(T2), p = 2",
        "t2' = h1' · w2 + b2",
        "0, 1, 2, 3",
        "train digits",
    ):
        assert words in done.out
    found = json.loads(run("info", trained, "--json").out)
    model = model_file.load(trained)
    assert found["architecture"]["stages"] == [[8, 8]]
    assert found["parameters"] == model.architecture.parameter_count
    assert found["classes"] == list(model.classes)
    assert found["standardization"] == model.standardization.to_dict()
    assert found["provenance"] == model.provenance


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"handgrad {__version__}\n"


@pytest.mark.parametrize("command", ["evaluate", "predict", "check", "info"])
def test_a_file_that_is_not_a_model_is_refused(run: Run, trained: Path, tmp_path: Path, command: str) -> None:
    more = {"evaluate": ["digits"], "predict": ["x.png"]}.get(command, [])
    (tmp_path / "text").write_text("text")
    cut = tmp_path / "cut [x]"
    cut.write_bytes((trained / "model.safetensors").read_bytes()[:-1])
    for path, words in ((tmp_path, "no such file"), (tmp_path / "text", "no valid"), (cut, "no valid")):
        complaint = run(command, path, *more).complaint
        assert complaint.startswith(f"model={path}")
        assert words in complaint
        assert "; " in complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "No such command 'nope'"),
        (["predict", "m"], "Missing argument 'IMAGE...'"),
        (
            ["predict", "m", "i", "--top", "0"],
            "--top=0: must be at least 1",
        ),
        (["check", "--seed", "-1"], "--seed=-1: must be at least 0"),
        (["--nope"], "No such option: --nope"),
    ],
)
def test_a_wrong_command_is_an_error_of_one_line(run: Run, arguments: list[str], words: str) -> None:
    complaint = run(*arguments).complaint
    assert words in complaint
    assert "; see handgrad" in complaint
    assert complaint.endswith("--help")


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_an_unknown_engine_is_refused(run: Run, trained: Path, pictures: list[Path], command: str) -> None:
    source = "digits" if command == "evaluate" else pictures[0]
    assert run(command, trained, source, "--engine", "torch").complaint.startswith(
        "--engine=torch: must be one of fused, notes; see handgrad "
    )


def test_check_on_a_model_and_a_picture(run: Run, trained: Path, pictures: list[Path]) -> None:
    done = run("check", trained, pictures[0], "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert {record["verdict"] for record in found} <= {"pass", "kink"}
    assert max(record["error"] for record in found) <= 1e-7
    assert {"N17", "N25", "N29", "N31"} <= {record["number"] for record in found}
    plain = run("check", trained)
    assert plain.code == 0
    assert "8 × 8 × 1 image, 8, 8 filters" in plain.out


def test_check_says_where_a_dead_network_proves_little(run: Run, trained: Path, tmp_path: Path) -> None:
    dead = model_file.load(trained)
    dead.parameters["b1"][:] = -1e3
    model_file.save(dead, tmp_path / "dead.safetensors")
    done = run("check", tmp_path / "dead.safetensors")
    assert done.code == 0
    told = " ".join(done.err.split())
    assert "0 everywhere, so they prove little: ∂E/∂F1, ∂E/∂F2, ∂E/∂w1, ∂E/∂b1" in told
    assert run("check", trained).err == ""


def test_check_of_a_picture_that_does_not_fit(run: Run, trained: Path, tmp_path: Path) -> None:
    color = write_picture(tmp_path / "color.png", noise(8, 8, 3))
    assert "it is in color (3 channels)" in run("check", trained, color).complaint
    assert "it is no file" in run("check", trained, tmp_path / "missing.png").complaint


def test_check_of_a_blank_picture_says_what_could_not_be_compared(run: Run, trained: Path, tmp_path: Path) -> None:
    blank = write_picture(tmp_path / "blank.png", np.zeros((8, 8), np.uint8))
    done = run("check", trained, blank)
    assert done.code == 0
    assert "fail" not in done.out
    assert "could not be compared: every number sits on a kink" in done.out
