"""From a dense network to none: feature penalties, raised step by step.

A concave penalty that acts from a random start on selects inputs at random; from a
trained network on, it selects well. So a model with ``feature_alpha > 0`` is fitted
without this penalty first. Then the penalty rises geometrically from a value at which
it does nothing, with a few epochs at each value, until it has the value asked for, or
until no input is left. An input that is gone does not come back. When all models have
lost an input, its column leaves the computation.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from .._core.objective import Objective
from .._core.penalties import (
    ElasticNet,
    InputGroups,
    input_penalty_named,
    make_input_penalty,
)
from .._core.rows import any_column_varies
from .._core.stopping import Patience, Progress, StopReason
from .automatic import THIRTIETH
from .judging import advice_on_divergence
from .solvers import solver_of
from .tasks import FitOutcome

__all__ = ["PathPoint", "auto_epsilon", "needs_path", "run_paths"]

# Epochs at each value: enough for this many updates, in which a moving average of
# Adam's gradients forgets the previous value (20 epochs on sets of 1,000 to 1,500 rows,
# where fewer lost accuracy on the path).
_UPDATES_PER_POINT = 100
_FEWEST_EPOCHS = 5

# What feature_epsilon="auto" means: this share of the mean norm of an input's weights
# in the dense network (measured: 0.1 % selects best).
_RELATIVE_EPSILON = 1e-3

# The first value pulls at a group of mean norm with this share of the largest gradient
# that an absent group can have.
_FIRST_PULL = 1e-4

# The factor between values adapts so that about this share of the inputs goes with
# each (twice that is a third faster and loses a point of accuracy at few inputs).
_TARGET_SHARE = 0.06
_LEAST_CHANGE = 0.25
_FIRST_FACTOR, _SMALLEST_FACTOR, _LARGEST_FACTOR = 4.0, 1.02, 4.0

# If a larger share of the inputs goes with one value, a value nearer to the one before
# is tried in its place. If inputs keep going at the nearest value, its epochs are cut.
_LARGEST_SHARE = 0.2
_SLOWEST_PACE = 1 / 16

# With early stopping, training stays at the penalty that was asked for until the epochs
# of one stage lower the penalty of the inputs by no more than this share, but for at
# most so many stages. If early stopping ended the dense network's training soon, the
# path has only a few long steps and inputs are still on their way out at its end. The
# first epochs there, which have most inputs, would then be the best (measured on breast
# cancer with feature_alpha=1: 30 of 30 inputs were left with a patience of 10, and 11
# with 100).
_SETTLED_FALL = 0.01
_MOST_STAGES_AT_TARGET = 10

# If so many stages in a row remove no input, the penalty has risen by 12 orders of
# magnitude for nothing: with steps near zero, say, networks hardly feel it. From there
# on the factor is squared from value to value, until it does something.
_MOST_IDLE_STAGES, _HASTIEST_FACTOR = 20, 1e30

# Values beyond this one do not matter, and products with them overflow.
_LARGEST_VALUE = 1e300

# Who made them wants the network that there is, not the end of its path.
_WISHES = (StopReason.INTERRUPTED, StopReason.CALLBACK)

# A penalty that has not removed all inputs after so many stages never will.
_MOST_STAGES = 1000


def needs_path(task):
    """Whether a task starts dense and ends with its feature penalty."""
    config = task.config
    penalty = input_penalty_named(config.feature_penalty)
    is_linear = not config.hidden_units and config.n_frequencies == 0
    is_convex = penalty.is_convex and is_linear
    return (
        config.feature_alpha > 0
        and task.state is None
        and task.dense_first
        and not is_convex
    )


def auto_epsilon(network, params):
    """The "auto" `feature_epsilon` of a network."""
    return _RELATIVE_EPSILON * _mean_norm(network, params)


def _mean_norm(network, params):
    """Mean norm of the inputs' weights."""
    inputs = InputGroups.singletons(network.n_inputs, network.owners)
    return float(inputs.norms(network.weights(params[None])[0]).mean())


@dataclass
class PathPoint:
    """One model after the epochs at one value of the penalty.

    Attributes
    ----------
    feature_alpha : float
        The value of the penalty.
    outcome : FitOutcome
        The fit; its state and network have all inputs, also those that are gone.
    support : ndarray of bool of shape (n_features,)
        The inputs that are left.
    """

    feature_alpha: float
    outcome: object
    support: np.ndarray


