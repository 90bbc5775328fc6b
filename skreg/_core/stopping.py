"""When training stops, and why: stopping is a value that training returns.

The criteria are objects with one verb, ``update``, that sees each epoch's numbers. With
the validation loss ``E_va(t)`` and the training loss ``E_tr(t)`` of epoch ``t``::

    E_opt(t) = min E_va(t') over t' <= t
    GL(t)    = 100 (E_va(t) / E_opt(t) - 1)
    P_k(t)   = 1000 (sum E_tr(t') / (k min E_tr(t')) - 1) over the last k epochs

`GeneralizationLoss` fires at the first epoch with ``GL(t) > threshold``;
`ProgressQuotient` at the first end of a strip of ``k`` epochs with
``GL(t) / P_k(t) > threshold``; `SuccessiveIncreases` when the validation error rose
from the end of one strip to the end of the next, several times in a row (Prechelt
1998).
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isfinite
from typing import Any, Self

import numpy as np

__all__ = [
    "Curves",
    "GeneralizationLoss",
    "Patience",
    "Progress",
    "ProgressQuotient",
    "StopReason",
    "StoppingCriterion",
    "SuccessiveIncreases",
]


class StopReason(StrEnum):
    """Why a model's training ended; the value is `stop_reason_`."""

    NO_IMPROVEMENT = "no_improvement"
    GENERALIZATION_LOSS = "generalization_loss"
    PROGRESS_QUOTIENT = "progress_quotient"
    SUCCESSIVE_INCREASES = "successive_increases"
    CRITERION = "stopping_criterion"
    CALLBACK = "callback"
    CONVERGED = "converged"
    SMALL_DECREASE = "small_decrease"
    NO_DESCENT = "no_descent"
    MAX_ITER = "max_iter"
    MAX_FUN = "max_fun"
    MAX_UPDATES = "max_updates"
    LEARNING_RATE = "learning_rate_too_small"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"


