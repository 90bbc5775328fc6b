"""Kernels of the activations and of their derivatives: one pass over a layer each.

They are the functions of `activations` of the package above. A new one is a pair of
functions here, and an entry in the table at the end.

``apply(Z, intercepts, inputs)`` adds the intercepts of a layer to its units, ``Z :
(n_units, n_rows)``, and applies the activation, in place. Where the derivative is a
function of what the activation was given, `inputs` gets that; otherwise it is `Z`.

``multiply_derivative(inputs, delta, sums)`` multiplies `delta` by the derivative, in
place, and writes the sum of each unit over the rows: the gradient of the intercepts.
"""

import math
from functools import cache

from numba import types

from .. import activations
from .elementary import exp, normal, tanh
from .jit import address_of, array_of, kernel, number_type, summing_kernel

__all__ = ["addresses_of_activation", "is_compiled_activation"]

_NORMAL_DENSITY = 1 / math.sqrt(2 * math.pi)
# Beyond it the normal density is zero.
_TAIL = 40.0


@summing_kernel
def _sum(values, row):
    total = values.dtype.type(0)
    for i in range(values.shape[1]):
        total += values[row, i]
    return total


def _identity(Z, intercepts, inputs):
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            Z[unit, i] += intercepts[unit]


def _identity_derivative(inputs, delta, sums):
    for unit in range(delta.shape[0]):
        sums[unit] = _sum(delta, unit)


def _relu(Z, intercepts, inputs):
    zero = Z.dtype.type(0)
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            z = Z[unit, i] + intercepts[unit]
            # NaN is not below zero.
            Z[unit, i] = zero if z < zero else z


def _relu_derivative(inputs, delta, sums):
    zero, one = delta.dtype.type(0), delta.dtype.type(1)
    for unit in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            delta[unit, i] *= one if inputs[unit, i] > zero else zero
        sums[unit] = _sum(delta, unit)


def _tanh(Z, intercepts, inputs):
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            Z[unit, i] = tanh(Z[unit, i] + intercepts[unit])


def _tanh_derivative(inputs, delta, sums):
    one = delta.dtype.type(1)
    for unit in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            h = inputs[unit, i]
            delta[unit, i] *= one - h * h
        sums[unit] = _sum(delta, unit)


@kernel
def _sigmoid(z):
    return 1.0 / (1.0 + exp(-z))


def _logistic(Z, intercepts, inputs):
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            Z[unit, i] = _sigmoid(Z[unit, i] + intercepts[unit])


def _logistic_derivative(inputs, delta, sums):
    one = delta.dtype.type(1)
    for unit in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            h = inputs[unit, i]
            delta[unit, i] *= h * (one - h)
        sums[unit] = _sum(delta, unit)


def _gelu(Z, intercepts, inputs):
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            z = Z[unit, i] + intercepts[unit]
            inputs[unit, i] = z
            Z[unit, i] = z * normal(z)[0]


def _gelu_derivative(inputs, delta, sums):
    for unit in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            z = float(inputs[unit, i])
            near = _TAIL if z > _TAIL else (-_TAIL if z < -_TAIL else z)
            below, density = normal(near)
            delta[unit, i] *= near * (_NORMAL_DENSITY * density) + below
        sums[unit] = _sum(delta, unit)


def _silu(Z, intercepts, inputs):
    for unit in range(Z.shape[0]):
        for i in range(Z.shape[1]):
            z = Z[unit, i] + intercepts[unit]
            inputs[unit, i] = z
            Z[unit, i] = z * _sigmoid(z)


def _silu_derivative(inputs, delta, sums):
    for unit in range(delta.shape[0]):
        for i in range(delta.shape[1]):
            z = float(inputs[unit, i])
            sigmoid = _sigmoid(z)
            delta[unit, i] *= sigmoid * (1.0 + z * (1.0 - sigmoid))
        sums[unit] = _sum(delta, unit)


_KERNELS = {
    "identity": (_identity, _identity_derivative),
    "logistic": (_logistic, _logistic_derivative),
    "tanh": (_tanh, _tanh_derivative),
    "relu": (_relu, _relu_derivative),
    "gelu": (_gelu, _gelu_derivative),
    "silu": (_silu, _silu_derivative),
}


def is_compiled_activation(network):
    """Whether there are kernels of a network's activation: of that of the package."""
    activation = network.activation
    functions = activation.apply, activation.multiply_derivative
    # Others may have put another one in its place.
    is_own = all(
        getattr(each, "__module__", None) == activations.__name__ for each in functions
    )
    return is_own and network.activation_name in _KERNELS


@cache
def addresses_of_activation(name, dtype):
    """The addresses of both kernels of an activation."""
    number = number_type(dtype)
    matrix, vector = array_of(number, 2), array_of(number)
    apply, multiply_derivative = _KERNELS[name]
    return (
        address_of(apply, types.void(matrix, vector, matrix)),
        address_of(multiply_derivative, types.void(matrix, matrix, vector)),
    )
