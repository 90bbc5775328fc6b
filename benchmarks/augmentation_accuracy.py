"""What augmentation inside `fit` does to the test error of images and tables.

``python benchmarks/augmentation_accuracy.py run --data DIR --out FILE`` appends a JSON
line for each set and split, those in FILE left out; ``... table FILE`` writes the
Markdown tables. ``... threads`` compares wall times on digits with the threads that
BLAS takes by default.

`DIR` holds ``<set>.npz`` with `X`, `y` and ``meta``, JSON whose "onehot_groups" lists
(name, first, stop) of one-hot columns: mnist_10k, usps, coil20 and the classification
tables below, mostly of UCI; mnist_10k has `split` too, 0 for training images and 1 for
test images. Without ``--data`` there are scikit-learn's bundled sets. Nothing is tuned
on test rows: images have one augmentation for all sets, tables what cross-validation on
the training rows finds best by the measure at hand.
"""

import argparse
import json
import platform
import time
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
import scipy
import sklearn
from scipy.stats import rankdata
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.augmentation import CutMix, GaussianNoise, Mixup, RandomAffine, SwapNoise
from skreg.model_selection import GridSearchCV

N_SPLITS = 3
MOST_TRAINING_ROWS = 3000
TEST_SHARE = 0.25

IMAGES = {
    "mnist_10k": (28, 28),
    "usps": (16, 16),
    "coil20": (32, 32),
    "digits": (8, 8),
}
AFFINE = dict(rotate=15, scale=0.12, translate=0.1)
IMAGE_EPOCHS = 200

TABLES = (
    ["sonar", "glass", "ionosphere", "pima", "vehicle", "german_credit", "car"]
    + ["splice", "spambase", "waveform", "phoneme", "page_blocks", "mammography"]
    + ["letter", "adult"]
)
BUNDLED = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
}
# As many for small tables as for large ones, which epochs would not give.
TABLE_UPDATES = 5000
TABLE_BATCH = 64
N_FOLDS = 3
STOPPING = {
    "to the end": dict(n_iter_no_change=np.inf),
    "early stopping": dict(early_stopping=True, n_iter_no_change=20),
}


def candidates(one_hot_groups):
    groups = dict(one_hot_groups=one_hot_groups)
    return {
        "none": None,
        "noise": GaussianNoise(0.2, **groups),
        "swap noise": SwapNoise(0.1, **groups),
        "mixup": Mixup(0.4, **groups),
        "CutMix": CutMix(1.0, p=0.5, **groups),
    }


# -- data ------------------------------------------------------------------------------


