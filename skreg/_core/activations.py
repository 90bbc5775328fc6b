"""Activations of the hidden layers.

Each is a pair of in-place functions on feature-major arrays ``(n_models, n_units,
n_rows)``::

    apply(H)                        H <- phi(H)
    multiply_derivative(H, delta)   delta <- delta * phi'(Z), with H = phi(Z)

Where the derivative is no function of the value, as of the two that are not monotonic,
`needs_input` says so, and it is handed ``Z`` in place of ``H``. Only then is a copy of
``Z`` kept. Every activation has ``|phi(z)| <= |z|`` or ``|phi(z)| <= 1``, on which
`soundness` relies.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import expit, ndtr

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """One activation.

    Attributes
    ----------
    apply, multiply_derivative : callable
        See above.
    init_gain : float
        The numerator of the Glorot bound: weights and intercepts start uniform in
        ``+-sqrt(init_gain / (fan_in + fan_out))`` (Glorot & Bengio 2010; 2 for the
        logistic function, whose slope at zero is 1/4, 6 otherwise, as in scikit-learn).
    needs_input : bool
        Whether `multiply_derivative` takes the input of `apply` instead of its result.
    steepest : float
        Not below any slope.
    """

    apply: Callable
    multiply_derivative: Callable
    init_gain: float = 6.0
    needs_input: bool = False
    steepest: float = 1.0


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


def _gelu(H):
    # The normal distribution function is (1 + erf(z / sqrt 2)) / 2, without its
    # cancellation far below zero.
    H *= ndtr(H)


# Beyond it the normal density is zero in float64, too, and its square is no infinity.
_TAIL = 40.0


def _gelu_derivative(Z, delta):
    near = np.clip(Z, -_TAIL, _TAIL)
    slope = near * near
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / math.sqrt(2 * math.pi)
    slope *= near
    slope += ndtr(Z)
    delta *= slope


def _silu(H):
    H *= expit(H)


def _silu_derivative(Z, delta):
    sigmoid = expit(Z)
    slope = 1 - sigmoid
    slope *= Z
    slope += 1
    slope *= sigmoid
    delta *= slope


# The steepest slopes: of gelu at sqrt(2), of silu at 2.3994.
ACTIVATIONS = {
    "identity": Activation(_identity, _identity_derivative),
    "logistic": Activation(_logistic, _logistic_derivative, init_gain=2.0),
    "tanh": Activation(_tanh, _tanh_derivative),
    "relu": Activation(_relu, _relu_derivative),
    # x Phi(x), exact (Hendrycks & Gimpel 2016).
    "gelu": Activation(_gelu, _gelu_derivative, needs_input=True, steepest=1.12905),
    # x sigmoid(x) (Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017).
    "silu": Activation(_silu, _silu_derivative, needs_input=True, steepest=1.09984),
}
