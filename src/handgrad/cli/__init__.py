"""The command line: one file per command; results on stdout, everything else on stderr.

Exit codes: 0 done, 1 the check failed, 2 the input is wrong, 130 interrupted.
"""

from __future__ import annotations

import inspect
import io
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from threadpoolctl import threadpool_limits
from typer.core import TyperCommand

from handgrad import __version__
from handgrad import system as system  # which registers "readable"
from handgrad.cli import (
    cache,
    check,
    evaluate,
    explain,
    export,
    info,
    predict,
    review,
    serve,
    sweep,
    train,
    typed,
    watch,
)
from handgrad.cli.display import complain, notice, say, warnings_as_notices
from handgrad.cli.typed import Refused
from handgrad.errors import HandgradError, InputError, Interrupted

_INTERRUPTED = 130


class Command(TyperCommand):
    """A command whose errors name its own options and values, where the library names its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty values: an empty path would be the working folder."""
        for name in () if ctx.resilient_parsing else typed.empty(args):
            raise Refused(f"{name}=: must not be empty; give a value, or leave it out")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            # What a resumed training has is known only when it has been read.
            lines = [] if ctx.params.get("resume") else typed.without_effect(ctx)
            # A training prints them itself, when it knows that it can begin.
            for line in () if "resume" in ctx.params else lines:
                notice(line)
            return super().invoke(ctx)
        except InputError as error:
            raise Refused(typed.text(self.params, error)) from error


app = typer.Typer(
    name="handgrad",
    help="A convolutional network whose every forward and backward step is an equation worked out by hand.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    train.train, evaluate.evaluate, predict.predict, watch.watch, review.review, sweep.sweep, explain.explain,
    serve.serve, export.export, check.check, info.info, cache.cache,
)  # fmt: skip
for command in _COMMANDS:
    # Typer would keep the line breaks of the docstring's paragraphs.
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    app.command(cls=Command, help="\n\n".join(" ".join(text.split()) for text in paragraphs))(command)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        say(f"handgrad {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line and exit with its code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by the caller (`>&-`).
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character (× in ASCII, a file name that is not UTF-8) must not end a training.
            stream.reconfigure(errors="readable")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    # Pillow logs what is wrong with a picture; the user gets one line from us.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    code = 2
    try:
        # The matrices are small: on a busy machine, BLAS threads that wait for each other cost more than they gain.
        with threadpool_limits(1, user_api="blas"), warnings_as_notices():
            code = int(app(arguments, prog_name="handgrad", standalone_mode=False, obj=arguments) or 0)
    except Interrupted as error:
        complain(str(error))
        return _INTERRUPTED
    except HandgradError as error:
        complain(str(error))
    except typer.TyperException as error:
        complain(typed.usage(error))
    except OSError as error:
        # Sources, models and results have errors of their own: this is stdout or stderr, e.g. on a full disk.
        complain(f"output: cannot be written ({error.strerror or error}); redirect it elsewhere")
    except MemoryError:
        remedy = "use fewer or smaller images, a smaller network, or a smaller --batch-size"
        complain(f"memory: there is not enough for these sizes; {remedy}")
    if code == _INTERRUPTED:
        complain("interrupted; nothing was written")
    return code
