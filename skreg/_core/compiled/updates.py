"""Kernels of Adam and SGD with the proximal steps of the penalties.

They do what `optimizers` and `penalties` of the package above do, on the same moments
and counters, so that one can go on where the other has stopped; but they take one model
at a time, and read and write each of its parameters once.

A kernel of an optimizer makes one step of a model. Its arguments are

- `layer_units`;
- `n_turns`, the number of frequencies and phases, with which the parameters begin and
  which have no penalty; then come the other parameters of waves, which have one;
- `arrays`: parameters, their gradient (overwritten), and the moments;
- `counters` and `numbers`: vectors in the order of `COUNTERS` and `NUMBERS`;
- `rate`, the learning rate;
- `labels` and `firsts`, the group of each row of the first layer and the first row of
  each group, and `groups`, a table with a row for each of `GROUP_NUMBERS`, where inputs
  are penalized.

What differs between the penalties of inputs is the slope at a norm. A kernel of such a
penalty writes the slopes of a model's groups: ``kernel(numbers, groups)``.
"""

import math
from functools import cache

import numpy as np
from numba import types

from .. import optimizers, penalties
from .jit import address_of, array_of, kernel, number_type, summing_kernel
from .layout import n_before_layers
from .primitives import matrix, vector

__all__ = [
    "BATCH_NUMBERS",
    "COUNTERS",
    "GROUP_NUMBERS",
    "NUMBERS",
    "addresses_of_input_penalty",
    "address_of_update",
    "is_compiled_optimizer",
    "is_compiled_input_penalty",
]

# What the kernels read of the penalties and of waves, and what of the models.
BATCH_NUMBERS = ("l1", "l2", "feature_alpha", "feature_epsilon", "wave_rate")
_L1, _L2, _STRENGTH, _INPUT_EPSILON, _WAVE_RATE = range(5)
NUMBERS = ("momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon")
_MOMENTUM, _NESTEROV, _BETA_1, _BETA_2, _EPSILON = range(5, 10)

COUNTERS = ("_n_steps", "_m_scale", "_v_scale")
_N_STEPS, _M_SCALE, _V_SCALE = range(3)

# The number of weights in the first layer, and the root of the number of inputs. Then
# what changes: the norm of the weights, the slope of the penalty, and its step.
GROUP_NUMBERS = ("n_weights", "root_size", "norm", "slope", "step")
_N_WEIGHTS, _ROOT_SIZE, _NORM, _SLOPE, _STEP = range(5)

# Smallest scale that is kept outside of a moment; see `optimizers.Adam`.
_SMALLEST_SCALE = 1e-10
_MACHINE_EPSILON = float(np.finfo(np.float64).eps)


@kernel
def _shrink(w, threshold):
    """Soft-threshold one weight: the proximal step of L1."""
    # A weight that is NaN, or infinite, stays so.
    return w - min(max(w, -threshold), threshold)


@kernel
def _sgd_part(arrays, start, size, l2, threshold, numbers, rate):
    """A step of some weights, or of what has no penalty: intercepts and turns."""
    w, g, u = (
        vector(arrays[0], start, size),
        vector(arrays[1], start, size),
        vector(arrays[2], start, size),
    )
    number = w.dtype.type
    l2, threshold = number(l2), number(threshold)
    momentum, rate = number(numbers[_MOMENTUM]), number(rate)
    is_nesterov = numbers[_NESTEROV] > 0
    for i in range(size):
        slope = rate * (g[i] + l2 * w[i])
        velocity = momentum * u[i] - slope
        u[i] = velocity
        move = momentum * velocity - slope if is_nesterov else velocity
        w[i] = _shrink(w[i] + move, threshold)


@kernel
def _proximal_step(numbers, rate):
    """The step that SGD gives the proximal operator; see `optimizers.SGD`."""
    return rate / max(1 - numbers[_MOMENTUM], _MACHINE_EPSILON)


