"""Pictures decoded once: the second reading is the first's, whatever changed, broke or ran at the same time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from handgrad.data import SPLITS, Dataset, load
from handgrad.data.arrays import to_channels
from handgrad.data.cache import Cache
from handgrad.data.stored import StoredImages, checksums_of
from handgrad.errors import DataError, HandgradWarning
from tests.data.writing import noise, write_classes, write_picture
from tests.mounting import Mount


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "photos", "a", "b")


def assert_same(one: Dataset, other: Dataset) -> None:
    assert one.checksum() == other.checksum()
    assert one.standardization() == other.standardization()
    assert one.notices == other.notices
    for split in SPLITS:
        mine, theirs = one.splits[split], other.splits[split]
        np.testing.assert_array_equal(np.asarray(mine.images), np.asarray(theirs.images))
        assert mine.labels.tolist() == theirs.labels.tolist()
        assert mine.identifiers.tolist() == theirs.identifiers.tolist()


def forbid_decoding(monkeypatch: pytest.MonkeyPatch, *allowed: str) -> None:
    def decoded(path: str, *_: object) -> NoReturn:
        raise AssertionError(path)

    real = {name: getattr(sys.modules["handgrad.data.image_files"], name) for name in ("decode", "size_of")}
    for name, function in real.items():
        monkeypatch.setattr(
            f"handgrad.data.image_files.{name}",
            lambda path, *rest, function=function, **more: (
                function(path, *rest, **more) if Path(path).name in allowed else decoded(path)
            ),
        )


@pytest.mark.parametrize("size", [None, (8, 7)])
@pytest.mark.parametrize("shape", [(12, 9), (12, 9, 3)])
def test_the_second_reading_decodes_nothing(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] | None, shape: tuple[int, ...]
) -> None:
    root = str(write_classes(tmp_path / "photos", "a", "b", shape=shape))
    plain = load(root, size=size)
    first = load(root, size=size, cache=cache)
    forbid_decoding(monkeypatch)
    second = load(root, size=size, cache=cache)
    for dataset in (first, second):
        assert isinstance(dataset.train.images, StoredImages)
        assert_same(dataset, plain)


def test_a_size_found_and_the_same_size_given_share_their_images(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load(str(root), cache=cache)
    forbid_decoding(monkeypatch)
    assert_same(load(str(root), size=(12, 9), cache=cache), found)


def test_only_what_is_new_or_changed_is_decoded(root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    load(str(root), cache=cache)
    write_picture(root / "a" / "new.png", noise(12, 9, seed=77))
    write_picture(root / "b" / "3.png", noise(12, 9, seed=78))
    (root / "b" / "4.png").unlink()
    plain = load(str(root))
    forbid_decoding(monkeypatch, "new.png", "3.png")
    assert_same(load(str(root), cache=cache), plain)
    forbid_decoding(monkeypatch)
    assert_same(load(str(root), cache=cache), plain)


def test_a_change_is_seen_though_length_and_date_stay(root: Path, cache: Cache) -> None:
    path = root / "a" / "0.bmp"
    write_picture(path, noise(12, 9, seed=1))
    before, status = load(str(root), cache=cache), path.stat()
    time.sleep(0.02)
    write_picture(path, noise(12, 9, seed=2))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    after = load(str(root), cache=cache)
    assert after.checksum() != before.checksum()
    assert_same(after, load(str(root)))


def test_colors_come_and_go(root: Path, cache: Cache) -> None:
    grey = load(str(root), cache=cache)
    write_picture(root / "a" / "color.png", noise(12, 9, 3))
    colored = load(str(root), cache=cache)
    assert colored.image_shape == (12, 9, 3)
    assert_same(colored, load(str(root)))
    (root / "a" / "color.png").unlink()
    again = load(str(root), cache=cache)
    assert again.image_shape == (12, 9, 1)
    assert_same(again, grey)


def test_unreadable_images_are_named_each_time(root: Path, cache: Cache) -> None:
    (root / "a" / "cut.png").write_bytes((root / "a" / "0.png").read_bytes()[:90])
    (root / "b" / "notes.txt").write_text("no picture")
    plain = load(str(root))
    for _ in range(2):
        assert_same(load(str(root), cache=cache), plain)
    with pytest.raises(DataError, match=r"notes\.txt"):
        load(str(root), cache=cache, strict=True)


DAMAGE = "is damaged"


def damage(content: bytearray, kind: str, where: float, value: int) -> None:
    """Change a file's content in one of the ways in which disks and people do."""
    place = int(where * len(content))
    length = min(value, len(content) - place)
    match kind:
        case "cut":
            del content[place:]
        case "longer":
            content += bytes([value]) * (1 + place % 50)
        case "flipped":
            content[place] ^= value
        case "zeros":
            content[place : place + length] = bytes(length)
        case "swapped":
            half = len(content) // 2
            content[:half], content[-half:] = content[-half:], content[:half]
        case "missing":
            del content[place : place + length]


