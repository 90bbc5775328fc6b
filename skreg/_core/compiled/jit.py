"""How the functions of this package are compiled, and what they are declared with."""

from functools import cache
from threading import RLock

import numpy as np
from numba import cfunc, njit, types
from numba.core.errors import NumbaError

from ..engines import CompilationError
from ..process import held_at_forks, interrupts_wait

__all__ = [
    "address_of",
    "array_of",
    "compiled_for",
    "inlined_kernel",
    "kernel",
    "number_type",
    "summing_kernel",
]

# A product and a sum may become one operation, which rounds once instead of twice.
# Nothing is assumed that NaN or infinity would break: divergence is recognized by them.
# Divisions by zero give infinity, as in NumPy.
_OPTIONS = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
_ONLY_CALLED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# The decorator of functions that compiled functions call, and become a part of them.
kernel = njit(**_OPTIONS, **_ONLY_CALLED)

# That of functions of a number, which are to be computed of several numbers at once.
inlined_kernel = njit(**_OPTIONS, **_ONLY_CALLED, forceinline=True)

# That of sums, of which several parts may be computed at once. Whatever their order,
# they are NaN or infinite in the same cases.
_SUMMING = _OPTIONS | {"fastmath": {"contract", "reassoc"}}
summing_kernel = njit(**_SUMMING, **_ONLY_CALLED)

_NUMBERS = {"float64": types.float64, "float32": types.float32}
_INTEGERS = {"int64": types.int64, "int32": types.int32}

# numba holds a lock while it compiles. A process that forks waits until it is released.
_compiling = held_at_forks(RLock())


def number_type(dtype):
    """The type that numba has for a dtype."""
    return (_NUMBERS | _INTEGERS)[np.dtype(dtype).name]


def array_of(number, n_dimensions=1, *, layout="C", is_read=False):
    """The type of an array.

    Parameters
    ----------
    number : numba type
    n_dimensions : int
    layout : {"C", "A"}
        C-ordered, or any.
    is_read : bool
        Whether it may be read-only.
    """
    return types.Array(number, n_dimensions, layout, readonly=is_read)


def _with_cache(decorator, function):
    """Decorate a function; keep the result on disk where there is a place for it.

    Raises
    ------
    CompilationError
        If numba cannot compile it.
    """
    try:
        # What numba has compiled half, after Ctrl-C, it can never compile again.
        with interrupts_wait(), _compiling:
            return _kept_if_possible(decorator, function)
    except NumbaError as error:
        raise CompilationError(f"numba cannot compile {function.__name__}.") from error


def _kept_if_possible(decorator, function):
    try:
        return decorator(cache=True)(function)
    except OSError:
        # The disk is full, say.
        pass
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
    return decorator(cache=False)(function)


def compiled_for(signature, function):
    """A function that Python calls, compiled for one signature."""
    return _with_cache(
        lambda cache: njit(signature, cache=cache, no_cfunc_wrapper=True, **_OPTIONS),
        function,
    )


@cache
def _compiled_kernel(function, signature):
    return _with_cache(
        lambda cache: cfunc(signature, cache=cache, **_OPTIONS), function
    )


def address_of(function, signature):
    """The address of a kernel, for `primitives.call`; compiled when it is first asked.

    Parameters
    ----------
    function : callable
    signature : numba signature

    Returns
    -------
    int
    """
    return _compiled_kernel(function, signature).address
