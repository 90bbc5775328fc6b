"""When training stops, and why: stopping is a value that training returns."""

import copy
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite

import numpy as np

__all__ = ["Curves", "Patience", "Progress", "StopReason"]


class StopReason(StrEnum):
    """Why a model's training ended; the value is `stop_reason_`."""

    NO_IMPROVEMENT = "no_improvement"
    CONVERGED = "converged"
    MAX_ITER = "max_iter"
    MAX_FUN = "max_fun"
    LEARNING_RATE = "learning_rate_too_small"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"


class Patience:
    """Stop when more than `n_iter_no_change` epochs in a row brought nothing.

    An epoch brings something if its score (greater is better) reaches the best so far
    plus `tol`. The best moves with every epoch that exceeds it at all, so many small
    steps do not add up to an improvement. This is scikit-learn's rule to the letter.

    Parameters
    ----------
    n_iter_no_change : int or inf
    tol : float
    """

    def __init__(self, n_iter_no_change, tol):
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.best_score = -np.inf
        self.n_without_improvement = 0

    def update(self, score):
        """Take an epoch's score; True when patience has run out."""
        if score < self.best_score + self.tol:
            self.n_without_improvement += 1
        else:
            self.n_without_improvement = 0
        self.best_score = max(self.best_score, score)
        return self.n_without_improvement > self.n_iter_no_change

    def reset_count(self):
        """Be patient once more (after a learning rate was lowered)."""
        self.n_without_improvement = 0


@dataclass
class Curves:
    """What one model's epochs measured: Python floats, an entry an epoch."""

    loss: list = field(default_factory=list)
    data_loss: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)


class Progress:
    """One model's record of its epochs, and the parameters worth keeping.

    Those are the last finite ones, or with a validation score the best.

    Parameters
    ----------
    criterion : Patience
        Sees the validation score, or minus the objective where there is none.
    curves : Curves, default=None
        To be continued.

    Attributes
    ----------
    n_epochs : int
        Epochs since this record began.
    best_iter : int or None
        Position in the curves, from 1, of the best validation score.
    kept : ndarray of shape (n_params,) or None
        The parameters worth keeping.
    """

    def __init__(self, criterion, curves=None):
        self.criterion = criterion
        self.curves = Curves() if curves is None else curves
        self.n_epochs = 0
        self.best_score = -np.inf
        self.best_iter = None
        self.kept = None

    def continue_from(self, earlier):
        """Take over the criterion and the best of an earlier record."""
        self.criterion = copy.copy(earlier.criterion)
        self.best_score, self.best_iter = earlier.best_score, earlier.best_iter
        self.kept = earlier.kept

    def end_epoch(self, params, loss, data_loss, validation=None):
        """Record an epoch.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters at its end.
        loss, data_loss : float
            The objective with and without its penalty.
        validation : tuple of (score, loss), default=None
            Of the validation rows.

        Returns
        -------
        StopReason or None
        """
        self.n_epochs += 1
        curves = self.curves
        curves.loss.append(float(loss))
        curves.data_loss.append(float(data_loss))
        score = -loss
        if validation is not None:
            score, validation_loss = validation
            score = float(score) if isfinite(score) else float("nan")
            curves.validation_scores.append(score)
            curves.validation_loss.append(float(validation_loss))
        # A sum is finite only if all its terms are, and half as dear as asking each.
        if not (isfinite(loss) and isfinite(score) and isfinite(params.sum())):
            return StopReason.DIVERGED
        if score > self.best_score:
            self.best_score = float(score)
            if validation is not None:
                self.best_iter = len(curves.validation_scores)
                self.kept = params.copy()
        if validation is None:
            self.kept = params.copy()
        return StopReason.NO_IMPROVEMENT if self.criterion.update(score) else None
