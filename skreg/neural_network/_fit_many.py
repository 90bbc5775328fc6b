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
from ._dense_to_sparse import auto_epsilon, needs_path, run_paths
from ._holdout import split_by, split_validation_rows
from ._scoring import ValidationScore
from ._stopping import make_criterion

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
    stream : random.Stream or None
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


@dataclass
class FitTask:
    """One network to train; the estimator is read, never changed.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        With validated parameters.
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
    encoding : LabelEncoding, default=None
        Of a classifier's target where it is known beforehand.
    """

    estimator: Any
    rows: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    state: TrainingState | None = None
    resume: bool = False
    max_iter: int | None = None
    dense_first: bool = True
    encoding: Any = None


@dataclass
class FitOutcome:
    """What became of a task.

    Attributes
    ----------
    state : TrainingState or None
    stop_reason : StopReason or None
    error : Exception or None
        In place of everything else.
    seconds : float
        The time of its batch over the models in it.
    """

    state: TrainingState | None = None
    stop_reason: StopReason | None = None
    error: Exception | None = None
    seconds: float = 0.0
    network: Network | None = None
    encoding: Any = None

    def apply_to(self, estimator):
        """Set the fitted attributes of an estimator (see its docstring)."""
        progress, network = self.state.progress, self.network
        curves = progress.curves
        estimator.coefs_, estimator.intercepts_ = network.unpack(progress.kept)
        estimator.n_layers_ = len(network.layer_units)
        estimator.n_outputs_ = network.n_outputs
        estimator.out_activation_ = network.loss.out_activation
        estimator.n_iter_ = progress.n_epochs
        estimator.t_ = self.state.n_samples_seen
        estimator.stop_reason_ = str(self.stop_reason)
        estimator.loss_curve_ = curves.loss
        estimator.data_loss_curve_ = curves.data_loss
        estimator.loss_ = curves.loss[-1] if curves.loss else None
        estimator.best_iter_ = progress.best_iter
        if progress.best_iter is None:
            estimator.best_loss_ = min(curves.loss, default=None)
            estimator.validation_scores_ = estimator.validation_loss_curve_ = None
            estimator.best_validation_score_ = None
        else:
            estimator.best_loss_ = None
            estimator.validation_scores_ = curves.validation_scores
            estimator.validation_loss_curve_ = curves.validation_loss
            estimator.best_validation_score_ = progress.best_score
        if self.encoding is not None:
            estimator.classes_ = self.encoding.classes
            estimator._encoding = self.encoding
        estimator._training_state = self.state


@dataclass
class Validation:
    """Validation data given from outside, validated: arrays, y as the user gave it."""

    X: Any
    y: Any
    sample_weight: np.ndarray | None = None


@dataclass
class _Prepared:
    """A task, ready to train."""

    index: int
    task: FitTask
    network: Network
    model: Model
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
    by_path = [index for index, task in enumerate(tasks) if needs_path(task)]
    if by_path:
        yield from _fit_by_paths(tasks, by_path, X, y, validation, keep_interrupted)
    preparation = _Preparation(X, y, validation)
    batches = {}
    for index, task in enumerate(tasks):
        if needs_path(task):
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
                outcomes = _train_chunk(chunk, X, keep_interrupted)
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
        model = Model(
            params=params,
            stream=stream,
            progress=_progress(task),
            holdout=holdout,
            score=score,
            optimizer_state=task.state.optimizer if task.state else None,
            n_samples_seen=task.state.n_samples_seen if task.state else 0,
            max_iter=task.max_iter or estimator.max_iter,
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
            id(Y),
        )
        return _Prepared(
            index,
            task,
            network,
            model,
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
            None if state is None else id(state),
        )
        if key not in self._starts:
            if state is not None and state.stream is not None:
                stream = state.stream.on_rows(rows, weight)
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
        return params, Stream(rows, random_state, weight), validation_rows

    def _split(self, task, n_rows, encoding, random_state):
        """Training and validation rows, as positions in the task's rows."""
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


def _train_chunk(chunk, X, keep_interrupted):
    """The outcomes of prepared tasks that share a batch."""
    started = time.perf_counter()
    first = chunk[0]
    is_full_batch = first.task.estimator.solver in _FULL_BATCH
    run = _run_full_batch if is_full_batch else _run_minibatches
    results = run(chunk, X, keep_interrupted)
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
            return FitOutcome(error=error, seconds=seconds)
    return FitOutcome(
        state=state,
        stop_reason=reason,
        seconds=seconds,
        network=prepared.network,
        encoding=prepared.encoding,
    )


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


def _run_minibatches(chunk, X, keep_interrupted):
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
    reports = [prepared.task.estimator._epoch_report() for prepared in chunk]

    def report(index, progress):
        return reports[index] and reports[index](progress)

    trained = train(
        first.network,
        [prepared.model for prepared in chunk],
        X,
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


def _run_full_batch(chunk, X, keep_interrupted):
    return [_run_one_full_batch(prepared, X, keep_interrupted) for prepared in chunk]


def _run_one_full_batch(prepared, X, keep_interrupted):
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
        "report": estimator._epoch_report(),
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
