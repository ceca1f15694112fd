"""Pictures of one object stay in one split; what splits share is reported; the split is written down."""

from __future__ import annotations

import csv
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad.data import SPLITS, Dataset, Samples, Splits, load
from handgrad.data.duplicates import notice
from handgrad.data.objects import objects_of
from handgrad.data.split import complete, split_csv
from handgrad.errors import DataError, InputError
from tests.data.writing import noise, write_classes, write_picture

refuse = partial(DataError, "source", "named")


def samples(objects: list[int], labels: list[int]) -> Samples:
    """Images that all differ, named by their object."""
    images = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 2, 2, 1)
    names = np.array([f"x/object-{each} {index}.png" for index, each in enumerate(objects)], object)
    return Samples(images, np.array(labels), names)


def seen(dataset: Dataset) -> dict[str, set[str]]:
    pattern = re.compile(r"object-(\d+)")
    found: dict[str, set[str]] = {}
    for split in SPLITS:
        names = getattr(dataset, split).names
        found[split] = {match[1] for name in names if (match := pattern.search(name))}
    return found


@settings(max_examples=60)
@given(st.data())
def test_every_object_is_in_one_split_and_every_class_in_each(data: st.DataObject) -> None:
    classes = data.draw(st.integers(2, 4))
    per_class = data.draw(st.integers(6, 15))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=classes * per_class, max_size=classes * per_class))
    objects = np.repeat(np.arange(len(sizes)), sizes).tolist()
    labels = [each % classes for each in objects]
    whole = samples(objects, labels)
    splits = Splits(tuple("abcd"[:classes]), whole)
    seed = data.draw(st.integers(0, 2**32 - 1))
    dataset = complete("named", splits, seed, refuse, r"object-(\d+)")
    found = seen(dataset)
    assert found["train"].isdisjoint(found["validation"])
    assert found["test"].isdisjoint(found["train"] | found["validation"])
    assert sum(map(len, dataset.splits.values())) == len(whole)
    for drawn in dataset.splits.values():
        assert np.bincount(drawn.labels, minlength=classes).min() >= 1
    again = complete("named", splits, seed, refuse, r"object-(\d+)")
    assert again.checksum() == dataset.checksum()


def test_shares_are_kept_where_objects_are_many() -> None:
    objects = np.repeat(np.arange(400), 3).tolist()
    splits = Splits(("a", "b"), samples(objects, [each % 2 for each in objects]))
    dataset = complete("n", splits, 0, refuse, "object-[0-9]+")
    assert abs(len(dataset.test) / 1200 - 0.2) < 0.02
    assert abs(len(dataset.validation) / 960 - 0.1) < 0.02
    assert abs(dataset.test.labels.mean() - 0.5) < 0.05


