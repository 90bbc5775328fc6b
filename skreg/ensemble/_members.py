"""Training members on folds, each stopped by the fold that it has not seen.

Networks of this package, alone or in Pipelines and target transformers, train side by
side. What is around a network is fitted on its training rows alone; the rows of its
fold go through that, and say when to stop. Any other estimator is fitted on the
training rows and predicts those of its fold.
"""

import copy
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from .._core.stopping import StopReason
from .._fitting.fit import Validation, fit_each, task_of
from .._fitting.judging import Fault, Judge
from .._fitting.members import stack_up
from .._utils.publishing import quietly
from .._utils.sklearn_private import safe_indexing
from .._utils.warnings import each_warning_once, warn
from .._utils.wrappers import (
    around_model,
    find_model,
    fit_params_of_model,
    transform_before_model,
    transform_target_before_model,
)
from ..model_selection._candidates import make_candidate, nbytes_of, prepare_fold
from ..model_selection._sklearn_private import check_method_params, safe_split
from ..neural_network._reporting import warning_about

__all__ = [
    "Member",
    "fit_on_folds",
    "network_in",
    "warn_about_members",
    "with_own_seeds",
]

# What steps before the networks have made of the rows is kept for so many members at a
# time that it has about this size: the members of a small table all train side by side.
_STACK_BYTES = 256 * 2**20

# The parameters that a network's `fit` may be given. Groups are for a validation split
# of its own: with metadata routing it may request them, and has no use for them here.
_FIT_PARAMETERS = {"sample_weight", "groups"}


@dataclass
class Member:
    """An estimator that has been fitted without the rows of a fold.

    Attributes
    ----------
    estimator : estimator or None
    prediction : ndarray or None
        What it predicts of the rows that it has not seen.
    seconds : float
        The seconds of its training.
    fault : Fault or None
        What is wrong with a network that trained without an error.
    warning : Warning or None
        What there is to say of how its training ended (see `warn_about_members`).
    error : Exception or None
        The error that ended the fit; then there is nothing else.
    """

    estimator: Any = None
    prediction: np.ndarray | None = None
    seconds: float = 0.0
    fault: Fault | None = None
    warning: Warning | None = None
    error: Exception | None = None


def with_own_seeds(estimator, random_state):
    """A clone whose `random_state`, and those of its parts, are drawn anew."""
    estimator = clone(estimator)
    seeds = {
        name: random_state.randint(2**31 - 1)
        for name in sorted(estimator.get_params(deep=True))
        if name == "random_state" or name.endswith("__random_state")
    }
    return estimator.set_params(**seeds)


def network_in(estimator):
    """The network of this package that would train side by side, or None."""
    _, network = find_model(estimator, exact=True)
    try:
        return network if network._is_one_task() else None
    except AttributeError:
        # Another library's estimator.
        return None


@each_warning_once()
@quietly
def fit_on_folds(estimators, folds, X, y, *, fit_params, output):
    """Fit estimators, each without the rows of a fold.

    Parameters
    ----------
    estimators : list of estimator
        Not fitted, alike but for their parameters; they are not changed.
    folds : list of (train, test)
        One for each.
    X, y
        All data, as the user gave them.
    fit_params : dict
        Parameters of the estimators' `fit`.
    output : outputs.Output
        What is predicted.

    Returns
    -------
    list of Member
        In the order of the estimators. A member that cannot be fitted has an error, and
        leaves the others alone.

    Raises
    ------
    TypeError
        If the networks' `fit` would be given other parameters than weights.
    ValueError
        If networks that are given all rows as they are find something wrong with them.
    """
    if network_in(estimators[0]) is None:
        fits = zip(estimators, folds, strict=True)
        return [_fit_alone(*fit, X, y, fit_params, output) for fit in fits]
    return _Networks(estimators, folds, X, y, fit_params, output).fit()


def warn_about_members(members):
    """Warn of how training ended, and if at least half of the members are of no use.

    Each reason to stop is told of once: the texts name the epoch, and so would differ.
    """
    warnings = {}
    for member in members:
        if member.warning is not None:
            _, network = find_model(member.estimator, fitted=True)
            warnings.setdefault(network.stop_reason_, member.warning)
    for warning in warnings.values():
        warn(warning)
    faults = [member.fault for member in members if member.fault is not None]
    if faults and 2 * len(faults) >= len(members):
        warn(
            f"{len(faults)} of {len(members)} members are of no use. Of the first: "
            f"{faults[0].message}",
            ConvergenceWarning,
        )


def _fit_alone(estimator, fold, X, y, fit_params, output):
    started = time.perf_counter()
    train, test = fold
    try:
        params = check_method_params(X, params=fit_params, indices=train)
        fitted = clone(estimator)
        fitted.fit(*safe_split(fitted, X, y, train), **params)
        seconds = time.perf_counter() - started
        prediction = output.of(fitted, safe_indexing(X, test))
    except Exception as error:
        return Member(error=error)
    return Member(fitted, prediction, seconds)


