"""Screenshots of the page for docs/images: ``python -m tools.screenshots MODEL IMAGE CLASS``; needs Chromium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from handgrad.cli import run
from tools import DOCS

OUT = DOCS / "images"


def main(model: str, image: str, label: str) -> int:
    """Make the page and take the screenshots."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        code = run(["explain", image, "--model", model, "--label", label, "--out", str(file)])
        if code:
            return code
        chromium = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        first = browser.new_page(viewport={"width": 1400, "height": 620})
        open_page(first, file)
        first.screenshot(path=OUT / "page.png")
        explained = browser.new_page(viewport={"width": 1400, "height": 860})
        open_page(explained, file)
        choose(explained, "T2", [10, 11, 3])
        explained.screenshot(path=OUT / "page-explained.png")
        phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        open_page(phone, file)
        phone.screenshot(path=OUT / "page-phone.png")
        browser.close()
    return 0


def open_page(page: Page, file: Path) -> None:
    """Open the page and wait until it has drawn everything."""
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(500)


def choose(page: Page, name: str, index: list[int]) -> None:
    """Choose a number of a tensor."""
    page.evaluate("([name, index]) => handgrad.choose(name, index, true)", [name, index])
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
