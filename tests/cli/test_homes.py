"""A home that is read-only, missing or unknown: a training works all the same, and leaves nothing where it runs."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any, NoReturn

import pytest

from handgrad.fused.cache import KernelCache
from tests.cli.conftest import Run
from tests.data.writing import write_classes
from tests.privileges import without_privileges

pytestmark = pytest.mark.skipif(os.name != "posix", reason="users of POSIX")

TRAINING = ("train", "photos", "--filters", "2", "--hidden", "4", "--engine", "notes", "--epochs", "1")
NAMELESS = 54321
"""A user that the system does not know, as in containers."""

_IMPORTS = """
import os, sys
from handgrad import cli
training = {training!r}
# Some of it is imported while it runs.
assert cli.run([*training, "--out", "first"]) == 0
"""
_PROGRAM = """
for name in ("HOME", "XDG_CACHE_HOME", "HANDGRAD_CACHE", "MPLCONFIGDIR"):
    os.environ.pop(name, None)
os.environ.update({home!r})
sys.stderr.flush()
print("now", file=sys.stderr)
assert cli.run([*training, "--out", "second"]) == 0
cli.run(["cache"])
"""


@pytest.mark.parametrize(
    ("user", "home", "notice"),
    [
        (65534, {"HOME": "/nonexistent"}, "the images are not kept in /nonexistent/.cache/handgrad/pictures ("),
        (65534, {"HOME": "read-only"}, "the images are not kept in {0}/read-only/.cache/handgrad/pictures ("),
        (NAMELESS, {}, "the images are not kept, since you have no home folder; --cache names another"),
    ],
    ids=["missing", "read-only", "unknown"],
)
def test_a_training_without_a_home(open_folder: Path, user: int, home: dict[str, str], notice: str) -> None:
    write_classes(open_folder / "photos", "a", "b")
    (open_folder / "read-only").mkdir(mode=0o555)
    open_folder.chmod(0o777)
    before = {"photos", "read-only", "first", "second"}
    home = {name: str(open_folder / path) for name, path in home.items()}
    program = _PROGRAM.format(home=home)
    imports = _IMPORTS.format(training=TRAINING)
    moved = f"import os; os.chdir({str(open_folder)!r})\n"
    said = without_privileges(moved + imports, program, user).partition("now\n")[2]
    assert said.startswith(f"handgrad: {notice.format(open_folder)}")
    assert "Traceback" not in said
    assert {path.name for path in open_folder.iterdir()} == before
    assert list((open_folder / "read-only").iterdir()) == []


def test_a_user_without_a_home_gets_no_folder_of_that_name(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(user: int) -> NoReturn:
        raise KeyError(user)

    for name in ("HOME", "XDG_CACHE_HOME", "HANDGRAD_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert run("cache").err.endswith("--cache names another\n")
    # As where the package cannot be written, and only the user's folder is left.
    locators: list[Any] = KernelCache._impl_class._locator_classes
    (of_user,) = (one for one in locators if one.__name__ == "_OfUser")
    assert of_user.from_function(unknown, __file__) is None
    assert list(here.iterdir()) == []
