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

from .._core.buffers import numbers_of_rows
from .._core.losses import REGRESSION_LOSSES, HalfMultinomial
from .._core.penalties import penalties_of
from .._core.predictions import raw_predictions
from .._core.properties import cached_property
from .._core.rows import any_column_varies
from .._core.stopping import StopReason
from .._core.threads import blas_threads_for
from .keys import Same
from .solvers import solver_of

__all__ = ["Fault", "FaultKind", "Judge", "advice_on_divergence"]

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


class Judge:
    """Judges networks that are trained on the same rows.

    What is asked about the rows themselves is found once for networks that agree on the
    encoding of the target: a search judges many on each fold.

    Parameters
    ----------
    X, y, sample_weight
        As the networks' tasks were given them.
    rows : ndarray of int, default=None
        The tasks' rows, all by default.
    validation : Validation, default=None
        Given from outside.
    """

    def __init__(self, X, y, sample_weight=None, rows=None, validation=None):
        self._X, self._y, self._sample_weight = X, y, sample_weight
        self._rows, self._validation = rows, validation
        # The sample for the network that was judged last.
        self._key, self._sample = None, None

    def fault_of(self, config, outcome):
        """What is wrong with the network of a task that succeeded.

        Parameters
        ----------
        config : FitConfig
        outcome : FitOutcome

        Returns
        -------
        Fault or None
            None if nothing is wrong.
        """
        if outcome.stop_reason in _SPEAK_FOR_THEMSELVES:
            return None
        sample = self._sample_for(config, outcome.encoding)
        if self._validation is not None and config.problem.is_regression:
            fault = _fault_of_validation(self._y[sample.rows], self._validation.y)
            if fault is not None:
                return fault
        if not sample.varied:
            return None
        is_sparse = sparse.issparse(self._X)
        n_multiply_adds = outcome.network.largest_product(len(sample.rows), is_sparse)
        with np.errstate(all="ignore"), blas_threads_for(n_multiply_adds):
            return self._fault_on(sample, config, outcome)

    def _sample_for(self, config, encoding):
        key = config.problem_type, Same(encoding)
        if key != self._key:
            n_most = _MOST_ROWS[
                "regressor" if config.problem.is_regression else "classifier"
            ]
            rows = _some(self._X, self._sample_weight, self._rows, n_most)
            Y = config.problem.encode(self._y[rows], encoding, np.float64).T
            self._key, self._sample = key, _Sample(self._X, rows, Y)
        return self._sample

    def _fault_on(self, sample, config, outcome):
        raw = _raw_predictions(outcome.network, outcome.state.progress.kept, sample.X)
        is_constant = sample.is_constant(raw)
        last = outcome.state.params
        if not is_constant and outcome.progress.best_iter and last is not None:
            # Early stopping keeps an epoch on the way down to a dead network.
            last_raw = _raw_predictions(outcome.network, last, sample.X)
            is_constant = sample.is_constant(last_raw)
        if is_constant and any_column_varies(self._X, sample.rows):
            return _fault_of_constant(config, sample)
        weight = self._sample_weight
        if not config.problem.is_regression:
            weight = config.problem.training_weight(
                weight, self._y, sample.rows, outcome.encoding
            )
            return _fault_of_classes(config, outcome, raw, weight, sample)
        weight = None if weight is None else weight[sample.rows]
        for k in sample.varied:
            fault = _fault_of_output(config, outcome, raw, weight, sample, k)
            if fault is not None:
                if len(sample.Y) > 1:
                    fault = replace(fault, seen=f"Output {k}: {fault.seen}")
                return fault
        return None


