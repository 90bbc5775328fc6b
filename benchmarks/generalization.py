"""How well the networks generalize beside other learners: test errors on tables.

``python benchmarks/generalization.py run --data DIR --out FILE`` appends a JSON line
for each set, split and method, those in FILE left out; a campaign that was interrupted
goes on where it stopped, and several processes may fill a file each. ``... table
FILE...`` writes the Markdown tables of all files together, ``... plot FILE... --out
DIR`` the pictures. ``--methods`` takes names or shell patterns, such as "skreg*".

`DIR`, the sets and their parts are described in ``_tables.py``. Every method gets the
same float64 columns, standardised or, of images, pixels from 0 to 1, and has its
defaults but for what its name says.
RealMLP-TD (Holzmueller, Grinsztajn and Steinwart, 2024) and LightGBM are installed by
``requirements-generalization.txt``, if need be in an environment of their own: skreg is
imported only by its own methods. A method that cannot be imported is left out, with a
message. Seconds are of the processor, on one thread.
"""

import argparse
import fnmatch
import json
import math
import platform
import sys
import time
import traceback
import warnings
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
import scipy
import sklearn
from _ranks import (
    COVERAGE,
    Results,
    Selection,
    comparison,
    every_set,
    markdown,
    summary,
)
from _tables import (
    BUNDLED_IMAGES,
    MOST_TRAINING_ROWS,
    PARTS,
    error_of,
    lines_of,
    sets_of,
    split,
    split_images,
)
from scipy import stats
from sklearn import ensemble, linear_model, neural_network
from sklearn.model_selection import GridSearchCV

N_SPLITS = 3
THEIR_PLAIN, THEIR_TUNED = "scikit-learn", "scikit-learn, tuned alpha"
# With which `table` compares the others.
AGAINST = "skreg, refit=5"
# Of the tables on which defaults were chosen and the others: for more power, and no
# verdict.
POOLED = "A and B together"
# One mistake that a method was sure of is not to decide its mean log loss.
LEAST_PROBABILITY = 1e-7


# -- methods ---------------------------------------------------------------------------


def of_kinds(classifier, regressor, **params):
    """A method that has a class for each task and the same parameters in both."""
    kinds = {"classification": classifier, "regression": regressor}
    return lambda task, seed, n_columns: kinds[task](random_state=seed, **params)


def their_network(**params):
    return of_kinds(neural_network.MLPClassifier, neural_network.MLPRegressor, **params)


def their_tuned_network(task, seed, n_columns):
    grid = {"alpha": np.logspace(-5, 0, 6)}
    return GridSearchCV(their_network()(task, seed, n_columns), grid, cv=3)


def linear(task, seed, n_columns):
    """The strength of the L2 penalty is cross-validated."""
    if task == "regression":
        return linear_model.RidgeCV(alphas=np.logspace(-3, 3, 13))
    # Accuracy is the same for so many strengths that it hardly chooses.
    return linear_model.LogisticRegressionCV(
        Cs=10,
        l1_ratios=(0,),
        scoring="neg_log_loss",
        max_iter=1000,
        use_legacy_attributes=False,
    )


def imported(module, stem, suffix="", **params):
    """A method of a module that may be missing, imported when it is asked for."""

    def make(task, seed, n_columns):
        kind = {"classification": "Classifier", "regression": "Regressor"}[task]
        try:
            found = getattr(import_module(module), f"{stem}{kind}{suffix}")
        except AttributeError as error:
            raise ImportError(str(error)) from error
        return found(random_state=seed, **params)

    return make


def realmlp(**params):
    return imported("pytabkit", "RealMLP_TD_", device="cpu", n_threads=1, **params)


def ours(**params):
    return imported("skreg.neural_network", "MLP", **params)


def ours_of_images(task, seed, n_columns):
    """A search in whose space images are turned, moved, scaled and sheared a little."""
    from skreg import MLPClassifierCV
    from skreg.augmentation import RandomAffine

    width = math.isqrt(n_columns)
    little = {"rotate": 10, "translate": 0.07, "scale": 0.1, "shear": 10}
    affine = RandomAffine((width, width), **little)
    space = {
        "scaling": ["none"],
        "augmentation": [None, affine, affine, affine],
        "hidden_layer_sizes": [(256,), (512,), (256, 256)],
        "learning_rate_init": stats.loguniform(1e-3, 1e-2),
        "learning_rate": ["cosine"],
        "max_iter": [100, 200],
        "dropout": [0.0, 0.1],
    }
    return MLPClassifierCV(space, random_state=seed)


