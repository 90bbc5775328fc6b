"""Calls that workers share, and lines that say how much of the work is done."""

import errno
import multiprocessing
import os
import sys
import time
import warnings
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.util import Finalize
from pickle import PicklingError
from threading import Event, RLock, get_ident

import joblib
import sklearn
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from .._core.engines import config_context, get_config
from .._core.loop import cancelled_by
from .warnings import collected_warnings, warn

__all__ = ["ProgressLines", "run_calls"]

# What a full disk is called.
_NO_ROOM = [errno.ENOSPC, errno.EFBIG, errno.EDQUOT]
_ROOM = (
    "joblib writes large arrays to files, from which its workers read them. Make room "
    "for the data, choose another folder by the environment variable "
    "JOBLIB_TEMP_FOLDER, or leave out n_jobs"
)


def run_calls(calls, n_jobs=None, *, prefers_threads=False, **options):
    """Yield the results of delayed calls in their order, as they come.

    The output of other processes may not reach the user, the filters of this process
    do not reach them, and in other threads there is no line of the user's to point at.
    So the warnings of calls that run elsewhere are given here, when the results come.

    Parameters
    ----------
    calls : iterable of delayed calls
    n_jobs : int or None
        Number of workers, as in joblib.
    prefers_threads : bool, default=False
        Whether workers are threads rather than processes, unless the user has chosen:
        for calls that spend their time outside of the interpreter.
    **options : dict
        Further parameters of joblib's `Parallel`.

    Yields
    ------
    object
        The result of the next call. Who takes them closes this generator after an error
        (`contextlib.closing`), which ends the workers: the error's traceback would keep
        it alive.
    """
    options["prefer"] = "threads" if prefers_threads else None
    backend, _ = get_active_backend(prefer=options["prefer"])
    # scikit-learn's takes the filters of warnings along, to set them where a call runs.
    # Threads share them, and would be in each other's way.
    run, wrapped = Parallel, delayed(_recorded)
    is_threaded = getattr(backend, "uses_threads", False)
    if is_threaded:
        run, wrapped = joblib.Parallel, joblib.delayed(_recorded)
    try:
        parallel = run(n_jobs=n_jobs, **options, return_as="generator")
    except (TypeError, ValueError):
        # An older joblib, or a backend that cannot return a generator.
        parallel = run(n_jobs=n_jobs, **options)
    _end_workers_at_exit(os.getpid())
    # Processes are ended from outside, and cannot be handed an event.
    caller, no_longer_wanted = _Caller(), Event() if is_threaded else None
    recorded = (
        wrapped(caller, no_longer_wanted, getattr(call, "function", call), args, kwargs)
        for call, args, kwargs in calls
    )
    results = None
    try:
        results = parallel(recorded)
        for result, caught in results:
            for warning in caught:
                warn(warning)
            yield result
    except GeneratorExit:
        if hasattr(results, "close"):
            with warnings.catch_warnings():
                # The error is all that there is to say, not how many results it costs.
                warnings.filterwarnings("ignore", r"\d+ tasks which", UserWarning)
                results.close()
        raise
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
    finally:
        # After Ctrl-C or an error other threads would train on unseen.
        if no_longer_wanted is not None:
            no_longer_wanted.set()


# Nothing may collect them: that would tell the workers of the other process to end.
_inherited = []


def _forget_inherited_workers():
    """In a process that has been forked, let joblib start workers of its own.

    The fork has joblib's executor, but not the thread that hands its calls to the
    workers, nor the right to use them: a call would wait for ever. The lock may be held
    by a thread that is not here, either.
    """
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    if getattr(loky, "_executor", None) is not None:
        _inherited.append(loky._executor)
        loky._executor, loky._executor_lock = None, RLock()


@cache
def _end_workers_at_exit(process):
    """In a process of multiprocessing, end joblib's workers when it ends.

    It waits for all that it has started, and idle workers stay for minutes.
    """
    if multiprocessing.parent_process() is not None:
        Finalize(None, _end_workers, exitpriority=0)


def _end_workers():
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    if getattr(loky, "_executor", None) is not None:
        loky._executor.shutdown(kill_workers=True)


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_workers)


@dataclass(frozen=True)
class _Caller:
    """Where calls come from, and how that is configured."""

    process: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=get_ident)
    config: dict = field(default_factory=get_config)
    config_of_sklearn: dict = field(default_factory=sklearn.get_config)


def _recorded(caller, no_longer_wanted, call, args, kwargs):
    """The result of a call, and the warnings that are to be given by the caller.

    A call in another thread ends without a result when the event is set.
    """
    if (os.getpid(), get_ident()) == (caller.process, caller.thread):
        return call(*args, **kwargs), []
    with (
        config_context(**caller.config),
        sklearn.config_context(**caller.config_of_sklearn),
    ):
        if os.getpid() == caller.process:
            with collected_warnings() as caught, cancelled_by(no_longer_wanted):
                try:
                    return call(*args, **kwargs), caught
                except KeyboardInterrupt:
                    return None, []
        with warnings.catch_warnings(record=True) as caught:
            # The filters of the other process apply: one may turn a warning into an
            # error.
            result = call(*args, **kwargs)
        return result, [warning.message for warning in caught]


class ProgressLines:
    """Prints how much is done, such as ``name: 20 of 100 paths done, 3.1 s``.

    Parameters
    ----------
    name : str
        The name at the start of each line.
    verbose : int or bool
        Lines are printed if it is above zero.
    n_total : int, default=None
        The number of things to do; it may be set later.
    what : str, default=""
        What these things are, such as "paths".
    """

    def __init__(self, name, verbose, n_total=None, what=""):
        self._name, self._is_on = name, verbose > 0
        self.n_total, self._what = n_total, what
        self._n_done, self._started = 0, time.perf_counter()

    def advance(self, n_more=1):
        """Count `n_more` as done, and print a line for every twentieth of all."""
        before, self._n_done = self._n_done, self._n_done + n_more
        if self.n_total is None:
            return
        step = max(1, self.n_total // 20)
        is_last = self._n_done == self.n_total
        if is_last or before // step < self._n_done // step:
            self.say(f"{self._n_done} of {self.n_total} {self._what} done")

    def say(self, what):
        """Print a line with some text and the seconds since the beginning."""
        if self._is_on:
            seconds = time.perf_counter() - self._started
            # Flushing shows the line at once, even if the output goes to a file.
            print(f"{self._name}: {what}, {seconds:.1f} s", flush=True)
