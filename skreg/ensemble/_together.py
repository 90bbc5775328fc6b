"""What the members of an ensemble predict of the same rows."""

import numpy as np

from ..neural_network._together import are_alike, outputs_together
from ._members import network_in

__all__ = ["predict_together"]


def predict_together(estimators, X, output):
    """The predictions of fitted members.

    Networks of one architecture that are given the rows as they are predict them in one
    pass.

    Parameters
    ----------
    estimators : list of estimator
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
    output : outputs.Output

    Returns
    -------
    ndarray of shape (n_members, n_samples, ...)
    """
    are_bare = all(network_in(each) is each for each in estimators)
    if are_bare and are_alike(estimators):
        return np.array(outputs_together(estimators, X), dtype=np.float64)
    return np.array([output.of(each, X) for each in estimators])
