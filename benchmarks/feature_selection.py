"""Choosing the inputs of a network: skreg beside LassoNet, l1 regression and forests.

``python benchmarks/feature_selection.py compare --data DIR --out FILE`` runs every
method on the same splits and appends a JSON line each. ``... noise`` and ``...
stability`` measure the selector on digits with noise columns and stability selection on
simulated data. ``... table FILE...`` writes the Markdown tables. ``... threads``
compares wall times with the threads that BLAS takes by default, and ``... path-speed``
the seconds of a path on digits by each engine of skreg with those of LassoNet.

`DIR` holds ``<set>.npz`` with `X`, `y` and, where rows come in groups, `groups`:
isolet, coil20, madelon (Li et al., scikit-feature), mice_protein (UCI). digits is
scikit-learn's. The LassoNet rows need ``requirements-lassonet.txt``. One thread;
methods run in turn in one process, and seconds are of the process's CPU time, so that
other load on the machine does not count.
"""

import argparse
import json
import time
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _engines import by_each_engine, header, in_turn, ratio_names, row, versions
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import l1_min_c

from skreg import MLPClassifier, MLPRegressor
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
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


def split_and_scale(X, y, groups, seed, test_share=TEST_SHARE):
    """Training and test data, imputed and standardized by the training rows."""
    if groups is None:
        splitter = StratifiedShuffleSplit(1, test_size=test_share, random_state=seed)
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
    """Every method on the same splits of all sets."""
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


# -- default threads -------------------------------------------------------------------


def path_of(n_inputs):
    """A path on digits with columns of noise, to be timed."""
    X, y = load_digits(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=(len(X), n_inputs - X.shape[1]))
    X, _, y, _ = split_and_scale(np.hstack([X, noise]), y, None, 0)
    return lambda: feature_path(network(0), X, y)


def threads(args):
    """Wall times of a path with the threads that BLAS takes by default."""
    pieces = {f"digits, {n} inputs": (__file__, "path_of", n) for n in (64, 256)}
    _threads.print_table(pieces, args.repeats)


# -- both engines beside LassoNet ------------------------------------------------------


def path_speed(args):
    """CPU seconds of a path on digits by each engine and by LassoNet, in turn."""
    import lassonet  # noqa: F401, so that no time is one of importing

    X, y = load_digits(return_X_y=True)
    X, _, y, _ = split_and_scale(X, y, None, 0, test_share=0.25)
    calls = by_each_engine(with_skreg, X, y, 0)
    for call in calls.values():
        # What has to be compiled is there before it is timed.
        call()
    pairs = [("LassoNet", name) for name in calls]
    calls["LassoNet"] = partial(with_lassonet, X, y, 0)
    seconds = in_turn(calls, args.repeats)
    print(
        f"{len(X)} x {X.shape[1]}, (100,), one thread; "
        f"{versions('LassoNet', 'torch')}. Median (smallest to largest) of "
        f"{args.repeats} CPU times and of their ratios.\n"
    )
    print(header([*(f"{name} s" for name in calls), *ratio_names(pairs)]))
    ratios = [seconds[a] / seconds[b] for a, b in pairs]
    print(row(_threads.spread(values) for values in [*seconds.values(), *ratios]))


# -- noise columns ---------------------------------------------------------------------


def noise(args):
    """The selector at "1se" on digits with as many columns of noise as pixels."""
    for split in range(args.repeats):
        X, y = load_digits(return_X_y=True)
        rng = np.random.default_rng(split)
        X = np.hstack([X, rng.normal(size=X.shape)])
        X, X_test, y, y_test = split_and_scale(X, y, None, split)
        cpu = time.process_time()
        selector = SparseInputSelector(network(split)).fit(X, y)
        cpu = time.process_time() - cpu
        dense = network(split).fit(X, y)
        record = {
            "benchmark": "noise",
            "split": split,
            "n_kept": selector.n_features_,
            "n_noise_kept": int(selector.support_[64:].sum()),
            "accuracy": selector.estimator_.score(selector.transform(X_test), y_test),
            "dense_accuracy": dense.score(X_test, y_test),
            "cpu_seconds": cpu,
        }
        append(Path(args.out), record)


# -- stability selection ---------------------------------------------------------------

N_TRUE, N_ROWS = 10, 500
# By the number of inputs: how many each half selects, and the threshold.
STABILITY_SETTINGS = {50: (12, 0.9), 500: (15, 0.8)}