# Functions of the task, the seed and the number of columns; the tables and the pictures
# keep this order.
METHODS = {
    "linear, tuned": linear,
    THEIR_PLAIN: their_network(),
    "scikit-learn, early stopping": their_network(early_stopping=True),
    THEIR_TUNED: their_tuned_network,
    "random forest": of_kinds(
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        n_estimators=300,
    ),
    "histogram boosting": of_kinds(
        ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor
    ),
    "LightGBM": imported("lightgbm", "LGBM", n_jobs=1, verbose=-1),
    "RealMLP-TD": realmlp(),
    # With nothing refitted, the networks of the folds are averaged.
    "RealMLP-TD, 8 folds": realmlp(n_cv=8, n_refit=0),
    "skreg": ours(),
    "skreg, early stopping": ours(early_stopping=True),
    "skreg, refit=True": ours(early_stopping=True, refit=True),
    "skreg, refit=5": ours(early_stopping=True, refit=5),
    "skreg, fold ensemble": imported("skreg.ensemble", "FoldEnsemble"),
    "skreg, CV": imported("skreg", "MLP", "CV"),
    "skreg, CV with RandomAffine": ours_of_images,
}
# They are left out on other sets.
METHODS_OF_IMAGES = {"skreg, CV with RandomAffine"}


def chosen(patterns):
    """The names of methods that match one of the shell patterns; all without any."""
    if not patterns:
        return list(METHODS)
    for pattern in patterns:
        if not fnmatch.filter(METHODS, pattern):
            raise SystemExit(f"No method is named {pattern!r}: {', '.join(METHODS)}")
    return [
        name
        for name in METHODS
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


@cache
def missing_import(method):
    """Why a method cannot be made, or None."""
    try:
        for task in ("classification", "regression"):
            METHODS[method](task, 0, n_columns=16)
    except ImportError as error:
        return str(error)


# -- running ---------------------------------------------------------------------------


def log_loss(model, X, y, classes):
    """Mean over rows; a class that the model has never seen has the least probability.

    The columns of a model are its own classes, which need not be those of training.
    """
    probabilities = np.zeros((len(X), len(classes)))
    places = np.searchsorted(classes, model.classes_)
    probabilities[:, places] = model.predict_proba(X)
    column = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    of_true = probabilities[np.arange(len(y)), column]
    of_true[classes[column] != y] = 0
    return float(-np.log(np.clip(of_true, LEAST_PROBABILITY, 1)).mean())


def n_iter_of(model):
    """Epochs, or rounds; the mean over networks where a model has several."""
    model = getattr(model, "best_estimator_", model)
    n_iter = getattr(model, "n_iter_", None)
    return None if n_iter is None else float(np.mean(n_iter))


def as_json(value):
    """What JSON does not know: NumPy's numbers, and anything by what it prints."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def measured(method, data, task, seed):
    """What a method adds to a line of results."""
    X, X_test, y, y_test = data
    model = METHODS[method](task, seed, X.shape[1])
    with warnings.catch_warnings():
        # Reaching max_iter is what is compared here, too.
        warnings.simplefilter("ignore")
        started = time.process_time()
        model.fit(X, y)
        seconds = time.process_time() - started
        started = time.process_time()
        prediction = np.asarray(model.predict(X_test)).reshape(len(X_test))
        predict_seconds = time.process_time() - started
        loss = None
        if task == "classification":
            loss = log_loss(model, X_test, y_test, np.unique(y))
    row = {
        "n_train": len(X),
        "n_features": X.shape[1],
        "error": error_of(prediction, y_test, task),
        "log_loss": loss,
        "seconds": seconds,
        "predict_seconds": predict_seconds,
        "n_iter": n_iter_of(model),
    }
    if hasattr(model, "best_params_"):
        row["extra"] = {"best_params": model.best_params_}
    return row


def in_order(folder, only, n_splits):
    """Yield parts, seeds, names and loading functions.

    By part, then by split, then small sets first, so that there are results early.
    """
    sets = {part: [] for part in PARTS}
    for name, (part, load) in sets_of(folder).items():
        if not only or part in only or name in only:
            n_rows, n_columns = load()[0].shape
            cost = min(n_rows, MOST_TRAINING_ROWS) * (50 + n_columns)
            sets[part].append((cost, name, load))
    for part in PARTS:
        for seed in range(n_splits):
            for _, name, load in sorted(sets[part]):
                yield part, seed, name, load


def run(folder, out, n_splits, methods, only):
    """Append to a file what it lacks."""
    out = Path(out)
    done = {(row["set"], row["seed"], row["method"]) for row in lines_of(out)}
    for method in methods:
        if missing_import(method) is not None:
            print(f"left out: {method} ({missing_import(method)})", flush=True)
    methods = [method for method in methods if missing_import(method) is None]
    n_failed = 0
    for part, seed, name, load in in_order(folder, only, n_splits):
        is_image = part == "C" or name in BUNDLED_IMAGES
        missing = [
            method
            for method in methods
            if (name, seed, method) not in done
            and (is_image or method not in METHODS_OF_IMAGES)
        ]
        if not missing:
            continue
        *data, task = load()
        data = split_images(*data, seed) if is_image else split(*data, task, seed)
        for method in missing:
            row = {"set": name, "part": part, "task": task, "seed": seed}
            row["method"] = method
            try:
                row |= measured(method, data, task, seed)
            except Exception:
                # The others of a long campaign need not wait for a repair.
                traceback.print_exc()
                n_failed += 1
                continue
            with out.open("a") as file:
                file.write(json.dumps(row, default=as_json) + "\n")
            result = f"{row['error']:.4f} in {row['seconds']:.1f} s"
            print(f"{part}, split {seed}, {name}, {method}: {result}", flush=True)
    if n_failed:
        raise SystemExit(f"{n_failed} fits failed.")


# -- tables and pictures ---------------------------------------------------------------


def selections(files, methods):
    """Yield a `Selection` for each part that has results, and for all of A and B."""
    everything = Results(row for file in files for row in lines_of(file))
    names_of = {title: everything.sets(part) for part, title in PARTS.items()}
    held_back, chosen_on = list(names_of.values())[:2]
    if held_back and chosen_on:
        names_of[POOLED] = sorted(held_back + chosen_on)
    for title, names in names_of.items():
        selection = Selection.of_complete(title, everything, names, methods)
        if THEIR_PLAIN in selection.methods and selection.names:
            yield selection
        elif names:
            note = selection.note or f"{THEIR_PLAIN!r} is missing."
            print(f"{title}: nothing to compare. {note}", file=sys.stderr)


def versions():
    """What is installed here, and what should be where LightGBM and RealMLP run."""
    found = {"scikit-learn": sklearn, "NumPy": np, "SciPy": scipy}
    if find_spec("skreg"):
        found = {"skreg": import_module("skreg")} | found
    parts = [f"{name} {module.__version__}" for name, module in found.items()]
    lines = Path(__file__).with_name("requirements-generalization.txt").read_text()
    parts += [line.replace("==", " ") for line in lines.splitlines() if "==" in line]
    return ", ".join([*parts, f"Python {platform.python_version()}"])


def table(files, methods, against):
    """Yield the lines of a page."""
    yield "# Generalization\n"
    yield "    python benchmarks/generalization.py run --data DIR --out FILE"
    yield "    python benchmarks/generalization.py table FILE...\n"
    yield f"{versions()}; float64, one thread; at most {MOST_TRAINING_ROWS} rows train."
    yield (
        "\nErrors are the share of wrong classes, or the mean squared error in units "
        "of the target's variance; log loss is of probabilities that are at least "
        f"{LEAST_PROBABILITY:g}. Ranks are among the methods of a table, 1 the best: "
        "the mean over sets and splits, and over sets that of the error's mean over "
        "splits. Ratios of errors are geometric means over sets, those of times the "
        "medians of the processor's seconds of training; of shares of sets, ties count "
        f"half. In parentheses: {COVERAGE:.0%} bootstrap intervals over sets."
    )
    for selection in selections(files, methods):
        for each in selection.with_tasks():
            yield f"\n## {each}\n"
            if each.note:
                yield f"{each.note}\n"
            yield from markdown(summary(each, THEIR_PLAIN, THEIR_TUNED))
            if against in each.methods:
                yield f"\nMinus {against}, or over it, and how often better than it:\n"
                yield from markdown(comparison(each, against))
        if selection.title != POOLED:
            yield f"\n### Errors on every set: {selection.title}\n"
            yield from markdown(every_set(selection, "error"))
            classes = selection.of("classification")
            if classes.names:
                yield f"\n### Log loss on every set: {selection.title}\n"
                yield from markdown(every_set(classes, "log_loss"))


def plot(files, methods, folder):
    """Save pictures, and print their paths."""
    import _pictures

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for selection in selections(files, methods):
        for each in selection.with_tasks():
            for name, draw in {
                "critical-difference": _pictures.critical_difference,
                "time-and-error": partial(_pictures.time_and_error, base=THEIR_PLAIN),
            }.items():
                figure = draw(each)
                if figure is not None:
                    path = folder / f"{name}-{each.slug}.png"
                    figure.savefig(path)
                    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--data", default=None)
    runner.add_argument("--out", required=True)
    runner.add_argument("--splits", type=int, default=N_SPLITS)
    runner.add_argument("--only", nargs="+", help="parts or sets")
    writer = commands.add_parser("table")
    writer.add_argument("files", nargs="+")
    writer.add_argument("--against", default=AGAINST, choices=METHODS, metavar="METHOD")
    plotter = commands.add_parser("plot")
    plotter.add_argument("files", nargs="+")
    plotter.add_argument("--out", required=True, help="a folder")
    for command in (runner, writer, plotter):
        command.add_argument("--methods", nargs="+", help='names or patterns: "skreg*"')
    arguments = parser.parse_args()
    methods = chosen(arguments.methods)
    if arguments.command == "run":
        run(arguments.data, arguments.out, arguments.splits, methods, arguments.only)
    elif arguments.command == "table":
        for line in table(arguments.files, methods, arguments.against):
            print(line)
    else:
        plot(arguments.files, methods, arguments.out)


if __name__ == "__main__":
    main()