class StoppingCriterion(ABC):
    """Base of the criteria that end training; derive your own from it.

    An estimator never updates the object that it is given, only copies of it, so that
    one object may serve many fits. `__init__` stores its parameters under their own
    names, as in scikit-learn: a grid reaches ``stopping_criterion__threshold``.

    Attributes
    ----------
    reason : StopReason
        What `stop_reason_` says when this criterion has ended training.

    Examples
    --------
    Training ends when the loss on the validation rows is small enough:

    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.neural_network import StoppingCriterion
    >>> class GoodEnough(StoppingCriterion):
    ...     def __init__(self, loss=0.3):
    ...         self.loss = loss
    ...
    ...     def update(self, score, data_loss=None, validation_loss=None):
    ...         return validation_loss <= self.loss
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     early_stopping=True, stopping_criterion=GoodEnough(0.5), random_state=0
    ... )
    >>> losses = network.fit(X, y).validation_loss_curve_
    >>> network.stop_reason_
    'stopping_criterion'
    >>> losses[-1] <= 0.5 < losses[-2]
    True
    """

    reason = StopReason.CRITERION

    @abstractmethod
    def update(
        self,
        score: float,
        data_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> bool:
        """Take an epoch's numbers; True when training should stop.

        Parameters
        ----------
        score : float
            What is monitored, greater is better: the validation score, or without
            validation rows minus the objective. Finite.
        data_loss : float
            Mean loss on the training rows, without the penalty.
        validation_loss : float or None
            Mean loss on the validation rows.

        Returns
        -------
        bool
        """

    def reset_count(self) -> None:
        """Begin anew, after ``learning_rate="adaptive"`` has lowered the rate."""
        self.__init__(**self.get_params())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; `deep` is there for scikit-learn and does nothing."""
        return {
            name: getattr(self, name)
            for name in inspect.signature(type(self)).parameters
        }

    def set_params(self, **params: Any) -> Self:
        """Set parameters and begin anew."""
        unknown = set(params) - set(self.get_params())
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no parameter {sorted(unknown)}; it has "
                f"{sorted(self.get_params())}."
            )
        self.__init__(**{**self.get_params(), **params})
        return self

    def __repr__(self):
        values = (f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({', '.join(values)})"


class Patience(StoppingCriterion):
    """Stop when more than `n_iter_no_change` epochs in a row brought nothing.

    An epoch brings something if its score (greater is better) reaches the best so far
    plus `tol`. The best moves with every epoch that exceeds it at all, so many small
    steps do not add up to an improvement. This is scikit-learn's rule to the letter.

    Parameters
    ----------
    n_iter_no_change : int or inf
    tol : float, default=1e-4
        That of a network.

    Examples
    --------
    >>> from skreg.neural_network import Patience
    >>> patience = Patience(n_iter_no_change=1, tol=0.0)
    >>> [patience.update(score) for score in (0.5, 0.4, 0.3)]
    [False, False, True]
    """

    reason = StopReason.NO_IMPROVEMENT

    def __init__(self, n_iter_no_change: float, tol: float = 1e-4) -> None:
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.best_score = -np.inf
        self.n_without_improvement = 0

    def update(
        self,
        score: float,
        data_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> bool:
        """Take an epoch's score; True when patience has run out."""
        if score < self.best_score + self.tol:
            self.n_without_improvement += 1
        else:
            self.n_without_improvement = 0
        self.best_score = max(self.best_score, score)
        return self.n_without_improvement > self.n_iter_no_change

    def reset_count(self) -> None:
        """Be patient once more (after a learning rate was lowered)."""
        self.n_without_improvement = 0


class GeneralizationLoss(StoppingCriterion):
    r"""Stop when the validation loss stands too far above its minimum so far.

    With the validation loss :math:`E_{va}(t)` of epoch :math:`t` and
    :math:`E_{opt}(t) = \min_{t' \le t} E_{va}(t')`, training ends after the first epoch
    with

    .. math:: GL(t) = 100 \left(\frac{E_{va}(t)}{E_{opt}(t)} - 1\right) > threshold.

    It looks at the validation **loss** whatever `scoring` says, because a ratio needs a
    zero, which a score does not have.

    Parameters
    ----------
    threshold : float, default=10.0
        Percent. Prechelt tries 1 to 5, which here end training at the first bump of a
        curve: 5 was better than no early stopping on 55 % of 11 sets on which defaults
        are chosen, 10 on 77 %.

    See Also
    --------
    ProgressQuotient : Tolerates such a loss while training makes quick progress.
    SuccessiveIncreases : Asks whether the error rises, not by how much.

    References
    ----------
    .. [1] L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the
       Trade, Springer, 1998, section 2.

    Examples
    --------
    >>> from skreg.neural_network import GeneralizationLoss
    >>> criterion = GeneralizationLoss(threshold=5.0)
    >>> [criterion.update(-loss, 0.1, loss) for loss in (1.0, 1.04, 1.06)]
    [False, False, True]
    """

    reason = StopReason.GENERALIZATION_LOSS

    def __init__(self, threshold: float = 10.0) -> None:
        _check_positive(self, threshold=threshold)
        self.threshold = threshold
        self._smallest_loss = inf

    def update(
        self,
        score: float,
        data_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> bool:
        """Take an epoch's validation loss; True when it is too far above its best."""
        return self._generalization_loss(validation_loss) > self.threshold

    def _generalization_loss(self, validation_loss):
        """``GL`` of this epoch, in percent."""
        self._smallest_loss = min(self._smallest_loss, validation_loss)
        excess = validation_loss - self._smallest_loss
        if self._smallest_loss <= 0:
            return inf if excess > 0 else 0.0
        return 100 * excess / self._smallest_loss


class ProgressQuotient(GeneralizationLoss):
    r"""Stop when the validation loss rises and training has slowed down.

    While the training loss still falls quickly, a validation loss above its minimum may
    recover. Progress within a strip of :math:`k` epochs is how much larger the mean
    training loss :math:`E_{tr}` of the strip is than its minimum there,

    .. math:: P_k(t) = 1000 \left(\frac{\sum_{t'=t-k+1}^{t} E_{tr}(t')}
              {k \min_{t'=t-k+1}^{t} E_{tr}(t')} - 1\right),

    in thousandths, and training ends after the first strip with
    :math:`GL(t) / P_k(t) > threshold`, with the :math:`GL` of `GeneralizationLoss`.
    Both losses are without the penalty.

    Parameters
    ----------
    threshold : float, default=3.0
        Prechelt tries 0.5 to 3.

    strip_length : int, default=5
        Epochs in a strip, :math:`k`; Prechelt's 5.

    See Also
    --------
    GeneralizationLoss : The same without regard to progress.

    References
    ----------
    .. [1] L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the
       Trade, Springer, 1998, section 2.

    Examples
    --------
    >>> from skreg.neural_network import ProgressQuotient
    >>> criterion = ProgressQuotient(threshold=1.0, strip_length=2)
    >>> curves = [(1.0, 1.0), (0.5, 1.1), (0.5, 1.1), (0.5, 1.1)]
    >>> [criterion.update(-valid, train, valid) for train, valid in curves]
    [False, False, False, True]
    """

    reason = StopReason.PROGRESS_QUOTIENT

    def __init__(self, threshold: float = 3.0, strip_length: int = 5) -> None:
        super().__init__(threshold)
        _check_positive(self, strip_length=strip_length)
        self.strip_length = strip_length
        self._strip = []

    def update(
        self,
        score: float,
        data_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> bool:
        """Take an epoch's losses; True at the end of a strip that made none."""
        generalization_loss = self._generalization_loss(validation_loss)
        self._strip.append(data_loss)
        if len(self._strip) < self.strip_length:
            return False
        strip, self._strip = self._strip, []
        smallest = min(strip)
        if smallest <= 0:  # nothing is left to learn
            return generalization_loss > 0
        progress = 1000 * (sum(strip) / (self.strip_length * smallest) - 1)
        # As a product, so that no progress at all divides nothing by zero.
        return generalization_loss > self.threshold * progress


class SuccessiveIncreases(StoppingCriterion):
    """Stop when the validation error rose in several strips of epochs in a row.

    The validation error at the end of each strip of `strip_length` epochs is compared
    with that at the end of the strip before. When it rose `n_strips` times in a row,
    however little, training ends. With one strip of one epoch that is "stop as soon as
    the validation error rises". The error is minus the monitored score; an equal score
    is no rise.

    Parameters
    ----------
    n_strips : int, default=6
        Rises in a row; Prechelt tries 2 to 8.

    strip_length : int, default=5
        Epochs in a strip; Prechelt's 5.

    See Also
    --------
    GeneralizationLoss : Asks by how much the loss has risen.

    References
    ----------
    .. [1] L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the
       Trade, Springer, 1998, section 2.

    Examples
    --------
    >>> from skreg.neural_network import SuccessiveIncreases
    >>> criterion = SuccessiveIncreases(n_strips=1, strip_length=1)
    >>> [criterion.update(score) for score in (0.7, 0.8, 0.8, 0.79)]
    [False, False, False, True]
    """

    reason = StopReason.SUCCESSIVE_INCREASES

    def __init__(self, n_strips: int = 6, strip_length: int = 5) -> None:
        _check_positive(self, n_strips=n_strips, strip_length=strip_length)
        self.n_strips = n_strips
        self.strip_length = strip_length
        self._n_epochs = 0
        self._n_rises = 0
        self._last_score = -inf

    def update(
        self,
        score: float,
        data_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> bool:
        """Take an epoch's score; True at the end of the last of the strips."""
        self._n_epochs += 1
        if self._n_epochs % self.strip_length:
            return False
        self._n_rises = self._n_rises + 1 if score < self._last_score else 0
        self._last_score = score
        return self._n_rises >= self.n_strips


def _check_positive(criterion, **values):
    for name, value in values.items():
        if not value > 0:
            raise ValueError(
                f"{name}={value!r} of {type(criterion).__name__} must be > 0."
            )


@dataclass
class Curves:
    """What one model's epochs measured: Python floats, an entry an epoch.

    Attributes
    ----------
    unit : float
        What losses are multiplied by before they are recorded: a network that trains on
        a scaled target reports losses in the unit of the target itself.
    loss, data_loss : list of float
    validation_loss, validation_scores : list of float
        Empty without validation rows.
    lowest_loss : float
        Of `loss` and of the curves before.
    before : Curves or None
        Those of an earlier training, which these are to be appended to by `join`: a
        training of one epoch after many others takes no copy of all of them.
    """

    loss: list = field(default_factory=list)
    data_loss: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    lowest_loss: float = inf
    before: Curves | None = None
    unit: float = 1.0

    @classmethod
    def after(cls, before):
        """Curves without an entry yet, which go on from others."""
        return cls(lowest_loss=before.lowest_loss, before=before, unit=before.unit)

    @property
    def n_validated(self):
        """The number of validated epochs, those before included."""
        n_before = 0 if self.before is None else self.before.n_validated
        return n_before + len(self.validation_scores)

    def append(self, loss, data_loss):
        """Add an epoch's losses on the training rows."""
        self.loss.append(float(loss) * self.unit)
        self.data_loss.append(float(data_loss) * self.unit)
        self.lowest_loss = min(self.lowest_loss, self.loss[-1])

    def append_validation(self, score, loss):
        """Add an epoch's score and loss on the validation rows."""
        self.validation_scores.append(score)
        self.validation_loss.append(float(loss) * self.unit)

    def join(self):
        """Make these the whole curves, appended to the lists of those before."""
        if self.before is not None:
            before, self.before = self.before, None
            for name in _CURVES:
                whole = getattr(before, name)
                whole += getattr(self, name)
                setattr(self, name, whole)

    def copy(self):
        """The whole curves, in lists of their own."""
        parts = (Curves() if self.before is None else self.before), self
        lists = {name: sum((getattr(p, name) for p in parts), []) for name in _CURVES}
        return Curves(**lists, lowest_loss=self.lowest_loss, unit=self.unit)


_CURVES = ("loss", "data_loss", "validation_loss", "validation_scores")


class Progress:
    """One model's record of its epochs, and the parameters worth keeping.

    Those are the last with finite predictions, or with a validation score the best.

    Parameters
    ----------
    criterion : StoppingCriterion
        Sees the validation score, or minus the objective where there is none.
    curves : Curves, default=None
        To be continued.
    min_iter : int, default=0
        Epochs of this record before the criterion may end training.

    Attributes
    ----------
    n_epochs : int
        Epochs since this record began.
    best_iter : int or None
        Position in the curves, from 1, of the best validation score.
    kept : ndarray of shape (n_params,) or None
        The parameters worth keeping.
    """

    def __init__(self, criterion, curves=None, min_iter=0):
        self.criterion = criterion
        self.min_iter = min_iter
        self.curves = Curves() if curves is None else curves
        self.n_epochs = 0
        self.best_score = -np.inf
        self.best_iter = None
        self.kept = None

    def continue_from(self, earlier):
        """Take over the criterion and the best of an earlier record."""
        self.criterion = copy.deepcopy(earlier.criterion)
        self.best_score, self.best_iter = earlier.best_score, earlier.best_iter
        self.kept = earlier.kept

    def end_epoch(self, params, loss, data_loss, validation=None, is_sound=None):
        """Record an epoch.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters at its end.
        loss, data_loss : float
            The objective with and without its penalty.
        validation : tuple of (score, loss), default=None
            Of the validation rows.
        is_sound : callable, default=None
            ``is_sound(params)``: whether the network predicts finite values on the
            training rows (see `soundness`). By default whether it is finite itself.

        Returns
        -------
        StopReason or None
            An epoch whose network is not sound has diverged and is never kept.
        """
        self.n_epochs += 1
        curves = self.curves
        curves.append(loss, data_loss)
        score, validation_loss = -loss, None
        if validation is not None:
            score, validation_loss = validation
            score = float(score) if isfinite(score) else float("nan")
            curves.append_validation(score, validation_loss)
        is_sound = is_sound or _all_finite
        if not (isfinite(loss) and isfinite(score) and is_sound(params)):
            return StopReason.DIVERGED
        if score > self.best_score:
            self.best_score = float(score)
            if validation is not None:
                self.best_iter = curves.n_validated
                self.kept = params.copy()
        if validation is None:
            self.kept = params.copy()
        fires = self.criterion.update(score, data_loss, validation_loss)
        stops = fires and self.n_epochs >= self.min_iter
        return self.criterion.reason if stops else None


def _all_finite(params):
    return bool(np.isfinite(params).all())
