"""Blocks of minibatches through networks: all that a step of training does.

Networks come one after the other, each with all minibatches of a block, so that its
parameters and moments stay in cache meanwhile. What depends on the kind of network is
a kernel, which is called by its address.
"""

from functools import cache

import numpy as np
from numba import types

from .jit import array_of, compiled_for, kernel, number_type
from .primitives import call, matrix, product, vector

__all__ = ["ADDRESSES", "evaluator_for", "places_in_memory", "trainer_for"]

# What is called by its address; zero where it is not needed.
ADDRESSES = (
    "product",
    "activation",
    "derivative",
    "loss",
    "update",
    "norms",
    "slopes",
    "sparse_product",
    "sparse_gradient",
)
_PRODUCT, _ACTIVATION, _DERIVATIVE, _LOSS, _UPDATE, _NORMS, _SLOPES = range(7)
_SPARSE_PRODUCT, _SPARSE_GRADIENT = range(7, 9)

# Where the parts of a network's memory begin. Hidden layers stand one after the other,
# each as (n_units, n_rows).
_X, _HIDDEN, _INPUTS, _OUTGOING, _DELTAS = range(5)
_TARGETS, _RAW, _OUTPUT_DELTA, _GRADIENT, _LINE, _TRANSPOSED = range(5, 11)

# The gradient of a first layer of at most so many weights is computed transposed, which
# BLAS does faster (200 x 20 x 100: by a tenth in float64, by a third in float32), and
# put in its place; that of a larger one would leave the first-level cache.
_MOST_TRANSPOSED = 8_192


def n_transposed(fan_in, fan_out):
    """How many weights of a first layer have a transposed gradient: all or none."""
    n_weights = fan_in * fan_out
    return n_weights if n_weights <= _MOST_TRANSPOSED else 0


_n_transposed = kernel(n_transposed)


def places_in_memory(layer_units, n_rows, *, keeps_inputs, has_masks, is_sparse):
    """Where the parts of a network's memory begin, and last where it ends.

    Parameters
    ----------
    layer_units : sequence of int
    n_rows : int
    keeps_inputs : bool
        Whether derivatives are functions of what activations were given. If not, the
        place of these is that of the activations themselves.
    has_masks : bool
        Whether units are dropped. If not, what a layer is given are the activations.
    is_sparse : bool
        Whether the rows of X are gathered by the products themselves.

    Returns
    -------
    ndarray of int
    """
    n_inputs, *hidden, n_outputs = map(int, layer_units)
    n_hidden = sum(hidden) * n_rows
    pairs = zip(layer_units[:-1], layer_units[1:], strict=True)
    n_params = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairs)
    sizes = [
        0 if is_sparse else n_inputs * n_rows,
        n_hidden,
        n_hidden if keeps_inputs else 0,
        n_hidden if has_masks else 0,
        n_hidden,
        n_outputs * n_rows,
        n_outputs * n_rows,
        n_outputs * n_rows,
        n_params,
        layer_units[1],
        n_transposed(n_inputs, layer_units[1]),
    ]
    places = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    if not keeps_inputs:
        places[_INPUTS] = places[_HIDDEN]
    if not has_masks:
        places[_OUTGOING] = places[_HIDDEN]
    return places


@kernel
def _multiply(A, B, out):
    for unit in range(A.shape[0]):
        for i in range(A.shape[1]):
            out[unit, i] = A[unit, i] * B[unit, i]


@kernel
def _hidden_units(layer_units):
    total = 0
    for layer in range(1, len(layer_units) - 1):
        total += layer_units[layer]
    return total


@kernel
def _row(table, row):
    return vector(table, row * table.shape[1], table.shape[1])


@kernel
def _load(X, augmented, group, minibatch, memory, places):
    """Take the rows of a minibatch, unless the products of a sparse X do."""
    n_rows = len(minibatch)
    if len(augmented):
        n_features = augmented.shape[2]
        rows = matrix(memory, places[_X], n_rows, n_features)
        for i in range(n_rows):
            for feature in range(n_features):
                rows[i, feature] = augmented[group, i, feature]
    elif X.shape[0]:
        n_features = X.shape[1]
        rows = matrix(memory, places[_X], n_rows, n_features)
        for i in range(n_rows):
            row = minibatch[i]
            for feature in range(n_features):
                rows[i, feature] = X[row, feature]


@kernel
def _is_sparse(places):
    """Whether the rows are not gathered: then there is no room for them."""
    return places[_X] == places[_HIDDEN]


