"""Contestants take turns: a few calls each, round after round, in a new order every round."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tools.benchmarks import gate
from tools.benchmarks.networks import Network
from tools.benchmarks.worker import Worker, WorkerError

_PILOT_CALLS = 3
_LEAST_CALLS, _MOST_CALLS = 3, 400
_SLOW = "handgrad notes"
_STARTED = time.perf_counter()


@dataclass(frozen=True)
class Effort:
    """How long a measurement may take.

    Parameters
    ----------
    rounds : int
        Turns of every contestant.
    turn_seconds : float
        About how long a turn takes.
    """

    rounds: int
    turn_seconds: float


@dataclass(frozen=True)
class Peer:
    """A worker and how to find its contestants.

    Parameters
    ----------
    worker : Worker
    ours : bool
        Whether they compute handgrad's network where the peers compute another.
    listing : str
        The module's function that names them.
    compared : bool
        Whether they compute the same numbers as the notes.
    """

    worker: Worker
    ours: bool = False
    listing: str = "variants"
    compared: bool = True


@dataclass
class Timing:
    """One contestant at one task."""

    peer: Peer
    network: str
    variant: str
    task: str
    calls: int = 0
    seconds: list[float] = field(default_factory=list)

    def prepare(self, effort: Effort) -> None:
        """Choose the calls of a turn."""
        pilot = min(self._time(_PILOT_CALLS, 2))
        self.calls = int(np.clip(effort.turn_seconds / pilot, _LEAST_CALLS, _MOST_CALLS))

    def take_turn(self) -> None:
        """Time a few more calls."""
        self.seconds += self._time(self.calls, 1)

    def figures(self) -> dict[str, Any]:
        """Return minimum, median and quartiles in seconds."""
        low, median, high = np.percentile(self.seconds, [25, 50, 75])
        return {
            "minimum": min(self.seconds),
            "median": median,
            "quartiles": [low, high],
            "calls": len(self.seconds),
        }

    def _time(self, calls: int, warm: int) -> list[float]:
        seconds: list[float] = self.peer.worker.ask("seconds", self.network, self.variant, self.task, calls, warm)
        return seconds


def measure(network: Network, peers: Iterable[Peer], tasks: Iterable[str], effort: Effort) -> dict[str, Any]:
    """Check, then time, every contestant of a network.

    Returns
    -------
    dict
        ``agreement``: the largest of ``gate.disagreements`` by contestant; ``errors``: by contestant, why it was not
        timed; ``seconds``: by task and contestant, ``Timing.figures``.
    """
    wanted = tuple(tasks)
    agreement: dict[str, float] = {}
    errors: dict[str, str] = {}
    timings: list[Timing] = []
    for peer in peers:
        peer.worker.ask("drop")
        for variant in peer.worker.ask("variants", network.name, peer.listing):
            say(f"{network.name}: {variant}")
            try:
                offered = peer.worker.ask("build", network.name, variant)
                if peer.compared:
                    results = peer.worker.ask("results", network.name, variant)
                    fractions = gate.disagreements(network, results, peers=not peer.ours)
                    worst = max(fractions, key=lambda name: fractions[name])
                    agreement[variant] = fractions[worst]
                    if fractions[worst] >= 1:
                        raise WorkerError(f"{worst} differs by {fractions[worst]:.3g} times the bound")
                own = [Timing(peer, network.name, variant, task) for task in wanted if task in offered]
                for timing in own:
                    timing.prepare(effort)
                timings += own
            except WorkerError as error:
                errors[variant] = str(error)
                say(f"   not timed: {error}")
    _take_turns(network, timings, wanted, effort)
    seconds: dict[str, dict[str, Any]] = {task: {} for task in wanted}
    for timing in timings:
        seconds[timing.task][timing.variant] = timing.figures()
    return {"agreement": agreement, "errors": errors, "seconds": seconds}


def _take_turns(network: Network, timings: list[Timing], tasks: tuple[str, ...], effort: Effort) -> None:
    rng = np.random.default_rng(0)
    for task in tasks:
        say(f"{network.name}: {task}")
        of_task = [timing for timing in timings if timing.task == task]
        for number in range(effort.rounds):
            for index in rng.permutation(len(of_task)):
                # The notes take a hundred times as long; two turns are enough.
                if of_task[index].variant != _SLOW or number < 2:
                    of_task[index].take_turn()


def say(text: str) -> None:
    """Print a line of progress, with the seconds since the start."""
    print(f"{time.perf_counter() - _STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)
