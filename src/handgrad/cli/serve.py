"""``handgrad serve``."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from handgrad import model_file
from handgrad.cli import cache, display, screen
from handgrad.cli.unseen import shown_unseen
from handgrad.data.source import short_name
from handgrad.errors import DataError, InputError
from handgrad.model import Model
from handgrad.report.unseen import read_unseen
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
            metavar="SOURCE", help="Pictures to choose from, as for train; by default, those of the model's training."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")] = 8765,
) -> None:
    """Serve the page on which both passes run live, to this machine alone: drop or draw a picture, take steps."""
    import uvicorn

    from handgrad.web.server import HOST, Exhibit, application

    for number in (signal.SIGINT, signal.SIGTERM):
        # Both end a server: uvicorn handles them, and passes them on here when it has shut down.
        signal.signal(number, lambda *_: sys.exit(0))
    named = [(_name(path.resolve()), model_file.load_for_pictures(path)) for path in model_paths or ()]
    listening = _listening(HOST, port)
    exhibits = []
    for name, model in named or [("digits, trained just now", _trained_on_digits())]:
        wanted = source or str(model.provenance.get("data", {}).get("source", "digits"))
        exhibits.append(Exhibit(name, model, *_pictures(wanted, model, strict=source is not None)))
    token = token_urlsafe(16)
    display.say(f"http://{HOST}:{listening.getsockname()[1]}/{token}/")
    display.notice("open this address in a browser on this machine; Ctrl-C ends the server")
    page = application(exhibits, token)
    config = uvicorn.Config(page, log_level="warning", server_header=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


def _name(path: Path) -> str:
    return path.parent.name if path.is_file() else path.name


def _listening(host: str, port: int) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen()
    except OSError as error:
        taken.close()
        raise InputError("port", port, f"cannot be listened on ({error.strerror})", "choose another") from None
    return taken


def _trained_on_digits() -> Model:
    display.notice("no --model was given: training one on the embedded digits")
    # The notes engine: compiling kernels would take longer than this training.
    run = prepare(TrainingOptions(source="digits", engine="notes"))
    with screen.loop() as show:
        for event in run.events():
            show(event)
    return run.model


def _pictures(source: str, model: Model, strict: bool) -> tuple[str, Pixels, NDArray[np.int64]]:
    """Return what to call a source, its images that the model has not learned from, and their class numbers.

    If it cannot be read, and is not one that the person chose, the digits take its place.
    """
    try:
        samples = shown_unseen(model, source, cache.chosen(None), known_only=False).samples
    except DataError as error:
        if strict:
            raise
        display.notice(f"the pictures of its training are not available ({error}); offering the digits instead")
        source = "digits"
        samples = read_unseen(model, source, known_only=False).samples
    return short_name(source), np.asarray(samples.images), samples.labels
