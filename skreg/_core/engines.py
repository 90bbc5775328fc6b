"""Which implementation of the step trains: NumPy's, or the one compiled by numba.

The choice belongs to a Python thread, as scikit-learn's configuration does; a thread
that has made none has that of the process. Whatever is chosen, the networks are the
same up to rounding.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .._typing import Engine
from .process import interrupts_wait

__all__ = [
    "ENGINES",
    "CompilationError",
    "compiled_or_none",
    "compiled_package",
    "config_context",
    "get_config",
    "is_compiled_wanted",
    "set_config",
]


class CompilationError(RuntimeError):
    """A function cannot be compiled, by a numba or on a machine that we do not know."""


ENGINES = ("auto", "compiled", "numpy")
_VARIABLE = "SKREG_ENGINE"


def _checked(engine, name):
    if engine not in ENGINES:
        raise ValueError(f"{name} must be one of {', '.join(ENGINES)}. Got {engine!r}.")
    return engine


def _of_environment():
    return _checked(os.environ.get(_VARIABLE, "auto"), _VARIABLE)


_of_process = {"engine": None}
_of_thread = threading.local()


def get_config() -> dict[str, Any]:
    """The configuration of this thread: a dict with the `engine`.

    Returns
    -------
    dict of str to object
        The arguments of `set_config` by their names, such as ``{"engine": "auto"}``.

    Examples
    --------
    >>> import skreg
    >>> skreg.get_config()["engine"] in ("auto", "compiled", "numpy")
    True
    """
    engine = getattr(_of_thread, "engine", None) or _of_process["engine"]
    return {"engine": engine or _of_environment()}


def set_config(engine: Engine | None = None) -> None:
    """Choose what trains the networks, in this thread and in those that come after it.

    Parameters
    ----------
    engine : {"auto", "compiled", "numpy"}, default=None
        "auto" takes the compiled step if numba is installed and NumPy's otherwise,
        "compiled" raises an error if it is not, and "numpy" takes NumPy's in any case.
        What has not been compiled (see the user guide) is trained by NumPy. None
        changes nothing. At the beginning it is the environment variable
        `SKREG_ENGINE`, or "auto".

    Raises
    ------
    ValueError
        If `engine` is none of these.

    See Also
    --------
    config_context : The same within a block.

    Examples
    --------
    >>> import skreg
    >>> before = skreg.get_config()
    >>> skreg.set_config(engine="numpy")
    >>> skreg.get_config()
    {'engine': 'numpy'}
    >>> skreg.set_config(**before)
    """
    if engine is not None:
        _of_thread.engine = _of_process["engine"] = _checked(engine, "engine")


@contextmanager
def config_context(*, engine: Engine | None = None) -> Iterator[None]:
    """Choose what trains the networks within a block; see `set_config`.

    Parameters
    ----------
    engine : {"auto", "compiled", "numpy"}, default=None

    Raises
    ------
    ValueError
        If `engine` is none of these.

    See Also
    --------
    set_config : The same from now on.

    Examples
    --------
    >>> import skreg
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = skreg.MLPClassifier((10,), early_stopping=True, random_state=0)
    >>> with skreg.config_context(engine="numpy"):
    ...     model.fit(X, y).engine_
    'numpy'
    """
    before = getattr(_of_thread, "engine", None)
    if engine is not None:
        _of_thread.engine = _checked(engine, "engine")
    try:
        yield
    finally:
        _of_thread.engine = before


@cache
@interrupts_wait()
def compiled_package():
    """The package `compiled`, or the error with which it cannot be imported.

    Importing takes a few tenths of a second and happens when the first network trains.
    """
    if find_spec("numba") is None:
        return ImportError("numba is missing. pip install 'skreg[fast]' installs it.")
    try:
        for module in ("step", "evaluation"):
            import_module(f".compiled.{module}", __package__)
        return import_module(".compiled", __package__)
    except Exception as error:  # A numba that does not fit NumPy, say.
        return error


# The error with which something could not be compiled. Then nothing else is tried.
_failures = []


def compiled_or_none(make, *args):
    """``make(*args)``, which compiles what it needs; None if that cannot be compiled.

    Raises
    ------
    CompilationError
        If compiled functions were asked for.
    """
    try:
        return make(*args)
    except CompilationError as error:
        if get_config()["engine"] == "compiled":
            raise
        _failures.append(error)
        return None


def is_compiled_wanted():
    """Whether compiled functions are to be used where there are any.

    Raises
    ------
    ImportError
        If it was asked for and cannot be imported.
    """
    engine = get_config()["engine"]
    if engine == "numpy":
        return False
    package = _failures[0] if _failures else compiled_package()
    if isinstance(package, Exception):
        if engine == "compiled":
            message = f"engine='compiled' cannot be had: {package}"
            raise ImportError(message) from package
        return False
    return True
