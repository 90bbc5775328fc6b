"""The loop over epochs: many networks of one architecture, trained in lockstep.

``train`` takes models as data and returns what became of each as data. A model of a
batch ends with the parameters it would have had alone (up to rounding): models share
minibatches only if they share a stream, and one that stops leaves the batch.

What a minibatch is made of stands in `minibatches`, what is done with it in `step`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .averaging import Average, Averages
from .loop import computing, end_if_cancelled, reported, unless_interrupted
from .minibatches import Minibatches
from .penalties import InputGroups, make_penalty
from .schedules import DROPOUT_SCHEDULES, make_schedule
from .soundness import FinitePredictions, RowNorms
from .step import engine_for, make_step
from .stopping import Progress, StopReason
from .streams import Stream
from .threads import blas_threads_for
from .validation import Validator

__all__ = ["Model", "Settings", "Trained", "train"]


_ENGINE_LINES = {
    "numpy": "Training with NumPy.",
    "compiled": "Training with compiled functions. They are compiled when they are "
    "first needed, which takes a few seconds, and then kept on disk.",
}


@dataclass(frozen=True)
class Settings:
    """What all models of a batch share."""

    solver: str  # an entry of optimizers.OPTIMIZERS
    batch_size: int
    shuffle: bool = True
    learning_rate: str = "constant"  # an entry of schedules.SCHEDULES
    nesterovs_momentum: bool = True
    feature_penalty: str = "log_sum"  # a key of penalties.INPUT_PENALTIES
    groups: InputGroups | None = None  # of the inputs, where they are penalized
    dropout_schedule: str = "constant"  # a key of schedules.DROPOUT_SCHEDULES


# scikit-learn's, and no penalty.
_DEFAULT_NUMBERS = {
    "alpha": 0.0,
    "l1_ratio": 0.0,
    "feature_alpha": 0.0,
    "feature_epsilon": None,
    "dropout": 0.0,
    "learning_rate_init": 1e-3,
    "power_t": 0.5,
    "warmup_fraction": 0.0,
    "momentum": 0.9,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}


class Model:
    """One network to train: its start, and the numbers that are its own.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
    stream : streams.Stream
        Models with one and the same stream share their minibatches.
    progress : stopping.Progress
    holdout : Holdout, default=None
        Models with one and the same holdout are validated together.
    score : callable, default=None
        ``score(params)`` of the validation rows; minus the loss where None.
    optimizer_state : dict, default=None
        From an earlier `Trained`.
    n_samples_seen : int, default=0
        So far; the "invscaling" schedule counts them.
    max_iter : int, default=200
        Epochs after which training ends.
    max_updates : int, default=None
        Minibatch steps after which training ends, be it in the middle of an epoch.
    schedule_iter : int, default=None
        Epochs after which schedules end, if `max_iter` ends only a phase of training.
    weight_averaging : float, default=0.0
        The decay of the moving average that is judged and kept.
    average : averaging.Average, default=None
        From an earlier `Trained`.
    largest_raw : float, default=inf
        As for `soundness.FinitePredictions`.
    **numbers : float
        The hyper-parameters that penalties, the optimizer and the schedule read of each
        model as attributes, by these names. None of them is known here: a new penalty
        may have a new one.
    """

    def __init__(
        self,
        params,
        stream,
        progress,
        *,
        holdout=None,
        score=None,
        optimizer_state=None,
        n_samples_seen=0,
        max_iter=200,
        max_updates=None,
        schedule_iter=None,
        weight_averaging=0.0,
        average=None,
        largest_raw=np.inf,
        **numbers,
    ):
        self.params, self.stream, self.progress = params, stream, progress
        self.holdout, self.score = holdout, score
        self.optimizer_state = optimizer_state
        self.n_samples_seen = n_samples_seen
        self.max_iter, self.max_updates = max_iter, max_updates
        self.schedule_iter = schedule_iter or max_iter
        self.weight_averaging, self.average = weight_averaging, average
        self.largest_raw = largest_raw
        vars(self).update(_DEFAULT_NUMBERS | numbers)

    def changed(self, **attributes):
        """A copy with other values of some attributes."""
        # `copy.copy` takes five times as long.
        changed = object.__new__(type(self))
        vars(changed).update(vars(self) | attributes)
        return changed


@dataclass
class Trained:
    """What became of one model.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        After the last step, finite or not; `progress.kept` is what to use.
    progress : stopping.Progress
    stop_reason : stopping.StopReason
    optimizer_state : dict
        Moments and counters, with the learning rate.
    stream : streams.Stream
        As it would be had the model trained alone. Models that ended together share it:
        who goes on from here takes a copy.
    n_samples_seen : int
    engine : str
        The implementation of the step: "numpy" or "compiled".
    average : averaging.Average or None
        Of the parameters after each epoch, if the model has one.
    """

    params: np.ndarray
    progress: Progress
    stop_reason: StopReason
    optimizer_state: dict
    stream: Stream
    n_samples_seen: int
    engine: str
    average: Average | None = None


def train(
    network,
    models,
    X,
    Y,
    settings,
    *,
    report=None,
    say=None,
    keep_interrupted=False,
):
    """Train a batch of models by minibatch steps until each has its reason to stop.

    Parameters
    ----------
    network : network.Network
    models : list of Model
        All streams have the same number of rows. Not changed, but for `progress`.
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
        Encoded targets, of X's dtype.
    settings : Settings
    report : callable, default=None
        ``report(index, progress)`` after each epoch of each model; a `StopReason` that
        it returns ends that model's training.
    say : callable, default=None
        ``say(line)`` is told which implementation trains, before it may be compiled.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends training with what there is, instead of propagating.

    Returns
    -------
    list of Trained
        In the models' order.

    Raises
    ------
    ValueError
        Where there is no solver, or no schedule, of the name in `settings`.
    KeyboardInterrupt
        Unless `keep_interrupted`.
    """
    order = _neighbours_first(models)
    batch = _Batch(network, [models[i] for i in order], order, X, Y, settings, say)
    trained = {}

    def train_an_epoch():
        return batch.end_epoch(batch.run_epoch(), report)

    with computing(batch.blas_threads()):
        while batch.models:
            # What is true where the epoch does not come to its end.
            instead = [StopReason.INTERRUPTED] * len(batch.models)
            reasons = unless_interrupted(train_an_epoch, instead, keep_interrupted)
            if any(reasons):
                trained |= batch.let_go(reasons)
    return [trained[index] for index in range(len(models))]


def _neighbours_first(models):
    """An order in which models that share a stream are next to each other.

    Among these, those that share a holdout are next to each other.
    """
    first_of_stream, first_of_holdout = {}, {}
    for index, model in enumerate(models):
        first_of_stream.setdefault(id(model.stream), index)
        first_of_holdout.setdefault(id(model.holdout), index)
    return sorted(
        range(len(models)),
        key=lambda i: (
            first_of_stream[id(models[i].stream)],
            first_of_holdout[id(models[i].holdout)],
        ),
    )


@dataclass
class _Ended:
    """A model at its last update, which the rest of its batch goes beyond."""

    params: np.ndarray
    optimizer: dict
    loss: float  # of the epoch's rows until then
    n_rows: int  # their number


class _Batch:
    """The models that are still training, and everything of their number.

    Parameters
    ----------
    network, X, Y, settings
        As for `train`.
    models : list of Model
        Those that share a stream, or a holdout, are next to each other.
    indices : list of int
        The models' names in what `let_go` returns.
    say : callable or None
        As for `train`.
    """

    def __init__(self, network, models, indices, X, Y, settings, say):
        self.network, self.models = network, models
        self._indices = indices
        self._X, self._Y, self._settings = X, Y, settings
        norms = RowNorms(X)
        self._predicts = [
            FinitePredictions(network, norms, model.stream.rows, model.largest_raw)
            for model in models
        ]
        self._penalty = make_penalty(
            models, settings.feature_penalty, settings.groups, models[0].params.dtype
        )
        self._schedule = make_schedule(settings.learning_rate, models)
        self._dropout_share = DROPOUT_SCHEDULES[settings.dropout_schedule]
        self._rates = np.array([_first_rate(model) for model in models], dtype=float)
        self._n_samples_seen = np.array([m.n_samples_seen for m in models])
        self._n_updates = 0
        # Of the models' earlier phases, and of all phases together.
        n_updates = _updates_of_an_epoch(models[0].stream, settings)
        n_epochs = np.array([model.progress.n_epochs for model in models])
        self._n_earlier_updates = n_epochs * n_updates
        self._n_planned_updates = np.array(
            [model.max_updates or model.schedule_iter * n_updates for model in models],
            # Of more epochs than an integer of NumPy can count.
            dtype=float,
        )
        # The parameters, and views of their weights.
        self._viewed, self._weights = None, None
        # What models were when, within an epoch, they had made their last update.
        self._ended = {}
        groups = _runs([model.stream for model in models])
        if say is not None:
            engine = engine_for(network, self._penalty, settings.solver)
            say(_ENGINE_LINES[engine])
        self._step = make_step(
            network, self._penalty, settings.solver, models, settings, X, Y, groups
        )
        self._averages = None
        decays = np.array([model.weight_averaging for model in models], dtype=float)
        if decays.any():
            earlier = [model.average for model in models]
            self._averages = Averages(decays, earlier, self._step.params)
        self._bind(groups)

    def blas_threads(self):
        """The context in which to train: see `threads.blas_threads_for`."""
        n_rows = min(self._settings.batch_size, self.models[0].stream.n_rows)
        is_sparse = sparse.issparse(self._X)
        return blas_threads_for(
            self.network.largest_product(n_rows, is_sparse), engine=self._step.engine
        )

    def _bind(self, groups):
        """Make what feeds and validates the present models."""
        settings = self._settings
        self._last_updates = {m.max_updates for m in self.models if m.max_updates}
        streams = [self.models[group.start].stream for group in groups]
        n_rows = min(settings.batch_size, streams[0].n_rows)
        self._dropout = np.array([model.dropout for model in self.models])
        self._longest_block = self._step.longest_block(n_rows)
        self._minibatches = Minibatches(
            self.network,
            self._X,
            self._Y,
            streams,
            groups,
            self._dropout,
            batch_size=settings.batch_size,
            shuffle=settings.shuffle,
            longest_block=self._longest_block,
            has_targets=not self._step.takes_targets,
        )
        self._validators = [
            (run, self._validator_of(self.models[run]))
            for run in _runs([model.holdout for model in self.models])
            if self.models[run.start].holdout is not None
        ]

    def _validator_of(self, models):
        """What scores models that share a holdout."""
        scores = [model.score for model in models]
        return Validator(self.network, models[0].holdout, scores)

    def let_go(self, reasons):
        """Let the models that have a reason to stop leave the batch.

        Parameters
        ----------
        reasons : list of (StopReason or None)

        Returns
        -------
        dict of int to Trained
            What became of these, by their indices.
        """
        going_on = np.array([reason is None for reason in reasons])
        streams = self._streams_to_export(going_on)
        trained = {
            self._indices[k]: self._export(k, reasons[k], streams)
            for k in np.flatnonzero(~going_on)
        }
        self._keep(np.flatnonzero(going_on))
        return trained

    def _keep(self, kept):
        """Go on with these models alone (an index array)."""
        self.models = [self.models[k] for k in kept]
        self._indices = [self._indices[k] for k in kept]
        self._predicts = [self._predicts[k] for k in kept]
        if not self.models:
            return
        groups = _runs([model.stream for model in self.models])
        # The penalty first: the step reads it.
        self._penalty.keep(kept)
        self._step.keep(kept, groups)
        self._schedule.keep(kept)
        if self._averages is not None:
            self._averages.keep(kept)
        self._rates = self._rates[kept]
        self._n_samples_seen = self._n_samples_seen[kept]
        self._n_earlier_updates = self._n_earlier_updates[kept]
        self._n_planned_updates = self._n_planned_updates[kept]
        self._ended = {}
        self._bind(groups)

    def _streams_to_export(self, going_on):
        """By id, the streams as they stand: copies of those that will move on."""
        moving = {id(self.models[k].stream) for k in np.flatnonzero(going_on)}
        ending = {
            id(self.models[k].stream): self.models[k].stream
            for k in np.flatnonzero(~going_on)
        }
        return {
            key: stream.copy() if key in moving else stream
            for key, stream in ending.items()
        }

    def _export(self, k, reason, streams):
        """What became of one model."""
        model = self.models[k]
        ended = self._ended.get(k)
        state = ended.optimizer if ended else self._step.export_state(k)
        state["learning_rate"] = float(self._rates[k])
        return Trained(
            params=self._step.params[k].copy(),
            progress=model.progress,
            stop_reason=reason,
            optimizer_state=state,
            stream=streams[id(model.stream)],
            n_samples_seen=int(self._n_samples_seen[k]),
            engine=self._step.engine,
            average=None if self._averages is None else self._averages.export(k),
        )

    def run_epoch(self):
        """Visit all rows once: mean data loss of every model over its minibatches."""
        stream = self.models[0].stream
        n_rows, n_seen = stream.n_rows, 0
        n_updates_before = self._n_updates
        n_updates_after = n_updates_before + _updates_of_an_epoch(
            stream, self._settings
        )
        ends = {
            last_update - n_updates_before
            for last_update in self._last_updates
            if n_updates_before < last_update <= n_updates_after
        }
        if self._dropout_share is not None:
            n_updates = self._n_earlier_updates + n_updates_before
            share = self._dropout_share(n_updates / self._n_planned_updates)
            self._minibatches.set_dropout(self._dropout * share)
        # The losses of blocks that do not fill the step's buffer are summed by
        # themselves first. The order of a sum is part of its last bits.
        losses, rest = np.zeros(len(self.models)), 0.0
        for block in self._minibatches.epoch(ends):
            end_if_cancelled()
            block_losses = self._step.run(block, self._rates_in(block))
            if block.n_steps == self._longest_block:
                losses += block_losses
            else:
                rest = rest + block_losses
            self._n_updates += block.n_steps
            n_seen += block.n_steps * block.n_rows
            if self._n_updates - n_updates_before in ends:
                losses += rest
                rest = 0.0
                self._end_models(losses, n_seen)
                if len(self._ended) == len(self.models):
                    break
        losses += rest
        losses /= n_rows
        self._n_samples_seen += n_rows
        for k, ended in self._ended.items():
            self._step.params[k] = ended.params
            self._n_samples_seen[k] += ended.n_rows - n_rows
            losses[k] = ended.loss
        return losses

    def _rates_in(self, block):
        """The learning rates in a block: one row a minibatch where they change."""
        before_steps = self._schedule.before_steps
        if before_steps is None:
            return self._rates
        n_updates = self._n_updates + np.arange(block.n_steps)[:, None]
        n_updates = self._n_earlier_updates + n_updates
        return before_steps(self._rates, n_updates, self._n_planned_updates)

    def _end_models(self, losses, n_rows):
        """Keep what the models are that have made their last update."""
        for k, model in enumerate(self.models):
            if model.max_updates == self._n_updates:
                self._ended[k] = _Ended(
                    params=self._step.params[k].copy(),
                    optimizer=self._step.export_state(k),
                    loss=losses[k] / n_rows,
                    n_rows=n_rows,
                )

    def end_epoch(self, data_losses, report):
        """Validate, record, schedule: the reason to stop, or None, of every model."""
        params = self._step.params
        losses = data_losses + self._penalty.value(self._weights_in(params))
        if self._averages is not None:
            params = self._averages.after_epoch(params)
        validations = self._validate(params)
        reasons = [
            model.progress.end_epoch(
                params[k],
                losses[k],
                data_losses[k],
                validations[k],
                # The losses are those of minibatches before the last steps.
                is_sound=self._predicts[k],
            )
            for k, model in enumerate(self.models)
        ]
        fired = [
            reason is not None and reason is self.models[k].progress.criterion.reason
            for k, reason in enumerate(reasons)
        ]
        answers = self._schedule.after_epoch(
            self._rates, reasons, fired, self._n_samples_seen
        )
        return [
            self._final_reason(k, answers[k], fired[k], report)
            for k in range(len(self.models))
        ]

    def _weights_in(self, params):
        """The weights, as views that are made once for an array of parameters."""
        if self._viewed is not params:
            self._viewed, self._weights = params, self.network.weights(params)
        return self._weights

    def _final_reason(self, k, reason, has_fired, report):
        """Why one model stops, where the schedule answered with this reason."""
        progress = self.models[k].progress
        if reason is None:
            if has_fired:
                progress.criterion.reset_count()
            if k in self._ended:
                reason = StopReason.MAX_UPDATES
            elif progress.n_epochs >= self.models[k].max_iter:
                reason = StopReason.MAX_ITER
        return reported(reason, report, self._indices[k], progress)

    def _validate(self, params):
        """(score, loss) of every model on its validation rows, or None."""
        validations = [None] * len(self.models)
        for models, validator in self._validators:
            validations[models] = validator(params[models])
        return validations


def _updates_of_an_epoch(stream, settings):
    """The number of minibatches that visit all rows of a stream once."""
    return -(-stream.n_rows // settings.batch_size)


def _first_rate(model):
    """The learning rate that a model begins or goes on with."""
    state = model.optimizer_state
    return model.learning_rate_init if state is None else state["learning_rate"]


def _runs(values):
    """Slices of neighbours that are one and the same object."""
    runs = []
    for k, value in enumerate(values):
        if runs and value is values[k - 1]:
            runs[-1] = slice(runs[-1].start, k + 1)
        else:
            runs.append(slice(k, k + 1))
    return runs
