"""Choosing the inputs of a network: skreg beside LassoNet, l1 regression and forests.

``python benchmarks/feature_selection.py compare --data DIR --out FILE`` runs every
method on the same splits and appends a JSON line each. ``... noise`` and ``...
stability`` measure the selector on digits with noise columns and stability selection on
simulated data. ``... table FILE...`` writes the Markdown tables.

`DIR` holds ``<set>.npz`` with `X`, `y` and, where rows come in groups, `groups`:
isolet, coil20, madelon (Li et al., scikit-feature), mice_protein (UCI). digits is
scikit-learn's. The LassoNet rows need ``requirements-lassonet.txt``. One thread;
methods run in turn in one process, and seconds are of the process's CPU time, so that
other load on the machine does not count.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import l1_min_c

from skreg import MLPClassifier
from skreg.feature_selection import (
    feature_path,
)

N_FEATURES = (10, 20, 30, 50)
TEST_SHARE = 0.3

# Sets, and the splits in the order of the rounds: all sets once, then the quick ones.
QUICK = ("digits", "mice_protein", "mice_protein by mouse")
SLOW = ("madelon", "isolet", "coil20")


# -- data ------------------------------------------------------------------------------


def load_set(name, data_dir):
    """X (float64), y, and the groups of the rows or None."""
    if name == "digits":
        return *load_digits(return_X_y=True), None
    by_group = name.endswith(" by mouse")
    with np.load(Path(data_dir) / (name.split(" ")[0] + ".npz")) as arrays:
        groups = arrays["groups"] if by_group else None
        return arrays["X"].astype(np.float64), arrays["y"], groups


def split_and_scale(X, y, groups, seed):
    """Training and test data, imputed and standardized by the training rows."""
    if groups is None:
        splitter = StratifiedShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
    else:
        # A third of the groups, classes in proportion.
        splitter = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    train, test = next(splitter.split(X, y, groups))
    median = np.nanmedian(X[train], axis=0)
    X = np.where(np.isnan(X), median, X)
    mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
    deviation[deviation == 0] = np.inf
    X = (X - mean) / deviation
    return X[train], X[test], y[train], y[test]


# -- methods ---------------------------------------------------------------------------
# Each gives `choose(k)`: the inputs for at most k of them, and the accuracy of the
# method's own model there (None where it has none). Of a path it is the first point
# with the largest support not above k.


def network(seed):
    return MLPClassifier((100,), max_iter=100, random_state=seed)


def with_skreg(X, y, seed):
    path = feature_path(network(seed), X, y)

    def choose(k, X_test, y_test):
        point = path.point_of(k)
        H = np.maximum(X_test @ path.coefs[point][0] + path.intercepts[point][0], 0)
        raw = H @ path.coefs[point][1] + path.intercepts[point][1]
        predicted = raw.argmax(axis=1) if raw.shape[1] > 1 else raw[:, 0] > 0
        accuracy = (np.unique(y)[predicted.astype(int)] == y_test).mean()
        return path.support[point], accuracy

    return choose, len(path.support)


def with_lassonet(X, y, seed):
    import torch
    from lassonet import LassoNetClassifier

    torch.set_num_threads(1)
    model = LassoNetClassifier(
        hidden_dims=(100,), verbose=0, random_state=seed, torch_seed=seed
    )
    path = model.path(X, y, return_state_dicts=True)
    supports = np.array([item.selected.numpy() for item in path])

    def choose(k, X_test, y_test):
        point = first_largest(supports, k)
        model.load(path[point].state_dict)
        return supports[point], (model.predict(X_test) == y_test).mean()

    return choose, len(path)


def with_l1_logistic(X, y, seed):
    """One against the rest, from the empty model up to the largest k."""
    supports, strength = [np.zeros(X.shape[1], bool)], l1_min_c(X, y, loss="log")
    while supports[-1].sum() <= max(N_FEATURES) and len(supports) < 200:
        strength *= 1.1
        model = OneVsRestClassifier(
            LogisticRegression(
                C=strength,
                l1_ratio=1.0,
                solver="liblinear",
                tol=1e-3,
                random_state=seed,
            )
        ).fit(X, y)
        coefs = [estimator.coef_[0] for estimator in model.estimators_]
        supports.append(np.any(coefs, axis=0))
        if supports[-1].all():
            break
    supports = np.array(supports)
    return lambda k, *_: (supports[first_largest(supports, k)], None), len(supports)


def with_extra_trees(X, y, seed):
    forest = ExtraTreesClassifier(500, random_state=seed).fit(X, y)
    order = np.argsort(-forest.feature_importances_)
    return lambda k, *_: (np.isin(np.arange(X.shape[1]), order[:k]), None), 1


def with_all_inputs(X, y, seed):
    return lambda k, *_: (np.ones(X.shape[1], bool), None), 1


METHODS = {
    "skreg": with_skreg,
    "LassoNet": with_lassonet,
    "l1 logistic": with_l1_logistic,
    "ExtraTrees": with_extra_trees,
    "all inputs": with_all_inputs,
}


def first_largest(supports, k):
    sizes = supports.sum(axis=1)
    return int(np.flatnonzero(sizes == sizes[sizes <= k].max())[0])


def evaluate(name, method, seed, data_dir):
    """The record of one method on one split."""
    X, X_test, y, y_test = split_and_scale(*load_set(name, data_dir), seed)
    cpu, wall = time.process_time(), time.perf_counter()
    choose, n_points = METHODS[method](X, y, seed)
    record = {
        "set": name,
        "method": method,
        "split": seed,
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "n_points": n_points,
    }
    for k in N_FEATURES if method != "all inputs" else (0,):
        support, on_path = choose(k, X_test, y_test)
        refitted = None
        if support.any():
            dense = network(seed).fit(X[:, support], y)
            refitted = float(dense.score(X_test[:, support], y_test))
        inputs = [] if method == "all inputs" else np.flatnonzero(support).tolist()
        record[f"k={k}"] = {
            "inputs": inputs,
            "path": None if on_path is None else float(on_path),
            "refit": refitted,
        }
    return record


def compare(args):
    rounds = [(name, split) for split in (0,) for name in QUICK + SLOW]
    rounds += [(name, split) for split in range(1, 5) for name in QUICK]
    rounds += [(name, split) for split in (1, 2) for name in SLOW]
    out = Path(args.out)
    done = set()
    if out.exists():
        records = map(json.loads, out.read_text().splitlines())
        done = {(r["set"], r["split"], r["method"]) for r in records}
    for name, split in rounds:
        for method in args.methods.split(","):
            if (name, split, method) in done or name not in args.sets.split(","):
                continue
            append(out, evaluate(name, method, split, args.data))


def append(path, record):
    with open(path, "a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("compare")
    command.add_argument("--data", required=True)
    command.add_argument("--out", required=True)
    command.add_argument("--methods", default=",".join(METHODS))
    command.add_argument("--sets", default=",".join(QUICK + SLOW))
    command.set_defaults(run=compare)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    arguments.run(arguments)
