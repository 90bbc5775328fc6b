"""What the defaults with early stopping might be, on the tables that chose them.

``python benchmarks/stopping_defaults.py run --data DIR --out FILE`` appends a JSON line
for each set, split and variant, those in FILE left out; ``... table FILE`` writes the
Markdown table. `DIR` and its parts are described in ``_tables.py``; the sets are those
that are "chosen on", and no verdict. Errors are compared with those of scikit-learn's
network without early stopping, with its defaults.
"""

import argparse
import json
import time
import warnings
from collections import defaultdict
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _tables import error_of, lines_of, sets_of, split
from scipy.special import log_softmax
from sklearn import neural_network as theirs

from skreg import neural_network as ours

N_SPLITS = 3
BASE = "scikit-learn"
# A table on which a method makes no error would make all ratios zero.
LEAST_ERROR = 1e-4


class TemperedLoss:
    """Minus the log-loss at the temperature that is best for it.

    Berta, Holzmueller, Jordan and Bach ("Rethinking early stopping: refine, then
    calibrate", 2025) stop training by it. A prior of so many rows holds the inverse
    temperature near one; a few Newton steps find it, for the loss is convex in it.
    """

    def __init__(self, prior):
        self.prior = prior

    def __call__(self, network, X, y):
        logits = np.log(np.maximum(network.predict_proba(X), 1e-12))
        of_true = logits[y[:, None] == network.classes_]
        inverse = 1.0
        for _ in range(6):
            p = np.exp(log_softmax(inverse * logits, axis=1))
            mean = (p * logits).sum(axis=1)
            slope = (mean - of_true).sum() + (inverse - 1) * self.prior
            curvature = ((p * logits**2).sum(axis=1) - mean**2).sum() + self.prior
            inverse = np.clip(inverse - slope / max(curvature, 1e-9), 0.05, 20)
        tempered = log_softmax(inverse * logits, axis=1)
        return tempered[y[:, None] == network.classes_].mean()


def cosine(n_epochs, **params):
    end = {"max_iter": n_epochs, "n_iter_no_change": n_epochs}
    return {"learning_rate": "cosine", **end, **params}


# Parameters besides `early_stopping`; "batches" is the number of minibatches an epoch.
VARIANTS = {
    "the defaults": {},
    "n/15 rows a minibatch": {"batches": 15},
    "n/60": {"batches": 60},
    "learning_rate_init=0.001": {"learning_rate_init": 0.001},
    "0.01": {"learning_rate_init": 0.01},
    "n_iter_no_change=10": {"n_iter_no_change": 10},
    "30": {"n_iter_no_change": 30},
    "validation_fraction=0.05": {"validation_fraction": 0.05},
    "validation_fraction=0.2": {"validation_fraction": 0.2},
    "weight_averaging=0.95": {"weight_averaging": 0.95},
    "weight_averaging=0.99": {"weight_averaging": 0.99},
    "weight_averaging=0.999": {"weight_averaging": 0.999},
    "cosine, 100 epochs": cosine(100),
    "cosine, 200 epochs": cosine(200),
    "cosine, 400 epochs": cosine(400),
    "cosine, 600 epochs": cosine(600),
    "cosine, 400 epochs, rate 0.005": cosine(400, learning_rate_init=0.005),
    "cosine, 300 epochs, rate 0.01": cosine(300, learning_rate_init=0.01),
    "cosine, 400, 0.005, averaging 0.95": cosine(
        400, learning_rate_init=0.005, weight_averaging=0.95
    ),
    "beta_2=0.95": {"beta_2": 0.95},
    "dropout=0.1": {"dropout": 0.1},
    "dropout=0.1, falling": {"dropout": 0.1, "dropout_schedule": "cosine"},
    "label_smoothing=0.05": {"label_smoothing": 0.05},
    "alpha=0.001": {"alpha": 1e-3},
    "refit=True": {"refit": True},
    "scoring='accuracy'": {"scoring": "accuracy"},
    "log-loss at the best temperature": {"scoring": TemperedLoss(0)},
    "the same, with a prior": {"scoring": TemperedLoss(5)},
}
OF_CLASSES = {"label_smoothing", "scoring"}


def made(variant, task, seed, n_train):
    """The network of a variant; None if it is for classes alone and the task is not."""
    kind = {"classification": "MLPClassifier", "regression": "MLPRegressor"}[task]
    if variant == BASE:
        return getattr(theirs, kind)(random_state=seed)
    params = dict(VARIANTS[variant])
    if task == "regression" and OF_CLASSES & params.keys():
        return None
    n_batches = params.pop("batches", None)
    if n_batches is not None:
        params["batch_size"] = min(max(round(0.9 * n_train / n_batches), 4), 200)
    return getattr(ours, kind)(early_stopping=True, random_state=seed, **params)


def run(folder, out):
    out = Path(out)
    done = {(row["set"], row["seed"], row["variant"]) for row in lines_of(out)}
    for variant in [BASE, *VARIANTS]:
        for name, (part, load) in sets_of(folder).items():
            for seed in range(N_SPLITS):
                if part != "chosen on" or (name, seed, variant) in done:
                    continue
                *data, task = load()
                X, X_test, y, y_test = split(*data, task, seed)
                network = made(variant, task, seed, len(X))
                if network is None:
                    continue
                started = time.process_time()
                network.fit(X, y)
                row = {"set": name, "task": task, "seed": seed, "variant": variant}
                row["seconds"] = time.process_time() - started
                row["error"] = error_of(network.predict(X_test), y_test, task)
                with out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        print(variant, flush=True)


def table(path):
    """Yield the lines of a page."""
    errors, seconds = defaultdict(dict), defaultdict(dict)
    task_of = {}
    for row in lines_of(path):
        of_set = errors[row["variant"]].setdefault(row["set"], {})
        of_set[row["seed"]] = row["error"]
        seconds[row["variant"]][row["set"], row["seed"]] = row["seconds"]
        task_of[row["set"]] = row["task"]
    yield "| with early stopping | all | classes | numbers | better | time |"
    yield "|---|---|---|---|---|---|"
    for variant in VARIANTS:
        ratios, wins = {}, []
        for name, by_seed in errors[variant].items():
            base = errors[BASE][name]
            pairs = [(by_seed[seed], base[seed]) for seed in by_seed]
            own, other = np.maximum(np.mean(pairs, axis=0), LEAST_ERROR)
            ratios[name] = own / other
            wins += [(a < b) + (a == b) / 2 for a, b in pairs]
        cells = [ratios] + [
            {name: each for name, each in ratios.items() if task_of[name] == task}
            for task in ("classification", "regression")
        ]
        if len(ratios) < len(errors[BASE]):
            # Of classes alone.
            cells[0] = {}
        means = [
            f"{np.exp(np.mean(np.log(list(each.values())))):.3f}" if each else ""
            for each in cells
        ]
        times = [seconds[variant][key] / seconds[BASE][key] for key in seconds[variant]]
        share, time_ratio = f"{np.mean(wins):.0%}", f"{np.median(times):.2f}"
        yield f"| {' | '.join([variant, *means, share, time_ratio])} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--data", required=True)
    runner.add_argument("--out", required=True)
    commands.add_parser("table").add_argument("file")
    arguments = parser.parse_args()
    if arguments.command == "table":
        for line in table(arguments.file):
            print(line)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(arguments.data, arguments.out)


if __name__ == "__main__":
    main()
