"""Lines that training prints while it runs, and warnings about its result."""

from math import isfinite

from sklearn.exceptions import ConvergenceWarning

from .._core.stopping import StopReason
from .._fitting.automatic import max_iter_of
from .._fitting.judging import FaultKind, advice_on_divergence
from .._fitting.solvers import solver_of
from .._fitting.stopping import schedules_to_the_end
from .._utils.warnings import warn

__all__ = [
    "call_all",
    "print_epoch",
    "warn_about",
    "warn_about_candidates",
    "warn_about_paths",
    "warning_about",
]


def call_all(reports, progress):
    """Call all reports, and return the first reason to stop that any of them gives."""
    reasons = [report(progress) for report in reports]
    return next((reason for reason in reasons if reason is not None), None)


def print_epoch(progress, phase=None):
    """Print a line about the last epoch, which belongs to a phase of the fit."""
    curves = progress.curves
    line = f"Iteration {progress.n_epochs}"
    if phase is not None:
        line += f" ({phase})"
    line += f", loss = {curves.loss[-1]:.8f}"
    if curves.validation_scores:
        score, loss = curves.validation_scores[-1], curves.validation_loss[-1]
        line += f", validation loss = {loss:.8f}, validation score = {score:.6f}"
        if progress.best_iter == curves.n_validated:
            line += " (best)"
    print(line)


def warn_about(estimator, reason, progress, fault=None):
    """Warn, once, if training ended in a way that calls for a change.

    With early stopping, or with a schedule that runs to the end of training, reaching
    `max_iter` is no cause for a warning. A fault of the trained network (see `judging`)
    is told in the same warning.
    """
    message, category = _message_about(estimator, reason, progress)
    if fault is not None:
        message = fault.message if message is None else f"{message} {fault.message}"
        category = ConvergenceWarning
    if message is not None:
        warn(message, category)


def warning_about(estimator, reason, progress):
    """The warning that training ended in a way that calls for a change, or None."""
    message, category = _message_about(estimator, reason, progress)
    return None if message is None else category(message)


def warn_about_candidates(kinds, n_candidates):
    """Warn, once a search, if at least half of the candidates have the same fault.

    Fewer faulty candidates are no cause for a warning: a grid that spans all penalties
    should have some of which nothing is left.

    Parameters
    ----------
    kinds : dict
        For each candidate's number, a list of the `FaultKind`, or None, of its fits.
    n_candidates : int
    """
    remedies = {
        FaultKind.CONSTANT: "predict the same for all rows: lower their alpha (or "
        "feature_alpha), which is added to the mean loss, not divided by the batch "
        "size as in scikit-learn",
        FaultKind.USELESS: "predict no better than a constant: set normalize_y=True "
        "if y is not of the order of one, scale X if that is not, or train longer",
        FaultKind.OTHER_UNIT: "have a y_val that seems to be in another unit than y: "
        "give it as the network is given y",
    }
    for kind, remedy in remedies.items():
        n_struck = sum(2 * found.count(kind) > len(found) for found in kinds.values())
        if n_struck > 0 and 2 * n_struck >= n_candidates:
            warn(
                f"{n_struck} of {n_candidates} candidates {remedy}.", ConvergenceWarning
            )


def warn_about_paths(faults):
    """Warn, once a call, if networks that are of no use select inputs.

    Parameters
    ----------
    faults : list of Fault or None
        The fault of the dense network with which each path begins.
    """
    for kind in FaultKind:
        found = [fault for fault in faults if fault is not None and fault.kind is kind]
        if found and 2 * len(found) >= len(faults):
            where = (
                "The path begins with a network that is of no use, so that the order "
                "in which inputs leave it says nothing."
                if len(faults) == 1
                else f"{len(found)} of {len(faults)} paths begin with a network that "
                "is of no use, so that the inputs they select say nothing. Of the "
                "first:"
            )
            warn(f"{where} {found[0].message}", ConvergenceWarning)


def _has_lost_the_score_alone(curves):
    """Whether in the last epoch only the validation score was not finite."""
    if not curves.validation_scores or isfinite(curves.validation_scores[-1]):
        return False
    return isfinite(curves.loss[-1]) and isfinite(curves.validation_loss[-1])


def _message_about(estimator, reason, progress):
    """The message of a warning and its category, or two times None if all is well."""
    monitors = progress.best_iter is not None
    if reason is StopReason.INTERRUPTED:
        message, category = "Training interrupted by user.", UserWarning
    elif reason is StopReason.DIVERGED:
        kept = f"iteration {progress.best_iter}" if monitors else "the last finite one"
        seen = (
            "Training diverged in iteration {}: the loss, the validation score or a "
            "prediction is not finite."
        )
        advice = advice_on_divergence(estimator._make_config())
        if _has_lost_the_score_alone(progress.curves):
            seen = "Training ended in iteration {}: its validation score is not finite."
            advice = (
                f"The losses are: set scoring={estimator.scoring!r} to a score that is "
                "defined for the validation rows, or to 'loss'."
            )
        message, category = (
            f"{seen.format(progress.n_epochs)} The parameters of {kept} are kept. "
            f"{advice}",
            ConvergenceWarning,
        )
    elif reason is StopReason.NO_DESCENT:
        message, category = (
            f"{estimator.solver} found no way down after {progress.n_epochs} "
            f"iteration(s) (stop_reason_={reason}), although the gradient is not "
            "small. This comes from inputs or targets of very different sizes: scale "
            "the data, for example with StandardScaler.",
            ConvergenceWarning,
        )
    elif (
        monitors
        or reason not in (StopReason.MAX_ITER, StopReason.MAX_FUN)
        or schedules_to_the_end(estimator)
    ):
        message = category = None
    elif solver_of(estimator.solver).has_minibatches:
        message, category = (
            f"Stochastic Optimizer: Maximum iterations ({max_iter_of(estimator)}) "
            "reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
        )
    else:
        message, category = (
            f"{estimator.solver} failed to converge after {progress.n_epochs} "
            f"iteration(s) (stop_reason_={reason}). Increase max_iter="
            f"{max_iter_of(estimator)} or max_fun={estimator.max_fun}, or scale the "
            "data.",
            ConvergenceWarning,
        )
    return message, category
