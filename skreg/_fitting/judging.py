"""Whether a trained network is of any use, asked of its predictions.

Two faults are silent otherwise. A network whose penalty is too strong for its data, or
whose hidden units are dead, predicts the same for every row. And one that is trained on
a target far from the order of one, where its initial weights and steps are at home, may
end with predictions that are worse than a constant, or hardly better: it never got
there. Both are judged on some of the rows, output by output, so that an output in a
small unit is not hidden behind one in a large unit.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import sparse
from sklearn.base import is_regressor

from .._core.predictions import raw_predictions
from .._core.rows import any_column_varies
from .._core.stopping import StopReason
from .._core.threads import blas_threads_for

__all__ = ["Fault", "FaultKind", "fault_of"]

# Whether predictions differ shows on fewer rows than whether they are any good. (Each
# hundred costs a short fit of 100 units about a percent of its time.)
_MOST_ROWS = {"classifier": 100, "regressor": 1000}

# Predictions that differ by less than this, in units of the target's spread (and of
# one, for the logarithms of probabilities), are all alike: they explain a quarter of a
# percent. They are seldom equal, for the last minibatches still shake the weights that
# a strong penalty leaves. Initial weights give ten times as much.
_SMALLEST_SPREAD = 0.05

# A loss may be this much above the best constant's by the luck of few rows: with early
# stopping a network that has found nothing is kept somewhere near it.
_CLEARLY_WORSE = 1.05

# Of a target with another spread, or with a mean of more spreads than this, training
# must have explained a share of the loss to have moved at all.
_FAR_FROM_ONE = 10.0
_HARDLY_BETTER = 0.95

# Something else went wrong, and it has a message of its own.
_SPEAK_FOR_THEMSELVES = (
    StopReason.DIVERGED,
    StopReason.INTERRUPTED,
    StopReason.CALLBACK,
)


class FaultKind(StrEnum):
    """What may be wrong with a network that trained without an error."""

    CONSTANT = "constant"
    USELESS = "useless"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a network.

    Attributes
    ----------
    kind : FaultKind
    message : str
        Whole sentences for its user: what was seen, and what to do.
    """

    kind: FaultKind
    message: str


def fault_of(estimator, outcome, X, y, sample_weight=None, rows=None):
    """What is wrong with the network of a task that succeeded; None if nothing is.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    outcome : FitOutcome
    X, y, sample_weight
        As the task was given them.
    rows : ndarray of int, default=None
        The task's rows, all by default.

    Returns
    -------
    Fault or None
    """
    if outcome.stop_reason in _SPEAK_FOR_THEMSELVES:
        return None
    kind = "regressor" if is_regressor(estimator) else "classifier"
    rows = _some(X, sample_weight, rows, _MOST_ROWS[kind])
    network = outcome.network
    Y = estimator._problem.encode(y[rows], outcome.encoding, np.float64).T
    weight = None if sample_weight is None else sample_weight[rows]
    varied = [k for k in range(len(Y)) if (Y[k] != Y[k, 0]).any()]
    if not varied:
        return None
    largest_product = network.largest_product(len(rows), sparse.issparse(X))
    with np.errstate(all="ignore"), blas_threads_for(largest_product):
        kept, last = outcome.state.progress.kept, outcome.state.params
        raw = _raw_predictions(network, kept, X, rows)
        is_constant = _is_constant(raw[varied], Y[varied])
        if not is_constant and outcome.progress.best_iter and last is not None:
            # Early stopping keeps an epoch on the way down to a dead network.
            last_raw = _raw_predictions(network, last, X, rows)
            is_constant = _is_constant(last_raw[varied], Y[varied])
        if is_constant and any_column_varies(X, rows):
            return Fault(FaultKind.CONSTANT, _message_of_constant(estimator))
        if not is_regressor(estimator):
            return None
        for k in varied:
            one = slice(k, k + 1)
            message = _message_of_useless(estimator, outcome, raw[one], Y[one], weight)
            if message is not None:
                output = f"Output {k}: " if len(Y) > 1 else ""
                return Fault(FaultKind.USELESS, output + message)
    return None


