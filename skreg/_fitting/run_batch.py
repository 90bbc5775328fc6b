"""Batches of prepared tasks: trained, and turned into outcomes."""

import time

import numpy as np

from .._core.objective import Objective
from .._core.penalties import make_penalty
from .._core.soundness import FinitePredictions, RowNorms
from .._core.stopping import StopReason
from .._core.training import Settings, train
from .._core.validation import Validator
from .judging import advice_on_divergence
from .solvers import solver_of
from .tasks import FitOutcome, TrainingState

__all__ = ["train_batch"]

# scikit-learn's.
_NON_FINITE_MESSAGE = (
    "Solver produced non-finite parameter weights. The input data may contain large"
    " values and need to be preprocessed."
)


def train_batch(chunk, keep_interrupted):
    """The outcomes of prepared tasks that share a batch."""
    started = time.perf_counter()
    first = chunk[0]
    has_minibatches = solver_of(first.task.config.solver).has_minibatches
    run = _run_minibatches if has_minibatches else _run_full_batch
    results = run(chunk, keep_interrupted)
    seconds = (time.perf_counter() - started) / len(chunk)
    return [
        _outcome(prepared, *result, seconds)
        for prepared, result in zip(chunk, results, strict=True)
    ]


def _outcome(prepared, state, reason, engine, seconds):
    if state.progress.kept is None:
        if reason is StopReason.INTERRUPTED and _is_sound(prepared, state.params):
            state.progress.kept = state.params
        else:
            error = ValueError(_message_of_no_finite_epoch(prepared, state))
            return FitOutcome(stop_reason=reason, error=error, seconds=seconds)
    return FitOutcome(
        state=state,
        stop_reason=reason,
        seconds=seconds,
        network=prepared.network,
        engine=engine,
        encoding=prepared.encoding,
        batch_size=prepared.batch_size,
        updates_per_epoch=_updates_per_epoch(prepared),
        cut_short=reason is StopReason.MAX_ITER,
    )


def _is_sound(prepared, params):
    """Whether parameters that no epoch has judged predict finite values."""
    with np.errstate(all="ignore"):
        return _judge_of(prepared)(params)


def _judge_of(prepared):
    model = prepared.model
    return FinitePredictions(
        prepared.network, RowNorms(prepared.X), model.stream.rows, model.largest_raw
    )


def _updates_per_epoch(prepared):
    if not solver_of(prepared.task.config.solver).has_minibatches:
        return 1
    return -(-prepared.model.stream.n_rows // prepared.batch_size)


def _message_of_no_finite_epoch(prepared, state):
    curves = state.progress.curves
    losses = curves.loss[-1:] + curves.validation_loss[-1:]
    scores = curves.validation_scores[-1:]
    if np.isfinite(losses).all() and not np.isfinite(scores).all():
        return (
            f"The validation score (scoring={prepared.task.config.scoring!r}) is "
            "not finite after the first epoch, although the losses are: it may not be "
            "defined for these validation rows."
        )
    advice = advice_on_divergence(prepared.task.config)
    return f"{_NON_FINITE_MESSAGE} {advice}"


def _report_of(prepared):
    """What to call after each epoch, or None."""
    task = prepared.task
    if task.report_on is None:
        return None
    return task.report_on(task.phase, prepared.network, prepared.encoding)


def _run_minibatches(chunk, keep_interrupted):
    first = chunk[0]
    config = first.task.config
    settings = Settings(
        solver=config.solver,
        batch_size=first.batch_size,
        shuffle=config.shuffle,
        learning_rate=solver_of(config.solver).followed(config.learning_rate),
        dropout_schedule=config.dropout_schedule,
        nesterovs_momentum=config.nesterovs_momentum,
        feature_penalty=config.feature_penalty,
        groups=first.groups,
    )
    reports = [_report_of(prepared) for prepared in chunk]

    def report(index, progress):
        return reports[index] and reports[index](progress)

    trained = train(
        first.network,
        [prepared.model for prepared in chunk],
        first.X,
        first.Y,
        settings,
        report=report if any(reports) else None,
        say=print if config.verbose else None,
        keep_interrupted=keep_interrupted,
    )
    return [
        (
            TrainingState(
                params=result.params,
                kept=result.progress.kept,
                optimizer=result.optimizer_state,
                solver=config.solver,
                stream=result.stream,
                progress=result.progress,
                n_samples_seen=result.n_samples_seen,
                validation_rows=prepared.validation_rows,
                feature_epsilon=prepared.model.feature_epsilon,
                average=result.average,
                embedded_inputs=prepared.network.embedded_inputs,
            ),
            result.stop_reason,
            result.engine,
        )
        for prepared, result in zip(chunk, trained, strict=True)
    ]


def _run_full_batch(chunk, keep_interrupted):
    return [_run_one_full_batch(prepared, keep_interrupted) for prepared in chunk]


def _run_one_full_batch(prepared, keep_interrupted):
    X = prepared.X
    config, model = prepared.task.config, prepared.model
    network, stream, progress = prepared.network, model.stream, model.progress
    penalty = make_penalty([model], config.feature_penalty, prepared.groups, X.dtype)
    objective = Objective(
        network, penalty, X, prepared.Y, stream.rows, stream.sample_weight
    )
    validate = None
    if model.holdout is not None:
        validator = Validator(network, model.holdout, [model.score])

        def validate(row):
            return validator(row[None])[0]

    n_earlier = progress.n_epochs
    options = {
        "max_iter": model.max_iter - n_earlier,
        "max_fun": config.max_fun,
        "tol": config.tol,
        "is_sound": _judge_of(prepared),
        "validate": validate,
        "report": _report_of(prepared),
        "keep_interrupted": keep_interrupted,
    }
    minimize = solver_of(config.solver).minimize
    reason = minimize(objective, model.params, progress, **options)
    params = model.params if progress.kept is None else progress.kept
    n_seen = model.n_samples_seen + (progress.n_epochs - n_earlier) * stream.n_rows
    state = TrainingState(
        params=params,
        kept=progress.kept,
        stream=stream,
        progress=progress,
        n_samples_seen=n_seen,
        validation_rows=prepared.validation_rows,
        feature_epsilon=model.feature_epsilon,
        embedded_inputs=network.embedded_inputs,
    )
    return state, reason, objective.engine