def test_too_few_objects() -> None:
    whole = samples([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(DataError, match=r"cannot be split so that each object \(object-[^ ]* is in one split .*; add"):
        complete("n", Splits(("a", "b"), whole), 0, refuse, r"object-(\d+)")


@pytest.mark.parametrize(
    ("group_by", "message"),
    [
        ("object-(", r"group_by=object-\(: is no regular expression \(.*\); give one"),
        ("tile", "group_by=tile: it names the object of none of the 8 images, such as 'x/object-0 0.png'; look at"),
        ("none.csv", "group_by=none.csv: cannot be read"),
    ],
)
def test_what_names_no_object(group_by: str, message: str) -> None:
    whole = samples([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(InputError, match=message):
        complete("n", Splits(("a", "b"), whole), 0, refuse, group_by)


def test_groups_and_whole_matches_name_the_object() -> None:
    names = np.array(["a/t1-left.png", "b/t1-right.png", "b/t2.png", "c/none"], object)
    assert objects_of(names, r"(t\d)(-left)?").tolist() == ["t1/-left", "t1/", "t2/", "c/none"]
    assert objects_of(names, r"t\d").tolist() == ["t1", "t1", "t2", "c/none"]


def test_a_table_of_objects(tmp_path: Path) -> None:
    table = tmp_path / "tiles.csv"
    table.write_text("image,object,remark\na/1.png,tile 1,x\nb/1.png,tile 1,\na/2.png,,\n")
    assert objects_of(["a/1.png", "b/1.png", "a/2.png", "a/3.png"], str(table)).tolist() == [
        "tile 1",
        "tile 1",
        "a/2.png",
        "a/3.png",
    ]
    table.write_text("path\n")
    with pytest.raises(InputError, match="its columns are path; it needs image and object; name them"):
        objects_of(["a"], str(table))


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffimage,object\r\na/1.png,tile 1\r\nb/1.png,tile 1\r\n".encode(),
        b"image;object;more\na/1.png;tile 1;x,y\nb/1.png;tile 1;",
        b"object\timage\ntile 1\ta/1.png\ntile 1\tb/1.png\n",
        b'"Object", "Image"\n"tile 1", "a/1.png"\n"tile 1", "b/1.png"\n',
        "image\tobject\r\na/1.png\ttile 1\r\nb/1.png\ttile 1\r\n".encode("utf-16"),
        b"image,object\na\\1.png,tile 1\n./b/1.png, tile 1 \n",
        b"image,object\n\na/1.png,tile 1\nb/1.png,tile 1\nb/2.png\n",
    ],
)
def test_tables_as_programs_write_them(tmp_path: Path, content: bytes) -> None:
    table = tmp_path / "groups.csv"
    table.write_bytes(content)
    assert objects_of(["a/1.png", "b/1.png", "b/2.png"], str(table)).tolist() == ["tile 1", "tile 1", "b/2.png"]
    table.rename(tmp_path / "groups.TSV")
    assert objects_of(["a/1.png"], str(tmp_path / "groups.TSV")).tolist() == ["tile 1"]


def test_a_name_with_a_separator_and_in_either_spelling_of_unicode(tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text('image;object\n"a;1, ""ü"".png";o\n', encoding="utf-8")
    assert objects_of(['a;1, "u\u0308".png'], str(table)).tolist() == ["o"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("image,object\na.png,1\n./a.png,2\n", "its lines 2 and 3 are both for a.png; keep one of them"),
        ("image,object\na,b.png,1\n", "its line 2 has more columns than its first; put quotes around a name"),
        ("image,image,object\n", "its columns are image, image, object; it needs image and object"),
        ("", "its columns are none; it needs image and object"),
        ('image,object\n"a"b,1\n', "is no table of text"),
    ],
)
def test_a_table_that_would_be_a_guess_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "groups.csv").write_text(content)
    with pytest.raises(InputError, match=re.escape(words)):
        objects_of(["a.png"], str(tmp_path / "groups.csv"))


def test_pictures_without_a_group_and_rows_without_a_picture_are_counted(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "photos", "a", "b", count=20)
    table = tmp_path / "groups.csv"
    table.write_text("image,object\n" + "".join(f"a/{n}.png,{n // 2}\n" for n in range(18, 22)) + "b/0.png,0\n")
    notices = load(str(root), group_by=str(table)).notices
    assert notices == (
        f"3 of 40 images have a group in {table}; each of the others is an object of its own",
        f"2 of the 5 rows of {table} for images that are not there (a/20.png, a/21.png); "
        "write each image's path within the source",
    )
    with pytest.raises(DataError, match="3 of 40 images have a group"):
        load(str(root), group_by=str(table), strict=True)


def test_a_split_that_is_written_can_be_read_again(tmp_path: Path) -> None:
    for name in "ab":
        for number in range(24):
            pixels = noise(6, 6, seed=number + 99 * ord(name))
            write_picture(tmp_path / "photos" / name / f"ü,{number // 2} {number}.png", pixels)
    dataset = load(str(tmp_path / "photos"), group_by=r"(./ü,\d+) ")
    text = split_csv(dataset)
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 48
    for row in rows:
        assert row["image"].startswith(f"{row['class']}/ü,")
        assert row["object"] == row["image"].split(" ")[0]
    assert {row["image"] for row in rows if row["split"] == "test"} == set(np.asarray(dataset.test.names))
    (tmp_path / "split.csv").write_text(text, encoding="utf-8")
    again = load(str(tmp_path / "photos"), group_by=str(tmp_path / "split.csv"))
    assert again.checksum() == dataset.checksum()


def test_own_splits_that_share_objects_or_images_are_reported(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("test", 3)):
        for name in "ab":
            for number in range(first, first + 6):
                shown = noise(6, 6, seed=ord(name)) if number == 3 else noise(6, 6, seed=ord(name) + 7 * number)
                write_picture(tmp_path / split / name / f"{name}{number}-{split}.{'bmp' if first else 'png'}", shown)
    dataset = load(str(tmp_path), group_by=r"([ab]\d)-")
    shared = [notice for notice in dataset.notices if "share objects" in notice]
    assert len(shared) == 1
    assert shared[0].startswith("the source's own splits share objects: ")
    assert re.search(r"\d of train and test \(a\d, …\)", shared[0])
    (identical,) = [notice for notice in dataset.notices if "byte-identical" in notice]
    pair = r"\(test/a/a\d-test.bmp = train/a/a\d-train.png, …\)"
    assert re.search(rf"\d images of test are byte-identical to one of train {pair}", identical)
    assert identical.endswith(": results on them will be too good")


def test_one_shared_image_is_named_in_the_singular() -> None:
    one = Samples(np.zeros((1, 6, 6, 1), np.uint8), np.array([0]), np.array(["a/1.png"], object))
    assert notice({"train": one, "test": one}) == (
        "1 image of test is byte-identical to one of train (a/1.png = a/1.png): results on it will be too good"
    )


def test_one_image_twice(tmp_path: Path) -> None:
    root = write_classes(tmp_path, "a", "b", count=10)
    for number in range(10):
        (root / "b" / f"again-{number}.png").write_bytes((root / "b" / f"{number}.png").read_bytes())
    dataset = load(str(root))
    (notice,) = dataset.notices
    pairs = sum(map(int, re.findall(r"(\d+) images? of", notice)))
    splits = {row["image"]: row["split"] for row in csv.DictReader(split_csv(dataset).splitlines())}
    assert pairs == sum(splits[f"b/{number}.png"] != splits[f"b/again-{number}.png"] for number in range(10))
    assert load(str(root), group_by=r"(\d)\.png").notices == ()
