"""The page of a review in a real browser: by mouse, by keyboard, on a phone, with class names that attack it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from handgrad import model_file
from handgrad.review.changes import Change, read_changes
from handgrad.review.decisions import Decisions, Item
from handgrad.review.page import review_page
from tests.data.writing import write_picture
from tests.review.pictures import HOSTILE, model, picture, write_folder
from tests.web.conftest import DESKTOP, PHONE, Opener
from tests.web.test_server import address_of


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a review, and the folder of its changes."""
    here = tmp_path_factory.mktemp("review")
    folder = write_folder(here / "photos", wrong=((0, 1, 3), (2, 0, 5), (1, 2, 1), (0, 2, 2)))
    for number in range(3):
        write_picture(folder / f"new {number} <b>.png", picture(number, 200))
    (here / "run").mkdir()
    model_file.save(model(), here / "run" / "model.safetensors")
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "handgrad",
        "review",
        here / "run",
        folder,
        "--engine",
        "notes",
        "--port",
        "0",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield address_of(process), here / "photos-review"
    process.terminate()
    process.communicate()


@pytest.fixture
def page(served: tuple[str, Path], opened: Opener) -> Page:
    """The page, with nothing decided yet."""
    undecided(served[0])
    return opened(served[0])


def undecided(address: str) -> None:
    """Takes back whatever an earlier test decided."""
    for number in range(12):
        body = json.dumps({"item": number, "to": None}).encode()
        with contextlib.suppress(HTTPError), urlopen(Request(f"{address}decide", body, method="POST")):
            pass


def rows(served: tuple[str, Path], count: int) -> list[Change]:
    """The decisions on disk, as soon as there are so many."""
    for _ in range(100):
        found = list(read_changes(served[1]).values())
        if len(found) == count:
            break
        time.sleep(0.05)
    assert len(found) == count
    return found


def test_one_click_relabels(served: tuple[str, Path], page: Page) -> None:
    card = page.locator("#doubted .card", has_text="0-3.png")
    card.get_by_role("button", name="It is “left”").click()
    expect(card).to_contain_text("now “left”")
    expect(page.locator("#standing")).to_contain_text("1 of ")
    (row,) = rows(served, 1)
    assert row[:3] == (str(Path("right/0-3.png")), "right", "left")
    card.get_by_role("button", name="undo").click()
    expect(card.get_by_role("button", name="It is “left”")).to_be_visible()
    expect(page.locator("#standing")).to_contain_text("0 of ")
    rows(served, 0)


def test_the_keyboard_decides_everything(served: tuple[str, Path], page: Page) -> None:
    cards = page.locator("#doubted .card")
    names = [card.locator(".name").inner_text() for card in cards.all()]
    assert len(names) >= 4
    page.locator("a.skip").press("Enter")
    cards.first.focus()
    for key in "yrn":
        page.keyboard.press(key)
    expect(page.locator("#standing")).to_contain_text("3 of ")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == names[3]
    page.keyboard.press("c")
    chooser = page.locator(".card", has_text=names[3]).get_by_label("Another class")
    expect(chooser).to_be_focused()
    chooser.select_option(label=HOSTILE)
    expect(page.locator("#standing")).to_contain_text("4 of ")
    page.evaluate("document.querySelector('#doubted .card').focus()")
    page.keyboard.press("u")
    expect(page.locator("#standing")).to_contain_text("3 of ")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == names[3]
    decided = {row.file: row for row in rows(served, 3)}
    assert list(decided) == names[:3]
    one, two, three = (decided[name] for name in names[:3])
    assert one.to not in ("", one.label)
    assert two.to == two.label
    assert three.to == ""


def test_a_picture_without_a_label_gets_one(served: tuple[str, Path], page: Page) -> None:
    card = page.locator("#unlabeled .card", has_text="new 1 <b>.png")
    expect(card.get_by_role("button", name="is right")).to_have_count(0)
    card.get_by_label("Another class").focus()
    card.get_by_label("Another class").select_option("right")
    expect(card).to_contain_text("labeled “right”")
    assert [row[:3] for row in rows(served, 1)] == [("new 1 <b>.png", "", "right")]


def test_a_decision_is_there_again_when_the_page_is_loaded_anew(served: tuple[str, Path], page: Page) -> None:
    total = page.locator("#doubted .card").count()
    page.locator("#doubted .card").first.press("y")
    expect(page.locator("#standing")).to_contain_text("1 of ")
    rows(served, 1)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#doubted .card").count() == total - 1
    page.get_by_label("Show").select_option("all")
    assert page.locator("#doubted .card").count() == total
    expect(page.locator("#doubted .card.decided")).to_have_count(1)


def test_a_pair_of_classes_can_be_looked_at_alone(page: Page) -> None:
    page.locator("#pair").select_option(label="right → left (1)")
    expect(page.locator("#doubted .card")).to_have_count(1)
    expect(page.locator("#doubted .card")).to_contain_text("0-3.png")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_nothing(served: tuple[str, Path], opened: Opener, viewport: dict[str, int], scheme: str) -> None:
    undecided(served[0])
    page = opened(served[0], viewport=viewport, color_scheme=scheme)
    page.locator("#doubted .card").first.press("y")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_no_script_in_a_name_runs(page: Page) -> None:
    expect(page.locator("#pair option", has_text=HOSTILE).first).to_be_attached()
    page.wait_for_timeout(200)
    assert page.title() == "handgrad: labels to look at"
    assert page.locator("img[src=x], .name b").count() == 0


def test_a_server_that_is_gone_is_reported_and_nothing_seems_decided(page: Page, served: tuple[str, Path]) -> None:
    card = page.locator("#doubted .card").first
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError()); }")
    card.press("y")
    expect(page.locator("#message")).to_contain_text("Not saved: the server does not answer")
    expect(page.locator("#standing")).to_contain_text("0 of ")
    rows(served, 0)


def test_ten_thousand_pictures_open_at_once(opened: Opener, tmp_path: Path) -> None:
    """Only those near the window are in the document, and the others come when they are reached."""
    images = np.zeros((1, 8, 8, 1), np.uint8)
    items = [Item(f"{number}.png", number % 7, 7, 0.1, 0.9, images, 0, None) for number in range(10_000)]
    classes = tuple(f"class {number}" for number in range(8))
    content = {
        "base": "none", "file": "changes.csv", "source": "photos", "pictures": 60_000, "expected": 5_000,
        "classes": classes, "items": Decisions(items, classes, tmp_path).to_list(),
    }  # fmt: skip
    file = tmp_path / "page.html"
    # Without the pictures, which only a server has.
    file.write_text(review_page(content).replace("src: `${base}/pictures", "title: `${base}/pictures"))
    page = opened(file.as_uri())
    expect(page.locator("h1")).to_have_text("10,000 labels to look at")
    assert page.locator(".card").count() < 200
    page.locator("#doubted .card").nth(20).focus()
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.querySelector('.name').textContent") == "80.png"
    page.locator("#pair").select_option(label="class 3 → class 7 (1,429)")
    expect(page.locator("#doubted .name").first).to_have_text("3.png")
