"""The search of `MLPClassifierCV` and `MLPRegressorCV`: halving on folds.

All candidates are trained without the first folds; those that are best go on to further
folds, and the finalists have a member for every fold. Nothing is trained twice, and
what a candidate has learned is dropped when it is left behind.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import delayed

from .._fitting.workers import prefer_threads
from .._utils.progress import run_calls
from ._folds import OutOfFold
from ._members import fit_on_folds, network_in

__all__ = ["Candidate", "FoldSearch", "plan_rungs"]


@dataclass
class Candidate:
    """One setting, and what is known of it.

    Attributes
    ----------
    parameters : dict
    estimator : estimator
        With these parameters, not fitted.
    members : dict of int to Member
        By the number of the fold that each was fitted without; empty when the candidate
        has been left behind.
    n_folds : int
        The number of folds on which it was judged.
    loss : float
        On their rows, at its temperature; infinite if it failed.
    temperature : float
    n_iter : float
        Epochs that its networks were trained, in the mean.
    seconds : float
        Of all its training.
    error : Exception or None
        The first error of its fits.
    """

    parameters: dict
    estimator: Any
    members: dict = field(default_factory=dict, repr=False)
    n_folds: int = 0
    loss: float = np.inf
    temperature: float = 1.0
    n_iter: float = 0.0
    seconds: float = 0.0
    error: Exception | None = None


def plan_rungs(n_candidates, n_folds):
    """How many candidates are trained without how many folds, rung by rung.

    Returns
    -------
    list of (n_candidates, n_folds)
        The last with all folds.
    """
    first = max(1, n_folds // 8)
    second = max(first + 1, 3 * n_folds // 8)
    rungs = [(n_candidates, first)]
    if second < n_folds:
        rungs.append((-(-n_candidates * 5 // 12), second))
    rungs.append((min(n_candidates, max(3, n_candidates // 4)), n_folds))
    return rungs


class FoldSearch:
    """Trains candidates on folds, and keeps the best.

    Parameters
    ----------
    candidates : list of Candidate
    splits : list of (train, test)
    X, y : ndarray
    fit_params : dict
    output : outputs.Output
    measure : measures.Measure
    n_jobs : int or None
    deadline : float
        The `time.perf_counter` after which no rung begins.
    report : callable
        ``report(rung, n_rungs, candidates)`` after each rung; true ends the search.
    """

    def __init__(
        self,
        candidates,
        splits,
        X,
        y,
        *,
        fit_params,
        output,
        measure,
        n_jobs,
        deadline,
        report,
    ):
        self._splits, self._X, self._y = splits, X, y
        self._fit_params, self._output, self._measure = fit_params, output, measure
        self._n_jobs, self._deadline, self._report = n_jobs, deadline, report
        self._standing = list(candidates)
        self._n_done = 0

    @property
    def finalists(self):
        """The candidates that were judged on most folds, the best first."""
        found = [each for each in self._standing if each.n_folds == self._n_done]
        return sorted(found, key=lambda each: each.loss)

    @property
    def rows(self):
        """The rows that every finalist has predicted without having seen them."""
        parts = [test for _, test in self._splits[: self._n_done]]
        return np.unique(np.concatenate(parts)) if parts else np.arange(0)

    def run(self):
        """Go through the rungs, until time is over or the caller has had enough."""
        rungs = plan_rungs(len(self._standing), len(self._splits))
        for number, (n_candidates, n_folds) in enumerate(rungs):
            if number and time.perf_counter() > self._deadline:
                return
            self._leave_behind(n_candidates)
            self._train(n_folds)
            self._judge(n_folds)
            if all(each.error is not None for each in self._standing):
                raise self._standing[0].error
            if self._report(number, rungs, self._standing):
                return

    def _leave_behind(self, n_candidates):
        """Go on with the best, and forget what the others have learned."""
        self._standing.sort(key=lambda each: each.loss)
        for each in self._standing[n_candidates:]:
            each.members.clear()
        del self._standing[n_candidates:]

    def _train(self, n_folds):
        """Train every candidate without those of the first folds that are missing."""
        folds = range(self._n_done, n_folds)
        if not folds:
            return
        networks = [network_in(each.estimator) for each in self._standing]
        around = [each.estimator for each in self._standing]
        calls = (
            delayed(fit_on_folds)(
                [_seeded(each.estimator, fold) for fold in folds],
                [self._splits[fold] for fold in folds],
                *(self._X, self._y),
                fit_params=self._fit_params,
                output=self._output,
            )
            for each in self._standing
        )
        results = run_calls(
            calls, self._n_jobs, prefers_threads=prefer_threads(networks, around)
        )
        for each, members in zip(self._standing, results, strict=True):
            each.members.update(zip(folds, members, strict=True))
            each.seconds += sum(member.seconds for member in members)
            errors = [member.error for member in members if member.error is not None]
            each.error = each.error or (errors[0] if errors else None)

    def _judge(self, n_folds):
        """The loss of every candidate on the rows of the first folds."""
        self._n_done = n_folds
        rows = self.rows
        loss_of = self._measure.on(rows)
        for each in self._standing:
            each.n_folds = n_folds
            if each.error is not None:
                each.loss = np.inf
                continue
            prediction = self.prediction_of(each)[rows]
            each.temperature = self._measure.temperature(prediction, rows)
            at = self._measure.at_temperature(prediction, each.temperature)
            each.loss = loss_of(at)
            if not np.isfinite(each.loss):
                each.loss = np.inf
            networks = [member.estimator[-1] for member in each.members.values()]
            each.n_iter = float(np.mean([network.n_iter_ for network in networks]))

    def prediction_of(self, candidate):
        """What a candidate's members predict of rows that they have not seen."""
        folds = range(self._n_done)
        out_of_fold = OutOfFold(len(self._y), [self._splits[fold] for fold in folds])
        return out_of_fold.mean([candidate.members[fold].prediction for fold in folds])


def _seeded(estimator, fold):
    """The estimator with a seed of its own for a fold."""
    seed = (network_in(estimator).random_state + fold) % (2**32 - 1)
    return clone(estimator).set_params(network__random_state=seed)
