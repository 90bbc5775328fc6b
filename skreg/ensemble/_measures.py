"""What the candidates of a search are compared by, on rows they have not seen."""

import copy
from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from .._fitting.scoring import checked_scorer
from .._fitting.targets import TargetScaling
from ..neural_network import MLPClassifier, MLPRegressor
from ._calibration import log_loss_of, temperature_of, tempered

__all__ = ["make_measure"]


def make_measure(output, X, y, sample_weight, scoring):
    """The `Measure` of predictions of a target.

    Parameters
    ----------
    output : outputs.Output
        What is predicted.
    X, y, sample_weight : ndarray
        All rows; weights may be None.
    scoring : str or callable
        "loss", or what the searches of scikit-learn take.
    """
    kind = OfProbabilities if hasattr(output, "encoding") else OfNumbers
    return kind(output, X, y, sample_weight, scoring)


class Measure(ABC):
    """Turns predictions of rows into a number, lower is better."""

    def __init__(self, output, X, y, sample_weight, scoring):
        self._output, self._X, self._y = output, X, y
        self._weight, self._scorer = sample_weight, None
        if scoring != "loss":
            is_weighted = sample_weight is not None
            self._scorer, _ = checked_scorer(self._example, scoring, is_weighted)
        self._Y = self._encoded(y)

    def on(self, rows):
        """The measure of predictions of some of the rows."""
        some = copy.copy(self)
        some._y, some._Y = self._y[rows], self._Y[rows]
        if self._weight is not None:
            some._weight = self._weight[rows]
        if self._scorer is not None:
            some._X = self._X[rows]
        return some

    def loss(self, prediction):
        """The mean loss of predictions of the rows, or minus their score."""
        if self._scorer is None:
            return self._mean_loss(prediction)
        params = {} if self._weight is None else {"sample_weight": self._weight}
        known = self._known(prediction, self._output)
        return -float(self._scorer(known, self._X, self._y, **params))

    def judge(self, prediction):
        """The loss at the best temperature, and this; numbers have none."""
        return self.loss(prediction), None

    @abstractmethod
    def _encoded(self, y):
        """The target as `_mean_loss` needs it, ``(n_rows, n_outputs)``."""

    @abstractmethod
    def _mean_loss(self, prediction):
        """What ``scoring="loss"`` stands for."""


class KnownClasses(ClassifierMixin, BaseEstimator):
    """What a scorer takes for a classifier: its predictions are known already."""

    def __init__(self, proba, output):
        self._proba, self._output = proba, output
        self.classes_ = output.encoding.classes
        if output.encoding.kind == "multilabel":
            # Two numbers of columns would pass for two classes.
            self.classes_ = [np.arange(2)] * proba.shape[1]

    def predict(self, X):
        return self._output.decoded(self._proba)

    def predict_proba(self, X):
        return self._proba

    def __sklearn_is_fitted__(self):
        return True


class OfProbabilities(Measure):
    """The log-loss of classes, or a score of classifiers."""

    _known, _example = KnownClasses, MLPClassifier()

    @property
    def _is_multilabel(self):
        return self._output.encoding.kind == "multilabel"

    def _encoded(self, y):
        encoding = self._output.encoding
        if self._is_multilabel:
            return encoding.encode(y, np.float64)
        # The encoding has one column for two classes, where probabilities have two.
        return (y[:, None] == encoding.classes).astype(np.float64)

    def _mean_loss(self, prediction):
        return log_loss_of(prediction, self._Y, self._is_multilabel, self._weight)

    def judge(self, prediction):
        """The loss at the best temperature, and this."""
        is_multilabel = self._is_multilabel
        temperature = temperature_of(prediction, self._Y, is_multilabel, self._weight)
        return self.loss(tempered(prediction, temperature, is_multilabel)), temperature


class KnownNumbers(RegressorMixin, BaseEstimator):
    """What a scorer takes for a regressor: its predictions are known already."""

    def __init__(self, prediction, output):
        self._prediction = prediction

    def predict(self, X):
        return self._prediction

    def __sklearn_is_fitted__(self):
        return True


class OfNumbers(Measure):
    """The squared error of scaled targets, or a score of regressors.

    The target is scaled to variance one, as networks with `normalize_y` see it: so
    outputs in different units count alike.
    """

    _known, _example = KnownNumbers, MLPRegressor()

    def _encoded(self, y):
        self._scaling = TargetScaling.of(y, self._weight)
        return self._scaling.encode(y, np.float64)

    def _mean_loss(self, prediction):
        off = self._scaling.encode(prediction, np.float64) - self._Y
        return float(np.average((off**2).mean(axis=1), weights=self._weight))
