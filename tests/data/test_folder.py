from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from handgrad.data import load
from handgrad.errors import DataError
from tests.data.writing import everything, noise, write_classes, write_picture


def test_class_folders(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "zwei Klassen ü", "zehn 10", "Zehn 9", "äpfel", count=10)
    dataset = load(str(root))
    assert dataset.classes == ("Zehn 9", "zehn 10", "äpfel")
    assert dataset.image_shape == (12, 9, 1)
    assert dataset.name == "zwei-Klassen-ü"
    assert dataset.notices == ()
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (21, 3, 6)
    first = {noise(12, 9, seed=100 + n).tobytes() for n in range(10)}
    whole = everything(dataset)
    assert {image.tobytes() for image in whole.images[whole.labels == 0]} == first


def test_same_seed_same_split(tmp_path: Path) -> None:
    root = str(write_classes(tmp_path, "a", "b", count=10))
    assert load(root, seed=5).checksum() == load(root, seed=5).checksum()
    assert load(root, seed=5).checksum() != load(root, seed=6).checksum()


@pytest.mark.parametrize("validation", ["validation", "valid", "val", "Val"])
def test_splits_above_the_classes(tmp_path: Path, validation: str) -> None:
    for split, count in (("train", 4), (validation, 2), ("test", 3)):
        write_classes(tmp_path / split, "a", "b", count=count)
    dataset = load(str(tmp_path))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (8, 4, 6)
    assert dataset.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(dataset.test.images[4, ..., 0], noise(12, 9, seed=101))


def test_train_alone_is_split(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", "a", "b", count=10)
    dataset = load(str(tmp_path))
    assert len(dataset.test) == 4


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert load(str(write_classes(tmp_path, "train", "plane"))).classes == ("plane", "train")


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["a", "b"], ["a", "b", "c"], "class 'c' is in test but not in train"),
        (["a", "b", "c"], ["a", "b"], "class 'c' is in train but not in test"),
    ],
)
def test_splits_must_agree_on_their_classes(tmp_path: Path, train: list[str], test: list[str], message: str) -> None:
    write_classes(tmp_path / "train", *train)
    write_classes(tmp_path / "test", *test)
    with pytest.raises(DataError, match=message):
        load(str(tmp_path))


def test_two_validation_splits(tmp_path: Path) -> None:
    for split in ("train", "val", "valid"):
        write_classes(tmp_path / split, "a", "b")
    with pytest.raises(DataError, match=r"has both val.* and val.*; keep one"):
        load(str(tmp_path))


