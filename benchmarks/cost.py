"""What an epoch costs: both engines of skreg, scikit-learn, and the floor.

Seconds an epoch against the number of rows, inputs, hidden units, and networks that a
search trains, each in powers of two around one case: a table, and a figure of it.

    python benchmarks/cost.py [--repeats 9] [--output docs/images/cost.png]

The same data, epochs and minibatches on all sides, one thread, CPU times in turn,
medians. The floor is the time of the bare matrix products (see training_speed.py).
Several networks are the candidates of a `GridSearchCV` over `alpha` with one split, of
skreg and of scikit-learn; their times are those of the whole search, with its scores.
"""

import argparse
import warnings
from dataclasses import dataclass, replace
from functools import partial

import _threads

if __name__ == "__main__":
    _threads.use_one_thread()

import numpy as np
from _engines import (
    ENGINES,
    NAMES,
    SCIKIT_LEARN,
    by_each_engine,
    header,
    in_turn,
    ratio_names,
    row,
    versions,
)
from sklearn import model_selection, neural_network
from training_speed import floor_of_epoch

from skreg import MLPClassifier
from skreg.model_selection import GridSearchCV

BATCH_SIZE = 200
N_CLASSES = 3
# Rows on which the networks of a search are scored, beside those that they train on.
N_SCORED = 200

FLOOR = "matrix products"
NAMES_IN_ORDER = [SCIKIT_LEARN, *(NAMES[engine] for engine in reversed(ENGINES)), FLOOR]
RATIOS = [
    *((SCIKIT_LEARN, NAMES[engine]) for engine in ENGINES),
    *((NAMES[engine], FLOOR) for engine in ENGINES),
]


