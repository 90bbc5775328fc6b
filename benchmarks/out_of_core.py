"""The memory of training on a file that is read chunk by chunk.

``python benchmarks/out_of_core.py --gigabytes 4 --folder DIR`` writes a file of random
rows into DIR and trains a network and an ensemble on it by `partial_fit`, each in a
process of its own, with L1 and L2 and early stopping on given rows. It prints how much
memory the processes had at most. Linux only.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np

N_COLUMNS = 100
N_CHUNK = 50_000
N_VALIDATION = 10_000
MODELS = ["MLPRegressor", "FoldEnsembleRegressor"]


def write(path, n_rows):
    """Rows of normal numbers, and a target that depends on three of them."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, N_CHUNK):
            size = min(N_CHUNK, n_rows - start)
            rows = rng.standard_normal((size, N_COLUMNS + 1), dtype=np.float32)
            rows[:, -1] = rows[:, 0] * rows[:, 1] - rows[:, 2]
            rows.tofile(file)


def chunks(path):
    """Arrays of rows, one after another."""
    with path.open("rb") as file:
        while True:
            rows = np.fromfile(file, np.float32, N_CHUNK * (N_COLUMNS + 1))
            if not rows.size:
                return
            yield rows.reshape(-1, N_COLUMNS + 1)


def megabytes(field):
    """A number of this process that Linux knows."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise ValueError(field)


def train(path, kind):
    """One pass over the file; print what it took."""
    from skreg import MLPRegressor
    from skreg.ensemble import FoldEnsembleRegressor

    model = MLPRegressor(
        (50,),
        alpha=1e-4,
        l1_ratio=0.5,
        early_stopping=True,
        learning_rate_init=3e-3,
        batch_size=200,
        random_state=0,
    )
    if kind == "FoldEnsembleRegressor":
        model = FoldEnsembleRegressor(model, cv=4, random_state=0)
    before, started = megabytes("VmHWM"), time.perf_counter()
    held_out = None
    for rows in chunks(path):
        if held_out is None:
            held_out, rows = rows[:N_VALIDATION].copy(), rows[N_VALIDATION:]
        X_val, y_val = held_out[:, :-1], held_out[:, -1]
        model.partial_fit(rows[:, :-1], rows[:, -1], X_val=X_val, y_val=y_val)
    seconds = time.perf_counter() - started
    score = model.score(X_val, y_val)
    peak = megabytes("VmHWM")
    print(f"| {kind} | {before:.0f} | {peak:.0f} | {seconds:.0f} | {score:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--train", choices=MODELS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    path = arguments.folder / "rows.float32"
    if arguments.train:
        train(path, arguments.train)
        return
    n_rows = round(arguments.gigabytes * 1e9 / (4 * (N_COLUMNS + 1)))
    write(path, n_rows)
    size = path.stat().st_size / 1e9
    print(f"{n_rows} rows of {N_COLUMNS} columns, {size:.1f} GB; chunks of {N_CHUNK}\n")
    print("| model | MB before | MB at most | seconds | R^2 on 10,000 rows |")
    print("|---|---|---|---|---|", flush=True)
    for model in MODELS:
        command = [sys.executable, __file__, "--folder", str(arguments.folder)]
        subprocess.run([*command, "--train", model], check=True)
    path.unlink()


if __name__ == "__main__":
    main()
