"""Kernels of the two passes of a minibatch through a network."""

from functools import cache

from numba import types

from .jit import address_of, array_of, kernel, number_type
from .layout import (
    ACTIVATION,
    DELTAS_AT,
    DERIVATIVE,
    EMBED,
    EMBEDDED_AT,
    GRADIENT_AT,
    HIDDEN_AT,
    INPUTS_AT,
    LINE_AT,
    OUTGOING_AT,
    OUTPUT_DELTA_AT,
    PRODUCT,
    RAW_AT,
    SPARSE_GRADIENT,
    SPARSE_PRODUCT,
    TRANSPOSED_AT,
    WAVE_GRADIENT,
    WAVE_SLOPES_AT,
    WAVES_AT,
    X_AT,
    hidden_units,
    n_before_layers,
    n_transposed,
    sizes_of_waves,
)
from .primitives import call, matrix, product, vector

__all__ = ["addresses_of_passes"]


@kernel
def _multiply(A, B, out):
    for unit in range(A.shape[0]):
        for i in range(A.shape[1]):
            out[unit, i] = A[unit, i] * B[unit, i]


@kernel
def _is_sparse(places):
    """Whether the rows are not gathered: then there is no room for them."""
    return places[X_AT] == places[HIDDEN_AT]


@kernel
def _parameters_of_waves(layer_units, array, embedding):
    """The turns and mixing matrices in an array of the parameters' shape."""
    n_frequencies = embedding[1]
    n_turns, n_features, _ = sizes_of_waves(layer_units, len(array), embedding)
    start = n_turns * n_frequencies
    return (
        matrix(array, 0, n_turns, n_frequencies),
        matrix(array, start, n_features, n_frequencies),
    )


@kernel
def _embedded_and_waves(layer_units, embedding, n_rows, memory, places):
    """What the first dense layer sees of the rows, and the waves in it."""
    inputs, n_frequencies = embedding
    return (
        matrix(memory, places[EMBEDDED_AT], layer_units[0], n_rows),
        matrix(memory, places[WAVES_AT], len(inputs) * n_frequencies, n_rows),
    )


def _forward(
    addresses, layer_units, w, csr, embedding, minibatch, masks, memory, places
):
    """Write the raw predictions of the rows that have been loaded.

    Parameters
    ----------
    addresses, layer_units, memory, places
        As for `_train`.
    w : array of shape (n_params,)
    csr : tuple of array
        The three arrays of a CSR matrix.
    embedding : tuple
        The embedded inputs, and the number of frequencies of each.
    minibatch : array of int of shape (n_rows,)
    masks : array of shape (n_hidden_units * n_rows,) or (0,)
    """
    n_layers, n_rows = len(layer_units) - 1, len(minibatch)
    start, unit = n_before_layers(layer_units, len(w)), 0
    for layer in range(n_layers):
        fan_in, fan_out = layer_units[layer], layer_units[layer + 1]
        W = matrix(w, start, fan_in, fan_out)
        intercepts = vector(w, start + fan_in * fan_out, fan_out)
        is_last, here = layer == n_layers - 1, unit * n_rows
        place = places[RAW_AT] if is_last else places[HIDDEN_AT] + here
        Z = matrix(memory, place, fan_out, n_rows)
        if layer > 0:
            place = places[OUTGOING_AT] + here - fan_in * n_rows
            incoming = matrix(memory, place, fan_in, n_rows)
            product(addresses[PRODUCT], W, True, incoming, False, Z)
        elif start > 0:
            _, _, n_inputs = sizes_of_waves(layer_units, len(w), embedding)
            X = matrix(memory, places[X_AT], n_rows, n_inputs)
            parameters = _parameters_of_waves(layer_units, w, embedding)
            embedded, waves = _embedded_and_waves(
                layer_units, embedding, n_rows, memory, places
            )
            given = *parameters, embedding[0], X, embedded, waves
            call(addresses[EMBED], given)
            product(addresses[PRODUCT], W, True, embedded, False, Z)
        elif _is_sparse(places):
            line = vector(memory, places[LINE_AT], fan_out)
            call(addresses[SPARSE_PRODUCT], (csr, minibatch, W, line, Z))
        else:
            X = matrix(memory, places[X_AT], n_rows, fan_in)
            product(addresses[PRODUCT], W, True, X, True, Z)
        if is_last:
            for output in range(fan_out):
                for i in range(n_rows):
                    Z[output, i] += intercepts[output]
        else:
            inputs = matrix(memory, places[INPUTS_AT] + here, fan_out, n_rows)
            call(addresses[ACTIVATION], (Z, intercepts, inputs))
            if len(masks):
                outgoing = matrix(memory, places[OUTGOING_AT] + here, fan_out, n_rows)
                _multiply(Z, matrix(masks, here, fan_out, n_rows), outgoing)
        unit += fan_out
        start += (fan_in + 1) * fan_out


