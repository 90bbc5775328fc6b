"""Tasks, outcomes, and the state in which training can be left and taken up again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._core.network import Network
from .._core.stopping import Progress, StopReason
from .._core.streams import Stream
from .config import FitConfig
from .targets import fitted_attributes

__all__ = [
    "FitOutcome",
    "FitTask",
    "Seeds",
    "TrainingState",
    "Validation",
    "predicting_attributes",
    "task_of",
]


@dataclass
class TrainingState:
    """Where training stands, so that it can go on; what is None starts afresh.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        After the last step. With a validation score the best ones are in `kept`.
    kept : ndarray of shape (n_params,) or None
    optimizer : dict or None
        Moments, counters and the present learning rate.
    solver : str or None
        Whose moments these are.
    stream : streams.Stream or None
        Shuffles and dropout.
    progress : stopping.Progress or None
        The criterion, the best so far, and the curves.
    n_samples_seen : int
    validation_rows : tuple of (rows, sample_weight) or None
        What was held out of the task's rows.
    feature_epsilon : float or None
        Of the log-sum penalty, where the estimator's is "auto".
    """

    params: np.ndarray
    kept: np.ndarray | None = None
    optimizer: dict | None = None
    solver: str | None = None
    stream: Stream | None = None
    progress: Progress | None = None
    n_samples_seen: int = 0
    validation_rows: tuple | None = None
    feature_epsilon: float | None = None

    def without_rows(self):
        """What a fitted estimator keeps: nothing that grows with its training rows.

        Its next fit has rows of its own. What trains on these very rows goes on from
        the whole state.
        """
        kept = self.kept
        if np.array_equal(self.params, kept):
            # One array instead of two in a pickle.
            kept = self.params
        stream = self.stream and self.stream.without_rows()
        return replace(self, kept=kept, stream=stream, validation_rows=None)


@dataclass(frozen=True)
class Seeds:
    """Seeds of a member's own; what has none is drawn by `random_state`, in its order.

    Attributes
    ----------
    weights : int or None
        Of the initial weights.
    split : int or None
        Of the validation split.
    minibatches : int or None
        Of the order of the minibatches, of dropout and of augmentation.
    """

    weights: int | None = None
    split: int | None = None
    minibatches: int | None = None


@dataclass
class FitTask:
    """One network to train; see `task_of`, which makes it of an estimator.

    Attributes
    ----------
    config : FitConfig
        All that training knows of the estimator.
    predictor : MLPClassifier or MLPRegressor
        What a scorer predicts with: copies of it are given the parameters in training.
    report_on : callable, default=None
        ``report_on(phase, network, encoding)`` gives what to call with the progress
        after each epoch, or None. What it returns may be a reason to stop.
    rows : ndarray of int, default=None
        The rows of X to fit on, all of them by default; they may repeat.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of all rows of X.
    groups : ndarray of shape (n_samples,), default=None
        Of all rows of X, for the estimator's `validation_splitter`.
    state : TrainingState, default=None
        To go on from.
    resume : bool, default=False
        Whether the state goes on as if it had never stopped, with its training and
        validation rows, which were parts of these `rows`. Epochs count on.
    max_iter : int, default=None
        In place of the estimator's.
    dense_first : bool, default=True
        Whether a fresh start without the feature penalty comes before one with it.
    refit : bool, default=True
        Whether the estimator's `refit` applies.
    split : tuple of (training, validation), default=None
        Positions in `rows`, in place of the estimator's own validation split.
    n_updates : int, default=None
        Train for so many updates, be it in the middle of an epoch, and no longer.
    phase : str, default=None
        What training is said to be while it runs, where it is a part of a fit.
    encoding : LabelEncoding or TargetScaling, default=None
        Of the target, where it is known beforehand: the classes, or the scale that
        earlier training began with.
    seeds : Seeds, default=Seeds()
        Apart from the `random_state` of the configuration.
    """

    config: FitConfig
    predictor: Any
    report_on: Callable | None = None
    rows: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    state: TrainingState | None = None
    resume: bool = False
    max_iter: int | None = None
    dense_first: bool = True
    refit: bool = True
    split: tuple | None = None
    n_updates: int | None = None
    phase: str | None = None
    encoding: Any = None
    seeds: Seeds = Seeds()


def task_of(estimator, **options):
    """The task of training an estimator, which is read here and never changed.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With validated parameters, and the attributes of the columns of X.
    **options
        Attributes of the `FitTask`.

    Returns
    -------
    FitTask
    """
    config = estimator._make_config()
    return FitTask(config, estimator, estimator._report_on, **options)


@dataclass
class FitOutcome:
    """What became of a task.

    Attributes
    ----------
    state : TrainingState or None
        Of the network that results, to go on from.
    stop_reason : StopReason or None
    error : Exception or None
        In place of everything else but a reason.
    seconds : float
        The time of its batch over the models in it.
    updates_per_epoch : int
        Minibatches an epoch; 1 for full-batch solvers.
    first_phase : FitOutcome or None
        What the curves describe where the network was trained again on all rows.
    refit_n_updates : int or None
        For how many updates.
    cut_short : bool
        Whether with a larger `max_iter` another network might have come of it. The
        reason to stop is that of one phase, and this is about all of them.
    """

    state: TrainingState | None = None
    stop_reason: StopReason | None = None
    error: Exception | None = None
    seconds: float = 0.0
    network: Network | None = None
    encoding: Any = None
    updates_per_epoch: int = 1
    first_phase: "FitOutcome | None" = None
    refit_n_updates: int | None = None
    cut_short: bool = False

    @property
    def progress(self):
        """The record that the curves, the best epoch and its score come from."""
        return (self.first_phase or self).state.progress

    def apply_to(self, estimator):
        """Set the fitted attributes of an estimator (see its docstring)."""
        progress, network = self.progress, self.network
        curves, params = progress.curves, self.state.progress.kept
        curves.join()
        vars(estimator).update(predicting_attributes(network, self.encoding, params))
        estimator.n_iter_ = progress.n_epochs
        estimator.t_ = self.state.n_samples_seen
        estimator.stop_reason_ = str(self.stop_reason)
        estimator.loss_curve_ = curves.loss
        estimator.data_loss_curve_ = curves.data_loss
        estimator.loss_ = curves.loss[-1] if curves.loss else None
        estimator.best_iter_ = progress.best_iter
        if progress.best_iter is None:
            estimator.best_loss_ = curves.lowest_loss if curves.loss else None
            estimator.validation_scores_ = estimator.validation_loss_curve_ = None
            estimator.best_validation_score_ = None
        else:
            estimator.best_loss_ = None
            estimator.validation_scores_ = curves.validation_scores
            estimator.validation_loss_curve_ = curves.validation_loss
            estimator.best_validation_score_ = progress.best_score
        estimator.refit_n_updates_ = self.refit_n_updates
        estimator._training_state = self.state.without_rows()


def predicting_attributes(network, encoding, params):
    """What predicting needs of a fitted estimator, beside the columns of X.

    It predicts by what was trained: parameters that are set after `fit` are those of
    the next fit.

    Parameters
    ----------
    network : network.Network
    encoding : LabelEncoding, TargetScaling or None
    params : ndarray of shape (n_params,)

    Returns
    -------
    dict of str to object
        By the names of the attributes.
    """
    coefs, intercepts = network.unpack(params)
    attributes = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": len(network.layer_units),
        "n_outputs_": network.n_outputs,
        "out_activation_": network.loss.out_activation,
        "_hidden_activation": network.activation_name,
        "_trained_loss": network.loss,
    }
    return attributes | fitted_attributes(encoding)


@dataclass
class Validation:
    """Validation data given from outside, validated: arrays, y as the user gave it."""

    X: Any
    y: Any
    sample_weight: np.ndarray | None = None
