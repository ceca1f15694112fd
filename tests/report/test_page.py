"""report.html: true to report.json, valid, self-contained and accessible, whatever the data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from handgrad.data import Dataset, Samples
from handgrad.engine import NotesEngine
from handgrad.model import Model
from handgrad.report.evaluation import evaluation_report
from handgrad.report.page import report_page
from handgrad.report.training import training_report
from handgrad.training import Epoch
from tests.report.models import drawn
from tests.web.conftest import DESKTOP, PHONE

REPORT_MD = Path(__file__).parents[2] / "docs" / "report.md"
UNDOCUMENTED = {"architecture", "recipe", "versions", "machine", "history", "training"}
"""Keys whose own keys are documented elsewhere."""
HOSTILE = (
    "<script>document.title = 'taken'</script>",
    '"><img src=x onerror="document.title=\'taken\'">',
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "]]></style></title><b>&amp;&#x41;",
    "ein sehr langer Name " * 6,
    "ohneLeerzeichen" * 9,
    "العربية",
)


def history(count: int) -> list[Epoch]:
    return [Epoch(n, count, 2 / n, 1 - 1 / n, 3 / n, 1 - 1 / n, 0.01, n * 0.5) for n in range(1, count + 1)]


def trained(made: tuple[Model, Dataset], epochs: int = 3) -> tuple[dict[str, Any], dict[str, Samples]]:
    """The report of a training, and the splits that its images come from."""
    model, dataset = made
    report = training_report(model, dataset, history(epochs), NotesEngine(model.standardization))
    return report, {"validation": dataset.validation, "test": dataset.test}


def evaluated(model: Model, samples: Samples, split: str = "all") -> tuple[dict[str, Any], dict[str, Samples]]:
    engine = NotesEngine(model.standardization)
    probabilities = model.predict(samples.images, engine)
    report = evaluation_report(
        model,
        samples,
        probabilities,
        engine,
        command="handgrad evaluate model others",
        model_path="model",
        source="others/",
        split=split,
    )
    return report, {"test": samples}


def without(made: tuple[Model, Dataset], label: int) -> tuple[Model, Dataset]:
    """The same with a test split that lacks a class."""
    model, dataset = made
    kept = dataset.test[np.flatnonzero(dataset.test.labels != label)]
    return model, Dataset(dataset.name, dataset.classes, dataset.train, dataset.validation, kept)


def certain(made: tuple[Model, Dataset], right: bool) -> tuple[Model, Dataset]:
    """A model that always predicts class 1, on a test split with only class 1, or only class 0."""
    model, dataset = made
    model.parameters.vector[:] = 0
    model.parameters["b2"][1] = 1000
    test = dataset.test[np.flatnonzero(dataset.test.labels == int(right))]
    return model, Dataset(dataset.name, dataset.classes, dataset.train, dataset.validation, test)


def none_of_its_own() -> tuple[dict[str, Any], dict[str, Samples]]:
    """The report of a model without provenance."""
    model, dataset = drawn()
    return evaluated(Model(model.parameters, model.classes, model.standardization), dataset.test, "test")


CASES: dict[str, Callable[[], tuple[dict[str, Any], dict[str, Samples]]]] = {
    "two classes": lambda: trained(drawn()),
    "one epoch": lambda: trained(drawn(), epochs=1),
    "many epochs": lambda: trained(drawn(), epochs=200),
    "ten classes": lambda: trained(drawn(tuple("0123456789"), maps=2)),
    "a hundred classes": lambda: trained(drawn(tuple(f"sign {n}" for n in range(100)), each=3)),
    "one test image per class": lambda: trained(drawn(("a", "b", "c"), each=1)),
    "a class missing": lambda: trained(without(drawn(("a", "b", "c")), 1)),
    "no mistake": lambda: trained(certain(drawn(), right=True)),
    "nothing right": lambda: trained(certain(drawn(), right=False)),
    "photos in color": lambda: trained(drawn(shape=(90, 120, 3))),
    "hostile names": lambda: trained(drawn(HOSTILE, source="<b>&\"'/{{ 1 }}", names="<i>{}&/\"' {{{{ 2 }}}}.png")),
    "an evaluation": lambda: evaluated(drawn()[0], drawn()[1].test),
    "held out": lambda: evaluated(drawn()[0], drawn()[1].test, "held out"),
    "one image": lambda: evaluated(drawn()[0], drawn()[1].test[:1]),
    "a model of unknown origin": none_of_its_own,
}
Made = Callable[[str], tuple[dict[str, Any], dict[str, Samples], str]]


@pytest.fixture(scope="module")
def made() -> Made:
    """Report, splits and page of a case."""
    done: dict[str, tuple[dict[str, Any], dict[str, Samples], str]] = {}

    def make(name: str) -> tuple[dict[str, Any], dict[str, Samples], str]:
        if name not in done:
            report, splits = CASES[name]()
            done[name] = (report, splits, report_page(report, splits))
        return done[name]

    return make


class Words(HTMLParser):
    """The text that a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.hidden = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden = tag == "style"

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else f" {data}"


