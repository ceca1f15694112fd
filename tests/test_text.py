"""Text from elsewhere: one printable line for people, the exact name for programs."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import DataError, HandgradError, HandgradWarning, InputError, OutputError
from handgrad.text import LONGEST, csv_text, json_text, printable, shown
from tools.fuzz.names import NAMES, harm

ANY = st.text(st.characters())  # surrogates too


@given(ANY)
def test_nothing_printable_acts_on_its_reader(text: str) -> None:
    written = printable(text)
    assert harm(written) == ""
    assert "\n" not in written
    written.encode()
    assert printable(written) == written


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"])))
def test_what_can_be_seen_is_unchanged(text: str) -> None:
    assert printable(text) == text


def test_no_other_character_has_a_direction_of_its_own() -> None:
    controls = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN", "B"}
    for code in range(0x110000):
        if unicodedata.bidirectional(chr(code)) in controls:
            assert harm(printable(chr(code))) == ""
            assert len(printable(chr(code))) > 1


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_errors_and_warnings_are_one_bounded_line(name: str) -> None:
    raised: list[Any] = [
        InputError("image", name, f"is {name}", f"not {name}"),
        DataError(name, [name] * 3, name, name),
        OutputError(name, name),
        HandgradError(name),
        HandgradWarning(name),
    ]
    for each in raised:
        text = str(each)
        assert harm(text) == ""
        assert "\n" not in text
        assert len(text) < 20 * LONGEST


@given(ANY, ANY)
def test_json_keeps_every_name(key: str, value: str) -> None:
    text = json_text({key: [value, 1.5]})
    assert harm(text) == ""
    text.encode()
    assert json.loads(text) == json.loads(json.dumps({key: [value, 1.5]}))


@given(st.lists(st.tuples(ANY, ANY), max_size=4))
def test_csv_keeps_every_name_that_can_be_printed(rows: list[tuple[str, str]]) -> None:
    text = csv_text(("image", "class"), rows)
    assert harm(text) == ""
    read = list(csv.reader(io.StringIO(text)))
    assert read[1:] == [[printable(cell) for cell in row] for row in rows]


def test_letters_remain_letters() -> None:
    assert json_text({"ü": "皿"}) == '{\n  "ü": "皿"\n}'
    assert csv_text(("ü",), [("=1+1",), (3,)]) == "ü\n=1+1\n3\n"


@pytest.mark.parametrize("value", [10**6000, [[10**6000]], "x" * 10**6], ids=["an integer", "in a list", "a text"])
def test_what_is_too_long_is_shortened(value: object) -> None:
    assert 1 < len(shown(value)) <= 2 * LONGEST
    assert len(str(InputError("rate", value, "must be smaller", "try 3"))) < 3 * LONGEST
