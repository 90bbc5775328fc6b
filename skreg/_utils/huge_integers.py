"""Integers of Python that no float can hold.

They pass for numbers wherever a parameter is checked, and end in an OverflowError
wherever one is used.
"""

import sys
from contextlib import contextmanager
from numbers import Integral

__all__ = ["check_integers", "named_overflow"]

_LARGEST = int(sys.float_info.max)


def check_integers(parameters, owner):
    """Raise a ValueError that names the first parameter beyond the largest float.

    Parameters
    ----------
    parameters : dict of str to object
        Numbers within lists, tuples and dicts are looked at as well.
    owner : str
        Whose parameters they are.
    """
    for name, value in parameters.items():
        values = value.values() if isinstance(value, dict) else value
        for each in values if isinstance(value, (dict, list, tuple)) else (value,):
            if isinstance(each, Integral) and abs(int(each)) > _LARGEST:
                # Python refuses to write the longest integers out.
                raise ValueError(
                    f"The {name!r} parameter of {owner} is an integer of "
                    f"{int(each).bit_length()} bits, which is beyond the largest float "
                    f"({sys.float_info.max:.2g})."
                )


@contextmanager
def named_overflow(names):
    """A context in which an OverflowError is a ValueError about some data.

    Parameters
    ----------
    names : str
        What the data are called.
    """
    try:
        yield
    except OverflowError as error:
        raise ValueError(
            f"{names} has integers that are too large for a float: scale the data."
        ) from error
