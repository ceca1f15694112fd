"""Vectors that a kernel holds in registers: what the processor does to 4, 8 or 16 numbers at once, by name.

A loop that the compiler vectorizes depends on its mood; these operations do not. Where Numba is switched off they are
done by NumPy. All positions count elements of a one-dimensional array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from handgrad.fused.llvm import address_of, declared, first, joined, layout, picked, read, splatted, suffix, write

_WIDTH = 64 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 32
"""Bytes of a vector register."""


def lanes_of(dtype: Any) -> int:
    """Numbers of that type in one vector: a register's, but at least the bits of a byte.

    Examples
    --------
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
    """A function for compiled kernels, made by `operation`; where there is no compiler, the function as it stands."""

    def choose(plain: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return plain
        function = intrinsic(prefer_literal=True)(operation)
        function.__doc__ = plain.__doc__
        return function

    return choose


def _load(typing: Any, a: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return read(context, builder, signature.args[0], arguments[0], arguments[1], kind.lanes)

    return kind(a, types.intp, lanes), generate


@_compiled(_load)
def load(a: Any, at: int, lanes: int) -> Any:
    """The numbers from `at` on."""
    loaded = a[at : at + lanes].copy()
    assert len(loaded) == lanes
    return loaded


def _load_part(typing: Any, a: Any, at: Any, count: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, count, _ = arguments
        vector = context.get_value_type(kind)
        pointer = address_of(context, builder, signature.args[0], array, at, count)
        address = builder.bitcast(pointer, vector.as_pointer())
        mask = first(builder, count, kind.lanes)
        align = ir.Constant(ir.IntType(32), vector.element.get_abi_alignment(layout(context)))
        function = declared(
            builder, f"llvm.masked.load.{suffix(vector)}.p0", vector, (address.type, align.type, mask.type, vector)
        )
        return builder.call(function, (address, align, mask, ir.Constant(vector, None)))

    return kind(a, types.intp, types.intp, lanes), generate


@_compiled(_load_part)
def load_part(a: Any, at: int, count: int, lanes: int) -> Any:
    """The `count` numbers from `at` on, and zeros."""
    loaded = np.zeros(lanes, a.dtype)
    loaded[:count] = a[at : at + count]
    return loaded


def _store(typing: Any, a: Any, at: Any, v: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, value = arguments
        write(context, builder, signature.args[0], array, at, value)
        return context.get_dummy_value()

    return types.void(a, types.intp, v), generate


@_compiled(_store)
def store(a: Any, at: int, v: Any) -> None:
    """``a[at : at + lanes] = v``, as numbers of the array's type."""
    assert at + len(v) <= len(a)
    a[at : at + len(v)] = v


def _store_part(typing: Any, a: Any, at: Any, v: Any, count: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, value, count = arguments
        pointer = address_of(context, builder, signature.args[0], array, at, count)
        address = builder.bitcast(pointer, value.type.as_pointer())
        mask = first(builder, count, value.type.count)
        align = ir.Constant(ir.IntType(32), value.type.element.get_abi_alignment(layout(context)))
        function = declared(
            builder,
            f"llvm.masked.store.{suffix(value.type)}.p0",
            ir.VoidType(),
            (value.type, address.type, align.type, mask.type),
        )
        builder.call(function, (value, address, align, mask))
        return context.get_dummy_value()

    return types.void(a, types.intp, v, types.intp), generate


@_compiled(_store_part)
def store_part(a: Any, at: int, v: Any, count: int) -> None:
    """The first `count` numbers of `v`."""
    assert at + count <= len(a)
    a[at : at + count] = v[:count]


def _load_rows(typing: Any, a: Any, starts: Any, part: Any, across: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)
    width = across.literal_value
    down = kind.lanes // width

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, starts = arguments[:2]
        rows = [
            read(context, builder, signature.args[0], array, start, width)
            for start in _of_part(cgutils.unpack_tuple(builder, starts), part.literal_value, down)  # type: ignore[no-untyped-call]
        ]
        nothing = ir.Constant(rows[0].type, None)
        rows += [nothing] * (down - len(rows))
        while len(rows) > 1:
            rows = [joined(builder, one, two) for one, two in zip(rows[::2], rows[1::2], strict=True)]
        return rows[0]

    return kind(a, starts, part, across, lanes), generate


@_compiled(_load_rows)
def load_rows(a: Any, starts: tuple[int, ...], part: int, across: int, lanes: int) -> Any:
    """`across` numbers from each start, one row behind the other, then zeros; that part of it which fills a vector."""
    loaded = np.zeros(lanes, a.dtype)
    for row, start in enumerate(_of_part(starts, part, lanes // across)):
        loaded[row * across : (row + 1) * across] = a[start : start + across]
    return loaded


def _add_rows(typing: Any, a: Any, starts: Any, part: Any, across: Any, v: Any) -> Any:
    width = across.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, starts, _, _, value = arguments
        kind = signature.args[0]
        unpacked = cgutils.unpack_tuple(builder, starts)  # type: ignore[no-untyped-call]
        for row, start in enumerate(_of_part(unpacked, part.literal_value, v.lanes // width)):
            piece = picked(builder, value, range(row * width, (row + 1) * width))
            total = builder.fadd(read(context, builder, kind, array, start, width), piece)
            write(context, builder, kind, array, start, total)
        return context.get_dummy_value()

    return types.void(a, starts, part, across, v), generate


@_compiled(_add_rows)
def add_rows(a: Any, starts: tuple[int, ...], part: int, across: int, v: Any) -> None:
    """Add each row of `v`, of `across` numbers, to the numbers from its start on, as ``load_rows`` would find them."""
    for row, start in enumerate(_of_part(starts, part, len(v) // across)):
        a[start : start + across] += v[row * across : (row + 1) * across]


def _store_rows(typing: Any, a: Any, starts: Any, part: Any, across: Any, v: Any) -> Any:
    width = across.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, starts, _, _, value = arguments
        unpacked = cgutils.unpack_tuple(builder, starts)  # type: ignore[no-untyped-call]
        for row, start in enumerate(_of_part(unpacked, part.literal_value, v.lanes // width)):
            piece = picked(builder, value, range(row * width, (row + 1) * width))
            write(context, builder, signature.args[0], array, start, piece)
        return context.get_dummy_value()

    return types.void(a, starts, part, across, v), generate


@_compiled(_store_rows)
def store_rows(a: Any, starts: tuple[int, ...], part: int, across: int, v: Any) -> None:
    """The rows of `v` to where ``load_rows`` would find them."""
    for row, start in enumerate(_of_part(starts, part, len(v) // across)):
        a[start : start + across] = v[row * across : (row + 1) * across]


def _crossed(typing: Any, v: Any) -> Any:
    side = math.isqrt(v.lanes)
    places = [row + column * side for row in range(side) for column in range(side)]
    return v(v), lambda context, builder, signature, arguments: picked(builder, arguments[0], places)


@_compiled(_crossed)
def crossed(v: Any) -> Any:
    """Rows as columns, of a vector whose lanes are a square."""
    side = math.isqrt(len(v))
    return v.reshape(side, side).T.ravel()


def _of_part(starts: Any, part: int, down: int) -> Any:
    return starts[part * down : (part + 1) * down]


def _spread(typing: Any, a: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(a.dtype, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = address_of(context, builder, signature.args[0], arguments[0], arguments[1], 1)
        return splatted(builder, builder.load(pointer), kind.lanes)

    return kind(a, types.intp, lanes), generate


@_compiled(_spread)
def spread(a: Any, at: int, lanes: int) -> Any:
    """The number there in every lane."""
    return np.full(lanes, a[at])


def _splat(typing: Any, x: Any, lanes: Any) -> Any:
    element = types.unliteral(x)  # type: ignore[no-untyped-call]
    kind = _Vector(element, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return splatted(builder, arguments[0], kind.lanes)

    return kind(element, lanes), generate


@_compiled(_splat)
def splat(x: Any, lanes: int) -> Any:
    """`x` in every lane."""
    return np.full(lanes, x)


def _add(typing: Any, a: Any, b: Any) -> Any:
    return a(a, b), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@_compiled(_add)
def add(a: Any, b: Any) -> Any:
    """``a + b``."""
    return a + b


def _multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = arguments[0].type
        return builder.call(declared(builder, f"llvm.fmuladd.{suffix(vector)}", vector, (vector,) * 3), arguments)

    return a(a, b, c), generate


@_compiled(_multiply_add)
def multiply_add(a: Any, b: Any, c: Any) -> Any:
    """``a · b + c``, rounded once where the processor can."""
    return a * b + c


def _ahead(typing: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one, two = arguments
        return builder.or_(builder.fcmp_ordered(">", one, two), builder.fcmp_unordered("uno", one, one))

    return _Vector(types.boolean, a.lanes)(a, b), generate


@_compiled(_ahead)
def ahead(a: Any, b: Any) -> Any:
    """Where ``a > b``, or `a` is no number."""
    return (a > b) | (a != a)


def _positive(typing: Any, a: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fcmp_unordered(">", arguments[0], ir.Constant(arguments[0].type, None))

    return _Vector(types.boolean, a.lanes)(a), generate


@_compiled(_positive)
def positive(a: Any) -> Any:
    """Where ``a > 0``, or `a` is no number."""
    return ~(a <= 0)


def _choose(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    return a(mask, a, b), lambda context, builder, signature, arguments: builder.select(*arguments)


@_compiled(_choose)
def choose(mask: Any, a: Any, b: Any) -> Any:
    """`a` where the mask is set, else `b`."""
    return np.where(mask, a, b)


def _store_mask(typing: Any, bits: Any, at: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at, value = arguments
        word = builder.bitcast(value, ir.IntType(mask.lanes))
        pointer = address_of(context, builder, signature.args[0], array, at, mask.lanes // 8)
        builder.store(word, builder.bitcast(pointer, word.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(bits, types.intp, mask), generate


@_compiled(_store_mask)
def store_mask(bits: Any, at: int, mask: Any) -> None:
    """A bit a lane, from byte `at` on."""
    packed = np.packbits(mask, bitorder="little")
    bits[at : at + len(packed)] = packed


def _load_mask(typing: Any, bits: Any, at: Any, lanes: Any) -> Any:
    kind = _Vector(types.boolean, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(kind.lanes)
        pointer = address_of(context, builder, signature.args[0], arguments[0], arguments[1], kind.lanes // 8)
        loaded = builder.load(builder.bitcast(pointer, word.as_pointer()), align=1)
        return builder.bitcast(loaded, context.get_value_type(kind))

    return kind(bits, types.intp, lanes), generate


@_compiled(_load_mask)
def load_mask(bits: Any, at: int, lanes: int) -> Any:
    """What ``store_mask`` left there."""
    return np.unpackbits(bits[at : at + lanes // 8], bitorder="little").astype(bool)


def _total(typing: Any, v: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, size = arguments[0], v.lanes
        while size > 1:
            size //= 2
            value = builder.fadd(picked(builder, value, range(size)), picked(builder, value, range(size, 2 * size)))
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return v.dtype(v), generate


@_compiled(_total)
def total(v: Any) -> Any:
    """The sum over the lanes, halves first."""
    while len(v) > 1:
        v = v[: len(v) // 2] + v[len(v) // 2 :]
    return v[0]


__all__ = [
    "add", "add_rows", "ahead", "choose", "crossed", "lanes_of", "load", "load_mask", "load_part", "load_rows",
    "multiply_add", "positive", "splat", "spread", "store", "store_mask", "store_part", "store_rows", "total",
]  # fmt: skip
