"""Pages in a real Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from handgrad.web.page import explanation_page
from tests.web.models import traced

DESKTOP = {"width": 1400, "height": 900}
PHONE = {"width": 390, "height": 844}


Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens an address and waits until the page is ready; whatever the console says fails the test.

    Without smooth scrolling, in which what is clicked may move between the press of the mouse and its release.
    """
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_page(address: str, **options: object) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options}))  # type: ignore[arg-type]
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
