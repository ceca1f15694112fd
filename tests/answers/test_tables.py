"""Rows as bytes and back, whatever they hold, and parts that are used only undamaged."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.answers import tables
from handgrad.answers.answering import Row
from handgrad.answers.tables import TABLES, Csv, JsonLines, table_of
from handgrad.errors import InputError
from handgrad.text import printable

COLUMNS = ("path", "class", "probability", "error")
NAMES = st.text(min_size=1, max_size=20).map(printable)
ROWS = st.lists(
    st.tuples(NAMES, NAMES | st.none(), st.floats(0, 1) | st.none(), NAMES | st.none()).map(
        lambda values: dict(zip(COLUMNS, values, strict=True))
    )
)


@given(ROWS)
def test_lines_hold_any_row(rows: list[Row]) -> None:
    for table in (Csv(), JsonLines()):
        part = table.part(COLUMNS, rows)
        found = table.rows(COLUMNS, part)
        assert found is not None
        # A CSV has text alone.
        numbers = [row | {"probability": None if (p := row["probability"]) is None else float(p)} for row in found]
        assert numbers == rows
        whole = b"".join(table.joined(COLUMNS, [part, part]))
        assert len(whole.decode().split("\n")) == 2 * len(rows) + 1 + (table.name == "csv")


def test_a_csv_is_what_every_program_reads() -> None:
    rows = [dict.fromkeys(COLUMNS) | {"path": 'a "b", c.png', "class": "x", "probability": 0.5}]
    whole = b"".join(Csv().joined(COLUMNS, [Csv().part(COLUMNS, rows)])).decode()
    assert whole == 'path,class,probability,error\n"a ""b"", c.png",x,0.5,\n'
    assert next(csv.DictReader(io.StringIO(whole)))["path"] == 'a "b", c.png'


@pytest.mark.parametrize("table", [Csv(), JsonLines()], ids=["csv", "jsonl"])
def test_a_damaged_part_is_not_used(table: Csv | JsonLines) -> None:
    part = table.part(COLUMNS, [dict.fromkeys(COLUMNS) | {"path": "a", "class": "x"}])
    assert table.rows(COLUMNS, part)
    for at in range(len(part)):
        changed = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
        assert table.rows(COLUMNS, changed) is None
        assert table.rows(COLUMNS, part[:at]) is None
    assert table.read(("path", "other"), b"path,class\n" if table.name == "csv" else b'{"path": 1}') is None


def test_parquet_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    assert table_of(Path("A.CSV")) is TABLES["csv"]
    assert table_of(Path("folder")) is None
    with pytest.raises(InputError, match=r"out=a\.parquet: .*pyarrow.*; choose a \.csv, or run pip install pyarrow"):
        table_of(Path("a.parquet"))


def test_a_parquet_file_has_the_rows_of_its_parts(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet files need pyarrow")
    table, row = TABLES["parquet"], dict.fromkeys(COLUMNS) | {"path": "a.png", "class": "x", "probability": 0.5}
    part = table.part(COLUMNS, [row])
    assert table.rows(COLUMNS, part) == [row]
    assert table.rows(COLUMNS, part[:40]) is None
    (tmp_path / "whole.parquet").write_bytes(b"".join(table.joined(COLUMNS, [part, part])))
    assert parquet.read_table(tmp_path / "whole.parquet").to_pylist() == [row, row]
