"""`feature_groups`: which inputs are kept or dropped together."""

import numbers

import numpy as np

from .._core.penalties import InputGroups

__all__ = ["one_hot_blocks", "parse_feature_groups"]


def parse_feature_groups(feature_groups, X, feature_names=None):
    """The partition of the inputs that a parameter describes.

    Parameters
    ----------
    feature_groups : None, "auto", array-like of shape (n_features,), or list of lists
        With None each input is a group, and with "auto" each one-hot block of X. Of one
        label a column, equal labels make a group. Of lists of column numbers or names,
        each list is a group, and each column that is not listed is a group of one.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    feature_names : ndarray of str of shape (n_features,), default=None

    Returns
    -------
    InputGroups

    Raises
    ------
    ValueError
        If the labels are not one a column, if lists are empty or overlap, if X does not
        have a listed column, or no names for "auto".
    """
    n_features = X.shape[1]
    if isinstance(feature_groups, str):
        feature_groups = one_hot_blocks(X, feature_names)
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


def one_hot_blocks(X, feature_names):
    """The blocks of columns that an encoder has made of one category each.

    Such columns stand side by side, are zero or one, never two of them one in the same
    row, and their names begin alike up to an underscore: ``colour_red, colour_blue``. A
    ColumnTransformer's ``step__`` in front of a name is no such beginning.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    feature_names : ndarray of str of shape (n_features,) or None

    Returns
    -------
    list of list of int
        The columns of each block of two or more.

    Raises
    ------
    ValueError
        If there are no names.
    """
    if feature_names is None:
        raise ValueError(
            "feature_groups='auto' finds one-hot columns by their names, and X has "
            "none: pass a dataframe, for example by set_output(transform='pandas') of "
            "the step before, or give lists of columns."
        )
    blocks = []
    # Of the block that may go on: its last column, what the names of its columns share,
    # and the rows in which one of them is one.
    last, beginning, taken = -2, "", None
    for column in _binary_columns(X):
        values = _values_of(X, column)
        shared = ""
        if column == last + 1 and not (taken & values).any():
            shared = _common_beginning(beginning, feature_names[column])
        if shared:
            blocks[-1].append(int(column))
            last, beginning, taken = column, shared, taken | values
        else:
            blocks.append([int(column)])
            last, beginning, taken = column, feature_names[column], values
    return [block for block in blocks if len(block) > 1]


def _binary_columns(X):
    if hasattr(X, "tocsr"):
        others = X.copy()
        others.data = (others.data != 0) & (others.data != 1)
        return np.flatnonzero(np.asarray(others.sum(axis=0)).ravel() == 0)
    return np.flatnonzero(((X == 0) | (X == 1)).all(axis=0))


def _values_of(X, column):
    """Where a column of zeros and ones is one."""
    if hasattr(X, "tocsr"):
        return X[:, [column]].toarray().ravel() == 1
    return X[:, column] == 1


def _common_beginning(beginning, name):
    """What two names share up to an underscore, if that is more than a step's name."""
    length = next(
        (i for i, (a, b) in enumerate(zip(beginning, name, strict=False)) if a != b),
        min(len(beginning), len(name)),
    )
    shared = name[: name.rfind("_", 0, length) + 1]
    step, separator, _ = name.partition("__")
    of_step = step + separator if separator else ""
    return shared if shared[len(of_step) :].strip("_") else ""


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
