"""Many paths: those of a block train side by side, and workers share the blocks."""

from contextlib import closing

from sklearn.utils.parallel import delayed

from .._fitting.workers import prefer_threads
from .._utils.calls import run_calls
from .._utils.progress import ProgressLines
from ._path import trace_paths

__all__ = ["trace_in_blocks"]

# The number of paths in a block. The last bits of a sum depend on the block, so blocks
# are the same for any `n_jobs`. In smaller blocks too few networks share the overhead
# of a step (measured with 30 networks of 20 hidden units: blocks of 10 take 10 % more
# time than one block, blocks of 5 take 35 % more). With larger blocks some workers have
# none.
_MOST_PATHS = 10


def trace_in_blocks(
    tasks, X, y, *, name, n_jobs=None, verbose=0, faults=None, **options
):
    """As `trace_paths`, on several workers and with lines of progress.

    Parameters
    ----------
    tasks : list of FitTask
    X, y
        Data validated as `fit_many` needs them.
    name : str
        The name at the start of each line: what traces the paths.
    n_jobs : int or None
        Number of workers, as in joblib.
    verbose : int
        Above zero, a line is printed when a block is done.
    faults : list, default=None
        As for `trace_paths`.
    **options : dict
        Further parameters of `trace_paths`.

    Returns
    -------
    list of list
    """
    # If all paths fit into one block they are cut in two, for two workers to share.
    size = min(_MOST_PATHS, -(-len(tasks) // 2))
    blocks = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    lines = ProgressLines(name, verbose, len(tasks), "paths")
    paths = []
    calls = (delayed(_trace_block)(block, X, y, options) for block in blocks)
    prefers_threads = prefer_threads([task.predictor for task in tasks])
    results = run_calls(calls, n_jobs, prefers_threads=prefers_threads)
    with closing(results):
        for block, faults_of_block in results:
            paths += block
            if faults is not None:
                faults += faults_of_block
            lines.advance(len(block))
    return paths


def _trace_block(tasks, X, y, options):
    faults = []
    return trace_paths(tasks, X, y, faults=faults, **options), faults