@settings(max_examples=40)
@given(
    st.sampled_from(["cut", "longer", "flipped", "zeros", "swapped", "missing"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 255),
    st.booleans(),
)
def test_any_damage_to_a_file_is_noticed_and_repaired(
    tmp_path_factory: pytest.TempPathFactory, kind: str, where: float, value: int, colored: bool
) -> None:
    """Every byte counts, of pixels and index: it is reported, and all images stay the same."""
    folder = tmp_path_factory.mktemp("damaged")
    shape = (12, 9, 3) if colored else (12, 9)
    root, cache = write_classes(folder / "photos", "a", "b", shape=shape), Cache(folder / "cache")
    plain = load(str(root), cache=cache)
    changed = 0
    for stored in cache.files():
        content = bytearray(stored.path.read_bytes())
        damage(content, kind, where, value)
        changed += content != stored.path.read_bytes()
        # Another file in its place: the first one is open.
        stored.path.unlink()
        stored.path.write_bytes(content)
    assert sum(stored.damaged for stored in cache.files()) == changed
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert_same(load(str(root), cache=cache), plain)
    assert [DAMAGE in str(each.message) for each in told] == [True] * changed
    assert_same(load(str(root), cache=cache), plain)
    assert_same(load(str(root), cache=cache), plain)
    assert not any(stored.damaged for stored in cache.files())


def test_a_file_that_is_another_s_is_not_read(root: Path, cache: Cache) -> None:
    """Of the same pictures in another size, with as many bytes."""
    plain = load(str(root), size=(8, 6), cache=cache)
    load(str(root), size=(6, 8), cache=cache)
    one, other = (stored.path for stored in cache.files())
    one.rename(cache.folder / "meanwhile")
    other.rename(one)
    (cache.folder / "meanwhile").rename(other)
    with pytest.warns(HandgradWarning, match="its index does not match its checksum"):
        assert_same(load(str(root), size=(8, 6), cache=cache), plain)


def test_a_file_that_is_damaged_while_it_is_used(root: Path, cache: Cache) -> None:
    """Cut in place, which would end a process that has it mapped; and on a disk that cannot read it."""
    plain, used = load(str(root)), load(str(root), size=(12, 9), cache=cache)
    (stored,) = cache.files()
    os.truncate(stored.path, 300)
    with pytest.warns(HandgradWarning, match=r"of its 10 pictures, one or more do not match their checksums"):
        np.testing.assert_array_equal(used.train.images[:], plain.train.images)
    # Said once.
    np.testing.assert_array_equal(used.train.images[:], plain.train.images)
    write_picture(root / "b" / "4.png", noise(12, 9, seed=78))
    images = [samples.images for samples in used.splits.values()]
    with pytest.raises(DataError, match=r"4\.png: it has changed since it was read, and its copy is damaged"):
        list(map(np.asarray, images))


def test_a_damaged_file_is_listed_and_removed_with_all_else(cache: Cache, root: Path) -> None:
    """Whatever is there under a name of ours; and nothing else."""
    load(str(root), cache=cache)
    name = "0123456789abcdef"
    (cache.folder / f"{name}.pictures").write_bytes(b"anything")
    (cache.folder / f"{name[::-1]}.pictures").mkdir()
    (cache.folder / f"{name[::-1]}.pictures" / "file").touch()
    (cache.folder / f"{name}.part").write_bytes(bytes(100))
    (cache.folder / f"{name[::-1]}.part").write_bytes(bytes(100))
    (cache.folder / f"{name}.lock").touch()
    (cache.folder / f"{name[:-1]}0.pictures").symlink_to(root)
    kept = {"poetry.lock": "packages", "my.pictures": "photos", "0123.part": "a part"}
    for other, text in kept.items():
        (cache.folder / other).write_text(text)
        os.utime(cache.folder / other, (0, 0))
    listed = {stored.path.name: stored.damaged for stored in cache.files()}
    assert sorted(listed.values()) == [False, False, True, True, True]
    size = sum(stored.size for stored in cache.files() if not stored.path.is_dir())
    assert cache.clear() >= size + 200
    assert {path.name: path.read_text() for path in cache.folder.iterdir()} == kept
    assert len(list(root.iterdir())) == 2


def test_a_clock_that_was_wrong_keeps_no_file_for_good(root: Path, cache: Cache) -> None:
    load(str(root), size=(8, 8), cache=cache)
    (stored,) = cache.files()
    os.utime(stored.path, (time.time() + 10**9,) * 2)
    load(str(root), size=(9, 9), cache=cache)
    assert stored.path.stat().st_mtime < time.time() + 60


_READ = """
import sys
from pathlib import Path
from handgrad.data import load
from handgrad.data.cache import Cache
import handgrad.data.image_files as image_files
decode, decoded = image_files.decode, []
image_files.decode = lambda path, *rest: (decoded.append(path), decode(path, *rest))[1]
print(load(sys.argv[1], size=(40, 40), cache=Cache(Path(sys.argv[2]))).checksum(), len(decoded))
"""


def _reading(root: Path, cache: Cache) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _READ, str(root), str(cache.folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _large(folder: Path, count: int) -> Path:
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((300, 300), 20 + number).save(path)
    return folder


def test_two_runs_at_once(tmp_path: Path, cache: Cache) -> None:
    root = _large(tmp_path / "photos", 40)
    checksum = load(str(root), size=(40, 40)).checksum()
    together = [_reading(root, cache) for _ in range(3)]
    for process in together:
        out, err = process.communicate()
        assert (process.returncode, out.split()[:1], err) == (0, [checksum], "")
    out, _ = _reading(root, cache).communicate()
    assert out.split() == [checksum, "0"]
    assert len(list(cache.folder.iterdir())) == 1


def test_a_run_that_is_killed_leaves_nothing_that_is_taken_for_valid(tmp_path: Path, cache: Cache) -> None:
    root = _large(tmp_path / "photos", 60)
    checksum = load(str(root), size=(40, 40)).checksum()
    process = _reading(root, cache)
    while not list(cache.folder.glob("*.part")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = list(cache.folder.iterdir())
    assert sorted(path.suffix for path in left) == [".lock", ".part"]
    out, err = _reading(root, cache).communicate()
    assert (out.split()[0], err) == (checksum, "")
    assert out.split()[1] == "60"
    assert not any(path.exists() for path in left)


def test_what_another_run_writes_is_left_alone(root: Path, cache: Cache) -> None:
    with cache.temporary() as file:
        load(str(root), cache=cache)
        assert Path(file.name).exists()
    assert not Path(file.name).exists()


def test_only_its_owner_can_read_what_is_kept(root: Path, cache: Cache) -> None:
    load(str(root), cache=cache)
    assert {stored.path.stat().st_mode & 0o777 for stored in cache.files()} == {0o600}


def test_what_is_long_unused_goes_and_what_is_used_stays(root: Path, cache: Cache, tmp_path: Path) -> None:
    load(str(root), size=(8, 8), cache=cache)
    load(str(root), size=(9, 9), cache=cache)
    for stored in cache.files():
        os.utime(stored.path, (time.time() - 31 * 86400,) * 2)
    load(str(root), size=(8, 8), cache=cache)
    load(str(root), size=(7, 7), cache=cache)
    assert {tuple(stored.about["size"]) for stored in cache.files()} == {(8, 8), (7, 7)}


def test_a_file_that_is_removed_while_it_is_read(root: Path, cache: Cache) -> None:
    dataset = load(str(root), cache=cache)
    expected = load(str(root))
    assert cache.clear() > 0
    assert cache.files() == []
    assert_same(dataset, expected)


@pytest.mark.parametrize("where", ["fsync", "mkdir"])
def test_without_room_or_place_the_images_are_in_memory(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    plain = load(str(root))
    monkeypatch.setattr({"fsync": "os.fsync", "mkdir": "pathlib.Path.mkdir"}[where], full)
    dataset = load(str(root), cache=cache)
    assert dataset.checksum() == plain.checksum()
    (notice,) = dataset.notices
    assert notice == (
        f"the images are not kept in {cache.folder} (No space left on device); choose another folder for the cache"
    )
    assert not cache.folder.exists() or not list(cache.folder.iterdir())


@pytest.mark.parametrize("kib", [4, 8, 16])
def test_a_full_disk_under_the_cache(tmp_path: Path, mount: Mount, kib: int) -> None:
    """Without room for any picture, for some, or for the index."""
    disk = mount(f"size={kib}k")
    root = write_classes(tmp_path / "photos", "a", "b", shape=(48, 24))
    plain, found = load(str(root)), load(str(root), cache=Cache(disk / "cache"))
    for split in SPLITS:
        np.testing.assert_array_equal(np.asarray(found.splits[split].images), plain.splits[split].images)
    assert found.checksum() == plain.checksum()
    (notice,) = found.notices
    assert notice.startswith(f"the images are not kept in {disk / 'cache'} (No space left on device)")
    assert not any(path.suffix in (".part", ".lock") for path in disk.rglob("*"))


def test_stored_images_are_like_an_array(tmp_path: Path) -> None:
    pixels = noise(6, 3, 4, 1)
    (tmp_path / "file").write_bytes(pixels.tobytes())
    with (tmp_path / "file").open("rb") as file:
        images = StoredImages(file, (6, 3, 4, 1), checksums_of(pixels), pixels.__getitem__)
    indices = np.array([5, 0, 0])
    selections: list[Any] = [slice(2, 4), slice(0, 0), indices, 3, -1, (2, ..., 0), (slice(1, 3), 0), indices > 0]
    for chosen in selections[:-1]:
        np.testing.assert_array_equal(images[chosen], pixels[chosen])
        assert images[chosen].flags.writeable
    np.testing.assert_array_equal(np.stack(list(images)), pixels)
    np.testing.assert_array_equal(images.subset(indices).subset(slice(1, None))[:], pixels[[0, 0]])
    deep = to_channels(images, 3, DataError)  # type: ignore[arg-type]
    assert deep.shape == (6, 3, 4, 3)
    np.testing.assert_array_equal(deep[1:3], np.repeat(pixels[1:3], 3, axis=3))
