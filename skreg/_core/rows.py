"""The input of the first layer: rows of X, gathered a minibatch at a time.

Models that train on the same rows with the same shuffles form a *group* and share
their minibatches: each is read from memory once for all of them. X itself is never
copied, permuted or converted.

Both classes have the same verbs: ``load(group, indices)`` gathers the rows of one
group, or ``fill(group, rows)`` takes those of an array instead; ``forward(block, out)``
multiplies them with the first layer (intercept included), and ``gradient(delta, out)``
gives that layer's gradient.
"""

import numpy as np
from scipy import sparse

from .buffers import aligned_empty

__all__ = ["any_column_varies", "make_rows", "take_rows"]

# OpenBLAS packs the operands of larger products than this (in multiply-adds), which
# costs a product a little above it a tenth to a quarter of its speed; cut into a few
# parts it stays below (measured: 10 % at 51 x 100 x 200 forward, 15 to 30 % there and
# at 51 x 256 x 200 backward). Far above it packing pays.
_UNPACKED_PRODUCT = 1_000_000


def _multiply(A, B, out, most_parts):
    """``out = A @ B``, a few columns of B at a time where that avoids packing."""
    n_columns = B.shape[-1]
    n_parts = -(-A.shape[-2] * A.shape[-1] * n_columns // _UNPACKED_PRODUCT)
    if not 1 < n_parts <= most_parts:
        np.matmul(A, B, out=out)
        return
    size = -(-n_columns // n_parts)
    for start in range(0, n_columns, size):
        part = slice(start, start + size)
        np.matmul(A, B[..., part], out=out[..., part])


def any_column_varies(X, rows):
    """Whether any column of X is not constant on these rows."""

    def block(rows):
        return X[rows].toarray() if sparse.issparse(X) else X[rows]

    starts = range(0, len(rows), 256)
    return any((block(rows[i : i + 256]) != block(rows[:1])).any() for i in starts)


def take_rows(array, indices, out):
    """Write some rows of an array into `out`, which is C-ordered, and return it."""
    # "clip" spares a buffer (the indices are known to be valid), and the method half of
    # the function's call, a microsecond.
    return array.take(indices, axis=0, out=out, mode="clip")


def make_rows(X, n_rows, groups):
    """Room for `n_rows` rows of X in each group.

    Parameters
    ----------
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    n_rows : int
    groups : list of slice
        The models of each group.

    Returns
    -------
    DenseRows or SparseRows
    """
    kind = SparseRows if sparse.issparse(X) else DenseRows
    return kind(X, n_rows, groups)


class DenseRows:
    """Rows of an array, with the constant one of the intercept appended."""

    def __init__(self, X, n_rows, groups):
        n_features = X.shape[1]
        self._X = X
        self._groups = groups
        self._gathered = aligned_empty((n_rows, n_features), X.dtype)
        self._rows = aligned_empty((len(groups), n_rows, n_features + 1), X.dtype)
        self._rows[:, :, -1] = 1
        self._features = list(self._rows[:, :, :-1])
        self._columns = self._rows.transpose(0, 2, 1)
        # Where no two models share their rows one call multiplies for all of them (a
        # tenth of the time of many small networks), unless a product is to be cut.
        self._are_single = all(each.stop - each.start == 1 for each in groups)

    def _is_one_call(self, block):
        size = block.shape[-2] * block.shape[-1] * self._rows.shape[1]
        return self._are_single and size <= _UNPACKED_PRODUCT

    def load(self, group, indices):
        # `take` is fast only into contiguous memory, hence in two steps.
        self.fill(group, take_rows(self._X, indices, self._gathered))

    def fill(self, group, rows):
        self._features[group][...] = rows

    def columns(self):
        """Pairs of the models of a group and its features ``(n_features, n_rows)``."""
        for models, columns in zip(self._groups, self._columns, strict=True):
            yield models, columns[:-1]

    def forward(self, block, out):
        if self._is_one_call(block):
            np.matmul(block.transpose(0, 2, 1), self._columns, out=out)
            return
        for group, models in enumerate(self._groups):
            W = block[models].transpose(0, 2, 1)
            _multiply(W, self._columns[group], out[models], most_parts=2)

    def gradient(self, delta, out):
        if self._is_one_call(out):
            np.matmul(self._columns, delta.transpose(0, 2, 1), out=out)
            return
        for group, models in enumerate(self._groups):
            deltas = delta[models].transpose(0, 2, 1)
            _multiply(self._columns[group], deltas, out[models], most_parts=4)


class SparseRows:
    """Rows of a CSR matrix; products cost what its non-zeros cost."""

    def __init__(self, X, n_rows, groups):
        self._X = X
        self._groups = groups
        self._rows = [None] * len(groups)

    def load(self, group, indices):
        self._rows[group] = self._X[indices]

    def fill(self, group, rows):
        self._rows[group] = sparse.csr_array(rows)

    def _models(self):
        for rows, models in zip(self._rows, self._groups, strict=True):
            for model in range(models.start, models.stop):
                yield rows, model

    def forward(self, block, out):
        for rows, model in self._models():
            product = rows @ block[model, :-1]
            product += block[model, -1]
            out[model] = product.T

    def gradient(self, delta, out):
        for rows, model in self._models():
            out[model, :-1] = rows.T @ np.ascontiguousarray(delta[model].T)
            out[model, -1] = delta[model].sum(axis=-1)
