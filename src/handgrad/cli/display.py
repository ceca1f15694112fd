"""What a person sees: tables on stdout; progress, notices and errors on stderr."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from handgrad.errors import HandgradWarning
from handgrad.percent import percent as percent


class _Console(Console):
    """A console whose reader may leave (`handgrad info MODEL | head`): this is no error, and a training continues."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


_FILE_WIDTH = 10_000
"""Columns if stdout is not a terminal: a row stays one line, for grep and awk."""

stdout = _Console(highlight=False, emoji=False)
stderr = _Console(stderr=True, highlight=False, emoji=False)
if not stdout.is_terminal and "COLUMNS" not in os.environ:
    stdout.width = _FILE_WIDTH


def complain(message: str) -> None:
    """Print one line about what is wrong."""
    stderr.print(f"[red]handgrad: error:[/] {_printable(message)}", soft_wrap=True)


def notice(message: str) -> None:
    """Print one line that a person should know."""
    stderr.print(f"[yellow]handgrad:[/] {_printable(message)}", soft_wrap=True)


def say(message: str) -> None:
    """Print one line of results."""
    stdout.print(message, soft_wrap=True, markup=False)


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


def table(*columns: str, title: str | None = None) -> Table:
    """Make a plain table; columns named "…>" are right-aligned."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.endswith(">")
        made.add_column(escape(column.removesuffix(">")), justify="right" if right else "left", overflow="fold")
    return made


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Make a bar on stderr that disappears when it is done; nothing if stderr is not a terminal."""
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *columns, TimeRemainingColumn())
    return Progress(*shown, console=stderr, transient=True, disable=not stderr.is_terminal)


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that reports (done, total)."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def warnings_as_notices() -> Iterator[None]:
    """Print the library's own warnings as notices."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", HandgradWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
            if issubclass(category, HandgradWarning):
                notice(str(message))
            else:
                others(message, category, *place, **options)

        warnings.showwarning = show
        yield


def _printable(message: str) -> str:
    """Escapes what would act on the terminal, such as the control characters that a file name may hold."""
    return escape("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message))
