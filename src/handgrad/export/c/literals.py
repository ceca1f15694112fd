"""Numbers, strings and comments in C, as plain ASCII."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Any

import numpy as np

from handgrad.text import printable

_WIDTH = 110
_INDENT = "    "
LONGEST_STRING = 4095
"""Bytes of the longest string literal that every C99 compiler accepts."""


def number(value: Any) -> str:
    """Write an integer, or the shortest decimals that are exactly this float.

    >>> number(np.int8(-3)), number(np.float32(0.1)), number(np.float32(3)), number(np.float32(1e-30))
    ('-3', '0.1f', '3.0f', '1e-30f')
    """
    return f"{np.float32(value)!s}f" if isinstance(value, np.floating) else str(int(value))


def braces(array: np.ndarray[Any, Any]) -> str:
    """Write an initializer, with one pair of braces per dimension.

    >>> print(braces(np.array([[1, 2], [3, 4]])))
    {
        {1, 2},
        {3, 4},
    }
    """
    if array.ndim == 1:
        row = "{" + ", ".join(map(number, array)) + "}"
        if len(row) <= _WIDTH:
            return row
        rows = ["\n".join(textwrap.wrap(row[1:-1], _WIDTH, break_long_words=False, break_on_hyphens=False))]
    else:
        rows = [*map(braces, array)]
    return "{\n" + "".join(textwrap.indent(row, _INDENT) + ",\n" for row in rows) + "}"


def dimensions(shape: tuple[int, ...]) -> str:
    """Write the shape of an array in its declaration: ``[3][28]``."""
    return "".join(f"[{length}]" for length in shape)


def string(text: str) -> str:
    r"""Write a string literal of the text's bytes; what cannot be printed is escaped for people, as on the terminal.

    >>> print(string('a "b" ??/'), string("é1"), string("\x1b[2J"))
    "a \"b\" \?\?/" "\303\2511" "\\x1b[2J"
    """
    return '"' + "".join(map(_character, utf8(text))) + '"'


def utf8(text: str) -> bytes:
    """Encode any text: a program in C prints it, and its strings end at the first zero."""
    return printable(text).encode()


def comment(text: str) -> str:
    r"""Return the text as a line of printable ASCII that cannot end a comment, nor make a compiler warn.

    Letters lose their accents; what has no equivalent in ASCII is escaped.

    >>> print(comment("a*/b /* é \n ??/"))
    a* /b / * e \n ? ?/
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    ascii_only = printable(plain).encode("ascii", "backslashreplace").decode()
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", ascii_only)


def paragraph(text: str) -> str:
    """Wrap text for a comment in lines that begin with `` *``; all but the first are indented."""
    lines = textwrap.wrap(comment(text), _WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [""]
    return "\n".join(f" * {line}".rstrip() for line in lines)


def _character(byte: int) -> str:
    character = chr(byte)
    if character in '"\\?':
        return "\\" + character
    # Three digits end the escape, whatever follows.
    return character if " " <= character <= "~" else f"\\{byte:03o}"
