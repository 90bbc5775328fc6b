"""What joblib leaves open about its worker processes: forks, exits, full disks."""

import errno
import multiprocessing
import os
import sys
from contextlib import contextmanager
from functools import cache
from multiprocessing.util import Finalize
from pickle import PicklingError
from threading import RLock

__all__ = ["clear_errors", "end_workers_at_exit"]

# What a full disk is called.
_NO_ROOM = [errno.ENOSPC, errno.EFBIG, errno.EDQUOT]
_ROOM = (
    "joblib writes large arrays to files, from which its workers read them. Make room "
    "for the data, choose another folder by the environment variable "
    "JOBLIB_TEMP_FOLDER, or leave out n_jobs"
)

# Nothing may collect them: that would tell the workers of the other process to end.
_inherited = []


def _forget_inherited_workers():
    """In a process that has been forked, let joblib start workers of its own.

    The fork has joblib's executor, but not the thread that hands its calls to the
    workers, nor the right to use them: a call would wait for ever. The lock may be held
    by a thread that is not here, either.
    """
    if (loky := _loky_with_workers()) is not None:
        _inherited.append(loky._executor)
        loky._executor, loky._executor_lock = None, RLock()


@cache
def end_workers_at_exit(process):
    """In a process of multiprocessing, end joblib's workers when it ends.

    It waits for all that it has started, and idle workers stay for minutes.
    """
    if multiprocessing.parent_process() is not None:
        Finalize(None, _end_workers, exitpriority=0)


def _end_workers():
    if (loky := _loky_with_workers()) is not None:
        loky._executor.shutdown(kill_workers=True)


def _loky_with_workers():
    """The module of joblib that keeps its executor, once there is one."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    return loky if getattr(loky, "_executor", None) is not None else None


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_workers)


@contextmanager
def clear_errors():
    """A context in which errors of joblib's are what they come from.

    Raises
    ------
    OSError
        If there is no room for the files from which workers read large arrays.
    KeyboardInterrupt
        After Ctrl-C, also while workers start.
    """
    try:
        yield
    except PicklingError as error:
        # joblib says as its text alone why it cannot hand the data to its workers.
        for number in _NO_ROOM:
            if os.strerror(number) in str(error.__cause__):
                raise OSError(number, f"{os.strerror(number)}: {_ROOM}") from error
        raise
    except RuntimeError as error:
        # joblib cannot end workers that it is just about to start.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
