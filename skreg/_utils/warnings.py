"""Warnings that point at the user's line, each of them once a call."""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["each_warning_once", "is_one_of_many", "warn"]

# What may stand between a user's call and a warning, in any number of frames:
# decorators, the pipelines and searches of scikit-learn, joblib's loops.
_PASSED_OVER = {"skreg", "sklearn", "joblib", "contextlib"}

# The (category, text) pairs of the outermost `each_warning_once`, None outside of it.
_said = ContextVar("said", default=None)


@contextmanager
def each_warning_once():
    """In this context, or function that it decorates, equal warnings are one.

    What trains many networks has the same to say of each of them. Contexts within this
    one belong to it.
    """
    if _said.get() is not None:
        yield
        return
    token = _said.set(set())
    try:
        yield
    finally:
        _said.reset(token)


def is_one_of_many():
    """Whether an `each_warning_once` is around, so that this fit is one of many.

    What is said of one fit (that a parameter does nothing) is no news in a search,
    whose grid may combine all with all.
    """
    return _said.get() is not None


def warn(message, category=UserWarning):
    """Warn at the first frame outside of this package, scikit-learn and joblib.

    Parameters
    ----------
    message : str or Warning
    category : subclass of Warning, default=UserWarning
        Of a text.
    """
    said = _said.get()
    key = (type(message) if isinstance(message, Warning) else category), str(message)
    if said is not None and key in said:
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
    # Not where a filter has made an error of it: that is for every fit to raise.
    if said is not None:
        said.add(key)


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
