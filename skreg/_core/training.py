"""The minibatch loop: many networks of one architecture, trained in lockstep.

``train`` takes models as data and returns what became of each as data. A model of a
batch ends with the parameters it would have had alone (up to rounding): models share
minibatches only if they share a stream, and one that stops leaves the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .buffers import aligned_empty
from .network import Workspace
from .optimizers import SGD, Adam
from .penalties import InputGroups, make_penalty
from .rows import make_rows
from .soundness import FinitePredictions, RowNorms
from .stopping import Progress, StopReason
from .streams import Stream
from .threads import blas_threads_for
from .validation import Holdout, Validator

__all__ = ["Model", "Settings", "Trained", "train"]

# Raw predictions are kept until this many bytes of them are worth one evaluation of the
# loss; one call an epoch instead of one a minibatch.
_KEPT_OUTPUT_BYTES = 2**20

# Where the "adaptive" schedule ends, and its divisor: scikit-learn's.
_SMALLEST_LEARNING_RATE = 1e-6
_ADAPTIVE_DIVISOR = 5.0


@dataclass(frozen=True)
class Settings:
    """What all models of a batch share."""

    solver: str  # "adam" or "sgd"
    batch_size: int
    shuffle: bool = True
    learning_rate: str = "constant"  # or "invscaling", "adaptive"
    nesterovs_momentum: bool = True
    feature_penalty: str = "log_sum"  # a key of penalties.INPUT_PENALTIES
    groups: InputGroups | None = None  # of the inputs, where they are penalized


@dataclass
class Model:
    """One network to train: its start, and the hyper-parameters that are its own.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    stream : streams.Stream
        Models with one and the same stream share their minibatches.
    progress : stopping.Progress
    holdout : Holdout or None
        Models with one and the same holdout are validated together.
    score : callable or None
        ``score(params)`` of the validation rows; minus the loss where None.
    optimizer_state : dict or None
        From an earlier `Trained`.
    n_samples_seen : int
        So far; the "invscaling" schedule counts them.
    max_updates : int or None
        Minibatch steps after which training ends, be it in the middle of an epoch.
    """

    params: np.ndarray
    stream: Stream
    progress: Progress
    alpha: float = 0.0
    l1_ratio: float = 0.0
    feature_alpha: float = 0.0
    feature_epsilon: float | None = None
    dropout: float = 0.0
    learning_rate_init: float = 1e-3
    power_t: float = 0.5
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    max_iter: int = 200
    holdout: Holdout | None = None
    score: Callable | None = None
    optimizer_state: dict | None = None
    n_samples_seen: int = 0
    max_updates: int | None = None


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
    """

    params: np.ndarray
    progress: Progress
    stop_reason: StopReason
    optimizer_state: dict
    stream: Stream
    n_samples_seen: int


def train(network, models, X, Y, settings, *, report=None, keep_interrupted=False):
    """Train a batch of models by minibatch steps until each has its reason to stop.

    Parameters
    ----------
    network : network.Network
    models : list of Model
        All streams have the same number of rows. Not changed, but for `progress`.
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    Y : ndarray of shape (n_samples, n_outputs)
        Encoded targets, of X's dtype.
    settings : Settings
    report : callable, default=None
        ``report(index, progress)`` after each epoch of each model; a `StopReason` that
        it returns ends that model's training.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends training with what there is, instead of propagating.

    Returns
    -------
    list of Trained
        In the models' order.
    """
    # Models that share a stream are next to each other, and among them those that share
    # a holdout.
    first_of_stream, first_of_holdout = {}, {}
    for index, model in enumerate(models):
        first_of_stream.setdefault(id(model.stream), index)
        first_of_holdout.setdefault(id(model.holdout), index)
    order = sorted(
        range(len(models)),
        key=lambda i: (
            first_of_stream[id(models[i].stream)],
            first_of_holdout[id(models[i].holdout)],
        ),
    )
    batch = _Batch(network, [models[i] for i in order], X, Y, settings)
    trained = [None] * len(models)
    indices = np.array(order)

    # A diverging model ends with a reason, not with a storm of NumPy's warnings.
    with np.errstate(all="ignore"), batch.blas_threads():
        while len(batch.models):
            try:
                reasons = batch.end_epoch(batch.run_epoch())
                if report is not None:
                    for k, index in enumerate(indices):
                        asked = report(index, batch.models[k].progress)
                        reasons[k] = reasons[k] or asked
            except KeyboardInterrupt:
                if not keep_interrupted:
                    raise
                reasons = [StopReason.INTERRUPTED] * len(batch.models)
            if not any(reasons):
                continue
            going_on = np.array([reason is None for reason in reasons])
            streams = batch.streams_to_export(going_on)
            for k in np.flatnonzero(~going_on):
                trained[indices[k]] = batch.export(k, reasons[k], streams)
            batch.keep(np.flatnonzero(going_on))
            indices = indices[going_on]
    return trained


