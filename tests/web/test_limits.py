"""What the server holds and takes is bounded: bytes of an upload, of all visitors, of what each may undo."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message

from handgrad.web import visitors
from handgrad.web.server import application
from handgrad.web.visitors import Visitor, Visitors
from tests.web.models import drawn, pixels_for
from tests.web.test_server import TOKEN, Visit, exhibit

MEGABYTE = 1 << 20


def posted(app: Any, path: str, pieces: Iterable[bytes]) -> tuple[int, dict[str, Any], int]:
    """Status and content of the answer to a body that arrives in these pieces; how many of them the server took."""
    taken, sent, left = 0, list[Message](), iter(pieces)

    async def receive() -> Message:
        nonlocal taken
        piece = next(left, None)
        if piece is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        taken += 1
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "http_version": "1.1",
        "scheme": "http",
    }
    # In a thread, since Playwright's event loop may be running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(app(scope, receive, send))).result()
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:])), taken


@pytest.fixture
def app() -> Any:
    return application([exhibit("notes")], TOKEN)


@pytest.fixture
def visit(app: Any) -> Visit:
    return Visit(TestClient(app, base_url="http://127.0.0.1"))


@pytest.mark.parametrize(
    ("path", "piece", "most"), [("picture", bytes(MEGABYTE), 20 * MEGABYTE), ("state", b" " * 1000, 4096)]
)
def test_a_body_in_small_pieces_is_refused_as_soon_as_it_is_too_large(
    app: Any, visit: Visit, path: str, piece: bytes, most: int
) -> None:
    fit = most // len(piece)
    status, answer, taken = posted(app, f"{visit.place}/{path}", itertools.repeat(piece, 3 * fit))
    assert (status, taken) == (422, fit + 1)
    assert f"at most {most:,} bytes are taken" in answer["error"]


def test_a_picture_may_arrive_byte_by_byte(app: Any, visit: Visit) -> None:
    file = io.BytesIO()
    Image.new("L", (12, 11), 7).save(file, "PNG")
    pieces = [bytes([byte]) for byte in file.getvalue()]
    status, answer, taken = posted(app, f"{visit.place}/picture", pieces)
    assert (status, taken) == (200, len(pieces))
    assert answer["taken"] == 0


class Heavy:
    """Stands for a visitor that takes this much memory."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


def known_of(held: Visitors, names: list[str]) -> list[bool]:
    return [held.get(name) is not None for name in names]


def added(held: Visitors, *sizes: int) -> list[str]:
    return [held.add(Heavy(size)) for size in sizes]  # type: ignore[arg-type]


def test_all_visitors_together_take_a_gigabyte_at_most() -> None:
    held = Visitors()
    names = added(held, 400 * MEGABYTE, 300 * MEGABYTE, 324 * MEGABYTE)
    assert known_of(held, names) == [True, True, True]
    names += added(held, 1)
    assert known_of(held, names) == [False, True, True, True]
    names += added(held, 900 * MEGABYTE)
    assert known_of(held, names) == [False, False, False, True, True]


def test_the_latest_visitor_is_kept_however_large() -> None:
    held = Visitors()
    assert known_of(held, added(held, 1, 5 << 30)) == [False, True]


def test_the_one_that_was_away_longest_goes_first() -> None:
    held = Visitors()
    names = added(held, *[400 * MEGABYTE] * 2)
    assert held.get(names[0])
    names += added(held, 400 * MEGABYTE)
    assert known_of(held, names) == [True, False, True]


def test_a_visitor_counts_all_that_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    model = drawn("notes")
    size = model.parameters.vector.size * 8
    monkeypatch.setattr(visitors, "_HISTORY_BYTES", 12 * size)
    visitor = Visitor(model, pixels_for(model), 0)
    held, before = Visitors(), visitor.nbytes
    held.add(visitor)
    for _ in range(3):
        visitor.step(10, 1e-4)
    state = visitor.state()
    assert (state["taken"], state["undoable"]) == (30, 12)
    traced = sum(np.asarray(tensor).nbytes for tensor in visitor.trace.tensors.values())
    assert visitor.nbytes == traced + 13 * size == before + 12 * size


def test_those_who_were_away_go_when_another_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    held, model = Visitors(), drawn("notes")
    visitor = Visitor(model, pixels_for(model), 0)
    monkeypatch.setattr(visitors, "_MOST_BYTES", visitor.nbytes + 1000)
    names = [*added(held, 1000), held.add(visitor)]
    assert known_of(held, names) == [True, True]
    visitor.step(1, 1e-4)
    held.make_room()
    assert known_of(held, names) == [False, True]


def test_losses_and_steps_that_can_be_taken_back_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "_HISTORY_BYTES", 1)
    monkeypatch.setattr(visitors, "_LOSSES_KEPT", 15)
    model = drawn("notes")
    visitor = Visitor(model, pixels_for(model), 0)
    for _ in range(3):
        visitor.step(10, 1e-4)
    state = visitor.state()
    assert (state["undoable"], len(state["losses"])) == (10, 15)


def test_a_page_comes_with_no_large_tensor() -> None:
    model = drawn("mnist")
    visitor = Visitor(model, pixels_for(model), 0)
    nodes = visitor.state()["trace"]["nodes"]
    sizes = {node["name"]: int(np.prod(node["shape"])) for node in nodes if node["operation"] != "step"}
    assert max(sizes.values()) > 8192
    inside = {node["name"] for node in nodes if "data" in node}
    assert inside == {name for name, size in sizes.items() if size <= 8192}
