r"""A smaller network of the same function: without units and waves that do nothing.

With the weights ``W_l : (fan_in, fan_out)`` and the intercepts ``b_l`` of layer ``l``
and the activation ``phi``, a hidden unit ``j`` does nothing in two cases:

- *constant*: ``W_l[:, j] = 0``, so that it is ``c = phi(b_l[j])`` in every row. It
  leaves, and ``c W_{l+1}[j]`` is added to ``b_{l+1}``.
- *unread*: ``W_{l+1}[j] = 0``, so that no later unit sees it. It leaves.

A constant unit that leaves may make constants of units in the next layer, and an unread
one may make units of the layer before unread. So the constant ones are looked for from
the first layer to the last, and then the unread ones from the last to the first. After
these two passes there are none left: an unread unit has nothing but zeros among the
incoming weights of the next layer.

A network has at least one unit a layer. If one of its layers has none left, it predicts
the same for every row: then each layer keeps its first unit, all weights are zero, and
the intercept of the outputs is the prediction.

The waves of an input leave if their mixtures are zero or are not read. An input leaves
only if that is asked for, and then if no unit reads it or its waves.
"""

from typing import NamedTuple

import numpy as np

from .periodic import N_MIXED, PeriodicFeatures, owners_of_rows

__all__ = ["PrunedNetwork", "prune"]


class PrunedNetwork(NamedTuple):
    """What is left of a network, and where it stood in the whole one.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        New arrays, of the dtypes of the old ones.
    features : PeriodicFeatures or None
        Their `inputs` are those of the smaller network.
    support : ndarray of bool of shape (n_inputs,)
        Whether an input of the whole network is read.
    inputs : ndarray of int
        The inputs of the whole network that the smaller one has.
    rows : ndarray of int
        The rows of the first layer that are left.
    is_embedded : ndarray of bool of shape (n_embedded,) or None
        Which of the embedded inputs still have waves.
    units : list of ndarray of int
        The units of each hidden layer that are left.
    """

    coefs: list
    intercepts: list
    features: PeriodicFeatures | None
    support: np.ndarray
    inputs: np.ndarray
    rows: np.ndarray
    is_embedded: np.ndarray | None
    units: list


def prune(coefs, intercepts, activation, n_inputs, features=None, drop_inputs=False):
    """The smaller network.

    Parameters
    ----------
    coefs, intercepts : list of ndarray
        A layer each, ``(fan_in, fan_out)`` and ``(fan_out,)``; they are not changed.
    activation : activations.Activation
    n_inputs : int
    features : periodic.PeriodicFeatures, default=None
    drop_inputs : bool, default=False
        Whether inputs leave that are not read. One of them stays if none is read.

    Returns
    -------
    PrunedNetwork
    """
    rows, is_embedded, embedded = np.arange(n_inputs), None, np.arange(0)
    if features is not None:
        is_embedded = features.mixing.any(axis=(1, 2))
        rows = _rows_with(n_inputs, is_embedded)
    coefs, intercepts, units = _prune_units(
        [coefs[0][rows], *coefs[1:]], intercepts, activation
    )
    if features is not None:
        # The rows of each embedded input that still has waves.
        n_numbers = N_MIXED * coefs[0].shape[1]
        waves = coefs[0][n_inputs:].reshape(is_embedded.sum(), n_numbers)
        is_embedded[is_embedded] = waves.any(axis=1)
        embedded = features.inputs[is_embedded]
    left = np.isin(rows, _rows_with(n_inputs, is_embedded))
    rows, coefs[0] = rows[left], coefs[0][left]

    owners = owners_of_rows(n_inputs, embedded)
    support = np.zeros(n_inputs, dtype=bool)
    support[owners[coefs[0].any(axis=1)]] = True
    inputs = np.arange(n_inputs)
    if drop_inputs:
        inputs = np.flatnonzero(support) if support.any() else inputs[:1]
        left = np.isin(owners, inputs)
        rows, coefs[0] = rows[left], coefs[0][left]
    if features is not None:
        places = np.searchsorted(inputs, embedded)
        features = PeriodicFeatures(
            places, *(part[is_embedded].copy() for part in features[1:])
        )
    return PrunedNetwork(
        *(coefs, intercepts, features, support, inputs, rows, is_embedded, units)
    )


def _rows_with(n_inputs, is_embedded):
    """The rows of the first layer of inputs, and of waves of some embedded ones."""
    if is_embedded is None:
        return np.arange(n_inputs)
    waves = np.flatnonzero(np.repeat(is_embedded, N_MIXED))
    return np.concatenate([np.arange(n_inputs), n_inputs + waves])


def _prune_units(coefs, intercepts, activation):
    """The layers without constant and unread units, and the units that are left."""
    coefs = [np.array(W) for W in coefs]
    intercepts = [np.array(b) for b in intercepts]
    units = [np.arange(len(b)) for b in intercepts[:-1]]

    def keep(layer, left):
        coefs[layer] = coefs[layer][:, left]
        intercepts[layer] = intercepts[layer][left]
        coefs[layer + 1] = coefs[layer + 1][left]
        units[layer] = units[layer][left]

    first_unit = slice(0, 1)
    for layer in range(len(units)):
        varies = coefs[layer].any(axis=0)
        constants = np.array(intercepts[layer][~varies], dtype=np.float64)[None]
        activation.apply(constants)
        # In float64, and only then in the network's own type.
        folded = constants @ coefs[layer + 1][~varies].astype(np.float64)
        after = intercepts[layer + 1]
        intercepts[layer + 1] = (after + folded[0]).astype(after.dtype)
        if not varies.any():
            coefs[layer + 1][:] = 0
        keep(layer, varies if varies.any() else first_unit)
    for layer in reversed(range(len(units))):
        is_read = coefs[layer + 1].any(axis=1)
        if not is_read.any():
            coefs[layer][:] = 0
        keep(layer, is_read if is_read.any() else first_unit)
    return coefs, intercepts, units
