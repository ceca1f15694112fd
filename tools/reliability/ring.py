"""Workers that add up in a ring, one of which may leave."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.cluster.exchange import Ring
from tools.reliability.trial import Outcome

SECTION = "Machines"
TITLE = "Rings of 2 to 6 workers, half of which lose one: sums are the same bits in all, or every worker fails at once"
FOUND = ""
_TRIES, _SUMS, _AT_ONCE = 100, 8, 60


def trial(folder: Path) -> Outcome:
    """Draw rings, and what is added up in them."""
    rng = np.random.default_rng(0)
    return Outcome(_TRIES, sum(_holds(rng) for _ in range(_TRIES)))


def _holds(rng: np.random.Generator) -> bool:
    count, length = int(rng.integers(2, 7)), int(rng.integers(1, 200_000))
    leaver, when = (int(rng.integers(count)), int(rng.integers(_SUMS))) if rng.random() < 0.5 else (-1, 0)
    numbers = rng.standard_normal((count, length)).astype(np.float32)
    said: list[Any] = [None] * count
    barrier = threading.Barrier(count, timeout=_AT_ONCE)

    def work(number: int) -> bytes | None:
        def announce(what: Any) -> Any:
            said[number] = what
            barrier.wait()
            return said[0]

        with Ring(number, count, "127.0.0.1", announce) as ring:
            own = numbers[number].copy()
            for turn in range(_SUMS):
                if (number, turn) == (leaver, when):
                    return None
                own[:] = numbers[number]
                try:
                    ring.add(own)
                except OSError:
                    return None
            return own.tobytes()

    with ThreadPoolExecutor(count) as pool:
        sums = [future.result(timeout=_AT_ONCE) for future in [pool.submit(work, number) for number in range(count)]]
    if leaver >= 0:
        return sums[leaver] is None and all(each is None for each in sums)
    close = np.allclose(np.frombuffer(sums[0] or b"", np.float32), numbers.sum(axis=0), rtol=1e-4, atol=1e-4)
    return close and len(set(sums)) == 1
