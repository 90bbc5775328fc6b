"""Anonymous memory of a fit on a memory-mapped array.

A C-contiguous float32 array of about 1 GB on disk is mapped, and a classifier with
early stopping is fitted for two epochs. What counts is anonymous memory (RssAnon,
sampled while fitting; Linux only): pages of the file itself can be dropped at any time.

    python benchmarks/memory.py [--gigabytes 1.0] [--features 784]

X is not copied. What is needed grows with the rows: about 20 bytes each, the numbers of
the rows in two orders and a number for each output.
"""

import argparse
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np

from skreg import MLPClassifier


def anonymous_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("This system does not report RssAnon.")


class Peak(threading.Thread):
    """The largest anonymous memory while the block runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.largest, self._over = 0, False

    def run(self):
        while not self._over:
            self.largest = max(self.largest, anonymous_bytes())
            time.sleep(0.005)

    def __enter__(self):
        self.before = anonymous_bytes()
        self.start()
        return self

    def __exit__(self, *_):
        self._over = True
        self.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--features", type=int, default=784)
    arguments = parser.parse_args()
    shape = (
        int(arguments.gigabytes * 1e9 / (4 * arguments.features)),
        arguments.features,
    )
    warnings.simplefilter("ignore")
    # On disk: a temporary folder may itself be in memory, but not in this process's.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "X.npy"
        X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        rng = np.random.default_rng(0)
        for start in range(0, len(X), 10_000):
            part = X[start : start + 10_000]
            part[...] = rng.standard_normal(part.shape, dtype=np.float32)
        y = (X[:, 0] > 0).astype(int)
        X.flush()
        del X
        X = np.load(path, mmap_mode="r")
        network = MLPClassifier(
            (64,), early_stopping=True, max_iter=2, random_state=0, batch_size=500
        )
        with Peak() as peak:
            network.fit(X, y)
        extra = peak.largest - peak.before
        print(
            f"X {X.shape}, {X.nbytes / 1e6:.0f} MB; anonymous memory while fitting "
            f"at most {extra / 1e6:.0f} MB more than before: {extra / X.nbytes:.1%} "
            "of X"
        )


if __name__ == "__main__":
    main()
