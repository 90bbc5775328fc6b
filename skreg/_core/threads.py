"""With how many threads BLAS works: with one, except where more of them pay.

BLAS starts threads for products that are far too small for them. Between two products
its threads wait in a loop that keeps a core busy, and where another process wants that
core, a product of microseconds takes milliseconds. NumPy and SciPy bring a library
each, whose threads are in each other's way as well.

Who computes says how large the largest product is, and this module decides. A limit
holds for the whole process. Hence limits are counted: the first one in sets the number
of threads and the last one out restores it, in whichever Python threads they are.
"""

import re
from contextlib import nullcontext
from pathlib import Path
from threading import RLock, local

from threadpoolctl import ThreadpoolController

from .process import held_at_forks

__all__ = ["blas_threads_for", "blas_threads_for_layers"]

# From so many multiply-adds on, the products of a fit or of a prediction are left to
# BLAS's threads: where they cost nothing even beside a busy process. Measured on two
# cores, two threads take in a fit 1.6 times as long as one at 4e7 multiply-adds, 1.5 at
# 4e8 and 1.0 at 3.4e9, for they also wait while the rest of a step is computed; in a
# prediction 1.7 at 1e8, 1.0 at 4e8 to 1e9 and 0.8 above. (On a quiet machine they take
# 0.7 times as long in fits from 1e8 on.)
_THREADED_FIT = 3_000_000_000
_THREADED_PREDICTION = 1_000_000_000

# The smallest products for which OpenBLAS starts threads: of two matrices, and of a
# matrix and a vector, before version 0.3.27 and since. (For matrices some processors
# start later.)
_SMALLEST_OF_MATRICES = 262_144
_SMALLEST_OF_VECTORS = 9_216
_SMALLEST_OF_VECTORS_SINCE_0_3_27 = 460_800

_NO_LIMIT = nullcontext()


def blas_threads_for(n_multiply_adds, *, engine="numpy"):
    """A context for a fit, and for what else has many steps between its products.

    Parameters
    ----------
    n_multiply_adds : int
        Of the largest matrix product.
    engine : {"numpy", "compiled"}
        Who multiplies: NumPy by its library, or compiled functions by SciPy's.

    Returns
    -------
    context manager
        In it BLAS has one thread if that product is small. Otherwise the library that
        multiplies keeps the threads it has, and the other one has one thread. Nothing
        ever raises a number of threads. Entering takes 10 microseconds, and 1 where
        there is one thread already.
    """
    libraries = _find_libraries()
    is_large = n_multiply_adds >= _THREADED_FIT
    if not is_large:
        return _OneThread(libraries.all)
    return _OneThread(libraries.numpys if engine == "compiled" else libraries.scipys)


def blas_threads_for_layers(n_rows, weights):
    """A context for a prediction: little but a product a layer.

    Parameters
    ----------
    n_rows : int
    weights : list of ndarray of shape (n_inner, n_columns)
        Each of them is multiplied with a matrix ``(n_rows, n_inner)``.

    Returns
    -------
    context manager
        In it NumPy's library has one thread if the largest product is small, but not
        so small that it uses one by itself: a prediction may take microseconds.
    """
    size, n_columns = 0, 0
    for W in weights:
        if W.size > size:
            size, n_columns = W.size, W.shape[1]
    n_multiply_adds = n_rows * size
    if not _SMALLEST_OF_VECTORS <= n_multiply_adds < _THREADED_PREDICTION:
        return _NO_LIMIT
    libraries, smallest = _find_libraries(), _SMALLEST_OF_MATRICES
    if n_rows == 1 or n_columns == 1:
        smallest = libraries.smallest_of_vectors
    return _OneThread(libraries.numpys) if n_multiply_adds >= smallest else _NO_LIMIT


class _OneThread:
    """The context in which some libraries have one thread."""

    def __init__(self, libraries):
        self._libraries = libraries

    def __enter__(self):
        try:
            with _lock:
                for library in self._libraries:
                    library.enter(self)
        except BaseException:
            self._leave()
            raise

    def __exit__(self, *error):
        try:
            self._leave()
        except BaseException:
            # Ctrl-C, in the middle of it.
            self._leave()
            raise

    def _leave(self):
        with _lock:
            for library in self._libraries:
                library.leave(self)


class _State:
    """Who wants one thread, and how many there were before.

    The users are a set, not a number, so that leaving twice, or leaving what was never
    entered, does nothing: an interrupt between any two lines is answered by leaving.
    """

    def __init__(self):
        self.users = set()
        self.n_threads_before = None


class _StateOfThread(_State, local):
    """The same, for each Python thread."""


class _Library:
    """A BLAS library whose number of threads can be set."""

    def __init__(self, controller):
        self._controller = controller
        # With OpenMP the number belongs to the Python thread that sets it.
        is_openmp = getattr(controller, "threading_layer", None) == "openmp"
        self._state = _StateOfThread() if is_openmp else _State()

    @property
    def is_scipys(self):
        """Whether it came with SciPy's wheel.

        It is in site-packages/scipy.libs then, on macOS in site-packages/scipy/.dylibs.
        """
        directories = Path(self._controller.filepath).parts[-3:-1]
        return not {"scipy", "scipy.libs"}.isdisjoint(directories)

    @property
    def smallest_of_vectors(self):
        if self._controller.internal_api == "openblas":
            numbers = re.findall(r"\d+", self._controller.version or "")
            if [int(number) for number in numbers[:3]] >= [0, 3, 27]:
                return _SMALLEST_OF_VECTORS_SINCE_0_3_27
        return _SMALLEST_OF_VECTORS

    def enter(self, user):
        state = self._state
        if state.n_threads_before is None:
            state.n_threads_before = self._controller.get_num_threads()
        state.users.add(user)
        if len(state.users) == 1:
            self._set_num_threads(1)

    def leave(self, user):
        state = self._state
        state.users.discard(user)
        if not state.users and state.n_threads_before is not None:
            self._set_num_threads(state.n_threads_before)
            state.n_threads_before = None

    def _set_num_threads(self, n_threads):
        if self._state.n_threads_before == 1:
            return
        # Since version 3.8 threadpoolctl lets one Python thread set the number, and
        # ignores all others until that one is cleared. Here it may be any of them.
        clear = getattr(self._controller, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
        self._controller.set_num_threads(n_threads)
        if clear is not None:
            clear(force=True)


class _Libraries:
    """The libraries that are loaded, all of them and NumPy's and SciPy's own."""

    def __init__(self):
        controllers = ThreadpoolController().select(user_api="blas").lib_controllers
        self.all = [_Library(controller) for controller in controllers]
        self.scipys = [library for library in self.all if library.is_scipys]
        self.numpys = [library for library in self.all if not library.is_scipys]
        self.smallest_of_vectors = min(
            (library.smallest_of_vectors for library in self.numpys),
            default=_SMALLEST_OF_VECTORS,
        )


_lock = held_at_forks(RLock())
_libraries = None


def _find_libraries():
    """The libraries, looked for once.

    Looking takes milliseconds, as long as training a small network. NumPy and SciPy
    load theirs when they are imported; those that come later belong to others.
    """
    global _libraries
    if _libraries is None:
        with _lock:
            if _libraries is None:
                _libraries = _Libraries()
    return _libraries
