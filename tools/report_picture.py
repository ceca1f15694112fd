"""Screenshot of a report for docs/images: ``python -m tools.report_picture REPORT.html``; needs Chromium."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tools import DOCS

OUT = DOCS / "images" / "report.png"
SIZE: ViewportSize = {"width": 1200, "height": 1330}


def main(report: str) -> int:
    """Take the screenshot."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE)
        page.goto(Path(report).resolve().as_uri())
        page.screenshot(path=OUT)
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
