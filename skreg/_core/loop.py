"""What all loops of training do around an epoch, of minibatches or of all rows."""

from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .stopping import StopReason

__all__ = [
    "cancelled_by",
    "computing",
    "end_if_cancelled",
    "reported",
    "unless_interrupted",
]

# The event that ends what this Python thread trains; None where nothing can.
_cancelling = ContextVar("cancelling", default=None)


@contextmanager
def cancelled_by(event):
    """A context whose loops end when an event is set.

    Python hears Ctrl-C in its main thread alone, and no other thread can be ended from
    outside.

    Parameters
    ----------
    event : threading.Event
    """
    token = _cancelling.set(event)
    try:
        yield
    finally:
        _cancelling.reset(token)


def end_if_cancelled():
    """Raise a KeyboardInterrupt if what this thread trains is not wanted any more."""
    event = _cancelling.get()
    if event is not None and event.is_set():
        raise KeyboardInterrupt


@contextmanager
def computing(blas_threads):
    """The context of a loop: BLAS's threads are limited, and NumPy does not warn.

    A model that diverges ends with a reason, not with a storm of NumPy's warnings.

    Parameters
    ----------
    blas_threads : context manager
        See `threads.blas_threads_for`.
    """
    with np.errstate(all="ignore"), blas_threads:
        yield


def unless_interrupted(compute, instead, keep_interrupted):
    """What ``compute()`` returns; where Ctrl-C ends it, `instead`.

    Parameters
    ----------
    compute : callable
    instead : object
    keep_interrupted : bool
        If not, Ctrl-C propagates.
    """
    try:
        return compute()
    except KeyboardInterrupt:
        if not keep_interrupted:
            raise
        return instead


def reported(reason, report, *args):
    """Report an epoch; the reason to stop that reporting gave, or else that there is.

    Who asks to stop in the very epoch in which training ends by itself wants nothing to
    follow, such as the next value of the penalty on a path. That a network has diverged
    is the reason in any case, because its user has to know.

    Parameters
    ----------
    reason : StopReason or None
    report : callable or None
        ``report(*args)`` may return a reason of its own.
    """
    asked = None if report is None else report(*args)
    return reason if reason is StopReason.DIVERGED else asked or reason
