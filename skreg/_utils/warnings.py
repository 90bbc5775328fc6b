"""Warnings that point at the user's line and appear once a call."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["collected_warnings", "each_warning_once", "is_one_of_many", "warn"]

# Packages whose frames may stand between the user's call and a warning: decorators, the
# pipelines and searches of scikit-learn, joblib's loops.
_PASSED_OVER = {"skreg", "sklearn", "joblib", "contextlib"}

# The (category, text) pairs that were warned of in the outermost `each_warning_once`;
# None outside of it.
_said = ContextVar("said", default=None)

# Where warnings go instead of to the user; None where they do not.
_collected = ContextVar("collected", default=None)


@contextmanager
def each_warning_once() -> Iterator[None]:
    """A context, or decorator of a function, in which equal warnings appear once.

    A call that trains many networks may have the same warning about each of them.
    Contexts within this one belong to it.
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
    """Whether this is within an `each_warning_once`, so that a fit is one of many.

    Some warnings about a fit, such as that a parameter does nothing, are no news in a
    search, whose grid may combine everything with everything.
    """
    return _said.get() is not None


@contextmanager
def collected_warnings():
    """A context that keeps the warnings of this package from the user.

    Unlike `warnings.catch_warnings` it concerns this Python thread alone.

    Yields
    ------
    list of Warning
        It grows with each warning.
    """
    caught = []
    token = _collected.set(caught)
    try:
        yield caught
    finally:
        _collected.reset(token)


def warn(message, category=UserWarning, topic=None):
    """Warn at the first frame outside of this package, scikit-learn and joblib.

    Parameters
    ----------
    message : str or Warning
    category : subclass of Warning, default=UserWarning
        The category of a message that is a str.
    topic : str, default=None
        Of the warnings of one topic only the first appears in an `each_warning_once`,
        though their messages differ in a number; by default the message is the topic.
    """
    said = _said.get()
    kind = type(message) if isinstance(message, Warning) else category
    key = kind, str(message) if topic is None else topic
    if said is not None and key in said:
        return
    collected = _collected.get()
    if collected is not None:
        is_text = isinstance(message, str)
        collected.append(category(message) if is_text else message)
        if said is not None:
            said.add(key)
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
    # If a filter turns the warning into an error, this line is not reached, so that
    # every fit raises it.
    if said is not None:
        said.add(key)


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
