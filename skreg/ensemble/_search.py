"""The search of `MLPClassifierCV` and `MLPRegressorCV`: halving on folds.

All candidates are trained without the first folds, one network a fold; the best of them
go on to further folds, and the finalists have a network for every fold. Nothing is
trained twice. Of a candidate that is left behind, its numbers stay and its networks go,
as soon as enough others are known to be better.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from traceback import clear_frames
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import delayed

from .._fitting.workers import prefer_threads
from .._utils.calls import run_calls
from ._folds import OutOfFold
from ._members import fit_on_folds

__all__ = ["Candidate", "FoldSearch", "plan_rungs"]


def plan_rungs(n_candidates, n_folds):
    """How many candidates are trained without how many folds, rung by rung.

    Returns
    -------
    list of (n_candidates, n_folds)
        The last with all folds.
    """
    first = max(1, n_folds // 8)
    second = max(first + 1, 3 * n_folds // 8)
    n_left, rungs = n_candidates, [(n_candidates, first)]
    if second < n_folds:
        n_left = -(-n_candidates * 5 // 12)
        rungs.append((n_left, second))
    rungs.append((min(n_left, max(3, n_candidates // 4)), n_folds))
    return rungs


@dataclass(frozen=True, eq=False)
class Candidate:
    """One setting, and what is known of it.

    Attributes
    ----------
    parameters : dict
    estimator : Pipeline
        With these parameters, not fitted; its last step is the network.
    members : tuple of Member
        The first for the first fold and so on; none if the candidate failed or has been
        left behind.
    n_folds : int
        The number of folds on whose rows it was judged.
    loss : float
        On their rows, at its temperature; infinite if it is not finite.
    temperature : float or None
        Regressors have none.
    n_iter : float
        Epochs that its networks were trained, in the mean.
    seconds : float
        Of all its training.
    error : Exception or None
        What ended its training, or its judgement. It is not trained again.
    """

    parameters: dict
    estimator: Any
    members: tuple = ()
    n_folds: int = 0
    loss: float = np.inf
    temperature: float | None = None
    n_iter: float = np.nan
    seconds: float = 0.0
    error: Exception | None = None


@dataclass(frozen=True)
class _Standing:
    """Where a search stands after a rung."""

    candidates: tuple
    # The numbers of those that are not left behind, the best first.
    kept: tuple
    n_folds: int


class FoldSearch:
    """Trains candidates on folds, and keeps the best.

    Parameters
    ----------
    candidates : list of Candidate
    splits : list of (train, test)
    X, y : ndarray
    sample_weight : ndarray or None
    output : outputs.Output
        What the networks predict.
    measure : measures.Measure
        What candidates are compared by.
    n_jobs : int or None
    """

    def __init__(
        self, candidates, splits, X, y, sample_weight, *, output, measure, n_jobs
    ):
        self._splits, self._X, self._y = splits, X, y
        self._fit_params = {}
        if sample_weight is not None:
            self._fit_params["network__sample_weight"] = sample_weight
        self._output, self._measure, self._n_jobs = output, measure, n_jobs
        candidates = tuple(map(_checked, candidates))
        self._standing = _Standing(candidates, tuple(range(len(candidates))), 0)

    @property
    def candidates(self):
        """All candidates, in their order."""
        return self._standing.candidates

    @property
    def kept(self):
        """The numbers of the candidates that are not left behind, the best first."""
        return self._standing.kept

    @property
    def n_folds(self):
        """The number of folds that these were trained without; zero at first."""
        return self._standing.n_folds

    @property
    def state(self):
        """All that is known so far; a search of the same candidates takes it over."""
        return self._standing

    @state.setter
    def state(self, state):
        self._standing = state

    def unseen(self, n_folds=None):
        """The rows of the first folds, by default of those that are done: OutOfFold."""
        n_folds = self.n_folds if n_folds is None else n_folds
        return OutOfFold(len(self._y), self._splits[:n_folds])

    def advance(self, n_folds, n_kept):
        """Go on to the first `n_folds` folds, and keep the best `n_kept` candidates.

        An interrupt leaves everything as it was after the rung before.

        Raises
        ------
        Exception
            If no candidate is left: the first error of one, with a note of which.
        """
        unseen = self.unseen(n_folds)
        measure = self._measure.on(unseen.is_predicted)
        candidates, kept, failed = list(self.candidates), [], []
        for number, members in self._train(range(self.n_folds, n_folds)):
            judged = _judged(candidates[number], members, unseen, measure)
            candidates[number] = judged
            if judged.error is not None:
                # The variables in its traceback hold the rows of folds.
                clear_frames(judged.error.__traceback__)
                failed.append(judged.error)
                continue
            kept = sorted([*kept, number], key=lambda each: candidates[each].loss)
            for each in kept[n_kept:]:
                candidates[each] = replace(candidates[each], members=())
            del kept[n_kept:]
        if not kept:
            _raise_first_error(candidates)
        for error in failed:
            # It would hold the variables of this call.
            error.__traceback__ = None
        self._standing = _Standing(tuple(candidates), tuple(kept), n_folds)

    def _train(self, folds):
        """Yield the number of each candidate that goes on, and its further members."""
        numbers = [each for each in self.kept if self.candidates[each].error is None]
        estimators = [self.candidates[number].estimator for number in numbers]
        networks = [estimator[-1] for estimator in estimators]
        prefers_threads = prefer_threads(networks, around=estimators)
        # Compiled functions train networks one by one, NumPy's those of a call side by
        # side. The result must not depend on `n_jobs`, so that the calls do not either.
        size = 1 if prefers_threads else max(1, len(folds))
        parts = [folds[start : start + size] for start in range(0, len(folds), size)]
        calls = (
            self._call(estimator, part) for estimator in estimators for part in parts
        )
        results = run_calls(calls, self._n_jobs, prefers_threads=prefers_threads)
        # Closed at once after an interrupt, which ends the workers.
        with closing(results):
            for number in numbers:
                yield number, [member for _ in parts for member in next(results)]

    def _call(self, estimator, folds):
        """The delayed call that trains an estimator without each of some folds."""
        return delayed(fit_on_folds)(
            [_seeded(estimator, fold) for fold in folds],
            [self._splits[fold] for fold in folds],
            *(self._X, self._y),
            fit_params=self._fit_params,
            output=self._output,
        )


def _checked(candidate):
    """The candidate, with an error if a parameter of it is invalid."""
    try:
        for _, step in candidate.estimator.steps:
            step._validate_params()
        candidate.estimator[-1]._check_parameters_together()
    except Exception as error:
        return replace(candidate, error=error)
    return candidate


def _seeded(estimator, fold):
    """The estimator with a seed of its own for a fold."""
    seed = (estimator[-1].random_state + fold) % (2**32 - 1)
    return clone(estimator).set_params(network__random_state=seed)


def _judged(candidate, members, unseen, measure):
    """A candidate with further members, and its loss with all of them."""
    seconds = candidate.seconds + sum(member.seconds for member in members)
    members = (*candidate.members, *members)
    candidate = replace(candidate, n_folds=len(members), seconds=seconds)
    for fold, member in enumerate(members):
        if member.error is not None:
            return _failed(candidate, member.error, f"This happened on fold {fold}.")
    prediction = unseen.mean([member.prediction for member in members])
    try:
        loss, temperature = measure.judge(prediction[unseen.is_predicted])
    except Exception as error:
        where = f"This happened in scoring the rows of the first {len(members)} folds."
        return _failed(candidate, error, where)
    return replace(
        candidate,
        members=members,
        loss=loss if np.isfinite(loss) else np.inf,
        temperature=temperature,
        n_iter=np.mean([member.estimator[-1].n_iter_ for member in members]),
    )


def _failed(candidate, error, where):
    error.add_note(where)
    return replace(candidate, members=(), loss=np.inf, error=error)


def _raise_first_error(candidates):
    for number, each in enumerate(candidates):
        if each.error is not None:
            each.error.add_note(
                f"No candidate can be trained and scored. This is the error of "
                f"candidate {number} of {len(candidates)}: {each.parameters}."
            )
            raise each.error