def read(page: str) -> ElementTree.Element:
    """The page as XML, parsed strictly."""
    return ElementTree.fromstring(
        page.replace("<!doctype html>", "").replace("&nbsp;", "\u00a0").replace("&thinsp;", "\u2009")
    )


@pytest.mark.parametrize("name", CASES)
def test_the_page_shows_report_json_and_nothing_else(made: Made, name: str) -> None:
    report, splits, page = made(name)
    again = json.loads(json.dumps(report, allow_nan=False))
    assert report_page(again, splits) == page


@pytest.mark.parametrize("name", CASES)
def test_no_figure_is_missing_or_not_a_number(made: Made, name: str) -> None:
    _, _, page = made(name)
    assert not re.search(r"\b(nan|inf|None|undefined)\b", Words(page).text)
    assert not re.search(r'="[^"]*\b(nan|inf|None)\b[^"]*"', page.replace("default-src 'none'", ""))


@pytest.mark.parametrize("name", CASES)
def test_the_markup_is_well_formed_and_its_ids_are_unique(made: Made, name: str) -> None:
    _, _, page = made(name)
    root = read(page)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    targets = [str(link.get("href")) for link in root.iter("a")]
    assert {target.removeprefix("#") for target in targets} <= set(ids)
    labels = {element.get("aria-labelledby") for element in root.iter()} - {None}
    assert labels <= set(ids)


@pytest.mark.parametrize("name", CASES)
def test_it_refers_to_nothing_outside(made: Made, name: str) -> None:
    _, _, page = made(name)
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    sources = re.findall(r'(?:src|href)="([^"#]{0,5})', page)
    assert set(sources) <= {"data:", ""}
    assert "url(" not in page


def test_the_headline_is_that_of_the_report(made: Made) -> None:
    report, _, page = made("ten classes")
    words = re.sub(r"\s+", " ", Words(page).text)
    right = 100 * report["test_accuracy"]
    assert f"{right:.1f} % of 120 test pictures are recognized" in words
    low, high = report["test_accuracy_interval"]
    assert f"{100 * low:.1f} to {100 * high:.1f} % with 95 % confidence" in words
    assert "The test pictures were used once" in words
    for caution in report["cautions"]:
        assert caution["text"] in words
    for part in ("handgrad train pictures", "0" * 64, report["data"]["test_sha256"], report["machine"]["processor"]):
        assert part in words


