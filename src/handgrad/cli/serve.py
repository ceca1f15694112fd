"""``handgrad serve``."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from handgrad import model_file, progress, system
from handgrad.cli import cache, display
from handgrad.cli.unseen import EMBEDDED, request, shown_unseen, trained_on
from handgrad.data.source import short_name
from handgrad.errors import InputError
from handgrad.model import Model
from handgrad.runs import TrainingOptions, prepare
from handgrad.typing import Pixels


def serve(
    model_paths: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A model.safetensors, or the folder that it is in; may be repeated. By default, a model is trained on "
            "the embedded digits first.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Pictures to choose from, e.g. those of the training; by default, the embedded digits.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")] = 8765,
) -> None:
    """Serve the page on which both passes run live, to this machine alone: drop or draw a picture, take steps."""
    from handgrad.web.server import Exhibit, application

    named = [(_name(path.resolve()), model_file.load_for_pictures(path)) for path in model_paths or ()]
    with ending_quietly(), closing(listening(port)) as taken:
        exhibits = []
        for name, model in named or [("digits, trained just now", _trained_on_digits())]:
            exhibits.append(Exhibit(name, model, *_pictures(source, model)))
        show(partial(application, exhibits), taken)


@contextmanager
def ending_quietly() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the command with code 0: both end a server."""
    # Uvicorn handles them, and passes them on here when it has shut down.
    before = {number: signal.signal(number, lambda *_: sys.exit(0)) for number in system.ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python.
            signal.signal(number, handler or signal.SIG_DFL)


def show(application: Callable[[str], Any], taken: socket.socket) -> None:
    """Print the address of an application, which is made with the token in it, and serve it until Ctrl-C."""
    import uvicorn

    from handgrad.web.connection import Connection

    token = token_urlsafe(16)
    host, port = taken.getsockname()
    display.say(f"http://{host}:{port}/{token}/")
    display.notice("open this address in a browser on this machine; Ctrl-C ends the server")
    # Whoever sends what is no request must not fill the terminal.
    settings: dict[str, Any] = {"log_level": "error", "server_header": False, "timeout_graceful_shutdown": 2}
    uvicorn.Server(uvicorn.Config(application(token), http=Connection, **settings)).run(sockets=[taken])


def _name(path: Path) -> str:
    return path.parent.name if path.is_file() else path.name


def listening(port: int) -> socket.socket:
    """Take a port of this machine, before the work that the page needs."""
    from handgrad.web.server import HOST

    try:
        return system.listening(HOST, port)
    except OSError as error:
        raise InputError("port", port, f"cannot be listened on ({error.strerror})", "choose another") from None


def _trained_on_digits() -> Model:
    display.notice("no --model was given: training one on the embedded digits")
    # The notes engine: compiling kernels would take longer than this training.
    run = prepare(TrainingOptions(source="digits", engine="notes"))
    with progress.training(display.stderr) as show:
        for event in run.events():
            show(event)
    return run.model


def _pictures(source: str | None, model: Model) -> tuple[str, Pixels, NDArray[np.int64]]:
    """Return what to call a source, its images that the model has not learned from, and their class numbers.

    Without a source they are the embedded digits, whatever the model was trained on.
    """
    if source is None and trained_on(model) != EMBEDDED:
        display.notice(f"offering the embedded digits; {request(model, '--source')} offers other pictures")
    chosen = EMBEDDED if source is None else source
    samples = shown_unseen(model, chosen, cache.chosen(None), known_only=False).samples
    return short_name(chosen), np.asarray(samples.images), samples.labels
