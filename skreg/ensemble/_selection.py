"""Greedy selection of an ensemble: which models are averaged, and with which weights.

Models join one at a time, each the one that lowers the loss of the mean most, and may
join again (Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from
libraries of models", ICML 2004). Selection is by predictions of rows that the models
have not seen.
"""

import numpy as np

__all__ = ["select_greedily"]

# So often a model may join. Weights are multiples of one over that number, or of one
# over an earlier one where the mean was best.
_MOST_STEPS = 40


def select_greedily(predictions, loss_of):
    """The weights of models in the mean with the lowest loss that is found.

    Parameters
    ----------
    predictions : ndarray of shape (n_models, n_rows, ...)
        Of rows that the models have not seen.
    loss_of : callable
        ``loss_of(mean)`` is a float, lower is better.

    Returns
    -------
    ndarray of shape (n_models,)
        They sum to one. All weight is the best model's if no mean is better.
    """
    n_models = len(predictions)
    counts, best_counts = np.zeros(n_models, dtype=int), None
    total, lowest = np.zeros_like(predictions[0]), np.inf
    for step in range(1, _MOST_STEPS + 1):
        losses = [loss_of((total + own) / step) for own in predictions]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total = total + predictions[chosen]
        if losses[chosen] < lowest:
            lowest, best_counts = losses[chosen], counts.copy()
    return best_counts / best_counts.sum()
