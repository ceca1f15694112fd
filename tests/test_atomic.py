"""All files are written, or none, whatever the system does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handgrad.atomic import remove_leftovers, write_files
from handgrad.errors import OutputError
from tests.mounting import Mount
from tests.privileges import without_privileges

OLD = {"a.txt": b"old a", "b.txt": b"old b"}
NEW = {"a.txt": b"new a", "b.txt": b"new b", "c.txt": b"new c"}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_missing_folder_is_made_and_what_is_there_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "ä b"
    write_files(folder, OLD)
    assert content(folder) == OLD
    (folder / "other").write_bytes(b"other")
    write_files(folder, NEW)
    assert content(folder) == {**NEW, "other": b"other"}


def test_the_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write_files(tmp_path, NEW)
    (tmp_path / "plain").touch()
    assert {path.stat().st_mode for path in tmp_path.iterdir()} == {(tmp_path / "plain").stat().st_mode}


def test_a_full_disk_leaves_all_as_it_was(mount: Mount) -> None:
    folder = mount("size=64k")
    write_files(folder, OLD)
    with pytest.raises(OutputError, match=r"mounted: cannot be written \(No space left on device\); choose.*room"):
        write_files(folder, {**NEW, "c.txt": bytes(100_000)})
    assert content(folder) == OLD
    write_files(folder, NEW)
    assert content(folder) == NEW


def test_a_disk_without_room_for_another_file_leaves_all_as_it_was(mount: Mount) -> None:
    folder = mount("size=64k,nr_inodes=5")
    write_files(folder, OLD)
    with pytest.raises(OutputError, match="No space left on device"):
        write_files(folder, NEW)
    assert content(folder) == OLD


def test_a_read_only_disk(mount: Mount) -> None:
    folder = mount("ro")
    for target in (folder, folder / "new"):
        with pytest.raises(OutputError, match=r"cannot be written \(Read-only file system\)"):
            write_files(target, NEW)


def test_a_folder_without_permission(open_folder: Path) -> None:
    write_files(open_folder, OLD)
    open_folder.chmod(0o555)
    for folder in (open_folder, open_folder / "new"):
        error = without_privileges(
            "from pathlib import Path; from handgrad.atomic import remove_leftovers, write_files",
            f"write_files(Path({str(folder)!r}), {NEW!r})",
        )
        assert f"OutputError: path={folder}: cannot be written (Permission denied)" in error
    assert content(open_folder) == OLD


@pytest.mark.parametrize("folder", ["a.txt", "b.txt", "c.txt"])
def test_a_target_that_is_a_folder_leaves_all_as_it_was(tmp_path: Path, folder: str) -> None:
    write_files(tmp_path, {name: text for name, text in OLD.items() if name != folder})
    (tmp_path / folder).mkdir()
    before = content(tmp_path)
    with pytest.raises(OutputError, match=rf"cannot be written \({folder} is a folder\)"):
        write_files(tmp_path, NEW)
    assert content(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*before, folder})


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_is_a_file(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(OutputError, match="cannot be written"):
        write_files(tmp_path / folder, NEW)
    assert content(tmp_path) == {"file": b"precious"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    write_files(tmp_path, OLD)
    written = []

    def interrupted(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise error

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(error):
        write_files(tmp_path, NEW)
    assert content(tmp_path) == OLD


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.txt.x0_9abcd", "a.txt", ".a.txt.backup", ".b.txt.x0_9abcd", "a.txt.x0_9abcd"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ["a.txt", "c[1].txt"])
    assert sorted(content(tmp_path)) == [".a.txt.backup", ".b.txt.x0_9abcd", "a.txt", "a.txt.x0_9abcd"]
