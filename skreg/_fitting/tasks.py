"""Tasks, outcomes, and the state in which training can be left and taken up again."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._core.averaging import Average
from .._core.network import Network
from .._core.stopping import Progress, StopReason
from .._core.streams import Stream
from .config import FitConfig
from .targets import fitted_attributes

__all__ = [
    "PERIODIC_ATTRIBUTES",
    "FitOutcome",
    "FitTask",
    "Seeds",
    "TrainingState",
    "Validation",
    "predicting_attributes",
    "task_of",
]

# The attributes of an estimator that are its `PeriodicFeatures`, in the same order.
PERIODIC_ATTRIBUTES = (
    "embedded_inputs_",
    "input_frequencies_",
    "input_phases_",
    "input_mixing_",
)


@dataclass
class TrainingState:
    """The state of training, from which it can go on.

    Whatever part is None starts afresh.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        The parameters after the last step.
    kept : ndarray of shape (n_params,) or None
        The parameters that the fitted estimator has: with early stopping the best ones,
        otherwise the last ones; with `weight_averaging` averages in place of both.
    optimizer : dict or None
        The moments and counters of the solver, and the learning rate after the last
        epoch.
    solver : str or None
        The solver that `optimizer` belongs to.
    stream : streams.Stream or None
        The training rows, their shuffles and dropout.
    progress : stopping.Progress or None
        The stopping criterion, the best parameters so far, and the curves.
    n_samples_seen : int
        The number of rows trained on so far, repeats counted.
    validation_rows : tuple of (rows, sample_weight) or None
        The rows that were held out of the task's rows.
    feature_epsilon : float or None
        The number that an estimator's "auto" stands for.
    average : averaging.Average or None
        The average of the parameters over the epochs, with `weight_averaging`.
    embedded_inputs : ndarray of int or None
        The inputs that have periodic features; None without `n_frequencies`.
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
    average: Average | None = None
    embedded_inputs: np.ndarray | None = None

    def without_rows(self):
        """The state without all that grows with the training rows.

        A fitted estimator keeps this, because its next fit may have other rows.
        Training that continues on the same rows needs the whole state.
        """
        kept, average, progress = self.kept, self.average, self.progress
        # A pickle then holds one array instead of several equal ones.
        if np.array_equal(self.params, kept):
            kept = self.params
        if average is not None and np.array_equal(average.params, kept):
            average = replace(average, params=kept)
        if progress is not None and np.array_equal(progress.kept, kept):
            progress = copy.copy(progress)
            progress.kept = kept
        stream = self.stream and self.stream.without_rows()
        return replace(
            self,
            kept=kept,
            average=average,
            progress=progress,
            stream=stream,
            validation_rows=None,
        )


@dataclass(frozen=True)
class Seeds:
    """Seeds that one task uses in place of its `random_state`.

    Whatever has no seed is drawn from `random_state`, in the usual order.

    Attributes
    ----------
    weights : int or None
        The seed of the initial weights.
    split : int or None
        The seed of the validation split.
    minibatches : int or None
        The seed of the order of the minibatches, of dropout and of augmentation.
    """

    weights: int | None = None
    split: int | None = None
    minibatches: int | None = None


