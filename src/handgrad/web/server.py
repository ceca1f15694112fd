"""The page's local server: one address that nobody can guess, and nothing behind it but the page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handgrad import engine as engines
from handgrad.data.image_file import read_image
from handgrad.errors import HandgradError, InputError
from handgrad.model import Model
from handgrad.text import shown
from handgrad.typing import Pixels
from handgrad.web.page import content_policy, page, page_content
from handgrad.web.visitors import Visitor, Visitors

HOST = "127.0.0.1"
_LARGEST_UPLOAD = 20 << 20
_LARGEST_WISH = 4096
_MOST_ARRIVING = 200 << 20
"""Bytes of all uploads together."""
_NUMBERS = ("label", "example", "steps", "rate", "back")
_TRIED = 64


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A model to look at, and images for it, under the names that the page gives them."""

    name: str
    model: Model
    source: str
    images: Pixels
    labels: NDArray[np.int64]
    """Class numbers; −1 is unknown."""

    def example(self, index: int) -> tuple[Pixels, int | None]:
        """Return an image, and its class number if that is known."""
        label = int(self.labels[index])
        return self.images[index], None if label < 0 else label

    @cached_property
    def telling(self) -> int:
        """Index of an image of which the network is neither sure nor ignorant: it has something to learn from it."""
        images, labels = self.images[:_TRIED], self.labels[:_TRIED]
        probabilities = self.model.predict(images, engines.create("notes", self.model.standardization))
        expected = probabilities[np.arange(len(images)), labels]
        return int(np.abs(np.where(labels < 0, probabilities.max(axis=1), expected) - 0.5).argmin())


def application(exhibits: Sequence[Exhibit], token: str) -> Starlette:
    """Return the server's application; its address begins with a token that no other page in the browser knows."""
    base, visitors, arriving = f"/{token}", Visitors(), _Arriving()
    # One at a time, since a large picture takes hundreds of megabytes; in a thread of its own, so that none of the
    # others waits for it.
    decoder = ThreadPoolExecutor(1, "decoding")
    by_number = {str(number): exhibit for number, exhibit in enumerate(exhibits)}

    def front(request: Request) -> Response:
        number = request.query_params.get("model", "0")
        if number not in by_number:
            return _refused("model: there is no such model; open the address without ?model", 404)
        exhibit = by_number[number]
        visitor = Visitor(exhibit.model, *exhibit.example(exhibit.telling))
        live = {
            "base": base,
            "visitor": visitors.add(visitor),
            "models": [shown(each.name) for each in exhibits],
            "model": int(number),
            "examples": {"name": exhibit.source, "count": len(exhibit.images), "first": exhibit.telling},
        }
        return HTMLResponse(page(page_content(exhibit.model.architecture, visitor.state()["trace"], live), ""))

    def known(request: Request) -> Visitor:
        visitor = visitors.get(request.path_params["visitor"])
        if visitor is None:
            raise HTTPException(410, "visitor: the server no longer knows this page; reload it")
        return visitor

    def changed(visitor: Visitor, change: Callable[[], None]) -> Response:
        with visitor.lock:
            change()
            answer = _json(visitor.state())
        visitors.make_room()
        return answer

    async def state(request: Request) -> Response:
        visitor = known(request)
        async with arriving.body(request, _LARGEST_WISH) as content:
            wishes = _wishes(content)
        exhibit = next(each for each in exhibits if each.model is visitor.model)
        return await run_in_threadpool(changed, visitor, lambda: _fulfil(visitor, exhibit, wishes))

    async def picture(request: Request) -> Response:
        visitor = known(request)
        height, width, depth = visitor.model.architecture.input_shape
        async with arriving.body(request, _LARGEST_UPLOAD) as content:
            ranges = visitor.model.file_ranges
            decode = partial(read_image, BytesIO(content), (height, width), depth, to_grey=True, file_ranges=ranges)
            pixels = await asyncio.wrap_future(decoder.submit(decode))
        return await run_in_threadpool(changed, visitor, lambda: visitor.look(pixels, None))

    def tensor(request: Request) -> Response:
        visitor, path, query = known(request), request.path_params, request.query_params
        with visitor.lock:
            numbers = visitor.numbers(path["revision"], path["node"], query.get("slice", ""), query.get("of", ""))
        if numbers is None:
            return _refused("tensor: there are no such numbers, or no longer; reload the page", 409)
        return Response(numbers, media_type="application/octet-stream")

    routes = [
        Route(f"{base}/", front),
        Route(f"{base}/{{visitor}}/state", state, methods=["POST"]),
        Route(f"{base}/{{visitor}}/picture", picture, methods=["POST"]),
        Route(f"{base}/{{visitor}}/tensors/{{revision}}/{{node}}", tensor),
    ]
    return guarded(routes, content_policy(connect="'self'"))


def guarded(routes: Sequence[Route], policy: str) -> Starlette:
    """Return an application for this machine alone: every answer has this policy, and every error is one line."""
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(_with_headers, policy=policy),
            Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", HOST]),
        ],
        exception_handlers={
            HandgradError: lambda _, error: _refused(str(error), 422),
            HTTPException: lambda _, error: _refused(error.detail, error.status_code),
            MemoryError: lambda _, error: _refused("memory: there is not enough for this; use a smaller picture", 422),
        },
    )


def _fulfil(visitor: Visitor, exhibit: Exhibit, wishes: dict[str, Any]) -> None:
    match wishes:
        case {"label": int(label)}:
            visitor.expect(label)
        case {"example": int(index)} if 0 <= index < len(exhibit.images):
            visitor.look(*exhibit.example(index))
        case {"example": index}:
            raise InputError(
                "picture", index, f"pictures are numbered 0 to {len(exhibit.images) - 1}", "choose another"
            )
        case {"steps": int(count), "rate": int() | float() as rate}:
            visitor.step(count, rate)
        case {"back": 1}:
            visitor.back()
        case {"restart": True}:
            visitor.restart()
        case _:
            raise InputError("wish", wishes, "is not one of the page's", "reload the page")


def _wishes(body: bytes) -> dict[str, Any]:
    try:
        wishes = json.loads(body)
    except (ValueError, RecursionError):
        wishes = None
    # JSON's true and false are integers to Python.
    if not isinstance(wishes, dict) or any(isinstance(wishes.get(wish), bool) for wish in _NUMBERS):
        raise InputError("wish", "", "must be a JSON object of the page's own", "reload the page")
    return wishes


class _Arriving:
    """The bodies of requests, of which the server holds so many bytes at a time."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """Receive a request's body, and hold it, unless it or all bodies together are too large."""
        body = bytearray()
        try:
            async for piece in request.stream():
                body += piece
                self._held += len(piece)
                if len(body) > most:
                    raise InputError("upload", f"{len(body):,} bytes", f"at most {most:,} bytes are taken", "shrink it")
                if self._held > _MOST_ARRIVING:
                    raise HTTPException(503, "upload: the server is busy with other pictures; try again in a moment")
            yield bytes(body)
        finally:
            self._held -= len(body)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    # In ASCII: the name of a class may be no valid UTF-8.
    return Response(json.dumps(value, allow_nan=False), status, media_type="application/json")


def _refused(message: str, status: int) -> Response:
    return _json({"error": message}, status)


def _with_headers(app: ASGIApp, policy: str) -> ASGIApp:
    """Let every answer forbid what the page does not need."""
    headers = {
        "content-security-policy": f"{policy}; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
    }

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        with suppress(ClientDisconnect):
            await app(scope, receive, send_with_headers)

    return guarded
