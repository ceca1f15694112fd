"""What a person should know of a source: told in one line each, or, in strict reading, refused."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.data.arrays import Refusal

_NAMED = 3


class Remarks:
    """Collects the lines about one source.

    >>> from functools import partial
    >>> from handgrad.errors import DataError
    >>> remarks = Remarks(partial(DataError, "source", "photos"), strict=False)
    >>> remarks.doubt("1 class folder is empty (cat)", "put pictures into it")
    >>> remarks.lines
    ['1 class folder is empty (cat); put pictures into it']
    """

    def __init__(self, refuse: Refusal, strict: bool) -> None:
        self.refuse, self.strict = refuse, strict
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        """Keep a line that needs nobody's decision."""
        self.lines.append(line)

    def doubt(self, rule: str, remedy: str) -> None:
        """Keep a line about what was read in one of several ways, or not at all; if strict, raise it.

        The remedy may be empty where the line says enough.
        """
        if self.strict:
            raise self.refuse(rule, remedy or "correct it, or leave strict reading out")
        self.lines.append(f"{rule}; {remedy}" if remedy else rule)


def some(names: Sequence[str]) -> str:
    """Return the first few names in one line.

    >>> some("abcd"), some("ab")
    ('a, b, c, …', 'a, b')
    """
    return ", ".join((*names[:_NAMED], *(["…"] if len(names) > _NAMED else ())))


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "picture"), counted(1200, "picture"), counted(2, "class", "classes")
    ('1 picture', '1,200 pictures', '2 classes')
    """
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
