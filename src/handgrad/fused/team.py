"""The threads that share a step: started once, woken for each part of it; the caller is one of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar
from weakref import finalize

import numpy as np

from handgrad import processors
from handgrad.errors import InputError
from handgrad.fused.spinning import TURNS, spinner

T = TypeVar("T")

Task = Callable[[int, int], None]
"""Does a thread's share; called with the number of the thread and the number of threads."""


class Team:
    """A fixed number of threads, which end with it; the calling one is the first.

    >>> done = []
    >>> Team(2).run(lambda number, threads: done.append(number))
    >>> sorted(done)
    [0, 1]
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._busy = threading.Lock()
        self._process = 0
        self._members: list[_Member] = []

    def run(self, task: Task) -> None:
        """Have every thread do its share; if another caller is using the team, do all of it in this thread."""
        if self.threads == 1 or not self._busy.acquire(blocking=False):
            task(0, 1)
            return
        try:
            self._start()
            for member in self._members:
                member.calls.put(task)
            try:
                task(0, self.threads)
            finally:
                failures = [member.answers.get() for member in self._members]
            for failure in filter(None, failures):
                raise failure
        finally:
            self._busy.release()

    def _start(self) -> None:
        if self._process == os.getpid():
            return
        # The first call of this process: threads do not survive a fork.
        self._process = os.getpid()
        self._members = [_Member(number, self.threads) for number in range(1, self.threads)]
        for member in self._members:
            threading.Thread(target=member.serve, name=f"handgrad-{member.number}", daemon=True).start()
            finalize(self, member.calls.put, None)


class _Line(Generic[T]):
    """A queue between two threads; the one that waits stays awake for a while."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[T] = SimpleQueue()
        self._sent = np.zeros(1, np.int64)
        self._received = 0
        self._address = self._sent.ctypes.data
        self._spin = spinner()

    def put(self, item: T) -> None:
        self._queue.put(item)
        self._sent[0] += 1

    def get(self) -> T:
        self._spin(self._address, self._received, TURNS)
        self._received += 1
        return self._queue.get()


class _Member:
    """One thread of a team."""

    def __init__(self, number: int, threads: int) -> None:
        self.number, self.threads = number, threads
        self.calls: _Line[Task | None] = _Line()
        self.answers: _Line[BaseException | None] = _Line()

    def serve(self) -> None:
        while task := self.calls.get():
            try:
                task(self.number, self.threads)
            except BaseException as failure:  # the caller raises it
                self.answers.put(failure)
            else:
                self.answers.put(None)
            del task


def default_threads() -> int:
    """Return ``HANDGRAD_NUM_THREADS``, or the processors that this process may use, at most ``OMP_NUM_THREADS``.

    joblib, Ray and batch systems set the latter to each process's share of the machine.
    """
    wanted = os.environ.get("HANDGRAD_NUM_THREADS")
    if wanted is None:
        usable = processors.available()
        # One number for each level of nesting, "4,2"; anything else is OpenMP's business.
        share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
        return min(usable, int(share)) if share.isascii() and share.isdigit() and int(share) else usable
    # Python reads no number of thousands of digits, and this one has to be small.
    if not wanted.isascii() or not wanted.isdigit() or int(wanted[:9]) < 1:
        remedy = "set it to 2, for example, or unset it"
        raise InputError("HANDGRAD_NUM_THREADS", wanted, "must be a positive integer", remedy)
    processors.check_threads("HANDGRAD_NUM_THREADS", int(wanted[:9]))
    return int(wanted)