@dataclass
class FitTask:
    """One network to train; `task_of` makes it of an estimator.

    Attributes
    ----------
    config : FitConfig
        All that training knows of the estimator.
    predictor : MLPClassifier or MLPRegressor
        The estimator whose copies, with the parameters of the network in training, a
        scorer predicts with.
    report_on : callable, default=None
        ``report_on(phase, network, encoding)`` gives a function, or None. The function
        is called with the progress after each epoch, and may return a reason to stop.
    rows : ndarray of int, default=None
        The rows of X to fit on, all of them by default; they may repeat.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of all rows of X.
    groups : ndarray of shape (n_samples,), default=None
        Groups of all rows of X, for the estimator's `validation_splitter`.
    state : TrainingState, default=None
        The state of earlier training to go on from.
    resume : bool, default=False
        Whether training continues from the state as if it had never stopped: it keeps
        the state's training and validation rows, which are parts of `rows`, and counts
        epochs on.
    max_iter : int, default=None
        The largest number of epochs, in place of the estimator's. Schedules do not end
        with it, because it may end only a phase of training.
    schedule_iter : int, default=None
        The number of epochs after which schedules end, in place of the estimator's
        largest number of epochs.
    dense_first : bool, default=True
        Whether a network that has a feature penalty and no state is trained without
        the penalty first.
    refit : bool, default=True
        Whether the estimator's `refit` applies.
    split : tuple of (training, validation), default=None
        Positions in `rows`, in place of the estimator's own validation split.
    n_updates : int, default=None
        The number of updates after which training ends, even within an epoch.
    phase : str, default=None
        The name that reports give this training if it is only a part of a fit.
    encoding : LabelEncoding or TargetScaling, default=None
        The encoding of the target if it is known beforehand: the classes, or the scale
        that earlier training began with.
    seeds : Seeds, default=Seeds()
        Seeds in place of the `random_state` of the configuration.
    embedded_inputs : ndarray of int, default=None
        The inputs that have periodic features, in place of those that have more than
        two values on the task's rows. A state says it by itself.
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
    schedule_iter: int | None = None
    dense_first: bool = True
    refit: bool = True
    split: tuple | None = None
    n_updates: int | None = None
    phase: str | None = None
    encoding: Any = None
    seeds: Seeds = Seeds()
    embedded_inputs: np.ndarray | None = None


def task_of(estimator, **options):
    """The task of training an estimator, which is read and never changed.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        An estimator with validated parameters and the attributes of the columns of X.
    **options
        Further attributes of the `FitTask`.

    Returns
    -------
    FitTask
    """
    config = estimator._make_config()
    return FitTask(config, estimator, estimator._report_on, **options)


@dataclass
class FitOutcome:
    """The result of a task.

    Attributes
    ----------
    state : TrainingState or None
        The state after training, which more training can go on from.
    stop_reason : StopReason or None
        Why training ended.
    error : Exception or None
        The error that ended training; then there is nothing else but perhaps a reason.
    seconds : float
        The training time of the batch divided by the number of its networks.
    network : Network or None
        The network that was trained; the state holds its parameters.
    engine : str
        The implementation that trained it: "numpy" or "compiled".
    encoding : LabelEncoding, TargetScaling or None
        The encoding of the target.
    batch_size : int or None
        The rows of a minibatch.
    updates_per_epoch : int
        Minibatches an epoch; 1 for full-batch solvers.
    first_phase : FitOutcome or None
        If the network was trained again on all rows, the outcome of the first training,
        which the curves describe.
    refit_n_updates : int or None
        The number of updates of the second training.
    cut_short : bool
        Whether a larger `max_iter` might have given another network. This is about all
        phases of a fit; the reason to stop is that of one phase.
    """

    state: TrainingState | None = None
    stop_reason: StopReason | None = None
    error: Exception | None = None
    seconds: float = 0.0
    network: Network | None = None
    engine: str = "numpy"
    encoding: Any = None
    batch_size: int | None = None
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
        estimator.engine_ = self.engine
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
    """The attributes that an estimator predicts with, beside those of the columns.

    They include the activation and the loss, because a parameter that the user sets
    after `fit` must not change predictions before the next fit.

    Parameters
    ----------
    network : network.Network
    encoding : LabelEncoding, TargetScaling or None
    params : ndarray of shape (n_params,)

    Returns
    -------
    dict of str to object
        The values by the names of the attributes.
    """
    coefs, intercepts = network.unpack(params)
    features = network.unpack_periodic(params) or (None,) * len(PERIODIC_ATTRIBUTES)
    attributes = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        **dict(zip(PERIODIC_ATTRIBUTES, features, strict=True)),
        "n_layers_": len(network.layer_units),
        "n_outputs_": network.n_outputs,
        "out_activation_": network.loss.out_activation,
        "_hidden_activation": network.activation_name,
        "_trained_loss": network.loss,
    }
    return attributes | fitted_attributes(encoding)


@dataclass
class Validation:
    """Validation data that the user gave, validated. The target is not encoded."""

    X: Any
    y: Any
    sample_weight: np.ndarray | None = None
