"""Kernels of periodic features: a layer of waves below the dense ones.

They do what `periodic.PeriodicRows` of the package above does, for one network. Its
turns are a matrix ``(n_embedded * 2, k)``, of each embedded input the frequencies and
the phases, and its mixing matrices are one of shape ``(n_embedded * m, k)``.
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


def _embed(turns, mixing, inputs, X, outputs, waves):
    """Write what the first dense layer sees of some rows.

    Parameters
    ----------
    turns : array of shape (n_embedded * 2, k)
    mixing : array of shape (n_embedded * m, k)
    inputs : array of int of shape (n_embedded,)
    X : array of shape (n_rows, n_inputs)
    outputs : array of shape (n_inputs + n_embedded * m, n_rows)
        Gets the rows, feature by feature, and their features.
    waves : array of shape (n_embedded * k, n_rows)
        Gets the waves, which the gradient is a function of.
    """
    n_rows, n_inputs = X.shape
    n_mixtures, k = mixing.shape
    m = n_mixtures // len(inputs)
    for feature in range(n_inputs):
        for i in range(n_rows):
            outputs[feature, i] = X[i, feature]
    for e in range(len(inputs)):
        x = vector(outputs, inputs[e] * n_rows, n_rows)
        for o in range(e * m, (e + 1) * m):
            feature = vector(outputs, (n_inputs + o) * n_rows, n_rows)
            for i in range(n_rows):
                feature[i] = 0
        for j in range(k):
            frequency, phase = turns[2 * e, j], turns[2 * e + 1, j]
            wave = vector(waves, (e * k + j) * n_rows, n_rows)
            for i in range(n_rows):
                wave[i] = cos_of_turns(frequency * x[i] + phase)
            for o in range(e * m, (e + 1) * m):
                feature = vector(outputs, (n_inputs + o) * n_rows, n_rows)
                share = mixing[o, j]
                for i in range(n_rows):
                    feature[i] += share * wave[i]


def _gradient(
    turns, mixing, inputs, outputs, waves, slopes, turns_gradient, mixing_gradient
):
    """Write the gradients of turns and mixing matrices.

    Parameters
    ----------
    turns, mixing, inputs, outputs, waves
        As for `_embed`, which has been called. The waves are overwritten.
    slopes : array of shape (n_embedded * m, n_rows)
        The gradient by the features.
    turns_gradient : array of shape (n_embedded * 2, k)
    mixing_gradient : array of shape (n_embedded * m, k)
    """
    n_rows = outputs.shape[1]
    n_mixtures, k = mixing.shape
    m = n_mixtures // len(inputs)
    whole_turn = waves.dtype.type(-2 * math.pi)
    for e in range(len(inputs)):
        x = vector(outputs, inputs[e] * n_rows, n_rows)
        for j in range(k):
            frequency, phase = turns[2 * e, j], turns[2 * e + 1, j]
            wave = vector(waves, (e * k + j) * n_rows, n_rows)
            for o in range(e * m, (e + 1) * m):
                slope = vector(slopes, o * n_rows, n_rows)
                mixing_gradient[o, j] = _dot(wave, slope)
            # The gradient by the turns takes the place of the wave.
            for i in range(n_rows):
                wave[i] = 0
            for o in range(e * m, (e + 1) * m):
                share = whole_turn * mixing[o, j]
                slope = vector(slopes, o * n_rows, n_rows)
                for i in range(n_rows):
                    wave[i] += share * slope[i]
            for i in range(n_rows):
                wave[i] *= sin_of_turns(frequency * x[i] + phase)
            turns_gradient[2 * e, j] = _dot(wave, x)
            turns_gradient[2 * e + 1, j] = _sum(wave)


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
        address_of(_embed, types.void(matrix, matrix, inputs, *[matrix] * 3)),
        address_of(_gradient, types.void(matrix, matrix, inputs, *[matrix] * 5)),
    )


def addresses_of_waves(network, dtype):
    """The addresses of both kernels; zeros if no input of a network is embedded."""
    inputs, _ = embedding_of(network)
    return _compiled_addresses(dtype) if len(inputs) else (0, 0)
