"""The exponential function and the hyperbolic tangent, for loops over many numbers.

The compiler computes several numbers of a loop at a time where no function of a library
is called in it, and these here become a part of it. They are computed in double
precision whatever they are given, and are exact to a few units in the last place.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import kernel

__all__ = ["exp", "tanh"]

_LOG2_E = 1.4426950408889634
# ln(2) in two parts: the first has so few digits that its multiples are exact (Cody &
# Waite 1980).
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-1, 1.90821492927058770002e-10

# The sum of this and a smaller number is rounded to an integer, which then stands in
# the lowest bits of the sum: 1.5 * 2^52.
_ROUNDING = 6755399441055744.0

# Beyond these the result is infinite, or smaller than the smallest normal number.
_LARGEST, _SMALLEST = 710.0, -708.0


@intrinsic
def _bits(typingctx, number):
    """The bits of a float64, as an integer."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _from_bits(typingctx, bits):
    """The float64 that has these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@kernel
def _reduced(x):
    """``(r, bits)`` with ``x = n ln(2) + r``, and ``n`` in the last bits."""
    shifted = x * _LOG2_E + _ROUNDING
    n = shifted - _ROUNDING
    return (x - n * _LN2_HIGH) - n * _LN2_LOW, _bits(shifted)


@kernel
def _exp_minus_one(r):
    """``exp(r) - 1`` for ``|r| <= ln(2) / 2``: twelve terms of Taylor's series."""
    p = 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 1 / 2
    p = p * r + 1.0
    return p * r


@kernel
def exp(x):
    """``exp(x)``: NaN of NaN, infinite above 709.8, and zero below -708."""
    x = float(x)
    x = _LARGEST if x > _LARGEST else x
    x = _SMALLEST if x < _SMALLEST else x
    r, n = _reduced(x)
    # Half of the power of two, so that its exponent fits, and twice the rest.
    half_power = _from_bits((n + 1022) << 52)
    return (2.0 + 2.0 * _exp_minus_one(r)) * half_power


@kernel
def tanh(x):
    """``tanh(x)``, by ``exp(-2 |x|) - 1``, which keeps the digits of small numbers."""
    x = float(x)
    doubled = -2.0 * abs(x)
    doubled = _SMALLEST if doubled < _SMALLEST else doubled
    r, n = _reduced(doubled)
    power = _from_bits((n + 1023) << 52)
    less_one = power * _exp_minus_one(r) + (power - 1.0)
    size = -less_one / (less_one + 2.0)
    return -size if x < 0 else size
