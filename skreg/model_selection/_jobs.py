"""What a worker does: train the fits of a job in lockstep, and score each."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from .._core.stopping import StopReason
from ..neural_network._fit_many import fit_each
from ..neural_network._reporting import warn_about
from ..neural_network._tasks import FitOutcome, FitTask, TrainingState, Validation
from ._candidates import Candidate
from ._sklearn_private import fit_and_score

__all__ = [
    "Block",
    "Fit",
    "FitResult",
    "Job",
    "place_of",
    "run_alone",
    "run_together",
    "score",
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


def run_together(job, X, y, splits, scoring, seeds, verbose, warns, keeps_states):
    """Train the fits of a job in lockstep, score each: a list of FitResult."""
    block = job.block
    places = {fold.split: place for place, fold in enumerate(block.folds)}
    rows = {
        split: np.arange(block.starts[place], block.starts[place] + block.n_rows[place])
        for split, place in places.items()
    }
    results = [None] * len(job.fits)
    networks, tasks, indices = [], [], []

    def finish(index, outcome):
        fit, network = job.fits[index], networks[index]
        place = places[fit.split]
        fold = block.folds[place]
        state, reason = outcome.state, outcome.stop_reason
        estimator = _estimator_around(network, fit, fold)
        scored = score(
            estimator,
            outcome,
            fit,
            X,
            y,
            splits[fit.split],
            scoring,
            network=network,
            warns=warns,
        )
        scored["fit_time"] = outcome.seconds + fold.seconds
        if verbose > 1:
            _print_fit(fit, scored, len(splits))
        results[index] = FitResult(scored)
        if keeps_states:
            results[index].stop_reason = reason
            if _can_resume(network, outcome):
                results[index].state = _moved(state, -block.starts[place], moved)

    moved = {}
    for index, fit in enumerate(job.fits):
        fold = block.folds[places[fit.split]]
        try:
            network = _network_of(fit, seeds)
            networks.append(network)
            if fold.error is not None:
                raise fold.error
            vars(network).update(fold.columns)
            network._validate_params()
            network._check_parameters_together()
            groups = network._check_groups(fold.groups, block.X, block.validation)
        except Exception as error:
            finish(index, FitOutcome(error=error))
            continue
        state = fit.state
        if state is not None:
            state = _moved(state, block.starts[places[fit.split]], moved)
        tasks.append(
            FitTask(
                network,
                rows=rows[fit.split],
                sample_weight=block.sample_weight,
                groups=groups,
                state=state,
                resume=state is not None,
                encoding=fold.encoding,
            )
        )
        indices.append(index)
    # The products are small: BLAS threads would spend their time waiting, and be in the
    # way of other workers'.
    with threadpool_limits(limits=1, user_api="blas"):
        for position, outcome in fit_each(
            tasks, block.X, block.y, validation=block.validation
        ):
            finish(indices[position], outcome)
    return results


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


def score(
    estimator,
    outcome,
    fit,
    X,
    y,
    split,
    scoring,
    *,
    network=None,
    warns=True,
):
    """Score by scikit-learn's machinery, which finds the estimator trained already."""

    def hand_over(*args, **kwargs):
        # From here on the estimator is like any other.
        del estimator.fit
        if outcome.error is not None:
            raise outcome.error
        outcome.apply_to(network)
        if warns or outcome.stop_reason is not StopReason.MAX_ITER:
            warn_about(network, outcome.stop_reason, outcome.progress)
        return estimator

    estimator.fit = hand_over
    train, test = split
    if not scoring["return_train_score"]:
        # Nothing looks at the training rows any more: spare their copy.
        train = np.arange(0)
    try:
        return fit_and_score(
            estimator,
            X,
            y,
            train=train,
            test=test,
            parameters=None,
            fit_params=None,
            verbose=0,
            **scoring,
        )
    except Exception as error:
        error.add_note(place_of(fit))
        raise


def run_alone(fit, X, y, split, fit_params, scoring, verbose):
    """Fit as scikit-learn would: a list of one FitResult."""
    train, test = split
    try:
        scored = fit_and_score(
            clone(fit.candidate.estimator),
            X,
            y,
            train=train,
            test=test,
            parameters=None,
            fit_params=fit_params,
            verbose=0,
            **scoring,
        )
    except Exception as error:
        error.add_note(place_of(fit))
        raise
    if verbose > 1:
        _print_fit(fit, scored, None)
    return [FitResult(scored)]


def place_of(fit):
    return (
        f"This happened to candidate {fit.candidate.index} "
        f"({fit.candidate.parameters}) on split {fit.split}."
    )


def _print_fit(fit, scored, n_splits):
    parameters = fit.candidate.parameters
    setting = ", ".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    scores = scored["test_scores"]
    seconds = scored["fit_time"] + scored["score_time"]
    print(f"[CV {fit.split + 1}] {setting}: score={scores}, {seconds:.2f} s")


def _moved(state, offset, moved):
    """A state whose rows are counted from elsewhere; shared streams stay shared."""
    stream = state.stream
    if offset == 0 or stream is None:
        return state
    if id(stream) not in moved:
        shifted = stream.copy()
        shifted.rows = stream.rows + offset
        # With the stream, so that its id stays its own.
        moved[id(stream)] = stream, shifted
    validation_rows = state.validation_rows
    if validation_rows is not None:
        validation_rows = validation_rows[0] + offset, validation_rows[1]
    return replace(state, stream=moved[id(stream)][1], validation_rows=validation_rows)
