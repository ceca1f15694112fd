"""What a person sees: tables on stdout; progress, notices and errors on stderr.

Text is never markup here, and always printable: a name of a class or a file may hold anything.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handgrad import progress
from handgrad.errors import HandgradWarning
from handgrad.percent import percent as percent
from handgrad.text import printable, shown


class _Console(Console):
    """A console whose reader may leave (`handgrad info MODEL | head`): this is no error, and a training continues."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


_FILE_WIDTH = 10_000
"""Columns if stdout is not a terminal: a row stays one line, for grep and awk."""

_LONGEST_LINE = 4000
"""Characters of an error or a notice, whatever was typed."""

stdout = _Console(highlight=False, emoji=False)
stderr = _Console(stderr=True, highlight=False, emoji=False)
if not stdout.is_terminal and "COLUMNS" not in os.environ:
    stdout.width = _FILE_WIDTH


def complain(message: str) -> None:
    """Print one line about what is wrong."""
    stderr.print(Text.assemble(("handgrad: error:", "red"), " ", shown(message, _LONGEST_LINE)), soft_wrap=True)


def notice(message: str) -> None:
    """Print one line that a person should know."""
    stderr.print(Text.assemble(("handgrad:", "yellow"), " ", shown(message, _LONGEST_LINE)), soft_wrap=True)


def say(message: str) -> None:
    """Print one line of results."""
    stdout.print(Text(printable(message)), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print results for programs."""
    stdout.out(json.dumps(value, indent=2), highlight=False)


def write(content: bytes) -> bool:
    """Write lines for programs as they are, in any terminal's encoding; return whether anyone still reads them."""
    try:
        stdout.file.flush()
        stdout.file.buffer.write(content)  # type: ignore[attr-defined]
        stdout.file.buffer.flush()  # type: ignore[attr-defined]
    except BrokenPipeError:
        stdout.on_broken_pipe()
    return not stdout.quiet


class _Table(Table):
    """A table whose cells are text as it is, and which ``styled`` makes stand out."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        super().add_row(*(cell if isinstance(cell, Text) else styled(cell) for cell in cells), **options)


def table(*columns: str, title: str | None = None) -> Table:
    """Make a plain table; columns named "…>" are right-aligned."""
    made = _Table(title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.title = None if title is None else styled(title, "bold")
    for column in columns:
        right = column.endswith(">")
        made.add_column(styled(column.removesuffix(">")), justify="right" if right else "left", overflow="fold")
    return made


def styled(text: str, style: str = "") -> Text:
    """Return a cell of a table in a style; one that is very long is shortened."""
    return Text(shown(text), style)


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that reports (done, total)."""
    with progress.bar(stderr) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def warnings_as_notices() -> Iterator[None]:
    """Print the library's own warnings as notices, and those of others with nothing that acts on the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", HandgradWarning)
        # Of scikit-learn's import where there is no /dev/shm: no command has processes that would need it.
        warnings.filterwarnings("ignore", ".*joblib will operate in serial mode")

        def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
            if issubclass(category, HandgradWarning):
                notice(str(message))
            else:
                told = warnings.formatwarning(message, category, *place[:2])
                stderr.file.write("".join(f"{printable(line)}\n" for line in told.splitlines()))

        warnings.showwarning = show
        yield
