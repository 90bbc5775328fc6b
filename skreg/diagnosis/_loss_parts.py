r"""Losses, and the expected loss as the sum of bias and variance, row by row.

Predictions of R training rounds are stacked along the first axis. With :math:`f_r(x)`
the prediction of round r and an average over rounds written as E, each function returns
parts whose sum is the mean loss ``E loss(y, f_r(x))`` exactly, on every row:

- squared error: :math:`(E f - y)^2 - s^2 / R` and the sample variance :math:`s^2`. The
  subtraction is there because the mean of R rounds varies itself: without it the bias
  would be too large by :math:`s^2 / R`.
- zero-one loss (Domingos 2000): bias is whether the most frequent class is wrong;
  variance raises the loss where it is right and lowers it where it is wrong.
- zero-one loss (Kohavi & Wolpert 1996): half the squared error of indicator vectors.
- log-loss: bias is the loss of the normalised geometric mean m of the probabilities,
  variance the mean divergence :math:`KL(m \,|\, p_r)`.

The table `LOSSES` at the end has the losses by name. A new loss is a function that
gives its parts, and an entry there.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

__all__ = ["LOSSES", "DecompositionLoss", "Parts", "names_of_losses", "standard_errors"]

# The jackknife leaves out at most so many groups of rounds in turn. More groups cost
# time and hardly sharpen the result.
_MOST_GROUPS = 40


@dataclass
class Parts:
    """The parts of the loss on each row.

    Attributes
    ----------
    loss, bias, variance : ndarray of shape (n_samples,)
        Bias and variance add up to the loss.
    main : ndarray
        The main prediction: the common prediction of the rounds.
    """

    loss: np.ndarray
    bias: np.ndarray
    variance: np.ndarray
    main: np.ndarray

    def means(self):
        """Loss, bias and variance, each averaged over the rows."""
        return np.array([self.loss.mean(), self.bias.mean(), self.variance.mean()])


def squared_error(predictions, y):
    """Parts of the squared error, averaged over outputs.

    Parameters
    ----------
    predictions : ndarray of shape (n_rounds, n_samples, n_outputs)
    y : ndarray of shape (n_samples, n_outputs)
    """
    main = predictions.mean(axis=0)
    loss = ((predictions - y) ** 2).mean(axis=0)
    variance = predictions.var(axis=0, ddof=1)
    bias = (main - y) ** 2 - variance / len(predictions)
    return Parts(loss.mean(axis=1), bias.mean(axis=1), variance.mean(axis=1), main)


def zero_one(predictions, y):
    """Parts of the zero-one loss, after Domingos.

    Parameters
    ----------
    predictions : ndarray of int of shape (n_rounds, n_samples)
        Codes of classes. Ties between most frequent classes go to the smallest code.
    y : ndarray of int of shape (n_samples,)
    """
    shares = _shares(predictions, y)
    main = shares.argmax(axis=1)
    right = shares[np.arange(len(y)), y]
    is_biased = main != y
    # On biased rows, variance lowers the loss by the share of predictions that equal y.
    # With the share that leaves the main class in its place, the parts would add up to
    # the loss for two classes only.
    variance = np.where(is_biased, -right, 1 - right)
    return Parts(1 - right, is_biased.astype(float), variance, main)


def zero_one_kohavi_wolpert(predictions, y):
    """As `zero_one`, after Kohavi and Wolpert."""
    shares = _shares(predictions, y)
    is_class = np.arange(shares.shape[1]) == y[:, None]
    n_rounds = len(predictions)
    variance = (1 - (shares**2).sum(axis=1)) / 2 * n_rounds / (n_rounds - 1)
    bias = ((is_class - shares) ** 2).sum(axis=1) / 2 - variance / n_rounds
    right = shares[np.arange(len(y)), y]
    return Parts(1 - right, bias, variance, shares.argmax(axis=1))


def log_loss(probabilities, y):
    """Parts of the log-loss.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rounds, n_samples, n_classes)
        Positive numbers that add up to one on each row.
    y : ndarray of int of shape (n_samples,)
    """
    logs = np.log(probabilities)
    n_rounds = len(logs)
    mean = logs.mean(axis=0)
    loss = -mean[np.arange(len(y)), y]
    log_norm = logsumexp(mean, axis=1)
    main = np.exp(mean - log_norm[:, None])
    # The mean of R rounds varies itself, which moves about 1 / R of the variance into
    # the bias: to the second order, half the variance of that mean in the metric of the
    # Hessian of `log_norm`, which is the covariance under `main`.
    logs -= mean
    spread = np.einsum("rnk,nk->n", logs**2, main)
    spread -= (np.einsum("rnk,nk->rn", logs, main) ** 2).sum(axis=0)
    variance = -log_norm + spread / (2 * n_rounds * (n_rounds - 1))
    return Parts(loss, loss - variance, variance, main)


class DecompositionLoss(ABC):
    """A loss that can be decomposed: what it needs and how it is called.

    Parameters
    ----------
    parts_of : callable
        ``parts_of(codes, y_codes)`` gives the Parts of the loss, of numbers as `stack`
        makes them.

    Attributes
    ----------
    is_for_classifiers : bool
        Whether the estimators with this loss are classifiers; otherwise they are
        regressors.
    method : str
        The method of the estimators that `predict` calls.
    bias_is_squared : bool
        Whether the bias is a square, which tables and pictures say.
    takes_noise : bool
        Whether noise of a known variance can be told from the bias.
    """

    is_for_classifiers = True
    method = "predict"
    bias_is_squared = False
    takes_noise = False

    def __init__(self, parts_of):
        self.parts_of = parts_of

    def predict(self, fitted, X_test):
        """The predictions of one round, and the classes of their columns.

        The classes are None if the predictions are not probabilities.
        """
        return np.asarray(fitted.predict(X_test)), None

    @abstractmethod
    def stack(self, results, y_test):
        """Put the predictions of all rounds, and the target, into arrays.

        Parameters
        ----------
        results : list of (ndarray, ndarray or None)
            What `predict` gave in each round.
        y_test : ndarray of shape (n_test,) or (n_test, n_outputs)

        Returns
        -------
        predictions : ndarray of shape (n_rounds, n_test, ...)
            In the unit of `y_test`.
        codes, y_codes : ndarray
            Predictions and target as numbers, for `parts_of`.
        classes : ndarray or None
            The classes that the codes stand for.
        """

    def decode(self, main, y_test, classes):
        """The main prediction of the codes, in the unit of `y_test`."""
        return main


class _SquaredError(DecompositionLoss):
    is_for_classifiers = False
    bias_is_squared = True
    takes_noise = True

    def stack(self, results, y_test):
        predictions = np.stack([prediction for prediction, _ in results]).astype(float)
        if predictions.shape[1:] != y_test.shape:
            predictions = predictions.reshape(len(predictions), *y_test.shape)
        n_outputs = 1 if y_test.ndim == 1 else y_test.shape[1]
        shape = (len(y_test), n_outputs)
        codes = predictions.reshape(len(predictions), *shape)
        return predictions, codes, y_test.reshape(shape).astype(float), None

    def decode(self, main, y_test, classes):
        return main[:, 0] if y_test.ndim == 1 else main


class _ZeroOne(DecompositionLoss):
    def stack(self, results, y_test):
        predictions = np.stack([prediction for prediction, _ in results])
        classes = np.unique(np.concatenate([y_test, predictions.ravel()]))
        codes = np.searchsorted(classes, predictions)
        return predictions, codes, np.searchsorted(classes, y_test), classes

    def decode(self, main, y_test, classes):
        return classes[main]


class _LogLoss(DecompositionLoss):
    method = "predict_proba"

    def predict(self, fitted, X_test):
        return np.asarray(fitted.predict_proba(X_test)), fitted.classes_

    def stack(self, results, y_test):
        classes = np.unique(np.concatenate([y_test, *(c for _, c in results)]))
        probabilities = np.zeros((len(results), len(y_test), len(classes)))
        for each, (prediction, known) in zip(probabilities, results, strict=True):
            each[:, np.searchsorted(classes, known)] = prediction
        probabilities = np.clip(probabilities, np.finfo(float).eps, None)
        probabilities /= probabilities.sum(axis=2, keepdims=True)
        return probabilities, probabilities, np.searchsorted(classes, y_test), classes


# By the name of the parameter `loss`. The first one of classifiers and the first one of
# regressors are what loss="auto" means.
LOSSES = {
    "squared_error": _SquaredError(squared_error),
    "zero_one": _ZeroOne(zero_one),
    "zero_one_kohavi_wolpert": _ZeroOne(zero_one_kohavi_wolpert),
    "log_loss": _LogLoss(log_loss),
}


def names_of_losses(ability):
    """The names of the losses with an ability, in the order of the table.

    Parameters
    ----------
    ability : callable
        ``ability(loss)`` is whether a DecompositionLoss has it.

    Returns
    -------
    list of str
    """
    return [name for name, loss in LOSSES.items() if ability(loss)]


def standard_errors(parts_of, predictions, y):
    """Standard errors of the mean loss, bias and variance over rounds, for these rows.

    They come from the jackknife, which leaves out one round, or group of rounds, after
    another.

    Parameters
    ----------
    parts_of : callable
        The `parts_of` of a DecompositionLoss.
    predictions : ndarray of shape (n_rounds, ...)
    y : ndarray of shape (n_samples, ...)

    Returns
    -------
    ndarray of shape (3,)
        NaN if there are fewer than three rounds.
    """
    n_rounds = len(predictions)
    if n_rounds < 3:
        return np.full(3, np.nan)
    n_groups = min(n_rounds, _MOST_GROUPS)
    group = np.arange(n_rounds) % n_groups
    means = np.array(
        [parts_of(predictions[group != g], y).means() for g in range(n_groups)]
    )
    return np.sqrt((n_groups - 1) * means.var(axis=0))


def _shares(predictions, y):
    """The share of rounds that predict each class: ``(n_samples, n_classes)``."""
    n_classes = max(predictions.max(), y.max()) + 1
    return np.stack([(predictions == c).mean(axis=0) for c in range(n_classes)], axis=1)