@kernel
def _gather_targets(Y, minibatch, targets):
    """Write the targets of some rows, ``(n_outputs, n_rows)``."""
    for output in range(targets.shape[0]):
        for i in range(targets.shape[1]):
            targets[output, i] = Y[minibatch[i], output]


@kernel
def _forward(addresses, layer_units, w, csr, minibatch, masks, memory, places):
    """Write the raw predictions of the rows that have been loaded.

    Parameters
    ----------
    addresses, layer_units, memory, places
        As for `_train`.
    w : array of shape (n_params,)
    csr : tuple of array
        The three arrays of a CSR matrix.
    minibatch : array of int of shape (n_rows,)
    masks : array of shape (n_hidden_units * n_rows,) or (0,)
    """
    n_layers, n_rows = len(layer_units) - 1, len(minibatch)
    start, unit = 0, 0
    for layer in range(n_layers):
        fan_in, fan_out = layer_units[layer], layer_units[layer + 1]
        W = matrix(w, start, fan_in, fan_out)
        intercepts = vector(w, start + fan_in * fan_out, fan_out)
        is_last, here = layer == n_layers - 1, unit * n_rows
        place = places[_RAW] if is_last else places[_HIDDEN] + here
        Z = matrix(memory, place, fan_out, n_rows)
        if layer > 0:
            place = places[_OUTGOING] + here - fan_in * n_rows
            incoming = matrix(memory, place, fan_in, n_rows)
            product(addresses[_PRODUCT], W, True, incoming, False, Z)
        elif _is_sparse(places):
            line = vector(memory, places[_LINE], fan_out)
            call(addresses[_SPARSE_PRODUCT], (csr, minibatch, W, line, Z))
        else:
            X = matrix(memory, places[_X], n_rows, fan_in)
            product(addresses[_PRODUCT], W, True, X, True, Z)
        if is_last:
            for output in range(fan_out):
                for i in range(n_rows):
                    Z[output, i] += intercepts[output]
        else:
            inputs = matrix(memory, places[_INPUTS] + here, fan_out, n_rows)
            call(addresses[_ACTIVATION], (Z, intercepts, inputs))
            if len(masks):
                outgoing = matrix(memory, places[_OUTGOING] + here, fan_out, n_rows)
                _multiply(Z, matrix(masks, here, fan_out, n_rows), outgoing)
        unit += fan_out
        start += (fan_in + 1) * fan_out


@kernel
def _backward(addresses, layer_units, w, csr, minibatch, masks, memory, places):
    """Write the gradient of all parameters, from that of the raw predictions.

    The parameters are those of `_forward`, which has been called.
    """
    n_layers, n_rows = len(layer_units) - 1, len(minibatch)
    n_outputs, end = layer_units[n_layers], len(w)
    unit = _hidden_units(layer_units)
    gradient = vector(memory, places[_GRADIENT], len(w))
    delta = matrix(memory, places[_OUTPUT_DELTA], n_outputs, n_rows)
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
            incoming = matrix(memory, places[_OUTGOING] + here, fan_in, n_rows)
            product(addresses[_PRODUCT], incoming, False, delta, True, G)
            W = matrix(w, start, fan_in, fan_out)
            below = matrix(memory, places[_DELTAS] + here, fan_in, n_rows)
            product(addresses[_PRODUCT], W, False, delta, False, below)
            if len(masks):
                _multiply(below, matrix(masks, here, fan_in, n_rows), below)
            inputs = matrix(memory, places[_INPUTS] + here, fan_in, n_rows)
            # The intercepts of the layer below stand just before these weights.
            intercepts = vector(gradient, start - fan_in, fan_in)
            call(addresses[_DERIVATIVE], (inputs, below, intercepts))
            delta, end = below, start
        elif _is_sparse(places):
            line = vector(memory, places[_LINE], fan_out)
            call(addresses[_SPARSE_GRADIENT], (csr, minibatch, delta, line, G))
        else:
            X = matrix(memory, places[_X], n_rows, fan_in)
            if _n_transposed(fan_in, fan_out):
                T = matrix(memory, places[_TRANSPOSED], fan_out, fan_in)
                product(addresses[_PRODUCT], delta, False, X, False, T)
                for feature in range(fan_in):
                    for unit in range(fan_out):
                        G[feature, unit] = T[unit, feature]
            else:
                product(addresses[_PRODUCT], X, True, delta, True, G)


