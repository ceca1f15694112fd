"""The served page in a real browser: pictures, labels and steps."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from handgrad import model_file
from tests.web.conftest import DESKTOP, PHONE, Opener
from tests.web.models import drawn
from tests.web.test_server import address_of, serve


@pytest.fixture(scope="module")
def address(trained: Path) -> Iterator[str]:
    process: subprocess.Popen[str] = serve("--model", str(trained), "--source", "digits")
    yield address_of(process)
    process.terminate()
    process.communicate()


def loss(page: Page) -> float:
    return float(page.evaluate("handgrad.trace.tensor('E').data[0]"))


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_steps_are_taken_played_and_taken_back(viewport: dict[str, int], address: str, opened: Opener) -> None:
    page = opened(address, viewport=viewport)
    steps = page.locator(".steps")
    before = loss(page)
    steps.get_by_role("button", name="one step").click()
    expect(steps.locator(".standing")).to_contain_text("1 step taken")
    one = loss(page)
    assert one < before
    steps.get_by_role("button", name="ten").click()
    expect(steps.locator(".standing")).to_contain_text("11 steps taken")
    assert loss(page) < one
    steps.get_by_role("button", name="play").click()
    expect(steps.locator(".standing")).to_contain_text(re.compile(r"1[4-9] steps taken"))
    steps.get_by_role("button", name="pause").click()
    steps.get_by_role("button", name="start again").click()
    expect(steps.locator(".standing")).to_contain_text("0 steps taken")
    assert loss(page) == before


def rises(page: Page, exponent: str, pictures: int) -> bool:
    """Whether E rises above its start within ten steps, for one of a few pictures and classes."""
    steps = page.locator(".steps")
    steps.locator("input[type=range]").fill(exponent)
    for picture, label in itertools.product(range(pictures), range(10)):
        page.locator("input[type=number]").fill(str(picture))
        page.locator("input[type=number]").press("Enter")
        page.get_by_label("Expected class").select_option(str(label))
        page.wait_for_function("(label) => handgrad.trace.label === label", arg=label)
        steps.get_by_role("button", name="ten").click()
        expect(steps.locator(".standing")).to_contain_text("10 steps taken")
        if page.evaluate("handgrad.live.losses.some((loss) => loss === null || loss > handgrad.live.losses[0])"):
            return True
        steps.get_by_role("button", name="start again").click()
        expect(steps.locator(".standing")).to_contain_text("0 steps taken")
    return False


def test_the_learning_rate_goes_up_to_where_it_diverges(address: str, opened: Opener) -> None:
    page = opened(address)
    assert not rises(page, "-5", pictures=1)
    assert rises(page, "-1", pictures=5)


def test_the_step_on_the_card_is_the_step_that_is_taken(address: str, opened: Opener) -> None:
    page = opened(address)
    page.locator("#N31").scroll_into_view_if_needed()
    promised = page.evaluate(
        "handgrad.trace.ready('F1 − η · ∂E/∂F1').then(() => [...handgrad.trace.tensor('F1 − η · ∂E/∂F1').data])"
    )
    page.locator(".steps").get_by_role("button", name="one step").click()
    expect(page.locator(".steps .standing")).to_contain_text("1 step taken")
    np.testing.assert_array_equal(page.evaluate("[...handgrad.trace.tensor('F1').data]"), promised)


def test_a_picture_is_dropped_drawn_and_chosen(address: str, opened: Opener, tmp_path: Path) -> None:
    page = opened(address)
    file = tmp_path / "a picture.png"
    Image.fromarray(np.full((30, 20), 128, np.uint8)).save(file)
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_function("() => handgrad.pixels.every((pixel) => pixel === 128)")
    assert page.locator("input[type=number]").input_value() == ""
    pad = page.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 15, steps=5)
    page.mouse.up()
    page.wait_for_function("() => handgrad.pixels[3 * 8 + 3] > 40 && handgrad.pixels[0] === 0")
    page.locator("input[type=number]").fill("7")
    page.locator("input[type=number]").press("Enter")
    page.wait_for_function("() => handgrad.live.labels.value !== '' && handgrad.live.message.textContent === ''")
    page.get_by_label("Expected class").select_option("4")
    page.wait_for_function("() => handgrad.trace.label === 4")


def test_axe_finds_nothing_on_the_served_page(address: str, opened: Opener) -> None:
    page = opened(address)
    page.locator(".steps").get_by_role("button", name="one step").click()
    expect(page.locator(".steps .standing")).to_contain_text("1 step taken")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_picture_is_dropped_anywhere(address: str, opened: Opener, tmp_path: Path) -> None:
    page = opened(address)
    file = tmp_path / "dropped.png"
    Image.fromarray(np.full((9, 9), 77, np.uint8)).save(file)
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "dropped.png", { type: "image/png" }));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }""",
        list(file.read_bytes()),
    )
    page.wait_for_function("() => handgrad.pixels.every((pixel) => pixel === 77)")


def test_playing_while_one_scrolls_and_asks_loses_nothing(opened: Opener, tmp_path: Path) -> None:
    """On a network whose large tensors come slice by slice; the console must stay silent."""
    folder = tmp_path / "large"
    folder.mkdir()
    model_file.save(drawn("mnist"), folder / "model.safetensors")
    process = serve("--model", str(folder), "--source", "digits")
    try:
        page = opened(address_of(process))
        page.locator(".steps").get_by_role("button", name="play").click()
        for card in ("N3", "N11", "N22", "N31", "N6", "N25"):
            page.evaluate("(id) => document.getElementById(id).scrollIntoView()", card)
            page.locator(f"#{card} canvas.cells").first.click(position={"x": 20, "y": 20})
            page.wait_for_timeout(250)
        button = page.locator(".steps").get_by_role("button", name=re.compile("play|pause"))
        for _ in range(3):
            button.click()
        page.wait_for_timeout(500)
        assert not page.evaluate("handgrad.live.playing")
        page.wait_for_function("() => !handgrad.live.looping")
        page.evaluate("handgrad.live.busy")
        name, index = page.evaluate("[handgrad.chosen.name, handgrad.chosen.index]")
        shown = page.evaluate(
            "([name, index]) => handgrad.trace.ready(name).then(() => handgrad.trace.tensor(name).at(index))",
            [name, index],
        )
        told = page.locator("#explanation .terms")
        assert float(told.get_attribute("data-value") or "nan") == pytest.approx(shown, rel=1e-12)
        assert page.locator(".message").inner_text() == ""
    finally:
        process.terminate()
        process.communicate()


def test_without_a_model_one_is_trained_first(opened: Opener) -> None:
    process = serve()
    try:
        page = opened(address_of(process))
        expect(page.locator("h1")).to_contain_text("It says “")
        page.get_by_label("Expected class").select_option("4")
        page.wait_for_function("() => handgrad.trace.label === 4")
    finally:
        process.terminate()
        _, told = process.communicate()
    assert "training one on the embedded digits" in told


def test_a_file_that_is_not_a_picture_is_reported_on_the_page(address: str, browser: object, tmp_path: Path) -> None:
    page = browser.new_page()  # type: ignore[attr-defined]
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    file = tmp_path / "none.png"
    file.write_text("no picture")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator(".message")).to_contain_text("it is no picture of a known format")
    page.close()
