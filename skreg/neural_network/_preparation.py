"""Tasks to models: what a batch needs to know of each, made once for all that agree."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from .._core.network import Network
from .._core.penalties import InputGroups
from .._core.random import Stream
from .._core.stopping import Curves, Progress
from .._core.training import Model
from .._core.validation import Holdout
from ..augmentation import is_resampler
from ._augmenting import augmentation_key, prepare_for, resample_rows
from ._dense_to_sparse import auto_epsilon
from ._holdout import split_by, split_validation_rows
from ._scoring import ValidationScore
from ._stopping import make_criterion, max_iter_of
from ._tasks import FitTask

__all__ = ["FULL_BATCH", "Preparation", "Prepared"]

# These train one model at a time.
FULL_BATCH = ("lbfgs", "fista")

# What may differ between the models of a batch, by the estimators' names.
_PER_MODEL = (
    "alpha",
    "l1_ratio",
    "feature_alpha",
    "dropout",
    "learning_rate_init",
    "power_t",
    "momentum",
    "beta_1",
    "beta_2",
    "epsilon",
)


@dataclass
class Prepared:
    """A task, ready to train."""

    index: int
    task: FitTask
    network: Network
    model: Model
    X: Any
    Y: np.ndarray
    encoding: Any
    batch_size: int
    key: tuple = field(repr=False, default=())
    validation_rows: tuple | None = None
    groups: InputGroups | None = None


class Preparation:
    """Turns tasks into models; what tasks have in common is made once."""

    def __init__(self, X, y, validation):
        self._X, self._y, self._validation = X, y, validation
        self._encoded = {}
        self._groups = {}
        self._starts = {}
        self._resampled = {}
        self._held_out = {}
        self._given_rows = validation and np.arange(validation.X.shape[0])

    def prepare(self, index, task):
        estimator, X = task.estimator, self._X
        rows = np.arange(X.shape[0]) if task.rows is None else task.rows
        encoding = task.encoding or estimator._encoding_of(_rows_of(self._y, task.rows))
        Y = self._encode(estimator, encoding)
        weight = estimator._training_weight(task.sample_weight, self._y, rows, encoding)
        network = Network(
            (X.shape[1], *estimator._hidden_units(), Y.shape[1]),
            estimator.activation,
            estimator._make_loss(encoding),
        )
        params, stream, validation_rows = self._start(
            task, network, rows, weight, encoding
        )
        holdout, score = self._holdout(
            estimator, encoding, Y, stream, network, validation_rows, weight, rows
        )
        if is_resampler(estimator.augmentation):
            if task.resume:
                raise ValueError(
                    "Training with a resampler as augmentation cannot be resumed: use "
                    "an augmentation of minibatches, or search without halving."
                )
            X, Y, stream = self._resample(estimator, encoding, stream)
        model = Model(
            params=params,
            stream=stream,
            progress=_progress(task),
            holdout=holdout,
            score=score,
            optimizer_state=task.state.optimizer if task.state else None,
            n_samples_seen=task.state.n_samples_seen if task.state else 0,
            max_iter=task.max_iter or max_iter_of(estimator),
            max_updates=task.n_updates,
            **{name: getattr(estimator, name) for name in _PER_MODEL},
        )
        batch_size = estimator._resolve_batch_size(stream.n_rows)
        groups = None
        if estimator.feature_alpha > 0:
            model.feature_epsilon = _feature_epsilon(task, network, params)
            groups = self._input_groups(estimator)
        key = (
            *estimator._batch_key(),
            id(groups),
            network.layer_units,
            batch_size,
            stream.n_rows,
            stream.sample_weight is not None,
            id(X),
            id(Y),
        )
        return Prepared(
            index,
            task,
            network,
            model,
            X,
            Y,
            encoding,
            batch_size,
            key,
            validation_rows,
            groups,
        )

    def _input_groups(self, estimator):
        groups = estimator._input_groups(self._X.shape[1])
        # One object for all that agree, by which a batch knows it.
        return self._groups.setdefault(groups.labels.tobytes(), groups)

    def _encode(self, estimator, encoding):
        key = type(estimator), None if encoding is None else tuple(encoding.classes)
        if key not in self._encoded:
            self._encoded[key] = estimator._encode(self._y, encoding, self._X.dtype)
        return self._encoded[key]

    def _start(self, task, network, rows, weight, encoding):
        """Initial parameters, stream, validation rows: shared by tasks that agree."""
        estimator, state = task.estimator, task.state
        if task.resume:
            return self._resume(task, network)
        splits = estimator.early_stopping and self._validation is None
        key = (
            _seed_key(estimator.random_state),
            None if task.rows is None else id(task.rows),
            id(task.sample_weight),
            repr(getattr(estimator, "class_weight", None)),
            network.layer_units,
            estimator.activation,
            splits and estimator.validation_fraction,
            # Clones of a splitter are alike.
            splits and repr(estimator.validation_splitter),
            id(task.groups),
            id(task.split),
            augmentation_key(estimator.augmentation),
            None if state is None else id(state),
        )
        if key not in self._starts:
            if state is not None and state.stream is not None:
                augmentation = self._prepare_augmentation(task, rows, encoding)
                stream = state.stream.on_rows(rows, weight, augmentation)
                self._starts[key] = state.params, stream, None
            else:
                self._starts[key] = self._draw_start(
                    task, network, rows, weight, encoding, splits
                )
        return self._starts[key]

    def _resume(self, task, network):
        """As `_start`: states that stopped at one point of a stream share it again."""
        state = task.state
        key = (
            state.stream.position,
            id(task.rows),
            id(task.sample_weight),
            repr(getattr(task.estimator, "class_weight", None)),
            network.layer_units,
            # Only those that draw dropout masks have moved that generator.
            task.estimator.dropout > 0,
        )
        if key not in self._starts:
            self._starts[key] = state.stream.copy(), state.validation_rows
        return state.params, *self._starts[key]

    def _draw_start(self, task, network, rows, weight, encoding, splits):
        random_state = task.estimator._check_random_state()
        if task.state is None:
            params = network.initialize(random_state, self._X.dtype)
        else:
            params = task.state.params
        validation_rows = None
        if splits:
            training, validation_rows = self._split(
                task, len(rows), encoding, random_state
            )
            validation_weight = None
            if weight is not None:
                weight, validation_weight = weight[training], weight[validation_rows]
                _check_total_weight(weight, "training")
                _check_total_weight(validation_weight, "validation")
            validation_rows = rows[validation_rows], validation_weight
            rows = rows[training]
        elif weight is not None:
            _check_total_weight(weight, "training")
        augmentation = self._prepare_augmentation(task, rows, encoding)
        return params, Stream(rows, random_state, weight, augmentation), validation_rows

    def _prepare_augmentation(self, task, rows, encoding):
        Y = self._encode(task.estimator, encoding)
        return prepare_for(task.estimator.augmentation, self._X, Y, rows)

    def _resample(self, estimator, encoding, stream):
        """X, Y and stream of the training rows after the resampler; once a stream."""
        if id(stream) not in self._resampled:
            seed = stream.position[0][0]
            X, y, new = resample_rows(estimator, self._X, self._y, stream, seed)
            Y = estimator._encode(y, encoding, X.dtype)
            # With the stream, so that its id stays its own.
            self._resampled[id(stream)] = stream, (X, Y, new)
        return self._resampled[id(stream)][1]

    def _split(self, task, n_rows, encoding, random_state):
        """Training and validation rows, as positions in the task's rows."""
        if task.split is not None:
            return task.split
        estimator, y = task.estimator, _rows_of(self._y, task.rows)
        if estimator.validation_splitter is not None:
            X, groups = _rows_of(self._X, task.rows), task.groups
            groups = None if groups is None else _rows_of(groups, task.rows)
            return split_by(estimator.validation_splitter, X, y, groups)[-1]
        codes = None
        if encoding is not None and encoding.kind != "multilabel":
            codes = encoding.codes(y)
        return split_validation_rows(
            n_rows, estimator.validation_fraction, random_state, codes
        )

    def _holdout(
        self, estimator, encoding, Y, stream, network, validation_rows, weight, rows
    ):
        if not estimator.early_stopping:
            return None, None
        unit = estimator._loss_unit(network.loss, Y, stream)
        if validation_rows is not None:
            X, y = self._X, self._y
            rows, weight = validation_rows
        else:
            given = self._validation
            X, y = given.X, given.y
            estimator._check_target(y, encoding, network.n_outputs, "y_val")
            Y = estimator._encode(y, encoding, X.dtype)
            rows = self._given_rows
            weight = estimator._training_weight(given.sample_weight, y, rows, encoding)
        holdout = Holdout(X, Y, rows, weight, unit)
        if estimator.scoring == "loss":
            return holdout, None
        if id(rows) not in self._held_out:
            # With the rows, so that their id stays theirs.
            self._held_out[id(rows)] = rows, X[rows], y[rows]
        _, X, y = self._held_out[id(rows)]
        return holdout, ValidationScore(estimator, network, encoding, X, y, weight)


