"""Numbers, strings and comments of C, in plain ASCII."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Any

import numpy as np

_WIDTH = 110
_LONGEST_STRING = 4095
"""Bytes of the longest literal that every C99 compiler accepts."""


def number(value: Any) -> str:
    """Return an integer, or the shortest decimals that give exactly this float.

    Examples
    --------
    >>> number(np.int8(-3)), number(np.float32(0.1)), number(np.float32(3)), number(np.float32(1e-30))
    ('-3', '0.1f', '3.0f', '1e-30f')
    """
    return f"{np.float32(value)!s}f" if isinstance(value, np.floating) else str(int(value))


def braces(array: np.ndarray[Any, Any]) -> str:
    """Return an initializer, with one pair of braces for each dimension.

    Examples
    --------
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
        lines = textwrap.wrap(row[1:-1], _WIDTH, break_long_words=False, break_on_hyphens=False)
        return "{\n" + _indented("\n".join(lines)) + ",\n}"
    return "{\n" + "".join(_indented(braces(row)) + ",\n" for row in array) + "}"


def dimensions(shape: tuple[int, ...]) -> str:
    """Return the shape as it stands in a declaration.

    Examples
    --------
    >>> dimensions((3, 28))
    '[3][28]'
    """
    return "".join(f"[{length}]" for length in shape)


def string(text: str) -> str:
    r"""Return a literal of the text's UTF-8 bytes, whatever they are.

    Examples
    --------
    >>> print(string('a "b" ??/'), string("é1"))
    "a \"b\" \?\?/" "\303\2511"
    """
    return '"' + "".join(map(_character, text.encode("utf-8", "backslashreplace"))) + '"'


def fits_a_string(text: str) -> bool:
    """Return whether every compiler must accept the text as a literal.

    Examples
    --------
    >>> fits_a_string("good"), fits_a_string("x" * 5000)
    (True, False)
    """
    return len(text.encode("utf-8", "backslashreplace")) <= _LONGEST_STRING


def comment(text: str) -> str:
    r"""Return text that neither ends its comment nor causes a compiler's warning: one line of printable ASCII.

    Letters lose their accents; characters without an ASCII equivalent are escaped.

    Examples
    --------
    >>> print(comment("a*/b /* é \n ??/"))
    a* /b / * e \n ? ?/
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
    ascii_only = escaped.encode("ascii", "backslashreplace").decode()
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", ascii_only)


def paragraph(text: str) -> str:
    """Wrap text for a comment, each line after `` *``; all lines but the first are indented."""
    lines = textwrap.wrap(comment(text), _WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [""]
    return "\n".join(f" * {line}".rstrip() for line in lines)


def _character(byte: int) -> str:
    character = chr(byte)
    if character in '"\\?':
        return "\\" + character
    # Three digits end the escape, whatever follows.
    return character if " " <= character <= "~" else f"\\{byte:03o}"


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")
