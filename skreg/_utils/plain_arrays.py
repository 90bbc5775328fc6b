"""Arrays that are what they should be, beyond any doubt.

A search predicts and scores the same rows by each of its networks, and each time
scikit-learn's checks look for what the rows may be: several times as long as a small
network takes to predict them. Most often they are an array that is returned as it is.
These functions recognize the plainest of such arrays. For everything else, and for all
errors, scikit-learn is asked.
"""

import numpy as np

from .publishing import quiet_numpy

__all__ = ["are_plain_labels", "is_plain_table", "labels_of_plain"]


def is_plain_table(X):
    """Whether X is a C-ordered array of finite floats with rows and columns."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and (X.dtype == np.float64 or X.dtype == np.float32)
        and X.flags.c_contiguous
        and X.size > 0
        and _is_finite(X)
    )


def _is_finite(values):
    # Quicker than to look at each. Where the sum overflows scikit-learn does that.
    with quiet_numpy():
        return bool(np.isfinite(values.sum()))


def labels_of_plain(y):
    """The labels of a target of which scikit-learn has nothing to say.

    Parameters
    ----------
    y : array-like or sparse matrix

    Returns
    -------
    ndarray or None
        The distinct labels, sorted, of a vector of integers or strings. None where it
        is for scikit-learn to say what the target is: also where there are so many
        labels that it may warn.
    """
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "biuU":
        return None
    labels = np.unique(y)
    return None if 2 * len(labels) > len(y) else labels


def are_plain_labels(y, predicted):
    """Whether scikit-learn would compare a target and its prediction as they are."""
    if labels_of_plain(y) is None or labels_of_plain(predicted) is None:
        return False
    are_strings = {labels.dtype.kind == "U" for labels in (y, predicted)}
    return len(y) == len(predicted) and len(are_strings) == 1