def simulate(n_features, seed):
    """Ten inputs with a saturating, a hinge or a wavy effect each, and noise.

    ``y = sum_j s_j g_j(x_j) + e`` with ``g`` in turn ``tanh(2 x)``, ``max(x, 0)``,
    ``sin(1.5 x)`` and ``x |x|``, each of variance one, signs ``s_j`` drawn, inputs and
    ``e`` standard normal and independent.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, n_features))
    effects = (
        lambda x: np.tanh(2 * x),
        lambda x: np.maximum(x, 0),
        lambda x: np.sin(1.5 * x),
        lambda x: x * np.abs(x),
    )
    y = rng.normal(size=N_ROWS)
    for j in range(N_TRUE):
        effect = effects[j % len(effects)]
        scale = effect(np.linspace(-4, 4, 100_001))
        density = np.exp(-(np.linspace(-4, 4, 100_001) ** 2) / 2)
        mean = np.average(scale, weights=density)
        deviation = np.sqrt(np.average((scale - mean) ** 2, weights=density))
        y += rng.choice([-1, 1]) * (effect(X[:, j]) - mean) / deviation
    return X, (y - y.mean()) / y.std()


def stability(args):
    """False and true selections over repetitions, beside the promised bound."""
    for n_features in args.inputs:
        q, threshold = STABILITY_SETTINGS[n_features]
        for seed in range(args.repeats):
            X, y = simulate(n_features, seed)
            model = MLPRegressor(
                (30,), alpha=args.alpha, learning_rate_init=3e-3, batch_size=50,
                max_iter=30,
            )  # fmt: skip
            cpu = time.process_time()
            selection = StabilitySelection(
                model,
                q=q,
                threshold=threshold,
                n_pairs=args.pairs,
                random_state=seed,
            ).fit(X, y)
            record = {
                "benchmark": "stability",
                "n_features": n_features,
                "repetition": seed,
                "n_pairs": args.pairs,
                "q": q,
                "threshold": threshold,
                "n_true": int(selection.support_[:N_TRUE].sum()),
                "n_false": int(selection.support_[N_TRUE:].sum()),
                "bound": selection.expected_false_selections_,
                "cpu_seconds": time.process_time() - cpu,
            }
            append(Path(args.out), record)


# -- tables ----------------------------------------------------------------------------


def table(args):
    """Markdown from the records of the other commands."""
    records = [
        json.loads(line) for file in args.files for line in open(file).readlines()
    ]
    compared = [record for record in records if "method" in record]
    if compared:
        accuracy_tables(compared)
        seconds_table(compared)
    for record in records:
        if "benchmark" in record:
            print(record)


def by_set_and_method(records):
    cells = defaultdict(dict)
    for record in records:
        cells[record["set"], record["method"]][record["split"]] = record
    return cells


def accuracy_tables(records):
    cells = by_set_and_method(records)
    for kind, title in (("refit", "After a dense refit"), ("path", "On the path")):
        print(f"\n{title}: test accuracy in %, mean over splits\n")
        print("| set | method | splits |", *(f"k={k} |" for k in N_FEATURES))
        print("|---|---|---|" + "---|" * len(N_FEATURES))
        for name in QUICK + SLOW:
            for method in METHODS:
                splits = cells.get((name, method), {}).values()
                rows = []
                for k in N_FEATURES:
                    entries = [r.get(f"k={k}", r.get("k=0")) for r in splits]
                    values = [100 * e[kind] for e in entries if e[kind] is not None]
                    text = "-"
                    if values:
                        text = f"{np.mean(values):.1f}"
                    if len(values) > 1:
                        error = np.std(values, ddof=1) / np.sqrt(len(values))
                        text += f" ({error:.1f})"
                    rows.append(text)
                if any(text != "-" for text in rows):
                    print("|", " | ".join([name, method, str(len(splits)), *rows]), "|")


def seconds_table(records):
    cells = by_set_and_method(records)
    print("\nCPU seconds of a path, one thread, median over splits\n")
    print("| set | splits | skreg | LassoNet | ratio |")
    print("|---|---|---|---|---|")
    for name in QUICK + SLOW:
        ours, theirs = (cells.get((name, m), {}) for m in ("skreg", "LassoNet"))
        both = sorted(set(ours) & set(theirs))
        if both:
            seconds = [
                [side[split]["cpu_seconds"] for split in both]
                for side in (ours, theirs)
            ]
            ratio = np.median(np.divide(seconds[1], seconds[0]))
            medians = [f"{np.median(values):.1f}" for values in seconds]
            print(
                "|", " | ".join([name, str(len(both)), *medians, f"{ratio:.0f}"]), "|"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for run in (compare, noise, stability, threads, path_speed, table):
        name = run.__name__.replace("_", "-")
        command = commands.add_parser(name, help=run.__doc__)
        command.set_defaults(run=run)
        if run is table:
            command.add_argument("files", nargs="+")
            continue
        if run in (threads, path_speed):
            default = 3 if run is threads else 5
            command.add_argument("--repeats", type=int, default=default)
            continue
        command.add_argument("--out", required=True, help="JSON lines, appended to")
        if run is compare:
            command.add_argument("--data", required=True)
            command.add_argument("--methods", default=",".join(METHODS))
            command.add_argument("--sets", default=",".join(QUICK + SLOW))
        else:
            command.add_argument("--repeats", type=int, default=5)
        if run is stability:
            command.set_defaults(repeats=20)
            command.add_argument("--inputs", type=int, nargs="+", default=[50, 500])
            command.add_argument("--pairs", type=int, default=10)
            command.add_argument("--alpha", type=float, default=0.01)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    arguments.run(arguments)
