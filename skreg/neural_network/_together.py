"""What several fitted networks predict of the same rows, in one pass."""

import numpy as np
from scipy import sparse

from .._core.network import Network
from .._core.predictions import predict_raw
from .._utils.publishing import quiet_numpy, snapshot

__all__ = ["are_alike", "outputs_together"]


def are_alike(networks):
    """Whether fitted networks have the same layers, of one type that the engine has.

    Networks with periodic features are not, because each may have those of other
    inputs.
    """
    types = {array.dtype for each in networks for array in _weights_of(each)}
    is_one_type = types in ({np.dtype("f4")}, {np.dtype("f8")})
    are_dense = all(each._periodic_features is None for each in networks)
    is_one = len({_architecture_of(each) for each in networks}) == 1
    return is_one_type and are_dense and is_one


def _weights_of(network):
    return *network.coefs_, *network.intercepts_


def _architecture_of(network):
    shapes = tuple(array.shape for array in _weights_of(network))
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
    dtype = first.coefs_[0].dtype
    X = first._check_rows(X)
    # The engine reads rows, and of one type alone.
    X = X.tocsr() if sparse.issparse(X) else np.ascontiguousarray(X)
    X = X.astype(dtype, copy=False)
    units = len(first.coefs_[0]), *(len(b) for b in first.intercepts_)
    layout = Network(units, first._hidden_activation, first._trained_loss)
    params = np.array(
        [layout.pack(each.coefs_, each.intercepts_, dtype) for each in networks]
    )
    with quiet_numpy():
        raw = predict_raw(layout, params, X)
        return [each._outputs_of(own) for each, own in zip(networks, raw, strict=True)]
