"""Script and marks in names, in a real browser: nothing of it runs, nothing turns the page, and it is readable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from handgrad import cli, model_file
from handgrad.architecture import Architecture
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from tests.data.writing import write_picture
from tests.web.conftest import Opener
from tests.web.test_server import address_of, serve
from tools.fuzz.names import NAMES

SCRIPT = "<script>document.title='taken'</script>"
IMAGE = '"><img src=x onerror="document.title=\'taken\'">'
CLOSING = "</script></style></textarea></select><svg onload=\"document.title='taken'\">"
LABEL = "<img src=x onerror=\"document.title='taken'\">"
CLASSES = (SCRIPT, IMAGE, CLOSING, "\u202egnp.exe \x1b[2J\x00", "x" * 10_000)

Hostile = tuple[Path, Path]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """A model with such names, in a folder with such a name; and pictures with such names, in such a folder."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    architecture = Architecture(input_shape=(8, 8, 1), classes=len(CLASSES), stages=((2, 2),), hidden=(3,))
    said = {"data": {"source": SCRIPT}, "command": CLOSING, "recipe": {IMAGE: SCRIPT}}
    provenance = {name: name for name in NAMES} | said
    model = Model(Parameters.draw(architecture, rng), CLASSES, Standardization((100.0,), (60.0,)), provenance)
    trained = folder / "<img src=x onerror=alert(1)>"
    trained.mkdir()
    model_file.save(model, trained / "model.safetensors")
    pictures = folder / "pictures <b>"
    for label in (LABEL, "good"):
        (pictures / label).mkdir(parents=True)
        for number in range(6):
            name = f"{number}{LABEL}\u202e\x1b.png"
            write_picture(pictures / label / name, rng.integers(0, 256, (8, 8), np.uint8))
    return trained, pictures


def look(page: Page, *shown: str) -> None:
    """Nothing ran, nothing was made of the names, none of them widens the page, and they can be read."""
    assert "taken" not in page.title()
    assert page.locator("img[src=x], svg[onload], b b, script[src]").count() == 0
    text = page.evaluate("document.body.innerText")
    assert not set(text) & set("\x00\x1b\u202e\u202c\u2066\u2067\x07\x9b")
    for name in shown:
        assert name in text
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.fixture(scope="module")
def address(hostile: Hostile) -> Iterator[str]:
    process = serve("--model", str(hostile[0]), "--model", str(hostile[0]))
    yield address_of(process)
    process.terminate()
    process.communicate()


def test_on_the_served_page(address: str, opened: Opener, hostile: Hostile, tmp_path: Path) -> None:
    page = opened(address)
    options = page.get_by_label("Expected class").locator("option")
    assert options.all_inner_texts()[:3] == [SCRIPT, IMAGE, CLOSING]
    assert options.nth(3).inner_text() == "\\u{202e}gnp.exe \\u{1b}[2J\\u{0}"
    assert len(options.nth(4).inner_text()) < 300
    for label in range(len(CLASSES)):
        page.get_by_label("Expected class").select_option(str(label))
        page.wait_for_function("(label) => handgrad.trace.label === label", arg=label)
        look(page)
    page.locator("#N15 canvas.cells, #N14 canvas.cells").first.click()
    look(page)
    assert page.get_by_label("Model").locator("option").first.inner_text() == hostile[0].name


def test_in_the_name_of_an_uploaded_file(address: str, opened: Opener, hostile: Hostile, tmp_path: Path) -> None:
    page = opened(address)
    file = next(hostile[1].rglob("*.png"))
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_function("() => handgrad.trace && document.querySelector('.message').textContent === ''")
    look(page)


def test_on_a_page_from_disk(
    hostile: Hostile, opened: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, picture = tmp_path / f"{IMAGE.replace('/', '')}.html", next(hostile[1].rglob("*.png"))
    for label in (SCRIPT, CLASSES[3]):
        options = ["--model", str(hostile[0]), "--label", label, "--out", str(out), "--overwrite"]
        assert cli.run(["explain", str(picture), *options]) == 0, capsys.readouterr().err
        page = opened(out.as_uri())
        look(page)
        assert page.evaluate("handgrad.trace.classes[0]") == SCRIPT


def test_in_the_report_of_a_training(hostile: Hostile, tmp_path: Path, browser: object) -> None:
    small = ["--filters", "1", "--hidden", "none", "--epochs", "1", "--engine", "notes", "--no-cache"]
    assert cli.run(["train", str(hostile[1]), "--out", str(tmp_path / "out"), *small]) == 0
    report(browser, tmp_path / "out" / "report.html", look, LABEL)


def test_in_the_report_of_an_evaluation(hostile: Hostile, tmp_path: Path, browser: object) -> None:
    model = model_file.load(hostile[0])
    names = (LABEL, "good", *CLASSES[2:])
    model_file.save(replace(model, classes=names), tmp_path / "model.safetensors")
    options = ["--out", str(tmp_path / "out"), "--engine", "notes"]
    assert cli.run(["evaluate", str(tmp_path), str(hostile[1]), *options]) == 0
    report(browser, tmp_path / "out" / "report.html", look, CLOSING)


def report(browser: object, path: Path, look: Callable[..., None], *shown: str) -> None:
    page = browser.new_page()  # type: ignore[attr-defined]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_be_visible()
    look(page, *shown)
    assert said == []
    page.close()