@kernel
def _sgd_layers(layer_units, n_turns, arrays, numbers, rate):
    threshold = numbers[_L1] * _proximal_step(numbers, rate)
    start = n_before_layers(layer_units, len(arrays[0]))
    size, l2, slow = start - n_turns, numbers[_L2], numbers[_WAVE_RATE]
    _sgd_part(arrays, 0, n_turns, 0.0, 0.0, numbers, slow * rate)
    _sgd_part(arrays, n_turns, size, l2, slow * threshold, numbers, slow * rate)
    for layer in range(len(layer_units) - 1):
        fan_out = layer_units[layer + 1]
        size = layer_units[layer] * fan_out
        _sgd_part(arrays, start, size, numbers[_L2], threshold, numbers, rate)
        start += size
        _sgd_part(arrays, start, fan_out, 0.0, 0.0, numbers, rate)
        start += fan_out


def _sgd(layer_units, n_turns, arrays, counters, numbers, rate, labels, firsts, groups):
    _sgd_layers(layer_units, n_turns, arrays, numbers, rate)


@kernel
def _kept_scale(moment, scale):
    """The scale to go on with: itself, or 1 after it went into the moment."""
    if scale >= _SMALLEST_SCALE:
        return scale
    factor, zero = moment.dtype.type(scale), moment.dtype.type(0)
    smallest = np.finfo(moment.dtype).tiny
    for i in range(len(moment)):
        value = moment[i] * factor
        # Denormal numbers slow every later pass.
        moment[i] = zero if abs(value) < smallest else value
    return 1.0


@kernel
def _factors_of_adam(arrays, counters, numbers, rate):
    """Count a step; give the factors that all parameters share.

    These are the gradient's, the first moment's, epsilon, the update's, and the step
    that the proximal operator is given, which is yet to be divided by the root of the
    second moment. See `optimizers.Adam`.
    """
    beta_1, beta_2 = numbers[_BETA_1], numbers[_BETA_2]
    n_steps = counters[_N_STEPS] + 1.0
    m_scale = _kept_scale(arrays[2], counters[_M_SCALE] * beta_1)
    v_scale = _kept_scale(arrays[3], counters[_V_SCALE] * beta_2)
    counters[_N_STEPS] = n_steps
    counters[_M_SCALE], counters[_V_SCALE] = m_scale, v_scale
    scale = math.sqrt((1 - beta_2) / v_scale)
    gain = (1 - beta_1) / (m_scale * scale)
    v_root = math.sqrt(v_scale)
    step = rate * math.sqrt(1 - beta_2**n_steps) / v_root
    update = -step * m_scale / (1 - beta_1**n_steps)
    return scale, gain, numbers[_EPSILON] / v_root, update, step


@kernel
def _adam_part(arrays, start, size, l2, threshold, factors):
    """A step of some weights, or of what has no penalty: intercepts and turns."""
    w, g = vector(arrays[0], start, size), vector(arrays[1], start, size)
    M, V = vector(arrays[2], start, size), vector(arrays[3], start, size)
    number = w.dtype.type
    scale, gain = number(factors[0]), number(factors[1])
    epsilon, update = number(factors[2]), number(factors[3])
    l2 = number(l2)
    if threshold > 0:
        threshold = number(threshold)
        for i in range(size):
            slope = scale * (g[i] + l2 * w[i])
            m, v = M[i] + gain * slope, V[i] + slope * slope
            M[i], V[i] = m, v
            root = math.sqrt(v) + epsilon
            w[i] = _shrink(w[i] + update * (m / root), threshold / root)
    else:
        for i in range(size):
            slope = scale * (g[i] + l2 * w[i])
            m, v = M[i] + gain * slope, V[i] + slope * slope
            M[i], V[i] = m, v
            w[i] += update * (m / (math.sqrt(v) + epsilon))


