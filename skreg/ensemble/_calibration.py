"""One temperature for the probabilities of a model, found on rows it has not seen.

Networks that are trained long, or on smoothed labels, are sure of themselves too much
or too little, although the order of their probabilities is right. Before the losses of
models are compared, and before models are averaged, the logarithms of probabilities are
divided by one number, the temperature, that is best for each (Guo, Pleiss, Sun and
Weinberger, "On calibration of modern neural networks", ICML 2017).
"""

import numpy as np
from scipy.optimize import minimize_scalar

__all__ = ["log_loss_of", "temperature_of", "tempered"]

# Smaller probabilities have no logarithm that means something in float32.
_SMALLEST = 1e-7

# The logarithms of the temperatures that are looked at.
_RANGE = (-2.5, 2.5)


def tempered(proba, temperature, is_multilabel):
    """Probabilities at a temperature: above one they are less sure.

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
    proba = np.clip(proba, _SMALLEST, 1 - _SMALLEST if is_multilabel else 1)
    if is_multilabel:
        odds = (proba / (1 - proba)) ** (1 / temperature)
        return odds / (1 + odds)
    raised = proba ** (1 / temperature)
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
    """The temperature at which probabilities have the lowest log-loss.

    Parameters
    ----------
    proba, Y, sample_weight
        As for `log_loss_of`.
    is_multilabel : bool

    Returns
    -------
    float
    """

    def loss_at(log_temperature):
        at = tempered(proba, np.exp(log_temperature), is_multilabel)
        return log_loss_of(at, Y, is_multilabel, sample_weight)

    found = minimize_scalar(
        loss_at, bounds=_RANGE, method="bounded", options={"xatol": 1e-2}
    )
    return float(np.exp(found.x))
