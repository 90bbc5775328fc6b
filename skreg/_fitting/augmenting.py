"""Augmentation inside `fit`: of training rows alone, after the validation split."""

import numpy as np

from ..augmentation import (
    is_resampler,
    prepare_augmentation,
    resample_training_rows,
)

__all__ = ["prepare_for", "resample_rows"]


def prepare_for(augmentation, X, Y, rows):
    """What augments the minibatches of some training rows, or None.

    Parameters
    ----------
    augmentation : augmentation, callable, resampler or None
        A resampler has its turn before the minibatches; see `resample_rows`.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray of shape (n_samples, n_outputs)
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
        Of the training rows.
    seed : int
        For a resampler that has no seed of its own.

    Returns
    -------
    X, y : resampled
    stream : streams.Stream
        Over the rows of these.
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
    """Rows in a DataFrame where a resampler names columns that the user's X had."""
    if names is None or not isinstance(X, np.ndarray):
        return X
    known = set(names)
    if not any(map(known.intersection, _words_of(resampler))):
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def _words_of(resampler):
    """For each of its parameters the strings in it."""
    for value in resampler.get_params().values():
        values = value if isinstance(value, list | tuple | np.ndarray) else [value]
        yield {word for word in values if isinstance(word, str)}
