"""Targets that can select inputs, and the halves of the rows that have them."""

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
        Of all rows, validated.
    rows : ndarray of int, default=None
        Those that count; all by default.
    sample_weight : ndarray of shape (n_samples,), default=None
        Rows of weight zero do not count.
    part : str, default=""
        Which rows these are, to end the phrase "y is constant".
    """
    counted = np.arange(y.shape[0]) if rows is None else np.asarray(rows)
    if sample_weight is not None:
        counted = counted[sample_weight[counted] > 0]
    values = _dense(y[counted])
    # Rows without any weight have an error of their own.
    if not len(values) or (values != values[:1]).any():
        return
    of_weight = "" if sample_weight is None else " with a positive sample_weight"
    if is_classifier(estimator):
        what = f"a single class, {values[0].tolist()!r}"
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
        Rows of weight zero are dealt out by themselves, as if they were a class more.

    Returns
    -------
    list of ndarray of int
        Sorted row numbers of ``2 * n_pairs`` halves, pairs next to each other. Of an
        odd number of rows each pair leaves out one.

    Raises
    ------
    ValueError
        If some half has nothing to select by.
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
            # A stratum of an odd number spares one; there is such a one, and the halves
            # of no other change. Without strata it is the first row.
            is_odd = np.bincount(strata)[strata[order]] % 2 == 1
            order = np.delete(order, np.argmax(is_odd))
        # Dealt stratum by stratum, as cards.
        order = order[np.argsort(strata[order], kind="stable")]
        # By lot, which half has the odd rows: both are drawn alike.
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
        # A simple random half, as the theory has it.
        return np.zeros(n_rows, dtype=int)
    values = _dense(y)
    if values.ndim == 2:
        # By sets of labels, and these in the order of the rarest label: rare sets are
        # next to others that share it, and so it is dealt out evenly.
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
    return 2 * codes.reshape(-1) + ~has_weight


def _dense(y):
    return y.toarray() if sparse.issparse(y) else np.asarray(y)