def run_paths(train, tasks, X, y, *, validation=None, to_the_end=False, n_enough=0):
    """Lead every task from its dense fit towards its penalty, all side by side.

    Parameters
    ----------
    train : callable
        ``train(tasks, X, y, validation)`` fits tasks without a path and gives their
        outcomes.
    tasks : list of FitTask
    X, y, validation
        As for `fit_many`.
    to_the_end : bool, default=False
        Whether paths go on until no input is left, instead of to the task's own
        `feature_alpha`.
    n_enough : int, default=0
        A path ends when so few inputs are left, or fewer. With a penalty under which
        inputs may come back, paths go on to their usual end.

    Yields
    ------
    list of PathPoint or FitOutcome or None
        For each task its next point; an outcome with an error if training failed; None
        if the task has no new point or its path has ended. The first points are the
        dense fits, with ``feature_alpha = 0``.
    """
    tasks = [replace(task, refit=False) for task in tasks]
    outcomes = _train_dense(train, tasks, X, y, validation)
    trails = [
        _Trail(task, outcome, X, y, to_the_end, n_enough)
        for task, outcome in zip(tasks, outcomes, strict=True)
    ]
    yield [trail.point() for trail in trails]
    inputs = np.arange(X.shape[1])
    X_left = X
    while any(trail.goes_on for trail in trails):
        going_on = [trail for trail in trails if trail.goes_on]
        needed = np.zeros(X.shape[1], dtype=bool)
        for trail in going_on:
            needed |= trail.support
            needed |= trail.needs_all_columns
        # Copying columns pays when a fair share of them is gone.
        if needed.sum() < 0.8 * len(inputs) or needed.sum() > len(inputs):
            inputs = np.flatnonzero(needed)
            X_left = X if len(inputs) == X.shape[1] else _columns(X, inputs)
        stage = [trail.next_task(inputs) for trail in going_on]
        results = train(stage, X_left, y, validation)
        for trail, outcome in zip(going_on, results, strict=True):
            trail.advance(outcome, inputs)
        yield [
            trail.point() if trail in going_on and trail.moved else None
            for trail in trails
        ]


def _train_dense(train, tasks, X, y, validation):
    """The outcomes of all tasks without a feature penalty.

    A task whose `feature_groups` are invalid is not trained; its outcome has the error.
    """
    outcomes, dense_tasks, places = [None] * len(tasks), [], []
    for place, task in enumerate(tasks):
        try:
            task.config.input_groups(X)
        except Exception as error:
            outcomes[place] = FitOutcome(error=error)
        else:
            dense_tasks.append(
                replace(task, config=replace(task.config, feature_alpha=0.0))
            )
            places.append(place)
    for place, outcome in zip(
        places, train(dense_tasks, X, y, validation), strict=True
    ):
        outcomes[place] = outcome
    return outcomes


def _columns(X, inputs):
    # Indexing an array would give Fortran order, from which rows are slow to take.
    return X[:, inputs] if sparse.issparse(X) else np.take(X, inputs, axis=1)