@kernel
def _adam_layers(layer_units, n_turns, arrays, numbers, factors, has_first_weights):
    """A step of all layers; that of the first weights only if so asked."""
    threshold = numbers[_L1] * factors[4]
    start = n_before_layers(layer_units, len(arrays[0]))
    scale, gain, epsilon, update, step = factors
    size, l2, slow = start - n_turns, numbers[_L2], numbers[_WAVE_RATE]
    slowed = scale, gain, epsilon, slow * update, slow * step
    _adam_part(arrays, 0, n_turns, 0.0, 0.0, slowed)
    _adam_part(arrays, n_turns, size, l2, slow * threshold, slowed)
    for layer in range(len(layer_units) - 1):
        fan_out = layer_units[layer + 1]
        size = layer_units[layer] * fan_out
        if layer > 0 or has_first_weights:
            _adam_part(arrays, start, size, numbers[_L2], threshold, factors)
        start += size
        _adam_part(arrays, start, fan_out, 0.0, 0.0, factors)
        start += fan_out


def _adam(
    layer_units, n_turns, arrays, counters, numbers, rate, labels, firsts, groups
):
    factors = _factors_of_adam(arrays, counters, numbers, rate)
    _adam_layers(layer_units, n_turns, arrays, numbers, factors, True)


# Steps with a penalty of the inputs.


@summing_kernel
def _sum_of_squares(W, row):
    total = W.dtype.type(0)
    for i in range(W.shape[1]):
        total += W[row, i] * W[row, i]
    return float(total)


@kernel
def _write_sums_of_squares(W, labels, groups, place):
    """Write the sum of squares of each group's rows into a row of the table."""
    for group in range(groups.shape[1]):
        groups[place, group] = 0.0
    for feature in range(len(labels)):
        groups[place, labels[feature]] += _sum_of_squares(W, feature)


@kernel
def _write_norms(W, labels, groups):
    _write_sums_of_squares(W, labels, groups, _NORM)
    for group in range(groups.shape[1]):
        groups[_NORM, group] = math.sqrt(groups[_NORM, group])


@kernel
def _first_layer(layer_units, array):
    start = n_before_layers(layer_units, len(array))
    return matrix(array, start, layer_units[0], layer_units[1])


@kernel
def _shrink_groups(layer_units, arrays, numbers, labels, groups):
    """Shrink each group's rows towards zero; see `penalties.InputPenalty.prox`.

    Norms are those of the result afterwards; slopes are still those before.
    """
    W = _first_layer(layer_units, arrays[0])
    _write_norms(W, labels, groups)
    smallest = np.finfo(W.dtype).tiny
    for group in range(groups.shape[1]):
        norm = groups[_NORM, group]
        weighted_step = groups[_ROOT_SIZE, group] * groups[_STEP, group]
        left = norm - numbers[_STRENGTH] * weighted_step * groups[_SLOPE, group]
        left = 0.0 if left < 0.0 else left
        groups[_NORM, group] = left
        # From here on it is what is left of the norm, as a share of it.
        groups[_STEP, group] = left / (smallest if norm < smallest else norm)
    for feature in range(len(labels)):
        factor = W.dtype.type(groups[_STEP, labels[feature]])
        for i in range(W.shape[1]):
            W[feature, i] *= factor


def _grouped_sgd(
    layer_units, n_turns, arrays, counters, numbers, rate, labels, firsts, groups
):
    _sgd_layers(layer_units, n_turns, arrays, numbers, rate)
    if numbers[_STRENGTH] > 0:
        for group in range(groups.shape[1]):
            groups[_STEP, group] = _proximal_step(numbers, rate)
        _shrink_groups(layer_units, arrays, numbers, labels, groups)