def _some(X, sample_weight, rows, n_most):
    """Some rows that have a weight, evenly spread over all of them."""
    rows = np.arange(X.shape[0]) if rows is None else rows
    if sample_weight is not None:
        rows = rows[sample_weight[rows] > 0]
    if len(rows) > n_most:
        rows = rows[np.linspace(0, len(rows) - 1, n_most).astype(int)]
    return rows


def _raw_predictions(network, params, X, rows):
    blocks = [block[0] for block in network.blocks(params[None])]
    coefs, intercepts = [b[:-1] for b in blocks], [b[-1] for b in blocks]
    raw = raw_predictions(coefs, intercepts, network.activation, X[rows])
    return np.ascontiguousarray(raw.T, dtype=np.float64)


def _is_constant(raw, Y):
    spread, predicted = Y.std(axis=1), raw.std(axis=1)
    # Far from the order of one it may be the unit that training has not got to.
    unit = np.minimum(spread, 1 / spread)
    if (predicted > _SMALLEST_SPREAD * unit).any():
        return False
    # A few outliers, which robust losses pass over, are not what is to be explained.
    quartiles = np.quantile(Y, [0.25, 0.75], axis=1)
    width = quartiles[1] - quartiles[0]
    unit = np.where(width > 0, np.minimum(unit, width), unit)
    return bool((predicted <= _SMALLEST_SPREAD * unit).all())


def _message_of_constant(estimator):
    penalties = [
        f"{name}={getattr(estimator, name)}"
        for name in ("alpha", "feature_alpha")
        if getattr(estimator, name) > 0
    ]
    if penalties:
        advice = (
            f"Lower {' or '.join(penalties)}: it is added to the mean loss, so that "
            "scikit-learn's alpha has to be divided by the batch size (lbfgs: by the "
            "number of rows). Otherwise the hidden units are dead: lower "
            f"learning_rate_init={estimator.learning_rate_init}, or scale X."
        )
    else:
        advice = (
            f"With alpha=0 this means dead hidden units: lower learning_rate_init="
            f"{estimator.learning_rate_init}, or scale X."
        )
    return (
        "Training has led to predictions that are about the same for all rows. "
        f"{advice}"
    )


def _message_of_useless(estimator, outcome, raw, Y, weight):
    """Of one output that is no better than a constant; None of one that is."""
    loss = outcome.network.loss
    own = np.average(loss.value(raw, Y), weights=weight)
    constant = loss.best_constant(Y, weight)
    best = np.average(loss.value(constant, Y), weights=weight)
    mean = np.average(Y[0], weights=weight)
    spread = np.sqrt(np.average((Y[0] - mean) ** 2, weights=weight))
    is_far = (
        not 1 / _FAR_FROM_ONE <= spread <= _FAR_FROM_ONE
        or abs(mean) > _FAR_FROM_ONE * spread
    )
    if own <= best * (_HARDLY_BETTER if is_far else _CLEARLY_WORSE):
        return None
    if outcome.cut_short and not is_far:
        # It was on its way: who sets a small `max_iter` asks for that.
        return None
    seen = (
        f"the network predicts no better than a constant (its loss is {own:.3g}, the "
        f"best constant's {best:.3g})."
    )
    if estimator.loss == "poisson":
        advice = (
            f"Divide y by its mean {mean:.3g} if that is far from one, or train longer "
            f"(max_iter, learning_rate_init={estimator.learning_rate_init})."
        )
    elif estimator.normalize_y:
        advice = (
            f"Train longer (max_iter, n_iter_no_change), change learning_rate_init="
            f"{estimator.learning_rate_init}, or scale X."
        )
    else:
        advice = (
            f"y has mean {mean:.3g} and standard deviation {spread:.3g}: set "
            "normalize_y=True, which trains on the scaled target and predicts in the "
            "unit of y, or train longer (max_iter, learning_rate_init="
            f"{estimator.learning_rate_init})."
        )
    return f"{seen[0].upper()}{seen[1:]} {advice}"
