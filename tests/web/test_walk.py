"""A person's walk through the page, in a real browser, at desktop and phone size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import DESKTOP, PHONE, Opener

Written = Callable[[str], str]
SIZES = pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])


def cells(page: Page, card: str, tensor: str) -> Locator:
    return page.locator(f'#{card} figure[data-name="{tensor}"] canvas.cells')


@SIZES
def test_the_first_screen_tells_the_story(viewport: dict[str, int], opened: Opener, written: Written) -> None:
    page = opened(written("mnist"), viewport=viewport)
    expect(page.locator("h1")).to_contain_text("It says “class <")
    expect(page.locator(".probabilities li")).to_have_count(5)
    expect(page.locator(".loss")).to_contain_text("E = ")
    picture = page.locator("canvas.picture").evaluate("(canvas) => [canvas.width, canvas.height]")
    assert picture == [28, 28]
    gradient = page.locator('#hero figure[data-name="∂E/∂X"] canvas.cells')
    colors = gradient.evaluate(
        "(canvas) => new Set(new Uint32Array(canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"
    )
    assert colors > 20
    for part in (page.locator("canvas.picture"), page.locator(".probabilities"), page.locator(".loss"), gradient):
        expect(part).to_be_in_viewport(ratio=1)


@SIZES
def test_the_networks_picture_shows_where_one_is_and_carries_one_there(
    viewport: dict[str, int], opened: Opener, written: Written
) -> None:
    page = opened(written("notes"), viewport=viewport)
    rail = page.locator("#rail")
    rail.get_by_role("link", name="to ∂E/∂T2", exact=True).click()
    expect(page.locator("#N25")).to_be_in_viewport()
    expect(rail).to_be_in_viewport()
    expect(rail.locator('.here[aria-label="to ∂E/∂T2"]')).to_have_count(1)


@SIZES
def test_nothing_is_wider_than_the_screen(viewport: dict[str, int], opened: Opener, written: Written) -> None:
    page = opened(written("maps"), viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@SIZES
def test_from_e_back_to_a_pixel_and_from_a_pixel_forward_to_e(
    viewport: dict[str, int], opened: Opener, written: Written
) -> None:
    page = opened(written("notes"), viewport=viewport)
    page.locator(".loss").click()
    panel = page.locator("#explanation")
    for name in ("t2'", "h1'", "t1'", "x'", "U2", "T2", "H1", "T1", "X"):
        panel.locator(f'.terms .link[aria-label^="{name}["]').first.click()
        page.wait_for_function("(name) => handgrad.chosen.name === name", arg=name)
    expect(panel).to_contain_text("The pixel is")
    expect(panel.locator(".chain li")).to_have_count(10)
    for name in ("T1", "H1", "T2", "U2", "x'", "t1'", "h1'", "t2'", "E"):
        panel.locator(f'.onwards .link[aria-label^="{name}"]').first.click()
        page.wait_for_function("(name) => handgrad.chosen.name === name", arg=name)
    expect(panel.locator("h2")).to_contain_text("= ")


def test_a_click_on_a_cell_explains_it_and_lights_up_what_it_is_tied_to(opened: Opener, written: Written) -> None:
    page = opened(written("notes"))
    cells(page, "N6", "T2").click(position={"x": 30, "y": 30})
    panel = page.locator("#explanation")
    expect(panel.locator(".terms tbody tr")).to_have_count(9)
    table = panel.locator(".terms")
    shown = panel.locator(".terms .total").inner_text()
    assert shown in panel.locator("h2").inner_text()
    assert float(table.get_attribute("data-total") or "nan") == pytest.approx(
        float(table.get_attribute("data-value") or "nan"), rel=1e-12
    )
    marks = page.evaluate("['T2', 'H1', 'F2', 'U2'].map((name) => handgrad.marks(name).length)")
    assert all(marks)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert page.evaluate("handgrad.chosen") is None


def test_the_keyboard_alone_reaches_and_explains_a_number(opened: Opener, written: Written) -> None:
    page = opened(written("notes"))
    canvas = cells(page, "N7", "U2")
    for _ in range(200):
        page.keyboard.press("Tab")
        if canvas.evaluate("(canvas) => canvas === document.activeElement"):
            break
    expect(canvas).to_be_focused()
    for key in ("ArrowRight", "ArrowDown", "PageDown"):
        page.keyboard.press(key)
    readout = page.locator('#N7 figure[data-name="U2"] .readout')
    expect(readout).to_contain_text("U2[1, 1, 1] = ")
    page.keyboard.press("Enter")
    page.wait_for_function("() => handgrad.chosen?.name === 'U2'")
    assert page.evaluate("handgrad.chosen.index") == [1, 1, 1]
    follow_by_keyboard(page, "T2[")
    panel = page.locator("#explanation")
    expect(panel.locator("h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(canvas).to_be_focused()


def follow_by_keyboard(page: Page, label: str) -> None:
    """Presses Tab until a link so called has the focus, then Enter; what is explained must be near what asked."""
    for _ in range(50):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel ?? ''").startswith(label):
            page.keyboard.press("Enter")
            page.wait_for_function("(name) => handgrad.chosen.name === name", arg=label.rstrip("["))
            return
    pytest.fail(f"no Tab leads to {label}")


def test_the_keyboard_alone_follows_e_back_to_a_pixel_and_nudges_it(opened: Opener, written: Written) -> None:
    page = opened(written("notes"))
    page.locator(".loss").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#explanation")
    expect(panel.locator("h2")).to_be_focused()
    for name in ("t2'", "h1'", "t1'", "x'", "U2", "T2", "H1", "T1", "X"):
        follow_by_keyboard(page, f"{name}[")
    button = panel.locator(".nudge button")
    for _ in range(50):
        page.keyboard.press("Tab")
        if button.evaluate("(button) => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(panel.locator(".nudge input").first).to_be_focused()
    before = panel.locator(".nudge table").get_attribute("data-change")
    page.keyboard.press("ArrowRight")
    assert panel.locator(".nudge table").get_attribute("data-change") != before
    page.keyboard.press("Escape")
    expect(page.locator(".loss")).to_be_focused()


def test_a_convolution_shows_the_patch_the_filter_and_their_products_as_they_lie(
    opened: Opener, written: Written
) -> None:
    page = opened(written("notes"))
    page.evaluate("handgrad.choose('T2', [2, 3, 1])")
    matrices = page.locator("#explanation .matrix")
    expect(matrices).to_have_count(3)
    patch, filters, products = (
        [float(text.replace("−", "-")) for text in matrices.nth(which).locator("span").all_inner_texts()]
        for which in range(3)
    )
    H1, F2 = (
        np.reshape(page.evaluate("(name) => [...handgrad.trace.tensor(name).data]", name), shape)
        for name, shape in (("H1", (9, 10, 4)), ("F2", (3, 3, 3)))
    )
    expected = H1[2:5, 3:6].sum(axis=2)
    # Two digits are shown.
    for shown, numbers in ((patch, expected), (filters, F2[:, :, 1]), (products, expected * F2[:, :, 1])):
        np.testing.assert_allclose(shown, numbers.ravel(), rtol=0.06)


def test_e_and_the_probability_of_the_expected_class_lead_to_each_other(opened: Opener, written: Written) -> None:
    page = opened(written("notes"))
    page.locator(".loss").click()
    panel = page.locator("#explanation")
    panel.locator('.link[aria-label="z[1]"]').click()
    page.wait_for_function("() => handgrad.chosen.name === 'z'")
    panel.locator('.onwards .link[aria-label="E"]').click()
    page.wait_for_function("() => handgrad.chosen.name === 'E'")


def test_the_pooling_says_who_was_not_the_winner(opened: Opener, written: Written) -> None:
    page = opened(written("notes"))
    zero = page.evaluate("handgrad.trace.tensor('∂E/∂T2').data.findIndex((value) => value === 0)")
    page.evaluate("(at) => handgrad.choose('∂E/∂T2', handgrad.trace.tensor('∂E/∂T2').index(at), true)", zero)
    expect(page.locator("#explanation .terms")).to_contain_text("not the winner: 0")


@SIZES
def test_a_nudge_shows_the_true_change_beside_the_derivatives(
    viewport: dict[str, int], opened: Opener, written: Written
) -> None:
    page = opened(written("notes"), viewport=viewport)
    page.evaluate("handgrad.choose('b2', [1], true)")
    page.locator(".nudge button").click()
    figures = page.locator(".nudge table")
    page.locator(".nudge input").nth(1).fill("-3")
    change, linear = (float(figures.get_attribute(f"data-{which}") or "nan") for which in ("change", "linear"))
    assert change == pytest.approx(linear, rel=1e-2)
    assert change != linear
    expect(page.locator(".nudge svg polyline")).to_have_count(2)


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_axe_finds_nothing(viewport: dict[str, int], scheme: str, opened: Opener, written: Written) -> None:
    page = opened(written("notes"), viewport=viewport, color_scheme=scheme)
    page.evaluate("handgrad.choose('T2', [2, 2, 1], true)")
    page.locator(".nudge button").click()
    page.wait_for_selector(".nudge svg")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(("motion", "behavior"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_what_was_asked_comes_into_sight_moving_only_for_who_likes_it(
    motion: str, behavior: str, opened: Opener, written: Written
) -> None:
    page = opened(written("notes"), reduced_motion=motion)
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behavior
    page.evaluate("handgrad.choose('T2', [2, 2, 1], true)")
    expect(cells(page, "N6", "T2")).to_be_in_viewport()


def test_a_click_is_answered_while_one_looks(opened: Opener, written: Written) -> None:
    page = opened(written("mnist"))
    titles = page.evaluate(
        """async () => {
          const titles = [];
          for (const [name, index] of [["U2", [5, 5, 3]], ["T2", [10, 11, 3]], ["∂E/∂F2", [1, 1, 3]], ["t1'", [7]]]) {
            document.getElementById(handgrad.cardOf(name)).scrollIntoView();
            await new Promise((seen) => setTimeout(seen, 400));
            await handgrad.choose(name, index);
            titles.push(document.querySelector("#explanation h2").textContent);
          }
          return titles;
        }"""
    )
    for title, index in zip(titles, ("[5, 5, 3]", "[10, 11, 3]", "[1, 1, 3]", "[7]"), strict=True):
        assert f"{index} = " in title
