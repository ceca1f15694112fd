"""Every buffer of a step, allocated once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from handgrad.fused.compilation import LINE
from handgrad.fused.plan import Plan

CHUNK = 8
"""Images at most that go through both passes together, in one thread: the rows that a dense kernel takes at once."""


class Scratch(NamedTuple):
    """Buffers that one thread overwrites: for each image of its chunk, then for one image, then for the chunk."""

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
    """A row for each image of the batch: x', every dense layer's result after its ReLU, and its error."""

    x: Any
    t: Any
    dt: Any


def chunk_size(batch: int) -> int:
    """Return the images of a chunk; a batch makes at least two. The cut does not depend on the number of threads."""
    return max(1, min(CHUNK, -(-batch // 2)))


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> Any:
    """Return zeros that start at a cache line: a vector that straddles two costs two loads."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Workspace:
    """Buffers for up to `batch` images and `threads` at work; without `backward`, maps are overwritten at once."""

    def __init__(self, plan: Plan, dtype: DTypeLike, batch: int, threads: int, backward: bool) -> None:
        self.batch = batch
        totals, row, slots = plan.totals, int(plan.denses[0]["row"]), CHUNK if backward else 1
        winners = np.min_scalar_type(plan.sizes["p"] ** 2 - 1)

        def zeros(*shape: int, kind: DTypeLike = dtype) -> Any:
            return aligned_zeros(tuple(max(1, size) for size in shape), kind)

        def learned(*shape: int, kind: DTypeLike = dtype) -> Any:
            return zeros(*shape, kind=kind) if backward else zeros(*(1 for _ in shape), kind=kind)

        self.scratch = [
            Scratch(
                S=zeros(slots, totals["S"]),
                bits=learned(slots, totals["bits"], kind=np.uint8),
                winners=learned(slots, totals["winners"], kind=winners),
                U=zeros(slots, totals["U"]),
                dS=learned(totals["S"]),
                dU=learned(totals["dU"]),
                E=learned(totals["E"]),
                alpha_sums=learned(totals["alpha_sums"]),
                sums=learned(totals["sums"]),
                dx=zeros(CHUNK * row),
            )
            for _ in range(threads)
        ]
        self.rows = Rows(x=learned(batch * row), t=zeros(batch * totals["t"]), dt=learned(batch * totals["t"]))
        filters, turned, table = zeros(totals["F"]), learned(totals["F"]), learned(totals["table"])
        self.packed = Packed(F=filters, turned=turned, table=table, w=learned(totals["turned"]))
        self.gradients = learned(max(2, -(-batch // CHUNK)), totals["dF"])
        self.counter = aligned_zeros((1,), np.int64)
