"""The two kinds of targets of an ensemble, classes and numbers."""

from sklearn.metrics import accuracy_score, r2_score

from .._fitting.targets import LabelEncoding
from ._outputs import Numbers, Probabilities

__all__ = ["OfClasses", "OfNumbers"]


class OfClasses:
    """A mixin for ensembles of classifiers."""

    _metric = staticmethod(accuracy_score)

    def _output_of(self, y):
        """What is averaged: probabilities of the classes of a target."""
        encoding = LabelEncoding.of(y)
        self.classes_ = encoding.classes
        return Probabilities(encoding)

    def _strata(self, y):
        """The class of each row, whose shares the folds keep; None for multilabel."""
        return self._output.encoding.strata(y)

    def _set_oof_prediction(self, prediction):
        self.oof_decision_function_ = prediction


class OfNumbers:
    """A mixin for ensembles of regressors."""

    _metric = staticmethod(r2_score)

    def _output_of(self, y):
        """What is averaged: the predictions themselves."""
        return Numbers()

    def _strata(self, y):
        """None: there are no classes whose shares folds could keep."""
        return None

    def _set_oof_prediction(self, prediction):
        self.oof_prediction_ = prediction
