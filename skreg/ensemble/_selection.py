"""Greedy selection of an ensemble: which models are averaged, and with which weights.

Models join one at a time, each the one that lowers the loss of the mean most, and may
join again (Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from
libraries of models", ICML 2004). Selection is by predictions of rows that the models
have not seen.
"""

import numpy as np

__all__ = ["select_greedily"]

# How many times a model joins, before the best of all these means is taken.
_N_STEPS = 40


def select_greedily(predictions, loss_of):
    """The weights of models in the mean with the lowest loss that is found.

    Of means that are equally good the first is taken, which has the fewest models.

    Parameters
    ----------
    predictions : ndarray of shape (n_models, n_rows, ...)
        Of rows that the models have not seen.
    loss_of : callable
        ``loss_of(mean)`` is a float, lower is better. NaN is worse than any other.

    Returns
    -------
    ndarray of shape (n_models,)
        They sum to one. The mean's loss is not above that of the best single model.
    """
    counts = np.zeros(len(predictions), dtype=int)
    total = np.zeros_like(predictions[0])
    lowest, best_counts = np.inf, None
    for step in range(1, _N_STEPS + 1):
        losses = np.array([loss_of((total + own) / step) for own in predictions])
        losses[np.isnan(losses)] = np.inf
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total += predictions[chosen]
        if best_counts is None or losses[chosen] < lowest:
            lowest, best_counts = losses[chosen], counts.copy()
    return best_counts / best_counts.sum()
