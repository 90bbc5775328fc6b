"""Targets as networks are trained on them: an array, or the number of each row's class.

An array has a column an output. Of many classes that would be a number a row and class,
all of them zero but one; `OneHot` keeps one number a row, whatever their number, and
gives the columns of the rows that are asked for.
"""

import numpy as np

__all__ = ["OneHot", "arrays_of"]


class OneHot:
    """The targets of rows that have one class each, as the numbers of the classes.

    It has so much of an array ``(n_samples, n_outputs)`` as training needs.

    Parameters
    ----------
    codes : ndarray of int32 of shape (n_samples,)
        The class of each row; -1 where it has none of them.
    values : ndarray of shape (2,)
        What an output is off its row's class, and what it is on it: zero and one, but
        for smoothed labels.
    n_outputs : int
        The number of classes.
    """

    def __init__(self, codes, values, n_outputs):
        self.codes, self.values = codes, values
        self.shape = len(codes), n_outputs

    @property
    def dtype(self):
        """That of the numbers that rows are given as."""
        return self.values.dtype

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, rows):
        """The targets of some rows as an array ``(n_rows, n_outputs)``."""
        codes = self.codes[rows]
        return self._write(codes, np.empty((len(codes), self.shape[1]), self.dtype))

    def take(self, indices, axis, out, mode):
        """Write the targets of some rows into `out`; as the method of an array."""
        return self._write(self.codes.take(indices, mode=mode), out)

    def _write(self, codes, out):
        off, on = self.values
        out[...] = off
        codes = codes.ravel()
        known = np.flatnonzero(codes >= 0)
        out.reshape(-1, self.shape[1])[known, codes[known]] = on
        return out

    def toarray(self):
        """All targets as an array."""
        return self[:]

    def with_values(self, values):
        """The same classes with other numbers, of the same dtype."""
        return OneHot(self.codes, values.astype(self.dtype, copy=False), self.shape[1])


def arrays_of(Y, dtype):
    """Targets as arrays for compiled functions: a table, or classes with two values.

    Parameters
    ----------
    Y : ndarray or OneHot of shape (n_samples, n_outputs), or None
    dtype : dtype

    Returns
    -------
    table : ndarray of shape (n_samples, n_outputs)
    codes : ndarray of int32 of shape (n_samples,)
    values : ndarray of shape (2,)
        See `OneHot`. Either the table is of no length or the two others are; all three
        where there are no targets.
    """
    table, codes, values = np.empty((0, 0), dtype), np.empty(0, np.int32), np.empty(0)
    if isinstance(Y, OneHot):
        codes, values = Y.codes, Y.values
    elif Y is not None:
        table = Y.astype(dtype, copy=False)
    return table, codes, values.astype(dtype, copy=False)
