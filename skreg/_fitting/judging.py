"""Whether a trained network is of any use, asked of its predictions.

Three faults are silent otherwise. A network whose penalty is too strong for its data,
or whose hidden units are dead, predicts the same for every row. One that is trained on
inputs or on a target far from the order of one, where its initial weights and steps are
at home, may end with predictions that are worse than a constant, or hardly better: it
never got there. And validation data in another unit than the training data choose an
epoch at random. All are judged on some of the rows, output by output, so that an output
in a small unit is not hidden behind one in a large unit.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy import sparse

from .._core.losses import REGRESSION_LOSSES, HalfMultinomial
from .._core.penalties import penalties_of
from .._core.predictions import raw_predictions
from .._core.rows import any_column_varies
from .._core.stopping import StopReason
from .._core.threads import blas_threads_for
from .solvers import solver_of

__all__ = ["Fault", "FaultKind", "advice_on_divergence", "fault_of"]

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
# must have explained a share of the loss to have moved at all. So it must where a
# column of X is like that.
_FAR_FROM_ONE = 10.0
_HARDLY_BETTER = 0.95

# What was cut short on inputs far from one has led astray if it is so much worse.
_FAR_WORSE = 10.0

# A target with a mean nearer to zero than its spread, and with a spread within this
# factor of one, is scaled already.
_NEAR_ONE = 3.0

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
    OTHER_UNIT = "other_unit"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a network.

    Attributes
    ----------
    kind : FaultKind
    seen, advice : str
        Whole sentences for its user: what was seen, and what to do.
    """

    kind: FaultKind
    seen: str
    advice: str

    @property
    def message(self):
        """What was seen, and what to do."""
        return f"{self.seen} {self.advice}"


def fault_of(config, outcome, X, y, sample_weight=None, rows=None, validation=None):
    """What is wrong with the network of a task that succeeded; None if nothing is.

    Parameters
    ----------
    config : FitConfig
    outcome : FitOutcome
    X, y, sample_weight
        As the task was given them.
    rows : ndarray of int, default=None
        The task's rows, all by default.
    validation : Validation, default=None
        Given from outside.

    Returns
    -------
    Fault or None
    """
    if outcome.stop_reason in _SPEAK_FOR_THEMSELVES:
        return None
    is_regressor = config.problem.is_regression
    rows = _some(
        X,
        sample_weight,
        rows,
        _MOST_ROWS["regressor" if is_regressor else "classifier"],
    )
    if validation is not None and is_regressor:
        fault = _fault_of_validation(y[rows], validation.y)
        if fault is not None:
            return fault
    network = outcome.network
    Y = config.problem.encode(y[rows], outcome.encoding, np.float64).T
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
            return _fault_of_constant(config, X, rows)
        if not is_regressor:
            weight = config.problem.training_weight(
                sample_weight, y, rows, outcome.encoding
            )
            return _fault_of_classes(config, outcome, raw, Y, weight, X, rows)
        weight = None if sample_weight is None else sample_weight[rows]
        for k in varied:
            one = slice(k, k + 1)
            fault = _fault_of_output(config, outcome, raw[one], Y[one], weight, X, rows)
            if fault is not None:
                if len(Y) > 1:
                    fault = replace(fault, seen=f"Output {k}: {fault.seen}")
                return fault
    return None


def advice_on_divergence(config):
    """What to do where training has diverged, as a sentence."""
    ways = []
    if "learning_rate_init" in solver_of(config.solver).reads:
        ways.append(f"lower learning_rate_init={config.learning_rate_init}")
    ways.append("scale the data, for example X with StandardScaler")
    loss = REGRESSION_LOSSES.get(config.loss)
    can_scale_y = loss is not None and loss.degree is not None
    if can_scale_y and not config.normalize_y:
        ways.append("set normalize_y=True if y is not of the order of one")
    advice = ", or ".join(ways)
    return f"{advice[0].upper()}{advice[1:]}."


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


def _mean(values, weight, axis=None):
    """The weighted mean."""
    if weight is None:
        # `np.average` takes four times as long.
        return values.mean(axis=axis)
    return np.average(values, axis=axis, weights=weight)


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


def _fault_of_constant(config, X, rows):
    seen = "Training has led to predictions that are about the same for all rows."
    unscaled = _unscaled_inputs(config, X, rows)
    strengths = [kind.parameters[0] for kind in penalties_of(config.feature_penalty)]
    penalties = [
        f"{name}={getattr(config, name)}"
        for name in strengths
        if getattr(config, name) > 0
    ]
    steps = "scale X"
    if "learning_rate_init" in solver_of(config.solver).reads:
        steps = f"lower learning_rate_init={config.learning_rate_init}, or scale X"
    if penalties:
        advice = (
            f"Lower {' or '.join(penalties)}: it is added to the mean loss, so that "
            "scikit-learn's alpha has to be divided by the batch size (lbfgs: by the "
            f"number of rows). Otherwise the hidden units are dead: {steps}."
        )
    else:
        advice = f"With alpha=0 this means dead hidden units: {steps}."
    if unscaled is not None:
        advice = f"Scale X, for example with StandardScaler: {unscaled}. {advice}"
    return Fault(FaultKind.CONSTANT, seen, advice)


