"""Keys for values of any kind: by what they are, or by which object they are."""

import joblib
import numpy as np

__all__ = ["Same", "identity_key", "is_plain", "value_key"]

_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


class Same:
    """A key that is equal for one and the same object alone, which it keeps alive."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def is_plain(value):
    """Whether it is a number, a string, a truth value or None."""
    return isinstance(value, _PLAIN)


def identity_key(value):
    """A key for plain values by what they are, for all others by which object it is."""
    return (type(value), value) if is_plain(value) else Same(value)


def value_key(value):
    """A key that is equal only for values that do the same.

    Objects are known by their content, because a search gives each candidate a clone of
    its own; not by their `repr`, which may leave out a part. What has no content that
    can be read (a lambda, an open file) is known by its identity.

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
        # What pickling raises depends on what it meets inside.
        return Same(value)
