"""Kernels of the first layer for rows of a CSR matrix: zeros cost nothing."""

from functools import cache

import numpy as np
from numba import types
from scipy import sparse

from .jit import address_of, array_of, number_type

__all__ = ["addresses_of_products", "input_arrays"]


def _product(csr, rows, W, line, out):
    """Write the layer of some rows, ``(n_units, n_rows)``; `line` is memory for one."""
    (data, indices, indptr), n_units = csr, W.shape[1]
    for i in range(len(rows)):
        for unit in range(n_units):
            line[unit] = 0
        for entry in range(indptr[rows[i]], indptr[rows[i] + 1]):
            value, feature = data[entry], indices[entry]
            for unit in range(n_units):
                line[unit] += value * W[feature, unit]
        for unit in range(n_units):
            out[unit, i] = line[unit]


def _gradient(csr, rows, delta, line, out):
    """Write the gradient of the layer's weights, ``(n_features, n_units)``."""
    (data, indices, indptr), n_units = csr, out.shape[1]
    for feature in range(out.shape[0]):
        for unit in range(n_units):
            out[feature, unit] = 0
    for i in range(len(rows)):
        for unit in range(n_units):
            line[unit] = delta[unit, i]
        for entry in range(indptr[rows[i]], indptr[rows[i] + 1]):
            value, feature = data[entry], indices[entry]
            for unit in range(n_units):
                out[feature, unit] += value * line[unit]


@cache
def addresses_of_products(is_sparse, dtype, index_dtype):
    """The addresses of both kernels; zeros if they are not needed."""
    if not is_sparse:
        return 0, 0
    number, index = number_type(dtype), number_type(index_dtype)
    signature = types.void(
        types.Tuple(
            (
                array_of(number, is_read=True),
                array_of(index, is_read=True),
                array_of(index, is_read=True),
            )
        ),
        array_of(types.int64),
        array_of(number, 2),
        array_of(number),
        array_of(number, 2),
    )
    return address_of(_product, signature), address_of(_gradient, signature)


def input_arrays(X, dtype):
    """X as a matrix and the arrays of a CSR matrix, and the dtype of its indices.

    What X is not is of no length.
    """
    if not sparse.issparse(X):
        nothing = np.empty(0, np.int32)
        return (X, np.empty(0, dtype), nothing, nothing), nothing.dtype
    # scipy keeps both in one dtype, but users make matrices, too.
    index_dtype = np.result_type(X.indices, X.indptr)
    indices = X.indices.astype(index_dtype, copy=False)
    indptr = X.indptr.astype(index_dtype, copy=False)
    return (np.empty((0, 0), dtype), X.data, indices, indptr), index_dtype
