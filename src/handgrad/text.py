"""Text from elsewhere (names of classes and files, what a model file says), written so that it does nothing but say it.

A name may hold anything: sequences that drive a terminal, line breaks, marks that turn the direction of writing, bytes
of a path that are no text, ten thousand letters. Whoever shows text to people calls ``shown``, whoever writes a CSV or
JSON file ``csv_text`` or ``json_text``.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

LONGEST = 500
"""Characters of one name, value or sentence that people are shown."""


def printable(text: str) -> str:
    r"""Return text with everything escaped that is not seen as itself, such as control characters.

    These are Unicode's controls, formats (of direction, of no width), separators of lines, surrogates and private
    characters. Spaces of any kind remain. Printable text is unchanged, so a second call changes nothing.

    Examples
    --------
    >>> print(printable("caf\u00e9 \u3042 \x1b[2J\r\n\u202eexe.png"), printable("\udcff\x9b\u200b"))
    café あ \x1b[2J\r\n\u202eexe.png \udcff\x9b\u200b
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escaped(c) for c in text)


def shown(value: object, longest: int = LONGEST) -> str:
    r"""Return any value as one printable line for people; of one that is too long, the beginning and the end.

    Examples
    --------
    >>> shown("a\nb"), shown(3.5), shown("x" * 100, longest=9)
    ('a\\nb', '3.5', 'xxxx…xxxx')
    """
    try:
        text = value if isinstance(value, str) else str(value)
    except (ValueError, RecursionError) as error:  # e.g. an integer of ten thousand digits
        text = f"({type(value).__name__} that cannot be shown: {error})"
    if len(text) > longest:
        kept = longest // 2
        text = f"{text[:kept]}…{text[-kept:]}"
    text = printable(text)
    # Escapes are longer than what they stand for, by up to ten times.
    return text if len(text) <= 2 * longest else f"{text[:longest]}…"


def json_text(value: Any) -> str:
    r"""Return a value as JSON for a file that people read: letters as they are, JSON's escapes for the unprintable.

    Examples
    --------
    >>> print(json_text({"é\u009b": "\u202e"}))
    {
      "é\u009b": "\u202e"
    }
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub(r"[^\n -~]", lambda found: _json_escaped(found[0]), text)


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    r"""Return a table as CSV: every cell as it is, quoted where CSV needs it, but for what cannot be printed.

    Examples
    --------
    >>> print(csv_text(("image", "class"), [("a,b.png", "good"), ("\x1b[2J.png", "=1+1")]), end="")
    image,class
    "a,b.png",good
    \x1b[2J.png,=1+1
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def _json_escaped(character: str) -> str:
    return character if printable(character) == character else json.dumps(character)[1:-1]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
