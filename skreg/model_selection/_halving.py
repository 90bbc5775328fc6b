"""Successive halving over epochs, which continues the survivors."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, log
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, ParameterSampler

from .._fitting.automatic import max_iter_of
from .._typing import (
    CrossValidation,
    Estimator,
    MultiScoring,
    ParamGrid,
    PathOrStr,
    RandomState,
)
from .._utils.checkpoints import CHECKPOINT_CONSTRAINT, Checkpoint
from .._utils.sklearn_private import Interval, StrOptions
from ._candidates import with_parameters
from ._scores import best_first
from ._search import LockstepSearch
from ._sklearn_private import BaseSearchCV, has_callbacks
from ._worker import Fit

__all__ = ["HalvingGridSearchCV", "HalvingRandomSearchCV"]

# Each has at least an epoch; more would only come from a factor that is next to one.
_MOST_RUNGS = 1000


class _SuccessiveHalving(LockstepSearch, BaseSearchCV):
    """Base of the two halving searches."""

    _parameter_constraints: dict = {
        **{
            name: constraint
            for name, constraint in BaseSearchCV._parameter_constraints.items()
            if name != "pre_dispatch"
        },
        "factor": [Interval(Real, 1, None, closed="neither")],
        "max_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "min_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"exhaust", "smallest"}),
        ],
        "aggressive_elimination": ["boolean"],
        "checkpoint": CHECKPOINT_CONSTRAINT,
    }

    # `max_iter` ends every rung, and training goes on after it, so that is no warning.
    _run_options = {"warns": False, "keeps_states": True}

    def _fit_as_sklearn(self, X, y, params):
        if has_callbacks(self):
            raise ValueError(
                f"{type(self).__name__} follows no callbacks, because its networks "
                "train side by side. Set them on a GridSearchCV or RandomizedSearchCV, "
                "which train one by one with callbacks, or search without and set them "
                "on a network with best_params_ that is fitted afterwards."
            )
        raise ValueError(
            f"{type(self).__name__} goes on training where it left off, which needs an "
            "MLPClassifier or MLPRegressor of skreg, alone, at the end of a Pipeline "
            f"or in a TransformedTargetRegressor; got {self.estimator!r}."
        )

    def _fit_in_lockstep(self, *args):
        scoring = self.scoring
        if isinstance(scoring, (list, tuple, set, dict)) and len(scoring) > 0:
            self._check_judge(scoring)
        super()._fit_in_lockstep(*args)
        self._checkpoint.remove()
        del self._checkpoint

    def _check_judge(self, metrics):
        """Raise unless `refit` names the one of several scores by which to survive."""
        if not (isinstance(self.refit, str) and self.refit in metrics):
            names = sorted(map(str, metrics))
            raise ValueError(
                f"{type(self).__name__} with several scores needs the name of the one "
                f"by which candidates survive: set refit to one of {names}; got "
                f"refit={self.refit!r}."
            )

    def _run_candidates(self, run, candidates, table):
        """Fill the table, rung after rung."""
        self._check_resource(candidates)
        self.n_resources_, self.n_candidates_ = [], []
        # The results of the fits in the rung before, by candidate and split.
        earlier = {}
        plan = self._plan(candidates)
        self._checkpoint = self._make_checkpoint(run, candidates)
        saved = self._checkpoint.load()
        if saved is not None:
            candidates, earlier = self._take_over(saved, run, candidates, table)
        for rung in range(len(self.n_resources_), len(plan)):
            n_resources = plan[rung]
            self.n_resources_.append(n_resources)
            self.n_candidates_.append(len(candidates))
            self._in_last_rung = {candidate.index for candidate in candidates}
            if self.verbose > 0:
                print(
                    f"Rung {rung + 1} of {self.n_iterations_}: {len(candidates)} "
                    f"candidates, {n_resources} epochs"
                )
            for candidate in candidates:
                candidate.parameters = {
                    **candidate.parameters,
                    _resource_of(candidate): n_resources,
                }
            refit = self._surely_best(rung, candidates)
            resources = n_resources, plan[-1]
            earlier = self._run_rung(run, candidates, resources, earlier, refit)
            scored = [
                earlier[candidate.index, split].scored
                for candidate in candidates
                for split in range(self.n_splits_)
            ]
            table.add(
                candidates,
                scored,
                iter=[rung] * len(candidates),
                n_resources=[n_resources] * len(candidates),
            )
            candidates = self._survivors(candidates, table)
            alive = {candidate.index for candidate in candidates}
            earlier = {key: found for key, found in earlier.items() if key[0] in alive}
            self._checkpoint.save(
                {
                    "rungs": (self.n_resources_, self.n_candidates_),
                    "in_last_rung": self._in_last_rung,
                    "alive": alive,
                    "earlier": earlier,
                    "run": run.state,
                    "table": table.state,
                }
            )
        self.n_remaining_candidates_ = len(candidates)

    def _make_checkpoint(self, run, candidates):
        # The candidates stand for what they are drawn from: the hashes of SciPy's
        # distributions differ between processes. The splits stand for `cv`, which may
        # be a generator, and a clone for an estimator that may have been fitted.
        no_matter = {"checkpoint", "n_jobs", "verbose", "random_state", "cv"}
        no_matter |= {"param_grid", "param_distributions", "estimator"}
        parameters = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in no_matter
        }
        settings = [candidate.parameters for candidate in candidates]
        identity = clone(self.estimator), parameters, settings, run.identity
        return Checkpoint.of(self, *identity)

    def _take_over(self, saved, run, candidates, table):
        """The survivors of the rungs that an earlier call has done, and their fits."""
        self.n_resources_, self.n_candidates_ = saved["rungs"]
        self._in_last_rung = saved["in_last_rung"]
        run.state, table.state = saved["run"], saved["table"]
        if self.verbose > 0:
            print(f"Going on after rung {len(self.n_resources_)}")
        alive = [each for each in candidates if each.index in saved["alive"]]
        return alive, saved["earlier"]

    def _surely_best(self, rung, candidates):
        """The estimator to refit, if only one candidate is left in the last rung."""
        is_last = rung == self.n_iterations_ - 1
        if not is_last or len(candidates) > 1 or not self.refit or callable(self.refit):
            return None
        return with_parameters(self.estimator, candidates[0].parameters)

    def _run_rung(self, run, candidates, resources, earlier, refit):
        """Train every fit on, unless it needs no more epochs; the results by fit.

        The `resources` are the epochs after this rung and those after the last one,
        with which schedules end.
        """
        results, fits = {}, []
        n_resources, _ = resources
        # Candidates are judged as they are once they have had all epochs.
        is_last = n_resources == self.max_resources_
        # Rungs have equal lengths if there are few epochs, or with aggressive
        # elimination.
        is_longer = self.n_resources_[-2:-1] != [n_resources]
        for candidate in candidates:
            for split in range(self.n_splits_):
                key = candidate.index, split
                before = earlier.get(key)
                if before is None:
                    fits.append(Fit(candidate, split, None, *resources, is_last))
                elif is_longer and not before.is_done:
                    fits.append(
                        Fit(candidate, split, before.state, *resources, is_last)
                    )
                else:
                    results[key] = before
        return {**results, **run.run(fits, refit)}

    def _judged(self, fault_kinds, candidates):
        """The faults of the last rung's candidates: the others cannot be chosen."""
        last = fault_kinds.keys() & self._in_last_rung
        return {index: fault_kinds[index] for index in last}, len(self._in_last_rung)

    def _survivors(self, candidates, table):
        """The best of the last rung, in the candidates' order."""
        metric = "score"
        if isinstance(table.first_scores, dict):
            # Only now is it known that a scorer that is a function has several scores.
            self._check_judge(table.first_scores)
            metric = self.refit
        scores = table.results[f"mean_test_{metric}"][-len(candidates) :]
        n_survivors = ceil(len(candidates) / self.factor)
        # Failed candidates come last, and among equals the first stay.
        order = best_first(scores, self.scoring)
        return [candidates[place] for place in sorted(order[:n_survivors])]

    def _check_resource(self, candidates):
        """Raise a ValueError unless every candidate's number of epochs can be set."""
        for candidate in candidates:
            if candidate.network is None:
                raise ValueError(
                    f"{type(self).__name__} cannot continue the candidate "
                    f"{candidate.parameters}: it is not a network of skreg."
                )
            name = _resource_of(candidate)
            if name in candidate.parameters:
                raise ValueError(
                    f"{name} cannot be searched: epochs are the resource. Set "
                    "max_resources instead."
                )

    def _plan(self, candidates):
        """Set the attributes about the number of rungs; return the epochs of each."""
        largest = self.max_resources
        if largest == "auto":
            largest = max(max_iter_of(candidate.network) for candidate in candidates)
        # There are as many rungs as it takes to leave one candidate, as in the paper.
        # All rungs cost about the same, so one rung more, which makes the first one
        # shorter, saves time.
        n_required = 1 + ceil(log(len(candidates), self.factor) - 1e-9)
        if n_required > _MOST_RUNGS:
            raise ValueError(
                f"factor={self.factor} would take {n_required} rungs for "
                f"{len(candidates)} candidates, of which next to none are eliminated "
                f"in each: it needs to be larger, such as 1.5."
            )
        smallest = self.min_resources
        if smallest == "smallest":
            smallest = 1
        elif smallest == "exhaust":
            # This is a fraction, and the epochs of each rung are rounded from it. So
            # the last rung has `max_resources`, which it would not if the first one
            # were rounded.
            n_rungs = min(n_required, 1 + floor(log(largest, self.factor) + 1e-9))
            smallest = largest / self.factor ** (n_rungs - 1)
        if smallest > largest:
            raise ValueError(
                f"min_resources={smallest} is greater than max_resources={largest}."
            )
        n_possible = 1 + floor(log(largest / smallest, self.factor) + 1e-9)
        self.n_required_iterations_ = n_required
        self.n_possible_iterations_ = n_possible
        self.n_iterations_ = (
            n_required if self.aggressive_elimination else min(n_required, n_possible)
        )
        # With aggressive elimination the first rungs only eliminate.
        n_extra = max(0, self.n_iterations_ - n_possible)
        powers = [max(0, rung - n_extra) for rung in range(self.n_iterations_)]
        planned = [min(round(smallest * self.factor**p), largest) for p in powers]
        self.min_resources_, self.max_resources_ = planned[0], largest
        return planned

    @staticmethod
    def _select_best_index(refit, refit_metric, results):
        """The best candidate of the last rung; others had fewer epochs."""
        if callable(refit):
            return BaseSearchCV._select_best_index(refit, refit_metric, results)
        in_last = np.flatnonzero(results["iter"] == np.max(results["iter"]))
        scores = results[f"mean_test_{refit_metric}"][in_last]
        return in_last[best_first(scores, refit_metric)[0]]


