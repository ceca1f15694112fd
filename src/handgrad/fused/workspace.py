"""Every buffer of a step, allocated once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from handgrad.fused.plan import Plan

CHUNK = 8
"""Images at most that go through both passes together, in one thread: as many rows as a dense kernel takes at once."""

LINE = 64
"""Bytes of a cache line."""


class Scratch(NamedTuple):
    """What one thread writes and forgets: of each image of its chunk, then of one image, then of the chunk."""

    S: Any
    bits: Any
    winners: Any
    U: Any
    dS: Any
    dU: Any
    E: Any
    alpha_sums: Any
    sums: Any
    dx: Any


class Packed(NamedTuple):
    """The parameters as the kernels read them: filters, turned, in empty patches; transposed weights."""

    F: Any
    turned: Any
    table: Any
    w: Any


class Rows(NamedTuple):
    """What the batch's images leave, a row each: x', every dense layer's result after its ReLU, and its error."""

    x: Any
    t: Any
    dt: Any


def chunk_size(batch: int) -> int:
    """Images of a chunk; at least two chunks. The cut does not depend on the number of threads."""
    return min(CHUNK, -(-batch // 2))


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Zeros that start at a cache line: a vector that straddles two costs two loads."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Workspace:
    """Buffers for batches of up to a number of images.

    Parameters
    ----------
    plan : Plan
    dtype : dtype
    batch : int
        Images at most.
    threads : int
        Threads that work at once.
    backward : bool
        False where only predictions are made: an image's maps are forgotten as soon as its x' is there.
    """

    def __init__(self, plan: Plan, dtype: DTypeLike, batch: int, threads: int, backward: bool) -> None:
        self.batch = batch
        denses, totals = plan.denses, plan.totals
        cells = plan.architecture.pooling**2
        slots = CHUNK if backward else 1
        row = int(denses[0]["row"])

        def zeros(*shape: int) -> Any:
            return aligned_zeros(tuple(max(1, size) for size in shape), dtype)

        def learned(size: int) -> Any:
            return zeros(size if backward else 1)

        self.scratch = [
            Scratch(
                zeros(slots, totals["S"]),
                np.zeros((slots, max(1, totals["bits"] if backward else 1)), np.uint8),
                np.zeros((slots, totals["winners"] if backward else 1), np.uint8 if cells <= 256 else np.uint16),
                zeros(slots, totals["U"]),
                learned(totals["dS"]),
                learned(totals["dU"]),
                learned(totals["E"]),
                learned(totals["alpha"]),
                learned(totals["sums"]),
                zeros(CHUNK * row),
            )
            for _ in range(threads)
        ]
        self.rows = Rows(learned(batch * row), zeros(batch * totals["t"]), learned(batch * totals["t"]))
        self.packed = Packed(zeros(totals["F"]), zeros(totals["F"]), zeros(totals["table"]), learned(totals["turned"]))
        self.gradients = zeros(max(2, -(-batch // CHUNK)) if backward else 1, totals["dF"])
        self.counter = aligned_zeros((1,), np.int64)
