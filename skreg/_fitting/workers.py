"""Whether threads or processes train networks faster."""

from .._core.engines import is_compiled_wanted
from .solvers import solver_of

__all__ = ["prefer_threads"]

# Packages whose estimators and functions spend their time in compiled code, and do not
# end the process.
_TRUSTED = {"builtins", "numpy", "scipy", "skreg", "sklearn"}


def prefer_threads(networks, around=()):
    """Whether networks are better trained by threads than by processes.

    Compiled functions need no interpreter, so that threads that call them run side by
    side; they start at once, and share the data. What is in Python takes turns. So
    processes are better for NumPy's steps, for full-batch solvers, for augmentation,
    and where code of the user's takes part.

    Parameters
    ----------
    networks : list of MLPClassifier or MLPRegressor
        With valid parameters.
    around : list
        What else runs in the workers: estimators around the networks, callables.
    """
    return (
        is_compiled_wanted()
        and all(
            solver_of(network.solver).has_minibatches and network.augmentation is None
            for network in networks
        )
        and all(map(_is_trusted, [*networks, *around]))
    )


def _is_trusted(value):
    """Whether an object, and all that it is made of, is of the trusted packages."""
    if isinstance(value, dict):
        return all(map(_is_trusted, value.values()))
    if isinstance(value, list | tuple | set):
        return all(map(_is_trusted, value))
    # That of a function, or of the class of an object.
    module = getattr(value, "__module__", None) or type(value).__module__
    if module.partition(".")[0] not in _TRUSTED:
        return False
    return not hasattr(value, "get_params") or _is_trusted(value.get_params(deep=False))