def _resource_of(candidate):
    """The name of the parameter that counts a candidate's epochs."""
    return f"{candidate.prefix}max_iter"


class HalvingGridSearchCV(_SuccessiveHalving):
    """Successive halving of a grid, over epochs, which continues the survivors.

    All candidates train for a few epochs on every fold, in lockstep. This is the first
    rung. In each further rung the best of them train on for more epochs; they keep
    their weights, moments and shuffles [1]_. In each rung a candidate scores, up to
    rounding, as if it were trained alone with the rung's epochs as `max_iter`.
    Candidates whose training ends earlier, by early stopping for example, keep their
    score. With the solvers "lbfgs" and "fista", `feature_alpha`, a resampler as
    `augmentation` or the networks' own `refit`, survivors start again. A schedule that
    runs to the end of training (``learning_rate="cosine"``) runs to the end of the last
    rung in each of them, so that in earlier rungs candidates score on their way.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a Pipeline or target transformer
        The estimator whose parameters are searched.

    param_grid : dict or list of dict
        Names of parameters (``step__name`` in a Pipeline) to lists of values, or
        several such grids.

    factor : float, default=3
        The best ``1 / factor`` of a rung's candidates survive, and have `factor` times
        as many epochs after the next rung.

    max_resources : int or "auto", default="auto"
        The largest number of epochs (iterations of a full-batch solver) of a candidate;
        "auto" is the largest `max_iter` of the candidates.

    min_resources : int, "exhaust" or "smallest", default="exhaust"
        Epochs of the first rung. "exhaust" chooses them so that the last rung has
        `max_resources`, and "smallest" is 1. With "smallest" or an int, the last rung
        may have fewer epochs than `max_resources`, by less than `factor` times.

    aggressive_elimination : bool, default=False
        Whether to repeat the first rung's epochs until so few candidates are left that
        `max_resources` suffices for the other rungs.

    cv : int, splitter or iterable, default=5
        The folds, the same in all rungs.

    scoring : str, callable, list, tuple or dict, default=None
        One or several scores; the estimator's `score` by default.

    refit : bool, str or callable, default=True
        Whether the best candidate of the last rung is fitted to all rows. With several
        scores, the name of the one by which candidates survive.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails; a candidate with NaN is the first to go.

    return_train_score : bool, default=False
        Whether the training rows are scored as well.

    n_jobs : int, default=None
        Number of workers that share the batches of networks.

    verbose : int, default=0
        1 prints the rungs and how far they are; 2 and more also print each score.

    checkpoint : str or path, default=None
        A folder in which the search keeps a file while it runs. If it is interrupted or
        killed, the same search on the same data goes on after the last rung that was
        done, with equal results, if candidates and folds are not drawn anew. The file
        is removed at the end. Such files are pickles: use a folder of your own.

    Attributes
    ----------
    n_resources_, n_candidates_ : list of int
        Epochs and candidates of each rung.

    n_remaining_candidates_ : int
        Candidates that survived the last rung.

    n_iterations_, n_required_iterations_, n_possible_iterations_ : int
        The number of rungs, the number it takes to leave one candidate for the last
        rung, and the number that `max_resources` allows.

    min_resources_, max_resources_ : int
        Epochs of the first rung, and the largest number of epochs.

    n_batched_ : int
        The number of candidates whose networks trained in lockstep.

    cv_results_ : dict
        The results with a row for each candidate and rung, and the columns "iter" and
        "n_resources". `max_iter` in "params" is that of the rung. Times are those of
        the rung alone.

    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_
        The attributes of scikit-learn's searches, for the last rung.

    See Also
    --------
    GridSearchCV : Trains all candidates to their end.
    HalvingRandomSearchCV : Draws the candidates at random.

    References
    ----------
    .. [1] Jamieson, K. & Talwalkar, A. (2016). Non-stochastic best arm identification
       and hyperparameter optimization. AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.model_selection import HalvingGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(max_iter=90, early_stopping=True, random_state=0)
    >>> grid = {"alpha": [1e-4, 1e-2, 1.0], "learning_rate_init": [1e-3, 1e-2, 1e-1]}
    >>> search = HalvingGridSearchCV(network, grid).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([9, 3, 1], [10, 30, 90])
    """

    def __init__(
        self,
        estimator: Estimator,
        param_grid: ParamGrid,
        *,
        factor: float = 3,
        max_resources: Literal["auto"] | int = "auto",
        min_resources: Literal["exhaust", "smallest"] | int = "exhaust",
        aggressive_elimination: bool = False,
        cv: CrossValidation = 5,
        scoring: MultiScoring = None,
        refit: bool | str | Callable[..., Any] = True,
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
        checkpoint: PathOrStr | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.factor = factor
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.aggressive_elimination = aggressive_elimination
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.checkpoint = checkpoint

    def _candidate_params(self):
        return ParameterGrid(self.param_grid)


class HalvingRandomSearchCV(_SuccessiveHalving):
    """Successive halving, over epochs, of candidates drawn at random.

    Candidates train and survive as in :class:`HalvingGridSearchCV`.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a Pipeline or target transformer
        The estimator whose parameters are searched.

    param_distributions : dict or list of dict
        Names of parameters to distributions (with a method ``rvs``) or lists.

    n_candidates : int, default=27
        Number of candidates that are drawn.

    factor : float, default=3
        The best ``1 / factor`` of a rung's candidates survive, and have `factor` times
        as many epochs after the next rung.

    max_resources : int or "auto", default="auto"
        The largest number of epochs (iterations of a full-batch solver) of a candidate;
        "auto" is the largest `max_iter` of the candidates.

    min_resources : int, "exhaust" or "smallest", default="exhaust"
        Epochs of the first rung. "exhaust" chooses them so that the last rung has
        `max_resources`, and "smallest" is 1. With "smallest" or an int, the last rung
        may have fewer epochs than `max_resources`, by less than `factor` times.

    aggressive_elimination : bool, default=False
        Whether to repeat the first rung's epochs until so few candidates are left that
        `max_resources` suffices for the other rungs.

    cv : int, splitter or iterable, default=5
        The folds, the same in all rungs.

    scoring : str, callable, list, tuple or dict, default=None
        One or several scores; the estimator's `score` by default.

    refit : bool, str or callable, default=True
        Whether the best candidate of the last rung is fitted to all rows. With several
        scores, the name of the one by which candidates survive.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails; a candidate with NaN is the first to go.

    return_train_score : bool, default=False
        Whether the training rows are scored as well.

    random_state : int, RandomState instance or None, default=None
        Draws the candidates.

    n_jobs : int, default=None
        Number of workers that share the batches of networks.

    verbose : int, default=0
        1 prints the rungs and how far they are; 2 and more also print each score.

    checkpoint : str or path, default=None
        A folder in which the search keeps a file while it runs. If it is interrupted or
        killed, the same search on the same data goes on after the last rung that was
        done, with equal results, if candidates and folds are not drawn anew. The file
        is removed at the end. Such files are pickles: use a folder of your own.

    Attributes
    ----------
    n_resources_, n_candidates_ : list of int
        Epochs and candidates of each rung.

    n_remaining_candidates_ : int
        Candidates that survived the last rung.

    n_iterations_, n_required_iterations_, n_possible_iterations_ : int
        The number of rungs, the number it takes to leave one candidate for the last
        rung, and the number that `max_resources` allows.

    min_resources_, max_resources_ : int
        Epochs of the first rung, and the largest number of epochs.

    n_batched_ : int
        The number of candidates whose networks trained in lockstep.

    cv_results_ : dict
        The results with a row for each candidate and rung, and the columns "iter" and
        "n_resources". `max_iter` in "params" is that of the rung. Times are those of
        the rung alone.

    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_
        The attributes of scikit-learn's searches, for the last rung.

    See Also
    --------
    HalvingGridSearchCV : Tries all combinations.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.model_selection import HalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(max_iter=90, early_stopping=True, random_state=0)
    >>> search = HalvingRandomSearchCV(
    ...     network, {"alpha": loguniform(1e-4, 1.0)}, n_candidates=9, random_state=0
    ... )
    >>> search.fit(X, y).n_candidates_
    [9, 3, 1]
    """

    _parameter_constraints: dict = {
        **_SuccessiveHalving._parameter_constraints,
        "param_distributions": [dict, list],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Estimator,
        param_distributions: ParamGrid,
        *,
        n_candidates: int = 27,
        factor: float = 3,
        max_resources: Literal["auto"] | int = "auto",
        min_resources: Literal["exhaust", "smallest"] | int = "exhaust",
        aggressive_elimination: bool = False,
        cv: CrossValidation = 5,
        scoring: MultiScoring = None,
        refit: bool | str | Callable[..., Any] = True,
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        checkpoint: PathOrStr | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.factor = factor
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.aggressive_elimination = aggressive_elimination
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.checkpoint = checkpoint

    def _candidate_params(self):
        return ParameterSampler(
            self.param_distributions,
            self.n_candidates,
            random_state=self.random_state,
        )
