"""``handgrad review`` from doubts to moved files and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handgrad import model_file
from handgrad.review.changes import decided, read_changes, write_changes
from handgrad.review.subject import objects_in, read_subject
from handgrad.review.training import FILE_NAME
from tests.cli.conftest import Run
from tests.data.writing import write_picture
from tests.review.pictures import HOSTILE, model, picture, write_folder
from tests.review.test_moves import state


def listed(run: Run, *arguments: object) -> dict[str, Any]:
    outcome = run("review", *arguments, "--json", "--engine", "notes")
    assert outcome.code == 0, outcome
    return dict(json.loads(outcome.out))


def test_wrong_labels_are_found_relabeled_moved_and_moved_back(run: Run, folder: Path, model_folder: Path) -> None:
    found = listed(run, model_folder, folder)
    worst = {item["file"]: item["class"] for item in found["items"][:2]}
    assert worst == {str(Path("right/0-3.png")): "left", str(Path("left/2-5.png")): HOSTILE}
    assert 1 <= found["expected"] <= 4
    review = folder.with_name("photos-review")
    write_changes(review, [decided(file, file.split("/")[0], to) for file, to in worst.items()])
    before = state(folder)
    applied = run("review", model_folder, folder, "--apply")
    assert (applied.code, applied.err) == (0, "")
    assert "2 files moved" in applied.out
    assert sorted(path.name for path in (folder / "left").iterdir()) == [f"0-{number}.png" for number in range(10)]
    # The finding stays: nothing asks again about what a person has decided.
    assert {change.label == change.to for change in read_changes(review).values()} == {True}
    undone = run("review", model_folder, folder, "--undo")
    assert (undone.code, state(folder)) == (0, before)
    assert "2 files moved back" in undone.out


def test_a_second_review_computes_nothing(
    run: Run, folder: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = listed(run, model_folder, folder)
    assert (folder.with_name("photos-review") / FILE_NAME).is_file()
    monkeypatch.setattr("handgrad.review.training.train", None)
    assert listed(run, model_folder, folder) == first


def test_unlabeled_pictures_are_suggested(run: Run, folder: Path, model_folder: Path, tmp_path: Path) -> None:
    for number in range(4):
        write_picture(tmp_path / "new" / f"{number}.png", picture(number % 3, 300 + number))
    found = listed(run, model_folder, folder, "--unlabeled", tmp_path / "new", "--count", "3")
    names = [item["file"] for item in found["items"] if item["label"] is None]
    assert len(names) == 3
    assert set(names) < {f"{number}.png" for number in range(4)}
    write_picture(folder / "beside.png", picture(0, 400))
    assert [item["file"] for item in listed(run, model_folder, folder)["items"] if item["label"] is None] == [
        "beside.png"
    ]


def test_a_source_without_files_is_judged_but_not_moved(run: Run, trained: Path, here: Path) -> None:
    short = replace(model_file.load(trained))
    short.provenance["recipe"] |= {"epochs": 1}
    (here / "run").mkdir()
    model_file.save(short, here / "run" / "model.safetensors")
    outcome = run("review", here / "run", "digits", "--json", "--folds", "2")
    found = json.loads(outcome.out)
    assert {item["file"] for item in found["items"]} <= set(map(str, range(1797)))
    assert (here / "digits-review" / FILE_NAME).is_file()
    refused = run("review", here / "run", "digits", "--apply")
    assert refused.complaint.startswith("source=digits: its pictures are no files in class folders")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--apply", "--port", "1"], "--port=1: has no effect with --apply; leave it out"),
        (["--apply", "--json"], "--json: has no effect with --apply; leave it out"),
        (["--undo", "--apply"], "--apply: has no effect with --undo; leave it out"),
        (["--json", "--port", "0"], "--port=0: has no effect with --json; leave it out"),
        (["--json", "--count", "5"], "--count=5: there are no unlabeled pictures; name their folder with --unlabeled"),
        (["--json", "--folds", "31"], "--folds=31: must be from 2 to the number of images, 30; try 5"),
        (["--json", "--group-by", "("], "--group-by=(: is no regular expression"),
        (["--json", "--unlabeled", "none"], "--unlabeled=none: it is no folder; check the path"),
    ],
)
def test_options_that_mean_nothing_together(
    run: Run, folder: Path, model_folder: Path, options: list[str], complaint: str
) -> None:
    outcome = run("review", model_folder, folder, "--engine", "notes", *options) if "--apply" not in options else None
    outcome = outcome or run("review", model_folder, folder, *options)
    # Of a flag, its name says enough.
    assert outcome.complaint.replace("=True", "").startswith(complaint)


def test_what_cannot_be_moved_is_told_and_the_rest_is_moved(run: Run, folder: Path, model_folder: Path) -> None:
    changes = [decided("left/none.png", "left", "right"), decided(str(Path("left/0-1.png")), "left", "right")]
    write_changes(folder.with_name("photos-review"), changes)
    outcome = run("review", model_folder, folder, "--apply")
    assert outcome.code == 2
    assert "1 file moved" in outcome.out
    assert "left/none.png: there is no such picture with the label 'left'" in outcome.err
    assert (folder / "right" / "0-1.png").is_file()


def test_a_table_that_a_model_file_names_is_not_opened(folder: Path, tmp_path: Path) -> None:
    subject, asked = read_subject(model(), str(folder)), model()
    (tmp_path / "groups.csv").write_text("image,object\nleft/0-1.png,one\n")
    asked.provenance["data"] = {"group_by": str(tmp_path / "groups.csv")}
    objects, (notice,) = objects_in(subject, asked, None)
    assert objects is None
    assert notice.endswith("which is not used here; give it, to keep objects together")
    asked.provenance["data"] = {"group_by": r"/\d+-(\d)"}
    objects, notices = objects_in(subject, asked, None)
    assert (set(objects.tolist() if objects is not None else ()), notices) == (set("0123456789"), [])
    for other in ({"group_by": ["x"]}, "x", None, {"group_by": "no such"}):
        asked.provenance["data"] = other
        assert objects_in(subject, asked, None)[0] is None


def test_classes_with_too_few_pictures_are_named(run: Run, tmp_path: Path, model_folder: Path) -> None:
    folder = write_folder(tmp_path / "few", 5, ())
    for path in list((folder / "right").iterdir())[1:]:
        path.unlink()
    outcome = run("review", model_folder, folder, "--json", "--engine", "notes")
    assert outcome.code == 0
    assert "the labels 'right' have too few pictures to be judged" in outcome.err
    assert "right" not in {item["label"] for item in json.loads(outcome.out)["items"]}


def test_an_interrupted_review_says_how_to_continue(
    run: Run, folder: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("handgrad.review.training.train", interrupted)
    outcome = run("review", model_folder, folder, "--json", "--engine", "notes")
    assert (outcome.code, outcome.out) == (130, "")
    review = folder.with_name("photos-review")
    assert outcome.err == (
        f"handgrad: error: interrupted; what is trained is kept in {review}, and the same command continues\n"
    )
    assert not review.exists()


def test_a_folder_of_unlabeled_pictures_is_refused_before_the_trainings(
    run: Run, folder: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handgrad.review.training.train", None)
    outcome = run("review", model_folder, folder, "--json", "--engine", "notes", "--unlabeled", "none")
    assert outcome.complaint == "--unlabeled=none: it is no folder; check the path"
