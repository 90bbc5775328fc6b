"""Augmentation inside `fit`: only training rows, after the validation split."""

import numpy as np

from ..augmentation import (
    is_resampler,
    prepare_augmentation,
    resample_training_rows,
)

__all__ = ["prepare_for", "resample_rows"]


def prepare_for(augmentation, X, Y, rows):
    """The prepared augmentation of the minibatches of some training rows, or None.

    Parameters
    ----------
    augmentation : augmentation, callable, resampler or None
        A resampler gives None: it changes the rows before there are minibatches, by
        `resample_rows`.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
    rows : ndarray of int
        The training rows.
    """
    if augmentation is None or is_resampler(augmentation):
        return None
    return prepare_augmentation(augmentation, X, Y, rows)


def resample_rows(config, X, y, stream, seed):
    """Apply the resampler in `augmentation` to the training rows, once.

    Parameters
    ----------
    config : FitConfig
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : array of shape (n_samples,) or (n_samples, n_outputs)
    stream : streams.Stream
        The stream of the training rows.
    seed : int
        The seed for a resampler that has none.

    Returns
    -------
    X, y
        The resampled training rows and their target.
    stream : streams.Stream
        The stream of all resampled rows.

    Raises
    ------
    TypeError, ValueError
        If the resampler fails; a note says how it is given the rows.
    """
    resampler = config.augmentation
    if getattr(resampler, "random_state", 0) is None:
        resampler = type(resampler)(**resampler.get_params(deep=False))
        resampler.set_params(random_state=seed)
    try:
        X_new, y_new, weights, _ = resample_training_rows(
            resampler,
            _with_names(X[stream.rows], resampler, config.feature_names),
            y[stream.rows],
            {"sample_weight": stream.sample_weight},
            regression=config.problem.is_regression,
        )
    except (TypeError, ValueError) as error:
        if "dataframe" in str(error).lower():
            error.add_note(
                "Inside a network a resampler is given the rows as numbers, in a "
                "DataFrame only where it names columns of a fit with column names. "
                "ResampledClassifier and ResampledRegressor, around the network, give "
                "it the rows in the container that they come in."
            )
        raise
    if hasattr(X_new, "tocsr"):
        X_new = X_new.tocsr()
    else:
        X_new = np.ascontiguousarray(X_new)
    weight = weights["sample_weight"]
    if weight is not None:
        weight = np.asarray(weight, dtype=X.dtype)
    rows = np.arange(X_new.shape[0])
    return X_new.astype(X.dtype, copy=False), y_new, stream.on_rows(rows, weight)


def _with_names(X, resampler, names):
    """The rows, in a DataFrame if the resampler names columns of the user's X."""
    if names is None or not isinstance(X, np.ndarray):
        return X
    known = set(names)
    if not any(map(known.intersection, _words_of(resampler))):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def _words_of(resampler):
    """Yield, for each parameter of a resampler, the set of strings in its value."""
    for value in resampler.get_params().values():
        values = value if isinstance(value, list | tuple | np.ndarray) else [value]
        yield {word for word in values if isinstance(word, str)}
