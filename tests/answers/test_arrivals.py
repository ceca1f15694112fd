"""What arrives in a folder: found when it no longer grows, and again only if it changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handgrad.answers import arrivals as module
from handgrad.answers.arrivals import Arrivals, Mark


@pytest.fixture
def known() -> dict[str, Mark]:
    return {}


@pytest.fixture
def arrivals(tmp_path: Path, known: dict[str, Mark]) -> Arrivals:
    return Arrivals(tmp_path, known)


def test_a_file_arrives_when_two_looks_find_it_the_same(
    tmp_path: Path, arrivals: Arrivals, known: dict[str, Mark], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALM", 1000)
    path = tmp_path / "a.png"
    for size in range(1, 4):
        path.write_bytes(b"x" * size)
        assert (arrivals.look(), arrivals.waiting) == ({}, 1)
    status = path.stat()
    assert arrivals.look() == {"a.png": Mark(3, status.st_mtime_ns)}
    assert arrivals.look(), "until it is seen to"
    known.update(arrivals.look())
    assert (arrivals.look(), arrivals.waiting) == ({}, 0)
    # Same length, other time: a copy that reserves its room first.
    os.utime(path, ns=(0, status.st_mtime_ns + 1))
    assert (arrivals.look(), arrivals.waiting) == ({}, 1)
    assert list(arrivals.look()) == ["a.png"]


def test_files_that_move_or_go_are_no_error(tmp_path: Path, arrivals: Arrivals, known: dict[str, Mark]) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.png").write_bytes(b"1")
    (tmp_path / "b.png").write_bytes(b"2")
    arrivals.look()
    known.update(arrivals.look())
    assert list(known) == ["b.png", f"inner{os.sep}a.png"]
    (tmp_path / "inner").rename(tmp_path / "other")
    (tmp_path / "b.png").unlink()
    arrivals.look()
    assert list(arrivals.look()) == [f"other{os.sep}a.png"]


def test_what_is_hidden_unfinished_or_left_out_does_not_arrive(tmp_path: Path) -> None:
    for name in (".a.png", "b.png.part", "c.crdownload", "Thumbs.db", "results.csv", "d.png"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "results.csv.state").mkdir()
    (tmp_path / "results.csv.state" / "manifest.json").write_text("{}")
    arrivals = Arrivals(tmp_path, {}, [tmp_path / "results.csv", tmp_path / "results.csv.state"])
    arrivals.look()
    assert list(arrivals.look()) == ["d.png"]


def test_a_quiet_folder_is_not_read_again_until_it_changes(
    tmp_path: Path, arrivals: Arrivals, known: dict[str, Mark], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    os.utime(tmp_path, ns=(0, 10**18))
    real, read = os.scandir, list[str]()

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        read.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    # So that only the folder's own time counts.
    monkeypatch.setattr(module, "_SHARE", 1e-12)
    for _ in range(10):
        known.update(arrivals.look())
    assert len(read) == 5
    (tmp_path / "b.png").write_bytes(b"2")
    arrivals.look()
    assert list(arrivals.look()) == ["b.png"]
    # What changes within a file does not change the folder's time: it is read again now and then all the same.
    for _ in range(10):
        known.update(arrivals.look())
    (tmp_path / "b.png").write_bytes(b"changed")
    assert not arrivals.look()
    assert arrivals.waiting == 0
    for folder in arrivals._folders.values():
        folder.due = 0
    arrivals.look()
    assert list(arrivals.look()) == ["b.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_loop_of_links_ends_and_a_missing_folder_is_an_error(tmp_path: Path, arrivals: Arrivals) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    assert (arrivals.look(), arrivals.waiting) == ({}, 0)
    with pytest.raises(FileNotFoundError):
        Arrivals(tmp_path / "missing", {}).look()
