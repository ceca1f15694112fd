"""What a folder means: each layout is read as a person means it, or told in one line, which strict reading refuses."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from handgrad.data import load, read
from handgrad.data.split_names import split_named
from handgrad.errors import DataError
from tests.data.writing import noise, write_picture

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def write(root: Path, *patterns: str) -> Path:
    """Two pictures for each pattern with a star, one for any other; folders where it ends with a slash."""
    for seed, pattern in enumerate(patterns):
        if pattern.endswith("/"):
            (root / pattern).mkdir(parents=True)
            continue
        for number in range(2 if "*" in pattern else 1):
            path = root / pattern.replace("*", f"{number}.png")
            if path.suffix == ".png":
                write_picture(path, noise(6, 6, seed=10 * seed + number))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("no picture")
    return root


def counts(root: Path, strict: bool = False) -> dict[str, dict[str, int]]:
    """The number of pictures of each class in each split."""
    splits = read(str(root), strict=strict)
    return {
        split: {name: int(np.sum(samples.labels == number)) for number, name in enumerate(splits.classes)}
        for split, samples in splits.own.items()
    }


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("Training", "Validation", "Testing"),
        ("TRAIN", "dev", "test"),
        ("train_set", "val_set", "test_set"),
        ("train2017", "val2017", "test2017"),
        ("Trainingsdaten", "Validierung", "Testdaten"),
        ("Entraînement", "validation", "essai"),
        (unicodedata.normalize("NFD", "Entraînement"), "eval", "test"),
        ("entrenamiento", "validación", "prueba"),
        ("addestramento", "convalida", "prova"),
        ("treino", "validação", "teste"),
        ("обучение", "валидация", "тест"),
        ("训练集", "验证集", "测试集"),
        ("학습", "검증", "테스트"),
    ],
)
def test_splits_in_the_words_of_their_owners(tmp_path: Path, train: str, validation: str, test: str) -> None:
    write(tmp_path, *(f"{split}/{name}/*" for split in (train, validation, test) for name in "ab"))
    both = {"a": 2, "b": 2}
    assert counts(tmp_path, strict=True) == {"train": both, "validation": both, "test": both}


@pytest.mark.parametrize("name", ["trains", "tester", "detrain", "contest", "set", "2017", "valley", "données", ""])
def test_words_that_are_no_splits(name: str) -> None:
    assert split_named(name) is None


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["animals/cat/*", "animals/dog/*"], {"train": {"cat": 2, "dog": 2}}),
        (
            ["p/train/a/*", "p/train/b/*", "p/test/a/*", "p/test/b/*"],
            {"train": {"a": 2, "b": 2}, "test": {"a": 2, "b": 2}},
        ),
        (
            ["seg_train/seg_train/a/*", "seg_train/seg_train/b/*", "seg_test/seg_test/a/*", "seg_test/seg_test/b/*"],
            {"train": {"a": 2, "b": 2}, "test": {"a": 2, "b": 2}},
        ),
        (["train/a/*", "train/b/*", "eval/a/*", "eval/b/*"], {"train": {"a": 2, "b": 2}, "test": {"a": 2, "b": 2}}),
        (
            [f"train/{NFC}/*", f"test/{NFD}/*", "train/t/*", "test/t/*"],
            {"train": {NFC: 2, "t": 2}, "test": {NFC: 2, "t": 2}},
        ),
        (["a/*", "b/*", "a/._0.png", ".git/x.png", "__MACOSX/a/x.png", "@eaDir/x.png"], {"train": {"a": 2, "b": 2}}),
        (["a/*", "a/more/*", "b/*"], {"train": {"a": 4, "b": 2}}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_clear_is_read_in_strict_reading_too(
    tmp_path: Path, patterns: list[str], expected: dict[str, dict[str, int]]
) -> None:
    write(tmp_path, *patterns)
    assert counts(tmp_path, strict=True) == counts(tmp_path) == expected


@pytest.mark.parametrize(
    ("patterns", "classes", "line"),
    [
        (["a/*", "b/*", "*"], "a2 b2", "2 pictures outside the class folders are not used (0.png, 1.png); put each"),
        (["a/*", "b/*", "c/"], "a2 b2", "1 of 3 class folders is empty and no class (c); put pictures"),
        (["a/*", "b/*", "c/1.txt"], "a2 b2", "1 class folder without a picture and left out (c); put pictures"),
        (
            ["x/a/*", "x/b/*", "y/c/*"],
            "x4 y2",
            "3 folders within class folders are read as part of the class above (x/a",
        ),
        (
            [f"{NFC}/*", f"{NFD}/x*", "t/*"],
            f"{NFC}4 t2",
            f"1 class with several folders, whose names look the same ({NFC})",
        ),
        (
            ["Cat/*", "cat/*"],
            "Cat2 cat2",
            "1 pair of class names with no difference but case or spaces ('cat' and 'Cat')",
        ),
        (
            ["cat/*", "dog/*", "test/*"],
            "cat2 dog2 test2",
            "its folder test is read as a class, since it has pictures and",
        ),
        (
            ["train/a/*", "train/b/*", "test/*"],
            "a2 b2",
            "2 files without a class not used, in test, which has no class",
        ),
        (
            ["train/a/*", "train/b/*", "test/a/*", "test/b/*", "more/*"],
            "a2 b2",
            "1 folder beside the splits not used (more); move",
        ),
        (["train/a/*", "train/b/*", "test/a/*", "test/b/"], "a2 b2", "1 class without a picture in test (b); add some"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_may_be_meant_otherwise_is_told_and_refused_if_strict(
    tmp_path: Path, patterns: list[str], classes: str, line: str
) -> None:
    write(tmp_path, *patterns)
    assert " ".join(f"{name}{count}" for name, count in counts(tmp_path)["train"].items()) == classes
    assert [notice for notice in read(str(tmp_path)).notices if notice.startswith(line)]
    # The first file that cannot be read comes first.
    with pytest.raises(DataError) as refused:
        read(str(tmp_path), strict=True)
    assert line in str(refused.value) or "picture=" in str(refused.value)


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (
            ["train/*", "test/*"],
            "its folders test and train have no class folders; put the pictures of each class into",
        ),
        (["cat/*", "dog/*", "test/cat/*", "test/dog/*"], "its folder test may be a split or a class, beside cat, dog"),
        (["train/steam/*", "plane/*"], "its folder train may be a split or a class, beside plane"),
        (["test/a/*", "test/b/*"], "it has test, but no folder of training pictures; add one that is named train, or"),
        (["train/a/*", "train/b/*", "Training/a/*"], "it has both train and Training; keep one of them"),
        (["good/train/*", "good/test/*", "bad/train/*"], "its folder bad has train within; put the class folders into"),
        (["train/Cat/*", "train/b/*", "test/cat/*", "test/b/*"], "class 'Cat' is in train but not in test"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_decided_is_refused(tmp_path: Path, patterns: list[str], words: str) -> None:
    with pytest.raises(DataError) as refused:
        read(str(write(tmp_path, *patterns)))
    assert words in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_are_followed_once_and_never_up(tmp_path: Path) -> None:
    root = write(tmp_path / "root", "a/x/*", "a/0.png", "b/*")
    write(tmp_path / "elsewhere", "more/*")
    for link, target in {
        "a/more": tmp_path / "elsewhere" / "more",
        "a/again": root / "a" / "x",
        "a/up": root,
        "b/far": tmp_path,
        "loop": root,
        "gone": root / "nowhere",
    }.items():
        (root / link).symlink_to(target)
    (tmp_path / "elsewhere" / "more" / "back").symlink_to(root)
    assert counts(root) == {"train": {"a": 5, "b": 2}}
    lines = read(str(root)).notices
    assert "4 links to a folder above are not followed (loop, a/up, a/more/back, …); remove it" in lines
    assert "1 link is leading nowhere (gone); remove it" in lines


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_many_links_among_folders_are_no_explosion(tmp_path: Path) -> None:
    write(tmp_path, *(f"a/{number}/*" for number in range(12)), "a/0.png", "b/*")
    for one in range(12):
        for other in range(12):
            (tmp_path / "a" / str(one) / f"to {other}").symlink_to(tmp_path / "a" / str(other))
    assert counts(tmp_path) == {"train": {"a": 25, "b": 2}}


def test_a_picture_in_two_classes(tmp_path: Path) -> None:
    root = write(tmp_path, "a/*", "b/*", "a/third.png")
    (root / "b" / "9.png").write_bytes((root / "a" / "0.png").read_bytes())
    assert read(str(root)).notices == ("1 image in two classes (b/9.png = a/0.png); keep each in one",)
    with pytest.raises(DataError, match="1 image in two classes"):
        read(str(root), strict=True)


def test_a_picture_in_two_splits(tmp_path: Path) -> None:
    root = write(tmp_path, "train/a/*", "train/b/*", "test/a/*", "test/b/*")
    (root / "test" / "b" / "9.png").write_bytes((root / "train" / "b" / "0.png").read_bytes())
    (notice,) = load(str(root)).notices
    assert notice.startswith("1 image of test is byte-identical to one of ")
    with pytest.raises(DataError, match="byte-identical"):
        load(str(root), strict=True)
