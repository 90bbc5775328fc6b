"""Which of several scores is best, some of which may be undefined."""

import numpy as np

__all__ = ["best_first"]


def best_first(scores, scoring, what="candidates"):
    """The order of scores from the best on; those that are NaN come last.

    Parameters
    ----------
    scores : array-like of shape (n_scores,)
    scoring : str, callable, list, dict or None
        Where they are from, for the error.
    what : str, default="candidates"
        What was scored, likewise.

    Returns
    -------
    ndarray of int of shape (n_scores,)
        Of equal scores the first comes first.

    Raises
    ------
    ValueError
        If none of them is a number: then nothing says which is best.
    """
    scores = np.asarray(scores, dtype=float)
    if np.isnan(scores).all():
        raise ValueError(
            f"The scores (scoring={scoring!r}) of all {what} are NaN, so that none is "
            "best: set scoring to one that is defined for these data, or cv to splits "
            "on all of which it is (with rows of every class, say)."
        )
    # NumPy sorts what is not a number to the end.
    return np.argsort(-scores, kind="stable")
