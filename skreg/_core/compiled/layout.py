"""Where things stand in what compiled functions are given.

The numbers become parts of all functions that read them.
"""

import numpy as np

from .jit import kernel

__all__ = [
    "addresses",
    "hidden_units",
    "n_before_layers",
    "n_transposed",
    "places_in_memory",
    "sizes_of_waves",
]

# The places in what `addresses` gives.
PRODUCT, FORWARD, BACKWARD, ACTIVATION, DERIVATIVE, LOSS = range(6)
UPDATE, NORMS, SLOPES, SPARSE_PRODUCT, SPARSE_GRADIENT = range(6, 11)
EMBED, WAVE_GRADIENT = range(11, 13)

# Where the parts of a network's memory begin. Hidden layers stand one after the other,
# each as (n_units, n_rows).
X_AT, HIDDEN_AT, INPUTS_AT, OUTGOING_AT, DELTAS_AT = range(5)
TARGETS_AT, RAW_AT, OUTPUT_DELTA_AT, GRADIENT_AT, LINE_AT, TRANSPOSED_AT = range(5, 11)
EMBEDDED_AT, WAVES_AT, WAVE_SLOPES_AT = range(11, 14)

# The gradient of a first layer of at most so many weights is computed transposed, which
# BLAS does faster (200 x 20 x 100: by a tenth in float64, by a third in float32), and
# put in its place; that of a larger one would leave the first-level cache.
_MOST_TRANSPOSED = 8_192


def _n_transposed(fan_in, fan_out):
    """How many weights of a first layer have a transposed gradient: all or none."""
    n_weights = fan_in * fan_out
    return n_weights if n_weights <= _MOST_TRANSPOSED else 0


n_transposed = kernel(_n_transposed)


def places_in_memory(network, n_rows, *, has_masks, is_sparse):
    """Where the parts of a network's memory begin, and last where it ends.

    Parameters
    ----------
    network : network.Network
    n_rows : int
    has_masks : bool
        Whether units are dropped. If not, what a layer is given are the activations.
    is_sparse : bool
        Whether the rows of X are gathered by the products themselves.

    Returns
    -------
    ndarray of int
    """
    # Where derivatives are no functions of what activations were given, the place of
    # that is the place of the activations themselves.
    keeps_inputs = network.activation.needs_input
    fan_in, *hidden, n_outputs = map(int, network.layer_units)
    fan_out, n_hidden = int(network.layer_units[1]), sum(hidden) * n_rows
    n_embedded = n_waves = n_features = 0
    if network.periodic is not None:
        n_embedded, n_features = fan_in, fan_in - network.n_inputs
        n_waves = len(network.periodic.inputs) * network.periodic.n_frequencies
    sizes = [
        0 if is_sparse else network.n_inputs * n_rows,
        n_hidden,
        n_hidden if keeps_inputs else 0,
        n_hidden if has_masks else 0,
        n_hidden,
        n_outputs * n_rows,
        n_outputs * n_rows,
        n_outputs * n_rows,
        network.n_params,
        fan_out,
        _n_transposed(fan_in, fan_out),
        n_embedded * n_rows,
        n_waves * n_rows,
        n_features * n_rows,
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


@kernel
def n_before_layers(layer_units, n_params):
    """The number of parameters before the dense layers: those of waves."""
    n_before = n_params
    for layer in range(len(layer_units) - 1):
        n_before -= (layer_units[layer] + 1) * layer_units[layer + 1]
    return n_before


@kernel
def sizes_of_waves(layer_units, n_params, embedding):
    """How many turns, features of waves, and inputs a network has.

    Parameters
    ----------
    layer_units : array of int
    n_params : int
    embedding : tuple
        At least one embedded input, and the number of frequencies.
    """
    inputs, n_frequencies = embedding
    n_turns = 2 * len(inputs)
    n_features = n_before_layers(layer_units, n_params) // n_frequencies - n_turns
    return n_turns, n_features, layer_units[0] - n_features


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
    embed=0,
    wave_gradient=0,
):
    """The vector of addresses of what is called; zero where it is not needed."""
    passes = product, forward, backward, activation, derivative
    penalties, sparse = (norms, slopes), (sparse_product, sparse_gradient)
    waves = embed, wave_gradient
    return np.array([*passes, loss, update, *penalties, *sparse, *waves], np.int64)
