"""Activations of the hidden layers.

Each is a pair of in-place functions on feature-major arrays ``(n_models, n_units,
n_rows)``::

    apply(H)                        H <- phi(H)
    multiply_derivative(H, delta)   delta <- delta * phi'(Z), with H = phi(Z)

All four derivatives are functions of the activation's value, so the pre-activation
is never kept.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import expit

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """One activation; `init_gain` is the numerator of the Glorot bound.

    Weights and intercepts start uniform in ``+-sqrt(init_gain / (fan_in + fan_out))``
    (Glorot & Bengio 2010; 2 for the logistic function, whose slope at zero is 1/4,
    6 otherwise, as in scikit-learn).
    """

    apply: Callable
    multiply_derivative: Callable
    init_gain: float = 6.0


@lru_cache(maxsize=8)
def _zeros(shape, dtype):
    zeros = np.zeros(shape, dtype=dtype)
    zeros.flags.writeable = False
    return zeros


def _identity(H):
    pass


def _identity_derivative(H, delta):
    pass


def _logistic(H):
    expit(H, out=H)


def _logistic_derivative(H, delta):
    delta *= H
    delta *= 1 - H


def _tanh(H):
    np.tanh(H, out=H)


def _tanh_derivative(H, delta):
    slope = H * H
    np.subtract(1, slope, out=slope)
    delta *= slope


def _relu(H):
    # Against an array of zeros `maximum` is vectorized, against a scalar it is not
    # (2 to 4 times slower).
    np.maximum(H, _zeros(H.shape[-2:], H.dtype), out=H)


def _relu_derivative(H, delta):
    # A product with the mask costs a fifth of assigning through it.
    delta *= H > 0


ACTIVATIONS = {
    "identity": Activation(_identity, _identity_derivative),
    "logistic": Activation(_logistic, _logistic_derivative, init_gain=2.0),
    "tanh": Activation(_tanh, _tanh_derivative),
    "relu": Activation(_relu, _relu_derivative),
}
