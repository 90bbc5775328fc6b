"""The work of a worker: train the fits of a job in lockstep, and score each."""

import copy
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.base import clone

from .._core.stopping import StopReason
from .._fitting.config import parameter_names
from .._fitting.fit import fit_each
from .._fitting.judging import FaultKind, Judge
from .._fitting.keys import Same, is_plain
from .._fitting.members import stack_up
from .._fitting.tasks import FitOutcome, TrainingState, task_of
from .._utils.publishing import fitting, quietly, snapshot
from .._utils.warnings import collected_warnings, each_warning_once
from .._utils.wrappers import around_model
from ..augmentation import is_resampler
from ..neural_network._reporting import warn_about
from ._candidates import Candidate
from ._sklearn_private import FoldScorer, fit_and_score

__all__ = [
    "Fit",
    "FitResult",
    "Job",
    "fit_whole",
    "located",
    "run_alone",
    "run_together",
]


@dataclass
class Fit:
    """One candidate on one split.

    Attributes
    ----------
    candidate : Candidate
    split : int
        The number of the split.
    state : TrainingState or None
        The state to resume training from; its rows are counted from the fold's first.
    max_iter : int or None
        The largest number of epochs, in place of the candidate's.
    schedule_iter : int or None
        The number of epochs after which schedules end, if it is not the same.
    is_last : bool
        Whether the candidate is judged after this fit, even if `max_iter` ended it.
    """

    candidate: Candidate
    split: int
    state: TrainingState | None = None
    max_iter: int | None = None
    schedule_iter: int | None = None
    is_last: bool = False

    @property
    def key(self):
        return self.candidate.index, self.split


@dataclass
class FitResult:
    """The result of a fit.

    Attributes
    ----------
    scored : dict
        The scores and times as scikit-learn's functions return and take them.
    state : TrainingState or None
        The state to resume training from, if states are kept.
    is_done : bool
        Whether more epochs would change nothing, if states are kept.
    fault_kind : FaultKind or None
        What is wrong with a network that trained without an error.
    """

    scored: dict
    state: TrainingState | None = None
    is_done: bool = False
    fault_kind: FaultKind | None = None


@dataclass
class Job:
    """Fits for one worker, with the folds that they train on.

    There is a single fold, or the data of the folds differ only in their rows. The
    folds are None if the fits do not train in lockstep.
    """

    fits: list
    folds: list | None = field(default=None, repr=False)


@each_warning_once()
@quietly
def run_together(job, X, y, splits, **options):
    """Train the fits of a job in lockstep and score each.

    Parameters
    ----------
    job : Job
    X, y
        All data, as the user gave them.
    splits : dict of int to (train, test)
        The splits of the fits, by their number.
    **options : dict
        Further parameters of `_LockstepJob`.

    Returns
    -------
    list of FitResult
        In the order of the job's fits.
    """
    return _LockstepJob(job, X, y, splits, **options).run()


