"""Where things stand in what compiled functions are given.

The numbers become parts of all functions that read them.
"""

import numpy as np

from .jit import kernel

__all__ = ["addresses", "hidden_units", "n_transposed", "places_in_memory"]

# The places in what `addresses` gives.
PRODUCT, FORWARD, BACKWARD, ACTIVATION, DERIVATIVE, LOSS = range(6)
UPDATE, NORMS, SLOPES, SPARSE_PRODUCT, SPARSE_GRADIENT = range(6, 11)

# Where the parts of a network's memory begin. Hidden layers stand one after the other,
# each as (n_units, n_rows).
X_AT, HIDDEN_AT, INPUTS_AT, OUTGOING_AT, DELTAS_AT = range(5)
TARGETS_AT, RAW_AT, OUTPUT_DELTA_AT, GRADIENT_AT, LINE_AT, TRANSPOSED_AT = range(5, 11)

# The gradient of a first layer of at most so many weights is computed transposed, which
# BLAS does faster (200 x 20 x 100: by a tenth in float64, by a third in float32), and
# put in its place; that of a larger one would leave the first-level cache.
_MOST_TRANSPOSED = 8_192


def _n_transposed(fan_in, fan_out):
    """How many weights of a first layer have a transposed gradient: all or none."""
    n_weights = fan_in * fan_out
    return n_weights if n_weights <= _MOST_TRANSPOSED else 0


n_transposed = kernel(_n_transposed)


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
        _n_transposed(n_inputs, layer_units[1]),
    ]
    places = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    if not keeps_inputs:
        places[INPUTS_AT] = places[HIDDEN_AT]
    if not has_masks:
        places[OUTGOING_AT] = places[HIDDEN_AT]
    return places


@kernel
def hidden_units(layer_units):
    """The number of units in all hidden layers."""
    total = 0
    for layer in range(1, len(layer_units) - 1):
        total += layer_units[layer]
    return total


def addresses(
    *,
    product,
    forward,
    backward,
    activation,
    derivative,
    loss=0,
    update=0,
    norms=0,
    slopes=0,
    sparse_product=0,
    sparse_gradient=0,
):
    """The vector of addresses of what is called; zero where it is not needed."""
    passes = product, forward, backward, activation, derivative
    penalties, sparse = (norms, slopes), (sparse_product, sparse_gradient)
    return np.array([*passes, loss, update, *penalties, *sparse], np.int64)
