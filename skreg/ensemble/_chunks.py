"""Members that are trained in step on chunks of rows, for data larger than memory.

There is no table of folds: a row's fold is a hash of its values. So a row that comes
again, in a later pass or in another order, is in the same fold, and so are equal rows.
The hash of a row is ``mix(sum_j m_j mix(x_j))`` modulo 2^64, with the bits x_j of the
values, random odd numbers m_j, and the step that ends MurmurHash3 for `mix`, which lets
every bit depend on every other (A. Appleby, https://github.com/aappleby/smhasher).
"""

import copy

import numpy as np
from sklearn.utils import check_array

from .._utils.sklearn_private import safe_indexing

__all__ = ["folds_of_values", "trained_on_chunk"]

_SHIFT, _FIRST, _SECOND = map(np.uint64, (33, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))


def folds_of_values(X, n_folds, seed):
    """The fold of each row, by its values.

    Parameters
    ----------
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        Numbers.
    n_folds : int
    seed : int

    Returns
    -------
    ndarray of int of shape (n_samples,)
    """
    X = check_array(
        X, accept_sparse="csr", dtype=np.float64, ensure_all_finite=False, copy=False
    )
    random_state = np.random.RandomState(seed)
    factors = random_state.randint(0, 2**63, X.shape[1], dtype=np.uint64)
    factors = factors * np.uint64(2) + np.uint64(1)
    if hasattr(X, "tocsr"):
        terms = np.zeros(X.nnz + 1, dtype=np.uint64)
        # Zeros add nothing, whether stored or not.
        terms[1:] = _bits(X.data) * factors[X.indices]
        # Differences of a running sum: exact modulo 2^64, and for empty rows as well.
        running = np.cumsum(terms, dtype=np.uint64)
        sums = running[X.indptr[1:]] - running[X.indptr[:-1]]
    else:
        sums = np.zeros(len(X), dtype=np.uint64)
        for column, factor in zip(X.T, factors, strict=True):
            sums += _bits(column) * factor
    return (_mixed(sums) % np.uint64(n_folds)).astype(np.int64)


def _bits(values):
    # Adding zero makes -0.0 the zero that it is equal to.
    return _mixed((np.ascontiguousarray(values) + 0.0).view(np.uint64))


def _mixed(bits):
    """Zero of zero."""
    bits = (bits ^ (bits >> _SHIFT)) * _FIRST
    bits = (bits ^ (bits >> _SHIFT)) * _SECOND
    return bits ^ (bits >> _SHIFT)


def trained_on_chunk(estimators, folds, X, y, sample_weight, fit_params):
    """Copies of members that have been trained on the rows of a chunk in their folds.

    Parameters
    ----------
    estimators : list of estimator
        With `partial_fit`; they are not changed.
    folds : list of ndarray of bool of shape (n_samples,)
        For each, the rows that it is not trained on.
    X, y, sample_weight
        The chunk; weights may be None.
    fit_params : dict
        Given to every `partial_fit`.

    Returns
    -------
    list of estimator
    """
    trained = []
    for estimator, held_out in zip(estimators, folds, strict=True):
        estimator = copy.deepcopy(estimator)
        rows = np.flatnonzero(~held_out)
        if len(rows) and (sample_weight is None or sample_weight[rows].any()):
            own = dict(fit_params)
            if sample_weight is not None:
                own["sample_weight"] = sample_weight[rows]
            estimator.partial_fit(safe_indexing(X, rows), y[rows], **own)
        trained.append(estimator)
    return trained
