"""The plan of a search in lockstep: its fits are cut into windows, these into jobs.

A *window* has the fits of some folds, so that only the prepared data of one window are
in memory. It is cut into *jobs*, of which every worker gets several. Within a job,
`fit_each` makes batches that fit into the cache.
"""

from contextlib import closing
from dataclasses import replace

from scipy import sparse
from sklearn.utils.parallel import delayed

from .._fitting.fit import batch_capacity
from .._fitting.workers import prefer_threads
from .._utils.calls import run_calls
from ._candidates import nbytes_of, prepare_fold, with_groups
from ._worker import Job

__all__ = ["Scheduler"]

# A window has prepared data of at most this size, or one fold for each worker if those
# are larger.
_WINDOW_BYTES = 64 * 2**20

# Jobs of a worker: enough that the workers end at about the same time.
_JOBS_PER_WORKER = 4
# Batches of a job: few enough that progress is seen.
_BATCHES_PER_JOB = 8


class Scheduler:
    """Makes jobs of the fits of a search, and prepares the data that they train on.

    Parameters
    ----------
    X, y
        All data, as the user gave them.
    splits : list of (train, test)
    fit_params : dict
        The user's parameters of the estimators' `fit`.
    groups : array-like or None
        Groups of the rows, for networks whose validation split needs them.
    has_own_scorers : bool
        Whether workers compute scores by callables of the user's.
    n_workers : int
        The number of workers that share the jobs.
    n_jobs : int or None
        The number of workers that prepare folds, as in joblib.
    pre_dispatch : int or str
        How many preparations are handed to these in advance.
    keeps_folds : bool
        Whether prepared data are kept for a later call, as far as memory allows.

    Attributes
    ----------
    batched : set of int
        The indices of candidates whose networks trained in lockstep.
    prefers_threads : bool
        Whether threads are the better workers for the jobs. Then they prepare the
        folds, too, for processes would take longer to start.
    """

    def __init__(
        self,
        X,
        y,
        splits,
        *,
        fit_params,
        groups,
        has_own_scorers,
        n_workers,
        n_jobs,
        pre_dispatch,
        keeps_folds,
    ):
        self._X, self._y, self._splits = X, y, splits
        self._has_own_scorers = has_own_scorers
        self._fit_params, self._groups = fit_params, groups
        self._n_workers = n_workers
        self._n_jobs, self._pre_dispatch = n_jobs, pre_dispatch
        self._keeps_folds = keeps_folds
        self.prefers_threads = False
        self.batched = set()
        # Prepared data that a later call needs again, by setting and split.
        self._folds = {}

    def params_of(self, estimator):
        """The parameters of an estimator's `fit`."""
        return with_groups(estimator, self._fit_params, self._groups)

    def jobs_of(self, fits, alone):
        """Yield the jobs of each window of folds, a list at a time.

        Parameters
        ----------
        fits : list of Fit
            The fits of networks that can train in lockstep.
        alone : list of Fit
            Fits that turn out not to train in lockstep are appended to this list.
        """
        valid = {fit.candidate.index: fit.candidate for fit in fits}.values()
        valid = [candidate for candidate in valid if candidate.error is None]
        self.prefers_threads = not self._has_own_scorers and prefer_threads(
            [candidate.network for candidate in valid],
            around=[candidate.estimator for candidate in valid],
        )
        for window in self._windows(fits):
            jobs = []
            for pairs in self._batchable(window, alone):
                jobs += self._cut(pairs, len(fits))
            # The longest first, so that all workers end at about the same time.
            yield sorted(jobs, key=lambda job: -len(job.fits))

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

        Fits that turn out not to train in lockstep are appended to `alone`.
        """
        folds = self._prepare([first for first, *_ in window])
        lists = {}
        for fits, fold in zip(window, folds, strict=True):
            if fold.is_refused:
                alone += fits
                continue
            self.batched.update(fit.candidate.index for fit in fits)
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
                self.params_of(fit.candidate.estimator),
            )
            for _, fit in missing
        ]
        # Without wrappers around the networks, preparation is too short for workers.
        has_wrappers = any(fit.candidate.prefix for fit in fits)
        n_jobs = self._n_jobs if has_wrappers else 1
        prepared = run_calls(
            calls,
            n_jobs,
            prefers_threads=self.prefers_threads,
            pre_dispatch=self._pre_dispatch,
        )
        with closing(prepared):
            for (key, _), fold in zip(missing, prepared, strict=True):
                folds[key] = fold
                n_bytes = sum(nbytes_of(kept.X) for kept in self._folds.values())
                if self._keeps_folds and n_bytes < _WINDOW_BYTES:
                    self._folds[key] = fold
        return [folds[fit.candidate.setting, fit.split] for fit in fits]

    def _merge_key(self, fit, fold):
        """A key that is equal for folds whose networks may share batches."""
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

    def _cut(self, pairs, n_fits):
        """Cut (fit, fold) pairs that may share batches into jobs."""
        # Fits that will share a batch stand next to each other.
        order, keys = {}, {}
        for fit, fold in pairs:
            index = fit.candidate.index
            if index not in keys:
                keys[index] = _batch_key(fit.candidate)
            order.setdefault(keys[index], []).append((fit, fold))
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
        # The number of jobs is a multiple of the number of workers.
        n_jobs = min(-(-n_jobs // self._n_workers) * self._n_workers, len(pairs))
        ends = [len(pairs) * job // n_jobs for job in range(n_jobs + 1)]
        return [
            _job_of(pairs[start:end])
            for start, end in zip(ends, ends[1:], strict=False)
        ]


def _batch_key(candidate):
    """A key that is equal for candidates whose networks may train in one batch."""
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
        # If the parameters are invalid, the fit raises the error.
        return 1


def _job_of(pairs):
    folds = {fold.split: fold for _, fold in pairs}
    return Job([fit for fit, _ in pairs], list(folds.values()))
