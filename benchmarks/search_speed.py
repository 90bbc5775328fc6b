"""Penalty searches against scikit-learn's: speed at equal work, time to a tuned model.

``python benchmarks/search_speed.py equal-work`` compares `GridSearchCV` over skreg's
classifier, trained by each of its engines, with scikit-learn's over its own, for the
same penalties, epochs, minibatches and folds. The floor is the time of the bare matrix
products of all fits, divided by the number of workers. ``... tuned --data DIR``
compares scikit-learn's search with `HalvingGridSearchCV`, in seconds and in test score,
over the same candidates and folds; the scores are those of the first engine.
``... workers`` compares threads with processes, for compiled functions.

DIR holds phoneme.npz, spambase.npz and vehicle.npz (OpenML's sets of these names), with
arrays X and y, complete and not yet scaled. For data that lie elsewhere, X and y in
memory, ``numpy.savez(DIR / "phoneme.npz", X=X, y=y)`` writes such a file; further
arrays in it are not read.

Both sides use two workers, with one BLAS thread each, and take turns; the tables hold
medians of wall times and of the ratios. Workers are processes for scikit-learn and for
NumPy's engine, and threads for compiled functions. What runs in the parent has one
thread. ``... threads`` has wall times with the threads that BLAS takes by default, in
one worker and in two.
"""

import argparse
import time
import warnings
from functools import partial
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import joblib
import numpy as np
from _engines import (
    ENGINES,
    NAMES,
    SCIKIT_LEARN,
    by_each_engine,
    header,
    in_turn,
    ratio_names,
    row,
    trained_by,
    versions,
)
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler, scale
from training_speed import floor_of_epoch

from skreg import MLPClassifier, config_context
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


def cases(dtypes):
    """What the first cells of a row say, the setting, and its data."""
    for name, load, hidden, batch_size in SETTINGS:
        X, y = load(return_X_y=True)
        X = scale(X)
        for dtype in dtypes:
            cells = [name, hidden, batch_size, dtype]
            yield cells, hidden, batch_size, X.astype(dtype), y


def equal_work(repeats, dtypes):
    """Print a row a setting and dtype."""
    names = [NAMES[engine] for engine in ENGINES]
    pairs = [(SCIKIT_LEARN, name) for name in names]
    pairs += [(name, "floor") for name in names]
    timed = [SCIKIT_LEARN, *names, "floor"]
    columns = ["set", "h", "batch", "dtype", *(f"{name} s" for name in timed)]
    columns += ratio_names(pairs)
    columns += [f"networks side by side, {name}" for name in names]
    print(header(columns))
    for cells, hidden, batch_size, X, y in cases(dtypes):
        ours, theirs = searches(hidden, batch_size, N_JOBS)
        fits = by_each_engine(ours.fit, X, y)
        for fit in fits.values():
            fit()
        calls = {SCIKIT_LEARN: partial(theirs.fit, X, y), **fits}
        seconds = in_turn(
            calls | {"floor": floor_of_folds(hidden, batch_size, X, y)},
            repeats,
            time.perf_counter,
        )
        seconds["floor"] *= len(ALPHAS) / N_JOBS
        cells += [f"{np.median(seconds[name]):.2f}" for name in timed]
        cells += [f"{np.median(seconds[a] / seconds[b]):.2f}" for a, b in pairs]
        cells += [side_by_side(ours, X, y, engine) for engine in ENGINES]
        print(row(cells), flush=True)


def side_by_side(search, X, y, engine):
    """How many networks train in one batch."""
    n_rows = len(X) * (N_FOLDS - 1) // N_FOLDS
    config = search.estimator._make_config()
    with config_context(engine=engine):
        return batch_capacity(config, n_rows, X.shape[1], n_outputs_of(y), X.dtype)


def n_outputs_of(y):
    n_classes = len(np.unique(y))
    return 1 if n_classes == 2 else n_classes


def floor_of_folds(hidden, batch_size, X, y):
    """The bare matrix products of one candidate of a search, on all folds."""
    layer_units = (X.shape[1], *hidden, n_outputs_of(y))
    epochs = [
        floor_of_epoch(len(train), layer_units, batch_size, X.dtype)
        for train, _ in model_selection.StratifiedKFold(N_FOLDS).split(X, y)
    ]

    def run():
        for epoch in epochs:
            for _ in range(EPOCHS):
                epoch()

    run()
    return run


def fit_by_processes(search, X, y):
    with joblib.parallel_config(backend="loky"):
        search.fit(X, y)


def workers(repeats, dtypes):
    """Print a row a setting and dtype: the compiled search by its workers."""
    names = ["1 thread", "2 threads", "2 processes"]
    pairs = [("1 thread", "2 threads"), ("2 processes", "2 threads")]
    columns = ["set", "h", "batch", "dtype", *(f"{name} s" for name in names)]
    print(header([*columns, *ratio_names(pairs)]))
    for cells, hidden, batch_size, X, y in cases(dtypes):
        one, two = (searches(hidden, batch_size, n_jobs)[0] for n_jobs in (1, 2))
        calls = {
            name: trained_by("compiled", fit, X, y)
            for name, fit in zip(
                names, (one.fit, two.fit, partial(fit_by_processes, two)), strict=True
            )
        }
        for call in calls.values():
            call()
        seconds = in_turn(calls, repeats, time.perf_counter)
        cells += [f"{np.median(seconds[name]):.2f}" for name in names]
        cells += [f"{np.median(seconds[a] / seconds[b]):.2f}" for a, b in pairs]
        print(row(cells), flush=True)


