from __future__ import annotations

import gzip
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handgrad.data import load
from handgrad.data.idx import read_array
from handgrad.errors import DataError, HandgradError
from tests.data.writing import NAMES, idx, noise, write_idx

TERABYTES = struct.pack(">IIII", 0x0803, 1_000_000, 10_000, 1_000)


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_spelling_reads_the_same(tmp_path: Path, dot: bool, zipped: bool) -> None:
    dataset = load(str(write_idx(tmp_path / "Größe 6 × 5", dot=dot, zipped=zipped)))
    assert dataset.classes == ("0", "1")
    assert dataset.name == "Größe-6-5"
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (36, 4, 10)
    np.testing.assert_array_equal(dataset.test.images[..., 0], noise(10, 6, 5, seed=1))
    np.testing.assert_array_equal(dataset.test.labels, np.arange(10) % 2)


def test_size_wins(tmp_path: Path) -> None:
    assert load(str(write_idx(tmp_path)), size=(3, 7)).image_shape == (3, 7, 1)


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (write_idx(tmp_path) / missing).unlink()
    with pytest.raises(DataError, match=f"lacks {missing}"):
        load(str(tmp_path))


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", r"begins with the bytes \(none\)"),
    "wrong magic": (lambda content: b"\x89PNG" + content[4:], "begins with the bytes 89504e47"),
    "labels instead": (lambda content: idx(np.zeros(4, np.uint8)), "00000801.*00000803"),
    "float type": (lambda content: b"\0\0\x0d\3" + content[4:], r"type code is 0x0d \(float32\).*0x08 \(uint8\)"),
    "unknown type": (lambda content: b"\0\0\x77\3" + content[4:], "an unknown type"),
    "cut header": (lambda content: content[:10], "header has 10 bytes; it must have 16"),
    "cut body": (lambda content: content[:-1], "claims 1200 bytes"),
    "trailing bytes": (lambda content: content + b"!", "bytes follow the 1200"),
    "no images": (lambda content: struct.pack(">IIII", 0x0803, 0, 6, 5), "no size may be 0"),
    "terabytes": (lambda content: TERABYTES + content[16:], "claims 10000000000000 bytes"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, fault: str, zipped: bool) -> None:
    break_it, message = BROKEN[fault]
    write_idx(tmp_path, zipped=zipped)
    path = tmp_path / (NAMES[0] + ".gz" * zipped)
    broken = break_it(gzip.decompress(path.read_bytes()) if zipped else path.read_bytes())
    path.write_bytes(gzip.compress(broken) if zipped else broken)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}.*{message}"):
        load(str(tmp_path))


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_a_cut_gzip(tmp_path: Path, cut: int) -> None:
    path = write_idx(tmp_path, zipped=True) / (NAMES[0] + ".gz")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match="no valid gzip file"):
        load(str(tmp_path))


def test_a_gzip_that_is_none(tmp_path: Path) -> None:
    path = write_idx(tmp_path) / NAMES[0]
    path.rename(f"{path}.gz")
    with pytest.raises(DataError, match=r"no valid gzip file.*drop \.gz"):
        load(str(tmp_path))


@pytest.mark.parametrize("count", [39, 41])
def test_as_many_labels_as_images(tmp_path: Path, count: int) -> None:
    (write_idx(tmp_path) / NAMES[1]).write_bytes(idx((np.arange(count) % 2).astype(np.uint8)))
    with pytest.raises(DataError, match=rf"it has 40 images and {count} labels \(training\)"):
        load(str(tmp_path))


def test_a_test_label_that_training_lacks(tmp_path: Path) -> None:
    (write_idx(tmp_path) / NAMES[3]).write_bytes(idx(np.full(10, 7, np.uint8)))
    with pytest.raises(DataError, match=r"its test label '7' is none of its 2 classes"):
        load(str(tmp_path))


def test_splits_of_two_sizes_need_one(tmp_path: Path) -> None:
    (write_idx(tmp_path) / NAMES[2]).write_bytes(idx(noise(10, 8, 8)))
    with pytest.raises(DataError, match=r"\(6, 5, 1\), \(8, 8, 1\); choose one size"):
        load(str(tmp_path))
    assert load(str(tmp_path), size=(7, 7)).test.images.shape == (10, 7, 7, 1)


@pytest.mark.parametrize("zipped", [False, True])
def test_memory_is_bounded_by_what_is_there(tmp_path: Path, zipped: bool) -> None:
    # 10 MB of zeros compress to 10 kB, which could hold no terabytes either.
    content = TERABYTES + bytes(10_000_000)
    path = tmp_path / ("claim.gz" if zipped else "claim")
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="claims 10000000000000 bytes"):
            read_array(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=64), st.booleans(), st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03"]))
@example(b"\0\0\0\2\1\0", False, b"\0\0\x08\x01")
def test_any_bytes_give_an_array_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, zipped: bool, start: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / ("any.gz" if zipped else "any")
    path.write_bytes(start + content)
    try:
        array = read_array(path, 1)
    except HandgradError:
        return
    assert array.dtype == np.uint8
    assert array.tobytes() == content[4:]