def _train(
    addresses,
    loss_parameter,
    layer_units,
    ends,
    params,
    first,
    second,
    counters,
    numbers,
    labels,
    firsts,
    groups,
    X,
    data,
    indices,
    indptr,
    Y,
    rows,
    weight,
    rates,
    masks,
    augmented,
    augmented_Y,
    memory,
    places,
    lines,
    minibatch,
    losses,
):
    """Train a batch of networks on a block of minibatches.

    What there is none of is an array of length zero.

    Parameters
    ----------
    addresses : array of int
        In the order of `ADDRESSES`.
    loss_parameter : float
    layer_units : array of int of shape (n_layers + 1,)
    ends : array of int of shape (n_streams,)
        The numbers of models until the end of those that share minibatches.
    params, first, second : array of shape (n_models, n_params)
        Parameters and moments.
    counters, numbers : array of float of shape (n_models, n_values)
        See `updates`.
    labels, firsts, groups : array
        See `updates`.
    X, data, indices, indptr : array
        The inputs: a matrix, or the arrays of a CSR matrix.
    Y : array of shape (n_samples, n_outputs)
        All targets.
    rows : array of int of shape (n_streams, n_steps, n_rows)
    weight : array of float of shape (n_steps, n_streams, n_rows)
    rates : array of float of shape (n_steps or 1, n_models)
    masks : array of shape (n_models, n_hidden_units, n_rows)
    augmented : array of shape (n_streams, n_rows, n_features)
    augmented_Y : array of shape (n_steps, n_streams, n_outputs, n_rows)
        The rows and targets of a single minibatch, in place of those in X and Y.
    memory : array of shape (places[-1],)
    places : array of int
        See `places_in_memory`.
    lines : array of float of shape (n_lines, n_rows)
        For the weights of a minibatch first, and for the loss.
    minibatch : array of int of shape (n_rows,)
    losses : array of float of shape (n_models,)
        Gets the summed losses of the block's rows.
    """
    n_streams, n_steps, n_rows = rows.shape
    n_params, n_outputs = params.shape[1], layer_units[-1]
    n_masked = _hidden_units(layer_units) * n_rows if len(masks) else 0
    has_input_penalty = len(labels) > 0
    csr = data, indices, indptr
    raw = matrix(memory, places[_RAW], n_outputs, n_rows)
    targets = matrix(memory, places[_TARGETS], n_outputs, n_rows)
    output_delta = matrix(memory, places[_OUTPUT_DELTA], n_outputs, n_rows)
    gradient = vector(memory, places[_GRADIENT], n_params)
    row_weight = vector(lines, 0, n_rows if len(weight) else 0)
    loss_lines = vector(lines, n_rows, lines.size - n_rows)
    model = 0
    for stream in range(n_streams):
        while model < ends[stream]:
            w = _row(params, model)
            arrays = w, gradient, _row(first, model), _row(second, model)
            own_counters, own_numbers = _row(counters, model), _row(numbers, model)
            mask = vector(masks, model * n_masked, n_masked)
            total, rate = vector(losses, model, 1), rates[0, model]
            total[0] = 0.0
            model_at = (layer_units, arrays, own_counters, own_numbers)
            if has_input_penalty:
                call(addresses[_NORMS], (*model_at, rate, labels, firsts, groups))
            for step in range(n_steps):
                for i in range(n_rows):
                    minibatch[i] = rows[stream, step, i]
                _load(X, augmented, stream, minibatch, memory, places)
                here = layer_units, w, csr, minibatch, mask, memory, places
                _forward(addresses, *here)
                for i in range(len(row_weight)):
                    row_weight[i] = weight[step, stream, i]
                if len(augmented):
                    for output in range(n_outputs):
                        for i in range(n_rows):
                            targets[output, i] = augmented_Y[step, stream, output, i]
                else:
                    _gather_targets(Y, minibatch, targets)
                weighed = row_weight, 1.0 / n_rows
                results = output_delta, loss_lines, total
                call(
                    addresses[_LOSS],
                    (loss_parameter, raw, targets, *weighed, *results),
                )
                _backward(addresses, *here)
                if len(rates) > 1:
                    rate = rates[step, model]
                if has_input_penalty:
                    call(addresses[_SLOPES], (own_numbers, groups))
                call(addresses[_UPDATE], (*model_at, rate, labels, firsts, groups))
            model += 1


