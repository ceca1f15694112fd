"""The processor's peak: float32 multiply-adds on registers, without loads or waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tools.benchmarks.machine import cores

_LANES = 16 if llvm.get_host_cpu_features().get("avx512f") else 8
_CHAINS = 12
"""Independent multiply-adds in flight: at least latency (4) times pipes (2); with the factor and the addend they fit
the 16 registers of AVX2."""

_ADDS = 16
_REPEATS = 7


@intrinsic
def _multiply_adds(typing_context: Any, rounds: Any) -> Any:
    """Compute ``v ← v · factor + addend`` ``rounds`` times for each of ``_CHAINS`` vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.FloatType(), _LANES)
        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{_LANES}f32")  # type: ignore[no-untyped-call]
        factor, addend = (ir.Constant(vector, [value] * _LANES) for value in (0.999, 0.001))
        slots = []
        for chain in range(_CHAINS):
            first = ir.Constant(vector, [float(chain)] * _LANES)
            slots.append(cgutils.alloca_once_value(builder, first))  # type: ignore[no-untyped-call]
        with cgutils.for_range(builder, arguments[0]):
            for slot in slots:
                builder.store(builder.call(fma, [builder.load(slot), factor, addend]), slot)
        total = builder.load(slots[0])
        for slot in slots[1:]:
            total = builder.fadd(total, builder.load(slot))
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(types.int64), generate


@numba.njit(nogil=True)
def _run_multiply_adds(rounds: int) -> float:
    return _multiply_adds(rounds)  # type: ignore[call-arg]


@numba.njit(nogil=True)
def _run_dependent_adds(rounds: int) -> int:
    x = rounds
    for _ in range(rounds):
        # An addition and an exclusive or cannot be merged: 2 · 8 one-cycle instructions, each waiting for the last.
        x = (((x + 5) ^ 9) + 5) ^ 9
        x = (((x + 7) ^ 3) + 7) ^ 3
        x = (((x + 5) ^ 9) + 5) ^ 9
        x = (((x + 7) ^ 3) + 7) ^ 3
    return x


def measure(seconds: float) -> dict[str, Any]:
    """Measure multiply-adds per second on one core and on all, the clock, and multiply-adds per cycle and lane (≤ 2).

    Parameters
    ----------
    seconds : float
        About how long each repetition takes.
    """
    count = cores()
    rounds = int(4e8 * seconds)
    for kernel in (_run_multiply_adds, _run_dependent_adds):
        kernel(1)
    work = rounds * _CHAINS * _LANES
    one = work / min(_duration(_run_multiply_adds, rounds, 1) for _ in range(_REPEATS))
    every = count * work / min(_duration(_run_multiply_adds, rounds, count) for _ in range(_REPEATS))
    clock = rounds * _ADDS / min(_duration(_run_dependent_adds, rounds, 1) for _ in range(_REPEATS))
    return {
        "one_core": one,
        "all_cores": every,
        "clock": clock,
        "lanes": _LANES,
        "per_cycle_and_lane": one / clock / _LANES,
    }


def best(measurements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the highest figures of several measurements of one run."""
    highest = {key: max(measured[key] for measured in measurements) for key in ("one_core", "all_cores", "clock")}
    lanes = measurements[0]["lanes"]
    return highest | {"lanes": lanes, "per_cycle_and_lane": highest["one_core"] / highest["clock"] / lanes}


def _duration(kernel: Callable[[int], Any], rounds: int, threads: int) -> float:
    others = [threading.Thread(target=kernel, args=(rounds,)) for _ in range(threads - 1)]
    start = time.perf_counter()
    for thread in others:
        thread.start()
    kernel(rounds)
    for thread in others:
        thread.join()
    return time.perf_counter() - start
