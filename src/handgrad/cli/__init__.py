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
from handgrad.cli import cache, check, evaluate, explain, export, info, predict, review, serve, sweep, train, watch
from handgrad.cli.display import complain, say, warnings_as_notices
from handgrad.errors import HandgradError, InputError, Interrupted

_INTERRUPTED = 130
_PARAMETERS = {"stages": "filters", "folder": "resume", "path": "out", "accuracy": "data"}
"""The commands' names of the library's arguments, where they differ by more than hyphens."""


class Command(TyperCommand):
    """A command whose errors name its own option, where the library names the argument."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            name = _PARAMETERS.get(error.argument, error.argument)
            option = f"--{name.replace('_', '-')}"
            if any(option in parameter.opts for parameter in self.params):
                error.argument = option
            elif any(parameter.name == name for parameter in self.params):
                error.argument = name
            error.remedy = error.remedy.replace("set overwrite=True", "give --overwrite")
            raise


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
        complain(_usage_error(error))
    except OSError as error:
        # Sources, models and results have errors of their own: this is stdout or stderr, e.g. on a full disk.
        complain(f"output: cannot be written ({error.strerror or error}); redirect it elsewhere")
    except MemoryError:
        complain("memory: there is not enough for these sizes; use fewer or smaller images, or a smaller --batch-size")
    if code == _INTERRUPTED:
        complain("interrupted; nothing was written")
    return code


def _usage_error(error: typer.TyperException) -> str:
    """Return rule, value and remedy of an argument that Typer refused."""
    message = error.format_message().rstrip(".")
    details = getattr(error.__cause__, "errors", None)
    if callable(details):
        # Where pydantic refused it, Typer leaves the value out, unless it is none of a few choices.
        refused = details()[0]
        choices = refused["type"] == "value_error"
        message = message.replace("Value error, ", "") if choices else f"{message}, not {refused['input']!r}"
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path if context else 'handgrad'} --help"