def _rows_of(y, rows):
    return y if rows is None else y[rows]


def _seed_key(random_state):
    """Equal for tasks whose streams are the same."""
    if random_state is None:
        return object()
    return random_state if isinstance(random_state, Integral) else id(random_state)


def _feature_epsilon(task, network, params):
    """The estimator's, or the one that training began with, or one by the params."""
    epsilon = task.estimator.feature_epsilon
    if epsilon != "auto":
        return epsilon
    if task.state is not None and task.state.feature_epsilon is not None:
        return task.state.feature_epsilon
    return auto_epsilon(network, params)


def _check_total_weight(weight, part):
    if not weight.sum() > 0:
        raise ValueError(f"sample_weight is zero for all {part} rows.")


def _progress(task):
    """A record of its own, going on with the curves (and the criterion) of a state."""
    estimator = task.estimator
    criterion = make_criterion(estimator)
    earlier = None if task.state is None else task.state.progress
    if earlier is None:
        return Progress(criterion, min_iter=estimator.min_iter)
    curves = Curves(
        **{name: list(curve) for name, curve in vars(earlier.curves).items()}
    )
    progress = Progress(criterion, curves, estimator.min_iter)
    if task.resume:
        progress.n_epochs = earlier.n_epochs
    monitored = earlier.best_iter is not None
    if task.state.stream is not None and monitored == estimator.early_stopping:
        progress.continue_from(earlier)
    return progress
