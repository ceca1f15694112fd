"""A results file that is complete at every moment, for pictures that arrive at any."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from handgrad import atomic
from handgrad.answers import Answer, Manner, predict, watch
from handgrad.answers import pictures as pictures_of_answers
from handgrad.answers.state import beside
from handgrad.errors import InputError, OutputError
from handgrad.model import Model
from tests.data.writing import noise, write_picture

NOTES = Manner(engine="notes")


def once(model: Model, folder: Path, out: Path, manner: Manner = NOTES, **more: Any) -> int:
    return watch(model, folder, out, manner, seconds=0.001, once=True, threads=1, **more)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len({row["path"] for row in found}) == len(found)
    return {row["path"]: row for row in found}


def test_the_answers_are_those_of_a_prediction(model: Model, pictures: Path, tmp_path: Path) -> None:
    out = pictures / "results.csv"
    assert once(model, pictures, out) == 12
    predict(model, [pictures], tmp_path / "answers.csv", NOTES, threads=1)
    found, expected = rows(out), rows(tmp_path / "answers.csv")
    del expected["results.csv"], expected[f"results.csv.state{os.sep}manifest.json"]
    assert {name: {key: row[key] for key in NOTES.columns} for name, row in found.items()} == expected
    assert found["0.png"]["bytes"] == str((pictures / "0.png").stat().st_size)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_next_call_answers_only_what_is_new_or_could_not_be_read(
    model: Model, pictures: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"results.{ending}"
    told: list[str | None] = []
    once(model, pictures, out)
    before = out.read_bytes().splitlines()
    write_picture(pictures / "new.png", noise(6, 6, seed=20))
    (pictures / "0.png").unlink()
    (pictures / "1.png").write_bytes((pictures / "2.png").read_bytes())
    (pictures / "torn.png").write_bytes((pictures / "3.png").read_bytes())
    assert once(model, pictures, out, tell=lambda answer: told.append(answer.path)) == 5
    assert told == ["1.png", "color.png", "new.png", "notes.txt", "torn.png"]
    after = out.read_bytes().splitlines()
    assert [line for line in after if line in before] == [line for line in before if line in after]
    assert len(after) == len(before) + 1
    assert sum(b"0.png" in line for line in after) == 1, "its answer was given"


def test_what_arrives_while_it_runs_is_answered_and_a_stop_ends_it(
    model: Model, pictures: Path, tmp_path: Path
) -> None:
    out, stop, seen = tmp_path / "results.csv", Event(), list[str]()

    def tell(answer: Answer) -> None:
        """Let a half-copied picture arrive, then its rest, then end."""
        seen.append(f"{answer.path}: {answer.text}")
        if len(seen) == 12:
            (pictures / "late.png").write_bytes((pictures / "4.png").read_bytes()[:50])
        elif len(seen) == 13:
            (pictures / "late.png").write_bytes((pictures / "4.png").read_bytes())
        elif len(seen) == 14:
            stop.set()

    assert watch(model, pictures, out, NOTES, seconds=0.001, threads=1, stop=stop, tell=tell) == 14
    found = rows(out)
    assert seen[-2:] == ["late.png: None", f"late.png: {found['4.png']['class']}"]
    assert list(found)[-1] == "late.png"
    assert len(found) == 13


def test_a_picture_that_goes_or_changes_while_it_is_read_waits_for_another_look(
    model: Model, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pictures_of_answers.decoded

    def decoded(image: Any, **options: Any) -> Any:
        found = real(image, **options)
        if Path(image).name == "0.png":
            Path(image).unlink()
        if Path(image).name == "1.png":
            Path(image).write_bytes(b"longer" * 100)
        return found

    monkeypatch.setattr("handgrad.answers.answering.decoded", decoded)
    assert once(model, pictures, tmp_path / "results.csv") == 10
    assert rows(tmp_path / "results.csv").keys().isdisjoint({"0.png", "1.png"})


def test_another_model_manner_folder_or_file_is_refused(model: Model, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    once(model, pictures, out)
    before = out.read_bytes()
    other = Model.initial(model.architecture, model.classes, model.standardization, seed=1)
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((other, pictures, out), "another model"),
        ((model, pictures, out, Manner(threshold=0.5, engine="notes")), "another threshold: None, not 0.5"),
        ((model, tmp_path / "empty", out), "another folder"),
    ):
        with pytest.raises(InputError, match=f"holds answers of {words}.*; choose another path, or set overwrite=True"):
            once(*arguments)
    out.write_bytes(before[:-5] + b"\n")
    with pytest.raises(InputError, match="holds something else than results of a watch"):
        once(model, pictures, out)
    (tmp_path / "other.csv").write_text("mine")
    with pytest.raises(InputError, match="already exists"):
        once(model, pictures, tmp_path / "other.csv")
    assert once(other, pictures, out, overwrite=True) == 12
    with pytest.raises(InputError, match="folder=missing: is not a folder"):
        once(model, Path("missing"), out)
    with pytest.raises(InputError, match=r"is neither a \.csv nor a \.jsonl file"):
        once(model, pictures, tmp_path / "results.txt")
    with pytest.raises(InputError, match="seconds=0: must be a positive number"):
        watch(model, pictures, out, NOTES, seconds=0)
    assert not beside(tmp_path / "results.txt").exists()


def test_a_disk_that_is_full_for_a_while_costs_no_answer(
    model: Model, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real, stop, notices = tmp_path / "results.csv", atomic.write_files, Event(), list[str]()

    def full(folder: Path, contents: Any) -> None:
        raise OutputError(folder, "No space left on device")

    def notice(text: str) -> None:
        notices.append(text)
        if "can be used again" in text:
            stop.set()
        elif "trying again" in text:
            monkeypatch.setattr(atomic, "write_files", real)

    told: list[str] = []

    def tell(answer: Answer) -> None:
        told.append(answer.path)
        if len(told) == 12:
            monkeypatch.setattr(atomic, "write_files", full)

    watch(model, pictures, out, NOTES, seconds=0.001, threads=1, stop=stop, notice=notice, tell=tell)
    assert notices == [
        f"watching {pictures}",
        f"path={tmp_path}: cannot be written (No space left on device); choose a writable folder on a disk with room; "
        "trying again",
        "the results can be used again",
    ]
    assert len(rows(out)) == 12


def test_a_folder_that_is_away_for_a_while_is_waited_for(model: Model, pictures: Path, tmp_path: Path) -> None:
    stop, notices = Event(), list[str]()

    def notice(text: str) -> None:
        notices.append(text)
        if "can be used again" in text:
            stop.set()
        elif "trying again" in text:
            pictures.with_name("away").rename(pictures)

    def tell(answer: Answer) -> None:
        if pictures.exists():
            pictures.rename(pictures.with_name("away"))

    watch(
        model, pictures, tmp_path / "results.csv", NOTES, seconds=0.001, threads=1, stop=stop, notice=notice, tell=tell
    )
    assert notices == [
        f"watching {pictures}",
        "No such file or directory; trying again",
        f"the folder {pictures} can be used again",
    ]
