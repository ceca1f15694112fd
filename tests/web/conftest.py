"""A real Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from handgrad.web.page import explanation_page
from tests.web.models import traced

REQUIRED = "HANDGRAD_REQUIRE_BROWSER"
DESKTOP = {"width": 1400, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or Playwright's own."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or playwright.chromium.executable_path
        if not Path(found).exists():
            reason = "no Chromium: install Debian's package chromium, or run `playwright install chromium`"
            if os.environ.get(REQUIRED):
                pytest.fail(reason)
            pytest.skip(reason)
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=found, args=quiet)
        yield chromium
        chromium.close()


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens an address and waits until the page is ready; whatever the console says fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_page(address: str, **options: object) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESKTOP, **options}))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The address of the self-contained page of one of the networks."""
    folder = tmp_path_factory.mktemp("page with ü")
    addresses: dict[str, str] = {}

    def address(name: str) -> str:
        if name not in addresses:
            file = folder / f"{name}.html"
            file.write_text(explanation_page(traced(name)), encoding="utf-8")
            addresses[name] = file.as_uri()
        return addresses[name]

    return address
