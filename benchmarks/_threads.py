"""What users see, who set no variable for threads: wall times of pieces of benchmarks.

A benchmark names its pieces: a function of its module, which prepares, and arguments.
What the function returns is timed, in a process that has one thread by the usual
variables and in one in which they are not set. These two take turns, as do quiet rounds
and rounds with a busy process beside them.

A piece is ``(file, function, *arguments)`` with arguments that JSON can hold.
`check.py` has such processes of two commits, by `Timer`.
"""

import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def use_one_thread():
    """To be called before NumPy is imported, in a script that is run."""
    os.environ.update(dict.fromkeys(VARIABLES, "1"))


class Timer:
    """A process that times pieces, with the default threads or with one.

    Parameters
    ----------
    has_one_thread : bool
    checkout : path, default=None
        The folder that holds the package which is timed, and which the process loads at
        once. By default that package is the one which is installed.
    """

    def __init__(self, has_one_thread, checkout=None):
        self._has_one_thread = has_one_thread
        environment = {k: v for k, v in os.environ.items() if k not in VARIABLES}
        if has_one_thread:
            environment.update(dict.fromkeys(VARIABLES, "1"))
        modules = []
        if checkout is not None:
            environment["PYTHONPATH"] = str(checkout)
            modules = ["skreg"]
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __call__(self, piece):
        """The seconds of a piece, on the wall."""
        return self.times(piece)[0]

    def times(self, piece):
        """Its seconds on the wall, and those of the processor."""
        print(json.dumps(piece), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{piece} failed.")
        if not self._has_one_thread:
            # Its threads wait for more in a loop that takes a core, which the next
            # piece, here or in another process, is to have for itself.
            time.sleep(0.1)
        return json.loads(answer)


@contextmanager
def _busy_process():
    """Another process that wants a core for itself."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        # It starts up first.
        time.sleep(0.5)
        yield
    finally:
        busy.kill()
        busy.wait()


def table(pieces, repeats, theirs=None):
    """Yield the lines of a table of default threads against one.

    Parameters
    ----------
    pieces : dict of str to piece
        What is timed, by the name of its row.
    repeats : int
    theirs : dict of str to piece, default=None
        The same work by others, for rows that have it.
    """
    theirs = theirs or {}
    columns = ["", "one thread s"]
    for place in ("quiet", "beside a busy process"):
        columns.append(f"default threads / one, {place}")
        if theirs:
            columns.append(f"scikit-learn / skreg, default threads, {place}")
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    with ExitStack() as stack:
        one, default = (stack.enter_context(Timer(flag)) for flag in (True, False))
        for name, piece in pieces.items():
            rounds = {False: [], True: []}
            for timer in (one, default):
                timer(piece)
            for _ in range(repeats):
                for is_busy in rounds:
                    with _busy_process() if is_busy else ExitStack():
                        times = [one(piece), default(piece)]
                        if name in theirs:
                            times.append(default(theirs[name]))
                    rounds[is_busy].append(times)
            cells = [name, f"{median(times[0] for times in rounds[False]):.3g}"]
            for times in rounds.values():
                cells.append(spread([each[1] / each[0] for each in times]))
                if name in theirs:
                    cells.append(spread([each[2] / each[1] for each in times]))
                elif theirs:
                    cells.append("")
            yield "| " + " | ".join(cells) + " |"


def spread(values):
    """The median of values, and how far they are apart."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def description(repeats):
    """A sentence on how the numbers of `table` come about."""
    return (
        f"Wall time in processes of their own, in turn, on {os.cpu_count()} cores: "
        f"without {', '.join(VARIABLES)}, as users run it, and with all of them at 1. "
        f"Median (smallest to largest) of {repeats} ratios, on a quiet machine and "
        "beside another process that never waits."
    )


def print_table(pieces, repeats, theirs=None):
    """Print `table` and how it was made, line by line."""
    print(description(repeats) + "\n")
    for line in table(pieces, repeats, theirs):
        print(line, flush=True)


def _processor_seconds():
    """Those of this process, and of those that it has started and that have ended."""
    seconds = time.process_time()
    try:
        import resource
    except ImportError:
        # Windows does not add up those of other processes.
        return seconds
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds + children.ru_utime + children.ru_stime


def _serve():
    # What a piece prints must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    for module in sys.argv[1:]:
        importlib.import_module(module)
    prepared = {}
    for line in sys.stdin:
        if line not in prepared:
            # One at a time: the arrays of others need not stay.
            prepared.clear()
            file, function, *arguments = json.loads(line)
            module = importlib.import_module(Path(file).stem)
            prepared[line] = getattr(module, function)(*arguments)
        started = time.perf_counter(), _processor_seconds()
        prepared[line]()
        ended = time.perf_counter(), _processor_seconds()
        seconds = [after - before for before, after in zip(started, ended, strict=True)]
        print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
