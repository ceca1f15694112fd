"""Every buffer of a step, allocated once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from handgrad.fused.plan import Plan

FEW = 4
"""Predictions at most for which the dense layers are part of the pass: BLAS and its threads take longer to start."""

CHUNK = 8
"""Images at most that go through a pass together, in one thread."""

CHUNKS = 8
"""Chunks that a batch is cut into where it has enough images. The cut does not depend on the number of threads."""

LINE = 64
"""Bytes of a cache line."""


class Kept(NamedTuple):
    """What the forward pass leaves to the backward pass, an image a row."""

    S: Any
    bits: Any
    winners: Any
    U: Any


class Scratch(NamedTuple):
    """What one thread writes and forgets."""

    T: Any
    H: Any
    G: Any
    U: Any
    dU: Any
    dS: Any
    dM: Any
    E: Any
    t: Any
    codes: Any


def chunks(batch: int) -> list[tuple[int, int]]:
    """(first, end) of each chunk of the batch."""
    size = min(CHUNK, -(-batch // CHUNKS))
    return [(start, min(start + size, batch)) for start in range(0, batch, size)]


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
        False where only predictions are made: less is kept.
    """

    def __init__(self, plan: Plan, dtype: DTypeLike, batch: int, threads: int, backward: bool) -> None:
        self.batch = batch
        layers, _, totals = plan.convolutions, plan.denses, plan.totals
        cells = plan.architecture.pooling**2
        entry = int(layers[0]["maps"] * layers[0]["area"]) * cells
        places = np.uint8 if cells <= 256 else np.uint16

        def zeros(*shape: int) -> Any:
            return aligned_zeros(shape, dtype)

        def maps(rows: int) -> tuple[Any, Kept]:
            bits = np.zeros((rows, totals["bits"]), np.uint8)
            winners = np.zeros((rows, totals["winners"]), places)
            return zeros(rows, entry), Kept(zeros(rows, totals["S"]), bits, winners, zeros(rows, totals["U"]))

        self.x = zeros(batch, plan.architecture.denses[0].inputs)
        # Predictions forget an image's maps as soon as its x' is there: each thread has room for one.
        self.maps = [maps(batch)] * threads if backward else [maps(1) for _ in range(threads)]
        largest = int(max(*layers["area"] * cells, *layers["run"]))
        self.scratch = [
            Scratch(
                zeros(largest),
                zeros(largest),
                zeros(largest),
                zeros(totals["last"]),
                zeros(totals["last"] if backward else 1),
                zeros(totals["dS"] if backward else 1),
                zeros(totals["dM"]),
                zeros(totals["E"] if backward else 1),
                zeros(totals["t"]),
                np.arange(cells, dtype=dtype),
            )
            for _ in range(threads)
        ]
        # A smaller batch may have more chunks: 9 images make 5, 8 make 8.
        self.gradients = zeros(max(len(chunks(batch)), min(batch, CHUNKS)) if backward else 1, totals["F"])
        self.F, self.F_turned = zeros(totals["F"]), zeros(totals["F"])
