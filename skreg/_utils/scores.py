"""What predictions are measured by that may be several quantiles of the target."""

from __future__ import annotations

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import d2_pinball_score, r2_score

from .._typing import ArrayLike, MatrixLike
from .warnings import warn
from .wrappers import find_model

__all__ = [
    "QuantileScoreMixin",
    "check_predicts_target",
    "quantiles_of",
    "regression_score",
]


class QuantileScoreMixin:
    """A mixin for regressors whose `_quantiles` are what their predictions are."""

    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """The coefficient of determination, or its like for several quantiles.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            R^2; where several quantiles are predicted the mean of
            :func:`~sklearn.metrics.d2_pinball_score` over them.
        """
        return self._metric(y, self.predict(X), sample_weight)

    def _metric(self, y, predicted, sample_weight):
        return regression_score(
            y, predicted, self._quantiles, sample_weight=sample_weight
        )


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
        R^2, or the mean of `d2_pinball_score` over the quantiles; NaN, with a warning,
        for a single row.
    """
    if len(prediction) < 2:
        # scikit-learn's metrics say so themselves, but of each fold of a search anew.
        warn(
            "R^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
        )
        return np.nan
    if quantiles is None:
        return r2_score(y, prediction, sample_weight=sample_weight)
    scores = [
        d2_pinball_score(y, column, sample_weight=sample_weight, alpha=quantile)
        for quantile, column in zip(quantiles, prediction.T, strict=True)
    ]
    return float(np.mean(scores))


def quantiles_of(estimator):
    """The quantiles that the columns of a fitted estimator's predictions are.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor, or a Pipeline, target transformer or search around it.

    Returns
    -------
    tuple of float or None
        None if it predicts the target itself, or a single quantile.
    """
    _, model = find_model(estimator, fitted=True)
    if hasattr(model, "best_estimator_"):
        _, model = find_model(model.best_estimator_, fitted=True)
    return getattr(model, "_quantiles", None)


def check_predicts_target(estimator):
    """Raise a ValueError for estimators in which a network has several quantiles.

    Their predictions have other columns than the target, and their scores another unit
    than those of other regressors.
    """
    params = estimator.get_params()
    for name, value in params.items():
        prefix, separator, own_name = name.rpartition("__")
        loss = params.get(f"{prefix}{separator}loss")
        if own_name == "quantile" and loss == "quantile" and np.size(value) > 1:
            raise ValueError(
                f"{name}={value!r} has several values, and what is predicted cannot be "
                "compared with other predictions of y: give one of them."
            )
