"""Halves of the rows for stability selection, and the check that a target varies."""

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

__all__ = ["check_target_varies", "draw_halves"]


def check_target_varies(estimator, y, rows=None, sample_weight=None, part=""):
    """Raise a ValueError for a target that says nothing about any input.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    y : ndarray or sparse matrix
        The validated target of all rows.
    rows : ndarray of int, default=None
        The rows that count; all by default.
    sample_weight : ndarray of shape (n_samples,), default=None
        Rows of weight zero do not count.
    part : str, default=""
        Which rows these are, as the message says it after "y is constant".
    """
    counted = np.arange(y.shape[0]) if rows is None else np.asarray(rows)
    if sample_weight is not None:
        counted = counted[sample_weight[counted] > 0]
    values = _dense(y[counted])
    # That no row has a weight is another error, which is raised elsewhere.
    if not len(values) or (values != values[:1]).any():
        return
    of_weight = "" if sample_weight is None else " with a positive sample_weight"
    if is_classifier(estimator):
        # Of a label that is an object of Python there is nothing to make a list of.
        what = f"a single class, {values[:1].tolist()[0]!r}"
        if values.ndim == 2:
            what = f"the same labels in all rows, {values[0].tolist()!r}"
        advice = "rows of at least two classes"
    else:
        what, advice = f"constant, {values[0].tolist()!r}", "a target that varies"
    verb = "is" if what.startswith("constant") else "has"
    raise ValueError(
        f"y {verb} {what}{part} (n_samples={len(counted)}{of_weight}): it does not say "
        f"which inputs matter, so none can be selected. Give {advice}."
    )


def draw_halves(estimator, y, n_pairs, random_state, sample_weight=None):
    """Complementary halves of the rows; a classifier's have each class in proportion.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
    n_pairs : int
    random_state : numpy.random.RandomState
    sample_weight : ndarray of shape (n_samples,), default=None
        Rows of weight zero are divided separately, as if they were a class of their
        own.

    Returns
    -------
    list of ndarray of int
        Sorted row numbers of ``2 * n_pairs`` halves, pairs next to each other. If the
        number of rows is odd, each pair leaves out one row.

    Raises
    ------
    ValueError
        If there are fewer than four rows, or if the target does not vary on a half.
    """
    n_rows = y.shape[0]
    if n_rows < 4:
        raise ValueError(
            f"StabilitySelection needs at least 4 rows, got n_samples={n_rows}."
        )
    strata = _strata(estimator, y, sample_weight)
    halves = []
    for _ in range(n_pairs):
        order = random_state.permutation(n_rows)
        if n_rows % 2:
            # The row left out comes from a stratum with an odd number of rows, of which
            # there is at least one. The shares of other strata do not change.
            is_odd = np.bincount(strata)[strata[order]] % 2 == 1
            order = np.delete(order, np.argmax(is_odd))
        # Sorted by stratum, the rows are dealt to the halves in turn.
        order = order[np.argsort(strata[order], kind="stable")]
        # Chance decides which half comes first, so that both are drawn alike.
        first = random_state.randint(2)
        halves += [np.sort(order[first::2]), np.sort(order[1 - first :: 2])]
    for half in halves:
        part = " on one of the halves that were drawn"
        check_target_varies(estimator, y, half, sample_weight, part)
    return halves


def _strata(estimator, y, sample_weight):
    """The stratum of each row, as an int: its class, or zero for regression."""
    n_rows = y.shape[0]
    has_weight = np.ones(n_rows, dtype=bool)
    if sample_weight is not None:
        has_weight = sample_weight > 0
    if not is_classifier(estimator):
        # One stratum gives simple random halves, as the theory assumes.
        return np.zeros(n_rows, dtype=int)
    values = _dense(y)
    if values.ndim == 2:
        # The strata are sets of labels, sorted by the rarest label first. Sets that
        # share a rare label are then next to each other, so that it is dealt out
        # evenly.
        rarest_first = np.argsort(values[has_weight].sum(axis=0), kind="stable")
        values = values[:, rarest_first]
        _, codes = np.unique(values, axis=0, return_inverse=True)
    else:
        classes, codes = np.unique(values, return_inverse=True)
        counts = np.bincount(codes[has_weight], minlength=len(classes))
        if (counts == 1).any():
            single = classes[counts == 1].tolist()
            raise ValueError(
                f"y has a single row of the class {single[0]!r}"
                + (f" (and of {len(single) - 1} more)" if len(single) > 1 else "")
                + ": one of two halves is without it, and would select inputs for "
                "another problem. Leave this class out, merge it with another, or give "
                "more rows of it."
            )
    # Rows without weight come after all others. A rare label may be in several strata,
    # and rows between them would decide to which halves its rows go.
    codes = codes.reshape(-1)
    return codes + (codes.max() + 1) * ~has_weight


def _dense(y):
    return y.toarray() if sparse.issparse(y) else np.asarray(y)
