"""The server of a review: the page, its pictures, and what is decided."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from handgrad.data.image_file import decode, size_of
from handgrad.errors import DataError, InputError
from handgrad.report.images import encoded
from handgrad.review.changes import FILE_NAME
from handgrad.review.decisions import Decisions, Item
from handgrad.review.page import review_page, review_policy
from handgrad.text import shown
from handgrad.typing import Pixels
from handgrad.web.server import guarded

_LARGEST_WISH = 1024
_LARGEST_SIDE = 640


def application(decisions: Decisions, about: dict[str, Any], token: str) -> Starlette:
    """Return the server's application; its address begins with a token that no other page in the browser knows.

    `about` says what is reviewed: its name as ``source``, and the numbers ``pictures`` and ``expected``.
    """
    base, decoding = f"/{token}", threading.Lock()

    def front(request: Request) -> Response:
        file = shown(decisions.folder / FILE_NAME)
        content = about | {"base": base, "file": file, "classes": decisions.classes, "items": decisions.to_list()}
        return HTMLResponse(review_page(content))

    def picture(request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(decisions.items):
            raise HTTPException(404, "picture: there is no such picture; reload the page")
        # One at a time: a large picture takes hundreds of megabytes while it is decoded.
        with decoding:
            content, kind = encoded(_pixels(decisions.items[number]), _LARGEST_SIDE)
        return Response(content, media_type=kind)

    async def decide(request: Request) -> Response:
        number, to = _wish(await _body(request))
        await run_in_threadpool(decisions.decide, number, to)
        return JSONResponse({"decided": len(decisions.changes())})

    routes = [
        Route(f"{base}/", front),
        Route(f"{base}/pictures/{{number:int}}", picture),
        Route(f"{base}/decide", decide, methods=["POST"]),
    ]
    return guarded(routes, review_policy())


def _pixels(item: Item) -> Pixels:
    """Return what a person sees of an item: its file where that shows more than the network sees."""
    seen: Pixels = np.asarray(item.images[item.index])
    if item.root is None:
        return seen
    try:
        height, width = size_of(item.root / item.name)
        if height * width <= seen.shape[0] * seen.shape[1]:
            return seen
        scale = min(1, _LARGEST_SIDE / max(height, width))
        return decode(item.root / item.name, (max(1, round(height * scale)), max(1, round(width * scale))))
    except DataError:
        # It was there when the review began.
        return seen


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_WISH:
            return b""
    return body


def _wish(body: bytes) -> tuple[int, int | None]:
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        wish = None
    match wish:
        # JSON's true and false are integers to Python.
        case {"item": int(number), "to": int() | None as to} if bool not in (type(number), type(to)):
            return number, to
    raise InputError("wish", "", "must be a JSON object of the page's own", "reload the page")
