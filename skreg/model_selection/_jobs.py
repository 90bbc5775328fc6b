"""What a worker does: train the fits of a job in lockstep, and score each."""

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from .._core.batching import one_blas_thread
from .._core.stopping import StopReason
from ..neural_network._fit_many import fit_each
from ..neural_network._reporting import warn_about
from ..neural_network._tasks import FitOutcome, FitTask, TrainingState, Validation
from ._candidates import Candidate
from ._sklearn_private import FoldScorer, fit_and_score

__all__ = [
    "Block",
    "Fit",
    "FitResult",
    "Job",
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
    state : TrainingState or None
        To resume, with rows counted from the fold's first.
    max_iter : int or None
        In place of the candidate's.
    """

    candidate: Candidate
    split: int
    state: TrainingState | None = None
    max_iter: int | None = None

    @property
    def key(self):
        return self.candidate.index, self.split


@dataclass
class FitResult:
    """What became of a fit.

    Attributes
    ----------
    scored : dict
        As scikit-learn's machinery wants it.
    state : TrainingState or None
        Only if states are kept: to resume.
    stop_reason : StopReason or None
    """

    scored: dict
    state: TrainingState | None = None
    stop_reason: Any = None


@dataclass
class Block:
    """Training data of one fold, or of several one below the other."""

    X: Any
    y: Any
    sample_weight: Any
    validation: Validation | None
    folds: list
    starts: list
    n_rows: list


@dataclass
class Job:
    """Fits for one worker, with the block that they train on."""

    fits: list
    block: Block | None = field(default=None, repr=False)


def run_together(job, X, y, splits, **options):
    """Train the fits of a job in lockstep and score each.

    Parameters
    ----------
    job : Job
    X, y
        All data, as the user gave them.
    splits : dict of int to (train, test)
        Those of the fits.
    **options : dict
        See `_LockstepJob`.

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
        As there.
    scoring : dict
        Of `FoldScorer`.
    seeds : ndarray of int or None
        A split's seed, for networks without one.
    verbose : int
    warns : bool
        Whether reaching `max_iter` is worth a warning.
    keeps_states : bool
    """

    def __init__(
        self, job, X, y, splits, *, scoring, seeds, verbose, warns, keeps_states
    ):
        self._fits, self._block = job.fits, job.block
        self._seeds, self._verbose = seeds, verbose
        self._warns, self._keeps_states = warns, keeps_states
        block = self._block
        self._folds, self._starts, self._rows, self._scorers = {}, {}, {}, {}
        for fold, start, n_rows in zip(
            block.folds, block.starts, block.n_rows, strict=True
        ):
            if fold.split in splits:
                self._folds[fold.split] = fold
                self._starts[fold.split] = start
                self._rows[fold.split] = np.arange(start, start + n_rows)
                self._scorers[fold.split] = FoldScorer(
                    self._fits[0].candidate.estimator,
                    X,
                    y,
                    splits[fold.split],
                    **scoring,
                )
        self._moved_streams = {}
        self._networks = [_network_of(fit, seeds) for fit in self._fits]
        self._results = [None] * len(self._fits)

    def run(self):
        tasks, indices = [], []
        for index in range(len(self._fits)):
            try:
                task = self._task(index)
            except Exception as error:
                self._finish(index, FitOutcome(error=error))
            else:
                tasks.append(task)
                indices.append(index)
        block = self._block
        with one_blas_thread():
            for position, outcome in fit_each(
                tasks, block.X, block.y, validation=block.validation
            ):
                self._finish(indices[position], outcome)
        return self._results

    def _task(self, index):
        fit, network, block = self._fits[index], self._networks[index], self._block
        fold = self._folds[fit.split]
        error = fit.candidate.error or fold.error
        if error is not None:
            raise error
        vars(network).update(fold.columns)
        state = fit.state
        if state is not None:
            state = self._moved(state, self._starts[fit.split])
        return FitTask(
            network,
            rows=self._rows[fit.split],
            sample_weight=block.sample_weight,
            groups=network._check_groups(fold.groups, block.X, block.validation),
            state=state,
            resume=state is not None,
            encoding=fold.encoding,
        )

    def _finish(self, index, outcome):
        """Score the network, and let it go."""
        # A copy, so that nothing holds on to the parameters once it is gone.
        fit, network = self._fits[index], copy.copy(self._networks[index])
        fold = self._folds[fit.split]
        if outcome.error is None:
            outcome = self._applied(outcome, network)
        with located(fit):
            estimator = _estimator_around(network, fit, fold)
            scored = self._scorers[fit.split](estimator, outcome.error)
        scored["fit_time"] = outcome.seconds + fold.seconds
        if self._verbose > 1:
            _print_fit(fit, scored)
        result = self._results[index] = FitResult(scored)
        if self._keeps_states:
            result.stop_reason = outcome.stop_reason
            if _can_resume(network, outcome):
                result.state = self._moved(outcome.state, -self._starts[fit.split])

    def _applied(self, outcome, network):
        """The outcome, after the network has it; a warning may have become an error."""
        try:
            outcome.apply_to(network)
            if self._warns or outcome.stop_reason is not StopReason.MAX_ITER:
                warn_about(network, outcome.stop_reason, outcome.progress)
        except Exception as error:
            return FitOutcome(error=error, seconds=outcome.seconds)
        return outcome

    def _moved(self, state, offset):
        """A state whose rows are counted from elsewhere; shared streams stay shared."""
        stream = state.stream
        if offset == 0 or stream is None:
            return state
        if id(stream) not in self._moved_streams:
            shifted = stream.copy()
            shifted.rows = stream.rows + offset
            # With the stream, so that its id stays its own.
            self._moved_streams[id(stream)] = stream, shifted
        _, stream = self._moved_streams[id(stream)]
        validation_rows = state.validation_rows
        if validation_rows is not None:
            validation_rows = validation_rows[0] + offset, validation_rows[1]
        return replace(state, stream=stream, validation_rows=validation_rows)


def _network_of(fit, seeds):
    """The candidate's network, to be trained on one split."""
    network = copy.copy(fit.candidate.network)
    if fit.max_iter is not None:
        network.max_iter = fit.max_iter
    if network.random_state is None:
        network.random_state = int(seeds[fit.split])
    elif not isinstance(network.random_state, (int, np.integer)):
        # Training draws from it, and the next fold's must start where this one did.
        network.random_state = copy.deepcopy(network.random_state)
    return network


def _can_resume(network, outcome):
    """Whether going on from a state gives what training in one go would."""
    state = outcome.state
    return (
        state is not None
        and state.optimizer is not None
        and outcome.first_phase is None
        and network.feature_alpha == 0
    )


def _estimator_around(network, fit, fold):
    """The network behind the fold's fitted steps."""
    if fit.candidate.step is None:
        return network
    if fold.pipeline is None:
        return copy.copy(fit.candidate.estimator)
    pipeline = copy.copy(fold.pipeline)
    pipeline.steps = [*pipeline.steps[:-1], (fit.candidate.step, network)]
    return pipeline


def run_alone(fit, X, y, split, *, fit_params, scoring, verbose):
    """Fit and score as scikit-learn would: a list of one FitResult."""
    with located(fit):
        scored = fit_and_score(
            clone(fit.candidate.estimator), X, y, split, fit_params, **scoring
        )
    if verbose > 1:
        _print_fit(fit, scored)
    return [FitResult(scored)]


@contextmanager
def located(fit):
    """Say in an error which candidate and split it is about."""
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
