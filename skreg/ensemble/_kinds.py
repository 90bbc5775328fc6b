"""The two kinds of targets of an ensemble, classes and numbers."""

from __future__ import annotations

from sklearn.metrics import accuracy_score

from .._fitting.targets import LabelEncoding
from .._typing import ArrayLike, MatrixLike
from .._utils.scores import quantiles_of, regression_score
from ._outputs import Numbers, Probabilities

__all__ = ["OfClasses", "OfNumbers"]


class OfClasses:
    """A mixin for ensembles of classifiers."""

    def _metric(self, y, predicted, sample_weight):
        """The accuracy."""
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def _output_of(self, y, classes=None):
        """What is averaged: probabilities of the classes, or of those of a target."""
        encoding = LabelEncoding.of(y, classes)
        self.classes_ = encoding.classes
        return Probabilities(encoding)

    def _strata(self, y):
        """The class of each row, whose shares the folds keep; None for multilabel."""
        return self._output.encoding.strata(y)

    def _set_oof_prediction(self, prediction):
        self.oof_decision_function_ = prediction


class OfNumbers:
    """A mixin for ensembles of regressors."""

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
            R^2; where the networks estimate several quantiles the mean of
            :func:`~sklearn.metrics.d2_pinball_score` over them.
        """
        return self._metric(y, self.predict(X), sample_weight)

    def _metric(self, y, predicted, sample_weight):
        return regression_score(
            y, predicted, self._quantiles, sample_weight=sample_weight
        )

    @property
    def _quantiles(self):
        """The quantiles that the columns of predictions are; None of a single one."""
        return quantiles_of(self.estimators_[0])

    def _output_of(self, y, classes=None):
        """What is averaged: the predictions themselves."""
        return Numbers(1 if y.ndim == 1 else y.shape[1])

    def _strata(self, y):
        """None: there are no classes whose shares folds could keep."""
        return None

    def _set_oof_prediction(self, prediction):
        self.oof_prediction_ = prediction
