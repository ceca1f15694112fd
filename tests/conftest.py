"""Fixtures of the whole test suite."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from tests.mounting import Mount, mounting

BROWSER_REQUIRED = "HANDGRAD_REQUIRE_BROWSER"

# No test is timed: a busy machine must not fail one.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# The processes of pytest-xdist have no terminal, but are given the width of one: tables would be folded.
os.environ.pop("COLUMNS", None)


def pytest_configure() -> None:
    """Ctrl-C is heeded by the tests and the processes that they start, in the background of a shell too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands, those in other processes too, keep what they decode where it does not last."""
    os.environ["HANDGRAD_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets: the environment's HANDGRAD_DATA, else shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HANDGRAD_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; HANDGRAD_DATA names their folder")
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``handgrad train digits`` leaves, with a small network and few epochs."""
    from handgrad import cli  # which looks at the terminal when it is imported

    folder = tmp_path_factory.mktemp("trained") / "digits"
    arguments = ["train", "digits", "--out", str(folder), "--filters", "8,8", "--hidden", "32", "--epochs", "12"]
    assert cli.run(arguments) == 0
    return folder


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a file system in memory."""
    with mounting(tmp_path / "mounted") as mounted:
        yield mounted


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or Playwright's own."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or playwright.chromium.executable_path
        if not Path(found).exists():
            reason = "no Chromium: install Debian's package chromium, or run `playwright install chromium`"
            if os.environ.get(BROWSER_REQUIRED):
                pytest.fail(reason)
            pytest.skip(reason)
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=found, args=quiet)
        yield chromium
        chromium.close()
