"""What several fitted networks predict of the same rows, in one pass."""

import numpy as np

from .._core.network import Network
from .._core.predictions import predict_raw
from .._utils.publishing import quiet_numpy, snapshot

__all__ = ["are_alike", "outputs_together"]


def are_alike(networks):
    """Whether fitted networks have the same layers, and numbers of one type in them."""
    return len({_architecture_of(network) for network in networks}) == 1


def _architecture_of(network):
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    shapes = tuple((*W.shape, W.dtype, b.dtype) for W, b in layers)
    return type(network), shapes, network._hidden_activation


def outputs_together(networks, X):
    """What each network predicts: probabilities of classes, or numbers.

    Parameters
    ----------
    networks : list of MLPClassifier or MLPRegressor
        Fitted to the same columns, and `are_alike`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)

    Returns
    -------
    list of ndarray
        Of each network what it predicts alone, up to rounding.
    """
    networks = [snapshot(network) for network in networks]
    first = networks[0]
    X = first._check_rows(X)
    units = len(first.coefs_[0]), *(len(b) for b in first.intercepts_)
    layout = Network(units, first._hidden_activation, first._trained_loss)
    dtype = first.coefs_[0].dtype
    params = np.array(
        [layout.pack(each.coefs_, each.intercepts_, dtype) for each in networks]
    )
    with quiet_numpy():
        raw = predict_raw(layout, params, X.astype(dtype, copy=False))
        return [each._outputs_of(own) for each, own in zip(networks, raw, strict=True)]
