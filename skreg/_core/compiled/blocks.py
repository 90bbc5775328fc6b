"""Blocks of minibatches through networks: all that a step of training does.

Networks come one after the other, each with all minibatches of a block, so that its
parameters and moments stay in cache meanwhile. What depends on the kind of network is
a kernel, which is called by its address.
"""

from functools import cache

from numba import types

from .jit import array_of, compiled_for, kernel, number_type
from .layout import (
    BACKWARD,
    FORWARD,
    GRADIENT_AT,
    LOSS,
    NORMS,
    OUTPUT_DELTA_AT,
    RAW_AT,
    SLOPES,
    TARGETS_AT,
    UPDATE,
    X_AT,
    hidden_units,
)
from .primitives import call, matrix, vector

__all__ = ["evaluator_for", "trainer_for"]


@kernel
def _row(table, row):
    return vector(table, row * table.shape[1], table.shape[1])


@kernel
def _load(X, augmented, group, minibatch, memory, places):
    """Take the rows of a minibatch, unless the products of a sparse X do."""
    n_rows = len(minibatch)
    if len(augmented):
        n_features = augmented.shape[2]
        rows = matrix(memory, places[X_AT], n_rows, n_features)
        for i in range(n_rows):
            for feature in range(n_features):
                rows[i, feature] = augmented[group, i, feature]
    elif X.shape[0]:
        n_features = X.shape[1]
        rows = matrix(memory, places[X_AT], n_rows, n_features)
        for i in range(n_rows):
            row = minibatch[i]
            for feature in range(n_features):
                rows[i, feature] = X[row, feature]


@kernel
def _gather_targets(Y, codes, values, minibatch, targets):
    """Write the targets of some rows, ``(n_outputs, n_rows)``."""
    for output in range(targets.shape[0]):
        for i in range(targets.shape[1]):
            row = minibatch[i]
            if len(codes):
                targets[output, i] = values[1 if codes[row] == output else 0]
            else:
                targets[output, i] = Y[row, output]


