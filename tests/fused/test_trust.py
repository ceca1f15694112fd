"""No code is loaded from where somebody else could have put it."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handgrad import system
from handgrad.errors import HandgradWarning
from handgrad.fused import cache, trust
from handgrad.fused.cache import SealedFile
from handgrad.fused.compilation import Compilation
from tests.fused.test_cache import kept_in as kept_in
from tests.fused.test_cache import step

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")

_NOBODY = 54321


class Shell:
    """What unpickling it does shows that a file was loaded."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.witness,)


def plant(file: Path, witness: Path) -> None:
    data = pickle.dumps(("key", Shell(witness)))
    file.write_bytes(hashlib.sha256(data).digest() + data)
    file.chmod(0o600)


def owned_by_another(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives a file away")
    os.chown(path, _NOBODY, -1, follow_symlinks=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "outer" / "inner"
    made.mkdir(mode=0o755, parents=True)
    return made


def test_what_only_the_user_writes_is_loaded(folder: Path, tmp_path: Path) -> None:
    plant(folder / "kernel", tmp_path / "witness")
    SealedFile(folder / "kernel").load("key")
    assert (tmp_path / "witness").exists()


def moved(folder: Path, where: str) -> None:
    """Have a link of another user, or in an open folder, lead to a folder that is as it should be."""
    folder.rename(folder.parent.parent / "real")
    folder.symlink_to(folder.parent.parent / "real")
    if where == "another's":
        owned_by_another(folder)
    else:
        folder.parent.chmod(0o777)


OPENED: dict[str, Callable[[Path], None]] = {
    "the file to all": lambda folder: (folder / "kernel").chmod(0o602),
    "the file to a group": lambda folder: (folder / "kernel").chmod(0o620),
    "the file is another's": lambda folder: owned_by_another(folder / "kernel"),
    "the folder to all": lambda folder: folder.chmod(0o777),
    "the folder to a group": lambda folder: folder.chmod(0o775),
    "the folder is another's": owned_by_another,
    "the folder above to all": lambda folder: folder.parent.chmod(0o777),
    "the folder above is another's": lambda folder: owned_by_another(folder.parent),
    "a link that is another's": lambda folder: moved(folder, "another's"),
    "a link in an open folder": lambda folder: moved(folder, "open"),
}


@pytest.mark.parametrize("opened", OPENED)
def test_what_others_may_have_written_is_not_loaded(
    folder: Path, tmp_path: Path, opened: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "_is_own", lambda group: False)
    plant(folder / "kernel", tmp_path / "witness")
    OPENED[opened](folder)
    with pytest.warns(HandgradWarning, match="others could have written the kernels there, so they are not used; set"):
        assert SealedFile(folder / "kernel").load("key") is None
    assert not (tmp_path / "witness").exists()
    with warnings.catch_warnings():  # told once
        warnings.simplefilter("error")
        assert SealedFile(folder / "kernel").load("key") is None


def test_a_sticky_folder_above_and_a_link_of_ones_own_are_no_danger(folder: Path, tmp_path: Path) -> None:
    folder.parent.chmod(0o1777)
    (tmp_path / "link").symlink_to("outer")
    plant(folder / "kernel", tmp_path / "witness")
    SealedFile(tmp_path / "link" / "inner" / "kernel").load("key")
    assert (tmp_path / "witness").exists()


def test_no_kernels_are_kept_in_a_sticky_folder(folder: Path) -> None:
    folder.chmod(0o1777)
    with pytest.warns(HandgradWarning):
        assert trust.distrusted(folder)


@pytest.mark.parametrize(
    ("user", "group", "name", "members", "own"),
    [(7, 7, "ada", [], True), (7, 7, "ada", ["ada"], True), (7, 8, "ada", [], False), (7, 7, "staff", [], False),
     (7, 7, "ada", ["eve"], False), (0, 0, "ada", [], False)],
)  # fmt: skip
def test_a_group_of_the_user_alone_is_the_user(
    monkeypatch: pytest.MonkeyPatch, user: int, group: int, name: str, members: list[str], own: bool
) -> None:
    import grp
    import pwd

    monkeypatch.setattr(
        pwd, "getpwuid", lambda uid: SimpleNamespace(pw_uid=user, pw_gid=7 if user else 0, pw_name="ada")
    )
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name=name, gr_mem=members))
    assert trust._is_own.__wrapped__(group) == own


def test_links_in_a_circle_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.warns(HandgradWarning):
        assert SealedFile(tmp_path / "one" / "kernel").load("key") is None


def test_windows_has_no_such_modes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    plant(folder / "kernel", tmp_path / "witness")
    folder.chmod(0o777)
    SealedFile(folder / "kernel").load("key")
    assert (tmp_path / "witness").exists()


@pytest.fixture
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_mask")
def test_what_is_made_is_for_the_user_alone(tmp_path: Path, kept_in: Callable[[Path], None]) -> None:
    kept_in(tmp_path / "a" / "b")
    assert step().kept
    assert step() == Compilation(seconds=0.0, kept=True)
    for path in (tmp_path / "a").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_kernels_that_others_may_have_written_are_compiled_in_memory(
    tmp_path: Path, kept_in: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No other place may have them.
    monkeypatch.setattr(cache._Kernel, "_locator_classes", [cache._Chosen])
    kept_in(tmp_path / "cache")
    assert step().kept
    (tmp_path / "cache").chmod(0o777)
    with pytest.warns(HandgradWarning, match="cache: others could have written"):
        outcome = step()
    assert outcome.seconds > 0
    assert list((tmp_path / "cache").rglob("*.kernel"))
