"""Matrix products by NumPy's BLAS, cut into tasks for the engine's threads; BLAS keeps to one thread of its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from handgrad.fused.team import Team
from handgrad.typing import Array

_TASKS = 8
"""Tasks of a large product. The cut does not depend on the number of threads, so neither do the results."""

_WORTH = 2**18
"""Multiply-adds of a task at least: below, waking a thread takes longer than the work."""

_lock = threading.Lock()
_users = 0
_before: list[int] = []


@contextmanager
def single_threaded() -> Iterator[None]:
    """BLAS computes in the calling thread until the last that entered leaves: two pools of threads would fight."""
    global _users
    with _lock:
        if not _users:
            _before[:] = [library.get_num_threads() for library in _libraries()]
            _limit([1] * len(_before))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit(_before)


def multiply(team: Team, x: Array, w: Array) -> Array:
    """``x · w``.

    Parameters
    ----------
    team : Team
    x : array, shape (batch, inputs)
    w : array, shape (inputs, outputs)

    Returns
    -------
    array, shape (batch, outputs)
    """
    cuts = _cuts(len(x), *w.shape)
    if len(cuts) == 1:
        product: Array = x @ w
        return product
    parts = np.empty((len(cuts), len(x), w.shape[1]), x.dtype)

    def part(_: int, number: int) -> None:
        np.matmul(x[:, cuts[number]], w[cuts[number]], out=parts[number])

    team.share(part, len(cuts))
    total: Array = parts.sum(axis=0)
    return total


def multiply_back(team: Team, x: Array, w: Array, dt: Array, dw: Array, dx: Array) -> None:
    """Both gradients of ``t = x · w``: ``dw = xᵀ · dt`` (N18, N22) and ``dx = dt · wᵀ`` (N20, N23).

    Parameters
    ----------
    team : Team
    x, dx : array, shape (batch, inputs)
        `dx` may be `x`.
    w, dw : array, shape (inputs, outputs)
    dt : array, shape (batch, outputs)
    """
    cuts = _cuts(len(x), *w.shape)

    def part(_: int, number: int) -> None:
        cut = cuts[number]
        np.matmul(x[:, cut].T, dt, out=dw[cut])
        np.matmul(dt, w[cut].T, out=dx[:, cut])

    team.share(part, len(cuts))


@cache
def _cuts(batch: int, inputs: int, outputs: int) -> tuple[slice, ...]:
    tasks = min(_TASKS, max(1, batch * inputs * outputs // _WORTH), inputs)
    # Whole cache lines, so that no two threads write the same.
    edges = [number * inputs // tasks // 16 * 16 for number in range(tasks)] + [inputs]
    return tuple(slice(start, stop) for start, stop in itertools.pairwise(edges) if start < stop)


def _limit(threads: list[int]) -> None:
    for library, number, before in zip(_libraries(), threads, _before, strict=True):
        if before != 1:
            library.set_num_threads(number)


@cache
def _libraries() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers
