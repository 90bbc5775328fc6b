"""The score of a regression whose predictions may be several quantiles."""

import numpy as np
from sklearn.metrics import d2_pinball_score, r2_score

__all__ = ["regression_score"]


def regression_score(y, prediction, quantiles=None, *, sample_weight=None):
    """The coefficient of determination, or its like for several quantiles.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    prediction : ndarray of the shape of y, or (n_samples, n_quantiles)
    quantiles : sequence of float, default=None
        What the columns of `prediction` are; None for predictions of y itself.
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    float
        R^2, or the mean of `d2_pinball_score` over the quantiles.
    """
    if quantiles is None:
        return r2_score(y, prediction, sample_weight=sample_weight)
    scores = [
        d2_pinball_score(y, column, sample_weight=sample_weight, alpha=quantile)
        for quantile, column in zip(quantiles, prediction.T, strict=True)
    ]
    return float(np.mean(scores))
