"""The ring: sums that are the same in every process, whatever the number of processes and numbers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pytest

from handgrad.cluster import exchange
from handgrad.cluster.exchange import Ring

Found = TypeVar("Found")


def ring(count: int, work: Callable[[Ring], Found], watch: Callable[[Any], None] = lambda _: None) -> list[Found]:
    """What each of several processes, here threads, finds."""
    said, barrier = [None] * count, threading.Barrier(count, timeout=30)

    def announce(number: int, what: Any) -> Any:
        said[number] = what
        barrier.wait()
        if number == 0:
            watch(what)
        return said[0]

    def run(number: int) -> Found:
        with Ring(number, count, "127.0.0.1", lambda what: announce(number, what)) as one:
            return work(one)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 7, 100_003])
def test_the_sum_is_the_same_in_all_and_every_time(count: int, length: int) -> None:
    numbers = [np.random.default_rng(number).standard_normal(length, np.float32) for number in range(count)]

    def work(one: Ring) -> Any:
        sums = []
        for _ in range(2):
            own = numbers[one.number].copy()
            one.add(own)
            sums.append(own)
        return sums

    found = ring(count, work)
    for first, second in found:
        np.testing.assert_array_equal(first, found[0][0])
        np.testing.assert_array_equal(second, first)
    np.testing.assert_allclose(found[0][0], np.sum(numbers, axis=0), rtol=1e-4, atol=1e-5)


def test_values_of_any_size_are_gathered_in_order() -> None:
    assert ring(3, lambda one: one.gather("x" * 10**one.number * one.number)) == [["", "x" * 10, "x" * 200]] * 3


def add_often(one: Ring) -> None:
    for _ in range(9):
        one.add(np.zeros(1_000_000))


def test_one_that_leaves_ends_the_others_at_once() -> None:
    def work(one: Ring) -> str:
        if one.number == 1:
            return "left"
        with pytest.raises(OSError, match=r"left|reset|pipe|abort"):
            add_often(one)
        return "told"

    assert ring(3, work) == ["told", "left", "told"]


def test_a_stranger_is_no_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", 5.0)
    strangers: list[socket.socket] = []

    def intrude(first: Any) -> None:
        for text in (b"", b"x" * 32, b"GET / HTTP/1.1\r\n\r\n" * 9):
            strangers.append(socket.create_connection(first[0]))
            strangers[-1].sendall(text)
            strangers[-1].shutdown(socket.SHUT_WR)

    assert ring(3, lambda one: one.gather(one.number), watch=intrude) == [[0, 1, 2]] * 3
    for stranger in strangers:
        stranger.close()
