"""Calls that workers share."""

import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, get_ident

import joblib
import numpy as np
import sklearn
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from .._core.engines import config_context, get_config
from .._core.loop import cancelled_by
from .joblib_processes import clear_errors, end_workers_at_exit
from .warnings import collected_warnings, warn

__all__ = ["run_calls"]


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
    end_workers_at_exit(os.getpid())
    # Processes are ended from outside, and cannot be handed an event.
    caller, no_longer_wanted = _Caller(), Event() if is_threaded else None
    recorded = (
        wrapped(caller, no_longer_wanted, getattr(call, "function", call), args, kwargs)
        for call, args, kwargs in calls
    )
    try:
        with clear_errors():
            results = parallel(recorded)
            with _closing(results):
                for result, caught in results:
                    for warning in caught:
                        warn(warning)
                    yield result
    finally:
        # After Ctrl-C or an error other threads would train on unseen.
        if no_longer_wanted is not None:
            no_longer_wanted.set()


@contextmanager
def _closing(results):
    """A context that ends joblib's generator, if it is one, if not all of it is taken.

    Its caller has ended, or a call's warning is an error to the caller.
    """
    try:
        yield
    except BaseException:
        if hasattr(results, "close"):
            with warnings.catch_warnings():
                # The error is all that there is to say, not how many results it costs.
                message = r"\d+ tasks (which|have been) "
                warnings.filterwarnings("ignore", message, UserWarning)
                results.close()
        raise


@dataclass(frozen=True)
class _Caller:
    """Where calls come from, and how that is configured."""

    process: int = field(default_factory=os.getpid)
    thread: int = field(default_factory=get_ident)
    config: dict = field(default_factory=get_config)
    config_of_sklearn: dict = field(default_factory=sklearn.get_config)
    errors_of_numpy: dict = field(default_factory=np.geterr)


def _recorded(caller, no_longer_wanted, call, args, kwargs):
    """The result of a call, and the warnings that are to be given by the caller.

    A call in another thread ends without a result when the event is set.
    """
    if (os.getpid(), get_ident()) == (caller.process, caller.thread):
        return call(*args, **kwargs), []
    with (
        config_context(**caller.config),
        sklearn.config_context(**caller.config_of_sklearn),
        # Another thread begins with NumPy's defaults, and would not be quiet.
        np.errstate(**caller.errors_of_numpy),
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
