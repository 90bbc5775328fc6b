"""Whether early stopping helps: test error and time with it and without it.

``python benchmarks/early_stopping.py run --data DIR --out FILE`` appends a JSON line
for each set, split and method, those in FILE left out; ``... table FILE`` writes the
Markdown tables. ``... choose --data DIR FILE`` compares values of `n_iter_no_change`
and `max_iter` on the sets on which defaults are chosen, with FILE's other methods.
``... threads`` compares wall times on digits with the threads that BLAS takes by
default.

`DIR`, the sets and their parts are described in ``_tables.py``. All networks have their
defaults but for what the method's name says. Seconds are of the processor, on one BLAS
thread.
"""

import argparse
import itertools
import json
import platform
import time
import warnings
from functools import partial
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
import scipy
import sklearn
from _ranks import Results, error_ratios, share_won, time_ratios
from _tables import (
    BUNDLED,
    MOST_TRAINING_ROWS,
    PARTS,
    error_of,
    lines_of,
    sets_of,
    split,
)
from scipy.stats import rankdata
from sklearn import neural_network

import skreg
from skreg.neural_network import MLPClassifier, MLPRegressor, Patience

N_SPLITS = 3

THEIRS = {
    "classification": neural_network.MLPClassifier,
    "regression": neural_network.MLPRegressor,
}
OURS = {"classification": MLPClassifier, "regression": MLPRegressor}

# The ranks are among these.
METHODS = {
    "scikit-learn": (THEIRS, {}),
    "scikit-learn, early stopping": (THEIRS, {"early_stopping": True}),
    "skreg": (OURS, {}),
    "skreg, early stopping": (OURS, {"early_stopping": True}),
    "skreg, refit=True": (OURS, {"early_stopping": True, "refit": True}),
    "skreg, refit=5": (OURS, {"early_stopping": True, "refit": 5}),
}
CRITERIA = {
    f"skreg, {name}": (OURS, {"early_stopping": True, "stopping_criterion": name})
    for name in ("generalization_loss", "progress_quotient", "successive_increases")
}
PLAIN = "skreg"
THEIR_STOPPED, THEIR_PLAIN = "scikit-learn, early stopping", "scikit-learn"

# What `choose` compares.
PATIENCES = [10, 30, 50, 75, 100, 150]
MAX_ITERS = [200, 400, 600, 800]


# -- running ---------------------------------------------------------------------------


def run(folder, out, n_splits, methods, only=None):
    out = Path(out)
    done = {(row["set"], row["seed"], row["method"]) for row in lines_of(out)}
    for seed in range(n_splits):
        for name, (part, load) in sets_of(folder).items():
            if only is not None and part not in only and name not in only:
                continue
            missing = [m for m in methods if (name, seed, m) not in done]
            if not missing:
                continue
            *data, task = load()
            X, X_test, y, y_test = split(*data, task, seed)
            for method in missing:
                kinds, params = methods[method]
                network = kinds[task](random_state=seed, **params)
                started = time.process_time()
                with warnings.catch_warnings():
                    # Reaching max_iter is what is compared here, too.
                    warnings.simplefilter("ignore")
                    network.fit(X, y)
                seconds = time.process_time() - started
                row = {
                    "set": name,
                    "part": part,
                    "task": task,
                    "seed": seed,
                    "method": method,
                    "error": error_of(network.predict(X_test), y_test, task),
                    "seconds": seconds,
                    "n_iter": network.n_iter_,
                }
                with out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            print(seed, name, flush=True)


def fit_of(method):
    """The fit of a method to digits, to be timed."""
    kinds, params = METHODS[method]
    load, task = BUNDLED["digits"]
    X, _, y, _ = split(*load(return_X_y=True), task, 0)
    return partial(kinds[task](random_state=0, **params).fit, X, y)


# -- choosing the defaults -------------------------------------------------------------


def long_training(X, X_test, y, y_test, task, seed):
    """Of every epoch of a long training, the validation score and the test error."""
    errors = []

    def scoring(network, X_val, y_val):
        errors.append(error_of(network.predict(X_test), y_test, task))
        return 0.0

    network = OURS[task](
        random_state=seed,
        early_stopping=True,
        scoring=scoring,
        max_iter=max(MAX_ITERS),
        n_iter_no_change=np.inf,
    ).fit(X, y)
    # The monitored loss of a regression is in units of the best constant's, which for
    # a standardised target is a half.
    unit = 0.5 if task == "regression" else 1.0
    return -np.array(network.validation_loss_curve_) / unit, np.array(errors)


def stopping_point(scores, patience, max_iter):
    """The best epoch, and the last one, from 0."""
    criterion = Patience(patience, tol=OURS["classification"]().tol)
    last = next(
        (
            epoch
            for epoch, score in enumerate(scores[:max_iter])
            if criterion.update(score)
        ),
        min(max_iter, len(scores)) - 1,
    )
    return int(np.argmax(scores[: last + 1])), last