class _Trail:
    """One model on its path."""

    def __init__(self, task, outcome, X, y, to_the_end, n_enough=0):
        if task.config.batch_size == THIRTIETH:
            # In small minibatches the noise of the gradients holds inputs back that
            # should leave: on breast cancer with feature_alpha=1, three splits, 13, 18
            # and 11 were left at the end, and 11, 10 and 8 of minibatches of 200 rows.
            task = replace(task, config=replace(task.config, batch_size="auto"))
        self._task, self._outcome = task, outcome
        self._target = np.inf if to_the_end else task.config.feature_alpha
        self.n_features = X.shape[1]
        self.support = np.ones(self.n_features, dtype=bool)
        self._feature_alpha = 0.0
        self.goes_on = outcome.error is None
        if not self.goes_on:
            return
        rows = outcome.state.stream.rows
        if not any_column_varies(X, rows):
            error = ValueError(
                "No input can be selected: all of them are constant on the training "
                f"rows (n_samples={len(rows)})."
            )
            self._outcome, self.goes_on = FitOutcome(error=error), False
            return
        if outcome.stop_reason in _WISHES:
            self.goes_on = False
            return
        self.monitors = task.config.early_stopping and not to_the_end
        # If inputs may come back, their columns are still needed. So they are for
        # validation rows and for an augmentation, which have the width of X.
        penalty = input_penalty_named(task.config.feature_penalty)
        is_absorbing = penalty.is_absorbing(task.config)
        self.needs_all_columns = (
            self.monitors or task.config.augmentation is not None or not is_absorbing
        )
        self._n_enough = n_enough if is_absorbing else 0
        if self.n_features <= self._n_enough:
            self.goes_on = False
            return
        state = outcome.state
        self._dense = outcome
        # With early stopping the path starts at the best network, not at the last one.
        self._state = replace(state, params=state.progress.kept)
        groups = task.config.input_groups(X)
        self._groups = groups.of_rows(outcome.network.owners)
        self._epsilon = task.config.feature_epsilon
        if self._epsilon == "auto":
            self._epsilon = auto_epsilon(outcome.network, self._state.params)
        self._next = self._first_value(X, y)
        self._factor = _FIRST_FACTOR
        self._below = self._next / self._factor
        self._pace = 1.0
        self._n_stages = self._n_stages_at_target = self._n_idle_stages = 0
        self._target_is_next = False
        self.moved = True

    def _first_value(self, X, y):
        """The first value of the penalty, which does next to nothing to these data."""
        config, network = self._task.config, self._outcome.network
        stream = self._state.stream
        encoding = self._outcome.encoding
        Y = config.problem.encode_for_training(y, encoding, X.dtype)
        Y = config.problem.training_target(Y, encoding)
        penalty = ElasticNet([0.0], [0.0], X.dtype)
        objective = Objective(network, penalty, X, Y, stream.rows, stream.sample_weight)
        absent = self._state.params[None].copy()
        network.weights(absent)[0][...] = 0
        with objective.blas_threads():
            _, gradient = objective.smooth_value_and_gradient(absent)
        gradients = self._groups.norms(network.weights(gradient)[0])[0]
        largest = float((gradients / np.sqrt(self._groups.sizes)).max())
        if self._epsilon == 0:
            # The automatic epsilon is zero if all weights of the inputs are: then any
            # value removes all inputs.
            return 1.0
        norm = _mean_norm(network, self._state.params)
        slope = self._input_penalty(0.0, np.float64).slope(np.array([[norm]]))[0, 0]
        value = float(np.divide(_FIRST_PULL * largest, slope))
        # The value is infinite if the slope is zero, and zero without a gradient.
        return value if 0 < value < np.inf else 1.0

    @property
    def _at_last_point(self):
        return self._value == self._target

    def next_task(self, inputs):
        """The task of the next value, on the columns that are left."""
        self._value = self._target if self._target_is_next else self._next
        task = self._task
        config = replace(
            task.config,
            feature_alpha=self._value,
            feature_epsilon=self._epsilon,
            feature_groups=self._groups.labels[inputs],
            early_stopping=self.monitors,
            # Each value has the same number of epochs, however little they gain. Only
            # the dense network trains until a stopping criterion ends it.
            stopping_criterion="patience",
            n_iter_no_change=np.inf,
        )
        earlier = self._state.progress
        progress = Progress(Patience(np.inf, 0.0), earlier.curves)
        progress.n_epochs = earlier.n_epochs
        state = replace(self._state, progress=progress)
        return replace(
            task,
            config=config,
            state=_restricted(state, self._outcome.network, inputs),
            resume=True,
            max_iter=earlier.n_epochs + self._n_epochs(),
            encoding=self._outcome.encoding,
            report_on=self._report_on(inputs),
        )

    def _report_on(self, inputs):
        """The task's own, which is shown the network with all inputs."""
        task, whole = self._task, self._outcome.network
        if task.report_on is None:
            return None
        expansion = _Expansion(whole, inputs, self._state)

        def report_on(phase, network, encoding):
            report = task.report_on(phase, whole, encoding)

            def report_with_all_inputs(progress):
                progress = copy.copy(progress)
                if progress.kept is not None:
                    progress.kept = expansion.of_params(progress.kept)
                return report(progress)

            return report and report_with_all_inputs

        return report_on

    def _n_epochs(self):
        config = self._task.config
        if not solver_of(config.solver).has_minibatches:
            return config.max_iter if self._at_last_point else _UPDATES_PER_POINT
        n_rows = self._state.stream.n_rows
        n_updates = -(-n_rows // config.batch_size_for(n_rows))
        n_epochs = max(_FEWEST_EPOCHS, -(-_UPDATES_PER_POINT // n_updates))
        return max(1, int(self._pace * n_epochs))

    def advance(self, outcome, inputs):
        """Go to the outcome of `next_task`, unless it lies too far.

        If it does, the model stays where it was (`moved` is False) and the next task
        has a nearer value or fewer epochs.
        """
        self.moved = True
        if outcome.stop_reason in (StopReason.DIVERGED, *_WISHES):
            self._end_at_last_point(outcome.stop_reason)
            return
        if outcome.error is not None:
            self._outcome, self.goes_on = outcome, False
            return
        self._n_stages += 1
        network = self._outcome.network
        state = _expanded(outcome.state, network, inputs, self._state)
        support = _support(network, state.params)
        n_gone = self._n_groups_of(self.support & ~support)
        share = n_gone / max(self._n_groups_of(self.support), 1)
        factor = self._factor_after(share)
        is_too_far = n_gone > 1 and share > _LARGEST_SHARE
        can_be_nearer = factor < self._factor or self._pace > _SLOWEST_PACE
        if is_too_far and can_be_nearer and not self._target_is_next:
            self.moved = False
            self._pace /= 1 if factor < self._factor else 2
            self._factor, self._next = factor, self._below * factor
            return
        if self._value > self._target:
            # The next point lies beyond the target, and only now it is known that no
            # other point comes before. Asking first would give a fit other points
            # than a path has.
            self.moved, self._target_is_next = False, True
            return
        self._n_idle_stages = 0 if n_gone > 0 else self._n_idle_stages + 1
        if self._n_idle_stages > _MOST_IDLE_STAGES:
            factor = (
                self._factor**2 if self._factor < _HASTIEST_FACTOR else self._factor
            )
        self._factor, self._below = factor, self._value
        self._pace = min(1.0, 2 * self._pace)
        self._next = min(self._value * factor, _LARGEST_VALUE)
        if self._value == _LARGEST_VALUE:
            # A greater one is only the target, unless that is no inputs at all.
            self._target_is_next = self._target < np.inf
        self._go_to(outcome, state, support)

    def _n_groups_of(self, inputs):
        """The number of groups that have at least one of some inputs (a mask)."""
        return len(np.unique(self._groups.labels[inputs]))

    def _factor_after(self, share):
        """The factor to the next value, when a share of the inputs has just gone."""
        change = np.clip(_TARGET_SHARE / max(share, 1e-9), _LEAST_CHANGE, 2.0)
        return np.clip(
            1 + (self._factor - 1) * change, _SMALLEST_FACTOR, _LARGEST_FACTOR
        )

    def _go_to(self, outcome, state, support):
        """Make an outcome, with the state of all inputs, the point of the model."""
        comes_to_rest = solver_of(self._task.config.solver).comes_to_rest
        polishes = comes_to_rest and self._at_last_point
        stays = self._at_last_point and self.monitors and not polishes
        if stays:
            self._n_stages_at_target += 1
            stays = self._n_stages_at_target < _MOST_STAGES_AT_TARGET and (
                not self._has_settled(self._state.params, state.params)
            )
        self._feature_alpha, self._state, self.support = self._value, state, support
        reason = outcome.stop_reason
        cut_short = self._dense.cut_short
        if reason is StopReason.MAX_ITER:
            if polishes:
                cut_short = True
            else:
                # The epochs at a value are meant to end. Whether training was long
                # enough is what the stopping criterion said of the dense network.
                reason = self._dense.stop_reason
        self._outcome = replace(
            outcome,
            state=state,
            network=self._outcome.network,
            stop_reason=reason,
            cut_short=cut_short,
        )
        self.goes_on = (
            (stays or not self._at_last_point)
            and int(support.sum()) > self._n_enough
            and self._n_stages < _MOST_STAGES
            and (self._value < _LARGEST_VALUE or self._target < np.inf)
        )

    def _has_settled(self, before, after):
        """Whether the penalty of the inputs has hardly fallen between two states."""
        penalty = self._input_penalty(self._value, after.dtype)
        weights = self._outcome.network.weights(np.stack([before, after]))
        value_before, value_after = penalty.value(weights)
        return value_before - value_after <= _SETTLED_FALL * value_before

    def _input_penalty(self, feature_alpha, dtype):
        """The penalty of the inputs with some `feature_alpha`."""
        config = replace(
            self._task.config,
            feature_alpha=feature_alpha,
            feature_epsilon=self._epsilon,
        )
        return make_input_penalty([config], config.feature_penalty, self._groups, dtype)

    def _end_at_last_point(self, reason):
        """End the path at the last point, whose network is sound."""
        self.goes_on = False
        self._outcome = replace(self._outcome, stop_reason=reason)
        if reason is StopReason.DIVERGED and self._target == np.inf:
            error = ValueError(
                f"Training diverged at feature_alpha={self._value:.3g} on the way to "
                f"no inputs. {advice_on_divergence(self._task.config)}"
            )
            self._outcome = FitOutcome(error=error)

    def point(self):
        if self._outcome.error is not None:
            return self._outcome
        return PathPoint(self._feature_alpha, self._outcome, self.support)


def _support(network, params):
    """Whether each input has a weight that is not zero."""
    inputs = InputGroups.singletons(network.n_inputs, network.owners)
    has_weights = network.weights(params[None])[0][0].any(axis=1)
    return inputs.sum(has_weights).astype(bool)


def _restricted(state, network, inputs):
    """The state of the network that has some of the inputs only."""
    places, embedded = network.places_with(inputs), state.embedded_inputs
    if embedded is not None:
        embedded = np.flatnonzero(np.isin(inputs, embedded))

    def restrict(row):
        return row[places]

    restricted = _mapped(state, restrict, restrict, network.n_params)
    return replace(restricted, embedded_inputs=embedded)


def _expanded(state, network, inputs, before):
    """The state of the network that has all inputs; `before` is an earlier one."""
    expansion = _Expansion(network, inputs, before)
    expanded = _mapped(
        state, expansion.of_params, expansion.of_moments, len(state.params)
    )
    return replace(expanded, embedded_inputs=network.embedded_inputs)


class _Expansion:
    """Makes vectors of a network that has some inputs those of the one with all.

    Parameters
    ----------
    network : Network
        The one with all inputs.
    inputs : ndarray of int
        Those that the other has.
    before : TrainingState
        A state of the network with all inputs.
    """

    def __init__(self, network, inputs, before):
        self._network, self._before = network, before
        self._places = network.places_with(inputs)
        if network.periodic is not None:
            self._is_gone = ~np.isin(network.embedded_inputs, inputs)

    def of_moments(self, row):
        """The moments, which are zeros for the inputs that are gone."""
        whole = np.zeros(self._network.n_params, dtype=row.dtype)
        whole[self._places] = row
        return whole

    def of_params(self, row):
        """The parameters.

        The weights of inputs that are gone are zeros, and their periodic features are
        what they were in the state before: from zeros no frequency would ever move
        again.
        """
        whole = self.of_moments(row)
        if self._network.periodic is not None:
            for part, part_before in zip(
                self._network.periodic_views(whole[None]),
                self._network.periodic_views(self._before.params[None]),
                strict=True,
            ):
                part[0, self._is_gone] = part_before[0, self._is_gone]
        return whole


def _mapped(state, of_params, of_moments, n_params):
    """The state with functions applied to its parameters and to their moments.

    What is as long as the parameters in the state of the optimizer is a moment.
    """
    progress = copy.copy(state.progress)
    if progress.kept is not None:
        progress.kept = of_params(progress.kept)
    optimizer = state.optimizer and {
        name: of_moments(value) if np.size(value) == n_params else value
        for name, value in state.optimizer.items()
    }
    return replace(
        state,
        params=of_params(state.params),
        kept=None if state.kept is None else of_params(state.kept),
        optimizer=optimizer,
        progress=progress,
    )
