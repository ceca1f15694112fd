"""Matrix products by NumPy's BLAS, cut into tasks for the engine's threads; BLAS keeps to one thread of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
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


@contextmanager
def single_threaded() -> Iterator[None]:
    """BLAS computes in the thread that calls it: two pools of threads would fight for the cores.

    Whoever finds it so leaves it so; of several that enter at once, the first restores what was before.
    """
    before = [(library, library.get_num_threads()) for library in _libraries()]
    _limit((library, 1) for library, threads in before if threads != 1)
    try:
        yield
    finally:
        _limit((library, threads) for library, threads in before if threads != 1)


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


def _limit(limits: Iterable[tuple[Any, int]]) -> None:
    for library, threads in limits:
        library.set_num_threads(threads)


@cache
def _libraries() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers
