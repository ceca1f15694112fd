"""Numbers added up by several processes in a ring of sockets, without any other package."""

from __future__ import annotations

import hmac
import json
import pickle
import secrets
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATIENCE = 60.0
"""Seconds to wait for the others at the start; later, a neighbor that is lost closes its connection."""

_TOKEN = 32
_Address = tuple[str, int]


class Ring:
    """One of several processes, each connected to the next; all call the same methods in the same order.

    Parameters
    ----------
    number, count : int
        Which of how many processes this is.
    host : str
        Where the others reach this process.
    announce : callable
        Called by every process with an object; returns that of the first process, in all of them.

    Examples
    --------
    >>> from threading import Barrier, Thread
    >>> said, barrier, sums = {}, Barrier(2), {}
    >>> def announce(number, what):
    ...     said[number] = what
    ...     barrier.wait()
    ...     return said[0]
    >>> def work(number):
    ...     with Ring(number, 2, "127.0.0.1", lambda what: announce(number, what)) as ring:
    ...         sums[number] = np.array([1.0, 2.0, 3.0]) * (number + 1)
    ...         ring.add(sums[number])
    >>> threads = [Thread(target=work, args=(number,)) for number in range(2)]
    >>> for thread in threads: thread.start()
    >>> for thread in threads: thread.join()
    >>> sums[0], sums[1]
    (array([3., 6., 9.]), array([3., 6., 9.]))
    """

    def __init__(self, number: int, count: int, host: str, announce: Callable[[Any], Any]) -> None:
        self.number, self.count = number, count
        self._sender = ThreadPoolExecutor(1)
        with socket.create_server((host, 0)) as server:
            server.settimeout(PATIENCE)
            first = announce((server.getsockname()[:2], secrets.token_bytes(_TOKEN)))
            self._token = first[1]
            addresses = self._meet(server, first[0])
            # Every process has announced its server, so that both connections are made at once.
            coming = self._sender.submit(self._accept, server)
            self._next = self._call(addresses[(number + 1) % count])
            self._before = coming.result()
        for connection in (self._next, self._before):
            connection.settimeout(None)

    def __enter__(self) -> Ring:
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.shutdown()
        self._next.close()
        self._before.close()

    def add(self, numbers: NDArray[Any]) -> None:
        """Replace the numbers by their sum over all processes, bit for bit the same in each of them.

        Each number is added up in the order of the ring, by one process, and then passed on (Patarasuk and Yuan, 2009).
        """
        flat = numbers.reshape(-1)
        ends = [index * len(flat) // self.count for index in range(self.count + 1)]
        pieces = [flat[start:end] for start, end in pairwise(ends)]
        received = np.empty(max(map(len, pieces)), flat.dtype)
        for step in range(self.count - 1):
            mine, theirs = pieces[(self.number - step) % self.count], pieces[(self.number - step - 1) % self.count]
            self._pass_on(mine, received[: len(theirs)])
            theirs += received[: len(theirs)]
        for step in range(self.count - 1):
            mine, theirs = pieces[(self.number + 1 - step) % self.count], pieces[(self.number - step) % self.count]
            self._pass_on(mine, theirs)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        own = pickle.dumps(value)
        lengths = np.zeros(self.count, np.int64)
        lengths[self.number] = len(own)
        self.add(lengths)
        texts = np.zeros((self.count, int(lengths.max())), np.uint8)
        texts[self.number, : len(own)] = np.frombuffer(own, np.uint8)
        self.add(texts)
        # From processes with the token, which run whatever the cluster sends them.
        return [pickle.loads(text[:length].tobytes()) for text, length in zip(texts, lengths, strict=True)]

    def _pass_on(self, mine: NDArray[Any], theirs: NDArray[Any]) -> None:
        """Send an array to the next process, and receive one from the process before."""
        # At the same time: two processes that both send first would wait for each other.
        sent = self._sender.submit(self._next.sendall, mine.data.cast("B"))
        _receive_into(self._before, theirs.data.cast("B"))
        sent.result()

    def _meet(self, server: socket.socket, first: _Address) -> list[_Address]:
        """Return the addresses of all processes, which the first one collects."""
        own = server.getsockname()[:2]
        if self.number:
            with self._call(first) as connection, connection.makefile("rwb") as file:
                file.write(json.dumps([self.number, own]).encode() + b"\n")
                file.flush()
                return [(host, port) for host, port in json.loads(file.readline())]
        addresses, files = {0: own}, []
        for _ in range(self.count - 1):
            with self._accept(server) as connection:
                files.append(connection.makefile("rwb"))
            number, address = json.loads(files[-1].readline())
            addresses[number] = tuple(address)
        listed = [addresses[number] for number in range(self.count)]
        for file in files:
            with file:
                file.write(json.dumps(listed).encode() + b"\n")
        return listed

    def _call(self, address: _Address) -> socket.socket:
        connection = socket.create_connection(address, timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self._token)
        return connection

    def _accept(self, server: socket.socket) -> socket.socket:
        """Return the next connection that begins with the token; others are closed."""
        while True:
            connection, _ = server.accept()
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            token = bytearray(_TOKEN)
            try:
                _receive_into(connection, memoryview(token))
            except OSError:
                token[:] = bytes(_TOKEN)
            if hmac.compare_digest(bytes(token), self._token):
                return connection
            connection.close()


def _receive_into(connection: socket.socket, view: memoryview) -> None:
    while view:
        count = connection.recv_into(view)
        if not count:
            raise ConnectionResetError("another worker has left")
        view = view[count:]
