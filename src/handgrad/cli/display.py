"""What a person sees: tables on stdout; progress, notices and errors on stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from handgrad.percent import percent as percent


class _Console(Console):
    """A console whose reader may leave (`handgrad info MODEL | head`): nothing is wrong, and a training goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


_FILE_WIDTH = 10_000
"""Columns where stdout is no terminal: a row stays one line, for grep and awk."""

stdout = _Console(highlight=False, emoji=False)
stderr = _Console(stderr=True, highlight=False, emoji=False)
if not stdout.is_terminal and "COLUMNS" not in os.environ:
    stdout.width = _FILE_WIDTH


def complain(message: str) -> None:
    """One line about what is wrong."""
    stderr.print(f"[red]handgrad: error:[/] {_printable(message)}", soft_wrap=True)


def notice(message: str) -> None:
    """One line that a person should know."""
    stderr.print(f"[yellow]handgrad:[/] {_printable(message)}", soft_wrap=True)


def say(message: str) -> None:
    """One line of results."""
    stdout.print(message, soft_wrap=True, markup=False)


def print_json(value: Any) -> None:
    """Results for programs."""
    stdout.out(json.dumps(value, indent=2), highlight=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table; columns named "…>" are set to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.endswith(">")
        made.add_column(escape(column.removesuffix(">")), justify="right" if right else "left", overflow="fold")
    return made


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar on stderr that goes when it is done; nothing where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *columns,
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


@contextmanager
def counting(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that reports (done, in all)."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def compilation() -> Iterator[None]:
    """Tells of kernels that have to be compiled first: a clock on a terminal, else one line."""
    # Imported here, since it takes Numba, which the notes engine does without.
    from handgrad.fused.compilation import announced

    clock = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=stderr, transient=True
    )

    def begin() -> None:
        if stderr.is_terminal:
            shown.enter_context(clock)
            clock.add_task("Compiling kernels, once; this takes about a quarter of a minute")
        else:
            notice("compiling kernels, once; this takes about a quarter of a minute")

    with ExitStack() as shown, announced(begin) as compiled:
        yield
    if compiled.seconds and stderr.is_terminal:
        notice(f"compiled kernels, once, {compiled.seconds:.0f} s")
    if compiled.seconds and not compiled.kept:
        notice("the kernels could not be kept, so every run compiles them; set NUMBA_CACHE_DIR to a folder with room")


def _printable(message: str) -> str:
    """Escapes what would act on the terminal, such as the control characters that a file name may hold."""
    return escape("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message))
