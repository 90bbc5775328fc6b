"""Fits of many candidates on many folds: grouped, trained in lockstep, scored.

The parent plans and the workers train. Work is cut twice: into *windows* of folds, so
that no more prepared data than a window's are in memory, and each window into *jobs*,
so that every worker gets several. Within a job the engine makes batches that fit into
the cache; a network is scored as soon as its batch has ended, and let go.
"""

import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import joblib
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.parallel import delayed

from .._fitting.fit import batch_capacity
from .._utils.progress import run_calls
from ._candidates import nbytes_of, prepare_fold, with_groups
from ._sklearn_private import FoldScorer
from ._worker import FitResult, Job, fit_whole, located, run_alone, run_together

__all__ = ["LockstepRun"]

# Prepared data of this size may wait for their networks; what is larger is prepared for
# as many folds as there are workers.
_WINDOW_BYTES = 64 * 2**20

# Jobs of a worker: enough that the workers end at about the same time.
_JOBS_PER_WORKER = 4
# Batches of a job: few enough that progress is seen.
_BATCHES_PER_JOB = 8


class LockstepRun:
    """All that the fits of a search have in common.

    Parameters
    ----------
    X, y
        All data, as the user gave them.
    splits : list of (train, test)
    fit_params : dict
    groups : array-like or None
        Of the rows, for networks that split by them.
    scoring : dict
        Keyword arguments of scikit-learn's `_fit_and_score`.
    n_jobs : int or None
    pre_dispatch : int or str
    verbose : int
    warns : bool, default=True
        Whether the end of training at `max_iter` is worth a warning.
    keeps_states : bool, default=False
        Whether the results say how to go on.

    Attributes
    ----------
    n_batched : int
        Of the candidates, those whose networks trained in lockstep.
    refitted : tuple or None
        What `fit_whole` gave, where `run` was asked for it and a worker was there.
    """

    def __init__(
        self,
        X,
        y,
        splits,
        *,
        fit_params,
        scoring,
        groups=None,
        n_jobs=None,
        pre_dispatch="2*n_jobs",
        verbose=0,
        warns=True,
        keeps_states=False,
    ):
        self._X, self._y, self._splits = X, y, splits
        self._fit_params, self._scoring = fit_params, scoring
        self._groups = groups
        self._n_jobs, self._pre_dispatch = n_jobs, pre_dispatch
        self._n_workers = max(1, joblib.effective_n_jobs(n_jobs))
        self._verbose, self._warns = verbose, warns
        self._keeps_states = keeps_states
        self._fault_kinds = {}
        self._batched = set()
        self.refitted = None
        # One seed a fold, for networks that have none: as candidates are compared on
        # the same rows, so from the same start.
        self._seeds = None
        # Prepared data that a later run needs again, by setting and split.
        self._folds = {}

    @property
    def n_batched(self):
        return len(self._batched)

    def run(self, fits, refit=None):
        """Train and score every fit.

        Parameters
        ----------
        fits : list of Fit
        refit : estimator, default=None
            To be fitted to all rows meanwhile, by one of several workers.

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
            data = self._X, self._y, self._params_of(refit)
            besides.append(delayed(fit_whole)(refit, *data))
        results = {}
        for window in self._windows(together):
            jobs = []
            for pairs in self._batchable(window, alone):
                jobs += self._cut(pairs, len(together))
            # The longest first, so that all workers end at about the same time.
            jobs.sort(key=lambda job: -len(job.fits))
            self._collect(jobs, results, besides)
            besides = []
        self._collect([Job([fit]) for fit in alone], results)
        return results

    def _params_of(self, estimator):
        return with_groups(estimator, self._fit_params, self._groups)

    def _draw_seeds(self, fits):
        has_none = any(fit.candidate.network.random_state is None for fit in fits)
        if has_none and self._seeds is None:
            self._seeds = check_random_state(None).randint(
                2**31 - 1, size=len(self._splits)
            )

    # -- data ----------------------------------------------------------------------

    def _windows(self, fits):
        """Lists of folds, each with its fits: as many as memory allows."""
        folds = {}
        for fit in fits:
            folds.setdefault((fit.candidate.setting, fit.split), []).append(fit)
        n_samples = max(1, sum(len(part) for part in self._splits[0]))
        window, n_bytes = [], 0
        for fold_fits in folds.values():
            train, _ = self._splits[fold_fits[0].split]
            fold_bytes = nbytes_of(self._X) * len(train) // n_samples
            is_full = n_bytes + fold_bytes > _WINDOW_BYTES
            if is_full and len(window) >= self._n_workers:
                yield window
                window, n_bytes = [], 0
            window.append(fold_fits)
            n_bytes += fold_bytes
        if window:
            yield window

    def _batchable(self, window, alone):
        """The window's (fit, fold) pairs, in lists of those that may share batches.

        Fits that must be trained by themselves after all are appended to `alone`.
        """
        folds = self._prepare([first for first, *_ in window])
        lists = {}
        for fits, fold in zip(window, folds, strict=True):
            if fold.is_refused:
                alone += fits
                continue
            self._batched.update(fit.candidate.index for fit in fits)
            fold.seconds /= len(fits)
            key = self._merge_key(fits[0], fold)
            lists.setdefault(key, []).extend((fit, fold) for fit in fits)
        return list(lists.values())

    def _prepare(self, fits):
        """The folds that these fits, one for each, train on."""
        folds, missing = {}, []
        for fit in fits:
            key = fit.candidate.setting, fit.split
            if key in self._folds:
                folds[key] = replace(self._folds[key], seconds=0.0)
            else:
                missing.append((key, fit))
        calls = [
            delayed(prepare_fold)(
                fit.candidate,
                fit.split,
                self._X,
                self._y,
                self._splits[fit.split][0],
                self._params_of(fit.candidate.estimator),
            )
            for _, fit in missing
        ]
        # Without anything around the networks there is nothing to spread.
        has_wrappers = any(fit.candidate.prefix for fit in fits)
        prepared = self._parallel(calls, n_jobs=None if has_wrappers else 1)
        for (key, _), fold in zip(missing, prepared, strict=True):
            folds[key] = fold
            n_bytes = sum(nbytes_of(kept.X) for kept in self._folds.values())
            if self._keeps_states and n_bytes < _WINDOW_BYTES:
                self._folds[key] = fold
        return [folds[fit.candidate.setting, fit.split] for fit in fits]

    def _merge_key(self, fit, fold):
        """Equal for folds whose networks may share batches."""
        is_by_itself = (
            fold.error is not None
            or fold.validation is not None
            or fold.groups is not None
            or sparse.issparse(fold.y)
            or nbytes_of(fold.X) > _WINDOW_BYTES // 8
        )
        if is_by_itself:
            return fit.candidate.setting, fold.split
        is_sparse = sparse.issparse(fold.X)
        return (
            fit.candidate.setting,
            fold.X.shape,
            fold.X.dtype,
            is_sparse,
            fold.y.shape[1:],
            fold.sample_weight is None,
        )

    # -- jobs ----------------------------------------------------------------------

    def _cut(self, pairs, n_fits):
        """Cut (fit, fold) pairs that may share batches into jobs."""
        # Those that will share one next to each other.
        order = {}
        for fit, fold in pairs:
            order.setdefault(_batch_key(fit.candidate), []).append((fit, fold))
        pairs = [pair for same_key in order.values() for pair in same_key]
        fit, fold = pairs[0]
        size = n_fits // (_JOBS_PER_WORKER * self._n_workers)
        if fold.error is None:
            capacity = _capacity(fit, fold.X, fold.encoding)
            least = capacity
            if self._n_workers > 1:
                least = min(capacity, -(-n_fits // (2 * self._n_workers)))
            size = min(max(size, least), _BATCHES_PER_JOB * capacity)
        n_jobs = max(1, round(len(pairs) / max(1, size)))
        # As many for one worker as for another.
        n_jobs = min(-(-n_jobs // self._n_workers) * self._n_workers, len(pairs))
        ends = [len(pairs) * job // n_jobs for job in range(n_jobs + 1)]
        return [
            _job_of(pairs[start:end])
            for start, end in zip(ends, ends[1:], strict=False)
        ]

    def _parallel(self, calls, n_jobs=None):
        """Results of delayed calls, in order, as they come."""
        n_jobs = n_jobs or self._n_jobs
        return run_calls(calls, n_jobs, pre_dispatch=self._pre_dispatch)

    def _call_of(self, job):
        data = self._X, self._y
        if job.folds is None:
            (fit,) = job.fits
            return delayed(run_alone)(
                fit,
                *data,
                self._splits[fit.split],
                fit_params=self._params_of(fit.candidate.estimator),
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

    def _collect(self, jobs, results, besides=()):
        """Run the jobs, and file their results by fit."""
        n_done = 0
        try:
            calls = [*besides, *(self._call_of(job) for job in jobs)]
            done = iter(self._parallel(calls))
            for _ in besides:
                self.refitted = next(done)
            for job, job_results in zip(jobs, done, strict=True):
                n_done += 1
                self._file(job, job_results, results)
        except BrokenProcessPool as death:
            self._collect_one_by_one(jobs[n_done:], results, death)

    def _collect_one_by_one(self, jobs, results, death):
        """After a worker died: each fit in a process of its own, to find who did it."""
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
        """What was wrong with each candidate's fits when they were last trained."""
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


def _batch_key(candidate):
    """Equal for candidates whose networks may train in one batch."""
    if candidate.error is not None:
        return None
    return candidate.network._make_config().key("batch")


def _capacity(fit, X, encoding):
    n_outputs = 1 if encoding is None else encoding.n_outputs
    n_rows, n_features = X.shape
    try:
        return batch_capacity(
            fit.candidate.network._make_config(), n_rows, n_features, n_outputs, X.dtype
        )
    except Exception:
        # Invalid parameters: the fit will say so.
        return 1


def _job_of(pairs):
    folds = {fold.split: fold for _, fold in pairs}
    return Job([fit for fit, _ in pairs], list(folds.values()))


def _single(job, fit):
    """One of a job's fits as a job by itself."""
    folds = job.folds and [fold for fold in job.folds if fold.split == fit.split]
    return Job([fit], folds)