def _fault_of_classes(config, outcome, raw, Y, weight, X, rows):
    """Of a classifier on inputs far from one that is no better than the shares."""
    loss = outcome.network.loss
    share = _mean(Y, weight, axis=1)[:, None]
    share = np.clip(share, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    # The raw predictions of the classes' shares, by which the rows do not differ.
    is_multinomial = isinstance(loss, HalfMultinomial)
    constant = np.log(share) if is_multinomial else np.log(share / (1 - share))
    own = _mean(loss.value(raw, Y), weight)
    best = _mean(loss.value(constant, Y), weight)
    if own <= best * (_FAR_WORSE if outcome.cut_short else _HARDLY_BETTER):
        return None
    unscaled = _unscaled_inputs(config, X, rows)
    if unscaled is None:
        return None
    return Fault(
        FaultKind.USELESS,
        _seen_of_useless(own, best),
        f"Scale X, for example with StandardScaler: {unscaled}.",
    )


def _fault_of_output(config, outcome, raw, Y, weight, X, rows):
    """Of one output that is no better than a constant; None of one that is."""
    loss = outcome.network.loss
    own = _mean(loss.value(raw, Y), weight)
    constant = loss.best_constant(Y, weight)
    best = _mean(loss.value(constant, Y), weight)
    if own <= best * _HARDLY_BETTER:
        return None
    mean = _mean(Y[0], weight)
    spread = np.sqrt(_mean((Y[0] - mean) ** 2, weight))
    is_far = (
        not 1 / _FAR_FROM_ONE <= spread <= _FAR_FROM_ONE
        or abs(mean) > _FAR_FROM_ONE * spread
    )
    unscaled = _unscaled_inputs(config, X, rows)
    if not is_far and outcome.cut_short:
        # It was on its way: who sets a small `max_iter` asks for that.
        if unscaled is None or own <= best * _FAR_WORSE:
            return None
    if not is_far and unscaled is None and own <= best * _CLEARLY_WORSE:
        return None
    is_near = abs(mean) <= spread and 1 / _NEAR_ONE <= spread <= _NEAR_ONE
    longer = "max_iter, n_iter_no_change"
    if "learning_rate_init" in solver_of(config.solver).reads:
        longer += f", learning_rate_init={config.learning_rate_init}"
    ways = []
    if unscaled is not None:
        ways.append(f"scale X, for example with StandardScaler ({unscaled})")
    if loss.degree is None:
        if unscaled is None or is_far:
            ways.append(f"divide y by its mean {mean:.3g} if that is far from one")
    elif not config.normalize_y and (is_far or (unscaled is None and not is_near)):
        ways.append(
            "set normalize_y=True, which trains on the scaled target and predicts in "
            f"the unit of y (y has mean {mean:.3g} and standard deviation {spread:.3g})"
        )
    if unscaled is None:
        ways.append(f"train longer, or with other steps ({longer})")
    advice = ", or ".join(ways) if unscaled is None else ", and ".join(ways)
    return Fault(
        FaultKind.USELESS,
        _seen_of_useless(own, best),
        f"{advice[0].upper()}{advice[1:]}.",
    )


def _seen_of_useless(own, best):
    return (
        f"The network predicts no better than a constant (its loss is {own:.3g}, the "
        f"best constant's {best:.3g})."
    )


def _unscaled_inputs(config, X, rows):
    """What is said of an input far from the order of one; None if none is."""
    block = X[rows]
    squares = block.multiply(block) if sparse.issparse(X) else np.square(block)
    means = np.asarray(block.mean(axis=0, dtype=np.float64)).ravel()
    sizes = np.sqrt(np.asarray(squares.mean(axis=0, dtype=np.float64)).ravel())
    if not sparse.issparse(X):
        spreads = block.std(axis=0, dtype=np.float64)
    else:
        spreads = np.sqrt(np.maximum(sizes**2 - means**2, 0))
    # A constant column of ones, or a rare indicator, does no harm.
    shift = np.where(spreads > 0, np.abs(means) / np.maximum(spreads, 1e-300), 0)
    is_far = (sizes > _FAR_FROM_ONE) | ((shift > _FAR_FROM_ONE) & (sizes > 1.5))
    if is_far.any():
        worst = int(np.argmax(np.where(is_far, sizes, 0)))
    elif 0 < sizes.max() < 1 / _FAR_FROM_ONE and not sparse.issparse(X):
        worst = int(np.argmax(sizes))
    else:
        return None
    names = config.feature_names
    name = worst if names is None or len(names) != len(sizes) else repr(names[worst])
    return (
        f"its column {name} has mean {means[worst]:.3g} and standard deviation "
        f"{spreads[worst]:.3g}"
    )


def _fault_of_validation(y, y_val):
    """Of validation data whose target is in another unit than that of training."""
    targets = [np.asarray(part, dtype=np.float64) for part in (y, y_val)]
    if any(target.size == 0 for target in targets):
        return None
    mean, mean_val = (target.mean(axis=0) for target in targets)
    spread, spread_val = (target.std(axis=0) for target in targets)
    distance = np.abs(mean_val - mean)
    is_far = (distance > _FAR_FROM_ONE * spread) | (spread_val > _FAR_FROM_ONE * spread)
    shrunken = (spread_val < spread / _FAR_FROM_ONE) & (distance > 2 * spread)
    is_other = np.atleast_1d((is_far | shrunken) & (spread > 0))
    if not is_other.any():
        return None
    k = int(np.argmax(is_other))
    numbers = [np.atleast_1d(part)[k] for part in (mean_val, spread_val, mean, spread)]
    output = f"Output {k}: " if len(is_other) > 1 else ""
    return Fault(
        FaultKind.OTHER_UNIT,
        "{}y_val seems to be in another unit than y: its mean is {:.3g} and its "
        "standard deviation {:.3g}, those of y that the network is trained on are "
        "{:.3g} and {:.3g}.".format(output, *numbers),
        "Give y_val as the network is given y: what transforms y, such as "
        "TransformedTargetRegressor, leaves y_val as it is (normalize_y=True scales "
        "both).",
    )
