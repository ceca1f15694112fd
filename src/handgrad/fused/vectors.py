"""Vectors that a kernel holds in registers: what the processor does to 4, 8 or 16 numbers at once, by name.

Whether the compiler vectorizes a loop is hard to foresee; these operations always are vectors. Where Numba is switched
off, NumPy does them. All positions count elements of a one-dimensional array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from handgrad.fused.llvm import Code

_WIDTH = 64 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 32
"""Bytes of a vector register."""


def lanes_of(dtype: Any) -> int:
    """Return the numbers of that type in one vector: a register's, but at least the bits of a byte.

    >>> lanes_of("float64")
    8
    """
    return max(8, _WIDTH // np.dtype(dtype).itemsize)


class _Vector(types.Type):
    """Numba's type of a vector; of a mask where `dtype` is boolean."""

    def __init__(self, dtype: Any, lanes: int) -> None:
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"vector({dtype}, {lanes})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _Vector) -> None:
        element = ir.IntType(1) if kind.dtype == types.boolean else manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.lanes))  # type: ignore[no-untyped-call]


def _compiled(operation: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make a function of compiled kernels; where there is no compiler, leave the function as it stands.

    `operation` takes Numba's typing context and the arguments' types; it returns the signature, and the function that
    writes the instructions.
    """

    def choose(plain: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return plain

        @intrinsic(prefer_literal=True)
        @wraps(operation)
        def function(*kinds: Any) -> Any:
            signature, write = operation(*kinds)

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                result = write(Code(context, builder, signature, arguments))
                return context.get_dummy_value() if signature.return_type == types.void else result

            return signature, generate

        function.__doc__ = plain.__doc__
        return function

    return choose


def _load(typing: Any, a: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)
    return kind(a, types.intp, lanes), lambda code: code.read(code.arguments[1], kind.lanes)


@_compiled(_load)
def load(a: Any, at: int, lanes: int) -> Any:
    """Return the numbers from `at` on."""
    loaded = a[at : at + lanes].copy()
    assert len(loaded) == lanes
    return loaded


def _load_part(typing: Any, a: Any, at: Any, count: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)

    def write(code: Code) -> Any:
        vector, (_, at, count, _) = code.context.get_value_type(kind), code.arguments
        nothing = ir.Constant(vector, None)
        return code.call("llvm.masked.load.{}.p0", vector, vector, *code.part(at, count, vector), nothing)

    return kind(a, types.intp, types.intp, lanes), write


@_compiled(_load_part)
def load_part(a: Any, at: int, count: int, lanes: int) -> Any:
    """Return the `count` numbers from `at` on, and zeros."""
    loaded = np.zeros(lanes, a.dtype)
    loaded[:count] = a[at : at + count]
    return loaded


def _store(typing: Any, a: Any, at: Any, v: Any) -> Any:
    return types.void(a, types.intp, v), lambda code: code.write(*code.arguments[1:])


@_compiled(_store)
def store(a: Any, at: int, v: Any) -> None:
    """``a[at : at + lanes] = v``, as numbers of the array's type."""
    assert at + len(v) <= len(a)
    a[at : at + len(v)] = v


def _store_part(typing: Any, a: Any, at: Any, v: Any, count: Any) -> Any:
    def write(code: Code) -> None:
        _, at, value, count = code.arguments
        vector = value.type
        code.call("llvm.masked.store.{}.p0", vector, ir.VoidType(), value, *code.part(at, count, vector))

    return types.void(a, types.intp, v, types.intp), write


@_compiled(_store_part)
def store_part(a: Any, at: int, v: Any, count: int) -> None:
    """``a[at : at + count] = v[:count]``."""
    assert at + count <= len(a)
    a[at : at + count] = v[:count]


def _load_rows(typing: Any, a: Any, starts: Any, part: Any, across: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)
    width = across.literal_value
    down = kind.lanes // width

    def write(code: Code) -> Any:
        rows = [code.read(start, width) for start in _starts(code, part.literal_value, down)]
        rows += [ir.Constant(rows[0].type, None)] * (down - len(rows))
        while len(rows) > 1:
            rows = [code.joined(one, two) for one, two in zip(rows[::2], rows[1::2], strict=True)]
        return rows[0]

    return kind(a, starts, part, across, lanes), write


@_compiled(_load_rows)
def load_rows(a: Any, starts: tuple[int, ...], part: int, across: int, lanes: int) -> Any:
    """Return vector number `part` of the rows of `across` numbers from each start, one behind the other, then zeros."""
    loaded = np.zeros(lanes, a.dtype)
    for row, start in enumerate(_of_part(starts, part, lanes // across)):
        loaded[row * across : (row + 1) * across] = a[start : start + across]
    return loaded


def _written_rows(added: bool) -> Callable[..., Any]:
    def operation(typing: Any, a: Any, starts: Any, part: Any, across: Any, v: Any) -> Any:
        width = across.literal_value

        def write(code: Code) -> None:
            for row, start in enumerate(_starts(code, part.literal_value, v.lanes // width)):
                piece = code.picked(code.arguments[4], range(row * width, (row + 1) * width))
                code.write(start, code.builder.fadd(code.read(start, width), piece) if added else piece)

        return types.void(a, starts, part, across, v), write

    return operation


@_compiled(_written_rows(added=True))
def add_rows(a: Any, starts: tuple[int, ...], part: int, across: int, v: Any) -> None:
    """Add each row of `v`, of `across` numbers, to the numbers from its start on, as ``load_rows`` would find them."""
    for row, start in enumerate(_of_part(starts, part, len(v) // across)):
        a[start : start + across] += v[row * across : (row + 1) * across]


@_compiled(_written_rows(added=False))
def store_rows(a: Any, starts: tuple[int, ...], part: int, across: int, v: Any) -> None:
    """Write the rows of `v` to where ``load_rows`` would find them."""
    for row, start in enumerate(_of_part(starts, part, len(v) // across)):
        a[start : start + across] = v[row * across : (row + 1) * across]


def _starts(code: Code, part: int, down: int) -> Any:
    return _of_part(cgutils.unpack_tuple(code.builder, code.arguments[1]), part, down)  # type: ignore[no-untyped-call]


def _of_part(starts: Any, part: int, down: int) -> Any:
    return starts[part * down : (part + 1) * down]


def _crossed(typing: Any, v: Any) -> Any:
    side = math.isqrt(v.lanes)
    lanes = [row + column * side for row in range(side) for column in range(side)]
    return v(v), lambda code: code.picked(code.arguments[0], lanes)


@_compiled(_crossed)
def crossed(v: Any) -> Any:
    """Return rows as columns, of a vector whose lanes are a square."""
    side = math.isqrt(len(v))
    return v.reshape(side, side).T.ravel()


def _spread(typing: Any, a: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)

    def write(code: Code) -> Any:
        return code.splatted(code.builder.load(code.address(code.arguments[1], 1)), kind.lanes)

    return kind(a, types.intp, lanes), write


@_compiled(_spread)
def spread(a: Any, at: int, lanes: int) -> Any:
    """Return the number there in every lane."""
    return np.full(lanes, a[at])


def _splat(typing: Any, x: Any, lanes: Any) -> Any:
    element = types.unliteral(x)  # type: ignore[no-untyped-call]
    kind = _Vector(element, lanes.literal_value)
    return kind(element, lanes), lambda code: code.splatted(code.arguments[0], kind.lanes)


@_compiled(_splat)
def splat(x: Any, lanes: int) -> Any:
    """Return `x` in every lane."""
    return np.full(lanes, x)


@_compiled(lambda typing, a, b: (a(a, b), lambda code: code.builder.fadd(*code.arguments)))
def add(a: Any, b: Any) -> Any:
    """Return ``a + b``."""
    return a + b


def _multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def write(code: Code) -> Any:
        vector = code.arguments[0].type
        return code.call("llvm.fmuladd.{}", vector, vector, *code.arguments)

    return a(a, b, c), write


@_compiled(_multiply_add)
def multiply_add(a: Any, b: Any, c: Any) -> Any:
    """Return ``a · b + c``, rounded once where the processor can."""
    return a * b + c


def _ahead(typing: Any, a: Any, b: Any) -> Any:
    def write(code: Code) -> Any:
        one, two = code.arguments
        larger = code.builder.fcmp_ordered(">", one, two)
        return code.builder.or_(larger, code.builder.fcmp_unordered("uno", one, one))

    return _Vector(types.boolean, a.lanes)(a, b), write


@_compiled(_ahead)
def ahead(a: Any, b: Any) -> Any:
    """Return where ``a > b``, or `a` is NaN."""
    return (a > b) | (a != a)


def _positive(typing: Any, a: Any) -> Any:
    def write(code: Code) -> Any:
        (value,) = code.arguments
        return code.builder.fcmp_unordered(">", value, ir.Constant(value.type, None))

    return _Vector(types.boolean, a.lanes)(a), write


@_compiled(_positive)
def positive(a: Any) -> Any:
    """Return where ``a > 0``, or `a` is NaN."""
    return ~(a <= 0)


@_compiled(lambda typing, mask, a, b: (a(mask, a, b), lambda code: code.builder.select(*code.arguments)))
def choose(mask: Any, a: Any, b: Any) -> Any:
    """Return `a` where the mask is set, else `b`."""
    return np.where(mask, a, b)


def _store_mask(typing: Any, bits: Any, at: Any, mask: Any) -> Any:
    def write(code: Code) -> None:
        _, at, value = code.arguments
        word = code.builder.bitcast(value, ir.IntType(mask.lanes))
        address = code.address(at, mask.lanes // 8)
        code.builder.store(word, code.builder.bitcast(address, word.type.as_pointer()), align=1)

    return types.void(bits, types.intp, mask), write


@_compiled(_store_mask)
def store_mask(bits: Any, at: int, mask: Any) -> None:
    """Write a bit for each lane, from byte `at` on."""
    packed = np.packbits(mask, bitorder="little")
    bits[at : at + len(packed)] = packed


def _load_mask(typing: Any, bits: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(types.boolean, lanes.literal_value)

    def write(code: Code) -> Any:
        address = code.address(code.arguments[1], kind.lanes // 8)
        loaded = code.builder.load(code.builder.bitcast(address, ir.IntType(kind.lanes).as_pointer()), align=1)
        return code.builder.bitcast(loaded, code.context.get_value_type(kind))

    return kind(bits, types.intp, lanes), write


@_compiled(_load_mask)
def load_mask(bits: Any, at: int, lanes: int) -> Any:
    """Return the mask that ``store_mask`` wrote there."""
    return np.unpackbits(bits[at : at + lanes // 8], bitorder="little").astype(bool)


def _total(typing: Any, v: Any) -> Any:
    def write(code: Code) -> Any:
        value, size = code.arguments[0], v.lanes
        while size > 1:
            size //= 2
            upper = code.picked(value, range(size, 2 * size))
            value = code.builder.fadd(code.picked(value, range(size)), upper)
        return code.builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return v.dtype(v), write


@_compiled(_total)
def total(v: Any) -> Any:
    """Return the sum over the lanes, halves first."""
    while len(v) > 1:
        v = v[: len(v) // 2] + v[len(v) // 2 :]
    return v[0]


__all__ = [
    "add", "add_rows", "ahead", "choose", "crossed", "lanes_of", "load", "load_mask", "load_part", "load_rows",
    "multiply_add", "positive", "splat", "spread", "store", "store_mask", "store_part", "store_rows", "total",
]  # fmt: skip
