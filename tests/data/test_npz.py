from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data import load
from handgrad.data.npz import read_npz
from handgrad.errors import DataError, HandgradError
from tests.data.writing import everything, noise, write_picture

LABELS = np.arange(30) % 3


def write(path: Path, **arrays: Any) -> str:
    whole: dict[str, Any] = {"images": noise(30, 6, 5), "labels": LABELS} | arrays
    np.savez_compressed(path, **whole)
    return str(path)


def write_npy(path: Path, header: dict[str, Any], body: bytes) -> str:
    """An archive whose images have any header before any body."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, header)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", content.getvalue() + body)
        labels = io.BytesIO()
        np.save(labels, LABELS)
        archive.writestr("labels.npy", labels.getvalue())
    return str(path)


def test_images_and_labels(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "drei Zeichen ä.npz"))
    assert dataset.classes == ("0", "1", "2")
    assert dataset.image_shape == (6, 5, 1)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (21, 3, 6)
    assert sorted(map(bytes, everything(dataset).images)) == sorted(map(bytes, noise(30, 6, 5)))


def test_keras_keys_bring_their_own_test_split(tmp_path: Path) -> None:
    path = tmp_path / "keras.npz"
    np.savez(path, x_train=noise(30, 6, 5, 3), y_train=LABELS, x_test=noise(9, 6, 5, 3, seed=1), y_test=LABELS[:9])
    dataset = load(str(path))
    assert dataset.image_shape == (6, 5, 3)
    np.testing.assert_array_equal(dataset.test.images, noise(9, 6, 5, 3, seed=1))


@pytest.mark.parametrize(
    ("labels", "classes", "names"),
    [
        (np.array([5, 40, -1])[LABELS], None, ("-1", "5", "40")),
        (np.array(["b10", "b9", "a"])[LABELS], None, ("a", "b9", "b10")),
        (np.array([b"ja", b"nein", b"w\xc3\xa4hle"])[LABELS], None, ("ja", "nein", "wähle")),
        (LABELS, ["zebra", "ape", "bee"], ("zebra", "ape", "bee")),
        (np.array(["ape", "bee", "zebra"])[LABELS], ["zebra", "ape", "bee"], ("zebra", "ape", "bee")),
    ],
)
def test_labels_become_classes(
    tmp_path: Path, labels: np.ndarray[Any, Any], classes: list[str] | None, names: tuple[str, ...]
) -> None:
    images = np.repeat(LABELS.astype(np.uint8), 4).reshape(30, 2, 2)
    named = {} if classes is None else {"classes": classes}
    dataset = load(write(tmp_path / "a.npz", images=images, labels=labels, **named))
    assert dataset.classes == names
    whole = everything(dataset)
    texts = [label.decode() if isinstance(label, bytes) else str(label) for label in labels[:3]]
    by_number = classes is not None and labels.dtype.kind == "i"
    for image, number in zip(whole.images, whole.labels, strict=True):
        kind = int(image[0, 0, 0])
        assert dataset.classes[number] == (names[kind] if by_number else texts[kind])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": noise(30, 6, 5).astype(float) * np.nan}, "900 of its 900 values are NaN or infinite"),
        ({"images": np.full((30, 6, 5), np.inf)}, "NaN or infinite"),
        ({"images": np.full((30, 6, 5), 1e-35)}, "too large or too small"),
        ({"images": np.full((30, 6, 5), -1e35)}, "too large or too small"),
        ({"images": np.full((30, 6, 5), "x")}, "they must be numbers"),
        ({"images": np.ones((30, 6, 5), complex)}, "they must be numbers"),
        ({"images": noise(30, 6)}, r"shape \(30, 6\)"),
        ({"images": noise(30, 3, 6, 5)}, r"shape \(30, 3, 6, 5\).*moveaxis"),
        ({"images": noise(0, 6, 5), "labels": LABELS[:0]}, r"shape \(0, 6, 5\)"),
        ({"labels": LABELS[:29]}, "30 images and 29 labels"),
        ({"labels": LABELS.astype(float)}, "labels are float64.*integers or strings"),
        ({"labels": LABELS[:, None]}, r"labels are int64 of shape \(30, 1\)"),
        ({"labels": np.eye(3, dtype=int)[LABELS]}, r"shape \(30, 3\)"),
        ({"labels": LABELS.astype(object)}, r"labels.npy has pickled objects"),
        ({"images": np.array([{}] * 30)}, r"images.npy has pickled objects"),
        ({"classes": ["a", "b"]}, "labels run from 0 to 2; 2 classes are 0 to 1"),
        ({"classes": ["a", "b", "a"]}, "one different name for each class"),
        ({"classes": [1, 2, 3]}, "one different name for each class"),
        ({"classes": ["a", "b", "c"], "labels": np.array(["a", "b", "d"])[LABELS]}, "label 'd' is none"),
        ({"classes": ["a", "b", "c", "d"]}, "class 'd' has 0 usable images"),
        ({"labels": LABELS * 0}, "only the class '0'"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(DataError, match=f"source={path}.*{message}"):
        load(path)


@pytest.mark.parametrize("keys", [{"a": 1}, {"images": 1}, {"x_train": 1, "y_train": 1, "x_test": 1}, {}])
def test_missing_arrays(tmp_path: Path, keys: dict[str, int]) -> None:
    arrays: dict[str, Any] = {key: np.zeros(3, int) for key in keys}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match="of the arrays needed; save images and labels"):
        load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("images", "pixels"),
    [
        (np.array([0.0, 0.5, 1.0], np.float16), [0, 128, 255]),
        (np.array([0.4, 127.6, 255.0]), [0, 128, 255]),
        (np.array([0, 32768, 65535], ">u2"), [0, 128, 255]),
        (np.array([0, 7, 255], np.uint16), [0, 7, 255]),
        (np.array([0, 1, 255], np.int64), [0, 1, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_numbers_become_pixels(tmp_path: Path, images: np.ndarray[Any, Any], pixels: list[int]) -> None:
    wide = np.broadcast_to(images, (30, 4, 3))
    dataset = load(write(tmp_path / "a.npz", images=wide))
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.images[0, 0, :, 0].tolist() == pixels


@pytest.mark.parametrize(
    ("train", "test", "pixels"),
    [
        (np.array([0, 256, 1023], np.uint16), np.array([0, 129, 255], np.uint16), ([0, 64, 255], [0, 32, 64])),
        (np.array([0, 129, 255], np.uint16), np.array([0, 256, 1023], np.uint16), ([0, 32, 64], [0, 64, 255])),
        (np.array([0.0, 9.0, 255.0]), np.array([0.0, 0.5, 1.0]), ([0, 9, 255], [0, 0, 1])),
        (np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.5, 1.0]), ([0, 128, 255], [0, 128, 255])),
    ],
)
def test_all_splits_share_one_scale(
    tmp_path: Path, train: np.ndarray[Any, Any], test: np.ndarray[Any, Any], pixels: tuple[list[int], list[int]]
) -> None:
    splits = {"x_train": np.broadcast_to(train, (30, 4, 3)), "x_test": np.broadcast_to(test, (30, 4, 3))}
    np.savez(tmp_path / "a.npz", **splits, y_train=LABELS, y_test=LABELS)  # type: ignore[arg-type]
    dataset = load(str(tmp_path / "a.npz"))
    assert (dataset.train.images[0, 0, :, 0].tolist(), dataset.test.images[0, 0, :, 0].tolist()) == pixels


def test_splits_of_two_types_have_no_common_scale(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x_train=noise(30, 4, 3), y_train=LABELS, x_test=np.ones((30, 4, 3), np.float32), y_test=LABELS)
    with pytest.raises(DataError, match=r"types uint8 and float32; .*save them all as uint8"):
        load(str(path))


def test_the_names_of_the_classes_hold_for_every_split(tmp_path: Path) -> None:
    path, names = tmp_path / "a.npz", ["zebra", "ape", "bee"]
    images = noise(30, 4, 3)
    np.savez(path, x_train=images, y_train=LABELS, x_test=images, y_test=LABELS[::-1], classes=names)
    dataset = load(str(path))
    assert dataset.classes == tuple(names)
    np.testing.assert_array_equal(dataset.test.labels, LABELS[::-1])
    np.savez(path, x_train=images, y_train=LABELS, x_test=images, y_test=LABELS + 1, classes=names)
    with pytest.raises(DataError, match="labels run from 1 to 3; 3 classes are 0 to 2"):
        load(str(path))


@pytest.mark.parametrize("foreign", [("x_test", "y_test"), ("x_train", "y_train"), ("y_test",)])
def test_two_layouts_in_one_archive(tmp_path: Path, foreign: tuple[str, ...]) -> None:
    arrays = {name: noise(30, 6, 5) if name.startswith("x") else LABELS for name in foreign}
    path = write(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=f"images, labels beside {', '.join(foreign)}, two layouts; save either images"):
        load(path)


def test_too_little_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise MemoryError

    path = write(tmp_path / "a.npz")
    monkeypatch.setattr("handgrad.data.npz.npy.read_array", full)
    with pytest.raises(MemoryError):
        load(path)


def test_a_cut_archive(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.npz"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"no valid \.npz file"):
        load(str(path))


def test_a_header_that_claims_more_than_its_member(tmp_path: Path) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (30, 10**6, 10**6)}
    path = write_npy(tmp_path / "a.npz", header, bytes(30))
    with pytest.raises(DataError, match="claims 30000000000"):
        load(path)


def test_a_bomb_is_refused_before_it_expands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handgrad.data.expansion._ALWAYS_FINE", 1 << 20)
    header = {"descr": "|u1", "fortran_order": False, "shape": (30, 1000, 1000)}
    path = write_npy(tmp_path / "a.npz", header, bytes(30_000_000))
    with pytest.raises(DataError, match=r"claims 3000\d+ bytes.*without compression"):
        load(path)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    path.write_bytes(content)
    with pytest.raises(HandgradError, match="valid"):
        read_npz(path)


@given(st.data())
def test_any_damage_gives_splits_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    np.savez(path, images=noise(6, 3, 3), labels=np.arange(6) % 2)
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=8))
    content[start : start + len(damage)] = damage
    path.write_bytes(content)
    try:
        splits = read_npz(path)
    except HandgradError:
        return
    assert splits.train.images.shape == (6, 3, 3, 1)


@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_transparency_is_laid_on_white_as_in_a_picture(tmp_path: Path, scale: float) -> None:
    images = noise(30, 6, 5, 4)
    for index, image in enumerate(images):
        write_picture(tmp_path / "pictures" / "abc"[index // 10] / f"{index:02}.png", image)
    labels = np.repeat([0, 1, 2], 10)
    stored = images if scale == 1 else (images * scale).astype(np.float32)
    np.savez(tmp_path / "a.npz", images=stored, labels=labels)
    pictures, arrays = load(str(tmp_path / "pictures")), load(str(tmp_path / "a.npz"))
    assert arrays.image_shape == (6, 5, 3)
    difference = np.asarray(arrays.train.images).astype(int) - np.asarray(pictures.train.images)
    # Pillow rounds in another way.
    assert np.abs(difference).max() <= 1
