"""A fit that fails changes nothing, and one that succeeds is seen as a whole.

An estimator is not fitted in place but as a shallow copy, whose attributes go to the
original in one step when all is well. Another thread that predicts meanwhile sees the
earlier fit or the new one, never parts of both, and threads that fit the same object do
not get in each other's way: the last one to end is what the object becomes.
"""

from contextlib import contextmanager
from functools import wraps

import numpy as np

__all__ = ["fitted_at_once", "quiet_numpy", "quietly", "snapshot"]


def snapshot(estimator):
    """A shallow copy: the estimator as it stands at this moment.

    Methods that read several attributes read them from here, for another thread may
    publish a fit between one and the next. (`copy.copy` does the same in five times
    the time.)
    """
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))
    return copied


def quiet_numpy():
    """A context without NumPy's warnings of overflow and the like.

    What is not finite, of whatever data and parameters, ends in a stop reason, a score
    or an error that says so; where in the arithmetic it arose tells a user nothing.
    """
    return np.errstate(all="ignore")


def quietly(function):
    """Decorate a function, to run in `quiet_numpy`."""

    # With a context of its own for every call, which threads cannot share.
    @wraps(function)
    def quiet(*args, **kwargs):
        with quiet_numpy():
            return function(*args, **kwargs)

    return quiet


@contextmanager
def fitted_at_once(estimator):
    """Fit a copy of an estimator, quietly, and publish the result if that succeeds.

    Parameters
    ----------
    estimator : estimator
        Left as it is when the block raises.

    Yields
    ------
    estimator of the same class
        To be fitted in the block.
    """
    scratch = snapshot(estimator)
    before = vars(scratch).copy()
    with quiet_numpy():
        yield scratch
    after = vars(scratch)
    # Only what the fit has set: a parameter may have been changed meanwhile.
    changed = {
        name: value
        for name, value in after.items()
        if name not in before or value is not before[name]
    }
    # In one step, because no other thread has its turn within `update`.
    vars(estimator).update(changed)
    for name in before.keys() - after.keys():
        vars(estimator).pop(name, None)
