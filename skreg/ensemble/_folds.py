"""The folds of an ensemble, and what is predicted of rows by who has not seen them."""

import numbers
import warnings

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from .._utils.sklearn_private import num_samples
from ..model_selection._splits import list_splits

__all__ = ["OutOfFold", "draw_folds"]


def draw_folds(
    cv, n_repeats, X, y, strata, sample_weight, random_state, **split_params
):
    """The splits that the members are trained on.

    Parameters
    ----------
    cv : int, splitter or iterable
        An int draws so many folds at random, stratified by class, of the rows that
        have a weight. Of fewer rows, each is a fold.
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
        If there is nothing to train or to predict, or if `n_repeats` is set beside a
        splitter.
    """
    if not isinstance(cv, numbers.Integral):
        if n_repeats != 1:
            raise ValueError(
                f"n_repeats={n_repeats} needs an integer cv: folds of {cv!r} are drawn "
                "as it says, for example by RepeatedKFold."
            )
        splitter = check_cv(cv, y, classifier=strata is not None)
        return list_splits(splitter, X, y, **split_params)
    if cv < 2:
        raise ValueError(f"cv={cv} must be at least 2: one fold is not seen.")
    rows = np.arange(num_samples(X))
    if sample_weight is not None:
        rows = np.flatnonzero(sample_weight)
    if len(rows) < 2:
        raise ValueError(
            f"Found n_samples={len(rows)} (rows with a weight), while a minimum of 2 "
            "is required: each member leaves out a fold."
        )
    n_folds, kind = min(int(cv), len(rows)), KFold
    if strata is not None:
        strata = strata[rows]
        if np.bincount(strata).max() >= n_folds:
            kind = StratifiedKFold
    splits = []
    for _ in range(n_repeats):
        seed = random_state.randint(2**31 - 1)
        splitter = kind(n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # A class may have fewer rows than there are folds: some members then have
            # not seen it, but know of it.
            warnings.filterwarnings("ignore", "The least populated class")
            drawn = list(splitter.split(np.empty(len(rows)), strata))
        splits += [(rows[train], rows[test]) for train, test in drawn]
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
        The number of the split whose member predicted each row; several, where the row
        is in several. -1 where there is none.
    """

    def __init__(self, n_rows, splits):
        self._splits = splits
        self._n_seen = np.zeros(n_rows, dtype=int)
        for _, test in splits:
            self._n_seen[test] += 1
        self.fold = self._folds(max(1, self._n_seen.max()))

    def _folds(self, n_columns):
        folds = np.full((len(self._n_seen), n_columns), -1)
        filled = np.zeros(len(self._n_seen), dtype=int)
        for number, (_, test) in enumerate(self._splits):
            folds[test, filled[test]] = number
            filled[test] += 1
        return folds[:, 0] if n_columns == 1 else folds

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
        shape = len(self._n_seen), *predictions[0].shape[1:]
        total = np.zeros(shape)
        for (_, test), prediction in zip(self._splits, predictions, strict=True):
            # Rows of a fold are different, so that each is added to once.
            total[test] += prediction
        n_seen = self._n_seen.reshape(-1, *[1] * (len(shape) - 1))
        with np.errstate(invalid="ignore"):
            return np.where(n_seen > 0, total / np.maximum(n_seen, 1), np.nan)
