"""Training members on folds, each stopped by the fold that it has not seen.

Networks of this package, alone or in Pipelines and target transformers, train side by
side. What is around a network is fitted on its training rows alone; the rows of its
fold go through that, and say when to stop. Any other estimator is fitted on the
training rows and predicts those of its fold.
"""

import copy
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from .._core.stopping import StopReason
from .._fitting.fit import Validation, fit_each, task_of
from .._fitting.judging import Fault, Judge
from .._fitting.members import stack_up
from .._utils.columns import columns_of
from .._utils.publishing import quietly
from .._utils.sklearn_private import safe_indexing
from .._utils.warnings import each_warning_once
from .._utils.wrappers import (
    around_model,
    find_model,
    fit_parameter,
    transform_before_model,
    transform_target_before_model,
)
from ..model_selection._candidates import make_candidate, prepare_fold
from ..model_selection._sklearn_private import check_method_params, safe_split
from ..neural_network._reporting import warn_about

__all__ = ["Member", "fit_on_folds", "network_in", "with_own_seeds"]


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
    error : Exception or None
        The error that ended the fit; then there is nothing else.
    """

    estimator: Any = None
    prediction: np.ndarray | None = None
    seconds: float = 0.0
    fault: Fault | None = None
    error: Exception | None = None


def with_own_seeds(estimator, random_state):
    """A clone whose `random_state`, and those of its parts, are drawn anew."""
    estimator = clone(estimator)
    seeds = {
        name: random_state.randint(2**31 - 1)
        for name in sorted(estimator.get_params(deep=True))
        if name == "random_state" or name.endswith("__random_state")
    }
    return estimator.set_params(**seeds) if seeds else estimator


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
        In the order of the estimators.
    """
    if network_in(estimators[0]) is None:
        fits = zip(estimators, folds, strict=True)
        return [_fit_alone(*fit, X, y, fit_params, output) for fit in fits]
    return _Networks(estimators, folds, X, y, fit_params, output).fit()


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


@dataclass
class _Part:
    """The data of one member: the training rows, then those of its fold."""

    X: Any
    y: Any
    sample_weight: Any
    n_train: int
    wrappers: Any = None
    columns: Any = None
    seconds: float = 0.0