def load_set(name, data_dir):
    """X (float32), y, the groups of one-hot columns, and a mask of the test rows."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        return X.astype(np.float32), y, None, None
    with np.load(Path(data_dir) / f"{name}.npz") as arrays:
        groups = json.loads(str(arrays["meta"])).get("onehot_groups")
        if groups is not None:
            groups = [list(range(first, stop)) for _, first, stop in groups]
        is_test = arrays["split"] == 1 if "split" in arrays else None
        return arrays["X"].astype(np.float32), arrays["y"], groups, is_test


def split_rows(y, is_test, seed):
    """Training rows, at most so many, and test rows."""
    rows = np.arange(len(y))
    if is_test is not None:
        train, test = rows[~is_test], rows[is_test]
    else:
        train, test = train_test_split(
            rows, test_size=TEST_SHARE, stratify=y, random_state=seed
        )
    return np.random.RandomState(seed).permutation(train)[:MOST_TRAINING_ROWS], test


# -- runs ------------------------------------------------------------------------------


def evaluate(model, X, y):
    probability = model.predict_proba(X)
    return {
        "error": float(np.mean(model.classes_[probability.argmax(axis=1)] != y)),
        "log-loss": float(log_loss(y, probability, labels=model.classes_)),
    }


def run_images(name, seed, data_dir):
    """Records of one split of images, with and without augmentation."""
    X, y, _, is_test = load_set(name, data_dir)
    X = X / X.max()
    train, test = split_rows(y, is_test, seed)
    record = {"n_train": len(train), "methods": {}}
    affine = RandomAffine(IMAGES[name], **AFFINE)
    for method, augmentation in (("none", None), ("affine", affine)):
        network = MLPClassifier(
            (256,),
            augmentation=augmentation,
            max_iter=IMAGE_EPOCHS,
            n_iter_no_change=np.inf,
            random_state=seed,
        )
        started = time.process_time()
        network.fit(X[train], y[train])
        seconds = time.process_time() - started
        result = evaluate(network, X[test], y[test])
        record["methods"][method] = {**result, "seconds": seconds}
    return record


def fit_of(is_augmented):
    """The fit of images of digits, to be timed."""
    X, y, _, _ = load_set("digits", None)
    augmentation = RandomAffine(IMAGES["digits"], **AFFINE) if is_augmented else None
    network = MLPClassifier(
        (256,),
        augmentation=augmentation,
        max_iter=10,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    return partial(network.fit, X / X.max(), y)


def threads(args):
    """Wall times of fits with the threads that BLAS takes by default."""
    pieces = {
        "digits, none": (__file__, "fit_of", False),
        "digits, affine": (__file__, "fit_of", True),
    }
    _threads.print_table(pieces, args.repeats)


def run_table(name, stopping, seed, data_dir):
    """Records of one split of a table: every candidate, cross-validated and tested."""
    X, y, groups, is_test = load_set(name, data_dir)
    train, test = split_rows(y, is_test, seed)
    epochs = -(-TABLE_UPDATES // -(-len(train) // TABLE_BATCH))
    network = MLPClassifier(
        (100,),
        batch_size=TABLE_BATCH,
        # The same for both ways to stop.
        learning_rate_init=1e-3,
        max_iter=epochs,
        random_state=seed,
        **STOPPING[stopping],
    )
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        network,
    )
    methods = candidates(groups)
    search = GridSearchCV(
        model,
        {"mlpclassifier__augmentation": list(methods.values())},
        scoring=("neg_log_loss", "accuracy"),
        refit=False,
        cv=StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed),
    ).fit(X[train], y[train])
    record = {"n_train": len(train), "methods": {}}
    for index, (method, augmentation) in enumerate(methods.items()):
        model.set_params(mlpclassifier__augmentation=augmentation)
        result = evaluate(model.fit(X[train], y[train]), X[test], y[test])
        result["cv log-loss"] = -search.cv_results_["mean_test_neg_log_loss"][index]
        result["cv error"] = 1 - search.cv_results_["mean_test_accuracy"][index]
        record["methods"][method] = result
    return record


def run(args):
    images = list(IMAGES) if args.data else ["digits"]
    tables = TABLES if args.data else [name for name in BUNDLED if name != "digits"]
    out = Path(args.out)
    records = out.read_text().splitlines() if out.exists() else []
    done = [json.loads(record)["task"] for record in records]
    tasks = [("images", name, "") for name in images]
    tasks += [("tables", name, stopping) for stopping in STOPPING for name in tables]
    for seed in range(N_SPLITS):
        for kind, name, stopping in tasks:
            task = [kind, name, stopping, seed]
            if task in done or (args.sets and name not in args.sets.split(",")):
                continue
            if kind == "images":
                record = run_images(name, seed, args.data)
            else:
                record = run_table(name, stopping, seed, args.data)
            with open(out, "a") as file:
                file.write(json.dumps({"task": task, **record}) + "\n")


# -- tables ----------------------------------------------------------------------------


def choose(methods, measure):
    """The method that is best in cross-validation; log-losses part equal errors."""

    def judged(method):
        result = methods[method]
        return round(result[f"cv {measure}"], 9), result["cv log-loss"]

    return min(methods, key=judged)


def images_table(records):
    print("| set | training rows | plain, % | augmented, % | change | CPU time |")
    print("|---|---|---|---|---|---|")
    for name in IMAGES:
        found = [r["methods"] for r in records if r["task"][:2] == ["images", name]]
        if not found:
            continue
        (n_train,) = {r["n_train"] for r in records if r["task"][1] == name}
        errors, seconds = (
            {
                method: np.array([methods[method][measure] for methods in found])
                for method in ("none", "affine")
            }
            for measure in ("error", "seconds")
        )
        cells = " | ".join(_mean_and_spread(100 * errors[m]) for m in errors)
        change = errors["affine"].mean() / errors["none"].mean() - 1
        slower = (seconds["affine"] / seconds["none"]).mean()
        print(f"| {name} | {n_train} | {cells} | {change:+.0%} | x {slower:.2f} |")


def _mean_and_spread(values):
    return f"{values.mean():.2f} ({values.min():.2f} to {values.max():.2f})"


def results_of(records, stopping, measure):
    """By set, by method: the mean over the splits; the choice is a method as well."""
    results = {}
    for name in dict.fromkeys(r["task"][1] for r in records):
        found = [r["methods"] for r in records if r["task"][:3] == _key(name, stopping)]
        if found:
            values = [
                [methods[m][measure] for m in methods]
                + [methods[choose(methods, measure)][measure]]
                for methods in found
            ]
            names = [*found[0], "chosen"]
            results[name] = dict(zip(names, np.mean(values, axis=0), strict=True))
    return results


def _key(name, stopping):
    return ["tables", name, stopping]


def table_of_tables(records, stopping):
    errors, losses = (
        results_of(records, stopping, measure) for measure in ("error", "log-loss")
    )
    if not errors:
        return
    methods = list(next(iter(errors.values())))
    print(f"\n### Tables, {stopping}\n")
    n_splits = 1 + max(r["task"][3] for r in records if r["task"][2] == stopping)
    print(
        f"Test error in % and log-loss, mean of {n_splits} splits, and what was chosen "
        "in each.\n"
    )
    print("| set | " + " | ".join(methods) + " | by error | by log-loss |")
    print("|---" * (len(methods) + 3) + "|")
    for name in errors:
        cells = [f"{100 * errors[name][m]:.2f}, {losses[name][m]:.3f}" for m in methods]
        found = [r["methods"] for r in records if r["task"][:3] == _key(name, stopping)]
        for measure in ("error", "log-loss"):
            cells.append(", ".join(choose(methods, measure) for methods in found))
        print(f"| {name} | {' | '.join(cells)} |")
    for measure, results in (("error", errors), ("log-loss", losses)):
        values = np.array([[row[m] for m in methods] for row in results.values()])
        ranks = rankdata(values, axis=1).mean(axis=0)
        cells = " | ".join(f"{rank:.2f}" for rank in ranks)
        print(f"| **mean rank, {measure}** | {cells} | | |")

    print("\nThe chosen one beside none:\n")
    print("| measure | mean rank of two | better, equal, worse | mean ratio |")
    print("|---|---|---|---|")
    for measure, results in (("error", errors), ("log-loss", losses)):
        none, chosen = (
            np.array([row[m] for row in results.values()]) for m in ("none", "chosen")
        )
        rank_none, rank = rankdata([none, chosen], axis=0).mean(axis=1)
        counts = (chosen < none).sum(), (chosen == none).sum(), (chosen > none).sum()
        # One test row more is right and wrong, so that no ratio is infinite.
        ratio = np.exp(np.log((chosen + 1e-4) / (none + 1e-4)).mean())
        print(
            f"| {measure} | none {rank_none:.2f}, chosen {rank:.2f} | "
            f"{', '.join(map(str, counts))} | {ratio:.3f} |"
        )
    worse = [name for name in errors if errors[name]["chosen"] > errors[name]["none"]]
    print(f"\nHigher error than without: {', '.join(worse) or 'none'}.")


def whole_rounds(records):
    """The splits that all sets of a kind have been through."""
    splits = defaultdict(lambda: defaultdict(int))
    for kind, name, stopping, _ in (record["task"] for record in records):
        splits[kind, stopping][name] += 1
    return [
        record
        for record in records
        if record["task"][3]
        < min(splits[record["task"][0], record["task"][2]].values())
    ]


def table(args):
    lines = Path(args.file).read_text().splitlines()
    records = whole_rounds([json.loads(line) for line in lines])
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy "
        f"{scipy.__version__}, scikit-learn {sklearn.__version__}; one thread.\n"
    )
    print("### Images\n")
    print(
        f"Test error, mean (and range) of {N_SPLITS} splits of the rows; "
        f"`RandomAffine(image_shape, rotate=15, scale=0.12, translate=0.1)` for every "
        f"set, {IMAGE_EPOCHS} epochs with and without, 256 hidden units, float32.\n"
    )
    images_table(records)
    for stopping in STOPPING:
        table_of_tables(records, stopping)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run")
    command.add_argument("--data")
    command.add_argument("--out", required=True)
    command.add_argument("--sets")
    command.set_defaults(run=run)
    command = commands.add_parser("threads")
    command.add_argument("--repeats", type=int, default=5)
    command.set_defaults(run=threads)
    command = commands.add_parser("table")
    command.add_argument("file")
    command.set_defaults(run=table)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    arguments.run(arguments)
