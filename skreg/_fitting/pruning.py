"""What is left of a fitted network without its dead parts, and how it goes on."""

import copy
from dataclasses import replace

import numpy as np

from .._core.activations import ACTIVATIONS
from .._core.network import Network
from .._core.periodic import PeriodicLayer
from .._core.pruning import prune
from .tasks import PERIODIC_ATTRIBUTES

__all__ = ["prune_fitted"]


def prune_fitted(estimator, drop_inputs):
    """The attributes of a fitted estimator that pruning changes.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        A fitted one; it is read and never changed.
    drop_inputs : bool
        Whether inputs leave that are not read.

    Returns
    -------
    part : _core.pruning.PrunedNetwork
    attributes : dict of str to object
    n_params : tuple of int
        The numbers of parameters before and after.
    """
    coefs, intercepts = estimator.coefs_, estimator.intercepts_
    features, n_inputs = estimator._periodic_features, estimator.n_features_in_
    name = estimator._hidden_activation
    part = prune(
        *(coefs, intercepts, ACTIVATIONS[name], n_inputs, features, drop_inputs)
    )
    attributes = {"coefs_": part.coefs, "intercepts_": part.intercepts}
    if part.features is not None:
        attributes |= zip(PERIODIC_ATTRIBUTES, part.features, strict=True)
    before = _layout(coefs, intercepts, name, n_inputs, features)
    after = _layout(part.coefs, part.intercepts, name, len(part.inputs), part.features)
    state = getattr(estimator, "_training_state", None)
    if state is not None:
        dtype = coefs[0].dtype
        attributes["_training_state"] = _state_of_part(
            state,
            before.pack(coefs, intercepts, dtype, features),
            after.pack(part.coefs, part.intercepts, dtype, part.features),
            before.places_of(part.rows, part.units, part.is_embedded),
            part.features and part.features.inputs,
        )
    return part, attributes, (before.n_params, after.n_params)


def _layout(coefs, intercepts, activation, n_inputs, features):
    periodic = None
    if features is not None:
        n_frequencies = features.frequencies.shape[1]
        periodic = PeriodicLayer(n_inputs, features.inputs, n_frequencies)
    units = [len(coefs[0]), *(len(b) for b in intercepts)]
    return Network(units, activation, None, periodic)


def _state_of_part(state, before, after, places, embedded):
    """The state in which training of the smaller network goes on, from its parameters.

    The moments are those of the parameters that are left, if they belong to these
    parameters. With early stopping or averaging they belong to the last ones: the part
    that is left by the best ones may be no part of what these predict.
    """
    optimizer = state.optimizer
    if not np.array_equal(state.params, before):
        optimizer = None
    if optimizer is not None:
        optimizer = {
            name: values[places] if np.size(values) == len(before) else values
            for name, values in optimizer.items()
        }
    progress = copy.deepcopy(state.progress)
    progress.kept = after
    return replace(
        state,
        params=after,
        kept=after,
        optimizer=optimizer,
        progress=progress,
        average=None,
        embedded_inputs=embedded,
    )
