"""What may happen to a process at any moment: a fork, and Ctrl-C."""

import os
import signal
import threading
from contextlib import contextmanager

__all__ = ["held_at_forks", "interrupts_wait"]


def held_at_forks(lock):
    """A lock that no other thread holds while the process forks.

    The child would inherit it locked, and has no thread that would ever release it.

    Parameters
    ----------
    lock : threading.RLock

    Returns
    -------
    threading.RLock
        The same.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire,
            after_in_parent=lock.release,
            after_in_child=lock.release,
        )
    return lock


@contextmanager
def interrupts_wait():
    """A context, or decorator, that Ctrl-C does not end before its end.

    For what would leave the process half-made, such as an import. Python hears Ctrl-C
    in its main thread, so that nothing waits in others.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(
        handler
    ):
        yield
        return
    heard = []
    signal.signal(signal.SIGINT, lambda *args: heard.append(args))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if heard:
            handler(*heard[0])
