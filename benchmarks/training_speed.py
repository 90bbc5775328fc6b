"""Training at equal work: skreg, scikit-learn, and the floor.

The same data, epochs, minibatches, seed and dtype, one BLAS thread, the two in turn.
The floor is the time of the bare matrix products of the same shapes and layouts, with
nothing around them.

    python benchmarks/training_speed.py [--repeats 7] [--output FILE.md]

Ratios are medians over repeats of process times taken in turn; the weights that both
end with are compared as well.
"""

import argparse
import os
import platform
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import scipy
import sklearn
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP

import skreg

# rows, inputs, hidden units, batch size, classes, epochs
CASES = [
    (1_000, 20, (100,), 200, 3, 60),
    (10_000, 50, (100,), 200, 3, 8),
    (10_000, 50, (256, 256), 200, 3, 3),
    (5_000, 784, (256,), 128, 10, 3),
]


def seconds(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def floor_of_epoch(n_rows, layer_units, batch_size, dtype):
    """One epoch's matrix products on arrays that lie in memory as those of training."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return rng.normal(size=shape).astype(dtype)

    sizes = [batch_size] * (n_rows // batch_size)
    if n_rows % batch_size:
        sizes.append(n_rows % batch_size)
    layers = list(zip(layer_units[:-1], layer_units[1:], strict=True))
    operands = {
        size: [
            (array(fan_in, fan_out), array(size, fan_in), array(fan_out, size))
            for fan_in, fan_out in layers
        ]
        for size in set(sizes)
    }

    def run():
        for size in sizes:
            for index, (W, H, delta) in enumerate(operands[size]):
                W.T @ H.T  # forward
                H.T @ delta.T  # gradient
                if index:
                    W @ delta  # backward

    return run


def run_case(case, dtype, repeats):
    n_rows, n_inputs, hidden, batch_size, n_classes, n_epochs = case
    rng = np.random.RandomState(1)
    X = rng.normal(size=(n_rows, n_inputs)).astype(dtype)
    y = rng.randint(n_classes, size=n_rows)
    shared = {
        "batch_size": batch_size,
        "max_iter": n_epochs,
        "n_iter_no_change": n_epochs,
        "random_state": 0,
    }
    ours = skreg.MLPClassifier(hidden, alpha=1e-4 / batch_size, **shared)
    theirs = ScikitLearnMLP(hidden, alpha=1e-4, **shared)
    floor = floor_of_epoch(n_rows, (n_inputs, *hidden, n_classes), batch_size, dtype)
    floor()
    rows = []
    for _ in range(repeats):
        own, _ = seconds(lambda: ours.fit(X, y))
        other, _ = seconds(lambda: theirs.fit(X, y))
        bare, _ = seconds(lambda: [floor() for _ in range(n_epochs)])
        rows.append((other / own, own / bare, other / bare))
    gap = max(
        np.abs(a - b).max() for a, b in zip(ours.coefs_, theirs.coefs_, strict=True)
    )
    return np.array(rows), gap


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", default=None)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [
        "# Training at equal work",
        "",
        f"`python benchmarks/training_speed.py --repeats {arguments.repeats}`; "
        f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, SciPy "
        f"{scipy.__version__}, Python {platform.python_version()}, one BLAS thread. "
        "Median (smallest to largest) over repeats of process times taken in turn.",
        "",
        "| n x d, h, batch | dtype | scikit-learn / skreg | skreg / floor "
        "| scikit-learn / floor | largest difference of weights |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for case in CASES:
        for dtype in (np.float64, np.float32):
            rows, gap = run_case(case, dtype, arguments.repeats)
            cells = [
                f"{np.median(column):.2f} ({column.min():.2f} to {column.max():.2f})"
                for column in rows.T
            ]
            name = f"{case[0]} x {case[1]}, {case[2]}, {case[3]}"
            cells = [name, np.dtype(dtype).name, *cells, f"{gap:.1e}"]
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
