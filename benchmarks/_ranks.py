"""How methods compare over sets: ranks, their intervals, ratios of errors, tables.

A set has one place among the sets, however many splits it has: splits of a set share
rows, so they say little about other sets. Intervals are of a bootstrap that draws sets,
with replacement: what another collection of such sets might have said. Ranks are taken
before drawing, and those of two methods are drawn together where their difference is
asked for.
"""

import re
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.stats import rankdata

N_RESAMPLES = 10_000
COVERAGE = 0.95


class Results:
    """Lines of results by set, method and seed.

    Parameters
    ----------
    rows : iterable of dict
        With "set", "part", "seed", "method" and numbers. Of two rows of one set, method
        and seed the first counts.
    """

    def __init__(self, rows):
        self._of = {}
        self.part_of, self.task_of = {}, {}
        for row in rows:
            self.part_of[row["set"]] = row["part"]
            self.task_of[row["set"]] = row["task"]
            of_seed = self._of.setdefault((row["set"], row["method"]), {})
            of_seed.setdefault(row["seed"], row)

    def sets(self, part):
        return sorted(name for name, of in self.part_of.items() if of == part)

    def methods(self, known, names=None):
        """Those of the known methods that any of the sets has."""
        present = {
            method for name, method in self._of if names is None or name in names
        }
        return [method for method in known if method in present]

    def seeds(self, name, method=None):
        """Splits of a set that a method has, or any of them."""
        keys = [key for key in self._of if key[0] == name and method in (None, key[1])]
        return sorted({seed for key in keys for seed in self._of[key]})

    def n_splits_of(self, name):
        return len(self.seeds(name))

    def mean(self, name, method, key):
        return float(np.mean([row[key] for row in self._of[name, method].values()]))

    def means(self, names, methods, key):
        """Means over splits, of shape (sets, methods)."""
        cells = [
            self.mean(name, method, key) for name, method in product(names, methods)
        ]
        return np.array(cells).reshape(len(names), len(methods))

    def errors(self, names, methods):
        return self.means(names, methods, "error")

    def of_splits(self, name, methods, key="error"):
        """Of shape (splits, methods)."""
        columns = []
        for method in methods:
            of_seed = self._of[name, method]
            columns.append([of_seed[seed][key] for seed in sorted(of_seed)])
        return np.array(columns).T

    def limited_to(self, names, methods):
        """What all of the methods have of these sets.

        Returns
        -------
        Results
        n_missing : dict of str to int
            Splits that are there for others, by method, where there are any.
        """
        kept, n_missing = [], dict.fromkeys(methods, 0)
        for name in names:
            for seed in self.seeds(name):
                rows = [self._of.get((name, m), {}).get(seed) for m in methods]
                for method, row in zip(methods, rows, strict=True):
                    n_missing[method] += row is None
                if all(rows):
                    kept += rows
        return Results(kept), {m: n for m, n in n_missing.items() if n}


@dataclass(frozen=True)
class Selection:
    """Sets and methods that are compared together."""

    title: str
    names: list
    methods: list
    results: Results
    # A sentence on what is left out, or "".
    note: str = ""

    @classmethod
    def of_complete(cls, title, results, names, methods):
        """The splits that all methods have.

        One that had the easy sets alone would look better than it is. Methods of which
        nothing is known are left out.
        """
        methods = results.methods(methods, names)
        results, n_missing = results.limited_to(names, methods)
        note = ""
        if n_missing:
            missing = ", ".join(f"{n} of {method}" for method, n in n_missing.items())
            note = f"Splits that some methods lack are left out (missing: {missing})."
        return cls(title, sorted(results.part_of), methods, results, note)

    def of(self, task):
        """The sets with one task."""
        names = [name for name in self.names if self.results.task_of[name] == task]
        return replace(self, title=f"{self.title}, {task}", names=names)

    def with_tasks(self):
        """This and, where there are both tasks, the sets of each."""
        tasks = sorted({self.results.task_of[name] for name in self.names})
        return [self, *map(self.of, tasks)] if len(tasks) > 1 else [self]

    @property
    def slug(self):
        """For names of files."""
        return re.sub(r"\W+", "-", self.title).lower()

    def means(self, key):
        """Means over splits, of shape (sets, methods)."""
        return self.results.means(self.names, self.methods, key)

    def __str__(self):
        counts = {self.results.n_splits_of(name) for name in self.names}
        n_splits = " to ".join(map(str, sorted({min(counts), max(counts)})))
        return f"{self.title} (sets: {len(self.names)}, splits: {n_splits})"


# -- ranks and ratios ------------------------------------------------------------------


def ranks_of_splits(selection, key="error"):
    """Of every set, the mean over its splits of ranks: (sets, methods)."""
    of_splits = selection.results.of_splits
    return np.array(
        [
            rankdata(of_splits(name, selection.methods, key), axis=1).mean(axis=0)
            for name in selection.names
        ]
    )


def ranks_of_means(selection, key="error"):
    """Of every set, the ranks of the means over its splits: (sets, methods)."""
    return rankdata(selection.means(key), axis=1)


