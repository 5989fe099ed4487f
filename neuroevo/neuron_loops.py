"""The step of the leaky rate neuron, compiled: one pass over the state in place of five.

It computes what PyTorch's operations do to the last bit, on processors whose exponential PyTorch takes from
SLEEF: the same polynomial, in the same order, with the same fused products.

Importing this module imports numba, so `neuron_steps` does so on first use.

References:
    Shibata & Petrogalli (2020), SLEEF, https://doi.org/10.1109/TPDS.2019.2960333
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

F = np.float32
TO_BITS, LN2_HIGH, LN2_LOW = F(1.4426950408889634), F(-0.693145751953125), F(-1.428606765330187045e-06)
C0, C1, C2 = map(
    F, (0.000198527617612853646278381, 0.00139304355252534151077271, 0.00833336077630519866943359)
)
C3, C4, C5 = map(F, (0.0416664853692054748535156, 0.166666671633720397949219, 0.5))
ONE, MOST = F(1), F(104)  # exp(-MOST) is zero, and 1 / (1 + exp(MOST)) is


@intrinsic
def _fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Returns a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@intrinsic
def _whole(typing_context: Any, number: Any) -> Any:
    """Returns the nearest whole number, as a float."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rounded = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()])
        return builder.call(rounded, arguments)

    return types.float32(types.float32), generate


@intrinsic
def _power(typing_context: Any, exponent: Any) -> Any:
    """Returns 2 to an integer in -126..127, as its bits are."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.IntType(32)
        bits = builder.shl(builder.add(arguments[0], ir.Constant(kind, 127)), ir.Constant(kind, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), generate


def leaky(activity: np.ndarray, current: np.ndarray, leak: float) -> None:
    """Moves activities by `h <- (1 - leak) h + leak tanh(I)`; both float32 [n]."""
    _leaky(activity, current, F(1 - leak), F(2 * leak), F(leak))


def leaky_rows(activity: np.ndarray, current: np.ndarray, leak: float, rows: np.ndarray) -> None:
    """Does the same to some rows, int64, of activities and currents, float32 [cells, B]."""
    _leaky_rows(activity, current, F(1 - leak), F(2 * leak), F(leak), rows)


@njit(nogil=True, cache=True, error_model="numpy")  # else it would look for divisions by zero, one by one
def _leaky(
    activity: np.ndarray, current: np.ndarray, kept: np.float32, twice: np.float32, leak: np.float32
) -> None:
    """Moves activities by `h <- kept * h + twice * sigmoid(2 I) - leak`."""
    for k in range(len(activity)):
        x = -(current[k] + current[k])
        if x > MOST:  # not a number stays what it is
            x = MOST
        if x < -MOST:
            x = -MOST
        whole = _whole(x * TO_BITS)
        rest = _fma(whole, LN2_LOW, _fma(whole, LN2_HIGH, x))
        series = _fma(_fma(C0, rest, C1), rest, C2)
        series = _fma(_fma(_fma(series, rest, C3), rest, C4), rest, C5)
        series = ONE + _fma(rest * rest, series, rest)
        exponent = np.int32(whole)
        half = np.int32(exponent >> 1)
        power = series * _power(half) * _power(np.int32(exponent - half))
        activity[k] = _fma(ONE / (ONE + power), twice, activity[k] * kept) - leak


@njit(nogil=True, cache=True, error_model="numpy")
def _leaky_rows(
    activity: np.ndarray,
    current: np.ndarray,
    kept: np.float32,
    twice: np.float32,
    leak: np.float32,
    rows: np.ndarray,
) -> None:
    """Moves some rows."""
    for row in rows:
        _leaky(activity[row], current[row], kept, twice, leak)
