"""The splits of a `cv`, checked for what training and scoring on them need."""

from .._utils.row_sets import row_numbers
from .._utils.sklearn_private import num_samples

__all__ = ["list_splits"]


def list_splits(cv, X, y=None, **params):
    """All splits of a splitter: at least one, and none of them empty.

    Parameters
    ----------
    cv : splitter
        A splitter as `check_cv` of scikit-learn returns it.
    X, y : array-like
    **params : dict
        Further parameters of the splitter's `split`.

    Returns
    -------
    list of (train, test)
        Arrays of row numbers, also if the splitter gives masks or lists.

    Raises
    ------
    ValueError
        If there is nothing to train or to score on, or if X does not have the rows.
    """
    splits = list(cv.split(X, y, **params))
    if not splits:
        raise ValueError("cv gives no splits: there is nothing to train on.")
    n_rows = num_samples(X)
    checked = []
    for number, split in enumerate(splits):
        of_all = f"in split {number} of {len(splits)}"
        parts = []
        for part, rows in zip(("train", "score"), split, strict=True):
            try:
                rows = row_numbers(rows, n_rows)
            except ValueError as error:
                raise ValueError(
                    f"What cv gives to {part} on {of_all} {error}."
                ) from None
            if not rows.size:
                raise ValueError(f"cv gives no rows to {part} on {of_all}.")
            parts.append(rows)
        checked.append(tuple(parts))
    return checked