def _evaluate(
    addresses,
    loss_parameter,
    layer_units,
    params,
    X,
    data,
    indices,
    indptr,
    rows,
    Y,
    weight,
    memory,
    places,
    lines,
    minibatch,
    predictions,
    losses,
    gradients,
):
    """Evaluate a batch of networks on the same rows, some rows at a time.

    Parameters
    ----------
    addresses, loss_parameter, layer_units, params, X, data, indices, indptr, memory
        As for `_train`.
    rows : array of int of shape (n_rows,)
    Y : array of shape (n_samples, n_outputs), or of no length
        The second where only predictions are asked for.
    weight : array of float of shape (n_rows,) or (0,)
    places : array of int
        As for `_train`, for minibatches of the size of `minibatch`.
    lines : array of float of shape (n_lines, n_minibatch_rows)
    minibatch : array of int of shape (n_minibatch_rows,)
    predictions : array of shape (n_models, n_rows, n_outputs), or of no length
        Gets the raw predictions.
    losses : array of float of shape (n_models,)
        Gets the summed losses.
    gradients : array of shape (n_models, n_params), or of no length
        Gets the gradients of these sums.
    """
    n_models, n_params = params.shape
    n_rows, n_outputs = len(rows), layer_units[-1]
    csr = data, indices, indptr
    no_masks = vector(memory, 0, 0)
    gradient = vector(memory, places[_GRADIENT], n_params)
    for model in range(len(gradients)):
        for i in range(n_params):
            gradients[model, i] = 0
    for model in range(n_models):
        losses[model] = 0.0
    for start in range(0, n_rows, len(minibatch)):
        size = min(len(minibatch), n_rows - start)
        part = vector(minibatch, 0, size)
        for i in range(size):
            part[i] = rows[start + i]
        no_augmented = predictions[:0]
        _load(X, no_augmented, 0, part, memory, places)
        raw = matrix(memory, places[_RAW], n_outputs, size)
        output_delta = matrix(memory, places[_OUTPUT_DELTA], n_outputs, size)
        targets = matrix(memory, places[_TARGETS], n_outputs, size)
        part_weight = vector(lines, 0, size if len(weight) else 0)
        loss_lines = vector(lines, size, lines.size - size)
        for i in range(len(part_weight)):
            part_weight[i] = weight[start + i]
        if len(Y):
            _gather_targets(Y, part, targets)
        for model in range(n_models):
            here = layer_units, _row(params, model), csr, part, no_masks, memory, places
            _forward(addresses, *here)
            for i in range(len(predictions) and size):
                for output in range(n_outputs):
                    predictions[model, start + i, output] = raw[output, i]
            if len(Y):
                total = vector(losses, model, 1)
                results = output_delta, loss_lines, total
                call(
                    addresses[_LOSS],
                    (loss_parameter, raw, targets, part_weight, 1.0, *results),
                )
            if len(gradients):
                _backward(addresses, *here)
                for i in range(n_params):
                    gradients[model, i] += gradient[i]


@cache
def trainer_for(dtype, index_dtype):
    """The function `_train`, for dtypes of parameters and of a CSR matrix's indices."""
    number, index = number_type(dtype), number_type(index_dtype)
    whole, wide = types.int64, types.float64
    read = {"is_read": True}
    signature = types.void(
        array_of(whole),
        wide,
        array_of(whole),
        array_of(whole),
        *[array_of(number, 2)] * 3,
        array_of(wide, 2),
        array_of(wide, 2),
        array_of(whole),
        array_of(whole),
        array_of(wide, 2),
        array_of(number, 2, **read),
        array_of(number, **read),
        array_of(index, **read),
        array_of(index, **read),
        array_of(number, 2, layout="A", **read),
        array_of(whole, 3, layout="A", **read),
        array_of(wide, 3, layout="A", **read),
        array_of(wide, 2, layout="A", **read),
        array_of(number, 3, **read),
        array_of(number, 3, **read),
        array_of(number, 4, **read),
        array_of(number),
        array_of(whole),
        array_of(wide, 2),
        array_of(whole),
        array_of(wide),
    )
    return compiled_for(signature, _train)


@cache
def evaluator_for(dtype, index_dtype):
    """The function `_evaluate`, for the same dtypes."""
    number, index = number_type(dtype), number_type(index_dtype)
    whole, wide = types.int64, types.float64
    read = {"is_read": True}
    signature = types.void(
        array_of(whole),
        wide,
        array_of(whole),
        array_of(number, 2, **read),
        array_of(number, 2, **read),
        array_of(number, **read),
        array_of(index, **read),
        array_of(index, **read),
        array_of(whole, **read),
        array_of(number, 2, layout="A", **read),
        array_of(wide, **read),
        array_of(number),
        array_of(whole),
        array_of(wide, 2),
        array_of(whole),
        array_of(number, 3),
        array_of(wide),
        array_of(number, 2),
    )
    return compiled_for(signature, _evaluate)
