"""Penalty searches against scikit-learn's: speed at equal work, time to a tuned model.

``python benchmarks/search_speed.py equal-work`` compares `GridSearchCV` over skreg's
classifier with scikit-learn's over its own, for the same penalties, epochs, minibatches
and folds. ``... tuned --data DIR`` compares scikit-learn's search with
`HalvingGridSearchCV`, in seconds and in test score, over the same candidates and folds;
DIR holds phoneme.npz, spambase.npz and vehicle.npz (OpenML's sets of these names), with
arrays X and y. Both sides use two processes, to which joblib
gives one BLAS thread each, and run in turn; the tables hold medians of the ratios.
What runs in the parent has one thread. ``... threads`` has wall times with the threads
that BLAS takes by default, in one process and in two.
"""

import argparse
import statistics
import time
import warnings
from functools import partial
from pathlib import Path
from unittest import mock

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler, scale

from skreg import MLPClassifier
from skreg._fitting.fit import batch_capacity
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

N_JOBS = 2
N_FOLDS = 5
EPOCHS = 20
ALPHAS = np.logspace(-5, 1, 16)

SETS = ["breast cancer", "digits", "phoneme", "spambase", "vehicle"]
MAX_ROWS = 3000
TUNED_ALPHAS = np.logspace(-5, -1, 8)
LEARNING_RATES = [3e-4, 1e-3, 1e-2]

SETTINGS = [
    ("breast cancer", load_breast_cancer, (100,), 200),
    ("digits", load_digits, (100,), 200),
    ("digits", load_digits, (256, 256), 200),
    ("breast cancer", load_breast_cancer, (16,), 32),
]


def seconds_of(search, X, y, clock=time.perf_counter):
    started = clock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return clock() - started


def searches(hidden, batch_size, n_jobs):
    """skreg's search and scikit-learn's, which do the same arithmetic."""
    shared = dict(
        hidden_layer_sizes=hidden,
        batch_size=batch_size,
        max_iter=EPOCHS,
        # All epochs, however little they bring.
        n_iter_no_change=EPOCHS,
        random_state=0,
    )
    options = dict(cv=N_FOLDS, n_jobs=n_jobs, refit=False)
    ours = GridSearchCV(MLPClassifier(**shared), {"alpha": ALPHAS}, **options)
    theirs = model_selection.GridSearchCV(
        neural_network.MLPClassifier(**shared),
        {"alpha": ALPHAS * batch_size},
        **options,
    )
    return ours, theirs


def search_of(is_ours, index, n_jobs):
    """One of the searches, to be timed."""
    _, load, hidden, batch_size = SETTINGS[index]
    X, y = load(return_X_y=True)
    ours, theirs = searches(hidden, batch_size, n_jobs)
    return partial((ours if is_ours else theirs).fit, scale(X), y)


def thread_pieces():
    """For `_threads.table`: searches in one process, and in two beside others."""

    def pieces(is_ours, job_counts):
        return {
            f"{name}, {hidden}, n_jobs={n_jobs}": (
                (__file__, "search_of", is_ours, index, n_jobs)
            )
            for index, (name, _, hidden, _) in enumerate(SETTINGS)
            for n_jobs in job_counts
        }

    return pieces(True, (1, N_JOBS)), pieces(False, (N_JOBS,))


