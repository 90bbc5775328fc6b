"""Kernels of periodic features: a layer of waves below the dense ones.

They do what `periodic.PeriodicRows` of the package above does, for one network. The
parameters of a network's waves are a matrix ``(n_embedded * (2 + m), k)``: of each
embedded input the frequencies, the phases, and ``m`` rows of its mixing matrix.
"""

import math
from functools import cache

import numpy as np
from numba import types

from .elementary import cos_of_turns, sin_of_turns
from .jit import address_of, array_of, number_type, summing_kernel
from .primitives import vector

__all__ = ["addresses_of_waves", "embedding_of"]


@summing_kernel
def _dot(one, other):
    total = one.dtype.type(0)
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@summing_kernel
def _sum(values):
    total = values.dtype.type(0)
    for i in range(len(values)):
        total += values[i]
    return total


def _embed(parameters, inputs, X, outputs, waves):
    """Write what the first dense layer sees of some rows.

    Parameters
    ----------
    parameters : array of shape (n_embedded * (2 + m), k)
    inputs : array of int of shape (n_embedded,)
    X : array of shape (n_rows, n_inputs)
    outputs : array of shape (n_inputs + n_embedded * m, n_rows)
        Gets the rows, feature by feature, and their features.
    waves : array of shape (n_embedded * k, n_rows)
        Gets the waves, which the gradient is a function of.
    """
    n_rows, n_inputs = X.shape
    n_lines, k = parameters.shape
    m = n_lines // len(inputs) - 2
    for feature in range(n_inputs):
        for i in range(n_rows):
            outputs[feature, i] = X[i, feature]
    for e in range(len(inputs)):
        x = vector(outputs, inputs[e] * n_rows, n_rows)
        line, first = e * (2 + m), n_inputs + e * m
        for o in range(m):
            feature = vector(outputs, (first + o) * n_rows, n_rows)
            for i in range(n_rows):
                feature[i] = 0
        for j in range(k):
            frequency, phase = parameters[line, j], parameters[line + 1, j]
            wave = vector(waves, (e * k + j) * n_rows, n_rows)
            for i in range(n_rows):
                wave[i] = cos_of_turns(frequency * x[i] + phase)
            for o in range(m):
                share = parameters[line + 2 + o, j]
                feature = vector(outputs, (first + o) * n_rows, n_rows)
                for i in range(n_rows):
                    feature[i] += share * wave[i]


def _gradient(parameters, inputs, outputs, waves, slopes, gradient):
    """Write the gradient of the parameters.

    Parameters
    ----------
    parameters, inputs, outputs, waves
        As for `_embed`, which has been called. The waves are overwritten.
    slopes : array of shape (n_embedded * m, n_rows)
        The gradient by the features.
    gradient : array of shape (n_embedded * (2 + m), k)
    """
    n_rows = outputs.shape[1]
    n_lines, k = parameters.shape
    m = n_lines // len(inputs) - 2
    turn = waves.dtype.type(-2 * math.pi)
    for e in range(len(inputs)):
        x, line = vector(outputs, inputs[e] * n_rows, n_rows), e * (2 + m)
        for j in range(k):
            frequency, phase = parameters[line, j], parameters[line + 1, j]
            wave = vector(waves, (e * k + j) * n_rows, n_rows)
            for o in range(m):
                slope = vector(slopes, (e * m + o) * n_rows, n_rows)
                gradient[line + 2 + o, j] = _dot(wave, slope)
            # The gradient by the turns takes the place of the wave.
            for i in range(n_rows):
                wave[i] = 0
            for o in range(m):
                share = turn * parameters[line + 2 + o, j]
                slope = vector(slopes, (e * m + o) * n_rows, n_rows)
                for i in range(n_rows):
                    wave[i] += share * slope[i]
            for i in range(n_rows):
                wave[i] *= sin_of_turns(frequency * x[i] + phase)
            gradient[line, j] = _dot(wave, x)
            gradient[line + 1, j] = _sum(wave)


def embedding_of(network):
    """The embedded inputs of a network, and the number of frequencies of each."""
    layer = network.periodic
    if layer is None:
        return np.empty(0, np.int64), 0
    return layer.inputs.astype(np.int64), layer.n_frequencies


@cache
def _compiled_addresses(dtype):
    matrix = array_of(number_type(dtype), 2)
    inputs = array_of(types.int64)
    return (
        address_of(_embed, types.void(matrix, inputs, matrix, matrix, matrix)),
        address_of(_gradient, types.void(matrix, inputs, *[matrix] * 4)),
    )


def addresses_of_waves(network, dtype):
    """The addresses of both kernels; zeros if no input of a network is embedded."""
    inputs, _ = embedding_of(network)
    return _compiled_addresses(dtype) if len(inputs) else (0, 0)
