"""Keys for values of any kind, by their content or by their identity."""

import joblib
import numpy as np

__all__ = ["Same", "identity_key", "is_plain", "value_key"]

_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


class Same:
    """A key that is equal only for the same object, which the key keeps alive."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def is_plain(value):
    """Whether a value is a number, a string, a truth value or None."""
    return isinstance(value, _PLAIN)


def identity_key(value):
    """A key of a plain value by its content, of any other value by its identity."""
    return (type(value), value) if is_plain(value) else Same(value)


def value_key(value):
    """A key that is equal only for values that do the same.

    The key of an object is its pickled content, because a search gives each candidate a
    clone of its own. A `repr` would not do, because it may leave out a part. The key of
    an object that cannot be pickled (a lambda, an open file) is its identity.

    Parameters
    ----------
    value : object

    Returns
    -------
    hashable
    """
    if is_plain(value):
        return type(value), value
    if type(value) is tuple:
        return tuple, tuple(map(value_key, value))
    try:
        return type(value), joblib.hash(value)
    except Exception:
        # Pickling may raise any error, depending on the objects inside the value.
        return Same(value)
