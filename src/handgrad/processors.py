"""The processors that this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from numbers import Integral
from pathlib import Path

from handgrad.errors import InputError

MOST_THREADS = 1024

_OWN_GROUP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def available() -> int:
    """Count them: those of the affinity mask where the system has one, at most the share that a container is given.

    In a container of 2 processors on a machine with 64, all 64 are visible; 64 threads would be stopped all the time.
    """
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(visible, _quota()))


def check_threads(argument: str, threads: object) -> None:
    """Refuse what is no number of threads; `argument` is what the caller calls it."""
    if isinstance(threads, bool) or not isinstance(threads, Integral) or not 1 <= int(threads) <= MOST_THREADS:
        rule = f"must be at least 1 and at most {MOST_THREADS}, a whole number"
        raise InputError(argument, threads, rule, "leave it out for one per processor")


def _quota() -> int:
    """Return the processors that Linux's control groups allow, this process's group and those that it is in."""
    shares = [math.inf]
    with suppress(OSError, ValueError, ZeroDivisionError):
        for line in _OWN_GROUP.read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or "cpu" in controllers.split(","):
                top = _GROUPS / ("cpu" if controllers else "")
                # What a container sees as the top may be called by its path outside.
                group = top / path.lstrip("/")
                shares += [_share(place) for place in (group, *group.parents) if place.is_relative_to(top)]
    least = min(shares)
    return math.ceil(least) if math.isfinite(least) else 2**31


def _share(group: Path) -> float:
    """Return a group's processors: its time within a period (version 2, or 1), infinite if there is no limit."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (group / "cpu.max").read_text("utf-8").split()
        return int(quota) / int(period) if quota != "max" else math.inf
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = ((group / f"cpu.cfs_{name}_us").read_text("utf-8") for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    return math.inf
