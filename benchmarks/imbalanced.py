"""What pays on tables with a rare class: weights, more rows, thresholds, calibration.

``python benchmarks/imbalanced.py run --data DIR --out FILE`` appends a JSON line for
each set, split and method, those in FILE left out; ``... table FILE`` writes the
Markdown tables.

`DIR` is described in ``_tables.py``; of its sets those with a rare class are used, as
two classes: the rare one, or all but the most frequent one, against the rest. Bundled
sets come with them, one class of which is made rare by leaving out rows. At most 3,000
training rows.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from statistics import mean, stdev

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
import scipy
import sklearn
from _tables import lines_of, read, split
from scipy.stats import rankdata
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
)
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from skreg import MLPClassifier
from skreg.augmentation import AugmentingResampler, GaussianNoise

N_SPLITS = 20
MEASURES = {
    "balanced accuracy": 1,
    "average precision": 1,
    "log-loss": -1,
    "seconds": -1,
}

# Sets of a folder, with what is positive there.
FOLDER_SETS = {
    "adult": lambda y: y == 1,
    "german_credit": lambda y: y == np.argmin(np.bincount(y)),
    "mammography": lambda y: y == 1,
    "page_blocks": lambda y: y != np.argmax(np.bincount(y)),
}


def bundled(load, positive, share):
    """A bundled set as rows of a class, of which only some are left, and the rest."""
    X, y = load(return_X_y=True)
    y = (y == positive).astype(int)
    rare, others = np.flatnonzero(y), np.flatnonzero(y == 0)
    n_rare = round(share / (1 - share) * len(others))
    rare = np.random.default_rng(0).choice(rare, n_rare, replace=False)
    rows = np.sort(np.concatenate([rare, others]))
    return X[rows], y[rows]


BUNDLED_SETS = {
    "breast_cancer, 10 %": (datasets.load_breast_cancer, 0, 0.1),
    "digits, eights, 4 %": (datasets.load_digits, 8, 0.04),
}


def sets_of(folder):
    """By name, a function that gives X and a y of zeros and ones."""
    sets = {name: lambda a=a: bundled(*a) for name, a in BUNDLED_SETS.items()}

    def of_folder(name, is_positive):
        X, y, _ = read(Path(folder) / f"{name}.npz")
        return X, is_positive(np.unique(y, return_inverse=True)[1]).astype(int)

    if folder is not None:
        sets |= {
            name: lambda name=name, rule=rule: of_folder(name, rule)
            for name, rule in FOLDER_SETS.items()
        }
    return sets


# -- methods ---------------------------------------------------------------------------


def network(seed, **params):
    return MLPClassifier(early_stopping=True, random_state=seed, **params)


def oversampling(seed, **params):
    resampler = AugmentingResampler(
        GaussianNoise(0.1), sampling_strategy="auto", random_state=seed
    )
    return network(seed, augmentation=resampler, **params)


METHODS = {
    "nothing": lambda seed, share: network(seed),
    "class_weight": lambda seed, share: network(seed, class_weight="balanced"),
    "oversampling": lambda seed, share: oversampling(seed),
    "threshold at the share": lambda seed, share: FixedThresholdClassifier(
        network(seed), threshold=share, response_method="predict_proba"
    ),
    "tuned threshold": lambda seed, share: TunedThresholdClassifierCV(
        network(seed), scoring="balanced_accuracy", cv=5, random_state=seed
    ),
    "calibrated": lambda seed, share: CalibratedClassifierCV(
        network(seed), method="sigmoid", cv=5, ensemble=False
    ),
    "class_weight, calibrated": lambda seed, share: CalibratedClassifierCV(
        network(seed, class_weight="balanced"), method="sigmoid", cv=5, ensemble=False
    ),
}


def run(folder, out, n_splits):
    done = {(row["set"], row["seed"], row["method"]) for row in lines_of(out)}
    # What is compiled is compiled here, so that no method's time holds it.
    network(0, max_iter=1).fit(np.eye(40), np.arange(40) % 2)
    for seed in range(n_splits):
        for name, load in sets_of(folder).items():
            missing = [m for m in METHODS if (name, seed, m) not in done]
            if not missing:
                continue
            X, X_test, y, y_test = split(*load(), "classification", seed)
            for method in missing:
                model = METHODS[method](seed, float(y.mean()))
                started = time.process_time()
                with warnings.catch_warnings():
                    # Folds of few positives warn; every method meets the same rows.
                    warnings.simplefilter("ignore")
                    model.fit(X, y)
                seconds = time.process_time() - started
                probability = model.predict_proba(X_test)[:, 1]
                row = {
                    "set": name,
                    "seed": seed,
                    "method": method,
                    "positive": int(y.sum()),
                    "rows": len(y),
                    "balanced accuracy": balanced_accuracy_score(
                        y_test, model.predict(X_test)
                    ),
                    "average precision": average_precision_score(y_test, probability),
                    "log-loss": log_loss(y_test, probability),
                    "seconds": seconds,
                }
                with Path(out).open("a") as file:
                    file.write(json.dumps(row) + "\n")
            print(seed, name, flush=True)


# -- tables ----------------------------------------------------------------------------


def table(path):
    rows = lines_of(path)
    names = list(dict.fromkeys(row["set"] for row in rows))
    of = {(row["set"], row["method"], row["seed"]): row for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    print(
        f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}; one thread. Mean and standard deviation over "
        f"{len(seeds)} splits."
    )
    for measure, sign in MEASURES.items():
        print(f"\n## {measure.capitalize()}\n")
        print("| set | positive of rows | " + " | ".join(METHODS) + " |")
        print("|---" * (len(METHODS) + 2) + "|")
        ranks = []
        for name in names:
            first = of[name, "nothing", seeds[0]]
            cells = [name, f"{first['positive']} of {first['rows']}"]
            means = []
            for method in METHODS:
                values = [of[name, method, seed][measure] for seed in seeds]
                means.append(mean(values))
                cells.append(f"{mean(values):.3f} ± {stdev(values):.3f}")
            # What differs by rounding alone ties.
            ranks.append(rankdata(np.round(-sign * np.array(means), 6)))
            print("| " + " | ".join(cells) + " |")
        cells = [f"{rank:.1f}" for rank in np.mean(ranks, axis=0)]
        print("| **mean rank** | | " + " | ".join(cells) + " |")
    print("\n## Splits in which a method is better than nothing\n")
    print("Of all splits of all sets; equal ones count half.\n")
    kinds = [method for method in METHODS if method != "nothing"]
    compared = [measure for measure in MEASURES if measure != "seconds"]
    print("| | " + " | ".join(compared) + " |")
    print("|---" * (len(compared) + 1) + "|")
    for method in kinds:
        cells = []
        for measure in compared:
            differences = MEASURES[measure] * np.array(
                [
                    of[name, method, seed][measure] - of[name, "nothing", seed][measure]
                    for name in names
                    for seed in seeds
                ]
            )
            won = np.mean((differences > 1e-9) + 0.5 * (abs(differences) <= 1e-9))
            cells.append(f"{won:.0%}")
        print(f"| {method} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--data", default=None)
    runner.add_argument("--out", required=True)
    runner.add_argument("--n-splits", type=int, default=N_SPLITS)
    writer = commands.add_parser("table")
    writer.add_argument("file")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.data, arguments.out, arguments.n_splits)
    else:
        table(arguments.file)


if __name__ == "__main__":
    main()
