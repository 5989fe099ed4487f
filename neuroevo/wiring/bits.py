"""Bits of machine words, counted and found in one instruction, for compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic


def _ones(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    """Counts the ones of a uint64 in one machine instruction."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


def _lowest(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    """Finds the lowest bit that is set in a uint64 other than 0, in one machine instruction."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        is_zero_undefined = context.get_constant(types.boolean, True)
        return builder.cttz(arguments[0], is_zero_undefined)

    return types.int64(types.uint64), code


num_ones: Any = intrinsic(_ones)
lowest_bit: Any = intrinsic(_lowest)