def test_an_empty_test_split_is_no_reason_to_draw_one(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", "a", "b")
    for name in ("a", "b"):
        (tmp_path / "test" / name).mkdir(parents=True)
    with pytest.raises(DataError, match="the class folders of its test split are empty; put pictures into them"):
        load(str(tmp_path))
    (tmp_path / "test" / "a" / "no.png").write_text("no picture")
    with pytest.raises(DataError, match="no file of its test split can be read as a picture; add valid pictures"):
        load(str(tmp_path))


def test_there_is_one_channel_only_if_all_are_grey(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b")
    write_picture(root / "a" / "equal.png", np.stack([noise(12, 9)] * 3, axis=2))
    assert load(str(root)).image_shape == (12, 9, 1)
    colored = noise(12, 9, 3, seed=9)
    write_picture(root / "b" / "2b.png", colored)
    dataset = load(str(root))
    assert dataset.image_shape == (12, 9, 3)
    images = {image.tobytes() for image in everything(dataset).images}
    assert colored.tobytes() in images
    assert np.stack([noise(12, 9, seed=104)] * 3, axis=2).tobytes() in images
    assert np.stack([noise(12, 9)] * 3, axis=2).tobytes() in images


def test_mixed_sizes_become_the_notes_size(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b")
    write_picture(root / "a" / "1x1.png", np.array([[7]], np.uint8))
    dataset = load(str(root))
    assert dataset.image_shape == (100, 100, 1)
    (notice,) = dataset.notices
    assert notice == ("pictures of 2 sizes, 1 × 1 to 12 × 9, were resized to 100 × 100; choose another size if need be")
    assert load(str(root), size=(8, 16)).image_shape == (8, 16, 1)
    assert load(str(root), size=(8, 16)).notices == ()


def test_a_size_that_is_given_needs_no_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(path: Path) -> NoReturn:
        raise AssertionError(path)

    root = write_classes(tmp_path, "a", "b")
    (root / "b" / "notes.txt").write_text("no picture")
    monkeypatch.setattr("handgrad.data.image_files.size_of", opened)
    dataset = load(str(root), size=(8, 16))
    assert dataset.image_shape == (8, 16, 1)
    assert len(everything(dataset)) == 10
    assert dataset.notices[-1] == "1 of 11 files in the class folders were skipped"


def test_one_large_size_becomes_the_notes_size(tmp_path: Path) -> None:
    assert load(str(write_classes(tmp_path / "fits", "a", "b", shape=(256, 2)))).image_shape == (256, 2, 1)
    dataset = load(str(write_classes(tmp_path / "large", "a", "b", shape=(2, 257))))
    assert dataset.image_shape == (100, 100, 1)
    assert dataset.notices[0].startswith("pictures of 2 × 257 were resized")


def test_images_turned_by_their_exif_share_a_size_with_upright_ones(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(9, 12)).save(root / "a" / "lying.png", exif=exif)
    assert load(str(root)).image_shape == (12, 9, 1)


def test_unreadable_files_are_skipped_named_and_counted(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b")
    whole = (root / "a" / "0.png").read_bytes()
    (root / "a" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "a" / "empty.png").write_bytes(b"")
    (root / "b" / "notes.txt").write_text("no picture")
    dataset = load(str(root))
    assert len(everything(dataset)) == 10
    assert dataset.image_shape == (12, 9, 1)
    *named, last = dataset.notices
    assert last == "3 of 13 files in the class folders were skipped"
    for path, reason in (("a/cut.png", "truncated"), ("a/empty.png", "no picture"), ("b/notes.txt", "no picture")):
        assert sum(notice.startswith(f"{root / path} was skipped: ") and reason in notice for notice in named) == 1


@pytest.mark.parametrize("name", ["cut.png", "notes.txt"])
def test_strict_stops_at_the_first(tmp_path: Path, name: str) -> None:
    root = write_classes(tmp_path, "a", "b")
    (root / "b" / name).write_bytes((root / "a" / "0.png").read_bytes()[:90] if name == "cut.png" else b"text")
    with pytest.raises(DataError, match=f"picture={root / 'b' / name}"):
        load(str(root), strict=True)


def test_bombs_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_classes(tmp_path, "a", "b")
    write_picture(root / "a" / "bomb.png", noise(20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12 * 9)
    notices = load(str(root)).notices
    assert len(notices) == 2
    assert "bomb.png was skipped: it has more than the 108 pixels" in notices[0]


def test_clutter_is_ignored_silently(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b", ".hidden", "__MACOSX")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (root / name).write_bytes(b"clutter")
        (root / "a" / name).write_bytes(b"clutter")
    write_picture(root / "a" / ".cache" / "0.png", noise(30, 30))
    (root / "README.md").write_text("beside the classes")
    dataset = load(str(root), strict=True)
    assert dataset.classes == ("a", "b")
    assert len(everything(dataset)) == 10
    assert dataset.notices == ()


def test_folders_within_a_class_belong_to_it(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b")
    write_picture(root / "b" / "batch 2" / "deep.png")
    assert np.bincount(everything(load(str(root))).labels).tolist() == [5, 6]


def test_loops_of_links_end(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "root", "a", "b")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    (root / "a" / "self.png").symlink_to(root / "a" / "self.png")
    dataset = load(str(root))
    assert dataset.classes == ("a", "b")
    assert len(everything(dataset)) == 10
    assert dataset.notices[-1] == "1 of 11 files in the class folders were skipped"


def test_a_link_to_a_class_folder_elsewhere(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "root", "a")
    (root / "b").symlink_to(write_classes(tmp_path / "elsewhere", "b") / "b", target_is_directory=True)
    assert len(everything(load(str(root)))) == 10


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 5, "cat": 2}, "class 'cat' has 2 usable images; at least 3"),
        ({"a": 5, "cat": 0}, "class 'cat' has 0 usable images"),
        ({"cat": 5}, "only the class 'cat'"),
        ({"a": 0, "b": 0}, "the class folders are empty; put pictures into them"),
        ({"cat": 0}, "the class folders are empty; put pictures into them"),
        ({}, "no class folders; put the pictures of each class into a folder of its own"),
    ],
)
def test_too_little(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    for name, count in counts.items():
        (tmp_path / name).mkdir()
        write_classes(tmp_path, name, count=count)
    with pytest.raises(DataError, match=f"source={tmp_path}.*{message}"):
        load(str(tmp_path))


def test_images_without_class_folders(tmp_path: Path) -> None:
    write_picture(tmp_path / "0.png")
    with pytest.raises(DataError, match="no class folders"):
        load(str(tmp_path))


def test_nothing_readable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="no file can be read as a picture"):
        load(str(tmp_path))


def test_a_class_name_that_is_no_text(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b\n")
    with pytest.raises(DataError, match=r"class folder 'b\\n' has a name that cannot be printed"):
        load(str(root))


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, scandir = write_classes(tmp_path, "a", "b"), os.scandir

    def denied(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied at .*b\); check"):
        load(str(root))


def test_progress_counts_every_image(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    load(str(write_classes(tmp_path, "a", "b")), progress=lambda done, total: calls.append((done, total)))
    # The headers, which show the common size, and then the pixels.
    assert calls == 2 * [(done, 10) for done in range(1, 11)]
