"""Names that are more than names, and every way in which handgrad writes a model that has them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.cli import display
from handgrad.cli.info import info
from handgrad.data import Dataset, Samples
from handgrad.data.split import split_csv
from handgrad.engine import NotesEngine
from handgrad.errors import HandgradWarning, InputError, OutputError
from handgrad.export import c
from handgrad.export.c.literals import LONGEST_STRING
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.report.evaluation import evaluation_report
from handgrad.report.files import report_files
from handgrad.standardization import Standardization
from handgrad.text import printable
from handgrad.trace import trace
from handgrad.web.page import explanation_page

NAMES = (
    "\x1b]0;another title\x07",
    "\x1b[2J\x1b[31mgone",
    "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2J\x85\x9d0;title\x9c",
    "a\x00b",
    "\x7f\x08\x08\x08",
    "two\nlines\r\nand\rmore\x0b\x0c",
    "\u2028\u2029",
    "\u202egnp.exe\u202c",
    "\u2067right\u2069 \u200e\u200f\u061c",
    "a\u200bb\u200d\ufeff\u00ad",
    "b\udcffse \ud83d",
    "\ue000\ufffe\U000e0041",
    "<script>document.title = 'taken'</script>",
    "</script></style></title><img src=x onerror=\"document.title='taken'\">",
    "<!--<script>]]>&amp;&#x1b;&lt;",
    "javascript:document.title='taken'",
    "[bold]x[/] [link=file:///]y[/link] [/] [",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}${x}$x",
    "%s%n%(a)s{0}{a}",
    "$\\frac{1}{0}$ $^$",
    "=cmd|' /C calc'!A0",
    "+1+1",
    '@SUM(1)","',
    "*/ #error /* ??/ ??' \\",
    '"; #include "x" \\" \\',
    "../../x",
    "-rf",
    "~$HOME`id`",
    " ",
    "العربية עברית",
    "é e\u0301 ﬁ 皿\u3000白い 🏳️",
    "long " * 2_000,
    "x" * 10_000,
)
"""Of classes, files, sources and keys, each of which is trouble for somebody."""


class Way(NamedTuple):
    """What was written, what it says that the names are if it says so exactly, and what else is wrong with it."""

    name: str
    text: str
    classes: tuple[str, ...] | None = None
    fault: str = ""


def draw(rng: random.Random) -> str:
    """Return one of the names, or a piece of several."""
    if rng.random() < 0.5:
        return rng.choice(NAMES)
    pieces = "".join(rng.sample(NAMES[:-2], 3))
    start = rng.randrange(len(pieces))
    return pieces[start : start + rng.randrange(1, 60)] + "".join(chr(rng.randrange(0x300)) for _ in range(3))


def draw_value(rng: random.Random, depth: int = 0) -> Any:
    """Return a value such as JSON can hold, and a little beyond."""
    numbers: list[Any] = [None, True, 0, -1, 2**64, 10**400, 1e308, float("nan"), float("inf"), -0.0]
    if depth > 3 or rng.random() < 0.4:
        return rng.choice([*numbers, draw(rng)])
    if rng.random() < 0.5:
        return [draw_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {draw(rng): draw_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def draw_model(rng: random.Random) -> Model:
    """Return a small model with such names of classes, and a provenance that nobody would write."""
    classes: set[str] = set()
    while len(classes) < 3:
        classes.add(draw(rng))
    keys = ("command", "data", "seed", "recipe", "versions", draw(rng))
    provenance = {key: draw_value(rng) for key in keys if rng.random() < 0.7}
    if rng.random() < 0.3:
        provenance["data"] = {"source": draw(rng), "group_by": draw(rng), "sha256": draw(rng)}
    architecture = Architecture(input_shape=(6, 6, 1), classes=3, stages=((2, 2),), hidden=())
    parameters = Parameters.draw(architecture, np.random.default_rng(rng.randrange(1000)))
    return Model(parameters, tuple(sorted(classes)), Standardization((100.0,), (50.0,)), provenance)


def harm(text: str) -> str:
    """Return the characters of a text that act on whoever reads it."""
    return "".join(
        character
        for character in sorted(set(text) - {"\n"})
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )


def ways_out(model: Model, file: str, folder: Path) -> Iterator[Way]:
    """Write a model, and what is said of a file of that name, in every way there is."""
    yield from quick_ways_out(model, file, folder)
    yield from _reports(model, file)
    yield Way("the page", explanation_page(trace(model, np.zeros((6, 6, 1), np.uint8), 0)))


def quick_ways_out(model: Model, file: str, folder: Path) -> Iterator[Way]:
    """Write them in the ways that take no time."""
    path = folder / model_file.FILE_NAME
    model_file.save(model, path)
    yield Way("the model file", "", model_file.load(path).classes)
    yield info_of(path)
    yield _said("handgrad info --json", lambda: info(path, json=True))
    for tell in (display.complain, display.notice, display.say):
        yield _said(tell.__name__, partial(tell, file))
    for raised in (InputError("image", file, f"is {file}", file), OutputError(file, file), HandgradWarning(file)):
        text = str(raised)
        is_line = "\n" not in text and len(text) < 10_000
        yield Way(type(raised).__name__, text, fault="" if is_line else "is no line")
    too_long = any(len(printable(name).encode()) > LONGEST_STRING for name in model.classes)
    made = None if too_long else c.export(model, name="model.c")
    yield Way("C", made.content.decode("ascii") if made else "")


def check(model: Model, way: Way) -> None:
    """Raise an AssertionError if a way out lets something out, or loses a name."""
    assert not way.fault, f"{way.name}: {way.fault}"
    assert not harm(way.text), f"{way.name} holds {harm(way.text)!r}"
    assert way.classes in (None, model.classes), f"{way.name} says {way.classes!r}"


def info_of(path: Path) -> Way:
    """Return what ``handgrad info`` prints of a model file."""
    return _said("handgrad info", lambda: info(path))


def _said(name: str, command: Callable[[], object]) -> Way:
    # Not by the command line, which sets up much for each command.
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        command()
    return Way(name, out.getvalue() + err.getvalue())


def _reports(model: Model, file: str) -> Iterator[Way]:
    images = np.random.default_rng(0).integers(0, 256, (6, 6, 6, 1), np.uint8)
    samples = Samples(images, np.arange(6) % 3, np.array([f"{index}{file}" for index in range(6)], object))
    engine = NotesEngine(model.standardization)
    report = evaluation_report(
        model, samples, model.predict(images, engine), engine, command=file, model_path=file, source=file, split="all",
        notices=[file],
    )  # fmt: skip
    for name, content in report_files(report, {"test": samples}).items():
        text = content.decode()
        yield Way(name, text, tuple(json.loads(text)["classes"]) if name.endswith(".json") else None)
    table = split_csv(Dataset("images", model.classes, samples, samples, samples))
    rows = list(csv.DictReader(io.StringIO(table)))
    yield Way("split.csv", table, fault="" if len(rows) == 18 else f"has {len(rows)} rows")
    if all(printable(name) == name for name in model.classes):
        named = dict.fromkeys(row["class"] for row in rows)
        yield Way("split.csv of names that can be printed", "", tuple(named))
