"""Training one estimator on many training sets, and predicting the same rows by each.

Networks of this package, alone or in Pipelines and target transformers, train in
batches through `fit_each`. Any other estimator is cloned and fitted round by round.
Only the predictions are kept.
"""

import copy
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils import indexable
from sklearn.utils.parallel import delayed

from .._fitting.members import fit_members, stack_up
from .._fitting.workers import prefer_threads
from .._utils.calls import run_calls
from .._utils.columns import columns_of
from .._utils.progress import ProgressLines
from .._utils.publishing import fitting, quietly
from .._utils.row_sets import row_numbers
from .._utils.sklearn_private import num_samples, safe_indexing
from .._utils.warnings import each_warning_once
from .._utils.wrappers import around_model
from ..model_selection._candidates import make_candidate, nbytes_of, prepare_fold

__all__ = ["Draw", "draw_rounds", "predict_by_rounds", "with_seed"]

# If the rounds have training sets of their own, these are stacked up to this size to
# train side by side.
_WINDOW_BYTES = 64 * 2**20

RESAMPLINGS = ("bootstrap", "subsample")


@dataclass
class Draw:
    """The training set of one round.

    Attributes
    ----------
    X, y
        The data as the user gave them, or as the callable `resampling` drew them.
    rows : ndarray of int or None
        The rows of X and y to train on, which may repeat; None means all rows.
    seed : int
        The round's seed for an estimator that has none.
    is_shared : bool
        Whether all rounds have the same X and y.
    """

    X: Any
    y: Any
    rows: np.ndarray | None
    seed: int
    is_shared: bool = True


def draw_rounds(X, y, resampling, n_rounds, train_size, random_state):
    """Yield a Draw for each round.

    Parameters
    ----------
    X, y : array-likes, None where `resampling` is callable
    resampling : {"bootstrap", "subsample"}, callable or list of row sets
    n_rounds : int
    train_size : int, float or None
    random_state : RandomState

    Raises
    ------
    ValueError
        If a callable does not return (X, y), or if `train_size` is invalid.
    """
    if callable(resampling):
        for number in range(n_rounds):
            drawn = resampling(random_state)
            if not isinstance(drawn, tuple) or len(drawn) != 2:
                raise ValueError(
                    "A callable resampling must return a tuple (X, y), but in round "
                    f"{number} it returned {type(drawn).__name__}."
                )
            yield Draw(*drawn, None, _seed(random_state), is_shared=False)
        return
    X, y = indexable(X, y)
    n_samples = num_samples(X)
    if not isinstance(resampling, str):
        for rows in resampling:
            yield Draw(X, y, rows, _seed(random_state))
        return
    is_bootstrap = resampling == "bootstrap"
    size = _size_of(train_size, n_samples, is_bootstrap)
    for _ in range(n_rounds):
        if is_bootstrap:
            rows = random_state.randint(n_samples, size=size)
        else:
            rows = random_state.permutation(n_samples)[:size]
        yield Draw(X, y, rows, _seed(random_state))


def check_row_sets(row_sets, n_samples):
    """Row sets as arrays of row numbers; a ValueError says which one is invalid."""
    checked = []
    for number, rows in enumerate(row_sets):
        try:
            rows = row_numbers(rows, n_samples)
        except ValueError as error:
            raise ValueError(f"resampling[{number}] {error}.") from None
        if not rows.size:
            raise ValueError(
                f"resampling[{number}] must hold row numbers from 0 to "
                f"{n_samples - 1}, or be a mask of {n_samples} rows that are not all "
                "left out."
            )
        checked.append(rows)
    return checked


