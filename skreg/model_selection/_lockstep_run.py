"""Fits of many candidates on many folds: trained in lockstep by workers, and scored.

The `Scheduler` makes the jobs. A `LockstepRun` hands them to the workers and files the
results. A network is scored as soon as its batch has ended, and is not kept.
"""

import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

import joblib
from sklearn.utils import check_random_state
from sklearn.utils.parallel import delayed

from .._utils.calls import run_calls
from ._scheduler import Scheduler
from ._sklearn_private import FoldScorer
from ._worker import FitResult, Job, fit_whole, located, run_alone, run_together

__all__ = ["LockstepRun"]


class LockstepRun:
    """Trains and scores the fits of a search, in one call or in several.

    Parameters
    ----------
    X, y
        All data, as the user gave them.
    splits : list of (train, test)
    fit_params : dict
        The user's parameters of the estimators' `fit`.
    groups : array-like or None
        Groups of the rows, for networks whose validation split needs them.
    scoring : dict
        Keyword arguments of scikit-learn's `_fit_and_score`.
    has_own_scorers : bool, default=False
        Whether scores are computed by callables of the user's.
    n_jobs : int or None
    pre_dispatch : int or str
    verbose : int
    warns : bool, default=True
        Whether to warn if training ends at `max_iter`.
    keeps_states : bool, default=False
        Whether results have the states from which training can go on.

    Attributes
    ----------
    n_batched : int
        The number of candidates whose networks trained in lockstep.
    refitted : tuple or None
        What `fit_whole` returned, if `run` was given `refit` and there are several
        workers.
    """

    def __init__(
        self,
        X,
        y,
        splits,
        *,
        fit_params,
        scoring,
        has_own_scorers=False,
        groups=None,
        n_jobs=None,
        pre_dispatch="2*n_jobs",
        verbose=0,
        warns=True,
        keeps_states=False,
    ):
        self._X, self._y, self._splits = X, y, splits
        self._scoring, self._fit_params, self._groups = scoring, fit_params, groups
        self._n_jobs, self._pre_dispatch = n_jobs, pre_dispatch
        self._n_workers = max(1, joblib.effective_n_jobs(n_jobs))
        self._verbose, self._warns = verbose, warns
        self._keeps_states = keeps_states
        self._fault_kinds = {}
        self.refitted = None
        # Networks without a seed get the same one on a fold, so that candidates are
        # compared on the same rows and from the same start.
        self._seeds = None
        self._scheduler = Scheduler(
            X,
            y,
            splits,
            fit_params=fit_params,
            groups=groups,
            has_own_scorers=has_own_scorers,
            n_workers=self._n_workers,
            n_jobs=n_jobs,
            pre_dispatch=pre_dispatch,
            keeps_folds=keeps_states,
        )

    @property
    def n_batched(self):
        return len(self._scheduler.batched)

    @property
    def identity(self):
        """What the results of fits depend on, besides their candidates."""
        data = self._X, self._y, self._splits, self._groups, self._fit_params
        return data, self._scoring["score_params"]

    @property
    def state(self):
        """What is known of the fits; a run of the same identity takes it over."""
        return self._seeds, self._fault_kinds, self._scheduler.batched

    @state.setter
    def state(self, state):
        self._seeds, self._fault_kinds, self._scheduler.batched = state

    def run(self, fits, refit=None):
        """Train and score every fit.

        Parameters
        ----------
        fits : list of Fit
        refit : estimator, default=None
            An estimator that one of several workers fits to all rows meanwhile.

        Returns
        -------
        dict of (candidate index, split) to FitResult
        """
        self._started, self._n_fits = time.perf_counter(), len(fits)
        alone = [fit for fit in fits if fit.candidate.network is None]
        together = [fit for fit in fits if fit.candidate.network is not None]
        self._draw_seeds(together)
        besides = []
        if refit is not None and self._n_workers > 1:
            data = self._X, self._y, self._scheduler.params_of(refit)
            besides.append(delayed(fit_whole)(refit, *data))
        results = {}
        for jobs in self._scheduler.jobs_of(together, alone):
            prefers_threads = self._scheduler.prefers_threads
            self._collect(jobs, results, besides, prefers_threads=prefers_threads)
            besides = []
        self._collect([Job([fit]) for fit in alone], results)
        return results

    def _draw_seeds(self, fits):
        has_none = any(fit.candidate.network.random_state is None for fit in fits)
        if has_none and self._seeds is None:
            self._seeds = check_random_state(None).randint(
                2**31 - 1, size=len(self._splits)
            )

    def _parallel(self, calls, n_jobs=None, *, prefers_threads=False):
        """Yield the results of delayed calls in their order, as they come."""
        return run_calls(
            calls,
            n_jobs or self._n_jobs,
            prefers_threads=prefers_threads,
            pre_dispatch=self._pre_dispatch,
        )

    def _call_of(self, job):
        data = self._X, self._y
        if job.folds is None:
            (fit,) = job.fits
            return delayed(run_alone)(
                fit,
                *data,
                self._splits[fit.split],
                fit_params=self._scheduler.params_of(fit.candidate.estimator),
                scoring=self._scoring,
                verbose=self._verbose,
            )
        return delayed(run_together)(
            job,
            *data,
            {fit.split: self._splits[fit.split] for fit in job.fits},
            scoring=self._scoring,
            seeds=self._seeds,
            verbose=self._verbose,
            warns=self._warns,
            keeps_states=self._keeps_states,
        )

    def _collect(self, jobs, results, besides=(), *, prefers_threads=False):
        """Run the jobs, and file their results by fit."""
        n_done = 0
        try:
            calls = [*besides, *(self._call_of(job) for job in jobs)]
            done = self._parallel(calls, prefers_threads=prefers_threads)
            with closing(done):
                for _ in besides:
                    self.refitted = next(done)
                for job, job_results in zip(jobs, done, strict=True):
                    n_done += 1
                    self._file(job, job_results, results)
        except BrokenProcessPool as death:
            self._collect_one_by_one(jobs[n_done:], results, death)

    def _collect_one_by_one(self, jobs, results, death):
        """Run each fit in a process of its own, to find the one that ends it."""
        if self._n_workers == 1:
            raise death
        for job in jobs:
            for fit in job.fits:
                single = _single(job, fit)
                try:
                    (found,) = self._parallel([self._call_of(single)], n_jobs=2)
                except BrokenProcessPool as error:
                    found = [self._dead(fit, error)]
                self._file(single, found, results)

    def _dead(self, fit, error):
        """The result of a fit that ended its process."""
        scorer = FoldScorer(
            fit.candidate.estimator,
            self._X,
            self._y,
            self._splits[fit.split],
            **self._scoring,
        )
        with located(fit):
            return FitResult(
                {**scorer(fit.candidate.estimator, error), "fit_time": 0.0}
            )

    @property
    def fault_kinds(self):
        """The faults of each candidate's fits, from when they were last trained."""
        return {
            index: list(by_split.values())
            for index, by_split in self._fault_kinds.items()
        }

    def _file(self, job, job_results, results):
        for fit, result in zip(job.fits, job_results, strict=True):
            results[fit.key] = result
            kinds = self._fault_kinds.setdefault(fit.candidate.index, {})
            kinds[fit.split] = result.fault_kind
        if self._verbose > 0 and len(job.fits) < self._n_fits:
            seconds = time.perf_counter() - self._started
            print(f"{len(results)} of {self._n_fits} fits done, {seconds:.1f} s")


def _single(job, fit):
    """A job with one of a job's fits."""
    folds = job.folds and [fold for fold in job.folds if fold.split == fit.split]
    return Job([fit], folds)
