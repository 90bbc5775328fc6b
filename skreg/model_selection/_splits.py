"""The splits of a `cv`, held to what training and scoring on them needs."""

import numpy as np

__all__ = ["list_splits"]


def list_splits(cv, X, y=None, **params):
    """All splits of a splitter, of which there is at least one, and none empty.

    Parameters
    ----------
    cv : splitter
        As `check_cv` of scikit-learn returns it.
    X, y : array-like
    **params : dict
        For its `split`.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If there is nothing to train or to score on.
    """
    splits = list(cv.split(X, y, **params))
    if not splits:
        raise ValueError("cv gives no splits: there is nothing to train on.")
    for number, split in enumerate(splits):
        for part, rows in zip(("train", "score"), split, strict=True):
            rows = np.asarray(rows)
            if not (rows.any() if rows.dtype == bool else rows.size):
                raise ValueError(
                    f"cv gives no rows to {part} on in split {number} of {len(splits)}."
                )
    return splits
