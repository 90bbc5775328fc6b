"""The one entry for everything that trains: tasks to batches to outcomes.

A task names an estimator, its rows and, to go on from somewhere, a state. Tasks that
agree on what a batch must share train side by side; every one ends with the parameters
it would have had alone. An estimator's `fit` is the case of one task.
"""

import time
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from .._core.batching import chunk_size
from .._core.network import Network
from .._core.objective import Objective
from .._core.penalties import InputGroups, make_penalty
from .._core.random import Stream
from .._core.solvers import fista, lbfgs
from .._core.stopping import Curves, Progress, StopReason
from .._core.training import Model, Settings, train
from .._core.validation import Holdout, Validator
from ..augmentation import is_resampler
from ._augmenting import augmentation_key, prepare_for, resample_rows
from ._dense_to_sparse import auto_epsilon, needs_path, run_paths
from ._holdout import split_by, split_validation_rows
from ._refit import needs_refit, refit_all
from ._scoring import ValidationScore
from ._stopping import make_criterion
from ._tasks import FitOutcome, FitTask, TrainingState, Validation

__all__ = [
    "FitOutcome",
    "FitTask",
    "TrainingState",
    "Validation",
    "batch_capacity",
    "fit_each",
    "fit_many",
]

NON_FINITE_MESSAGE = (
    "Solver produced non-finite parameter weights. The input data may contain large"
    " values and need to be preprocessed."
)


@dataclass
class _Prepared:
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


def fit_many(tasks, X, y, *, validation=None, keep_interrupted=False):
    """Train every task, those that can side by side.

    See `fit_each` for the parameters.

    Returns
    -------
    list of FitOutcome
        In the tasks' order.
    """
    outcomes = [None] * len(tasks)
    for index, outcome in fit_each(
        tasks, X, y, validation=validation, keep_interrupted=keep_interrupted
    ):
        outcomes[index] = outcome
    return outcomes


def fit_each(tasks, X, y, *, validation=None, keep_interrupted=False):
    """Train every task, those that can side by side, and yield as batches end.

    What has been yielded can be let go, so memory grows with the batch, not with the
    number of tasks.

    Parameters
    ----------
    tasks : list of FitTask
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
        float32 or float64, finite.
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    validation : Validation, default=None
        For all tasks with early stopping, in place of rows split off from theirs.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends training with what there is, instead of propagating.

    Yields
    ------
    index : int
        Of the task.
    outcome : FitOutcome
        A task that fails carries its error and leaves the others alone.
    """
    by_refit = [index for index, task in enumerate(tasks) if needs_refit(task)]
    if by_refit:
        yield from _fit_in_phases(tasks, by_refit, X, y, validation, keep_interrupted)
    by_path = [index for index, task in enumerate(tasks) if needs_path(task)]
    if by_path:
        yield from _fit_by_paths(tasks, by_path, X, y, validation, keep_interrupted)
    preparation = _Preparation(X, y, validation)
    batches = {}
    for index, task in enumerate(tasks):
        if needs_path(task) or needs_refit(task):
            continue
        try:
            prepared = preparation.prepare(index, task)
        except Exception as error:
            yield index, FitOutcome(error=error)
        else:
            batches.setdefault(prepared.key, []).append(prepared)
    for key in list(batches):
        for chunk in _chunks(batches.pop(key), X.dtype):
            if len(tasks) > 1:
                _take_streams(chunk)
            try:
                outcomes = _train_chunk(chunk, keep_interrupted)
            except Exception as error:
                if len(chunk) == 1:
                    outcomes = [FitOutcome(error=error)]
                else:
                    # One of them is to blame: each by itself.
                    outcomes = [
                        fit_many([prepared.task], X, y, validation=validation)[0]
                        for prepared in chunk
                    ]
            for prepared, outcome in zip(chunk, outcomes, strict=True):
                yield prepared.index, outcome


def _fit_in_phases(tasks, by_refit, X, y, validation, keep_interrupted):
    """As `fit_each`, for the tasks (of these numbers) that are trained again."""

    def train_once(tasks, X, y, validation=None):
        return fit_each(
            tasks, X, y, validation=validation, keep_interrupted=keep_interrupted
        )

    outcomes = refit_all(
        train_once, [tasks[index] for index in by_refit], X, y, validation
    )
    yield from zip(by_refit, outcomes, strict=True)


def _fit_by_paths(tasks, by_path, X, y, validation, keep_interrupted):
    """As `fit_each`, for the tasks (of these numbers) that start dense."""

    def train_plainly(tasks, X, y, validation):
        return fit_many(
            tasks, X, y, validation=validation, keep_interrupted=keep_interrupted
        )

    outcomes = {}
    path_tasks = [tasks[index] for index in by_path]
    for points in run_paths(train_plainly, path_tasks, X, y, validation=validation):
        for index, point in zip(by_path, points, strict=True):
            if point is not None:
                outcomes[index] = getattr(point, "outcome", point)
    yield from outcomes.items()


def batch_capacity(estimator, n_rows, n_features, n_outputs, dtype):
    """The number of such networks that train best side by side.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    n_rows, n_features, n_outputs : int
        Of the training data.
    dtype : dtype

    Returns
    -------
    int
    """
    if estimator.solver in _FULL_BATCH:
        return 1
    network = Network(
        (n_features, *estimator._hidden_units(), n_outputs), estimator.activation, None
    )
    batch_size = 200 if estimator.batch_size == "auto" else estimator.batch_size
    return chunk_size(network, min(batch_size, n_rows), dtype)


