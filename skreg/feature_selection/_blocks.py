"""Many paths: a block of them side by side, and blocks spread over workers."""

from sklearn.utils.parallel import delayed

from .._utils.progress import ProgressLines, run_calls
from ._path import trace_paths

__all__ = ["trace_in_blocks"]

# Paths that train side by side. The blocks are the same for any `n_jobs`, and so are
# the results to the last bit: what is summed beside what depends on the block. Smaller
# ones leave the overhead of a step on too few networks (measured with 30 networks of 20
# hidden units: 10 take 10 % more time than all, 5 take 35 % more), larger ones leave
# workers without any.
_MOST_PATHS = 10


def trace_in_blocks(
    tasks, X, y, *, name, n_jobs=None, verbose=0, faults=None, **options
):
    """As `trace_paths`, on several workers, and with lines about how far it is.

    Parameters
    ----------
    tasks : list of FitTask
    X, y : validated as `fit_many` needs them
    name : str
        Who traces them, for the lines.
    n_jobs : int or None
        Workers, as in joblib.
    verbose : int
        Above zero a line is printed when a block is done.
    faults : list, default=None
        As there.
    **options : dict
        Of `trace_paths`.

    Returns
    -------
    list of list
    """
    # Few paths are cut in two, so that two workers have something to do.
    size = min(_MOST_PATHS, -(-len(tasks) // 2))
    blocks = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    lines = ProgressLines(name, verbose, len(tasks), "paths")
    paths = []
    calls = (delayed(_trace_block)(block, X, y, options) for block in blocks)
    for block, faults_of_block in run_calls(calls, n_jobs):
        paths += block
        if faults is not None:
            faults += faults_of_block
        lines.advance(len(block))
    return paths


def _trace_block(tasks, X, y, options):
    faults = []
    return trace_paths(tasks, X, y, faults=faults, **options), faults
