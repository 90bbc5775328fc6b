"""Long work: calls spread over workers, and lines that say how much is done."""

import os
import time
import warnings

from sklearn.utils.parallel import Parallel, delayed

from .warnings import warn

__all__ = ["ProgressLines", "run_calls"]


def run_calls(calls, n_jobs=None, **options):
    """Results of delayed calls, in their order, as they come.

    What the calls warn of in other processes, whose output may not be seen and which
    no filter of the caller's reaches, is warned of here, when their results come.

    Parameters
    ----------
    calls : iterable of delayed calls
    n_jobs : int or None
        Workers, as in joblib.
    **options : dict
        Of `Parallel`.

    Yields
    ------
    object
    """
    try:
        parallel = Parallel(n_jobs=n_jobs, **options, return_as="generator")
    except (TypeError, ValueError):
        # An older joblib, or a backend that cannot.
        parallel = Parallel(n_jobs=n_jobs, **options)
    here = os.getpid()
    recorded = (
        delayed(_recorded)(here, getattr(call, "function", call), args, kwargs)
        for call, args, kwargs in calls
    )
    for result, caught in parallel(recorded):
        for warning in caught:
            warn(warning)
        yield result


def _recorded(caller, call, args, kwargs):
    """The result of a call, and what it warned of where that is not seen by itself."""
    if os.getpid() == caller:
        return call(*args, **kwargs), []
    with warnings.catch_warnings(record=True) as caught:
        # By the filters of this process: an error remains one of the call.
        result = call(*args, **kwargs)
    return result, [warning.message for warning in caught]


class ProgressLines:
    """Prints what is done of what: ``name: 20 of 100 paths done, 3.1 s``.

    Parameters
    ----------
    name : str
        Who says so.
    verbose : int or bool
        Nothing is printed at zero.
    n_total : int, default=None
        May be set later.
    what : str, default=""
        What there are so many of.
    """

    def __init__(self, name, verbose, n_total=None, what=""):
        self._name, self._is_on = name, verbose > 0
        self.n_total, self._what = n_total, what
        self._n_done, self._started = 0, time.perf_counter()

    def advance(self, n_more=1):
        """So many more are done; a line for every twentieth of them."""
        before, self._n_done = self._n_done, self._n_done + n_more
        if self.n_total is None:
            return
        step = max(1, self.n_total // 20)
        is_last = self._n_done == self.n_total
        if is_last or before // step < self._n_done // step:
            self.say(f"{self._n_done} of {self.n_total} {self._what} done")

    def say(self, what):
        """A line of one's own, with the seconds since the beginning."""
        if self._is_on:
            seconds = time.perf_counter() - self._started
            # At once, also where the output goes to a file.
            print(f"{self._name}: {what}, {seconds:.1f} s", flush=True)
