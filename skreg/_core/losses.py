r"""Losses of the raw prediction.

With the raw prediction ``z`` and the target ``y`` of one output, summed over outputs:

==================  =======================================  ==================
loss                value                                    prediction
==================  =======================================  ==================
SquaredError        (z - y)^2 / 2                            z
AbsoluteError       \|z - y\|                                z
Huber               r^2 / 2 if \|r\| <= d, else d (\|r\| - d/2)  z
Quantile            q max(y - z, 0) + (1 - q) max(z - y, 0)  z
HalfPoisson         exp(z) - y z + (y log y - y)             exp(z)
HalfBinomial        log(1 + exp(z)) - y z                    1 / (1 + exp(-z))
HalfMultinomial     logsumexp(z) - y . z                     softmax(z)
==================  =======================================  ==================

Arrays are feature-major: ``raw : (..., n_outputs, n_rows)`` and ``Y`` broadcasts
against it (all models of a batch may share one ``Y``). Values and gradients come from
``z`` itself, never from a clipped probability, so both are finite and agree for every
finite ``z``. A new loss is a class with `value`, `gradient`, `best_constant` and, where
the link is not the identity, `predict` and `largest_raw`; its `degree` and the other
attributes of `Loss`; and an entry in the table at the end of this file.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit, xlogy

from .tables import entry_of

__all__ = [
    "REGRESSION_LOSSES",
    "AbsoluteError",
    "HalfBinomial",
    "HalfMultinomial",
    "HalfPoisson",
    "Huber",
    "Loss",
    "Quantile",
    "SquaredError",
    "make_loss",
    "weighted_quantile",
]


def weighted_quantile(values, quantile, sample_weight=None):
    """The smallest value at which the weighted distribution reaches `quantile`.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
    quantile : float in [0, 1]
    sample_weight : ndarray of shape (n_rows,), default=None

    Returns
    -------
    float
    """
    order = np.argsort(values)
    weights = np.ones(len(values)) if sample_weight is None else sample_weight[order]
    cumulated = np.cumsum(weights, dtype=np.float64)
    position = np.searchsorted(cumulated, quantile * cumulated[-1])
    return values[order[min(position, len(values) - 1)]]


class Loss(ABC):
    """A loss: its value, its gradient and its inverse link.

    Attributes
    ----------
    out_activation : str
        scikit-learn's name of the inverse link.
    is_differentiable : bool
        Whether the gradient is continuous, which the full-batch solvers need.
    degree : int or None
        Targets and predictions in a unit ``c`` times smaller have ``c**degree`` times
        the loss; None where another unit makes another problem of it.
    smallest_target : float
        Smaller targets have no loss.
    parameters : dict of str to str
        By the argument of the class, which parameter of an estimator it is.
    n_outputs_a_target : int
        How many outputs of a network predict one column of the target.
    """

    n_outputs_a_target = 1
    out_activation = "identity"
    is_differentiable = True
    degree: int | None = None
    smallest_target = -np.inf
    parameters: dict = {}

    @abstractmethod
    def value(self, raw, Y):
        """Loss of every row, summed over outputs: ``(..., n_rows)``."""

    @abstractmethod
    def gradient(self, raw, Y, out):
        """Write d value / d raw, ``(..., n_outputs, n_rows)``, into `out`."""

    def predict(self, raw):
        """The prediction (inverse link) of raw values; a new array."""
        return raw

    def largest_raw(self, dtype):
        """Up to this size of the raw predictions, predictions are finite.

        So are differences of two raw predictions, which log-probabilities are made of.
        """
        return float(np.finfo(dtype).max) / 4

    def of_output(self, k):
        """The loss of output k by itself."""
        return self

    def best_constant(self, Y, sample_weight=None):
        """The raw prediction, one per output, that fits ``Y`` best.

        Parameters
        ----------
        Y : ndarray of shape (n_outputs, n_rows)
        sample_weight : ndarray of shape (n_rows,), default=None

        Returns
        -------
        ndarray of shape (n_outputs, 1)
        """
        return np.average(Y, axis=-1, weights=sample_weight)[:, None]


class _ResidualLoss(Loss):
    """A loss of the residual ``z - y`` alone; `_of_residual` is its value."""

    degree = 2

    def value(self, raw, Y):
        return self._of_residual(raw - Y).sum(axis=-2)

    @abstractmethod
    def _of_residual(self, residual):
        """The loss, elementwise."""

    @abstractmethod
    def best_constant(self, Y, sample_weight=None):
        # The mean is that of the squared error, and of hardly any other residual loss.
        return super().best_constant(Y, sample_weight)


class SquaredError(_ResidualLoss):
    """Half the squared error."""

    def best_constant(self, Y, sample_weight=None):
        return super().best_constant(Y, sample_weight)

    def _of_residual(self, residual):
        return 0.5 * residual * residual

    def gradient(self, raw, Y, out):
        np.subtract(raw, Y, out=out)


class Quantile(_ResidualLoss):
    """The pinball loss; its best constant is the quantile (Koenker & Bassett 1978).

    Several quantiles have an output each, for the same target. Predictions are sorted:
    outputs that cross are brought into their order, which never makes the summed loss
    larger (Chernozhukov, Fernandez-Val & Galichon, "Quantile and probability curves
    without crossing", Econometrica 78, 2010).

    Parameters
    ----------
    quantile : float, or sequence of float
        Several must increase.
    """

    degree = 1
    is_differentiable = False
    parameters = {"quantile": "quantile"}

    def __init__(self, quantile):
        self.quantile = quantile
        self._levels = np.atleast_1d(np.asarray(quantile, dtype=np.float64))
        self.n_outputs_a_target = len(self._levels)

    def of_output(self, k):
        """The loss of one quantile."""
        return self if self.n_outputs_a_target == 1 else Quantile(self._levels[k])

    def predict(self, raw):
        """The raw values, sorted over several outputs of a target."""
        return raw if self.n_outputs_a_target == 1 else np.sort(raw, axis=-2)

    def _of_residual(self, residual):
        level = self._levels[:, None].astype(residual.dtype)
        return np.maximum((1 - level) * residual, -level * residual)

    def gradient(self, raw, Y, out):
        np.subtract(raw, Y, out=out)
        # sign(r) is -1, 0 or 1: half of it plus (1/2 - q) is 1 - q, -q, and the
        # middle of the subdifferential at zero.
        np.sign(out, out=out)
        out *= 0.5
        out += 0.5 - self._levels[:, None]

    def best_constant(self, Y, sample_weight=None):
        levels = np.broadcast_to(self._levels, len(Y))
        return np.array(
            [
                [weighted_quantile(row, level, sample_weight)]
                for row, level in zip(Y, levels, strict=True)
            ]
        )


class AbsoluteError(Quantile):
    """The absolute error: twice the pinball loss of the median."""

    parameters = {}

    def __init__(self):
        super().__init__(0.5)

    def _of_residual(self, residual):
        return np.abs(residual)

    def gradient(self, raw, Y, out):
        np.subtract(raw, Y, out=out)
        np.sign(out, out=out)


class Huber(_ResidualLoss):
    """Squared up to `delta`, linear beyond (Huber 1964).

    Its `degree` is that of residuals and `delta` in the same unit.
    """

    parameters = {"delta": "huber_delta"}

    def __init__(self, delta):
        self.delta = delta

    def _of_residual(self, residual):
        size = np.abs(residual)
        inner = np.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    def gradient(self, raw, Y, out):
        np.subtract(raw, Y, out=out)
        np.clip(out, -self.delta, self.delta, out=out)

    def best_constant(self, Y, sample_weight=None):
        weights = np.ones(Y.shape[-1]) if sample_weight is None else sample_weight
        constant = AbsoluteError().best_constant(Y, sample_weight).astype(np.float64)
        # Iteratively reweighted means: a fixed point is a zero of the gradient.
        for _ in range(50):
            size = np.maximum(np.abs(Y - constant), self.delta)
            reweighted = weights * (self.delta / size)
            constant = (reweighted * Y).sum(-1, keepdims=True) / reweighted.sum(
                -1, keepdims=True
            )
        return constant


class HalfPoisson(Loss):
    """Half the Poisson deviance, with the log link."""

    out_activation = "exp"
    smallest_target = 0.0

    def value(self, raw, Y):
        return (np.exp(raw) - Y * raw + (xlogy(Y, Y) - Y)).sum(axis=-2)

    def gradient(self, raw, Y, out):
        np.exp(raw, out=out)
        out -= Y

    def predict(self, raw):
        return np.exp(raw)

    def largest_raw(self, dtype):
        """The logarithm of the largest number, less what rounding may add."""
        return float(np.log(np.finfo(dtype).max)) - 1

    def best_constant(self, Y, sample_weight=None):
        mean = super().best_constant(Y, sample_weight)
        return np.log(np.maximum(mean, np.finfo(np.float64).tiny))


class HalfBinomial(Loss):
    """Log-loss of independent yes/no outputs: binary and multilabel targets."""

    out_activation = "logistic"

    def value(self, raw, Y):
        return (np.logaddexp(0, raw) - Y * raw).sum(axis=-2)

    def gradient(self, raw, Y, out):
        expit(raw, out=out)
        out -= Y

    def predict(self, raw):
        return expit(raw)


class HalfMultinomial(Loss):
    """Log-loss of one class out of several; ``Y`` is one-hot or a mixture."""

    out_activation = "softmax"

    def value(self, raw, Y):
        # log(sum(exp(z))), shifted by the largest z against overflow.
        shift = raw.max(axis=-2, keepdims=True)
        normalizer = np.log(np.exp(raw - shift).sum(axis=-2)) + shift[..., 0, :]
        return normalizer - (Y * raw).sum(axis=-2)

    def gradient(self, raw, Y, out):
        self._softmax(raw, out)
        out -= Y

    def predict(self, raw):
        proba = np.empty_like(raw)
        self._softmax(raw, proba)
        return proba

    @staticmethod
    def _softmax(raw, out):
        np.subtract(raw, raw.max(axis=-2, keepdims=True), out=out)
        np.exp(out, out=out)
        out /= out.sum(axis=-2, keepdims=True)


# By the name of the parameter `loss` of a regression.
REGRESSION_LOSSES = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": HalfPoisson,
}


def make_loss(name, parameters):
    """The loss of a regression.

    Parameters
    ----------
    name : str
        One of `REGRESSION_LOSSES`.
    parameters : object
        With the parameters that the loss reads as attributes.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If there is no such loss: the message names it and those that there are.
    """
    kind = entry_of(REGRESSION_LOSSES, name, "loss")
    values = {
        argument: getattr(parameters, parameter)
        for argument, parameter in kind.parameters.items()
    }
    return kind(**values)
