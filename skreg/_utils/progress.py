"""Lines that say how much of the work is done."""

import time

__all__ = ["ProgressLines"]


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