@pytest.fixture
def opened(browser: Browser, made: Made, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open the page of a case; any message on the console and any request to the network fails the test."""
    said: list[str] = []
    contexts = []

    def open_page(name: str, **options: Any) -> Page:
        file = tmp_path / "report ü.html"
        file.write_text(made(name)[2], encoding="utf-8")
        contexts.append(browser.new_context(**{"viewport": DESKTOP, **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_wider_than_a_phone_or_a_screen(name: str, opened: Callable[..., Page]) -> None:
    page = opened(name, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ten classes", {"color_scheme": "dark"}),
        ("nothing right", {"color_scheme": "dark", "viewport": PHONE}),
        ("a hundred classes", {}),
        ("hostile names", {"viewport": PHONE}),
        ("an evaluation", {"viewport": PHONE}),
    ],
)
def test_axe_finds_nothing(name: str, options: dict[str, Any], opened: Callable[..., Page]) -> None:
    """Of each kind of content once: axe takes a second a page."""
    found = Axe().run(opened(name, **options))
    assert found.violations_count == 0, found.generate_report()


def test_the_browser_repairs_nothing(opened: Callable[..., Page], made: Made) -> None:
    page = opened("ten classes")
    pairs = "[...document.querySelectorAll('*')].map((each) => `${each.parentNode.localName ?? ''}>${each.localName}`)"
    root = read(made("ten classes")[2])
    meant = [(f"{parent.tag}>{child.tag}") for parent in root.iter() for child in parent]
    assert sorted(page.evaluate(pairs)) == sorted([*meant, ">html"])
    expect(page.locator("main section")).to_have_count(10)


def test_hostile_names_are_shown_as_they_are(opened: Callable[..., Page]) -> None:
    page = opened("hostile names")
    assert "taken" not in page.title()
    assert page.locator("script, img[src=x], b b, .mistakes i").count() == 0
    for name in HOSTILE:
        expect(page.locator("#classes tbody th").filter(has_text=name.strip()).first).to_be_visible()
    expect(page.locator("h1")).to_contain_text("recognized")
    expect(page.locator(".mistakes li").first).to_contain_text("&/\"' {{ 2 }}.png")
    expect(page.locator("#provenance")).to_contain_text("<b>&\"'/{{ 1 }}")


def test_the_numbers_in_the_tables_are_those_of_the_report(opened: Callable[..., Page], made: Made) -> None:
    report, page = made("ten classes")[0], opened("ten classes")
    shown = page.evaluate(
        """() => [...document.querySelectorAll(".confusion tbody tr")].map((row) =>
          [...row.querySelectorAll("td")].map((cell) => parseInt(cell.firstChild.textContent) || 0))"""
    )
    assert shown == report["confusion_matrix"]
    for row, figures in enumerate(report["per_class"]):
        cells = page.locator("#classes tbody tr").nth(row)
        for name, known in (("precision", "predicted"), ("recall", "images"), ("f1", "images")):
            low, high = figures[f"{name}_interval"]
            if figures[known]:
                expect(cells).to_contain_text(f"{100 * low:.1f}–{100 * high:.1f}")
    expect(page.locator(".mistakes li")).to_have_count(len(report["mistakes"]))
    sizes = page.evaluate("[...document.querySelectorAll('.mistakes img')].map((each) => each.naturalWidth)")
    assert set(sizes) == {8}


def test_many_classes_are_a_heat_map_and_their_confusions_a_list(opened: Callable[..., Page], made: Made) -> None:
    report, page = made("a hundred classes")[0], opened("a hundred classes")
    filled = np.count_nonzero(report["confusion_matrix"])
    expect(page.locator(".heat rect:not(.edge)")).to_have_count(int(filled))
    labels = page.evaluate(
        """() => [...document.querySelectorAll(".heat text[x]")].map((each) => {
          const { top, bottom, right } = each.getBoundingClientRect();
          return [top, bottom, right];
        })"""
    )
    square = page.locator(".heat .edge").bounding_box()
    assert square is not None
    assert len(labels) >= 20
    assert all(before[1] <= after[0] + 3 for before, after in pairwise(labels))
    assert all(8 < bottom - top < 25 and right < square["x"] for top, bottom, right in labels)
    expect(page.locator("#confusion tbody tr")).to_have_count(10)
    expect(page.locator("#classes tbody tr")).to_have_count(100)


def test_on_paper_all_of_it_is_there(opened: Callable[..., Page]) -> None:
    page = opened("ten classes")
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    assert page.pdf().startswith(b"%PDF")
    wide = "[...document.querySelectorAll('.scroll')].every((each) => getComputedStyle(each).overflowX === 'visible')"
    assert page.evaluate(wide)


@pytest.mark.parametrize("name", ["two classes", "an evaluation"])
def test_every_key_of_the_json_is_documented(made: Made, name: str) -> None:
    def keys(value: object) -> set[str]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        own = set(value) if isinstance(value, dict) else set()
        return own.union(*map(keys, inner))

    report = {key: value for key, value in made(name)[0].items() if key not in UNDOCUMENTED}
    documented = set(re.findall(r"`(\w+)`", REPORT_MD.read_text(encoding="utf-8")))
    found = {key for key in keys(report) if not key.endswith("_interval")} - {"test", "train", "validation"}
    assert found <= documented