def choose(folder, path):
    """Print a row for each pair of `n_iter_no_change` and `max_iter`."""
    results = Results(lines_of(path))
    names = results.sets("chosen on")
    sets = sets_of(folder)
    curves = {}
    for name in names:
        for seed in range(results.n_splits_of(name)):
            *data, task = sets[name][1]()
            curves[name, seed] = long_training(*split(*data, task, seed), task, seed)
    rivals = [THEIR_PLAIN, THEIR_STOPPED, PLAIN]
    print(
        "| n_iter_no_change | max_iter | mean rank of four | error / scikit-learn's "
        "| better than scikit-learn | than skreg without | epochs |"
    )
    print("|---|---|---|---|---|---|---|")
    methods = ["this", *rivals]
    of_rivals = results.errors(names, rivals)
    for max_iter, patience in itertools.product(MAX_ITERS, PATIENCES):
        stops = {
            key: stopping_point(scores, patience, max_iter)
            for key, (scores, _) in curves.items()
        }
        of_this = [
            np.mean([curves[key][1][stops[key][0]] for key in curves if key[0] == name])
            for name in names
        ]
        errors = np.column_stack([of_this, of_rivals])
        ratio = error_ratios(errors, methods, THEIR_PLAIN)[0]
        print(
            f"| {patience} | {max_iter} "
            f"| {rankdata(errors, axis=1).mean(axis=0)[0]:.2f} | {ratio:.3f} "
            f"| {share_won(errors, methods, 'this', THEIR_PLAIN):.0%} "
            f"| {share_won(errors, methods, 'this', PLAIN):.0%} "
            f"| {np.mean([last + 1 for _, last in stops.values()]):.0f} |",
            flush=True,
        )


# -- tables ----------------------------------------------------------------------------


def summary(results, part, methods, ranked):
    """Lines of a table with a row a method."""
    names = results.sets(part)
    errors = results.errors(names, methods)
    places = [methods.index(method) for method in ranked]
    ranks = np.full((2, len(methods)), np.nan)
    of_splits = np.concatenate([results.of_splits(name, ranked) for name in names])
    ranks[0, places] = rankdata(of_splits, axis=1).mean(axis=0)
    ranks[1, places] = rankdata(errors[:, places], axis=1).mean(axis=0)
    ratios = error_ratios(errors, methods, THEIR_PLAIN)
    times = time_ratios(results, names, methods, THEIR_PLAIN)
    lines = [
        "| method | mean rank | of mean errors | error / scikit-learn's "
        "| better than scikit-learn | ... than its early stopping "
        "| time / scikit-learn's | epochs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for column, method in enumerate(methods):
        epochs = np.mean([results.mean(name, method, "n_iter") for name in names])
        rank = " | ".join(
            "" if np.isnan(rank) else f"{rank:.2f}" for rank in ranks[:, column]
        )
        lines.append(
            f"| {method} | {rank} | {ratios[column]:.3f} "
            f"| {share_won(errors, methods, method, THEIR_PLAIN):.0%} "
            f"| {share_won(errors, methods, method, THEIR_STOPPED):.0%} "
            f"| {times[column]:.2f} | {epochs:.0f} |"
        )
    return lines


def table(path, command):
    results = Results(lines_of(path))
    ranked = results.methods(METHODS)
    methods = ranked + results.methods(CRITERIA)
    lines = [
        "# Early stopping",
        "",
        f"`{command}`",
        "",
        f"skreg {skreg.__version__}, scikit-learn {sklearn.__version__}, NumPy "
        f"{np.__version__}, SciPy {scipy.__version__}, Python "
        f"{platform.python_version()}; float64, one BLAS thread; at most "
        f"{MOST_TRAINING_ROWS} training rows.",
        "",
        "Errors are the share of wrong classes, or the mean squared error in units of "
        "the target's variance. Ranks are among the methods that have one: the mean "
        "over sets and splits, and over sets that of the error's mean over splits. "
        '"Error / scikit-learn\'s" is the geometric mean over the sets, "time" the '
        "median of the processor's seconds; of shares of sets, ties count half.",
    ]
    for part, title in PARTS.items():
        names = results.sets(part)
        if names:
            n_splits = results.n_splits_of(names[0])
            lines += ["", f"## {title} ({len(names)} sets, {n_splits} splits)", ""]
            lines += summary(results, part, methods, ranked)
    lines += ["", "## Every set", "", "| set | part | " + " | ".join(methods) + " |"]
    lines.append("|---|---|" + "---|" * len(methods))
    for part in PARTS:
        for name in results.sets(part):
            (errors,) = results.errors([name], methods)
            cells = " | ".join(f"{error:.4f}" for error in errors)
            lines.append(f"| {name} | {part} | {cells} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--data", default=None)
    runner.add_argument("--out", required=True)
    runner.add_argument("--splits", type=int, default=N_SPLITS)
    runner.add_argument("--only", nargs="+", help="parts or sets")
    runner.add_argument("--no-criteria", action="store_true")
    writer = commands.add_parser("table")
    writer.add_argument("file")
    timer = commands.add_parser("threads")
    timer.add_argument("--repeats", type=int, default=5)
    chooser = commands.add_parser("choose")
    chooser.add_argument("--data", required=True)
    chooser.add_argument("file")
    arguments = parser.parse_args()
    if arguments.command == "run":
        methods = METHODS if arguments.no_criteria else METHODS | CRITERIA
        run(arguments.data, arguments.out, arguments.splits, methods, arguments.only)
    elif arguments.command == "threads":
        pieces = {method: (__file__, "fit_of", method) for method in METHODS}
        _threads.print_table(pieces, arguments.repeats)
    elif arguments.command == "choose":
        choose(arguments.data, arguments.file)
    else:
        command = "python benchmarks/early_stopping.py run --data DIR --out FILE"
        print(table(arguments.file, command), end="")


if __name__ == "__main__":
    main()
