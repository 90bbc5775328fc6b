"""The one entry for everything that trains: tasks to batches to outcomes.

A task has a configuration, its rows and, if it continues earlier training, a state.
Tasks that agree on what a batch must share train side by side; every task ends with the
parameters that it would have had alone. An estimator's `fit` is a single task.
"""

from dataclasses import replace

import numpy as np

from .._core.batching import chunk_size
from .._core.network import Network
from .._core.periodic import PeriodicLayer
from .keys import Same
from .prepare import Preparation, restarted
from .refit import needs_refit, refit_all
from .run_batch import train_batch
from .solvers import solver_of
from .sparse_path import needs_path, run_paths
from .tasks import FitOutcome, FitTask, TrainingState, Validation, task_of

__all__ = [
    "FitOutcome",
    "FitTask",
    "TrainingState",
    "Validation",
    "batch_capacity",
    "fit_each",
    "fit_many",
    "task_of",
]


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

    The caller may drop each outcome before asking for the next, so memory grows with
    the batch, not with the number of tasks.

    Parameters
    ----------
    tasks : list of FitTask
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
        float32 or float64, finite.
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    validation : Validation, default=None
        Validation data of all tasks with early stopping; by default each task splits
        off some of its own rows.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends training and keeps the parameters reached so far. Otherwise
        the KeyboardInterrupt propagates.

    Yields
    ------
    index : int
        The position of the task in `tasks`.
    outcome : FitOutcome
        What became of it. If a task fails, its outcome holds the error and the other
        tasks go on.
    """
    by_refit = [index for index, task in enumerate(tasks) if needs_refit(task)]
    if by_refit:
        yield from _fit_in_phases(tasks, by_refit, X, y, validation, keep_interrupted)
    by_path = [index for index, task in enumerate(tasks) if needs_path(task)]
    if by_path:
        yield from _fit_by_paths(tasks, by_path, X, y, validation, keep_interrupted)
    preparation = Preparation(X, y, validation)
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
    while batches:
        batch = batches.pop(next(iter(batches)))
        chunks = _chunks(batch, X.dtype)
        del batch
        while chunks:
            # The chunk leaves the list, so that its memory is free once it is trained.
            yield from _train_chunk(chunks.pop(0), len(tasks) == 1, keep_interrupted)


def _train_chunk(chunk, is_only, keep_interrupted):
    """The (index, outcome) pairs of prepared tasks that share a batch."""
    own = chunk
    try:
        if not is_only or chunk[0].task.resume:
            # A single short fit does without, for it would take a tenth longer.
            own = _with_own_streams(chunk)
        outcomes = train_batch(own, keep_interrupted)
    except Exception as error:
        if len(chunk) == 1:
            outcomes = [FitOutcome(error=error)]
        else:
            # The scorer or the augmentation of one network has failed. All networks of
            # the chunk are trained again one by one from the same starts, so that the
            # others end as if the failing one had not been there.
            return [
                pair
                for prepared in chunk
                for pair in _train_chunk([restarted(prepared)], False, keep_interrupted)
            ]
    return [
        (prepared.index, outcome)
        for prepared, outcome in zip(chunk, outcomes, strict=True)
    ]


def _with_own_streams(chunk):
    """The tasks with copies of their streams, because training consumes streams.

    Another chunk may begin with the same streams, and this one may have to begin again.
    Tasks of the chunk that share a stream share its copy.
    """
    copies = {Same(prepared.model.stream): None for prepared in chunk}
    copies = {stream: stream.value.copy() for stream in copies}
    return [
        replace(
            prepared,
            model=prepared.model.changed(stream=copies[Same(prepared.model.stream)]),
        )
        for prepared in chunk
    ]


def _fit_in_phases(tasks, by_refit, X, y, validation, keep_interrupted):
    """As `fit_each`, for the tasks at some positions, which are trained twice."""

    def train_once(tasks, X, y, validation=None):
        return fit_each(
            tasks, X, y, validation=validation, keep_interrupted=keep_interrupted
        )

    outcomes = refit_all(
        train_once, [tasks[index] for index in by_refit], X, y, validation
    )
    yield from zip(by_refit, outcomes, strict=True)


def _fit_by_paths(tasks, by_path, X, y, validation, keep_interrupted):
    """As `fit_each`, for the tasks at some positions, which start dense."""

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


def batch_capacity(config, n_rows, n_features, n_outputs, dtype):
    """How many networks of a configuration train fastest side by side.

    Parameters
    ----------
    config : FitConfig
    n_rows, n_features, n_outputs : int
        The size of the training data.
    dtype : dtype
        The type of X.

    Returns
    -------
    int
    """
    if not solver_of(config.solver).has_minibatches:
        return 1
    periodic = None
    if config.n_frequencies > 0:
        # At most: which inputs are embedded is not known before there are rows.
        inputs = np.arange(n_features)
        periodic = PeriodicLayer(n_features, inputs, config.n_frequencies)
    units = n_features, *config.hidden_units, n_outputs
    network = Network(units, config.activation, None, periodic)
    return chunk_size(network, config.batch_size_for(n_rows), dtype)


def _chunks(batch, dtype):
    """Cut a batch into chunks of about equal size that fit into the cache."""
    first = batch[0]
    size = 1
    if solver_of(first.task.config.solver).has_minibatches:
        size = chunk_size(first.network, first.batch_size, dtype)
    n_chunks = -(-len(batch) // size)
    ends = [len(batch) * chunk // n_chunks for chunk in range(n_chunks + 1)]
    return [batch[start:end] for start, end in zip(ends, ends[1:], strict=False)]
