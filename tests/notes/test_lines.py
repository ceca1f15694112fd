"""Lines, code, docs and tests agree: no line from N1 to N35 is missing in any of them."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import handgrad
from handgrad import notes
from handgrad.errors import InputError
from handgrad.notes import loss, operation
from handgrad.notes.lines import LINES, Line, line

NUMBERS = [f"N{n}" for n in range(1, 36)]
ROOT = Path(__file__).parents[2]


def mentioned(text: str) -> set[str]:
    """Every number in a text; N18–N20 mentions N19."""
    found = set(re.findall(r"\bN\d+\b", text))
    for first, last in re.findall(r"\bN(\d+)–N(\d+)\b", text):
        found |= {f"N{n}" for n in range(int(first), int(last) + 1)}
    return found


def public_functions(package: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if found.name.endswith("__main__"):
            continue
        module = import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == found.name and not name.startswith("_"):
                yield f"{found.name}.{name}", function


NOTES = {name.removeprefix("handgrad.notes."): function for name, function in public_functions(notes)}


def section(number: str) -> str:
    """The section of docs/equations.md under the line's heading, the heading included."""
    text = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^### {number} · .*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return found


def test_every_number_occurs_once_and_in_order() -> None:
    assert [line.number for line in LINES] == NUMBERS


@pytest.mark.parametrize("entry", LINES, ids=lambda entry: entry.number)
def test_the_functions_of_a_line_exist_and_name_it(entry: Line) -> None:
    assert entry.title
    assert entry.functions
    for name in entry.functions:
        function = operation.resolve(name)
        module = inspect.getmodule(function)
        assert name in NOTES
        assert entry.number in mentioned(f"{function.__doc__} {module.__doc__}")


@pytest.mark.parametrize("entry", LINES, ids=lambda entry: entry.number)
def test_the_docs_have_a_section_for_a_line_that_links_its_functions(entry: Line) -> None:
    text = section(entry.number)
    assert text.startswith(f"### {entry.number} · {entry.title}\n")
    for name in entry.functions:
        module, _ = name.split(".")
        assert f"[`{name}`](../src/handgrad/notes/{module}.py)" in text
    assert "```math\n" in text


@pytest.mark.parametrize("number", NUMBERS)
def test_the_tests_name_a_line(number: str) -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        if path != Path(__file__):
            text = re.sub(r"N\d+–N\d+", "", path.read_text(encoding="utf-8"))  # a range alone is no test
            if re.search(rf"(?i)(?<![a-z0-9]){number}(?!\d)", text):
                return
    pytest.fail(f"no test names {number}")


@pytest.mark.parametrize(
    "name", [name for name in NOTES if name.split(".")[0] not in ("lines", "operation", "operations")]
)
def test_every_public_function_of_the_notes_belongs_to_a_line_and_shows_an_example(name: str) -> None:
    text = NOTES[name].__doc__ or ""
    of_a_line = any(name in entry.functions for entry in LINES)
    assert of_a_line or mentioned(text) & set(NUMBERS), "its docstring must name the line that it helps"
    assert ">>>" in text


def test_every_public_function_of_the_package_has_a_docstring() -> None:
    assert [name for name, function in public_functions(handgrad) if not function.__doc__] == []


def test_an_operation_sees_a_function_that_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = operation.resolve("loss.softmax_cross_entropy_backward")
    monkeypatch.setattr(loss, "softmax_cross_entropy_backward", lambda z, y: y - z)
    assert operation.resolve("loss.softmax_cross_entropy_backward") is not replaced


def test_an_unknown_number_is_refused() -> None:
    with pytest.raises(InputError, match="number=N36: the lines are N1 to N35"):
        line("N36")