class _Networks:
    """One call of `fit_on_folds` with networks."""

    def __init__(self, estimators, folds, X, y, fit_params, output):
        self._folds, self._X, self._y = folds, X, y
        self._fit_params, self._output = fit_params, output
        self._candidates = [
            make_candidate(number, estimator, {})
            for number, estimator in enumerate(estimators)
        ]
        for candidate in self._candidates:
            # The rows that stop training are not for training, and no rows are left
            # out by a network that is not stopped by any.
            candidate.network.set_params(refit=False, validation_splitter=None)
        self._members = [
            Member(error=candidate.error) for candidate in self._candidates
        ]

    def fit(self):
        valid = [each for each in self._candidates if each.error is None]
        if valid:
            is_bare = not valid[0].prefix
            (self._fit_shared if is_bare else self._fit_stacked)(valid)
        return self._members

    def _weight_of_all(self, candidate):
        return self._fit_params.get(fit_parameter(candidate.estimator, "sample_weight"))

    # -- networks alone, which read their rows from one X ---------------------------

    def _fit_shared(self, candidates):
        network = copy.copy(candidates[0].network)
        try:
            X, y, sample_weight, _ = network._check_data(
                self._X, self._y, self._weight_of_all(candidates[0]), (None,) * 3
            )
        except Exception as error:
            for candidate in candidates:
                self._members[candidate.index] = Member(error=error)
            return
        tasks = []
        for candidate in candidates:
            train, test = self._folds[candidate.index]
            vars(candidate.network).update(columns_of(network))
            rows = np.concatenate([train, test])
            tasks.append(self._task(candidate, rows, len(train), sample_weight))
        self._train(candidates, tasks, X, y, [None] * len(candidates), sample_weight)

    # -- networks in wrappers, whose data are stacked --------------------------------

    def _fit_stacked(self, candidates):
        parts, prepared = [], []
        for candidate in candidates:
            try:
                parts.append(self._part(candidate))
                prepared.append(candidate)
            except Exception as error:
                self._members[candidate.index] = Member(error=error)
        for some, of_some in _alike(prepared, parts):
            stack = stack_up(of_some)
            tasks = [
                self._task(candidate, rows, part.n_train, stack.sample_weight)
                for candidate, part, rows in zip(
                    some, of_some, stack.row_sets, strict=True
                )
            ]
            self._train(some, tasks, stack.X, stack.y, of_some, stack.sample_weight)

    def _part(self, candidate):
        """Fit what is around a network, and take its fold through that."""
        started = time.perf_counter()
        train, test = self._folds[candidate.index]
        fold = prepare_fold(
            candidate, candidate.index, self._X, self._y, train, self._fit_params
        )
        if fold.error is not None:
            raise fold.error
        vars(candidate.network).update(fold.columns)
        validation = Validation(*self._fold_rows(candidate, fold, test))
        pair = fold, validation
        stack = sparse.vstack if sparse.issparse(fold.X) else np.concatenate
        X = stack([each.X for each in pair])
        weight = None
        if fold.sample_weight is not None:
            weight = np.concatenate([each.sample_weight for each in pair])
        return _Part(
            X.tocsr() if sparse.issparse(X) else X,
            np.concatenate([each.y for each in pair]),
            weight,
            fold.X.shape[0],
            fold.wrappers,
            fold.columns,
            time.perf_counter() - started,
        )

    def _fold_rows(self, candidate, fold, test):
        """The rows that the network has not seen, as the network is given them."""
        network = copy.copy(candidate.network)
        X = transform_before_model(fold.wrappers, safe_indexing(self._X, test))
        y = safe_indexing(self._y, test)
        y = transform_target_before_model(fold.wrappers, y)
        weight = self._weight_of_all(candidate)
        if weight is not None:
            weight = safe_indexing(np.asarray(weight), test)
        X, y, _, _ = network._check_data(X, y, None, (None,) * 3, reset=False)
        weight = None if weight is None else weight.astype(X.dtype)
        return X.astype(fold.X.dtype, copy=False), y, weight

    # -- both ------------------------------------------------------------------------

    def _task(self, candidate, rows, n_train, sample_weight):
        """The task of one member, of whose rows the first `n_train` are to train on."""
        network, split = candidate.network, None
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
            encoding=getattr(self._output, "encoding", None),
        )

    def _train(self, candidates, tasks, X, y, parts, sample_weight):
        for index, outcome in fit_each(tasks, X, y):
            judge = Judge(X, y, sample_weight, tasks[index].rows)
            candidate = candidates[index]
            self._members[candidate.index] = self._member(
                candidate, tasks[index].config, outcome, parts[index], judge
            )

    def _member(self, candidate, config, outcome, part, judge):
        if outcome.error is not None:
            return Member(error=outcome.error)
        network, estimator = candidate.network, candidate.network
        try:
            outcome.apply_to(network)
            fault = judge.fault_of(config, outcome)
            if fault is None or outcome.stop_reason is not StopReason.MAX_ITER:
                warn_about(network, outcome.stop_reason, outcome.progress)
            # No more training goes on from a member.
            del network._training_state
            if part is not None:
                estimator = around_model(part.wrappers, candidate.estimator, network)
            _, test = self._folds[candidate.index]
            prediction = self._output.of(estimator, safe_indexing(self._X, test))
        except Exception as error:
            return Member(error=error)
        seconds = outcome.seconds + (part.seconds if part else 0.0)
        return Member(estimator, prediction, seconds, fault)


def _alike(candidates, parts):
    """Candidates with their parts, in lists of those with the same columns.

    An encoder before the network may give the folds different columns.
    """
    by_columns = {}
    for candidate, part in zip(candidates, parts, strict=True):
        key = part.X.shape[1], part.X.dtype, sparse.issparse(part.X)
        some, of_some = by_columns.setdefault(key, ([], []))
        some.append(candidate)
        of_some.append(part)
    return list(by_columns.values())