@kernel
def _tied_adam_part(layer_units, arrays, numbers, factors, labels, groups):
    """A step of a first layer whose groups of inputs have one second moment each."""
    W, G = _first_layer(layer_units, arrays[0]), _first_layer(layer_units, arrays[1])
    M, V = _first_layer(layer_units, arrays[2]), _first_layer(layer_units, arrays[3])
    number = W.dtype.type
    scale, gain = number(factors[0]), number(factors[1])
    epsilon, update = number(factors[2]), number(factors[3])
    l2, threshold = number(numbers[_L2]), number(numbers[_L1] * factors[4])
    for feature in range(W.shape[0]):
        for i in range(W.shape[1]):
            G[feature, i] = scale * (G[feature, i] + l2 * W[feature, i])
    _write_sums_of_squares(G, labels, groups, _STEP)
    for feature in range(W.shape[0]):
        group = labels[feature]
        mean = number(groups[_STEP, group] / groups[_N_WEIGHTS, group])
        for i in range(W.shape[1]):
            m, v = M[feature, i] + gain * G[feature, i], V[feature, i] + mean
            M[feature, i], V[feature, i] = m, v
            root = math.sqrt(v) + epsilon
            W[feature, i] = _shrink(
                W[feature, i] + update * (m / root), threshold / root
            )


def _grouped_adam(
    layer_units, n_turns, arrays, counters, numbers, rate, labels, firsts, groups
):
    factors = _factors_of_adam(arrays, counters, numbers, rate)
    is_tied = numbers[_STRENGTH] > 0
    _adam_layers(layer_units, n_turns, arrays, numbers, factors, not is_tied)
    if is_tied:
        _tied_adam_part(layer_units, arrays, numbers, factors, labels, groups)
        V = _first_layer(layer_units, arrays[3])
        for group in range(groups.shape[1]):
            root = math.sqrt(V[firsts[group], 0]) + factors[2]
            groups[_STEP, group] = factors[4] / root
        _shrink_groups(layer_units, arrays, numbers, labels, groups)


def _norms(
    layer_units, n_turns, arrays, counters, numbers, rate, labels, firsts, groups
):
    """Write the norms, from which a block of steps begins."""
    _write_norms(_first_layer(layer_units, arrays[0]), labels, groups)


def _slopes_of_lasso(numbers, groups):
    for group in range(groups.shape[1]):
        groups[_SLOPE, group] = 1.0


def _slopes_of_log_sum(numbers, groups):
    for group in range(groups.shape[1]):
        relative = groups[_NORM, group] / numbers[_INPUT_EPSILON]
        groups[_SLOPE, group] = 1.0 / (1.0 + relative)


# By the kind of optimizer: without a penalty of the inputs, and with one.
_STEPS = {
    optimizers.SGD: (_sgd, _grouped_sgd),
    optimizers.Adam: (_adam, _grouped_adam),
}
_SLOPES = {
    penalties.GroupLasso: _slopes_of_lasso,
    penalties.GroupLogSum: _slopes_of_log_sum,
}


def is_compiled_optimizer(kind):
    """Whether there is a kernel of a kind of optimizer: of this very class."""
    return kind in _STEPS


def is_compiled_input_penalty(penalty):
    """Whether there is a kernel of a penalty of inputs: of this very class."""
    return type(penalty) in _SLOPES


def _signature_of_step(dtype):
    number, whole, wide = number_type(dtype), types.int64, types.float64
    return types.void(
        array_of(whole),
        whole,
        types.UniTuple(array_of(number), 4),
        array_of(wide),
        array_of(wide),
        wide,
        array_of(whole),
        array_of(whole),
        array_of(wide, 2),
    )


@cache
def address_of_update(kind, has_input_penalty, dtype):
    """The address of the kernel of a kind of optimizer."""
    return address_of(_STEPS[kind][has_input_penalty], _signature_of_step(dtype))


@cache
def addresses_of_input_penalty(kind, dtype):
    """The addresses of the kernels of norms and of slopes; zeros if there is none."""
    if kind is None:
        return 0, 0
    signature = types.void(array_of(types.float64), array_of(types.float64, 2))
    return (
        address_of(_norms, _signature_of_step(dtype)),
        address_of(_SLOPES[kind], signature),
    )