def _chunks(batch, dtype):
    """Cut a batch into chunks of about equal size that fit into the cache."""
    first = batch[0]
    size = chunk_size(first.network, first.batch_size, dtype)
    if first.task.estimator.solver in _FULL_BATCH:
        size = 1
    n_chunks = -(-len(batch) // size)
    ends = [len(batch) * chunk // n_chunks for chunk in range(n_chunks + 1)]
    return [batch[start:end] for start, end in zip(ends, ends[1:], strict=False)]


def _take_streams(chunk):
    """Give a chunk copies of its streams: another may start at the same place."""
    copies = {}
    for prepared in chunk:
        stream = prepared.model.stream
        if id(stream) not in copies:
            copies[id(stream)] = stream.copy()
        prepared.model.stream = copies[id(stream)]


class _Preparation:
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
            max_iter=task.max_iter or estimator.max_iter,
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
        return _Prepared(
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


# These train one model at a time.
_FULL_BATCH = ("lbfgs", "fista")

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


def _train_chunk(chunk, keep_interrupted):
    """The outcomes of prepared tasks that share a batch."""
    started = time.perf_counter()
    first = chunk[0]
    is_full_batch = first.task.estimator.solver in _FULL_BATCH
    run = _run_full_batch if is_full_batch else _run_minibatches
    results = run(chunk, keep_interrupted)
    seconds = (time.perf_counter() - started) / len(chunk)
    return [
        _outcome(prepared, state, reason, seconds)
        for prepared, (state, reason) in zip(chunk, results, strict=True)
    ]


def _outcome(prepared, state, reason, seconds):
    if state.progress.kept is None:
        if reason is StopReason.INTERRUPTED and np.isfinite(state.params).all():
            state.progress.kept = state.params
        else:
            error = ValueError(_message_of_no_finite_epoch(prepared, state))
            return FitOutcome(stop_reason=reason, error=error, seconds=seconds)
    return FitOutcome(
        state=state,
        stop_reason=reason,
        seconds=seconds,
        network=prepared.network,
        encoding=prepared.encoding,
        updates_per_epoch=_updates_per_epoch(prepared),
    )


def _updates_per_epoch(prepared):
    if prepared.task.estimator.solver in _FULL_BATCH:
        return 1
    return -(-prepared.model.stream.n_rows // prepared.batch_size)


def _message_of_no_finite_epoch(prepared, state):
    curves = state.progress.curves
    losses = curves.loss[-1:] + curves.validation_loss[-1:]
    if curves.validation_scores and np.isfinite(losses).all():
        return (
            f"The validation score (scoring={prepared.task.estimator.scoring!r}) is "
            "not finite after the first epoch, although the losses are: it may not be "
            "defined for these validation rows."
        )
    return NON_FINITE_MESSAGE


def _report_of(prepared):
    """What to call after each epoch, or None."""
    task = prepared.task
    return task.estimator._epoch_report(task, prepared.network, prepared.encoding)


def _run_minibatches(chunk, keep_interrupted):
    first = chunk[0]
    estimator = first.task.estimator
    settings = Settings(
        solver=estimator.solver,
        batch_size=first.batch_size,
        shuffle=estimator.shuffle,
        # Adam has no schedule, as in scikit-learn.
        learning_rate=estimator.learning_rate
        if estimator.solver == "sgd"
        else "constant",
        nesterovs_momentum=estimator.nesterovs_momentum,
        feature_penalty=estimator.feature_penalty,
        groups=first.groups,
    )
    reports = [_report_of(prepared) for prepared in chunk]

    def report(index, progress):
        return reports[index] and reports[index](progress)

    trained = train(
        first.network,
        [prepared.model for prepared in chunk],
        first.X,
        first.Y,
        settings,
        report=report if any(reports) else None,
        keep_interrupted=keep_interrupted,
    )
    return [
        (
            TrainingState(
                params=result.params,
                kept=result.progress.kept,
                optimizer=result.optimizer_state,
                solver=estimator.solver,
                stream=result.stream,
                progress=result.progress,
                n_samples_seen=result.n_samples_seen,
                validation_rows=prepared.validation_rows,
                feature_epsilon=prepared.model.feature_epsilon,
            ),
            result.stop_reason,
        )
        for prepared, result in zip(chunk, trained, strict=True)
    ]


def _run_full_batch(chunk, keep_interrupted):
    return [_run_one_full_batch(prepared, keep_interrupted) for prepared in chunk]


def _run_one_full_batch(prepared, keep_interrupted):
    X = prepared.X
    estimator, model = prepared.task.estimator, prepared.model
    network, stream, progress = prepared.network, model.stream, model.progress
    penalty = make_penalty([model], estimator.feature_penalty, prepared.groups, X.dtype)
    objective = Objective(
        network, penalty, X, prepared.Y, stream.rows, stream.sample_weight
    )
    validate = None
    if model.holdout is not None:
        validator = Validator(network, model.holdout, [model.score])

        def validate(row):
            return validator(row[None])[0]

    n_earlier = progress.n_epochs
    options = {
        "max_iter": model.max_iter - n_earlier,
        "tol": estimator.tol,
        "validate": validate,
        "report": _report_of(prepared),
        "keep_interrupted": keep_interrupted,
    }
    if estimator.solver == "fista":
        reason = fista(objective, model.params, progress, **options)
    else:
        options["max_fun"] = estimator.max_fun
        reason = lbfgs(objective, model.params, progress, **options)
    params = model.params if progress.kept is None else progress.kept
    n_seen = model.n_samples_seen + (progress.n_epochs - n_earlier) * stream.n_rows
    state = TrainingState(
        params=params,
        kept=progress.kept,
        stream=stream,
        progress=progress,
        n_samples_seen=n_seen,
        validation_rows=prepared.validation_rows,
        feature_epsilon=model.feature_epsilon,
    )
    return state, reason
