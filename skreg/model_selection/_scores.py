"""Which of several scores is best if some of them may be undefined."""

import numpy as np

__all__ = ["best_first"]


def best_first(scores, scoring, what="candidates"):
    """The positions of scores from the best one on; those that are NaN come last.

    Parameters
    ----------
    scores : array-like of shape (n_scores,)
    scoring : str, callable, list, dict or None
        What made the scores, for the error.
    what : str, default="candidates"
        What was scored, for the error.

    Returns
    -------
    ndarray of int of shape (n_scores,)
        Equal scores stay in their order.

    Raises
    ------
    ValueError
        If all scores are NaN, so that none is best.
    """
    scores = np.asarray(scores, dtype=float)
    if np.isnan(scores).all():
        raise ValueError(
            f"The scores (scoring={scoring!r}) of all {what} are NaN, so that none is "
            "best: set scoring to one that is defined for these data, or cv to splits "
            "on all of which it is (with rows of every class, say)."
        )
    # NumPy sorts NaN to the end.
    return np.argsort(-scores, kind="stable")