def _size_of(train_size, n_samples, is_bootstrap):
    if train_size is None:
        return n_samples if is_bootstrap else max(1, n_samples // 2)
    if isinstance(train_size, Integral):
        size = int(train_size)
    elif isinstance(train_size, Real):
        size = int(round(train_size * n_samples))
    else:
        raise ValueError(f"train_size must be a number or None, got {train_size!r}.")
    most = np.inf if is_bootstrap else n_samples - 1
    if not 1 <= size <= most:
        raise ValueError(
            f"train_size={train_size!r} asks for {size} of {n_samples} rows: it must "
            "be at least 1"
            + ("." if is_bootstrap else ", and subsampling must leave out some.")
        )
    return size


def _seed(random_state):
    return int(random_state.randint(2**31 - 1))


def with_seed(estimator, seed):
    """A clone of an estimator with a seed wherever a `random_state` is None."""
    estimator = clone(estimator)
    unseeded = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return estimator.set_params(**unseeded) if unseeded else estimator


@each_warning_once()
def predict_by_rounds(estimator, draws, predict, n_rounds, *, n_jobs=None, verbose=0):
    """Train an estimator on every draw, and predict.

    Parameters
    ----------
    estimator : estimator
        It is not changed.
    draws : iterable of Draw
    predict : callable
        ``predict(fitted_estimator)`` gives the predictions of a round.
    n_rounds : int
    n_jobs : int or None
    verbose : int

    Returns
    -------
    predictions : list
        What `predict` gave in each round.
    stop_reasons : collections.Counter
        How many networks of this package stopped for which reason; empty for other
        estimators.
    """
    network, prefers_threads = make_candidate(0, estimator, {}).network, False
    is_network = network is not None
    if is_network:
        network._validate_params()
        network._check_parameters_together()
        prefers_threads = prefer_threads([network], around=[estimator])
    run = _run_networks if is_network else _run_others
    n_workers = max(1, joblib.effective_n_jobs(n_jobs))
    lines = ProgressLines(
        "bias_variance_decomposition", verbose, n_rounds, "training sets"
    )

    def predict_and_tell(fitted):
        prediction = predict(fitted)
        lines.advance()
        return prediction

    is_here = n_workers == 1
    predict_here = predict_and_tell if is_here else predict
    calls = (
        delayed(run)(estimator, first, part, predict_here)
        for first, part in _parts_of(draws, n_workers if is_network else None)
    )
    predictions, stop_reasons = [], Counter()
    results = run_calls(calls, n_jobs, prefers_threads=prefers_threads)
    with closing(results):
        for part_predictions, reasons in results:
            predictions += part_predictions
            if not is_here:
                # Lines that workers print may not reach the user. So they are here.
                lines.advance(len(part_predictions))
            stop_reasons.update(reasons)
    return predictions, stop_reasons


def _parts_of(draws, n_workers):
    """Yield the draws in parts: pairs of the first draw's number and a list."""
    first, part, n_bytes = 0, [], 0
    if n_workers is not None and n_workers > 1:
        # The number of draws must be known to give every worker an equal share.
        draws = list(draws)
        longest = -(-len(draws) // n_workers)
    else:
        longest = 1 if n_workers is None else np.inf
    for draw in draws:
        part.append(draw)
        n_bytes += 0 if draw.is_shared else nbytes_of(draw.X)
        if len(part) >= longest or n_bytes > _WINDOW_BYTES:
            yield first, part
            first, part, n_bytes = first + len(part), [], 0
    if part:
        yield first, part


def _run_others(estimator, first, draws, predict):
    predictions = []
    for number, draw in enumerate(draws, start=first):
        X, y = draw.X, draw.y
        if draw.rows is not None:
            X, y = safe_indexing(X, draw.rows), safe_indexing(y, draw.rows)
        try:
            with fitting():
                fitted = with_seed(estimator, draw.seed).fit(X, y)
        except Exception as error:
            _note_round(error, number)
            raise
        predictions.append(predict(fitted))
    return predictions, []


@quietly
def _run_networks(estimator, first, draws, predict):
    candidates = [
        make_candidate(number, with_seed(estimator, draw.seed), {})
        for number, draw in enumerate(draws, start=first)
    ]
    run = _run_stacked
    if draws[0].is_shared and not candidates[0].prefix:
        run = _run_shared
    pairs = run(candidates, draws, predict)
    return [prediction for prediction, _ in pairs], [reason for _, reason in pairs]


def _run_shared(candidates, draws, predict):
    """Rounds that read their rows from one X."""
    checked = copy.copy(candidates[0].network)
    X, y, _, _ = checked._check_data(draws[0].X, draws[0].y, None, (None,) * 3)
    columns = columns_of(checked)
    for candidate in candidates:
        # Training reads the names of the columns, as `feature_groups` may use them.
        vars(candidate.network).update(columns)
    row_sets = [draw.rows for draw in draws]

    def finish(index, outcome):
        network = candidates[index].network
        outcome.apply_to(network)
        return predict(network), str(outcome.stop_reason)

    return _train(candidates, X, y, row_sets, finish)


def _run_stacked(candidates, draws, predict):
    """Rounds with data of their own: so many are stacked as memory allows."""
    pairs, window, folds, n_bytes = [], [], [], 0
    for candidate, draw in zip(candidates, draws, strict=True):
        fold = _prepare(candidate, draw)
        # An encoder before the network may give the rounds different columns.
        fits = not folds or fold.X.shape[1] == folds[0].X.shape[1]
        if not fits or n_bytes > _WINDOW_BYTES:
            pairs += _run_window(window, folds, predict)
            window, folds, n_bytes = [], [], 0
        window.append(candidate)
        folds.append(fold)
        n_bytes += nbytes_of(fold.X)
    return pairs + _run_window(window, folds, predict)


def _prepare(candidate, draw):
    rows = np.arange(num_samples(draw.X)) if draw.rows is None else draw.rows
    fold = prepare_fold(candidate, candidate.index, draw.X, draw.y, rows, {})
    if fold.error is not None:
        _note_round(fold.error, candidate.index)
        raise fold.error
    return fold


def _run_window(candidates, folds, predict):
    """Stack the data of some rounds, and train their networks side by side."""
    stack = stack_up(folds)
    for candidate, fold in zip(candidates, folds, strict=True):
        vars(candidate.network).update(fold.columns)

    def finish(index, outcome):
        candidate, fold = candidates[index], folds[index]
        network = candidate.network
        outcome.apply_to(network)
        estimator = around_model(fold.wrappers, candidate.estimator, network)
        return predict(estimator), str(outcome.stop_reason)

    return _train(candidates, stack.X, stack.y, stack.row_sets, finish)


def _train(candidates, X, y, row_sets, finish):
    """The results of ``finish(index, outcome)``, in the order of the candidates."""
    results = [None] * len(candidates)
    networks = [candidate.network for candidate in candidates]
    for index, outcome in fit_members(networks, X, y, row_sets):
        if outcome.error is not None:
            _note_round(outcome.error, candidates[index].index)
            raise outcome.error
        results[index] = finish(index, outcome)
    return results


def _note_round(error, number):
    error.add_note(f"This happened in round {number}.")
