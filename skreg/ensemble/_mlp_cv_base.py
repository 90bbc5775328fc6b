"""The base of the estimators that search and return an ensemble of what they found."""

from __future__ import annotations

import numbers
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._typing import (
    ArrayLike,
    Callback,
    CrossValidation,
    MatrixLike,
    ParamGrid,
    PathOrStr,
    RandomState,
    Scoring,
)
from .._utils.checkpoints import CHECKPOINT_CONSTRAINT, Checkpoint
from .._utils.huge_integers import check_integers
from .._utils.presentation import PresentationMixin
from .._utils.progress import ProgressLines
from .._utils.publishing import fitted_at_once, quietly
from .._utils.sklearn_private import Interval, check_sample_weight
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once, warn
from ._folds import draw_folds
from ._measures import make_measure
from ._members import warn_about_members
from ._search import Candidate, FoldSearch, plan_rungs
from ._selection import select_greedily
from ._space import build, draw_settings
from ._table import results_of, table_of
from ._together import predict_together

__all__ = ["BaseMLPCV"]


@dataclass
class _Chosen:
    """The networks of a setting in the ensemble, by what they count together."""

    estimators: list
    weight: float
    temperature: float | None


class BaseMLPCV(PresentationMixin, VersionedMixin, BaseEstimator):
    """Base of MLPClassifierCV and MLPRegressorCV; not to be used directly."""

    _parameter_constraints: dict = {
        "param_distributions": [dict, list, None],
        "n_candidates": [Interval(numbers.Integral, 1, None, closed="left")],
        "time_budget": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "cv": ["cv_object"],
        "scoring": [str, callable],
        "keep_interrupted": ["boolean"],
        "callback": [callable, None],
        "checkpoint": CHECKPOINT_CONSTRAINT,
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        param_distributions: ParamGrid | None = None,
        *,
        n_candidates: int = 12,
        time_budget: float | None = None,
        cv: CrossValidation = 8,
        scoring: Scoring = "loss",
        keep_interrupted: bool = False,
        callback: Callback | None = None,
        checkpoint: PathOrStr | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.time_budget = time_budget
        self.cv = cv
        self.scoring = scoring
        self.keep_interrupted = keep_interrupted
        self.callback = callback
        self.checkpoint = checkpoint
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ---------------------------------------------------------------------

    @each_warning_once()
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Search, and keep an ensemble of what was found.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The training rows: numbers, in whatever unit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target, in its own unit.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in training, in the comparison and in `oof_score_`.
            With an integer `cv`, rows without weight are left out altogether.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a `cv` that keeps groups together.

        Returns
        -------
        self : object
            The fitted ensemble. After an error it is as it was before the call.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if no candidate can be trained:
            then it is the error of the first candidate.
        KeyboardInterrupt
            After Ctrl-C, unless `keep_interrupted` is set and the first rung is done.
        """
        check_integers(self.get_params(deep=False), type(self).__name__)
        self._validate_params()
        # Weights go to the networks, whatever is requested of others.
        with (
            fitted_at_once(self) as scratch,
            config_context(enable_metadata_routing=False),
        ):
            scratch._fit(X, y, sample_weight, groups)
        return self

    def _fit(self, X, y, sample_weight, groups):
        started = time.perf_counter()
        X, y = self._check_data(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, ensure_non_negative=True
            )
        self._output = self._output_of(y)
        measure = make_measure(self._output, X, y, sample_weight, self.scoring)
        random_state = check_random_state(self.random_state)
        splits = draw_folds(
            *(self.cv, 1, X, y, self._strata(y), sample_weight, random_state),
            **({} if groups is None else {"groups": groups}),
        )
        search = FoldSearch(
            self._draw_candidates(splits, random_state),
            *(splits, X, y, sample_weight),
            output=self._output,
            measure=measure,
            n_jobs=self.n_jobs,
        )
        data = X, y, sample_weight, splits
        checkpoint = self._make_checkpoint(search.candidates, data)
        saved = checkpoint.load()
        if saved is not None:
            search.state = saved
        self.stop_reason_ = self._run(search, len(splits), started, checkpoint)
        self._keep(search, y, sample_weight, measure)
        self._warn_about_failures(search.candidates)
        if self.stop_reason_ == "completed":
            checkpoint.remove()
        if self.verbose > 0:
            print(self.summary(), flush=True)

    def _draw_candidates(self, splits, random_state):
        network = self._default_network()
        settings = draw_settings(
            self.param_distributions,
            self.n_candidates,
            network,
            self.n_features_in_,
            random_state,
        )
        n_train = min(len(train) for train, _ in splits)
        seeds = random_state.randint(2**31 - 1, size=len(settings))
        return [
            Candidate(setting, build(network, setting, n_train, int(seed)))
            for setting, seed in zip(settings, seeds, strict=True)
        ]

    def _make_checkpoint(self, candidates, data):
        settings = [(each.parameters, each.estimator) for each in candidates]
        return Checkpoint.of(self, settings, data, self.scoring)

    def _run(self, search, n_folds, started, checkpoint):
        """Go through the rungs, and say why that ended."""
        deadline = started + (self.time_budget or np.inf)
        rungs = plan_rungs(len(search.candidates), n_folds)
        lines = ProgressLines(type(self).__name__, self.verbose)
        try:
            for rung, (n_candidates, n_done) in enumerate(rungs):
                if n_done <= search.n_folds:
                    lines.say(f"rung {rung + 1} of {len(rungs)} was done before")
                    continue
                if rung and time.perf_counter() > deadline:
                    return "time_budget"
                # As many as go on. The ensemble is of all of the last rung.
                n_kept, _ = rungs[min(rung + 1, len(rungs) - 1)]
                search.advance(n_done, n_kept)
                checkpoint.save(search.state)
                lowest = search.candidates[search.kept[0]].loss
                lines.say(
                    f"rung {rung + 1} of {len(rungs)}: {n_candidates} candidates on "
                    f"{n_done} of {n_folds} folds, lowest loss {lowest:.4g}"
                )
                results = results_of(search.candidates)
                if self.callback is not None and self.callback(rung, results):
                    return "callback"
        except KeyboardInterrupt:
            if not (self.keep_interrupted and search.n_folds):
                raise
            warn(
                f"The search was interrupted: the ensemble is of what {search.n_folds} "
                f"of {n_folds} folds have shown."
            )
            return "interrupted"
        return "completed"

    def _keep(self, search, y, sample_weight, measure):
        """Choose the ensemble among the finalists, and keep nothing else."""
        candidates, unseen = search.candidates, search.unseen()
        numbers = [each for each in search.kept if np.isfinite(candidates[each].loss)]
        numbers.sort()
        if not numbers:
            raise ValueError(
                "No candidate has a finite loss on rows that it has not seen, by "
                f"scoring={self.scoring!r}."
            )
        finalists = [candidates[number] for number in numbers]
        predictions = np.array(
            [
                self._at_temperature(
                    unseen.mean([member.prediction for member in each.members]),
                    each.temperature,
                )
                for each in finalists
            ]
        )
        rows = unseen.is_predicted
        weights = select_greedily(predictions[:, rows], measure.on(rows).loss)
        self._chosen, members = [], []
        for each, own in zip(finalists, weights.tolist(), strict=True):
            if own > 0:
                estimators = [member.estimator for member in each.members]
                self._chosen.append(_Chosen(estimators, own, each.temperature))
                members += each.members
        warn_about_members(members)
        self.estimators_ = [member.estimator for member in members]
        self.weights_ = np.zeros(len(candidates))
        self.weights_[numbers] = weights
        prediction = np.tensordot(weights, predictions, axes=1)
        self._set_oof_prediction(prediction)
        self.oof_fold_ = unseen.fold
        self.oof_score_ = self._oof_score(
            y[rows],
            prediction[rows],
            None if sample_weight is None else sample_weight[rows],
        )
        self.cv_results_ = results_of(candidates, self.weights_)
        self.best_index_ = int(np.argmin(self.cv_results_["rank"]))
        self.best_params_ = candidates[self.best_index_].parameters
        self.best_score_ = -candidates[self.best_index_].loss
        self.n_iter_ = round(candidates[self.best_index_].n_iter)

    def _oof_score(self, y, prediction, sample_weight):
        predicted = self._output.decoded(prediction)
        return float(self._metric(y, predicted, sample_weight))

    def _warn_about_failures(self, candidates):
        errors = [each.error for each in candidates if each.error is not None]
        if errors:
            warn(
                f"{len(errors)} of {len(candidates)} candidates failed and come last, "
                f"with infinite loss. The first error is {errors[0]!r}.",
                FitFailedWarning,
            )

    def summary(self) -> str:
        """What was tried, and what won, as the lines of a table.

        Returns
        -------
        str
            A line for each of the best candidates, with its weight in the ensemble.
        """
        check_is_fitted(self)
        return table_of(self.cv_results_)

    # -- prediction ------------------------------------------------------------------

    @quietly
    def _predict_chosen(self, X):
        """What the networks of each chosen setting predict.

        Returns
        -------
        list of ndarray of shape (n_networks, n_samples, ...)
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return [
            predict_together(each.estimators, X, self._output) for each in self._chosen
        ]

    def _mean_of(self, predictions):
        """The ensemble's prediction, of those of `_predict_chosen`."""
        return sum(
            each.weight * self._at_temperature(own.mean(axis=0), each.temperature)
            for each, own in zip(self._chosen, predictions, strict=True)
        )
