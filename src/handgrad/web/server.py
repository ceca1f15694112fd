"""The local server of the page: Starlette, one address that nobody can guess, nothing but the page behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from handgrad import engine as engines
from handgrad.data.image_file import read_image
from handgrad.errors import HandgradError, InputError
from handgrad.model import Model
from handgrad.typing import Pixels
from handgrad.web.page import content_policy, page, page_content
from handgrad.web.visitors import Visitor, Visitors

HOST = "127.0.0.1"
_LARGEST_UPLOAD = 20 << 20
_LARGEST_WISH = 4096
_COUNTED = ("label", "example", "steps", "rate", "back")
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

    def example(self, place: int) -> tuple[Pixels, int | None]:
        """A picture, and its class number where that is known."""
        label = int(self.labels[place])
        return self.images[place], None if label < 0 else label

    @cached_property
    def telling(self) -> int:
        """A picture of which the network is neither sure nor at a loss: there is something to learn from it."""
        images, labels = self.images[:_TRIED], self.labels[:_TRIED]
        probabilities = self.model.predict(images, engines.create("notes", self.model.standardization))
        expected = probabilities[np.arange(len(images)), labels]
        return int(np.abs(np.where(labels < 0, probabilities.max(axis=1), expected) - 0.5).argmin())


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
    by_place = {str(place): exhibit for place, exhibit in enumerate(exhibits)}

    def front(request: Request) -> Response:
        place = request.query_params.get("model", "0")
        if place not in by_place:
            return _refused("model: there is no such model; open the address without ?model", 404)
        exhibit = by_place[place]
        visitor = Visitor(exhibit.model, *exhibit.example(exhibit.telling))
        live = {
            "base": base,
            "visitor": visitors.add(visitor),
            "models": [each.name for each in exhibits],
            "model": int(place),
            "examples": {"name": exhibit.source, "count": len(exhibit.images), "first": exhibit.telling},
        }
        return HTMLResponse(page(page_content(exhibit.model.architecture, visitor.state()["trace"], live), ""))

    def known(request: Request) -> Visitor:
        visitor = visitors.get(request.path_params["visitor"])
        if visitor is None:
            raise HTTPException(410, "visitor: the server no longer knows this page; load it anew")
        return visitor

    def changed(visitor: Visitor, change: Callable[[], None]) -> Response:
        with visitor.lock:
            change()
            return _json(visitor.state())

    async def state(request: Request) -> Response:
        visitor, wishes = known(request), _wishes(await _body(request, _LARGEST_WISH))
        exhibit = next(each for each in exhibits if each.model is visitor.model)
        return await run_in_threadpool(changed, visitor, lambda: _fulfil(visitor, exhibit, wishes))

    async def picture(request: Request) -> Response:
        visitor, content = known(request), await _body(request, _LARGEST_UPLOAD)
        height, width, depth = visitor.model.architecture.input_shape

        def look() -> None:
            # One at a time: a large picture takes hundreds of megabytes while it is decoded.
            with decoding:
                pixels = read_image(BytesIO(content), (height, width), depth, to_grey=True)
            visitor.look(pixels, None)

        return await run_in_threadpool(changed, visitor, look)

    def tensor(request: Request) -> Response:
        visitor, wanted = known(request), request.path_params
        with visitor.lock:
            numbers = visitor.numbers(
                wanted["revision"],
                wanted["node"],
                request.query_params.get("slice", ""),
                request.query_params.get("of", ""),
            )
        if numbers is None:
            return _refused("tensor: there are no such numbers, or no longer; load the page anew", 409)
        return Response(numbers, media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route(f"{base}/", front),
            Route(f"{base}/{{visitor}}/state", state, methods=["POST"]),
            Route(f"{base}/{{visitor}}/picture", picture, methods=["POST"]),
            Route(f"{base}/{{visitor}}/tensors/{{revision}}/{{node}}", tensor),
        ],
        middleware=[
            Middleware(_Headers),
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
        case {"example": int(place)} if 0 <= place < len(exhibit.images):
            visitor.look(*exhibit.example(place))
        case {"example": place}:
            raise InputError("picture", place, f"there are those from 0 to {len(exhibit.images) - 1}", "choose another")
        case {"steps": int(count), "rate": int() | float() as rate}:
            visitor.step(count, rate)
        case {"back": 1}:
            visitor.back()
        case {"restart": True}:
            visitor.restart()
        case _:
            raise InputError("wish", wishes, "is none that the page has", "load the page anew")


def _wishes(body: bytes) -> dict[str, Any]:
    try:
        wishes = json.loads(body)
    except (ValueError, RecursionError):
        wishes = None
    # JSON's true and false are integers to Python.
    if not isinstance(wishes, dict) or any(isinstance(wishes.get(wish), bool) for wish in _COUNTED):
        raise InputError("wish", "", "must be a JSON object of the page's own", "load the page anew")
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


def _json(value: dict[str, Any], status: int = 200) -> Response:
    # In ASCII: the name of a class may be no valid UTF-8.
    return Response(json.dumps(value, allow_nan=False), status, media_type="application/json")


def _refused(message: str, status: int) -> Response:
    return _json({"error": message}, status)


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