class _Sample:
    """Some rows to judge by, and the target on them as the networks see it.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    rows : ndarray of int
        The rows of the sample in X.
    Y : ndarray of shape (n_outputs, n_rows)

    Attributes
    ----------
    varied : list of int
        The outputs that are not constant.
    """

    def __init__(self, X, rows, Y):
        self._all_X, self.rows, self.Y = X, rows, Y
        self.varied = [k for k in range(len(Y)) if (Y[k] != Y[k, 0]).any()]
        # By the type of the loss, that of the classes' shares.
        self._unweighted_losses = {}

    @cached_property
    def X(self):
        return self._all_X[self.rows]

    @cached_property
    def _unit(self):
        """The spread of the outputs that are not constant, or one over it.

        Far from the order of one it may be the unit that training has not got to.
        """
        spread = self.Y[self.varied].std(axis=1)
        return np.minimum(spread, 1 / spread)

    def is_constant(self, raw):
        """Whether raw predictions are about the same for all rows."""
        predicted, unit = raw[self.varied].std(axis=1), self._unit
        if (predicted > _SMALLEST_SPREAD * unit).any():
            return False
        # A few outliers, which robust losses pass over, need not be explained.
        quartiles = np.quantile(self.Y[self.varied], [0.25, 0.75], axis=1)
        width = quartiles[1] - quartiles[0]
        unit = np.where(width > 0, np.minimum(unit, width), unit)
        return bool((predicted <= _SMALLEST_SPREAD * unit).all())

    def loss_of_shares(self, loss, weight):
        """The loss of a classifier that predicts the classes' shares for all rows."""
        known = self._unweighted_losses if weight is None else {}
        if type(loss) not in known:
            share = _mean(self.Y, weight, axis=1)[:, None]
            eps = np.finfo(np.float64).eps
            share = np.clip(share, eps, 1 - eps)
            # The raw predictions of the shares.
            is_multinomial = isinstance(loss, HalfMultinomial)
            raw = np.log(share) if is_multinomial else np.log(share / (1 - share))
            known[type(loss)] = _mean(loss.value(raw, self.Y), weight)
        return known[type(loss)]


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
    if rows is None and sample_weight is None:
        # Without the numbers of all rows, which may be millions.
        return _evenly_spread(X.shape[0], n_most)
    rows = numbers_of_rows(X.shape[0]) if rows is None else rows
    if sample_weight is not None:
        rows = rows[sample_weight[rows] > 0]
    return rows[_evenly_spread(len(rows), n_most)]


def _evenly_spread(n, n_most):
    """Numbers below n: all of them, or so many with equal distances."""
    if n <= n_most:
        return numbers_of_rows(n)
    return np.linspace(0, n - 1, n_most).astype(int)


def _raw_predictions(network, params, X):
    blocks = [block[0] for block in network.blocks(params[None])]
    coefs, intercepts = [b[:-1] for b in blocks], [b[-1] for b in blocks]
    features = network.unpack_periodic(params)
    raw = raw_predictions(coefs, intercepts, network.activation, X, features)
    return np.ascontiguousarray(raw.T, dtype=np.float64)


def _mean(values, weight, axis=None):
    """The weighted mean."""
    if weight is None:
        # `np.average` takes four times as long.
        return values.mean(axis=axis)
    return np.average(values, axis=axis, weights=weight)


def _fault_of_constant(config, sample):
    seen = "Training has led to predictions that are about the same for all rows."
    unscaled = _unscaled_inputs(config, sample)
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


def _fault_of_classes(config, outcome, raw, weight, sample):
    """Of a classifier on inputs far from one that is no better than the shares."""
    loss = outcome.network.loss
    own = _mean(loss.value(raw, sample.Y), weight)
    best = sample.loss_of_shares(loss, weight)
    if own <= best * (_FAR_WORSE if outcome.cut_short else _HARDLY_BETTER):
        return None
    unscaled = _unscaled_inputs(config, sample)
    if unscaled is None:
        return None
    return Fault(
        FaultKind.USELESS,
        _seen_of_useless(own, best),
        f"Scale X, for example with StandardScaler: {unscaled}.",
    )


def _fault_of_output(config, outcome, raw, weight, sample, k):
    """Of output k that is no better than a constant; None of one that is."""
    loss = outcome.network.loss.of_output(k)
    raw, Y = raw[k : k + 1], sample.Y[k : k + 1]
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
    unscaled = _unscaled_inputs(config, sample)
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


def _unscaled_inputs(config, sample):
    """What is said of an input far from the order of one; None if none is."""
    X = sample.X
    squares = X.multiply(X) if sparse.issparse(X) else np.square(X)
    means = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
    sizes = np.sqrt(np.asarray(squares.mean(axis=0, dtype=np.float64)).ravel())
    if not sparse.issparse(X):
        spreads = X.std(axis=0, dtype=np.float64)
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
