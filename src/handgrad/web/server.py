"""The local server of the page: Starlette, one address that nobody can guess, nothing but the page behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from handgrad import engine as engines
from handgrad.data.picture import read_picture
from handgrad.errors import HandgradError, InputError
from handgrad.model import Model
from handgrad.typing import Pixels
from handgrad.web.page import content_policy, page, page_content
from handgrad.web.visitors import Visitor, Visitors

HOST = "127.0.0.1"
_LARGEST_UPLOAD = 20 << 20
_LARGEST_WISH = 4096
_TRIED = 64


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A model to look at, with pictures for it.

    Parameters
    ----------
    name : str
        What the page calls the model.
    model : Model
    source : str
        What it calls the pictures.
    images : array of uint8, shape (count, height, width, depth)
        Pictures of the model's input shape.
    labels : array of int64, shape (count,)
        Their class numbers; −1 is unknown.
    """

    name: str
    model: Model
    source: str
    images: Pixels
    labels: NDArray[np.int64]


def application(exhibits: Sequence[Exhibit], token: str) -> Starlette:
    """The server's application.

    Parameters
    ----------
    exhibits : sequence of Exhibit
        At least one; the first is shown first.
    token : str
        The address's first part: another page in the same browser cannot know it.
    """
    base, visitors, decoding = f"/{token}", Visitors(), threading.Lock()

    def front(request: Request) -> Response:
        place = request.query_params.get("model", "0")
        if not place.isascii() or not place.isdigit() or int(place) >= len(exhibits):
            return _refused("model: there is no such model; open the address without ?model", 404)
        exhibit = exhibits[int(place)]
        first = _telling(exhibit)
        visitor = Visitor(exhibit.model, *_example(exhibit, first))
        live = {
            "base": base,
            "visitor": visitors.add(visitor),
            "models": [each.name for each in exhibits],
            "examples": {"name": exhibit.source, "count": len(exhibit.images), "first": first},
            "model": int(place),
        }
        return HTMLResponse(page(page_content(exhibit.model.architecture, visitor.state()["trace"], live), ""))

    def answered(work: Callable[[Visitor, Exhibit, Any], None], given: Any, request: Request) -> Response:
        visitor = visitors.get(request.path_params["visitor"])
        if visitor is None:
            return _refused("visitor: the server no longer knows this page; load it anew", 410)
        exhibit = next(each for each in exhibits if each.model is visitor.model)
        with visitor.lock:
            work(visitor, exhibit, given)
            return JSONResponse(visitor.state())

    async def state(request: Request) -> Response:
        wishes = await _json(request)
        return await run_in_threadpool(answered, _fulfil, wishes, request)

    async def picture(request: Request) -> Response:
        upload = await _body(request, _LARGEST_UPLOAD)

        def look(visitor: Visitor, exhibit: Exhibit, content: bytes) -> None:
            height, width, depth = exhibit.model.architecture.input_shape
            # One at a time: a large picture takes hundreds of megabytes while it is decoded.
            with decoding:
                pixels = read_picture(BytesIO(content), (height, width), depth)
            visitor.look(pixels, None)

        return await run_in_threadpool(answered, look, upload, request)

    def tensor(request: Request) -> Response:
        visitor = visitors.get(request.path_params["visitor"])
        if visitor is None:
            return _refused("visitor: the server no longer knows this page; load it anew", 410)
        with visitor.lock:
            numbers = visitor.numbers(request.path_params["revision"], request.path_params["node"])
        if numbers is None:
            return _refused("tensor: these numbers have changed since; the page asks again", 409)
        return Response(numbers, media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route(f"{base}/", front),
            Route(f"{base}/{{visitor}}/state", state, methods=["POST"]),
            Route(f"{base}/{{visitor}}/picture", picture, methods=["POST"]),
            Route(f"{base}/{{visitor}}/tensors/{{revision:int}}/{{node:int}}", tensor),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", HOST]),
            Middleware(_Headers),
        ],
        exception_handlers={HandgradError: _told},
    )


def _fulfil(visitor: Visitor, exhibit: Exhibit, wishes: dict[str, Any]) -> None:
    match wishes:
        case {"label": int(label)}:
            visitor.expect(label)
        case {"example": int(place)} if 0 <= place < len(exhibit.images):
            visitor.look(*_example(exhibit, place))
        case {"steps": int(count), "rate": int() | float() as rate}:
            visitor.step(count, rate)
        case {"back": int(count)} if count >= 0:
            visitor.back(count)
        case _:
            raise InputError("wish", wishes, "is none that the page has", "load the page anew")


def _telling(exhibit: Exhibit) -> int:
    """A picture of which the network is neither sure nor at a loss: there is something to learn from it."""
    images, labels = exhibit.images[:_TRIED], exhibit.labels[:_TRIED]
    probabilities = exhibit.model.predict(images, engines.create("notes", exhibit.model.standardisation))
    expected = probabilities[np.arange(len(images)), labels]
    return int(np.abs(np.where(labels < 0, probabilities.max(axis=1), expected) - 0.5).argmin())


def _example(exhibit: Exhibit, place: int) -> tuple[Pixels, int | None]:
    label = int(exhibit.labels[place])
    return exhibit.images[place], None if label < 0 else label


async def _json(request: Request) -> dict[str, Any]:
    try:
        wishes = json.loads(await _body(request, _LARGEST_WISH))
    except (ValueError, RecursionError):
        wishes = None
    if not isinstance(wishes, dict):
        raise InputError("wish", "", "must be a JSON object", "load the page anew")
    return wishes


async def _body(request: Request, most: int) -> bytes:
    """All of a request's body, of so many bytes at most."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise InputError("upload", f"{size:,} bytes", f"at most {most:,} bytes are taken", "shrink it")
        parts.append(part)
    return b"".join(parts)


def _refused(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)


async def _told(_: Request, error: Exception) -> Response:
    return _refused(str(error), 422)


class _Headers:
    """Every answer forbids what the page does not need."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        policy = content_policy(connect="'self'")
        fixed = {
            "content-security-policy": f"{policy}; frame-ancestors 'none'",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
            "cross-origin-resource-policy": "same-origin",
        }

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.encode(), value.encode()) for name, value in fixed.items()]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
