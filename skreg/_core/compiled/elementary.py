"""Exponential, hyperbolic tangent, normal distribution, waves: for loops over numbers.

The compiler computes several numbers of a loop at a time where no function of a library
is called in it, and these here become a part of it. They are computed in double
precision whatever they are given, and are exact to a few units in the last place.
Waves are computed in the precision of what they are given, twice as many floats at a
time as doubles.
"""

import math

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import inlined_kernel

__all__ = ["cos_of_turns", "exp", "normal", "sin_of_turns", "tanh"]

_LOG2_E = 1.4426950408889634
# ln(2) in two parts: the first has so few digits that its multiples are exact (Cody &
# Waite 1980).
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-1, 1.90821492927058770002e-10

# The sum of this and a smaller number is rounded to an integer, which then stands in
# the lowest bits of the sum: 1.5 * 2^52.
_ROUNDING = 6755399441055744.0

# Beyond these the result is infinite, or smaller than the smallest normal number.
_LARGEST, _SMALLEST = 710.0, -708.0

_ROOT_HALF = math.sqrt(0.5)


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


@inlined_kernel
def _reduced(x):
    """``(r, bits)`` with ``x = n ln(2) + r``, and ``n`` in the last bits."""
    shifted = x * _LOG2_E + _ROUNDING
    n = shifted - _ROUNDING
    return (x - n * _LN2_HIGH) - n * _LN2_LOW, _bits(shifted)


@inlined_kernel
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


@inlined_kernel
def exp(x):
    """``exp(x)``: NaN of NaN, infinite above 709.8, and 3e-308 below -708."""
    x = float(x)
    x = _LARGEST if x > _LARGEST else x
    x = _SMALLEST if x < _SMALLEST else x
    r, n = _reduced(x)
    # Half of the power of two, so that its exponent fits, and twice the rest.
    half_power = _from_bits((n + 1022) << 52)
    return (2.0 + 2.0 * _exp_minus_one(r)) * half_power


@inlined_kernel
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


@inlined_kernel
def _scaled_erfc(u):
    """``exp(x^2) erfc(x) / t`` with ``t = 3 / (3 + x)`` and ``u = 2 t - 1``.

    The polynomial that meets it at Chebyshev's nodes, computed with fifty digits; it is
    off by 1e-15 at most.
    """
    p = 1.410965418710444e-09
    p = p * u - 1.1800589059448242e-09
    p = p * u - 1.3529981324591117e-08
    p = p * u + 1.6639550520380793e-08
    p = p * u + 7.321488451829213e-08
    p = p * u - 1.3722452858870137e-07
    p = p * u - 3.2899595979407735e-07
    p = p * u + 9.225926033647226e-07
    p = p * u + 1.5809024846152639e-06
    p = p * u - 5.823870436897067e-06
    p = p * u - 1.0131961854203563e-05
    p = p * u + 3.5853931230290156e-05
    p = p * u + 9.225911748086809e-05
    p = p * u - 0.00018276991665351326
    p = p * u - 0.001011353979653304
    p = p * u - 0.0004041388735281984
    p = p * u + 0.008942411540157038
    p = p * u + 0.03984258709563093
    p = p * u + 0.10348908730022251
    p = p * u + 0.19674278570137047
    p = p * u + 0.2944648177232944
    p = p * u + 0.3580023023627799
    return p


@inlined_kernel
def normal(z):
    """The normal distribution function, and ``exp(-z^2 / 2)``.

    The function is ``erfc(-z / sqrt(2)) / 2``, which keeps its digits far below zero.
    """
    x = _ROOT_HALF * abs(float(z))
    t = 3.0 / (3.0 + x)
    density = exp(-x * x)
    tail = 0.5 * density * t * _scaled_erfc(2.0 * t - 1.0)
    return (1.0 - tail if z > 0 else tail), density


@intrinsic
def _nearest(typingctx, number):
    """The integer nearest to a number, of its type."""

    def generate(context, builder, signature, arguments):
        kind = arguments[0].type
        return builder.call(
            builder.module.declare_intrinsic("llvm.rint", [kind]), arguments
        )

    return number(number), generate


@intrinsic
def _is_single(typingctx, number):
    """Whether a number is a float32; known when the function is compiled."""
    is_single = number == types.float32

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.boolean, is_single)

    return types.boolean(number), generate


@inlined_kernel
def _sine(q):
    """``sin(2 pi q)`` for ``|q| <= 1/4``.

    ``q P(q^2)``, with the polynomials that meet ``sin(2 pi q) / q`` at Chebyshev's
    nodes, computed with fifty digits; they are off by 3e-19, and by 7e-9 for float32.
    """
    number, u = type(q), q * q
    if _is_single(q):
        p = number(39.7598270853191)
        p = p * u - number(76.58117264427872)
        p = p * u + number(81.60247636892518)
        p = p * u - number(41.34168061334652)
        p = p * u + number(6.283185280154407)
    else:
        p = number(0.10089695501646812)
        p = p * u - number(0.7177337921413454)
        p = p * u + number(3.8199280942271643)
        p = p * u - number(15.0946416761179)
        p = p * u + number(42.058693925428685)
        p = p * u - number(76.70585975282492)
        p = p * u + number(81.60524927607362)
        p = p * u - number(41.341702240399755)
        p = p * u + number(6.283185307179586)
    return p * q


@inlined_kernel
def cos_of_turns(turns):
    """``cos(2 pi turns)``, to about a unit in the last place of one.

    Whole turns are taken away exactly, so that no number is too large.
    """
    part = turns - _nearest(turns)
    return _sine(type(turns)(0.25) - abs(part))


@inlined_kernel
def sin_of_turns(turns):
    """``sin(2 pi turns)``, to the same accuracy."""
    part = turns - _nearest(turns)
    size = abs(part)
    # From a quarter of a turn on the sine comes back as it went.
    mirrored = type(turns)(0.5) - size
    sine = _sine(mirrored if mirrored < size else size)
    return -sine if part < 0 else sine