def equal_work(repeats):
    """Print a row a setting and dtype."""
    print(
        "| set | h | batch | dtype | scikit-learn s | skreg s | ratio "
        "| networks side by side | time in matrix products |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, load, hidden, batch_size in SETTINGS:
        X, y = load(return_X_y=True)
        X = scale(X)
        for dtype in ("float64", "float32"):
            data = X.astype(dtype)
            ours, theirs = searches(hidden, batch_size, N_JOBS)
            seconds_of(ours, data, y)
            pairs = [
                (seconds_of(theirs, data, y), seconds_of(ours, data, y))
                for _ in range(repeats)
            ]
            ratio = statistics.median(a / b for a, b in pairs)
            a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
            print(
                f"| {name} | {hidden} | {batch_size} | {dtype} | {a:.2f} | {b:.2f} "
                f"| {ratio:.1f} | {side_by_side(ours, data, y)} "
                f"| {share_of_products(ours, data, y):.0%} |",
                flush=True,
            )


def side_by_side(search, X, y):
    """How many networks train in one batch."""
    n_rows = len(X) * (N_FOLDS - 1) // N_FOLDS
    n_classes = len(np.unique(y))
    n_outputs = 1 if n_classes == 2 else n_classes
    config = search.estimator._make_config()
    return batch_capacity(config, n_rows, X.shape[1], n_outputs, X.dtype)


def share_of_products(search, X, y):
    """The share of a search's time, in one process, that matrix products take."""
    spent, matmul = 0.0, np.matmul

    def timed_matmul(*args, **kwargs):
        nonlocal spent
        start = time.perf_counter()
        result = matmul(*args, **kwargs)
        spent += time.perf_counter() - start
        return result

    with mock.patch.object(np, "matmul", timed_matmul):
        seconds = seconds_of(clone(search).set_params(n_jobs=1), X, y)
    return spent / seconds


def load_set(name, data_dir):
    if name == "breast cancer":
        return load_breast_cancer(return_X_y=True)
    if name == "digits":
        return load_digits(return_X_y=True)
    with np.load(Path(data_dir) / f"{name}.npz", allow_pickle=True) as arrays:
        return arrays["X"], np.unique(arrays["y"], return_inverse=True)[1]


def tuned(names, data_dir, n_splits, dtypes, n_jobs, uses_cpu_time):
    """Print a row a set and dtype: seconds to a tuned model, and its test score."""
    clock = time.process_time if uses_cpu_time else time.perf_counter
    print(
        "| set | dtype | scikit-learn s | skreg s | ratio | scikit-learn score "
        "| skreg score | difference | its standard error |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        X, y = load_set(name, data_dir)
        for dtype in dtypes:
            seconds, scores = [], []
            for seed in range(n_splits):
                X_train, X_test, y_train, y_test = model_selection.train_test_split(
                    X, y, test_size=0.3, random_state=seed, stratify=y
                )
                X_train, y_train = X_train[:MAX_ROWS], y_train[:MAX_ROWS]
                scaler = StandardScaler().fit(X_train)
                X_train, X_test = (
                    scaler.transform(part).astype(dtype) for part in (X_train, X_test)
                )
                batch_size = min(200, len(X_train) * (N_FOLDS - 1) // N_FOLDS)
                searches = (
                    model_selection.GridSearchCV(
                        neural_network.MLPClassifier(random_state=0),
                        {
                            "alpha": TUNED_ALPHAS * batch_size,
                            "learning_rate_init": LEARNING_RATES,
                        },
                        cv=N_FOLDS,
                        n_jobs=n_jobs,
                    ),
                    HalvingGridSearchCV(
                        MLPClassifier(random_state=0),
                        {"alpha": TUNED_ALPHAS, "learning_rate_init": LEARNING_RATES},
                        cv=N_FOLDS,
                        n_jobs=n_jobs,
                    ),
                )
                seconds.append(
                    [seconds_of(search, X_train, y_train, clock) for search in searches]
                )
                scores.append([search.score(X_test, y_test) for search in searches])
            ratio = statistics.median(a / b for a, b in seconds)
            theirs, ours = np.median(seconds, axis=0)
            difference = np.diff(scores, axis=1)[:, 0]
            error = difference.std(ddof=1) / np.sqrt(n_splits) if n_splits > 1 else 0
            means = np.mean(scores, axis=0)
            print(
                f"| {name} | {dtype} | {theirs:.2f} | {ours:.2f} | {ratio:.1f} "
                f"| {means[0]:.4f} | {means[1]:.4f} | {difference.mean():+.4f} "
                f"| {error:.4f} |",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=["equal-work", "tuned", "threads"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", help="directory of .npz files, for `tuned`")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    parser.add_argument("--n-jobs", type=int, default=N_JOBS)
    parser.add_argument(
        "--cpu-time", action="store_true", help="of one process, on busy machines"
    )
    arguments = parser.parse_args()
    if arguments.table == "equal-work":
        equal_work(arguments.repeats)
    elif arguments.table == "threads":
        ours, theirs = thread_pieces()
        _threads.print_table(ours, arguments.repeats, theirs)
    else:
        tuned(
            arguments.sets,
            arguments.data,
            arguments.repeats,
            arguments.dtypes,
            1 if arguments.cpu_time else arguments.n_jobs,
            arguments.cpu_time,
        )


if __name__ == "__main__":
    main()
