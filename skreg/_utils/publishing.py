"""A fit that fails changes nothing, and one that succeeds appears as a whole.

Not the estimator itself is fitted but a shallow copy, whose attributes go to the
original in one step if the fit succeeds. So another thread that predicts meanwhile uses
the earlier fit or the new one, never parts of both. Threads that fit the same object do
not disturb each other: the object has the result of the last one to end.
"""

from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

__all__ = [
    "fitted_at_once",
    "fitting",
    "is_part_of_a_fit",
    "quiet_numpy",
    "quietly",
    "snapshot",
]

Function = TypeVar("Function", bound=Callable[..., Any])

# The number of calls of this package, each within the one before, that are fitting.
_n_fitting = ContextVar("n_fitting", default=0)


def snapshot(estimator):
    """A shallow copy: the estimator as it stands at this moment.

    Methods that read several attributes read them from such a copy, because another
    thread may publish a fit between two reads. (`copy.copy` does the same in five times
    the time.)
    """
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))
    return copied


def quiet_numpy():
    """A context without NumPy's warnings of overflow and the like.

    If numbers are not finite, a stop reason, a score or an error says so in the end. In
    which operation that began tells a user nothing.
    """
    return np.errstate(all="ignore")


def quietly(function: Function) -> Function:
    """Decorate a function to run in `quiet_numpy`."""

    # Every call has a context of its own, because threads cannot share one.
    @wraps(function)
    def quiet(*args, **kwargs):
        with quiet_numpy():
            return function(*args, **kwargs)

    return cast(Function, quiet)


@contextmanager
def fitting():
    """A context in which estimators are fitted that are part of something larger."""
    token = _n_fitting.set(_n_fitting.get() + 1)
    try:
        yield
    finally:
        _n_fitting.reset(token)


def is_part_of_a_fit():
    """Whether the estimator that is being fitted is part of something larger.

    A network by itself keeps what it has when Ctrl-C ends its training. As a member of
    an ensemble, or as one of many fits of a search, it would pass for one that was
    trained to its end, and the next one would begin.
    """
    return _n_fitting.get() > 1


@contextmanager
def fitted_at_once(estimator):
    """Fit a copy of an estimator, quietly, and publish the result if that succeeds.

    Parameters
    ----------
    estimator : estimator
        The estimator, which does not change if the block raises.

    Yields
    ------
    estimator of the same class
        The copy, which the block fits.
    """
    scratch = snapshot(estimator)
    before = vars(scratch).copy()
    with quiet_numpy(), fitting():
        yield scratch
    after = vars(scratch)
    # Only attributes that the fit has set are published, because another thread may
    # have changed a parameter meanwhile.
    changed = {
        name: value
        for name, value in after.items()
        if name not in before or value is not before[name]
    }
    # This is one step: no other thread runs within `update`.
    vars(estimator).update(changed)
    for name in before.keys() - after.keys():
        vars(estimator).pop(name, None)
