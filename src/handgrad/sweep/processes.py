"""Trials on this machine: as many at a time as there are processors, each in a process."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from threadpoolctl import threadpool_limits

from handgrad import atomic, processors
from handgrad.errors import CheckpointError, HandgradError
from handgrad.runs import prepare
from handgrad.runs.resumption import settings
from handgrad.sweep.space import Options, interpret
from handgrad.sweep.trials import FAILURES, RUNGS, Plan, Report, Trial, ended, reports
from handgrad.training.checkpoint import Checkpoints
from handgrad.typing import Progress

_CHECKPOINT_SECONDS = 60.0
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Processes:
    """Trains trials in processes of this machine; a ``Scheduler``.

    All trials come as far as a rung before the lower half is stopped, so that the result depends neither on the number
    of processes nor on which is faster. What a trial has come to is kept in its folder, and not repeated.

    Parameters
    ----------
    workers : int, optional
        Trials at a time; by default, as many as there are processors for.
    threads : int, optional
        Of each trial; by default its share of the processors, or 1.
    """

    workers: int | None = None
    threads: int | None = None
    name: str = field(default="processes", init=False)

    def __call__(self, options: Sequence[Options], plan: Plan, folder: Path, progress: Progress) -> list[Trial]:
        """See ``Scheduler``."""
        available = processors.available()
        threads = self.threads or (max(1, available // self.workers) if self.workers else 1)
        workers = self.workers or max(1, available // threads)
        found: dict[int, Report | str] = {}
        running = list(range(1, len(options) + 1))
        # Of each rung, at most half of the trials come to the next.
        counts = [math.ceil(len(options) / 2**rung) for rung in range(len(RUNGS) + 1)]
        total = sum(counts)
        with _Pool(min(workers, len(options))) as pool:
            for rung, percent in enumerate((*RUNGS, 100)):
                # Those that have ended before count as done.
                before = sum(counts[: rung + 1]) - len(running)
                places = {number: folder / f"{number:04d}" for number in running}
                known = {number: outcome for number, place in places.items() if (outcome := _kept(place, percent))}
                tasks = {
                    number: (options[number - 1], plan, threads, place, percent)
                    for number, place in places.items()
                    if number not in known
                }
                found |= known
                progress(before + len(known), total)
                for count, (number, outcome) in enumerate(pool.results(tasks), len(known) + 1):
                    _keep(places[number], percent, outcome)
                    found[number] = outcome
                    progress(before + count, total)
                running = _upper_half(found, running) if percent < 100 else []
        outcomes = ((number, found[number]) for number in range(1, len(options) + 1))
        return [
            ended(number, options[number - 1], *((None, outcome) if isinstance(outcome, str) else (outcome,)))
            for number, outcome in outcomes
        ]


def train_until(options: Options, plan: Plan, threads: int, folder: Path, percent: float) -> Report:
    """Train a trial from its checkpoint, if it has one in its folder, to a rung, and leave a checkpoint there."""
    with threadpool_limits(1, user_api="blas"):
        run = prepare(interpret(options, plan.base), cache=plan.cache, threads=threads)
        checkpoints, chosen = Checkpoints(folder), settings(run.options)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            checkpoint = checkpoints.newest(lambda error: None)
        except CheckpointError:  # both are damaged
            checkpoint = None
        if checkpoint:
            run.state = checkpoint.restore(run.model, run.options.recipe, run.engine)
        last = time.monotonic()
        for report in reports(run):
            if report.percent >= percent:
                break
            if time.monotonic() - last >= _CHECKPOINT_SECONDS:
                checkpoints.write(run.model, run.state, chosen)
                last = time.monotonic()
        checkpoints.write(run.model, run.state, chosen)
        return report


def _upper_half(found: Mapping[int, Report | str], running: Sequence[int]) -> list[int]:
    """Return the trials that come to the next rung."""
    reached = [(number, report) for number in running if not isinstance(report := found[number], str)]
    reached.sort(key=lambda one: (-one[1].validation_accuracy, one[1].validation_loss, one[0]))
    upper = reached[: math.ceil(len(reached) / 2)]
    return sorted(number for number, report in upper if report.percent < 100)


def _keep(place: Path, percent: float, outcome: Report | str) -> None:
    value = {"failure": outcome} if isinstance(outcome, str) else outcome._asdict()
    atomic.write_files(place, {f"{percent}.json": json.dumps(value).encode()})


def _kept(place: Path, percent: float) -> Report | str | None:
    """Return what a trial came to in an earlier run, at this rung or before it if that was its end."""
    try:
        value = json.loads((place / f"{percent}.json").read_bytes())
        return str(value["failure"]) if "failure" in value else Report(**value)
    except (OSError, ValueError, TypeError):
        return None


class _Pool:
    """Processes that wait for tasks; a lost one is replaced, and its task repeated."""

    def __init__(self, workers: int) -> None:
        self._workers: dict[Connection, multiprocessing.process.BaseProcess] = {}
        self._count = workers

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for connection, process in self._workers.items():
            # An idle one ends by itself when nobody can send it anything any more.
            connection.close()
            if kind:
                process.terminate()
        for process in self._workers.values():
            process.join()

    def results(self, tasks: Mapping[int, tuple[Any, ...]]) -> Iterator[tuple[int, Report | str]]:
        """Yield the report of each task, or why it failed, as they end."""
        left, lost = deque(tasks), dict.fromkeys(tasks, 0)
        busy: dict[Connection, int] = {}
        while left or busy:
            idle = [connection for connection in self._workers if connection not in busy]
            while left and len(busy) < self._count:
                connection = idle.pop() if idle else self._start()
                number = left.popleft()
                busy[connection] = number
                # If it is lost, that is found below.
                with contextlib.suppress(OSError):
                    connection.send(tasks[number])
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                number = busy.pop(ready)
                try:
                    yield number, ready.recv()
                except (EOFError, OSError):
                    self._workers.pop(ready).join()
                    ready.close()
                    lost[number] += 1
                    if lost[number] > FAILURES:
                        yield number, f"its process was lost {lost[number]} times"
                    else:
                        left.append(number)

    def _start(self) -> Connection:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = process
        return ours


def _serve(tasks: Connection) -> None:
    """Carry out tasks until there is nobody to send any; what a process does."""
    # Ctrl-C comes to all processes of a terminal; the first of them ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = tasks.recv()
        except EOFError:
            return
        try:
            outcome: Report | str = train_until(*task)
        except HandgradError as error:
            outcome = str(error)
        except Exception as error:
            outcome = f"{type(error).__name__}: {' '.join(str(error).split())}"
        tasks.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
