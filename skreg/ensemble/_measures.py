"""What candidates of a search are compared by, on rows that they have not seen."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from ._calibration import log_loss_of, temperature_of, tempered

__all__ = ["make_measure"]


class Measure(ABC):
    """Turns predictions of some rows into a number, lower is better.

    Parameters
    ----------
    output : outputs.Output
    y : ndarray
        The target of all rows.
    sample_weight : ndarray or None
    scoring : str or callable
        "loss", or what scikit-learn's `get_scorer` takes.
    """

    def __init__(self, output, y, sample_weight, scoring):
        self._output, self._y, self._weight = output, y, sample_weight
        self._scorer = None if scoring == "loss" else get_scorer(scoring)

    def on(self, rows):
        """The function ``loss(prediction)`` of predictions of some rows."""
        weight = None if self._weight is None else self._weight[rows]
        if self._scorer is None:
            return self._loss_on(rows, weight)
        y, kind = self._y[rows], self._stand_in
        params = {} if weight is None else {"sample_weight": weight}

        def loss(prediction):
            known = kind(prediction, self._output)
            return -float(self._scorer(known, np.empty((len(y), 1)), y, **params))

        return loss

    @abstractmethod
    def _loss_on(self, rows, weight):
        """As `on`, for the loss."""

    @abstractmethod
    def temperature(self, prediction, rows):
        """What predictions are best divided by, on a scale of logarithms."""

    @abstractmethod
    def at_temperature(self, prediction, temperature):
        """Predictions that are less sure where the temperature is above one."""


class OfProbabilities(Measure):
    """The log-loss of classes, or a scorer of classifiers."""

    @property
    def _stand_in(self):
        return _KnownClasses

    @property
    def _is_multilabel(self):
        return self._output.encoding.kind == "multilabel"

    def _indicators(self, rows):
        encoding, y = self._output.encoding, self._y[rows]
        if self._is_multilabel:
            return encoding.encode(y, np.float64)
        return (y[:, None] == encoding.classes).astype(np.float64)

    def _loss_on(self, rows, weight):
        Y, is_multilabel = self._indicators(rows), self._is_multilabel
        return lambda proba: log_loss_of(proba, Y, is_multilabel, weight)

    def temperature(self, prediction, rows):
        weight = None if self._weight is None else self._weight[rows]
        Y = self._indicators(rows)
        return temperature_of(prediction, Y, self._is_multilabel, weight)

    def at_temperature(self, prediction, temperature):
        return tempered(prediction, temperature, self._is_multilabel)


class OfNumbers(Measure):
    """The mean squared error in units of the target's variance, or a scorer."""

    @property
    def _stand_in(self):
        return _KnownNumbers

    def _loss_on(self, rows, weight):
        y = self._y[rows].reshape(len(rows), -1)
        unit = np.maximum(self._y.reshape(len(self._y), -1).var(axis=0), 1e-300)

        def loss(prediction):
            squared = (prediction.reshape(y.shape) - y) ** 2 / unit
            return float(np.average(squared.mean(axis=1), weights=weight))

        return loss

    def temperature(self, prediction, rows):
        return 1.0

    def at_temperature(self, prediction, temperature):
        return prediction


def make_measure(output, y, sample_weight, scoring):
    """The `Measure` of a target."""
    kind = OfProbabilities if hasattr(output, "encoding") else OfNumbers
    return kind(output, y, sample_weight, scoring)


class _KnownClasses(ClassifierMixin, BaseEstimator):
    """A classifier that is asked for predictions that are known already."""

    def __init__(self, proba, output):
        self._proba, self._output = proba, output
        self.classes_ = output.encoding.classes

    def predict(self, X):
        return self._output.decoded(self._proba)

    def predict_proba(self, X):
        return self._proba

    def __sklearn_is_fitted__(self):
        return True


class _KnownNumbers(RegressorMixin, BaseEstimator):
    """A regressor that is asked for predictions that are known already."""

    def __init__(self, prediction, output):
        self._prediction = prediction

    def predict(self, X):
        return self._prediction

    def __sklearn_is_fitted__(self):
        return True
