"""One temperature for the probabilities of a model, found on rows it has not seen.

At the temperature T the probabilities p_k of classes become

    p_k^(1 / T) / sum_j p_j^(1 / T)

and the odds p / (1 - p) of each of several labels become (p / (1 - p))^(1 / T). T = 1
changes nothing, and above one the model is less sure of itself.

Networks that are trained long, or on smoothed labels, are sure of themselves too much
or too little, although the order of their probabilities is right. Before the losses of
models are compared, and before models are averaged, each is brought to the temperature
that is best for it (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural
networks", ICML 2017).
"""

import numpy as np
from scipy.optimize import minimize_scalar

__all__ = ["log_loss_of", "temperature_of", "tempered"]

# Networks have float32 parameters: what separates smaller probabilities is rounding.
_SMALLEST = 1e-7

# The logarithms of the temperatures that are looked at: from 0.08 to 12.
_RANGE = (-2.5, 2.5)

# Before any row is seen, the logarithm is normal around zero with this deviation: so 19
# temperatures of 20 are between a half and two. A few rows, of which each is predicted
# rightly, would else make a network sure of everything.
_PRIOR_DEVIATION = 0.35


def tempered(proba, temperature, is_multilabel):
    """Probabilities at a temperature.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
    temperature : float
    is_multilabel : bool
        Whether each column is a label by itself.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
    """
    if is_multilabel:
        proba = np.clip(proba, _SMALLEST, 1 - _SMALLEST)
        odds = (proba / (1 - proba)) ** (1 / temperature)
        return odds / (1 + odds)
    raised = np.maximum(proba, _SMALLEST) ** (1 / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def log_loss_of(proba, Y, is_multilabel, sample_weight=None):
    """The mean log-loss of a row, summed over labels where there are several.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
    Y : ndarray of shape (n_rows, n_classes)
        Zeros and ones.
    is_multilabel : bool
    sample_weight : ndarray of shape (n_rows,), default=None

    Returns
    -------
    float
    """
    losses = -(Y * np.log(np.maximum(proba, _SMALLEST))).sum(axis=1)
    if is_multilabel:
        others = np.log(np.maximum(1 - proba, _SMALLEST))
        losses -= ((1 - Y) * others).sum(axis=1)
    return float(np.average(losses, weights=sample_weight))


def temperature_of(proba, Y, is_multilabel, sample_weight=None):
    """The temperature that is most probable, given the classes of some rows.

    It is that of the lowest log-loss if there are many rows, and near one if there are
    few.

    Parameters
    ----------
    proba, Y, is_multilabel, sample_weight
        As for `log_loss_of`.

    Returns
    -------
    float
    """

    def minus_log_posterior(log_temperature):
        at = tempered(proba, np.exp(log_temperature), is_multilabel)
        loss = log_loss_of(at, Y, is_multilabel, sample_weight)
        return len(Y) * loss + (log_temperature / _PRIOR_DEVIATION) ** 2 / 2

    found = minimize_scalar(
        minus_log_posterior, bounds=_RANGE, method="bounded", options={"xatol": 1e-2}
    )
    return float(np.exp(found.x))