@dataclass(frozen=True)
class Case:
    """The sizes on which the cost of an epoch depends."""

    n_rows: int = 2000
    n_inputs: int = 32
    n_hidden: int = 64
    n_networks: int = 1

    @property
    def n_epochs(self):
        """Few for large cases: some hundred million multiply-adds, or five epochs."""
        n_weights = self.n_inputs * self.n_hidden + self.n_hidden * N_CLASSES
        work = 3 * self.n_rows * n_weights * self.n_networks
        return int(np.clip(4e8 // work, 5, 100))


PANELS = {
    "n_rows": ("rows", [250 * 2**i for i in range(7)]),
    "n_inputs": ("inputs", [2**i for i in range(2, 11)]),
    "n_hidden": ("hidden units", [2**i for i in range(2, 11)]),
    "n_networks": ("networks of a search", [2**i for i in range(7)]),
}


def calls_of(case, is_search):
    """What is timed of a case, by the names of `NAMES_IN_ORDER`."""
    rng = np.random.RandomState(0)
    n_all = case.n_rows + (N_SCORED if is_search else 0)
    X = rng.normal(size=(n_all, case.n_inputs))
    y = rng.randint(N_CLASSES, size=n_all)
    shared = dict(
        hidden_layer_sizes=(case.n_hidden,),
        batch_size=BATCH_SIZE,
        max_iter=case.n_epochs,
        # All epochs, however little they bring.
        n_iter_no_change=case.n_epochs,
        random_state=0,
    )
    ours = MLPClassifier(alpha=1e-4 / BATCH_SIZE, **shared)
    theirs = neural_network.MLPClassifier(alpha=1e-4, **shared)
    if is_search:
        alphas = np.logspace(-5, 1, case.n_networks)
        split = np.arange(case.n_rows), np.arange(case.n_rows, n_all)
        options = dict(cv=[split], n_jobs=1, refit=False)
        ours = GridSearchCV(ours, {"alpha": alphas / BATCH_SIZE}, **options)
        theirs = model_selection.GridSearchCV(theirs, {"alpha": alphas}, **options)
    layer_units = (case.n_inputs, case.n_hidden, N_CLASSES)
    epoch = floor_of_epoch(case.n_rows, layer_units, BATCH_SIZE, np.float64)
    return {
        SCIKIT_LEARN: partial(theirs.fit, X, y),
        **by_each_engine(ours.fit, X, y),
        FLOOR: lambda: [epoch() for _ in range(case.n_epochs * case.n_networks)],
    }


def measure(repeats):
    """Print the table, and return the seconds by panel, name and size."""
    columns = [label for label, _ in PANELS.values()]
    columns += [f"{name} ms" for name in NAMES_IN_ORDER]
    print(
        f"`python benchmarks/cost.py --repeats {repeats}`; {versions()}. CPU time of "
        f"an epoch, one thread, minibatches of {BATCH_SIZE}, {N_CLASSES} classes, "
        f"float64; medians of {repeats} taken in turn.\n"
    )
    print(header([*columns, *ratio_names(RATIOS)]))
    found = {}
    for parameter, (_, sizes) in PANELS.items():
        lines = found[parameter] = {name: [] for name in NAMES_IN_ORDER}
        for size in sizes:
            case = replace(Case(), **{parameter: size})
            calls = calls_of(case, parameter == "n_networks")
            for name in calls:
                if name != SCIKIT_LEARN:
                    # What has to be compiled is there before it is timed.
                    calls[name]()
            seconds = in_turn(calls, repeats)
            for name in NAMES_IN_ORDER:
                lines[name].append(np.median(seconds[name]) / case.n_epochs)
            cells = [case.n_rows, case.n_inputs, case.n_hidden, case.n_networks]
            cells += [f"{1e3 * lines[name][-1]:.3g}" for name in NAMES_IN_ORDER]
            cells += [f"{np.median(seconds[a] / seconds[b]):.1f}" for a, b in RATIOS]
            print(row(cells), flush=True)
    return found


# Colours that are told apart without red and green (Okabe and Ito), and markers.
STYLES = {
    SCIKIT_LEARN: dict(color="#d55e00", marker="s"),
    NAMES["numpy"]: dict(color="#56b4e9", marker="^"),
    NAMES["compiled"]: dict(color="#0072b2", marker="o", linewidth=2.5),
    FLOOR: dict(color="#666666", linestyle="--", label="bare matrix products"),
}


def draw(found, path):
    """Four panels with one scale of seconds, and one legend."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    plt.rcParams.update({"font.size": 11})
    figure, axes = plt.subplots(
        2, 2, figsize=(10, 7.4), sharey=True, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    for ax, (parameter, (label, sizes)) in zip(axes.flat, PANELS.items(), strict=True):
        for name, values in found[parameter].items():
            style = {"label": name, "linewidth": 1.8, "markersize": 5.5}
            ax.plot(sizes, values, **(style | STYLES[name]))
        base = getattr(Case(), parameter)
        if base != sizes[0]:
            ax.axvline(base, color="#bbbbbb", linewidth=1, zorder=0)
        ax.set(xscale="log", yscale="log", xlabel=label)
        ax.xaxis.set_major_locator(FixedLocator(sizes))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
        ax.yaxis.set_major_formatter(FuncFormatter(_with_unit))
        ax.grid(axis="y", color="#dddddd", linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("CPU time of an epoch")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    base = Case()
    figure.supxlabel(
        f"Where not varied: {base.n_rows} rows, {base.n_inputs} inputs, "
        f"{base.n_hidden} hidden units, one network (grey lines); minibatches of "
        f"{BATCH_SIZE}, float64, one thread.",
        fontsize=10,
        color="#444444",
    )
    figure.savefig(path, dpi=100)


def _with_unit(seconds, _):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if round(seconds * factor, 9) >= 1:
            return f"{seconds * factor:g} {unit}"
    return f"{seconds * 1e6:g} µs"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--output", help="where the figure is written")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = measure(arguments.repeats)
    if arguments.output:
        draw(found, arguments.output)


if __name__ == "__main__":
    main()
