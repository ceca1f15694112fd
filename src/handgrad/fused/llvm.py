"""Vectors as LLVM's instructions: reading, writing and picking lanes, where a kernel is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, config


class Code:
    """The instructions of one operation, from Numba's intrinsic; its first argument is the array that it uses."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> None:
        self.context, self.builder, self.kind, self.arguments = context, builder, signature.args[0], arguments

    def address(self, at: Any, count: Any) -> Any:
        """Return the address of element `at`; with bounds checked, raise an IndexError unless `count` follow."""
        builder = self.builder
        fields = self.context.make_array(self.kind)(self.context, builder, self.arguments[0])
        if config.BOUNDSCHECK:  # type: ignore[attr-defined]
            size = fields.nitems
            count = count if isinstance(count, ir.Value) else ir.Constant(size.type, count)
            outside = builder.or_(
                builder.icmp_signed("<", at, ir.Constant(at.type, 0)),
                builder.icmp_signed(">", builder.add(at, count), size),
            )
            with builder.if_then(outside, likely=False):
                self.context.call_conv.return_user_exc(builder, IndexError, ("a vector leaves its array",))
        return builder.gep(fields.data, [at])

    def read(self, at: Any, lanes: int) -> Any:
        """Read the vector from element `at` on."""
        pointer = self.address(at, lanes)
        vector = ir.VectorType(pointer.type.pointee, lanes)
        return self.builder.load(self._cast(pointer, vector), align=self._align(vector))

    def write(self, at: Any, value: Any) -> None:
        """Write the vector to element `at` and on, cut to the array's integers."""
        pointer = self.address(at, value.type.count)
        element = pointer.type.pointee
        if element != value.type.element:
            value = self.builder.trunc(value, ir.VectorType(element, value.type.count))
        self.builder.store(value, self._cast(pointer, value.type), align=self._align(value.type))

    def part(self, at: Any, count: Any, vector: Any) -> tuple[Any, Any, Any]:
        """Return address, alignment and mask of the first `count` lanes of a vector at element `at`."""
        address = self._cast(self.address(at, count), vector)
        lanes = ir.Constant(ir.VectorType(count.type, vector.count), list(range(vector.count)))
        mask = self.builder.icmp_signed("<", lanes, self.splatted(count, vector.count))
        return address, ir.Constant(ir.IntType(32), self._align(vector)), mask

    def picked(self, v: Any, lanes: Sequence[int]) -> Any:
        """Return those lanes."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        return self.builder.shuffle_vector(v, ir.Constant(v.type, ir.Undefined), mask)

    def joined(self, one: Any, two: Any) -> Any:
        """Return one vector's lanes followed by the other's."""
        size = 2 * one.type.count
        mask = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size)))
        return self.builder.shuffle_vector(one, two, mask)

    def splatted(self, x: Any, lanes: int) -> Any:
        """Return the number in every lane."""
        nothing = ir.Constant(ir.VectorType(x.type, lanes), ir.Undefined)
        return self.picked(self.builder.insert_element(nothing, x, ir.Constant(ir.IntType(32), 0)), [0] * lanes)

    def call(self, name: str, vector: Any, result: Any, *arguments: Any) -> Any:
        """Call LLVM's function of that name for a type of vectors."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        name = name.format(f"v{vector.count}{vector.element.intrinsic_name}")
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)  # type: ignore[no-untyped-call]
        return self.builder.call(function, arguments)

    def _cast(self, pointer: Any, vector: Any) -> Any:
        return self.builder.bitcast(pointer, vector.as_pointer())

    def _align(self, vector: Any) -> Any:
        return vector.element.get_abi_alignment(self.context.codegen().target_data)
