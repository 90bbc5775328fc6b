"""The folds of an ensemble, and what is predicted of rows by who has not seen them."""

import numbers

import numpy as np
from sklearn.model_selection import check_cv

from .._fitting.splits import fold_rows
from .._utils.sklearn_private import num_samples
from ..model_selection._splits import list_splits

__all__ = ["OutOfFold", "draw_folds"]

# What scikit-learn takes cv=None for.
_DEFAULT_FOLDS = 5


def draw_folds(
    cv, n_repeats, X, y, strata, sample_weight, random_state, **split_params
):
    """The splits that the members are trained on.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        An int draws so many folds at random, stratified by class, of the rows that have
        a weight. Of fewer rows, each is a fold. A class with one row is in no fold:
        every member trains on it.
    n_repeats : int
        How often folds are drawn; a splitter says so by itself.
    X, y : array-like
    strata : ndarray of int or None
        The class of each row.
    sample_weight : ndarray or None
    random_state : RandomState
    **split_params : dict
        Further parameters of a splitter's `split`.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    ValueError
        If there is nothing to train or to predict, if a splitter gives a row to both,
        or if `n_repeats` or `split_params` do not go with `cv`.
    """
    cv = _DEFAULT_FOLDS if cv is None else cv
    if not isinstance(cv, numbers.Integral):
        return _splits_of(cv, n_repeats, X, y, strata, split_params)
    if split_params:
        raise ValueError(
            f"{' and '.join(split_params)} would be of no account: cv={cv} draws folds "
            "row by row. Set cv to a splitter, such as GroupKFold."
        )
    rows = np.arange(num_samples(X))
    if sample_weight is not None:
        rows = np.flatnonzero(sample_weight)
    if len(rows) < 2:
        raise ValueError(
            f"Found n_samples={len(rows)} (rows with a weight), while a minimum of 2 "
            "is required: each member leaves out a fold."
        )
    codes = None if strata is None else strata[rows]
    splits = []
    for _ in range(n_repeats):
        drawn = fold_rows(len(rows), cv, random_state, codes)
        splits += [(rows[train], rows[test]) for train, test in drawn]
    if not splits:
        raise ValueError(
            f"Each of {len(rows)} classes has a single row: none can be left out."
        )
    return splits


def _splits_of(cv, n_repeats, X, y, strata, split_params):
    if n_repeats != 1:
        raise ValueError(
            f"n_repeats={n_repeats} needs an integer cv: folds of {cv!r} are drawn as "
            "it says, for example by RepeatedKFold."
        )
    splitter = check_cv(cv, y, classifier=strata is not None)
    splits = list_splits(splitter, X, y, **split_params)
    for number, (train, test) in enumerate(splits):
        if len(np.intersect1d(train, test)):
            raise ValueError(
                f"cv puts rows into training and into the fold at once, in split "
                f"{number} of {len(splits)}: a member must not have seen its fold."
            )
    return splits


class OutOfFold:
    """Means of what members predict of rows that they have not seen.

    Parameters
    ----------
    n_rows : int
    splits : list of (train, test)

    Attributes
    ----------
    fold : ndarray of int of shape (n_rows,) or (n_rows, n_repeats)
        The number of the split whose member predicted each row; several, where a row is
        in several folds. -1 where there is none.
    """

    def __init__(self, n_rows, splits):
        self._splits = splits
        # A row that is twice in a fold counts once, here and in `mean`.
        self._n_seen = np.zeros(n_rows, dtype=int)
        for _, test in splits:
            self._n_seen[test] += 1
        folds = np.full((n_rows, max(1, self._n_seen.max())), -1)
        n_filled = np.zeros(n_rows, dtype=int)
        for number, (_, test) in enumerate(splits):
            folds[test, n_filled[test]] = number
            n_filled[test] += 1
        self.fold = folds[:, 0] if folds.shape[1] == 1 else folds

    @property
    def is_predicted(self):
        """Whether each row has been left out by some member."""
        return self._n_seen > 0

    def mean(self, predictions):
        """The mean prediction of each row, NaN where there is none.

        Parameters
        ----------
        predictions : list of ndarray of shape (n_test, ...)
            A split each, of its test rows.

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        total = np.zeros((len(self._n_seen), *predictions[0].shape[1:]))
        for (_, test), prediction in zip(self._splits, predictions, strict=True):
            total[test] += prediction
        total[~self.is_predicted] = np.nan
        n_seen = np.maximum(self._n_seen, 1)
        return total / n_seen.reshape(-1, *[1] * (total.ndim - 1))
