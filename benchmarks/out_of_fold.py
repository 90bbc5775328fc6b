"""How honest an ensemble's own estimates are: out-of-fold errors and members' spread.

``python benchmarks/out_of_fold.py run --data DIR --out FILE`` fits a fold ensemble to
each table and split and appends a JSON line; ``... table FILE`` prints Markdown, and
``... plot FILE --out PICTURE`` draws how often test targets are within so many standard
deviations of the members.

The out-of-fold error is of single members, whose epoch was chosen on the same rows; the
test error is of their mean. What the choice of the epoch alone is worth is told by the
members: their test error over their own out-of-fold error.
"""

import argparse
import json
import warnings
from pathlib import Path

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _tables import error_of, lines_of, sets_of, split
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import norm, spearmanr

from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor

N_SPLITS = 3
KINDS = {"classification": FoldEnsembleClassifier, "regression": FoldEnsembleRegressor}
WIDTHS = np.arange(0.5, 6.1, 0.5)
PARTS = ("held back", "chosen on")


def measured(name, load, seed):
    """The line of results of one table and split."""
    X, y, task = load()
    X, X_test, y, y_test = split(X, y, task, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KINDS[task](random_state=seed).fit(X, y)
    of_members = [
        error_of(member.predict(X_test), y_test, task) for member in model.estimators_
    ]
    row = {
        "set": name,
        "seed": seed,
        "task": task,
        "n_test": len(y_test),
        # The target of a regression has variance one on the training rows.
        "oof_error": 1 - model.oof_score_,
        "members_error": float(np.mean(of_members)),
        "error": error_of(model.predict(X_test), y_test, task),
    }
    if task == "regression":
        mean, deviation = model.predict(X_test, return_std=True)
        distance = np.abs(y_test - mean) / np.maximum(deviation, 1e-12)
        row["within"] = [float(np.mean(distance <= width)) for width in WIDTHS]
        row["rank_correlation"] = float(
            spearmanr(np.abs(y_test - mean), deviation).statistic
        )
    return row


def run(folder, out):
    done = {(row["set"], row["seed"]) for row in lines_of(out)}
    for name, (part, load) in sets_of(folder).items():
        for seed in range(N_SPLITS):
            if part not in PARTS or (name, seed) in done:
                continue
            row = {"part": part, **measured(name, load, seed)}
            with Path(out).open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(name, seed, flush=True)


def by_table(rows, key):
    """By table, the mean over its splits of a function of a row."""
    names = sorted({row["set"] for row in rows})
    return {
        name: float(np.mean([key(row) for row in rows if row["set"] == name]))
        for name in names
    }


def ratio_with_interval(rows, above, below, rng):
    """Geometric mean over tables of a ratio of errors, and a bootstrap interval."""
    logs = [
        np.log((by_table(rows, lambda row: row[above])[name] + 1e-3) / (value + 1e-3))
        for name, value in by_table(rows, lambda row: row[below]).items()
    ]
    drawn = rng.choice(logs, size=(2000, len(logs))).mean(axis=1)
    low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
    return f"{np.exp(np.mean(logs)):.3f} ({low:.3f} to {high:.3f})"


def table(path):
    rows, rng = lines_of(path), np.random.default_rng(0)
    print(
        "Geometric means over tables, with 95 % bootstrap intervals over tables.\n\n"
        "| tables | members' test / out-of-fold error "
        "| ensemble's test / out-of-fold error |\n|---|---|---|"
    )
    for task in (*KINDS, None):
        for part in (*PARTS, None):
            some = [
                row
                for row in rows
                if task in (None, row["task"]) and part in (None, row["part"])
            ]
            ratios = [
                ratio_with_interval(some, above, "oof_error", rng)
                for above in ("members_error", "error")
            ]
            print(f"| {task or 'all'}, {part or 'both'} | {' | '.join(ratios)} |")
    print("\n| share of test targets within | expected of a normal error | found |")
    print("|---|---|---|")
    for k, width in enumerate(WIDTHS):
        within = by_table(
            [row for row in rows if "within" in row], lambda row, k=k: row["within"][k]
        )
        expected = 2 * norm.cdf(width) - 1
        values = list(within.values())
        print(
            f"| {width:.1f} standard deviations | {expected:.2f} "
            f"| {np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f}) |"
        )


def plot(path, out):
    """Shares of targets within so many standard deviations, a line a table."""
    rows = [row for row in lines_of(path) if "within" in row]
    figure = Figure(figsize=(5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    for name in sorted({row["set"] for row in rows}):
        of_set = [row["within"] for row in rows if row["set"] == name]
        ax.plot(WIDTHS, np.mean(of_set, axis=0), color="tab:blue", alpha=0.6, lw=1)
    ax.plot([], [], color="tab:blue", label="tables")
    ax.plot(WIDTHS, 2 * norm.cdf(WIDTHS) - 1, color="black", ls="--", label="normal")
    ax.set(
        xlabel="standard deviations of the members",
        ylabel="share of test targets within",
        ylim=(0, 1),
    )
    ax.legend()
    figure.savefig(out, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--data", required=True)
    runner.add_argument("--out", required=True)
    writer = commands.add_parser("table")
    writer.add_argument("file")
    drawer = commands.add_parser("plot")
    drawer.add_argument("file")
    drawer.add_argument("--out", required=True)
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.data, arguments.out)
    elif arguments.command == "table":
        table(arguments.file)
    else:
        plot(arguments.file, arguments.out)


if __name__ == "__main__":
    main()
