"""Numbers and comments as C writes them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handgrad.export.c.literals import braces, comment, number, paragraph


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_exactly(value: float) -> None:
    text = number(np.float32(value))
    assert text.endswith("f")
    assert set(text[:-1]) & set(".e")
    assert np.float32(text[:-1]).tobytes() == np.float32(value).tobytes()


@given(st.text())
def test_a_comment_ends_where_it_should(text: str) -> None:
    for made in (comment(text), paragraph(text)):
        assert made.isascii()
        assert not any(sign in made for sign in ("*/", "/*", "??"))
    assert comment(text).isprintable()


def test_long_rows_are_wrapped() -> None:
    lines = braces(np.arange(200)).splitlines()
    assert max(map(len, lines)) <= 120
    assert [int(each) for each in "".join(lines).strip("{},").split(",")] == [*range(200)]
