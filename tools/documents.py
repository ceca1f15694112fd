"""Generated documents: the Markdown templates of ``tools/templates``, and the filters that they share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from handgrad import atomic
from tools import DOCS


def write(name: str, folder: Path = DOCS, **values: Any) -> None:
    """Write a document from the template of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_files(folder, {name: (_environment().get_template(name).render(values).strip() + "\n").encode()})


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown
    )
    environment.filters |= {"number": format, "paragraph": paragraph, "table": table}
    return environment


def paragraph(text: str) -> str:
    """Wrap a paragraph at 118 characters."""
    return textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False, break_long_words=False)


def table(rows: Iterable[Iterable[object]], *heads: str, left: int = 1) -> str:
    """Lay out rows as a Markdown table whose first `left` columns are aligned to the left, the others to the right.

    Examples
    --------
    >>> print(table([("digits", 0.5)], "network", "seconds"))
    | network | seconds |
    |---|--:|
    | digits | 0.5 |
    """
    rule = "|".join("---" if column < left else "--:" for column in range(len(heads)))
    lines = (f"| {' | '.join(map(str, cells))} |" for cells in rows)
    return "\n".join((f"| {' | '.join(heads)} |", f"|{rule}|", *lines))