@dataclass
class _Ended:
    """A model at its last update, which the rest of its batch goes beyond."""

    params: np.ndarray
    optimizer: dict
    loss: float  # of the epoch's rows until then
    n_rows: int  # their number


class _Batch:
    """The models that are still training, and everything of their size."""

    def __init__(self, network, models, X, Y, settings):
        self.network, self.models = network, models
        self._X, self._Y, self._settings = X, Y, settings
        norms = RowNorms(X)
        self._predicts = [
            FinitePredictions(network, norms, model.stream.rows) for model in models
        ]
        params = np.stack([model.params for model in models])
        self._penalty = make_penalty(
            models, settings.feature_penalty, settings.groups, params.dtype
        )
        self._optimizer = self._make_optimizer(params)
        self._optimizer.import_states([m.optimizer_state for m in models])
        if settings.solver == "adam":
            self._optimizer.tie()
        rates = [
            m.learning_rate_init
            if m.optimizer_state is None
            else m.optimizer_state["learning_rate"]
            for m in models
        ]
        self._optimizer.learning_rate = rates
        self._n_samples_seen = np.array([m.n_samples_seen for m in models])
        self._n_updates = 0
        # What models were when, within an epoch, they had made their last update.
        self._ended = {}
        self._bind()

    def blas_threads(self):
        """The context in which to train: see `threads.blas_threads_for`."""
        n_rows = min(self._settings.batch_size, self.models[0].stream.n_rows)
        is_sparse = sparse.issparse(self._X)
        return blas_threads_for(self.network.largest_product(n_rows, is_sparse))

    def _make_optimizer(self, params):
        def values(name):
            return [getattr(model, name) for model in self.models]

        shared = (self.network, self._penalty, params, values("learning_rate_init"))
        if self._settings.solver == "sgd":
            return SGD(
                *shared,
                momentum=values("momentum"),
                nesterovs_momentum=self._settings.nesterovs_momentum,
            )
        return Adam(
            *shared,
            beta_1=values("beta_1"),
            beta_2=values("beta_2"),
            epsilon=values("epsilon"),
        )

    def _bind(self):
        """Make the views and buffers that fit the present models."""
        self._gradient_blocks = self.network.blocks(self._optimizer.gradients)
        self._groups = _runs([model.stream for model in self.models])
        self._streams = [self.models[group.start].stream for group in self._groups]
        self._lanes = {}
        self._validators = [
            (run, self._validator_of(self.models[run]))
            for run in _runs([model.holdout for model in self.models])
            if self.models[run.start].holdout is not None
        ]
        rates = np.array([model.dropout for model in self.models])
        self._dropout = rates[:, None, None] if rates.any() else None

    def _validator_of(self, models):
        """What scores models that share a holdout."""
        scores = [model.score for model in models]
        return Validator(self.network, models[0].holdout, scores)

    def keep(self, indices):
        """Go on with these models alone."""
        self.models = [self.models[k] for k in indices]
        self._predicts = [self._predicts[k] for k in indices]
        if not self.models:
            # Lanes know their batch: without this cycle the buffers go at once.
            self._lanes = {}
            return
        self._penalty.keep(indices)
        self._optimizer.keep(indices)
        self._n_samples_seen = self._n_samples_seen[indices]
        self._ended = {}
        self._bind()

    def streams_to_export(self, going_on):
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

    def export(self, k, reason, streams):
        """What became of one model."""
        model = self.models[k]
        ended = self._ended.get(k)
        state = ended.optimizer if ended else self._optimizer.export_state(k)
        state["learning_rate"] = float(self._optimizer.learning_rate[k])
        return Trained(
            params=self._optimizer.params[k].copy(),
            progress=model.progress,
            stop_reason=reason,
            optimizer_state=state,
            stream=streams[id(model.stream)],
            n_samples_seen=int(self._n_samples_seen[k]),
        )

    def _lane(self, n_rows):
        if n_rows not in self._lanes:
            self._lanes[n_rows] = _Lane(self, n_rows)
        return self._lanes[n_rows]

    def run_epoch(self):
        """Visit all rows once: mean data loss of every model over its minibatches."""
        n_rows = self._streams[0].n_rows
        orders = [stream.next_epoch(self._settings.shuffle) for stream in self._streams]
        losses = np.zeros(len(self.models))
        size = self._settings.batch_size
        last_updates = {model.max_updates for model in self.models}
        for start in range(0, n_rows, size):
            stop = min(start + size, n_rows)
            lane = self._lane(stop - start)
            lane.step([order[start:stop] for order in orders])
            if lane.is_full:
                losses += lane.collect_losses()
            self._n_updates += 1
            if self._n_updates in last_updates:
                losses += self._collect_losses()
                self._end_models(losses, stop)
                if len(self._ended) == len(self.models):
                    break
        losses += self._collect_losses()
        losses /= n_rows
        self._n_samples_seen += n_rows
        for k, ended in self._ended.items():
            self._optimizer.params[k] = ended.params
            self._n_samples_seen[k] += ended.n_rows - n_rows
            losses[k] = ended.loss
        return losses

    def _collect_losses(self):
        """Summed losses of the rows whose losses are not collected yet."""
        lanes = [lane for lane in self._lanes.values() if lane.has_losses]
        return sum((lane.collect_losses() for lane in lanes), start=0.0)

    def _end_models(self, losses, n_rows):
        """Keep what the models are that have made their last update."""
        for k, model in enumerate(self.models):
            if model.max_updates == self._n_updates:
                self._ended[k] = _Ended(
                    params=self._optimizer.params[k].copy(),
                    optimizer=self._optimizer.export_state(k),
                    loss=losses[k] / n_rows,
                    n_rows=n_rows,
                )

    def end_epoch(self, data_losses):
        """Validate, record, schedule: the reason to stop, or None, of every model."""
        params = self._optimizer.params
        losses = data_losses + self._penalty.value(self.network.weights(params))
        validations = self._validate(params)
        schedule = self._settings.learning_rate
        rates = None if schedule == "constant" else self._optimizer.learning_rate
        reasons = []
        for k, model in enumerate(self.models):
            progress = model.progress
            reason = progress.end_epoch(
                params[k],
                losses[k],
                data_losses[k],
                validations[k],
                # The losses are those of minibatches before the last steps.
                is_sound=self._predicts[k],
            )
            if schedule == "invscaling":
                # A float of NumPy: its power becomes infinite where Python's raises.
                n_seen = np.float64(self._n_samples_seen[k] + 1)
                rates[k] = model.learning_rate_init / n_seen**model.power_t
            elif schedule == "adaptive" and reason is progress.criterion.reason:
                reason = StopReason.LEARNING_RATE
                if rates[k] > _SMALLEST_LEARNING_RATE:
                    rates[k] /= _ADAPTIVE_DIVISOR
                    progress.criterion.reset_count()
                    reason = None
            if reason is None and k in self._ended:
                reason = StopReason.MAX_UPDATES
            if reason is None and progress.n_epochs >= model.max_iter:
                reason = StopReason.MAX_ITER
            reasons.append(reason)
        if rates is not None:
            self._optimizer.learning_rate = rates
        return reasons

    def _validate(self, params):
        """(score, loss) of every model on its validation rows, or None."""
        validations = [None] * len(params)
        for models, validator in self._validators:
            validations[models] = validator(params[models])
        return validations


