"""Vectors as LLVM's instructions: reading, writing and picking lanes, where a kernel is compiled."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, config


def address_of(context: Any, builder: Any, kind: Any, array: Any, at: Any, count: Any) -> Any:
    """Address of the element `at`; where bounds are checked, an IndexError unless `count` follow."""
    fields = context.make_array(kind)(context, builder, array)
    if config.BOUNDSCHECK:  # type: ignore[attr-defined]
        size = fields.nitems
        count = count if isinstance(count, ir.Value) else ir.Constant(size.type, count)
        outside = builder.or_(
            builder.icmp_signed("<", at, ir.Constant(at.type, 0)),
            builder.icmp_signed(">", builder.add(at, count), size),
        )
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a vector leaves its array",))
    return builder.gep(fields.data, [at])


def read(context: Any, builder: Any, kind: Any, array: Any, at: Any, lanes: int) -> Any:
    """The vector from element `at` on."""
    pointer = address_of(context, builder, kind, array, at, lanes)
    vector = ir.VectorType(pointer.type.pointee, lanes)
    align = pointer.type.pointee.get_abi_alignment(layout(context))
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=align)


def write(context: Any, builder: Any, kind: Any, array: Any, at: Any, value: Any) -> None:
    """The vector to element `at` and on, cut to the array's integers."""
    pointer = address_of(context, builder, kind, array, at, value.type.count)
    element = pointer.type.pointee
    if element != value.type.element:
        value = builder.trunc(value, ir.VectorType(element, value.type.count))
    align = element.get_abi_alignment(layout(context))
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=align)


def layout(context: Any) -> Any:
    """Sizes and alignments of the processor's types."""
    return context.codegen().target_data


def picked(builder: Any, v: Any, places: Any) -> Any:
    """The lanes of those places."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
    return builder.shuffle_vector(v, ir.Constant(v.type, ir.Undefined), mask)


def joined(builder: Any, one: Any, two: Any) -> Any:
    """One vector's lanes behind the other's."""
    size = 2 * one.type.count
    return builder.shuffle_vector(one, two, ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size))))


def splatted(builder: Any, x: Any, lanes: int) -> Any:
    """The number in every lane."""
    nothing = ir.Constant(ir.VectorType(x.type, lanes), ir.Undefined)
    return picked(builder, builder.insert_element(nothing, x, ir.Constant(ir.IntType(32), 0)), [0] * lanes)


def first(builder: Any, count: Any, lanes: int) -> Any:
    """The mask of the first `count` lanes."""
    numbers = ir.Constant(ir.VectorType(count.type, lanes), list(range(lanes)))
    return builder.icmp_signed("<", numbers, splatted(builder, count, lanes))


def suffix(vector: Any) -> str:
    """The type as LLVM's functions name it."""
    return f"v{vector.count}{vector.element.intrinsic_name}"


def declared(builder: Any, name: str, result: Any, arguments: Any) -> Any:
    """LLVM's function of that name."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)  # type: ignore[no-untyped-call]
