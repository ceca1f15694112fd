"""A process for each framework, controlled through a pipe and stopped while it is not its turn.

Frameworks keep threads that spin for a while after their last task. A worker that is not being called is therefore
stopped by a signal: no framework's threads can take a core from another, and no settings are changed.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from tools.benchmarks.contestants.contestant import Contestant
from tools.benchmarks.networks import LEARNING_RATE, NETWORKS

_CAN_STOP = hasattr(signal, "SIGSTOP")
_LEAST_WARM_SECONDS = 0.02


class WorkerError(Exception):
    """An error in a worker, in one line."""


class Worker:
    """A process that holds one framework's contestants.

    Parameters
    ----------
    module : str
        A module of ``tools.benchmarks.contestants``.
    environment : dict of str to str, optional
        Environment variables of the process.
    """

    def __init__(self, module: str, environment: dict[str, str] | None = None) -> None:
        self.module = module
        self._pipe, other = multiprocessing.Pipe()
        before = os.environ.copy()
        os.environ.update(environment or {})
        try:
            context = multiprocessing.get_context("spawn")
            self._process = context.Process(target=_serve, args=(other, module), daemon=True)
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        other.close()

    def ask(self, question: str, *arguments: Any) -> Any:
        """Call the worker's function of that name and return its result; the process runs only meanwhile."""
        self._signal("SIGCONT")
        self._pipe.send((question, arguments))
        try:
            failure, answer = self._pipe.recv()
        except EOFError:
            raise WorkerError(f"the process of {self.module} ended") from None
        self._signal("SIGSTOP")
        if failure:
            raise WorkerError(failure)
        return answer

    def close(self) -> None:
        """End the process."""
        self._signal("SIGCONT")
        self._process.terminate()
        self._process.join()

    def _signal(self, name: str) -> None:
        if _CAN_STOP and self._process.pid and self._process.is_alive():
            os.kill(self._process.pid, getattr(signal, name))


def _serve(pipe: Connection, module: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    bench = _Bench(module)
    while True:
        try:
            question, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((None, getattr(bench, question)(*arguments)))
        except Exception as error:
            pipe.send((_one_line(error), None))


def _one_line(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {re.sub(r'/[^ :]+', '…', first)}"[:200]


class _Bench:
    """The functions of a worker."""

    def __init__(self, module: str) -> None:
        self._module = importlib.import_module(module)
        self._contestants: dict[tuple[str, str], Contestant] = {}

    def variants(self, network: str, function: str = "variants") -> tuple[str, ...]:
        """Return the names of the module's contestants for a network."""
        names: tuple[str, ...] = getattr(self._module, function)(NETWORKS[network])
        return names

    def build(self, network: str, variant: str) -> list[str]:
        """Make a contestant and return its tasks."""
        self._contestants[network, variant] = self._module.build(NETWORKS[network], variant)
        return list(self._contestants[network, variant].tasks())

    def results(self, network: str, variant: str) -> dict[str, Any]:
        """Return the first step's probabilities and loss, and its change of the parameters over the learning rate."""
        contestant = self._contestants[network, variant]
        results: dict[str, Any] = {
            "probabilities": np.array(contestant.predict()),
            "one": np.array(contestant.predict_one()),
        }
        if contestant.step and contestant.parameters:
            before = {name: np.array(value) for name, value in contestant.parameters().items()}
            results["loss"] = float(contestant.step())
            results["gradient"] = {
                name: (before[name] - np.asarray(value)) / LEARNING_RATE
                for name, value in contestant.parameters().items()
            }
        return results

    def seconds(self, network: str, variant: str, task: str, calls: int, warm: int) -> list[float]:
        """Time calls, after others to warm up: at least this number and this long."""
        call = self._contestants[network, variant].tasks()[task]
        gc.collect()
        _warm_up(call, warm)
        return [_duration(call) for _ in range(calls)]

    def drop(self) -> None:
        """Delete all contestants."""
        self._contestants.clear()
        gc.collect()


def _warm_up(call: Callable[[], Any], least: int) -> None:
    start, done = time.perf_counter(), 0
    while done < least or time.perf_counter() - start < _LEAST_WARM_SECONDS:
        call()
        done += 1


def _duration(call: Callable[[], Any]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) * 1e-9
