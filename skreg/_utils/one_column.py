"""A target of a single column, which is taken for a vector."""

from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d

from .warnings import warn

__all__ = ["one_column"]


def one_column(y):
    """A target of a single column as a vector, with scikit-learn's warning.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    ndarray or sparse matrix
        Any other target as it is.
    """
    if y.ndim != 2 or y.shape[1] != 1:
        return y
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the "
        "shape of y to (n_samples, ), for example using ravel().",
        DataConversionWarning,
    )
    return column_or_1d(y)
