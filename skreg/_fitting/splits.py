"""The validation split of early stopping, and the folds of a refit."""

from numbers import Integral

import numpy as np

from .._core.buffers import numbers_of_rows
from .._utils.row_sets import row_numbers
from .._utils.sklearn_private import approximate_mode
from .._utils.warnings import warn

__all__ = [
    "fold_rows",
    "may_split_by_groups",
    "split_by",
    "split_validation_rows",
    "splits_by_groups",
]

# Of rows that are sorted by class, a part at a time.
_ROWS_OF_A_PART = 2**16


def split_validation_rows(n_rows, validation_fraction, random_state, codes=None):
    """Split rows into training and validation, stratified by class.

    For binary targets this is scikit-learn's split to the row. Targets of three and
    more classes, which scikit-learn does not stratify, are stratified as well.

    Parameters
    ----------
    n_rows : int
    validation_fraction : float or int
        Share of the rows, or their number.
    random_state : numpy.random.RandomState
        The generator that `train_test_split` draws from.
    codes : ndarray of int of shape (n_rows,), default=None
        The class of each row; None if there are no classes to stratify by. A class with
        one row stays in training.

    Returns
    -------
    train, validation : ndarray of int

    Raises
    ------
    ValueError
        If fewer than one row would be left to train on, or two to validate on.
    """
    rows, singletons = None, None
    if codes is not None:
        counts = np.bincount(codes)
        # A small type saves memory: the splitter makes several arrays like this one.
        codes = codes.astype(np.min_scalar_type(len(counts)))
        if (counts == 1).any():
            singletons = np.flatnonzero(counts[codes] == 1)
            rows = np.flatnonzero(counts[codes] > 1)
            codes = codes[rows]
    n_split = n_rows if rows is None else len(rows)
    n_validation = validation_fraction
    if not isinstance(validation_fraction, Integral):
        n_validation = int(np.ceil(validation_fraction * n_split))
    if n_validation < 2 or n_validation > n_split - 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the "
            f"size of your dataset: validation_fraction={validation_fraction} of "
            f"{n_rows} rows leaves {max(n_split - n_validation, 0)} to train on and "
            f"{n_validation} to validate on, and at least 1 and 2 are needed."
        )
    if codes is not None:
        n_classes = np.count_nonzero(counts > 1)
        n_left = min(n_validation, n_split - n_validation)
        if n_left < n_classes:
            warn(
                f"The validation split is not stratified: {n_left} rows cannot hold "
                f"each of {n_classes} classes. Change validation_fraction="
                f"{validation_fraction} or pass X_val and y_val."
            )
            codes = None
    if codes is None:
        order = numbers_of_rows(n_split)
        random_state.shuffle(order)
        train, validation = order[n_validation:], order[:n_validation]
    else:
        train, validation = _split_by_class(codes, n_validation, random_state)
    if rows is None:
        return train, validation
    return np.concatenate([rows[train], singletons]), rows[validation]


def _split_by_class(codes, n_validation, random_state):
    """Positions to train and to validate on, as scikit-learn's `train_test_split`.

    That one makes lists of Python's integers, which take several times the memory.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Of classes with at least two rows.
    n_validation : int
    random_state : numpy.random.RandomState

    Returns
    -------
    train, validation : ndarray of int
    """
    counts = np.bincount(codes)
    by_class = _by_class(codes, counts)
    counts = counts[counts > 0]
    sizes = len(codes) - n_validation, n_validation
    n_train = approximate_mode(counts, sizes[0], random_state)
    n_held_out = approximate_mode(counts - n_train, sizes[1], random_state)
    train, validation = (np.empty(size, by_class.dtype) for size in sizes)
    # The positions at which the next class begins.
    start, to_train, to_validate = 0, 0, 0
    for count, n, n_out in zip(counts, n_train, n_held_out, strict=True):
        drawn = by_class[start : start + count]
        random_state.shuffle(drawn)
        train[to_train : to_train + n] = drawn[:n]
        validation[to_validate : to_validate + n_out] = drawn[n : n + n_out]
        start, to_train, to_validate = start + count, to_train + n, to_validate + n_out
    random_state.shuffle(train)
    random_state.shuffle(validation)
    return train, validation


def _by_class(codes, counts):
    """The positions of all rows, class after class.

    As a stable `argsort`, which takes 16 bytes a row, but of parts.
    """
    by_class = numbers_of_rows(len(codes))
    places_of_classes = np.cumsum(counts) - counts
    for start in range(0, len(codes), _ROWS_OF_A_PART):
        part = codes[start : start + _ROWS_OF_A_PART]
        order = np.argsort(part, kind="stable")
        n_here = np.bincount(part, minlength=len(counts))
        # The place of each in the whole is that in the part, moved with its class.
        moved = places_of_classes - (np.cumsum(n_here) - n_here)
        by_class[moved[part[order]] + np.arange(len(part))] = start + order
        places_of_classes += n_here
    return by_class