class _LockstepJob:
    """One call of `run_together`.

    Parameters
    ----------
    job, X, y, splits
        As for `run_together`.
    scoring : dict
        Keyword arguments of `FoldScorer`.
    seeds : ndarray of int or None
        The seed of each split, for networks that have none.
    verbose : int
    warns : bool
        Whether to warn if training ends at `max_iter`.
    keeps_states : bool
        Whether results have the states from which training can go on.
    """

    def __init__(
        self, job, X, y, splits, *, scoring, seeds, verbose, warns, keeps_states
    ):
        self._fits, folds = job.fits, job.folds
        self._seeds, self._verbose = seeds, verbose
        self._warns, self._keeps_states = warns, keeps_states
        self._stack, self._validation = stack_up(folds), folds[0].validation
        self._folds = {fold.split: fold for fold in folds}
        self._rows = dict(zip(self._folds, self._stack.row_sets, strict=True))
        self._scorers = {
            split: FoldScorer(
                self._fits[0].candidate.estimator, X, y, splits[split], **scoring
            )
            for split in self._folds
        }
        stack = self._stack
        self._judges = {
            split: Judge(stack.X, stack.y, stack.sample_weight, rows, self._validation)
            for split, rows in self._rows.items()
        }
        self._moved_streams = {}
        self._networks = [_network_of(fit, seeds) for fit in self._fits]
        # Of the tasks, which are gone when their networks are judged.
        self._configs = [None] * len(self._fits)
        self._results = [None] * len(self._fits)

    def run(self):
        tasks, indices = [], []
        for index, fit in enumerate(self._fits):
            error = fit.candidate.error or self._folds[fit.split].error
            if error is not None:
                # The error is not raised, for its traceback would grow with each raise
                # and many fits with the same error would have different texts.
                self._finish(index, FitOutcome(error=error))
                continue
            try:
                task = self._task(index)
            except Exception as error:
                self._finish(index, FitOutcome(error=error))
            else:
                self._configs[index] = task.config
                tasks.append(task)
                indices.append(index)
        stack = self._stack
        for position, outcome in fit_each(
            tasks, stack.X, stack.y, validation=self._validation
        ):
            self._finish(indices[position], outcome)
        return self._results

    def _task(self, index):
        fit, network, stack = self._fits[index], self._networks[index], self._stack
        fold = self._folds[fit.split]
        vars(network).update(fold.columns)
        state = fit.state
        if state is not None:
            state = self._moved(state, self._start_of(fit.split))
        return task_of(
            network,
            rows=self._rows[fit.split],
            sample_weight=stack.sample_weight,
            groups=network._check_groups(fold.groups, stack.X, self._validation),
            state=state,
            resume=state is not None,
            schedule_iter=fit.schedule_iter,
            encoding=fold.encoding,
        )

    def _start_of(self, split):
        """The first of a split's rows."""
        rows = self._rows[split]
        return int(rows[0]) if len(rows) else 0

    def _finish(self, index, outcome):
        """Score a network and file the result; the network itself is not kept."""
        # Only a copy gets the parameters, so that they are freed at the end.
        fit, network = self._fits[index], snapshot(self._networks[index])
        fold, fault_kind = self._folds[fit.split], None
        if outcome.error is None:
            fault_kind = self._fault_kind(outcome, self._configs[index], fit)
            outcome = self._applied(outcome, network)
        with located(fit):
            estimator = _estimator_around(network, fit, fold)
            scored = self._scorers[fit.split](estimator, outcome.error)
        scored["fit_time"] = outcome.seconds + fold.seconds
        if self._verbose > 1:
            _print_fit(fit, scored)
        result = FitResult(scored, fault_kind=fault_kind)
        self._results[index] = result
        if self._keeps_states:
            result.is_done = outcome.error is None and not outcome.cut_short
            if _can_resume(network, outcome):
                state = self._moved(outcome.state, -self._start_of(fit.split))
                result.state = _compact(state)

    def _fault_kind(self, outcome, config, fit):
        """What is wrong with the network, or None; the search counts such faults."""
        if outcome.cut_short and not (self._warns or fit.is_last):
            # The network will train on in the next rung, and is judged then.
            return None
        fault = self._judges[fit.split].fault_of(config, outcome)
        return fault and fault.kind

    def _applied(self, outcome, network):
        """Set the network's fitted attributes; return the outcome, or one of an error.

        A user's filter may turn a warning into an error.
        """
        try:
            outcome.apply_to(network)
            if self._warns or outcome.stop_reason is not StopReason.MAX_ITER:
                warn_about(network, outcome.stop_reason, outcome.progress)
        except Exception as error:
            return FitOutcome(error=error, seconds=outcome.seconds)
        return outcome

    def _moved(self, state, offset):
        """A state whose row numbers are shifted; shared streams stay shared."""
        stream = state.stream
        if offset == 0 or stream is None:
            return state
        if Same(stream) not in self._moved_streams:
            # Both streams have the same generators, for only one of them is used on.
            shifted = copy.copy(stream)
            shifted.rows = stream.rows + offset
            self._moved_streams[Same(stream)] = shifted
        stream = self._moved_streams[Same(stream)]
        validation_rows = state.validation_rows
        if validation_rows is not None:
            validation_rows = validation_rows[0] + offset, validation_rows[1]
        return replace(state, stream=stream, validation_rows=validation_rows)


def _network_of(fit, seeds):
    """The candidate's network, to be trained on one split."""
    network = snapshot(fit.candidate.network)
    for name in parameter_names(type(network)):
        value = getattr(network, name)
        if not is_plain(value):
            # Training may change the value, such as a generator that it draws from, and
            # every fold must begin with the same one. scikit-learn clones an estimator
            # for each fold.
            setattr(network, name, clone(value, safe=False))
    if fit.max_iter is not None:
        network.max_iter = fit.max_iter
    if network.random_state is None:
        network.random_state = int(seeds[fit.split])
    return network


def _can_resume(network, outcome):
    """Whether training that goes on from the state ends as uninterrupted training."""
    state = outcome.state
    return (
        state is not None
        and state.optimizer is not None
        and outcome.first_phase is None
        and network.feature_alpha == 0
        # A resampler would resample the rows again.
        and not is_resampler(network.augmentation)
    )


def _compact(state):
    """The state with one array for equal parameters, which is then sent once."""
    if np.array_equal(state.params, state.kept):
        return replace(state, params=state.kept)
    return state


def _estimator_around(network, fit, fold):
    """The network in the fold's fitted wrappers."""
    original = fit.candidate.estimator
    if fit.candidate.prefix and fold.wrappers is None:
        return copy.copy(original)
    return around_model(fold.wrappers, original, network)


@each_warning_once()
def run_alone(fit, X, y, split, *, fit_params, scoring, verbose):
    """Fit and score as scikit-learn would: a list of one FitResult."""
    with located(fit):
        scored = fit_and_score(
            clone(fit.candidate.estimator), X, y, split, fit_params, **scoring
        )
    if verbose > 1:
        _print_fit(fit, scored)
    return [FitResult(scored)]


@quietly
@each_warning_once()
def fit_whole(estimator, X, y, fit_params):
    """Fit an estimator to all rows.

    Returns
    -------
    tuple of (estimator, seconds, warnings) or None
        The fitted estimator, the time that this took and the warnings that it gave.
        None if the fit fails: then the caller fits again and raises the error itself.
    """
    started = time.time()
    with collected_warnings() as caught:
        try:
            with fitting():
                estimator.fit(X, y, **fit_params)
        except Exception:
            return None
    return estimator, time.time() - started, caught


@contextmanager
def located(fit):
    """Add to an error of the block which candidate and split it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(
            f"This happened to candidate {fit.candidate.index} "
            f"({fit.candidate.parameters}) on split {fit.split}."
        )
        raise


def _print_fit(fit, scored):
    parameters = fit.candidate.parameters
    setting = ", ".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    seconds = scored["fit_time"] + scored["score_time"]
    print(
        f"[CV {fit.split + 1}] {setting}: score={scored['test_scores']}, "
        f"{seconds:.2f} s"
    )