def _train(
    addresses,
    loss_parameter,
    layer_units,
    embedded,
    n_frequencies,
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
    codes,
    values,
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
        See `layout`.
    loss_parameter : array of float of shape (n_numbers,)
    layer_units : array of int of shape (n_layers + 1,)
    embedded : array of int of shape (n_embedded,)
        The inputs that have waves.
    n_frequencies : int
        The number of waves of each.
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
    Y, codes, values : array
        All targets, see `targets.arrays_of`.
    rows : array of int of shape (n_streams, n_steps, n_rows)
    weight : array of float of shape (n_steps, n_streams, n_rows)
    rates : array of float of shape (n_steps or 1, n_models)
    masks : array of shape (n_models, n_hidden_units, n_rows)
    augmented : array of shape (n_streams, n_rows, n_features)
    augmented_Y : array of shape (n_steps, n_streams, n_outputs, n_rows)
        The rows and targets of a single minibatch, in place of those in X and Y.
    memory : array of shape (places[-1],)
    places : array of int
        See `layout.places_in_memory`.
    lines : array of float of shape (n_lines, n_rows)
        For the weights of a minibatch first, and for the loss.
    minibatch : array of int of shape (n_rows,)
    losses : array of float of shape (n_models,)
        Gets the summed losses of the block's rows.
    """
    n_streams, n_steps, n_rows = rows.shape
    n_params, n_outputs = params.shape[1], layer_units[-1]
    n_masked = hidden_units(layer_units) * n_rows if len(masks) else 0
    has_input_penalty = len(labels) > 0
    csr, embedding = (data, indices, indptr), (embedded, n_frequencies)
    n_turns = 2 * len(embedded) * n_frequencies
    raw = matrix(memory, places[RAW_AT], n_outputs, n_rows)
    targets = matrix(memory, places[TARGETS_AT], n_outputs, n_rows)
    output_delta = matrix(memory, places[OUTPUT_DELTA_AT], n_outputs, n_rows)
    gradient = vector(memory, places[GRADIENT_AT], n_params)
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
            model_at = (layer_units, n_turns, arrays, own_counters, own_numbers)
            if has_input_penalty:
                call(addresses[NORMS], (*model_at, rate, labels, firsts, groups))
            for step in range(n_steps):
                for i in range(n_rows):
                    minibatch[i] = rows[stream, step, i]
                _load(X, augmented, stream, minibatch, memory, places)
                own = w, csr, embedding
                here = layer_units, *own, minibatch, mask, memory, places
                call(addresses[FORWARD], (addresses, *here))
                for i in range(len(row_weight)):
                    row_weight[i] = weight[step, stream, i]
                if len(augmented):
                    for output in range(n_outputs):
                        for i in range(n_rows):
                            targets[output, i] = augmented_Y[step, stream, output, i]
                else:
                    _gather_targets(Y, codes, values, minibatch, targets)
                weighed = row_weight, 1.0 / n_rows
                results = output_delta, loss_lines, total
                call(
                    addresses[LOSS],
                    (loss_parameter, raw, targets, *weighed, *results),
                )
                call(addresses[BACKWARD], (addresses, *here))
                if len(rates) > 1:
                    rate = rates[step, model]
                if has_input_penalty:
                    call(addresses[SLOPES], (own_numbers, groups))
                call(addresses[UPDATE], (*model_at, rate, labels, firsts, groups))
            model += 1


def _evaluate(
    addresses,
    loss_parameter,
    layer_units,
    embedded,
    n_frequencies,
    params,
    X,
    data,
    indices,
    indptr,
    rows,
    Y,
    codes,
    values,
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
    addresses, loss_parameter, layer_units, embedded, n_frequencies, params
        As for `_train`.
    X, data, indices, indptr, memory
        As for `_train`.
    rows : array of int of shape (n_rows,)
    Y, codes, values : array
        As for `_train`; all of no length where only predictions are asked for.
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
    csr, embedding = (data, indices, indptr), (embedded, n_frequencies)
    has_targets = len(Y) + len(codes) > 0
    no_masks = vector(memory, 0, 0)
    gradient = vector(memory, places[GRADIENT_AT], n_params)
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
        raw = matrix(memory, places[RAW_AT], n_outputs, size)
        output_delta = matrix(memory, places[OUTPUT_DELTA_AT], n_outputs, size)
        targets = matrix(memory, places[TARGETS_AT], n_outputs, size)
        part_weight = vector(lines, 0, size if len(weight) else 0)
        loss_lines = vector(lines, size, lines.size - size)
        for i in range(len(part_weight)):
            part_weight[i] = weight[start + i]
        if has_targets:
            _gather_targets(Y, codes, values, part, targets)
        for model in range(n_models):
            own = _row(params, model), csr, embedding
            here = layer_units, *own, part, no_masks, memory, places
            call(addresses[FORWARD], (addresses, *here))
            for i in range(len(predictions) and size):
                for output in range(n_outputs):
                    predictions[model, start + i, output] = raw[output, i]
            if has_targets:
                total = vector(losses, model, 1)
                results = output_delta, loss_lines, total
                call(
                    addresses[LOSS],
                    (loss_parameter, raw, targets, part_weight, 1.0, *results),
                )
            if len(gradients):
                call(addresses[BACKWARD], (addresses, *here))
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
        array_of(wide),
        array_of(whole),
        array_of(whole),
        whole,
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
        array_of(types.int32, **read),
        array_of(number, **read),
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
def evaluator_for(dtype, index_dtype, row_dtype):
    """The function `_evaluate`, for the same dtypes and that of the rows' numbers."""
    number, index = number_type(dtype), number_type(index_dtype)
    whole, wide = types.int64, types.float64
    read = {"is_read": True}
    signature = types.void(
        array_of(whole),
        array_of(wide),
        array_of(whole),
        array_of(whole),
        whole,
        array_of(number, 2, **read),
        array_of(number, 2, **read),
        array_of(number, **read),
        array_of(index, **read),
        array_of(index, **read),
        array_of(number_type(row_dtype), **read),
        array_of(number, 2, layout="A", **read),
        array_of(types.int32, **read),
        array_of(number, **read),
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