def load_set(name, data_dir):
    if name == "breast cancer":
        return load_breast_cancer(return_X_y=True)
    if name == "digits":
        return load_digits(return_X_y=True)
    with np.load(Path(data_dir) / f"{name}.npz", allow_pickle=True) as arrays:
        X, y = arrays["X"], arrays["y"]
    return X.astype(np.float64), np.unique(y, return_inverse=True)[1]


def tuned_searches(n_rows, n_jobs):
    """The full search by scikit-learn, and skreg's halving one."""
    batch_size = min(200, n_rows * (N_FOLDS - 1) // N_FOLDS)
    theirs = model_selection.GridSearchCV(
        neural_network.MLPClassifier(random_state=0),
        {"alpha": TUNED_ALPHAS * batch_size, "learning_rate_init": LEARNING_RATES},
        cv=N_FOLDS,
        n_jobs=n_jobs,
    )
    ours = HalvingGridSearchCV(
        MLPClassifier(random_state=0),
        {"alpha": TUNED_ALPHAS, "learning_rate_init": LEARNING_RATES},
        cv=N_FOLDS,
        n_jobs=n_jobs,
    )
    return theirs, ours


def tuned(names, data_dir, n_splits, dtypes, n_jobs, uses_cpu_time):
    """Print a row a set and dtype: seconds to a tuned model, and its test score."""
    clock = time.process_time if uses_cpu_time else time.perf_counter
    timed = [SCIKIT_LEARN, *(NAMES[engine] for engine in ENGINES)]
    pairs = [(SCIKIT_LEARN, name) for name in timed[1:]]
    columns = ["set", "dtype", *(f"{name} s" for name in timed), *ratio_names(pairs)]
    columns += ["scikit-learn score", f"{timed[1]} score"]
    print(header([*columns, "difference", "its standard error"]))
    for name in names:
        X, y = load_set(name, data_dir)
        for dtype in dtypes:
            rounds, scores = [], []
            for seed in range(n_splits):
                X_train, X_test, y_train, y_test = model_selection.train_test_split(
                    X, y, test_size=0.3, random_state=seed, stratify=y
                )
                X_train, y_train = X_train[:MAX_ROWS], y_train[:MAX_ROWS]
                scaler = StandardScaler().fit(X_train)
                X_train, X_test = (
                    scaler.transform(part).astype(dtype) for part in (X_train, X_test)
                )
                theirs, ours = tuned_searches(len(X_train), n_jobs)
                found = {SCIKIT_LEARN: theirs}
                calls = {SCIKIT_LEARN: partial(theirs.fit, X_train, y_train)}
                for engine in ENGINES:
                    search = found[NAMES[engine]] = clone(ours)
                    calls[NAMES[engine]] = trained_by(
                        engine, search.fit, X_train, y_train
                    )
                if seed == 0:
                    # What has to be compiled or started is there before it is timed.
                    for each in timed[1:]:
                        calls[each]()
                rounds.append(in_turn(calls, 1, clock))
                scores.append([found[each].score(X_test, y_test) for each in timed[:2]])
            seconds = {
                each: np.concatenate([times[each] for times in rounds])
                for each in timed
            }
            difference = np.diff(scores, axis=1)[:, 0]
            error = difference.std(ddof=1) / np.sqrt(n_splits) if n_splits > 1 else 0
            cells = [name, dtype, *(f"{np.median(seconds[n]):.2f}" for n in timed)]
            cells += [f"{np.median(seconds[a] / seconds[b]):.1f}" for a, b in pairs]
            cells += [f"{mean:.4f}" for mean in np.mean(scores, axis=0)]
            cells += [f"{difference.mean():+.4f}", f"{error:.4f}"]
            print(row(cells), flush=True)


# By the table: how often it is measured, or how many splits there are.
REPEATS = {"equal-work": 9, "tuned": 5, "workers": 9, "threads": 5}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=REPEATS)
    parser.add_argument("--repeats", type=int, help="or splits, for `tuned`")
    parser.add_argument("--data", help="directory of .npz files, for `tuned`")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    parser.add_argument("--n-jobs", type=int, default=N_JOBS, help="for `tuned`")
    parser.add_argument(
        "--cpu-time", action="store_true", help="of one process, on busy machines"
    )
    arguments = parser.parse_args()
    if arguments.table == "workers" and "compiled" not in ENGINES:
        parser.error("The table of workers is of compiled functions. Install numba.")
    warnings.simplefilter("ignore")
    repeats = arguments.repeats or REPEATS[arguments.table]
    if arguments.table == "threads":
        ours, theirs = thread_pieces()
        _threads.print_table(ours, repeats, theirs)
        return
    print(f"{versions()}; medians of {repeats}.\n")
    if arguments.table == "equal-work":
        equal_work(repeats, arguments.dtypes)
    elif arguments.table == "workers":
        workers(repeats, arguments.dtypes)
    else:
        tuned(
            arguments.sets,
            arguments.data,
            repeats,
            arguments.dtypes,
            1 if arguments.cpu_time else arguments.n_jobs,
            arguments.cpu_time,
        )


if __name__ == "__main__":
    main()
