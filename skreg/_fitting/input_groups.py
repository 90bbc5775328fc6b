"""`feature_groups`: which inputs are kept or dropped together."""

import numbers

import numpy as np

from .._core.penalties import InputGroups

__all__ = ["parse_feature_groups"]


def parse_feature_groups(feature_groups, n_features, feature_names=None):
    """The partition of the inputs that a parameter describes.

    Parameters
    ----------
    feature_groups : None, array-like of shape (n_features,), or list of lists
        With None each input is a group. Of one label a column, equal labels make a
        group. Of lists of column numbers or names, each list is a group, and each
        column that is not listed is a group of one.
    n_features : int
    feature_names : ndarray of str of shape (n_features,), default=None

    Returns
    -------
    InputGroups

    Raises
    ------
    ValueError
        If the labels are not one a column, if lists are empty or overlap, or if X does
        not have a listed column.
    """
    if feature_groups is None or len(feature_groups) == 0:
        return InputGroups.singletons(n_features)
    if not any(_is_list(group) for group in feature_groups):
        labels = np.asarray(feature_groups)
        if len(labels) != n_features:
            raise ValueError(
                f"feature_groups has {len(labels)} labels for {n_features} columns: "
                "give one label a column, or a list of lists of columns."
            )
        return InputGroups(np.unique(labels, return_inverse=True)[1])
    group_of = {}
    for number, group in enumerate(feature_groups):
        if not _is_list(group) or len(group) == 0:
            raise ValueError(
                "feature_groups must hold lists of columns, none of them empty; entry "
                f"{number} is {group!r}."
            )
        for column in group:
            index = _column_index(column, n_features, feature_names)
            if index in group_of:
                raise ValueError(
                    f"feature_groups must not overlap: column {column!r} is in entries "
                    f"{group_of[index]} and {number}."
                )
            group_of[index] = number
    # Groups are numbered by their first column.
    keys = [group_of.get(column, ("alone", column)) for column in range(n_features)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return InputGroups([numbers[key] for key in keys])


def _is_list(group):
    return isinstance(group, list | tuple | set | frozenset | np.ndarray | range)


def _column_index(column, n_features, feature_names):
    if isinstance(column, str):
        names = [] if feature_names is None else list(feature_names)
        if column not in names:
            raise ValueError(
                f"feature_groups names the column {column!r}, which X does not have"
                + ("." if names else ": X has no column names.")
            )
        return names.index(column)
    if not isinstance(column, numbers.Integral) or isinstance(column, bool):
        raise ValueError(
            f"feature_groups takes columns by number or name, got column {column!r}."
        )
    if not -n_features <= column < n_features:
        raise ValueError(
            f"feature_groups has column {column}, but X has {n_features} columns."
        )
    return int(column) % n_features
