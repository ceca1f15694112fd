"""Every buffer of a step, allocated once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from handgrad.fused.plan import Plan

CHUNK = 8
"""Images at most that go through both passes together, in one thread."""

COLUMNS = 512
"""Inputs, about, whose weights' gradient is computed together."""

FEW = 4
"""Predictions at most for which the dense weights are taken as they lie."""

CHUNKS = 8
"""Chunks that a batch is cut into where it has enough images. The cut does not depend on the number of threads."""


LINE = 64
"""Bytes of a cache line."""


class Shared(NamedTuple):
    """What all threads see: inputs and results of a batch, dense layers' values."""

    S0: Any
    dS0: Any
    x: Any
    t: Any
    dt: Any
    y: Any
    z: Any
    dz: Any
    E: Any


class Kept(NamedTuple):
    """What the forward pass of a chunk leaves to the backward pass, an image a row."""

    S: Any
    bits: Any
    winners: Any
    U: Any


class Scratch(NamedTuple):
    """What one thread writes and forgets."""

    T: Any
    H: Any
    G: Any
    dS: Any
    dM: Any
    E: Any
    dx: Any


class Packed(NamedTuple):
    """Parameters in the kernels' order: filters, filters turned by 180°, transposed dense weights."""

    F: Any
    F_turned: Any
    W: Any


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
        self.batch, self.backward = batch, backward
        layers, totals = plan.convolutions, plan.totals
        classes, cells = plan.architecture.classes, plan.architecture.pooling**2
        first, flat = layers[0], int(plan.denses[0]["inputs"])
        entry = int(first["maps"] * first["area"]) * cells

        def zeros(*shape: int) -> Any:
            return aligned_zeros(shape, dtype)

        self._shared = {
            "S0": zeros(batch, entry),
            "dS0": zeros(batch if backward and first["weighted"] else 1, entry),
            "x": zeros(batch, flat),
            "t": zeros(batch * totals["t"]),
            "dt": zeros(batch * totals["t"] if backward else 1),
            "y": zeros(batch, classes),
            "z": zeros(batch, classes),
            "dz": zeros(classes),
            "E": zeros(batch),
        }
        rows = CHUNK if backward else 1
        largest = int(max(layers["area"])) * cells
        self.kept = [
            Kept(
                zeros(rows, totals["S"]),
                np.zeros((rows, totals.get("bits", 0)), np.uint8),
                np.zeros((rows, totals["winners"]), np.uint8 if cells <= 256 else np.uint16),
                zeros(rows, totals["U"]),
            )
            for _ in range(threads)
        ]
        self.scratch = [
            Scratch(
                zeros(largest),
                zeros(max(largest, int(max(layers["run"])))),
                zeros(max(largest, int(max(layers["run"])))),
                zeros(totals["dS"] if backward else 1),
                zeros(totals["dM"]),
                zeros(totals["E"] if backward else 1),
                zeros(CHUNK if backward else 1, flat),
            )
            for _ in range(threads)
        ]
        run, outputs = int(layers[-1]["run"]), int(plan.denses[0]["outputs"])
        self.weight_errors = [zeros(outputs * run * max(1, COLUMNS // run) if backward else 1) for _ in range(threads)]
        self.gradients = zeros(len(chunks(batch)) if backward else 1, totals["F"])
        self.depth_gradients = zeros(len(self.gradients), int(first["depth"]), int(first["maps"]))
        self.packed = Packed(zeros(totals["F"]), zeros(totals["F"]), zeros(totals["W"]))

    def few(self, batch: int) -> bool:
        """Whether transposing the dense weights would cost more than it saves: see ``passes.dense_forward_few``."""
        return not self.backward and batch <= FEW

    def shared(self, batch: int) -> Shared:
        """Views of the first images."""
        whole = self._shared
        per_image = len(whole["t"]) // self.batch
        return Shared(
            whole["S0"][:batch],
            whole["dS0"][:batch],
            whole["x"][:batch],
            whole["t"][: batch * per_image],
            whole["dt"][: batch * per_image],
            whole["y"][:batch],
            whole["z"][:batch],
            whole["dz"],
            whole["E"][:batch],
        )
