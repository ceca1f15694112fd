"""Connections that are slow, half closed, endless or too many: they are given up, and everyone else is served."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from handgrad.web import connection, server
from handgrad.web.connection import Connection
from handgrad.web.server import application
from tests.web.test_server import TOKEN, exhibit

HEAD = b"Host: 127.0.0.1\r\nConnection: close\r\n"
FRONT = b"GET /secret/ HTTP/1.1\r\n" + HEAD + b"\r\n"


@pytest.fixture(scope="module")
def app() -> object:
    return application([exhibit("notes")], TOKEN)


@pytest.fixture
def port(app: object) -> Iterator[int]:
    """The port of a server in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, http=Connection, log_level="error", timeout_graceful_shutdown=1))  # type: ignore[arg-type]
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    running.should_exit = True
    thread.join()


def connected(port: int, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=60)
    made.sendall(sent)
    return made


def rest(made: socket.socket) -> bytes:
    """All that comes until the server closes."""
    came = bytearray()
    with made, contextlib.suppress(ConnectionError):
        while piece := made.recv(1 << 16):
            came += piece
    return bytes(came)


def visitor(port: int) -> str:
    page = rest(connected(port, FRONT)).decode()
    found = re.search(r'"visitor": "([\w-]+)"', page)
    assert page.startswith("HTTP/1.1 200")
    assert found
    return f"/secret/{found[1]}"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET /secret/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: a",
        b"POST /secret/nobody/state HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\n{",
        b"POST {visitor}/picture HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
        b"POST {visitor}/state HTTP/1.1\r\n" + HEAD + b"Content-Length: 4000\r\n\r\n{",
    ],
    ids=["silent", "a letter", "a header", "a body for nobody", "a picture", "a wish"],
)
def test_what_never_arrives_is_given_up(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 1.0)
    waiting = [connected(port, sent.replace(b"{visitor}", visitor(port).encode())) for _ in range(5)]
    assert visitor(port)
    for each in waiting:
        assert b" 200 " not in rest(each)


def test_a_request_that_comes_slowly_is_answered(port: int) -> None:
    made = connected(port)
    for byte in FRONT:
        made.sendall(bytes([byte]))
    assert rest(made).startswith(b"HTTP/1.1 200")


def test_one_more_than_the_most_takes_the_place_of_the_one_that_waited_longest(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST", 8)
    slow = [connected(port, b"GET / HTTP/1.1\r\n") for _ in range(30)]
    for _ in range(3):
        assert visitor(port)
    assert rest(slow[0]) == b""
    slow[-1].sendall(HEAD + b"\r\n")
    assert rest(slow[-1]).startswith(b"HTTP/1.1 404")
    for each in slow:
        each.close()


def test_half_closed_sockets_and_nonsense_harm_nobody(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    for sent in (FRONT, FRONT[:20], b"", b"\x16\x03\x01\x02", b"\0" * 1000, b"GET\r\n\r\n", b"X: " + b"a" * 70_000):
        made = connected(port, sent)
        made.shutdown(socket.SHUT_WR)
        rest(made)
    refused = rest(connected(port, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000))
    assert refused.startswith(b"HTTP/1.1 400") or refused == b""
    assert visitor(port)
    assert "Traceback" not in capfd.readouterr().err


def test_an_endless_upload_is_refused(port: int) -> None:
    head = f"POST {visitor(port)}/picture HTTP/1.1\r\n".encode() + HEAD
    made = connected(port, head + b"Transfer-Encoding: chunked\r\n\r\n")
    piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    with contextlib.suppress(ConnectionError):
        for _ in range(25):
            made.sendall(piece)
    answer = rest(made)
    assert b" 422 " in answer or answer == b""
    assert visitor(port)


def test_uploads_together_are_bounded(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_ARRIVING", 1 << 20)
    head = f"POST {visitor(port)}/picture HTTP/1.1\r\n".encode() + HEAD + b"Content-Length: 1000000\r\n\r\n"
    first = connected(port, head + bytes(900_000))
    answer = rest(connected(port, head + bytes(1_000_000)))
    if b" 422 " in answer:  # no picture; so the first was refused
        answer = rest(first)
    # A refusal may overtake what is still being sent.
    assert answer == b"" or b"the server is busy with other pictures" in answer
    first.close()
    assert visitor(port)


def test_who_does_not_fetch_an_answer_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 1.0)
    place = visitor(port)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.settimeout(60)
    lazy.connect(("127.0.0.1", port))
    lazy.sendall(FRONT * 40)
    assert visitor(port) != place
    came = rest(lazy)
    assert len(came) < 40 * 100_000