def _backward(
    addresses, layer_units, w, csr, embedding, minibatch, masks, memory, places
):
    """Write the gradient of all parameters, from that of the raw predictions.

    The parameters are those of `_forward`, which has been called.
    """
    n_layers, n_rows = len(layer_units) - 1, len(minibatch)
    n_outputs, end = layer_units[n_layers], len(w)
    unit = hidden_units(layer_units)
    gradient = vector(memory, places[GRADIENT_AT], len(w))
    delta = matrix(memory, places[OUTPUT_DELTA_AT], n_outputs, n_rows)
    for output in range(n_outputs):
        total = delta.dtype.type(0)
        for i in range(n_rows):
            total += delta[output, i]
        gradient[end - n_outputs + output] = total
    for layer in range(n_layers - 1, -1, -1):
        fan_in, fan_out = layer_units[layer], layer_units[layer + 1]
        start = end - (fan_in + 1) * fan_out
        G = matrix(gradient, start, fan_in, fan_out)
        if layer > 0:
            unit -= fan_in
            here = unit * n_rows
            incoming = matrix(memory, places[OUTGOING_AT] + here, fan_in, n_rows)
            product(addresses[PRODUCT], incoming, False, delta, True, G)
            W = matrix(w, start, fan_in, fan_out)
            below = matrix(memory, places[DELTAS_AT] + here, fan_in, n_rows)
            product(addresses[PRODUCT], W, False, delta, False, below)
            if len(masks):
                _multiply(below, matrix(masks, here, fan_in, n_rows), below)
            inputs = matrix(memory, places[INPUTS_AT] + here, fan_in, n_rows)
            # The intercepts of the layer below stand just before these weights.
            intercepts = vector(gradient, start - fan_in, fan_in)
            call(addresses[DERIVATIVE], (inputs, below, intercepts))
            delta, end = below, start
        elif start > 0:
            embedded, waves = _embedded_and_waves(
                layer_units, embedding, n_rows, memory, places
            )
            product(addresses[PRODUCT], embedded, False, delta, True, G)
            _, n_features, n_inputs = sizes_of_waves(layer_units, len(w), embedding)
            W = matrix(w, start + n_inputs * fan_out, n_features, fan_out)
            slopes = matrix(memory, places[WAVE_SLOPES_AT], n_features, n_rows)
            product(addresses[PRODUCT], W, False, delta, False, slopes)
            parameters = _parameters_of_waves(layer_units, w, embedding)
            gradients = _parameters_of_waves(layer_units, gradient, embedding)
            of_rows = embedding[0], embedded, waves, slopes
            call(addresses[WAVE_GRADIENT], (*parameters, *of_rows, *gradients))
        elif _is_sparse(places):
            line = vector(memory, places[LINE_AT], fan_out)
            call(addresses[SPARSE_GRADIENT], (csr, minibatch, delta, line, G))
        else:
            X = matrix(memory, places[X_AT], n_rows, fan_in)
            if n_transposed(fan_in, fan_out):
                T = matrix(memory, places[TRANSPOSED_AT], fan_out, fan_in)
                product(addresses[PRODUCT], delta, False, X, False, T)
                for feature in range(fan_in):
                    for unit in range(fan_out):
                        G[feature, unit] = T[unit, feature]
            else:
                product(addresses[PRODUCT], X, True, delta, True, G)


@cache
def addresses_of_passes(dtype, index_dtype):
    """The addresses of both kernels, for indices of CSR matrices of a dtype."""
    number, index, whole = number_type(dtype), number_type(index_dtype), types.int64
    csr = (
        array_of(number, is_read=True),
        array_of(index, is_read=True),
        array_of(index, is_read=True),
    )
    signature = types.void(
        array_of(whole),
        array_of(whole),
        array_of(number),
        types.Tuple(csr),
        types.Tuple((array_of(whole), whole)),
        array_of(whole),
        array_of(number, is_read=True),
        array_of(number),
        array_of(whole),
    )
    return address_of(_forward, signature), address_of(_backward, signature)