class _Networks:
    """One call of `fit_on_folds` with networks."""

    def __init__(self, estimators, folds, X, y, fit_params, output):
        self._folds, self._X, self._y = folds, X, y
        self._fit_params, self._output = fit_params, output
        self._candidates = [
            make_candidate(number, estimator, {})
            for number, estimator in enumerate(estimators)
        ]
        self._members = [Member(error=each.error) for each in self._candidates]

    def fit(self):
        """The members."""
        candidates = [each for each in self._candidates if each.error is None]
        for candidate in candidates:
            # A fold says when training stops, and is not for training afterwards.
            candidate.network.set_params(refit=False, validation_splitter=None)
        if candidates:
            self._check_fit_params(candidates[0])
            is_bare = not candidates[0].prefix
            (self._fit_bare if is_bare else self._fit_wrapped)(candidates)
        return self._members

    def _check_fit_params(self, candidate):
        params = self._params_of_network(candidate, self._fit_params)
        given = {name for name, value in params.items() if value is not None}
        if not given <= _FIT_PARAMETERS:
            names = ", ".join(sorted(given - _FIT_PARAMETERS))
            raise TypeError(
                f"Folds say when networks stop, and their fit is given weights alone. "
                f"Leave out {names}."
            )

    def _params_of_network(self, candidate, params):
        """Those of the parameters of `fit` that get to the network."""
        return fit_params_of_model(candidate.estimator, params)

    # -- the networks' data ----------------------------------------------------------

    def _fit_bare(self, candidates):
        """Train networks that read their rows from one X, which is not copied."""
        data = self._prepared(candidates[0], None)
        row_sets = [np.concatenate(self._folds[each.index]) for each in candidates]
        self._train(candidates, [data] * len(candidates), data, row_sets)

    def _fit_wrapped(self, candidates):
        """Train networks for each of which other steps change the rows."""
        pairs, n_bytes = [], 0
        for candidate in candidates:
            try:
                fold = self._through_wrappers(candidate)
            except Exception as error:
                self._members[candidate.index] = Member(error=error)
                continue
            pairs.append((candidate, fold))
            n_bytes += nbytes_of(fold.X)
            if n_bytes >= _STACK_BYTES:
                self._train_stacked(pairs)
                pairs, n_bytes = [], 0
        self._train_stacked(pairs)

    def _prepared(self, candidate, train):
        """What the network is given of some rows to train on, or of all: a Fold."""
        fold = prepare_fold(
            candidate, candidate.index, self._X, self._y, train, self._fit_params
        )
        if fold.error is not None:
            raise fold.error
        return fold

    def _through_wrappers(self, candidate):
        """As `_prepared`, with the rows that stop training below those to train on."""
        started = time.perf_counter()
        train, test = self._folds[candidate.index]
        fold = self._prepared(candidate, train)
        if candidate.network.early_stopping:
            stack = stack_up([fold, self._stopping_rows(candidate, fold, test)])
            fold = replace(
                fold, X=stack.X, y=stack.y, sample_weight=stack.sample_weight
            )
        fold.seconds = time.perf_counter() - started
        return fold

    def _stopping_rows(self, candidate, fold, test):
        """The rows that the network has not seen, as it is given those it trains on."""
        params = check_method_params(self._X, params=self._fit_params, indices=test)
        weight = self._params_of_network(candidate, params).get("sample_weight")
        X = transform_before_model(fold.wrappers, safe_indexing(self._X, test))
        y = transform_target_before_model(fold.wrappers, safe_indexing(self._y, test))
        network = copy.copy(candidate.network)
        vars(network).update(fold.columns)
        X, y, weight, _ = network._check_data(X, y, weight, (None,) * 3, reset=False)
        return Validation(X.astype(fold.X.dtype, copy=False), y, weight)

    # -- training --------------------------------------------------------------------

    def _train_stacked(self, pairs):
        """Train networks on the folds beside them, which are stacked up."""
        for some in _of_the_same_columns(pairs):
            candidates, folds = zip(*some, strict=True)
            stack = stack_up(folds)
            self._train(candidates, folds, stack, stack.row_sets)

    def _train(self, candidates, folds, data, row_sets):
        """Train networks on rows of the data, and file them as members."""
        tasks = [
            self._task(candidate, fold, rows, data.sample_weight)
            for candidate, fold, rows in zip(candidates, folds, row_sets, strict=True)
        ]
        for place, outcome in fit_each(tasks, data.X, data.y):
            candidate, task = candidates[place], tasks[place]
            judge = Judge(data.X, data.y, data.sample_weight, task.rows)
            self._members[candidate.index] = self._member(
                candidate, folds[place], task.config, outcome, judge
            )

    def _task(self, candidate, fold, rows, sample_weight):
        """The task of one member, whose rows to train on are the first ones."""
        network, split = candidate.network, None
        vars(network).update(fold.columns)
        n_train = len(self._folds[candidate.index][0])
        if network.early_stopping:
            positions = np.arange(len(rows))
            split = positions[:n_train], positions[n_train:]
        else:
            rows = rows[:n_train]
        return task_of(
            network,
            rows=rows,
            split=split,
            sample_weight=sample_weight,
            # Members know all classes, also those of which they are given no row.
            encoding=getattr(self._output, "encoding", None),
        )

    def _member(self, candidate, fold, config, outcome, judge):
        if outcome.error is not None:
            return Member(error=outcome.error)
        network = candidate.network
        try:
            outcome.apply_to(network)
            fault = judge.fault_of(config, outcome)
            warning = None
            if fault is None or outcome.stop_reason is not StopReason.MAX_ITER:
                # What has a fault is not told besides that more epochs might help.
                warning = warning_about(network, outcome.stop_reason, outcome.progress)
            # Moments of the optimizer, with which no training goes on.
            del network._training_state
            estimator = around_model(fold.wrappers, candidate.estimator, network)
            _, test = self._folds[candidate.index]
            prediction = self._output.of(estimator, safe_indexing(self._X, test))
        except Exception as error:
            return Member(error=error)
        seconds = outcome.seconds + fold.seconds
        return Member(estimator, prediction, seconds, fault, warning)


def _of_the_same_columns(pairs):
    """Pairs of a candidate and its fold, in lists of those whose rows can be stacked.

    An encoder before the network may give the folds different columns.
    """
    lists = {}
    for candidate, fold in pairs:
        key = fold.X.shape[1], fold.X.dtype, sparse.issparse(fold.X)
        lists.setdefault(key, []).append((candidate, fold))
    return list(lists.values())
