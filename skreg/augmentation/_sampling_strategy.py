"""How many rows each class is to gain: imbalanced-learn's `sampling_strategy`.

It means the same as for imbalanced-learn's over-samplers. The code is our own, so that
imbalanced-learn need not be installed.
"""

from collections.abc import Mapping
from numbers import Integral

STRATEGIES = {"auto", "all", "not majority", "not minority", "minority"}


def n_rows_to_add(sampling_strategy, counts, y=None):
    """The number of rows each class is to gain.

    Parameters
    ----------
    sampling_strategy : str, float, mapping or callable
        - "auto" and "not majority", "all", "not minority", "minority": these classes
          gain rows until they have as many as the largest class;
        - float, for two classes only: the smaller class gains rows until it has this
          fraction of the rows of the larger one;
        - mapping: the number of rows that each class is to have in the end;
        - callable: it is given `y` and returns such a mapping.
    counts : dict
        The number of rows of each class.
    y : array-like, default=None
        The target, which the callable is given.

    Returns
    -------
    n_new : dict
        The number of rows for each class that gains some, sorted as in `counts`.

    Raises
    ------
    ValueError
        If classes are not in y, if a class is to have fewer rows than it has, or if a
        ratio does not suit the classes.
    """
    if callable(sampling_strategy):
        sampling_strategy = sampling_strategy(y)
    if isinstance(sampling_strategy, Mapping):
        return _from_totals(sampling_strategy, counts)
    largest, majority = _extreme(max, counts)
    _, minority = _extreme(min, counts)
    if isinstance(sampling_strategy, str):
        meant = {
            "auto": set(counts) - {majority},
            "not majority": set(counts) - {majority},
            "all": set(counts),
            "not minority": set(counts) - {minority},
            "minority": {minority},
        }[sampling_strategy]
        return {c: largest - n for c, n in counts.items() if c in meant}
    return _from_ratio(sampling_strategy, counts, largest, majority)


def _extreme(which, counts):
    """The extreme count and the first class that has it."""
    count = which(counts.values())
    return count, next(c for c, n in counts.items() if n == count)


def _from_totals(totals, counts):
    unknown = [c for c in totals if c not in counts]
    if unknown:
        raise ValueError(
            f"The 'sampling_strategy' parameter names the classes {unknown}, which are "
            f"not in y. The classes of y are {list(counts)}."
        )
    for c, total in totals.items():
        if not isinstance(total, Integral) or total < counts[c]:
            raise ValueError(
                "The 'sampling_strategy' parameter gives the number of rows a class is "
                f"to have in the end, at least as many as there are. Class {c!r} has "
                f"{counts[c]} rows; got {total!r}."
            )
    return {c: int(totals[c]) - n for c, n in counts.items() if c in totals}


def _from_ratio(ratio, counts, largest, majority):
    if len(counts) != 2:
        raise ValueError(
            "The 'sampling_strategy' parameter can be a float only when y has two "
            f"classes. Got {len(counts)} classes; use a dict."
        )
    n_new = {c: int(largest * ratio) - n for c, n in counts.items() if c != majority}
    if min(n_new.values()) <= 0:
        raise ValueError(
            f"The 'sampling_strategy' parameter, {ratio!r}, asks for a ratio of the "
            f"classes that they already have; their counts are {counts}. It must be "
            "larger to add rows."
        )
    return n_new
