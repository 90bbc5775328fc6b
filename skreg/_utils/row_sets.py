"""Sets of rows, which a user may give as numbers, as a mask or as a slice."""

import numpy as np

__all__ = ["row_numbers"]


def row_numbers(rows, n_rows):
    """The numbers of some rows, as scikit-learn would take them.

    Parameters
    ----------
    rows : array-like of int or of bool, or slice
        Row numbers, of which negative ones count from the end, or a mask of all rows.
    n_rows : int
        Number of all rows.

    Returns
    -------
    ndarray of int
        Numbers from 0 to ``n_rows - 1``, in the given order.

    Raises
    ------
    ValueError
        If there are no such rows, or if `rows` has another form. The message is a
        phrase without a subject, such as "holds row numbers from 3 to 9: ...", which
        the caller puts after a name.
    """
    if not isinstance(rows, slice):
        rows = np.asarray(rows)
        if rows.dtype == object:
            # pandas gives this dtype to numbers and truth values that may be missing.
            rows = np.array(rows.tolist())
        if rows.size == 0 and rows.ndim == 1:
            return np.empty(0, dtype=np.intp)
        is_mask = rows.dtype == bool
        if rows.ndim != 1 or not (is_mask or rows.dtype.kind in "iu"):
            raise ValueError(
                f"has the shape {rows.shape} and the dtype {rows.dtype}: it must hold "
                "row numbers, or be a mask"
            )
        if is_mask and len(rows) != n_rows:
            raise ValueError(
                f"is a mask of {len(rows)} rows for {n_rows} rows of X: it must have "
                "one truth value a row"
            )
        if not is_mask and not (-n_rows <= rows.min() <= rows.max() < n_rows):
            raise ValueError(
                f"holds row numbers from {rows.min()} to {rows.max()}: they must be "
                f"from 0 to {n_rows - 1}"
            )
    return np.arange(n_rows)[rows]
