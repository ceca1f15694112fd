"""The threads that share a step: started once, woken for each part of it, the caller being one of them."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any
from weakref import finalize

from handgrad.errors import InputError

Task = Callable[[int, int], None]
"""Does its share: (number of the thread, number of threads)."""


class Team:
    """A fixed number of threads, which end with it.

    Parameters
    ----------
    threads : int
        Threads in all; the calling one is the first.

    Examples
    --------
    >>> done = []
    >>> Team(2).run(lambda number, threads: done.append(number))
    >>> sorted(done)
    [0, 1]
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._busy = threading.Lock()
        self._process = 0
        self._calls: list[SimpleQueue[Task | None]] = []
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()

    def run(self, task: Task) -> None:
        """Have every thread do its share; where another caller has the team, the caller does it all."""
        if self.threads == 1 or not self._busy.acquire(blocking=False):
            task(0, 1)
            return
        try:
            self._start()
            for calls in self._calls:
                calls.put(task)
            failures: list[BaseException | None] = []
            try:
                task(0, self.threads)
            finally:
                failures = [self._answers.get() for _ in self._calls]
            for failure in failures:
                if failure:
                    raise failure
        finally:
            self._busy.release()

    def share(self, work: Task, tasks: int) -> None:
        """Have the tasks done, each by whoever is free: ``work(number of the thread, number of the task)``."""
        if tasks == 1:
            work(0, 0)
            return
        numbers = itertools.count()

        def serve(worker: int, _: int) -> None:
            while (number := next(numbers)) < tasks:
                work(worker, number)

        self.run(serve)

    def _start(self) -> None:
        if self._process == os.getpid():
            return
        # The first call of this process: a fork does not inherit its parent's threads.
        self._process = os.getpid()
        self._answers = SimpleQueue()
        self._calls = [SimpleQueue() for _ in range(1, self.threads)]
        for number, calls in enumerate(self._calls, start=1):
            arguments: tuple[Any, ...] = (number, self.threads, calls, self._answers)
            threading.Thread(target=_serve, args=arguments, name=f"handgrad-{number}", daemon=True).start()
            finalize(self, calls.put, None)


def _serve(
    number: int, threads: int, calls: SimpleQueue[Task | None], answers: SimpleQueue[BaseException | None]
) -> None:
    while task := calls.get():
        try:
            task(number, threads)
        except BaseException as failure:  # the caller raises it
            answers.put(failure)
        else:
            answers.put(None)
        del task


def default_threads() -> int:
    """``HANDGRAD_NUM_THREADS``, or the number of processors that this process may use.

    Raises
    ------
    InputError
        If the variable is no positive integer.
    """
    wanted = os.environ.get("HANDGRAD_NUM_THREADS")
    if wanted is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) < 1:
        raise InputError("HANDGRAD_NUM_THREADS", wanted, "must be a positive integer", "set it to 2, say, or unset it")
    return int(wanted)