def share_won(errors, methods, one, other):
    """Share of sets on which one method's error is less than the other's; ties half."""
    difference = errors[:, methods.index(one)] - errors[:, methods.index(other)]
    return float(np.mean((difference < 0) + 0.5 * (difference == 0)))


def log_ratios(errors, methods, base):
    """Logarithms of each method's error over that of one of them: (sets, methods)."""
    # Zero has no logarithm, and errors close to it are not to decide a mean.
    of_base = errors[:, [methods.index(base)]]
    return np.log((errors + 1e-3) / (of_base + 1e-3))


def error_ratios(errors, methods, base):
    """Each method's error over that of one of them, geometric mean."""
    return np.exp(log_ratios(errors, methods, base).mean(axis=0))


def time_ratios(results, names, methods, base):
    """Each method's seconds of training over those of one of them, median."""
    seconds = results.means(names, methods, "seconds")
    return np.median(seconds / seconds[:, [methods.index(base)]], axis=0)


def intervals(values):
    """Bootstrap intervals of means over sets.

    Parameters
    ----------
    values : ndarray of shape (sets, methods)

    Returns
    -------
    ndarray of shape (2, methods)
        The ends of intervals that cover `COVERAGE`.
    """
    drawn = np.random.default_rng(0).integers(
        len(values), size=(N_RESAMPLES, len(values))
    )
    means = values[drawn].mean(axis=1)
    tail = (1 - COVERAGE) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


# -- Markdown --------------------------------------------------------------------------


def with_intervals(values, digits, signed=False, transform=lambda values: values):
    """Cells of means of columns over sets, and of their intervals.

    A column that is the same on all sets, as of a method over itself, has no interval.
    """
    pattern = f"{'+' if signed else ''}.{digits}f"
    ends = transform(values.mean(axis=0)), *transform(intervals(values))
    cells = []
    for mean, low, high in zip(*ends, strict=True):
        cell = format(mean, pattern)
        if low < high:
            cell += f" ({low:{pattern}} to {high:{pattern}})"
        cells.append(cell)
    return cells


def markdown(columns):
    """Lines of a table.

    Parameters
    ----------
    columns : dict of str to list of str
        Cells by the column's title.
    """
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for cells in zip(*columns.values(), strict=True):
        yield "| " + " | ".join(cells) + " |"


def summary(selection, base, rival):
    """Columns of a table of all methods, for `markdown`.

    Parameters
    ----------
    selection : Selection
    base : str
        The method in whose errors and seconds those of the others are given.
    rival : str
        Another of which is said, if it is there, how often the others are better.
    """
    names, methods = selection.names, selection.methods
    errors = selection.means("error")
    columns = {
        "method": methods,
        "mean rank": with_intervals(ranks_of_splits(selection), 2),
        "of mean errors": with_intervals(ranks_of_means(selection), 2),
        f"error / {base}'s": ratio_cells(selection, "error", base),
    }
    for other in (base, rival):
        if other in methods:
            shares = [share_won(errors, methods, method, other) for method in methods]
            columns[f"better than {other}"] = [f"{share:.0%}" for share in shares]
    if all(selection.results.task_of[name] == "classification" for name in names):
        key = "log_loss"
        columns |= {
            "log loss: mean rank": with_intervals(ranks_of_splits(selection, key), 2),
            "of mean log losses": with_intervals(ranks_of_means(selection, key), 2),
            f"log loss / {base}'s": ratio_cells(selection, key, base),
        }
    times = time_ratios(selection.results, names, methods, base)
    columns[f"time / {base}'s"] = [f"{time:.3g}" for time in times]
    return columns


def ratio_cells(selection, key, base):
    """Of means over splits, to those of one method: geometric means over sets."""
    ratios = log_ratios(selection.means(key), selection.methods, base)
    return with_intervals(ratios, 3, transform=np.exp)


def comparison(selection, against):
    """Columns of a table of all other methods against one, for `markdown`."""
    methods = selection.methods
    others = [method for method in methods if method != against]
    place = methods.index(against)
    errors = selection.means("error")
    columns = {"method": others}
    for title, ranks in (
        ("mean rank", ranks_of_splits(selection)),
        ("rank of means", ranks_of_means(selection)),
    ):
        differences = np.delete(ranks - ranks[:, [place]], place, axis=1)
        columns[title] = with_intervals(differences, 2, signed=True)
    ratios = np.delete(log_ratios(errors, methods, against), place, axis=1)
    columns["error"] = with_intervals(ratios, 3, transform=np.exp)
    shares = [share_won(errors, methods, method, against) for method in others]
    columns["better"] = [f"{share:.0%}" for share in shares]
    return columns


def every_set(selection, key):
    """Columns of a table of means over splits, the least of a set in bold type."""
    columns = {"set": list(selection.names)}
    cells = [[f"{mean:.4f}" for mean in means] for means in selection.means(key)]
    for place, method in enumerate(selection.methods):
        columns[method] = [
            f"**{row[place]}**" if row[place] == min(row, key=float) else row[place]
            for row in cells
        ]
    return columns
