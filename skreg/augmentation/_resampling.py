"""Applying a resampler to training rows and to parameters with an entry per row."""

import numpy as np
from sklearn.base import clone

from .._utils.sklearn_private import num_samples
from ._containers import take_rows


def resample_training_rows(resampler, X, y, row_params=None, *, regression=False):
    """Resample training rows, with their weights and other values for each row.

    Parameters
    ----------
    resampler : object with ``fit_resample``
        An :class:`AugmentingResampler` or a resampler of imbalanced-learn. It is cloned
        and does not change.
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        The training rows, without the validation rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their target.
    row_params : dict, default=None
        Containers with one entry for each row, by name. A new row gets the entry of the
        row in the resampler's ``sample_indices_``; "sample_weight" is mixed as the rows
        are. None stays None.
    regression : bool, default=False
        Whether to use ``fit_resample_regression`` if the resampler has it. By
        imbalanced-learn's protocol ``fit_resample`` refuses a continuous `y`.

    Returns
    -------
    X, y
        The resampled rows and their target.
    row_params : dict
        The containers with one entry for each resampled row.
    resampler : object
        The fitted clone.

    Raises
    ------
    ValueError
        If no row is left, or if there are `row_params` to carry along but the resampler
        does not record which rows it took.
    """
    resampler = clone(resampler)
    if regression and hasattr(resampler, "fit_resample_regression"):
        X_new, y_new = resampler.fit_resample_regression(X, y)
    else:
        X_new, y_new = resampler.fit_resample(X, y)
    if num_samples(X_new) == 0:
        raise ValueError(
            f"The resampler {type(resampler).__name__} left none of the "
            f"{num_samples(X)} training rows."
        )
    row_params = {
        name: None if values is None else _carry(name, values, resampler, X_new)
        for name, values in (row_params or {}).items()
    }
    return X_new, y_new, row_params, resampler


def _carry(name, values, resampler, X_new):
    rows = getattr(resampler, "sample_indices_", None)
    if rows is None or len(rows) != num_samples(X_new):
        raise ValueError(
            f"{name!r} cannot follow the rows through {type(resampler).__name__}, "
            "which does not record in 'sample_indices_' where each of its rows comes "
            "from."
        )
    if name == "sample_weight" and hasattr(resampler, "partner_indices_"):
        return _mixed_weights(np.asarray(values), resampler)
    return take_rows(values, rows)


def _mixed_weights(sample_weight, resampler):
    """The weights of mixtures, which are mixed with the same shares as their rows."""
    n_rows = len(resampler.sample_indices_)
    partners = resampler.partner_indices_.reshape(n_rows, -1)
    shares = resampler.partner_shares_.reshape(n_rows, -1)
    own = (1 - shares.sum(axis=1)) * sample_weight[resampler.sample_indices_]
    return own + (shares * sample_weight[partners]).sum(axis=1)
