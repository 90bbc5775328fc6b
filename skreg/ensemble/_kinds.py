"""The two kinds of targets of an ensemble, classes and numbers."""

from __future__ import annotations

from sklearn.metrics import accuracy_score

from .._fitting.targets import LabelEncoding
from .._utils.scores import QuantileScoreMixin, quantiles_of
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


class OfNumbers(QuantileScoreMixin):
    """A mixin for ensembles of regressors."""

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
