"""The CSV of decisions can be read back, whoever wrote it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.review.changes import COLUMNS, FILE_NAME, Change, decided, read_changes, table, write_changes

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@settings(max_examples=20)
@given(st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=5))
def test_any_name_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    changes = {change.key: change for change in (decided(*row) for row in rows)}
    with tempfile.TemporaryDirectory() as name:
        write_changes(Path(name), changes.values())
        assert read_changes(Path(name)) == changes


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    write_changes(tmp_path, [decided("a\udcff\x1b[2J\u202e.png", "a", "b")])
    assert (tmp_path / FILE_NAME).read_text().splitlines()[1].startswith("a\\udcff\\x1b[2J\\u202e.png,a,b,2")


def test_a_spreadsheet_may_save_it(tmp_path: Path) -> None:
    text = "\ufefffile,from,to,when\r\na.png,x,y,2026\r\n\r\n"
    (tmp_path / FILE_NAME).write_bytes(text.encode())
    assert list(read_changes(tmp_path).values()) == [Change("a.png", "x", "y", "2026")]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("file;from;to;when\na;b;c;d\n", "its columns must be file, from, to, when"),
        ("file,from,to,when\na,b,c,d\na,b,c\n", "unlike row 3"),
        ('file,from,to,when\n"a,b,c,d\n', "is no table of text"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(InputError, match=rule):
        read_changes(tmp_path)


def test_there_is_one_row_for_a_picture(tmp_path: Path) -> None:
    rows = [("a", "x", "y", "1"), ("a", "x", "z", "2"), ("a", "", "x", "3")]
    (tmp_path / FILE_NAME).write_bytes(table(COLUMNS, rows))
    assert [change.when for change in read_changes(tmp_path).values()] == ["2", "3"]
