"""Numbers that threads share without a lock: one to wait for while awake, one to count by.

The system takes up to 0.3 ms to wake a sleeping thread, as long as part of a step.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import config, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from handgrad.fused.compilation import Suite

TURNS = 20_000
"""Looks before a thread goes to sleep; about 0.3 ms."""

MOMENT = 200
"""Looks until the writing thread has released the interpreter; about 4 µs."""


def _loaded(typing_context: Any, address: Any) -> Any:
    """Read the int64 that any thread wrote there last."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            # Leaves the core to its other hardware thread for a moment.
            nothing = ir.FunctionType(ir.VoidType(), ())
            pause = get_or_insert_function(builder.module, nothing, "llvm.x86.sse2.pause")  # type: ignore[no-untyped-call]
            builder.call(pause, ())
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.intp), generate


_look: Any = intrinsic(_loaded)


def _counted(typing_context: Any, counter: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fields = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", fields.data, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(counter), generate


_LOCK = threading.Lock()


def _plain_take(counter: Any) -> int:
    """Return the next number, which no other thread gets."""
    with _LOCK:
        number = int(counter[0])
        counter[0] += 1
    return number


take: Any = _plain_take if config.DISABLE_JIT else intrinsic(_counted)  # type: ignore[attr-defined]


def spin(address: int, seen: int, turns: int) -> None:
    """Return a moment after the number there is no longer `seen`, or after `turns` looks."""
    for _ in range(turns):
        if _look(address) != seen:
            # The thread that wrote it still holds the interpreter: one that asks for it now would be put to sleep.
            for _ in range(MOMENT):
                _look(address)
            return


def _sleep_at_once(address: int, seen: int, turns: int) -> None:
    pass


@cache
def spinner() -> Callable[[int, int, int], None]:
    """Return ``spin``, compiled: while it waits, other threads have the interpreter."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _sleep_at_once
    kernel: Callable[[int, int, int], None] = _kernels()["spin"]
    return kernel


def pending() -> int:
    """Return how many kernels the first call of ``spinner()`` compiles."""
    return _kernels().pending("spin")


@cache
def _kernels() -> Suite:
    return Suite((spin,), {}, "int64")
