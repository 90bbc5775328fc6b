"""Kernels of the losses: value and gradient of a minibatch in one go.

They are the functions of `losses` of the package above. A new one is a function here,
and an entry in the table at the end.

``kernel(parameter, raw, Y, weight, scale, delta, lines, total)`` adds the loss of some
rows, ``raw`` and ``Y : (n_outputs, n_rows)``, to the vector `total` of one number, and
writes `scale` times its gradient into `delta`. The vector `parameter` has the number
that the loss depends on, or one for each output. There may be no `weight`.
"""

import math
from functools import cache

import numpy as np
from numba import types

from .. import losses
from .elementary import exp
from .jit import address_of, array_of, kernel, number_type
from .primitives import vector

__all__ = ["N_LINES", "address_of_loss", "is_compiled_loss", "parameter_of"]

# How many vectors of the rows a kernel may use.
N_LINES = 2


@kernel
def _put(value, slope, output, i, weight, scale, delta, total):
    """Add the loss of a number, and write its slope."""
    factor = weight[i] if len(weight) else 1.0
    delta[output, i] = slope * (scale * factor)
    total[0] += value * factor


@kernel
def _sign(r):
    if r > 0:
        return 1.0
    if r < 0:
        return -1.0
    # Zero has none, and NaN stays NaN.
    return r


def _squared_error(parameter, raw, Y, weight, scale, delta, lines, total):
    for output in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            r = float(raw[output, i]) - float(Y[output, i])
            _put(0.5 * r * r, r, output, i, weight, scale, delta, total)


def _absolute_error(parameter, raw, Y, weight, scale, delta, lines, total):
    for output in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            r = float(raw[output, i]) - float(Y[output, i])
            _put(abs(r), _sign(r), output, i, weight, scale, delta, total)


def _quantile(parameter, raw, Y, weight, scale, delta, lines, total):
    for output in range(raw.shape[0]):
        level = parameter[min(output, len(parameter) - 1)]
        for i in range(raw.shape[1]):
            r = float(raw[output, i]) - float(Y[output, i])
            value = level * -r if r < 0 else (1 - level) * r
            slope = 0.5 * _sign(r) + (0.5 - level)
            _put(value, slope, output, i, weight, scale, delta, total)


def _huber(parameter, raw, Y, weight, scale, delta, lines, total):
    bound = parameter[0]
    for output in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            r = float(raw[output, i]) - float(Y[output, i])
            size = abs(r)
            inner = bound if size > bound else size
            value, slope = inner * (size - 0.5 * inner), math.copysign(inner, r)
            _put(value, slope, output, i, weight, scale, delta, total)


def _half_poisson(parameter, raw, Y, weight, scale, delta, lines, total):
    for output in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            z, y = float(raw[output, i]), float(Y[output, i])
            mean = exp(z)
            of_target = y * math.log(y) - y if y > 0 else -y
            value = mean - y * z + of_target
            _put(value, mean - y, output, i, weight, scale, delta, total)


def _half_binomial(parameter, raw, Y, weight, scale, delta, lines, total):
    for output in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            z, y = float(raw[output, i]), float(Y[output, i])
            smaller = exp(-abs(z))
            larger = 1.0 / (1.0 + smaller)
            probability = smaller * larger if z < 0 else larger
            positive = 0.0 if z < 0 else z
            value = positive + math.log1p(smaller) - y * z
            _put(value, probability - y, output, i, weight, scale, delta, total)


def _half_multinomial(parameter, raw, Y, weight, scale, delta, lines, total):
    n_outputs, n_rows = raw.shape
    # The largest raw prediction of each row, and the sum of exponentials.
    shift, powers = vector(lines, 0, n_rows), vector(lines, n_rows, n_rows)
    for i in range(n_rows):
        shift[i] = raw[0, i]
        powers[i] = 0.0
    for output in range(1, n_outputs):
        for i in range(n_rows):
            z = float(raw[output, i])
            shift[i] = shift[i] if z <= shift[i] else z
    for output in range(n_outputs):
        for i in range(n_rows):
            power = exp(raw[output, i] - shift[i])
            powers[i] += power
            delta[output, i] = power
    has_weight = len(weight) > 0
    for i in range(n_rows):
        factor = weight[i] if has_weight else 1.0
        total[0] += factor * (shift[i] + math.log(powers[i]))
        shift[i] = factor / powers[i]
    # From here on `shift` is the weight over the sum.
    for output in range(n_outputs):
        for i in range(n_rows):
            factor = weight[i] if has_weight else 1.0
            y = factor * Y[output, i]
            total[0] -= y * raw[output, i]
            delta[output, i] = scale * (delta[output, i] * shift[i] - y)


_KERNELS = {
    losses.SquaredError: _squared_error,
    losses.AbsoluteError: _absolute_error,
    losses.Huber: _huber,
    losses.Quantile: _quantile,
    losses.HalfPoisson: _half_poisson,
    losses.HalfBinomial: _half_binomial,
    losses.HalfMultinomial: _half_multinomial,
}


def is_compiled_loss(loss):
    """Whether there is a kernel of a loss: of this very class, not of a subclass."""
    return type(loss) in _KERNELS


def parameter_of(loss):
    """The numbers that a loss depends on, of one parameter at most."""
    numbers = next((getattr(loss, name) for name in loss.parameters), ())
    return np.atleast_1d(np.asarray(numbers, dtype=np.float64))


@cache
def address_of_loss(kind, dtype):
    """The address of the kernel of a kind of loss."""
    number, wide = number_type(dtype), types.float64
    signature = types.void(
        array_of(wide),
        array_of(number, 2),
        array_of(number, 2, is_read=True),
        array_of(wide),
        wide,
        array_of(number, 2),
        array_of(wide),
        array_of(wide),
    )
    return address_of(_KERNELS[kind], signature)