def splits_by_groups(estimator):
    """Whether an estimator's validation split may depend on the groups of the rows."""
    splitter = estimator.validation_splitter
    if not estimator.early_stopping or splitter is None:
        return False
    return may_split_by_groups(splitter)


def may_split_by_groups(splitter):
    """Whether a splitter uses groups, or does not say whether it does."""
    return _groups_request(splitter) is not False


def _groups_request(splitter):
    """What a splitter's metadata request says of groups: True, False, or None."""
    routing = getattr(splitter, "get_metadata_routing", None)
    if routing is None:
        return None
    return routing().split.requests.get("groups", False)


def _splits_of(splitter, X, y, groups):
    """All splits of a splitter; an error says what it lacks."""
    n_rows = X.shape[0]
    test_fold = getattr(splitter, "test_fold", None)
    if test_fold is not None and len(test_fold) != n_rows:
        raise _other_rows(
            splitter, f"its test_fold has {len(test_fold)} entries", n_rows
        )
    try:
        return list(splitter.split(X, y, groups))
    except (TypeError, ValueError) as error:
        if groups is None and _groups_request(splitter) is True:
            raise ValueError(
                f"validation_splitter={splitter!r} needs the groups of the rows, which "
                "fit was not given: pass groups to fit, under the name of the step to "
                "a Pipeline (step__groups=groups). The searches of "
                "skreg.model_selection hand on those that their own fit is given; "
                "those of scikit-learn and cross_validate do so with "
                "enable_metadata_routing=True."
            ) from error
        raise ValueError(
            f"validation_splitter={splitter!r} cannot split the {n_rows} training "
            f"rows: {error}"
        ) from error


def _other_rows(splitter, what, n_rows):
    return ValueError(
        f"validation_splitter, a {type(splitter).__name__}, is made for other rows: "
        f"{what}, and there are {n_rows} rows to split. Each fold of a search has rows "
        "of its own. Use a splitter that splits any rows, such as "
        "ShuffleSplit(n_splits=1) or, with groups, GroupShuffleSplit(n_splits=1), or "
        "pass X_val and y_val."
    )


def split_by(splitter, X, y, groups=None, n_splits=1):
    """The last splits of a scikit-learn splitter.

    The last splits are taken because the last one of `TimeSeriesSplit` trains on the
    most rows and validates on the latest ones. For other splitters any would do.

    Parameters
    ----------
    splitter : object with ``split(X, y, groups)``
    X, y : array-like or sparse matrix of n_samples rows
    groups : ndarray of shape (n_samples,), default=None
    n_splits : int, default=1
        How many splits to take.

    Returns
    -------
    list of tuple of (train, validation)
        Row numbers; no row is in both.

    Raises
    ------
    ValueError
        If the splitter needs groups that it is not given, yields too few splits, or
        yields splits that are empty, overlap or are of other rows.
    """
    splits = _splits_of(splitter, X, y, groups)[-n_splits:]
    if len(splits) < n_splits:
        raise ValueError(
            f"validation_splitter={splitter!r} yields {len(splits)} splits, and "
            f"{n_splits} are needed."
        )
    n_rows, numbered = X.shape[0], []
    for split in splits:
        try:
            train, validation = (row_numbers(rows, n_rows) for rows in split)
        except ValueError as error:
            raise _other_rows(splitter, f"a split {error}", n_rows) from None
        if not len(train) or not len(validation):
            raise ValueError(
                f"validation_splitter={splitter!r} leaves {len(train)} rows to train "
                f"on and {len(validation)} to validate on; at least 1 of each is needed"
                "."
            )
        if len(np.intersect1d(train, validation)):
            raise ValueError(
                f"validation_splitter={splitter!r} puts rows into training and "
                "validation at once."
            )
        numbered.append((train, validation))
    return numbered


def fold_rows(n_rows, n_folds, random_state, codes=None):
    """Cut rows into folds, stratified by class; each fold is held out once.

    Parameters
    ----------
    n_rows : int
    n_folds : int
        The number of folds. Where fewer rows can be held out, each of them is a fold.
    random_state : numpy.random.RandomState
    codes : ndarray of int of shape (n_rows,), default=None
        The class of each row; None if there are no classes to stratify by. A class with
        one row is never held out.

    Returns
    -------
    list of tuple of (train, validation)
        Row numbers.
    """
    rows = random_state.permutation(n_rows)
    if codes is not None:
        rows = rows[np.bincount(codes)[codes[rows]] > 1]
        # Sorted by class, the rows are dealt to the folds in turn, so that every fold
        # gets its share of each class.
        rows = rows[np.argsort(codes[rows], kind="stable")]
    n_folds = min(n_folds, len(rows))
    fold_of = np.full(n_rows, -1)
    fold_of[rows] = np.arange(len(rows)) % n_folds
    return [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold))
        for fold in range(n_folds)
    ]
