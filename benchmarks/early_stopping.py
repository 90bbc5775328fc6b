"""Whether early stopping helps: test error and time with it and without it.

``python benchmarks/early_stopping.py run --data DIR --out FILE`` appends a JSON line
for each set, split and method, those in FILE left out; ``... table FILE`` writes the
Markdown tables. ``... choose --data DIR FILE`` compares values of `n_iter_no_change`
and `max_iter` on the sets on which defaults are chosen, with FILE's other methods.
``... threads`` compares wall times on digits with the threads that BLAS takes by
default.

`DIR` holds ``<set>.npz`` with `X` (NaN where missing), `y` and ``meta``, JSON with
"task" and "group": A for tables of classes, B for tables of numbers, C for images;
other groups are left out. Without ``--data`` there are scikit-learn's bundled sets
alone. Every other set of A and B, by name, is where defaults were chosen ("chosen on");
the verdict is that of the others ("held back"). Training rows are capped; columns, and
the target of a regression, are standardised by them. All networks have their defaults
but for what the method's name says. Seconds are of the processor, on one BLAS thread.
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
from scipy.stats import rankdata
from sklearn import datasets, neural_network
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from skreg.neural_network import MLPClassifier, MLPRegressor, Patience

N_SPLITS = 3
MOST_TRAINING_ROWS = 3000
MOST_TEST_ROWS = 5000
TEST_SHARE = 0.25

BUNDLED = {
    "breast_cancer": (datasets.load_breast_cancer, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
    "digits": (datasets.load_digits, "classification"),
    "iris": (datasets.load_iris, "classification"),
    "wine": (datasets.load_wine, "classification"),
}

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

PARTS = {
    "held back": "A and B, held back",
    "chosen on": "A and B, chosen on",
    "C": "C, images",
    "bundled": "scikit-learn's bundled sets",
}


# -- data ------------------------------------------------------------------------------


def read(path):
    with np.load(path, allow_pickle=False) as file:
        meta = json.loads(str(file["meta"]))
        return file["X"].astype(np.float64), file["y"], meta["task"]


def sets_of(folder):
    """By name: (part, function that gives X, y and the task)."""
    sets = {}
    if folder is not None:
        group_of = {}
        for path in sorted(Path(folder).glob("*.npz")):
            with np.load(path, allow_pickle=False) as file:
                group_of[path.stem] = json.loads(str(file["meta"]))["group"]
        tables = sorted(name for name, group in group_of.items() if group in "AB")
        parts = dict.fromkeys(tables, "held back")
        parts |= dict.fromkeys(tables[::2], "chosen on")
        parts |= {name: "C" for name, group in group_of.items() if group == "C"}
        for name, part in parts.items():
            path = Path(folder) / f"{name}.npz"
            sets[name] = part, lambda path=path: read(path)
    for name, (load, task) in BUNDLED.items():
        sets[name] = (
            "bundled",
            lambda load=load, task=task: (
                *load(return_X_y=True),
                task,
            ),
        )
    return sets


def split(X, y, task, seed):
    """Scaled training and test rows."""
    classes = y if task == "classification" else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, random_state=seed, stratify=classes
    )
    X, y = X[:MOST_TRAINING_ROWS], y[:MOST_TRAINING_ROWS]
    X_test, y_test = X_test[:MOST_TEST_ROWS], y_test[:MOST_TEST_ROWS]
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    X, X_test = scaler.fit_transform(X), scaler.transform(X_test)
    if task == "regression":
        mean, deviation = y.mean(), y.std()
        y, y_test = (y - mean) / deviation, (y_test - mean) / deviation
    return X, X_test, y, y_test


def error_of(network, X, y, task):
    """Share of wrong classes, or mean squared error in units of y's variance."""
    prediction = network.predict(X)
    if task == "classification":
        return float(np.mean(prediction != y))
    return float(np.mean((prediction - y) ** 2))


# -- running ---------------------------------------------------------------------------


def run(folder, out, n_splits, methods, only=None):
    out = Path(out)
    rows = out.read_text().splitlines() if out.exists() else []
    done = {
        tuple(json.loads(row)[key] for key in ("set", "seed", "method")) for row in rows
    }
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
                    "error": error_of(network, X_test, y_test, task),
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
        errors.append(error_of(network, X_test, y_test, task))
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
    results = Results(path)
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
        ratio = error_ratios(errors, methods)[0]
        print(
            f"| {patience} | {max_iter} "
            f"| {rankdata(errors, axis=1).mean(axis=0)[0]:.2f} | {ratio:.3f} "
            f"| {share_won(errors, methods, 'this', THEIR_PLAIN):.0%} "
            f"| {share_won(errors, methods, 'this', PLAIN):.0%} "
            f"| {np.mean([last + 1 for _, last in stops.values()]):.0f} |",
            flush=True,
        )


# -- tables ----------------------------------------------------------------------------


class Results:
    """Means over splits, by set and method."""

    def __init__(self, path):
        rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
        self.part_of = {row["set"]: row["part"] for row in rows}
        self._of = {}
        for row in rows:
            self._of.setdefault((row["set"], row["method"]), []).append(row)

    def sets(self, part):
        return sorted(name for name, of in self.part_of.items() if of == part)

    def methods(self, known):
        present = {method for _, method in self._of}
        return [method for method in known if method in present]

    def n_splits_of(self, name):
        return len(self._of[name, THEIR_PLAIN])

    def mean(self, name, method, key):
        return float(np.mean([row[key] for row in self._of[name, method]]))

    def of_splits(self, name, methods):
        """Errors of shape (splits, methods)."""
        columns = []
        for method in methods:
            of_seed = {row["seed"]: row["error"] for row in self._of[name, method]}
            columns.append([of_seed[seed] for seed in sorted(of_seed)])
        return np.array(columns).T

    def errors(self, names, methods):
        return np.array(
            [[self.mean(name, method, "error") for method in methods] for name in names]
        )


def share_won(errors, methods, one, other):
    """Share of sets on which one method's error is less than the other's; ties half."""
    difference = errors[:, methods.index(one)] - errors[:, methods.index(other)]
    return float(np.mean((difference < 0) + 0.5 * (difference == 0)))


def error_ratios(errors, methods):
    """Each method's error over that of scikit-learn's plain network, geometric mean."""
    plain = errors[:, [methods.index(THEIR_PLAIN)]]
    # Zero has no logarithm, and errors close to it are not to decide a mean.
    return np.exp(np.log((errors + 1e-3) / (plain + 1e-3)).mean(axis=0))


def summary(results, part, methods, ranked):
    """Lines of a table with a row a method."""
    names = results.sets(part)
    errors = results.errors(names, methods)
    places = [methods.index(method) for method in ranked]
    ranks = np.full((2, len(methods)), np.nan)
    of_splits = np.concatenate([results.of_splits(name, ranked) for name in names])
    ranks[0, places] = rankdata(of_splits, axis=1).mean(axis=0)
    ranks[1, places] = rankdata(errors[:, places], axis=1).mean(axis=0)
    ratios = error_ratios(errors, methods)
    seconds = np.array(
        [
            [results.mean(name, method, "seconds") for method in methods]
            for name in names
        ]
    )
    quotients = seconds / seconds[:, [methods.index(THEIR_PLAIN)]]
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
            f"| {np.median(quotients[:, column]):.2f} | {epochs:.0f} |"
        )
    return lines


def table(path, command):
    results = Results(path)
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
