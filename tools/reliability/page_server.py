"""A hundred visitors of the page at once, beside others who are slow, silent, half closed, endless or lazy."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from handgrad import model_file
from handgrad.architecture import Architecture
from handgrad.model import Model
from handgrad.parameters import Parameters
from handgrad.standardization import Standardization
from tools import ROOT
from tools.reliability.trial import Outcome

SECTION = "The page's server"
TITLE = (
    "100 visitors at once load the page of the default network, take two steps, change the label and upload a picture, "
    "while 300 connections send a byte a second, stall in an upload, send nonsense or fetch nothing: each visitor gets "
    "every answer, and the server neither grows beyond 2 GiB nor starts more than 60 threads"
)
FOUND = (
    "A request whose header or body never ended was kept for ever, with as many connections as files may be open; a "
    "hundred uploads could take 2 GB, and while they were decoded no other visitor was answered; and only the last 16 "
    "visitors were remembered. Now a request has half a minute, the connection that waited longest makes room, all "
    "uploads together are bounded, pictures are decoded in a thread of their own, and visitors count what they hold."
)
_VISITORS = 100
_HOST = "127.0.0.1"
_HEAD = f"Host: {_HOST}\r\nConnection: close\r\n"
_PICTURE = (ROOT / "docs" / "images" / "filters.png").read_bytes()
_MOST_MEMORY, _MOST_THREADS = 2 << 20, 60


def trial(folder: Path) -> Outcome:
    """Count the answers that visitors got."""
    architecture = Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,))
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    names = tuple(map(str, range(10)))
    model_file.save(Model(parameters, names, Standardization((80.0,), (80.0,))), folder / model_file.FILE_NAME)
    with _served(folder) as (process, port, base), _troubled(port, base):
        began, most = time.perf_counter(), [0, 0]
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, done, most))
        watch.start()
        with ThreadPoolExecutor(_VISITORS) as pool:
            counts = list(pool.map(lambda number: _visit(port, base, number), range(_VISITORS)))
        seconds = time.perf_counter() - began
        done.set()
        watch.join()
    tried, held = 5 * _VISITORS + 1, sum(counts)
    held += most[0] < _MOST_MEMORY and most[1] <= _MOST_THREADS
    slowest = f"all answered within {seconds:.0f} s"
    return Outcome(tried, held, f"{slowest}; {most[0] >> 10:,} MiB, {most[1]} threads at most")


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    command = [sys.executable, "-m", "handgrad", "serve", "--port", "0", "--model", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        found = re.fullmatch(r"http://[\d.]+:(\d+)(/.*/)", process.stdout.readline().strip())
        assert found
        yield process, int(found[1]), found[2]
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _troubled(port: int, base: str) -> Iterator[None]:
    """Hold connections that never get anywhere, and send a byte of each every second."""
    begun = (
        b"GET / HTTP/1.1\r\nHost: ",
        f"POST {base}nobody/picture HTTP/1.1\r\n{_HEAD}Content-Length: 1000000\r\n\r\n".encode(),
        f"POST {base}nobody/picture HTTP/1.1\r\n{_HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n".encode(),
        b"\x16\x03\x01",
        f"GET {base}?model=9 HTTP/1.1\r\nHost: {_HOST}\r\n\r\n".encode() * 99,
        b"",
    )
    held, done = [socket.create_connection((_HOST, port)) for _ in range(300)], threading.Event()
    for number, each in enumerate(held):
        each.sendall(begun[number % len(begun)])
        if number % 7 == 0:
            each.shutdown(socket.SHUT_WR)

    def drip() -> None:
        while not done.wait(1):
            for each in held:
                with contextlib.suppress(OSError):
                    each.send(b"a", socket.MSG_DONTWAIT)

    thread = threading.Thread(target=drip)
    thread.start()
    yield
    done.set()
    thread.join()
    for each in held:
        each.close()


def _visit(port: int, base: str, number: int) -> int:
    """Return how many of a visitor's five requests were answered as they should be."""
    page = _asked(port, f"GET {base}", b"").decode(errors="replace")
    found = re.search(r'"visitor": "([\w-]+)"', page)
    if not found:
        return 0
    place = f"POST {base}{found[1]}"
    wishes = ({"steps": 2, "rate": 0.0001}, {"label": number % 10}, {"back": 1})
    answers = [_asked(port, f"{place}/state", json.dumps(wish).encode()) for wish in wishes]
    answers.append(_asked(port, f"{place}/picture", _PICTURE))
    return 1 + sum(
        json.loads(answer or b"{}").get("taken") == count for answer, count in zip(answers, (2, 2, 1, 1), strict=True)
    )


def _asked(port: int, what: str, body: bytes) -> bytes:
    """Return the content of an answer, or nothing if it is not what was asked for."""
    came = bytearray()
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), timeout=300) as made:
        made.sendall(f"{what} HTTP/1.1\r\n{_HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while piece := made.recv(1 << 20):
            came += piece
    head, _, content = bytes(came).partition(b"\r\n\r\n")
    return content if head.startswith(b"HTTP/1.1 200") else b""


def _watch(process: int, done: threading.Event, most: list[int]) -> None:
    """Keep the most memory, in KiB, and threads of a process."""
    while not done.wait(0.2):
        status = Path(f"/proc/{process}/status").read_text()
        for place, name in enumerate(("VmRSS", "Threads")):
            found = re.search(rf"{name}:\s+(\d+)", status)
            most[place] = max(most[place], int(found[1]) if found else 0)
