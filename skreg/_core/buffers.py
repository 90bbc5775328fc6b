"""Aligned memory."""

import math

import numpy as np

__all__ = ["aligned_copy", "aligned_empty"]

_ALIGNMENT = 64


def aligned_empty(shape, dtype):
    """An empty C-ordered array that starts on a cache line (and AVX-512 register)."""
    dtype = np.dtype(dtype)
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.empty(n_bytes + _ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + n_bytes].view(dtype).reshape(shape)


def aligned_copy(array):
    """An aligned, C-ordered copy of an array."""
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def numbers_of_rows(n_rows):
    """The numbers from zero on, in a type that is no larger than they need.

    There may be millions of rows, and there are several such arrays of them.
    """
    return np.arange(n_rows, dtype=np.min_scalar_type(-n_rows))