def _runs(values):
    """Slices of neighbours that are one and the same object."""
    runs = []
    for k, value in enumerate(values):
        if runs and value is values[k - 1]:
            runs[-1] = slice(runs[-1].start, k + 1)
        else:
            runs.append(slice(k, k + 1))
    return runs


class _Lane:
    """The buffers of a minibatch of one size, and the step through them."""

    def __init__(self, batch, n_rows):
        self._batch, self._n_rows = batch, n_rows
        network, dtype = batch.network, batch._X.dtype
        n_models, n_groups = len(batch.models), len(batch._groups)
        n_outputs = network.n_outputs
        self._inputs = make_rows(batch._X, n_rows, batch._groups)
        self._workspace = Workspace(
            network,
            batch._optimizer.params,
            self._inputs,
            n_rows,
            has_dropout=batch._dropout is not None,
        )
        n_batches = -(-batch._streams[0].n_rows // batch._settings.batch_size)
        slot_bytes = n_models * n_outputs * n_rows * dtype.itemsize
        n_slots = min(n_batches, max(1, _KEPT_OUTPUT_BYTES // slot_bytes))
        self._raw = aligned_empty((n_slots, n_models, n_outputs, n_rows), dtype)
        self._Y = aligned_empty((n_slots, n_groups, n_outputs, n_rows), dtype)
        self._gathered = aligned_empty((n_rows, n_outputs), dtype)
        self._weight = None
        if batch._streams[0].sample_weight is not None:
            self._weight = aligned_empty((n_slots, n_groups, n_rows), dtype)
            means = [s.sample_weight.mean() for s in batch._streams]
            self._mean_weight = np.array(means)[:, None]
        self._slot = 0
        # Models, and the groups whose targets they have: those of each group in turn,
        # but in one go where no two share theirs (with the rows' product in one call, a
        # fifth of the time of many small networks).
        self._parts = [
            (models, slice(group, group + 1))
            for group, models in enumerate(batch._groups)
        ]
        if n_groups == n_models:
            self._parts = [(slice(0, n_models), slice(0, n_groups))]

    @property
    def is_full(self):
        return self._slot == len(self._raw)

    @property
    def has_losses(self):
        return self._slot > 0

    def step(self, positions):
        """One minibatch: positions in each stream's rows, ``(n_rows,)`` a stream."""
        batch, slot = self._batch, self._slot
        raw, Y = self._raw[slot], self._Y[slot]
        for group, stream in enumerate(batch._streams):
            rows = stream.rows[positions[group]]
            batch._Y.take(rows, axis=0, out=self._gathered, mode="clip")
            targets, weight = self._gathered, None
            if self._weight is not None:
                weight = stream.sample_weight[positions[group]]
            if stream.augmentation is None:
                self._inputs.load(group, rows)
            else:
                X, targets, weight = stream.augmentation(
                    self._inputs.gather(rows), targets, weight, stream.augmentation_rng
                )
                self._inputs.fill(group, X)
            Y[group] = targets.T
            if self._weight is not None:
                self._weight[slot, group] = weight

        draw_masks = None if batch._dropout is None else self._draw_masks
        self._workspace.forward(raw, draw_masks)
        self._write_output_delta(raw, Y, batch._optimizer.begin_step())
        self._workspace.backward(batch._gradient_blocks)
        batch._optimizer.end_step()
        self._slot += 1

    def _write_output_delta(self, raw, Y, scale):
        """``scale`` times the gradient of the minibatch's mean loss by the outputs."""
        batch, delta = self._batch, self._workspace.output_delta
        for models, groups in self._parts:
            batch.network.loss.gradient(raw[models], Y[groups], out=delta[models])
            if self._weight is not None:
                # Divided by the mean weight of all training rows, not by this
                # minibatch's: a heavy minibatch counts for more, one without weight
                # for nothing.
                weight = self._weight[self._slot, groups] / self._mean_weight[groups]
                delta[models] *= weight[:, None]
        scale = scale / self._n_rows
        if not isinstance(scale, float):
            scale = scale[:, :, None].astype(delta.dtype)
        delta *= scale

    def _draw_masks(self, mask):
        """Inverted dropout: 0 with probability `dropout`, else 1 / (1 - dropout)."""
        for stream, models in zip(
            self._batch._streams, self._batch._groups, strict=True
        ):
            rate = self._batch._dropout[models]
            if not rate.any():
                # Alone, these models would draw nothing.
                mask[models] = 1
                continue
            uniform = stream.dropout_rng.random(mask.shape[1:], dtype=np.float32)
            np.divide(uniform >= rate, 1 - rate, out=mask[models], casting="same_kind")

    def collect_losses(self):
        """Summed losses of the rows seen since the last call: ``(n_models,)``."""
        loss = self._batch.network.loss
        losses = np.zeros(len(self._batch.models))
        filled = slice(0, self._slot)
        for models, groups in self._parts:
            values = loss.value(self._raw[filled, models], self._Y[filled, groups])
            if self._weight is not None:
                weight = self._weight[filled, groups] / self._mean_weight[groups]
                values = values * weight
            # A model's own values next to each other, so that it is the same sum to the
            # last bit whichever models are beside it.
            values = values.transpose(1, 0, 2).reshape(values.shape[1], -1)
            losses[models] = values.sum(axis=1)
        self._slot = 0
        return losses
