"""Vectors of any number of lanes, as values in compiled loops.

numba has no word for a vector: its loops over lanes become vector instructions only where LLVM finds out that
they can, which it does for some numbers of lanes and not for others. Here a vector is a value that stays in a
register. How many lanes it has is told by the length of a tuple, `LANES_OF[width]`, so that numba compiles
each number of lanes by itself.

Importing this module imports numba, so other modules do so on first use.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

_ALIGNMENT = 4  # bytes: a vector may begin at any number


class Vector(types.Type):
    """The type of a vector of float32 numbers.

    Args:
        width: Number of lanes, at least 1.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Vector({width})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    """How a vector is held: by LLVM's own type."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _vector_of(kind.width))


def _vector_of(width: int) -> Any:
    """Returns LLVM's type of so many lanes."""
    return ir.VectorType(ir.FloatType(), width)


def _place(context: Any, builder: Any, kinds: Any, array: Any, at: Any, width: int) -> Any:
    """Returns where in an array a vector begins."""
    data = context.make_array(kinds)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _vector_of(width).as_pointer())


@intrinsic
def load(typing: Any, lanes: Any, array: Any, at: Any) -> Any:
    """Returns the numbers of a flat array from a place on, as many as there are lanes.

    Args:
        typing: What numba passes.
        lanes: Zeros, one a lane.
        array: Flat, float32.
        at: The first number's place, uint64.

    Returns:
        The type, and what emits the instructions.
    """
    width = len(lanes)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[1], args[1], args[2], width)
        return builder.load(place, align=_ALIGNMENT)

    return Vector(width)(lanes, array, types.uint64), emit


@intrinsic
def store(typing: Any, vector: Any, array: Any, at: Any) -> Any:
    """Writes a vector into a flat array.

    Args:
        typing: What numba passes.
        vector: The vector.
        array: Flat, float32.
        at: The first number's place, uint64.

    Returns:
        The type, and what emits the instructions.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[1], args[1], args[2], vector.width)
        builder.store(args[0], place, align=_ALIGNMENT)
        return context.get_dummy_value()

    return types.void(vector, array, types.uint64), emit


@intrinsic
def repeat(typing: Any, lanes: Any, number: Any) -> Any:
    """Returns a vector of one number in all lanes.

    Args:
        typing: What numba passes.
        lanes: Zeros, one a lane.
        number: float32.

    Returns:
        The type, and what emits the instructions.
    """
    width = len(lanes)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, index = _vector_of(width), ir.IntType(32)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), args[1], index(0))
        nowhere = ir.Constant(ir.VectorType(index, width), [0] * width)
        return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), nowhere)

    return Vector(width)(lanes, types.float32), emit


@intrinsic
def add_product(typing: Any, total: Any, a: Any, b: Any) -> Any:
    """Returns `total + a * b`, rounded once where the processor can.

    Args:
        typing: What numba passes.
        total: A vector.
        a: A vector.
        b: A vector.

    Returns:
        The type, and what emits the instructions.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = _vector_of(total.width)
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fmuladd.v{total.width}f32"
        )
        return builder.call(fused, [args[1], args[2], args[0]])

    return total(total, total, total), emit
