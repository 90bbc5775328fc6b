"""Check of labels of dtype object, which may be anything."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse

__all__ = ["check_labels"]

_MISSING = ("NoneType", "NAType", "NaTType")
# scikit-learn refuses labels of these types with messages of its own.
_LEFT_TO_SKLEARN = (bytes, list, tuple, set, np.ndarray)


def check_labels(y, name):
    """Raise unless labels of dtype object are strings; the error says how to cast them.

    scikit-learn would take numbers of this dtype for a continuous target, and compare
    labels that do not compare.

    Parameters
    ----------
    y : array-like
        Labels as the user gave them, in any container. None and sparse matrices are not
        checked.
    name : str
        The name of the labels in the error.

    Raises
    ------
    ValueError
        If labels are missing, are numbers, or are of several types.
    """
    if y is None or sparse.issparse(y):
        return
    if hasattr(y, "iloc") and y.ndim == 2 and y.shape[1] == 1:
        y = y.iloc[:, 0]
    # scikit-learn turns a nullable column of pandas into numbers, but not a table.
    if getattr(getattr(y, "dtype", None), "kind", "O") != "O":
        return
    try:
        values = np.asarray(y)
    except ValueError:
        # NumPy makes no array of lists of different lengths.
        return
    if values.dtype.kind != "O":
        return
    values = values.ravel().tolist()
    kinds = set(map(type, values))
    if any(issubclass(kind, _LEFT_TO_SKLEARN) for kind in kinds):
        return
    missing = sorted({repr(value) for value in values if _is_missing(value)})
    if missing:
        raise ValueError(
            f"Unknown label type: {name} holds missing labels ({', '.join(missing)}). "
            "Leave out these rows, or give them a label of their own."
        )
    if all(issubclass(kind, str) for kind in kinds):
        return
    names = " and ".join(sorted({_name(kind) for kind in kinds}))
    cast_to = _number_type(kinds) or "str"
    if cast_to == "int" and not all(-(2**63) <= value < 2**63 for value in values):
        # NumPy has no integers for them.
        cast_to = "str"
    raise ValueError(
        f"Unknown label type: {name} holds labels of type {names} in an array of dtype "
        f"object. Cast them to one type, {name}.astype({cast_to})."
    )


def _is_missing(value):
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return type(value).__name__ in _MISSING


def _name(kind):
    return _number_type({kind}) or ("str" if issubclass(kind, str) else kind.__name__)


def _number_type(kinds):
    """The name of the type that holds all these kinds; None if one is no number."""
    for name, base in (
        ("bool", (bool, np.bool_)),
        ("int", (Integral, np.bool_)),
        ("float", (Real, np.bool_)),
    ):
        if all(issubclass(kind, base) for kind in kinds):
            return name
    return None
