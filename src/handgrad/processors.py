"""The processors that this process may use."""

from __future__ import annotations

import os
from numbers import Integral

from handgrad.errors import InputError

MOST_THREADS = 1024


def available() -> int:
    """Count them: those of the affinity mask where the system has one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(argument: str, threads: object) -> None:
    """Refuse what is no number of threads; `argument` is what the caller calls it."""
    if isinstance(threads, bool) or not isinstance(threads, Integral) or not 1 <= int(threads) <= MOST_THREADS:
        rule = f"must be at least 1 and at most {MOST_THREADS}, a whole number"
        raise InputError(argument, threads, rule, "leave it out for one per processor")
