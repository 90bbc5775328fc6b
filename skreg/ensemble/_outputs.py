"""What an ensemble averages of its members: probabilities of classes, or numbers."""

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["Numbers", "Probabilities"]


class Output(ABC):
    """What members predict, in a form of which means can be taken."""

    @abstractmethod
    def of(self, estimator, X):
        """The predictions of a fitted member: ``(n_rows, ...)``, as floats."""

    @abstractmethod
    def decoded(self, mean):
        """The labels, or numbers, of a mean of predictions."""


class Probabilities(Output):
    """Probabilities of the classes of a target, which a member may not all have seen.

    Parameters
    ----------
    encoding : LabelEncoding
        Of all rows.
    """

    def __init__(self, encoding):
        self.encoding = encoding

    @property
    def _is_multilabel(self):
        return self.encoding.kind == "multilabel"

    def of(self, estimator, X):
        """Probabilities ``(n_rows, n_classes)``; where there are none, votes."""
        if not hasattr(estimator, "predict_proba"):
            return self._votes(estimator.predict(X))
        proba = estimator.predict_proba(X)
        if isinstance(proba, list):
            # Some of scikit-learn's classifiers give a table for each label.
            proba = np.column_stack(
                [
                    self._spread(table, classes, np.arange(2))[:, 1]
                    for table, classes in zip(proba, estimator.classes_, strict=True)
                ]
            )
        elif not self._is_multilabel:
            proba = self._spread(proba, estimator.classes_, self.encoding.classes)
        return np.asarray(proba, dtype=np.float64)

    def _votes(self, labels):
        if self._is_multilabel:
            return np.asarray(labels, dtype=np.float64)
        return (np.asarray(labels)[:, None] == self.encoding.classes).astype(np.float64)

    @staticmethod
    def _spread(proba, known, classes):
        """Probabilities of some classes as probabilities of all of them."""
        if np.array_equal(known, classes):
            return proba
        spread = np.zeros((len(proba), len(classes)))
        spread[:, np.searchsorted(classes, known)] = proba
        return spread

    def decoded(self, mean):
        """The class of the largest mean; of several labels those above a half."""
        if self._is_multilabel:
            return (mean > 0.5).astype(int)
        return self.encoding.classes[mean.argmax(axis=1)]


class Numbers(Output):
    """Predictions of a regression.

    Parameters
    ----------
    n_columns : int
        Of the target.
    """

    def __init__(self, n_columns):
        self.n_columns = n_columns

    def of(self, estimator, X):
        """Predictions ``(n_rows,)`` or ``(n_rows, n_outputs)``."""
        return np.asarray(estimator.predict(X), dtype=np.float64)

    def decoded(self, mean):
        """The mean itself."""
        return mean
