"""Files move only as the changes say, never onto another, and can be moved back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handgrad.errors import InputError
from handgrad.review import moves
from handgrad.review.changes import Change, decided, read_changes, write_changes
from handgrad.review.subject import Places, Subject, folder_for, read_subject
from tests.data.writing import write_classes, write_picture
from tests.review.pictures import model, write_folder


def state(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def subject(folder: Path) -> Subject:
    return read_subject(model(), str(folder))


def decide(review: Path, *rows: tuple[str, str, str]) -> list[Change]:
    changes = [decided(str(Path(file)), label, to) for file, label, to in rows]
    write_changes(review, changes)
    return changes


def test_files_go_where_the_changes_say_and_back(folder: Path, tmp_path: Path) -> None:
    review = tmp_path / "review"
    wanted = [("right/0-3.png", "right", "left"), ("left/0-1.png", "left", "left"), ("left/0-2.png", "left", "")]
    changes = decide(review, *wanted)
    before = state(folder)
    plan = moves.plan(subject(folder), review)
    assert (len(plan.moves), plan.right, plan.left) == (2, 1, [])
    assert state(folder) == before
    done, left = moves.apply(plan, subject(folder), review)
    assert (len(done), left) == (2, [])
    assert (folder / "left" / "0-3.png").is_file()
    assert (review / moves.ASIDE / "left" / "0-2.png").is_file()
    assert not (folder / "right" / "0-3.png").exists()
    moved = str(Path("left/0-3.png"))
    assert {change.file: change.to for change in read_changes(review).values()} == {
        str(Path("left/0-1.png")): "left",
        moved: "left",
    }
    again = moves.plan(subject(folder), review)
    assert (again.moves, again.right) == ([], 2)
    back, left = moves.undo(folder, review)
    assert (len(back), left, state(folder)) == (2, [], before)
    assert sorted(read_changes(review).values()) == sorted(changes)
    assert moves.moved(review) == []


def test_no_file_is_ever_replaced(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos", "a", "b", "c", count=2, shape=(8, 8))
    review, before = tmp_path / "review", state(tmp_path / "photos")
    decide(review, ("a/0.png", "a", "c"), ("b/0.png", "b", "c"))
    moves.apply(moves.plan(subject(folder), review), subject(folder), review)
    after = state(folder)
    assert sorted(after.values()) == sorted(before.values())
    assert sorted(path.name for path in (folder / "c").iterdir()) == ["0-2.png", "0-3.png", "0.png", "1.png"]
    moves.undo(folder, review)
    assert state(folder) == before


def test_a_file_that_appears_meanwhile_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    review = tmp_path / "review"
    decide(review, ("right/0-3.png", "right", "left"))
    plan = moves.plan(subject(folder), review)
    (folder / "left" / "0-3.png").write_text("mine")
    done, left = moves.apply(plan, subject(folder), review)
    assert (done, left) == ([], [f"{Path('right/0-3.png')}: File exists"])
    assert (folder / "left" / "0-3.png").read_text() == "mine"
    assert (folder / "right" / "0-3.png").is_file()
    assert len(read_changes(review)) == 1
    assert moves.moved(review) == []


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_interrupted_move_is_finished_or_undone(
    folder: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    review, before = tmp_path / "review", state(folder)
    decide(review, *((f"left/0-{number}.png", "left", "right") for number in (1, 2, 4)))
    rename, count = moves._rename, iter(range(10))

    def interrupted(source: Path, target: Path) -> None:
        if next(count) == after:
            raise KeyboardInterrupt
        rename(source, target)

    plan = moves.plan(subject(folder), review)
    monkeypatch.setattr(moves, "_rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        moves.apply(plan, subject(folder), review)
    monkeypatch.undo()
    plan = moves.plan(subject(folder), review)
    assert (len(plan.done), len(plan.moves), plan.left) == (after, 3 - after, [])
    if after == 1:
        moves.undo(folder, review)
        assert state(folder) == before
        plan = moves.plan(subject(folder), review)
    done, left = moves.apply(plan, subject(folder), review)
    assert (len(done), left) == (3, [])
    assert len(list((folder / "right").iterdir())) == 14
    moves.undo(folder, review)
    assert state(folder) == before


@pytest.mark.parametrize(
    ("file", "label", "to", "why"),
    [
        ("left/none.png", "left", "right", "there is no such picture with the label 'left'"),
        ("left/0-1.png", "right", "left", "there is no such picture with the label 'right'"),
        ("left/0-1.png", "left", "../elsewhere", "there is no class '../elsewhere'"),
        ("../secret.png", "left", "right", "there is no such picture"),
        ("../secret.png", "", "right", "it is not in"),
        ("x.png", "", "right", "there is no such file"),
    ],
)
def test_a_change_that_cannot_be_made_is_told(
    folder: Path, tmp_path: Path, file: str, label: str, to: str, why: str
) -> None:
    write_picture(tmp_path / "secret.png")
    (tmp_path / "new").mkdir()
    review, before = tmp_path / "review", state(tmp_path)
    decide(review, (file, label, to))
    plan = moves.plan(subject(folder), review, tmp_path / "new")
    assert plan.moves == []
    assert why in plan.left[0]
    moves.apply(plan, subject(folder), review)
    assert {path: content for path, content in state(tmp_path).items() if "review" not in path} == before
    assert len(read_changes(review)) == 1


def test_a_link_is_left_where_it_is(folder: Path, tmp_path: Path) -> None:
    (folder / "left" / "0-1.png").rename(tmp_path / "original.png")
    (folder / "left" / "0-1.png").symlink_to(tmp_path / "original.png")
    decide(tmp_path / "review", ("left/0-1.png", "left", "right"))
    assert moves.plan(subject(folder), tmp_path / "review").left == [f"{Path('left/0-1.png')}: it is a link"]


def test_a_file_whose_name_cannot_be_printed_is_left(folder: Path, tmp_path: Path) -> None:
    (folder / "left" / "0-1.png").rename(folder / "left" / "0\u202e.png")
    decide(tmp_path / "review", ("left/0\u202e.png", "left", "right"))
    (line,) = moves.plan(subject(folder), tmp_path / "review").left
    assert line.endswith("0\\u202e.png: its name cannot be printed; rename the file")


def test_an_unlabeled_picture_goes_to_its_class(folder: Path, tmp_path: Path) -> None:
    new, review = tmp_path / "new", tmp_path / "review"
    write_picture(new / "day 1" / "0-1.png")
    decide(review, (str(Path("day 1/0-1.png")), "", "left"))
    assert moves.plan(subject(folder), review).left == [
        f"{Path('day 1/0-1.png')}: it was unlabeled; name the folder that it is in"
    ]
    before = state(folder, new)
    moves.apply(moves.plan(subject(folder), review, new), subject(folder), review)
    assert (folder / "left" / "0-1-2.png").is_file()
    assert not (new / "day 1" / "0-1.png").exists()
    moves.undo(folder, review)
    assert state(folder, new) == before


def test_splits_and_folders_within_classes_are_kept() -> None:
    names = [str(Path(name)) for name in ("train/train/1.png", "train/test/s/2.png", "test/train/3.png")]
    places = Places(names, ["train", "test", "train"])
    assert places.moved(names[1], "test", "train") == str(Path("train/train/s/2.png"))
    assert places.moved(names[2], "train", "test") == str(Path("test/test/3.png"))
    assert places.added("a/b.png", "test") == str(Path("train/test/b.png"))


def test_a_class_folder_is_found_however_its_letters_are_composed() -> None:
    places = Places([f"Ka\u0308se{os.sep}1.png", f"Brot{os.sep}2.png"], ["K\u00e4se", "Brot"])
    assert places.moved(f"Brot{os.sep}2.png", "Brot", "K\u00e4se") == f"Ka\u0308se{os.sep}2.png"


def test_other_sources_have_no_files_to_move(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source=digits: its pictures are no files in class folders"):
        moves.plan(subject(Path("digits")), tmp_path)


def test_every_source_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "my photos", 2, ())
    assert folder_for(str(folder)) == tmp_path / "my-photos-review"
    (tmp_path / "tiles.npz").touch()
    assert folder_for(str(tmp_path / "tiles.npz")) == tmp_path / "tiles-review"
    assert folder_for("openml:mnist_784") == Path("mnist_784-review")
