"""`make demo`: a tour on real data, offline, in less than a minute.

Networks with and without regularization are compared on data sets that come with
scikit-learn. Half of the rows are for training. Everything, the search included, is
repeated on several random splits, and test rows have no part in any choice.
"""

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import model_selection
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.model_selection import GridSearchCV

__all__ = ["main"]

DATASETS = {"digits": load_digits, "breast cancer": load_breast_cancer}

# The strengths of L2 and L1 are round numbers, the same for both data sets. They were
# not tuned; the row "tuned" shows what tuning brings.
RECIPES = {
    "no penalty": {"alpha": 0.0},
    "L2": {"alpha": 1e-3},
    "L1": {"alpha": 3e-4, "l1_ratio": 1.0},
    "early stopping": {"alpha": 0.0, "early_stopping": True},
}
GRID = {
    "alpha": [1e-4, 3e-4, 1e-3, 3e-3],
    "l1_ratio": [0.0, 0.5, 1.0],
    "early_stopping": [False, True],
}
TUNED = "tuned"

# The same for all recipes, with early stopping and without. Minibatches are smaller and
# steps larger than the default without it, because with some hundred rows an epoch has
# few steps.
NETWORK = {"batch_size": 64, "learning_rate_init": 2e-3, "max_iter": 80}

COLORS = {
    "no penalty": "#c0392b",
    "L2": "#2471a3",
    "L1": "#1e8449",
    "early stopping": "#b9770e",
    TUNED: "#222222",
}


@dataclass
class Fit:
    """The errors and the time of one recipe on one split."""

    train_error: float
    test_error: float
    test_log_loss: float
    sparsity: float
    seconds: float


class ProgressLine:
    """Draws one line again and again, or prints lines if the stream is no terminal.

    Parameters
    ----------
    n_fits : int
        The number of fits to do.
    stream : file object, default=None
        Where to write; by default standard error.
    """

    WIDTH = 30

    def __init__(self, n_fits, stream=None):
        self._n_fits, self._n_done, self._shown = n_fits, 0, None
        self._stream = sys.stderr if stream is None else stream
        self._started = time.perf_counter()

    def show(self, what, n_fits):
        """Say what is being done, after `n_fits` more fits have been done."""
        self._n_done += n_fits
        share = self._n_done / self._n_fits
        filled = int(share * self.WIDTH)
        if not self._stream.isatty():
            if filled == self._shown:
                return
            self._shown = filled
        seconds = time.perf_counter() - self._started
        line = (
            f"[{'#' * filled}{'.' * (self.WIDTH - filled)}] {share:4.0%} "
            f"{seconds:3.0f} s  {what}"
        )
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{line}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def close(self):
        """Clear the line for other output."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def make_pipeline(**params):
    """The scaler and the network of the tour."""
    network = MLPClassifier(random_state=0, **NETWORK, **params)
    return Pipeline([("scale", StandardScaler()), ("mlp", network)])


def make_search(grid, n_jobs, kind=GridSearchCV):
    """The search over penalties by log-loss, which is less noisy than the error."""
    grid = {f"mlp__{name}": values for name, values in grid.items()}
    return kind(make_pipeline(), grid, scoring="neg_log_loss", cv=3, n_jobs=n_jobs)


def n_fits_of(search):
    """How many networks a search trains."""
    n_candidates = np.prod([len(values) for values in search.param_grid.values()])
    return int(n_candidates * search.cv + 1)


def fit_and_measure(model, X, y, train, test):
    """Fit a model on the training rows and measure it on both parts."""
    started = time.perf_counter()
    model.fit(X[train], y[train])
    seconds = time.perf_counter() - started
    network = getattr(model, "best_estimator_", model)["mlp"]
    labels = model.classes_
    return Fit(
        train_error=np.mean(model.predict(X[train]) != y[train]),
        test_error=np.mean(model.predict(X[test]) != y[test]),
        test_log_loss=log_loss(y[test], model.predict_proba(X[test]), labels=labels),
        sparsity=network.sparsity_,
        seconds=seconds,
    )


def compare(X, y, n_splits, grid, n_jobs=None, progress=None):
    """Fit and measure all recipes on several splits.

    Returns
    -------
    fits : dict of list of Fit
        For each recipe, a Fit for each split.
    searches : list of GridSearchCV
        The search of each split.
    """
    splits = StratifiedShuffleSplit(n_splits, train_size=0.5, random_state=0)
    fits = {name: [] for name in (*RECIPES, TUNED)}
    searches = []
    for k, (train, test) in enumerate(splits.split(X, y), start=1):
        models = {name: make_pipeline(**params) for name, params in RECIPES.items()}
        models[TUNED] = search = make_search(grid, n_jobs)
        searches.append(search)
        n_done = 0
        for name, model in models.items():
            if progress is not None:
                progress(f"split {k} of {n_splits}: {name}", n_done)
                n_done = n_fits_of(model) if model is search else 1
            fits[name].append(fit_and_measure(model, X, y, train, test))
        if progress is not None:
            progress(f"split {k} of {n_splits}: done", n_done)
    return fits, searches


def time_searches(X, y, grid, n_jobs):
    """Seconds on the first split of the search, and of that of scikit-learn."""
    splits = StratifiedShuffleSplit(1, train_size=0.5, random_state=0)
    train, _ = next(splits.split(X, y))
    seconds = []
    for kind in (GridSearchCV, model_selection.GridSearchCV):
        search = make_search(grid, n_jobs, kind)
        started = time.perf_counter()
        search.fit(X[train], y[train])
        seconds.append(time.perf_counter() - started)
    return seconds


def learning_curves(X, y, n_splits):
    """Losses by epoch of networks that watch the test rows but never stop for them.

    They are drawn and have no part in the comparison.

    Returns
    -------
    dict of (training, held_out)
        For each recipe two arrays of shape (n_epochs,), which are means over the
        splits.
    """
    splits = StratifiedShuffleSplit(n_splits, train_size=0.5, random_state=0)
    watched = {"early_stopping": True, "n_iter_no_change": np.inf}
    curves = {}
    for name, params in RECIPES.items():
        if params.get("early_stopping"):
            continue
        of_splits = []
        for train, test in splits.split(X, y):
            scaler = StandardScaler().fit(X[train])
            network = make_pipeline(**params, **watched)["mlp"]
            network.fit(
                scaler.transform(X[train]),
                y[train],
                X_val=scaler.transform(X[test]),
                y_val=y[test],
            )
            of_splits.append((network.data_loss_curve_, network.validation_loss_curve_))
        curves[name] = np.mean(of_splits, axis=0)
    return curves


def format_table(fits):
    """The comparison as text: means over the splits, with the spread of test errors."""
    header = (
        f"{'':16}{'train error':>12}{'test error':>17}{'test log-loss':>19}"
        f"{'zero weights':>14}{'seconds':>9}"
    )
    lines = [header]
    for name, of_splits in fits.items():

        def mean(attribute, of_splits=of_splits):
            return np.mean([getattr(fit, attribute) for fit in of_splits])

        def spread(attribute, of_splits=of_splits):
            return np.std([getattr(fit, attribute) for fit in of_splits])

        lines.append(
            f"{name:16}{mean('train_error'):12.1%}"
            f"{mean('test_error'):9.1%} \N{PLUS-MINUS SIGN} {spread('test_error'):4.1%}"
            f"{mean('test_log_loss'):12.3f} \N{PLUS-MINUS SIGN} "
            f"{spread('test_log_loss'):.3f}"
            f"{mean('sparsity'):13.0%}{mean('seconds'):10.1f}"
        )
    return "\n".join(lines)


def format_choices(searches):
    """The choices of the searches as text."""
    choices = []
    for split, search in enumerate(searches, start=1):
        chosen = {
            name.removeprefix("mlp__"): value
            for name, value in search.best_params_.items()
        }
        words = f"alpha={chosen['alpha']:g}, l1_ratio={chosen['l1_ratio']:g}"
        if chosen["early_stopping"]:
            words += ", early stopping"
        choices.append(f"{TUNED} on split {split}: {words}")
    return "\n".join(choices)


def draw(results, path):
    """Save the figure: a row of three panels for each data set.

    Parameters
    ----------
    results : dict of (fits, searches, curves)
        The results by the name of the data set.
    path : pathlib.Path
    """
    # A Figure without pyplot needs no display and changes no global state.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.3 * len(results)), layout="constrained")
    axes = figure.subplots(len(results), 3, squeeze=False)
    for row, (name, (fits, searches, curves)) in zip(
        axes, results.items(), strict=True
    ):
        _draw_learning_curves(row[0], curves)
        _draw_searches(row[1], searches)
        _draw_test_losses(row[2], fits)
        row[0].set_ylabel(f"{name}\n\nlog-loss")
        for ax in row:
            ax.spines[["top", "right"]].set_visible(False)
    for ax, title in zip(
        axes[0],
        (
            "Log-loss of training (dashed) and test rows",
            "Cross-validated log-loss of the search",
            "Test log-loss: splits and their mean",
        ),
        strict=True,
    ):
        ax.set_title(title, fontsize="medium")
    figure.savefig(path, dpi=100)


def _draw_learning_curves(ax, curves):
    for name, (training, held_out) in curves.items():
        epochs = np.arange(1, len(training) + 1)
        ax.plot(epochs, training, "--", color=COLORS[name], alpha=0.6)
        ax.plot(epochs, held_out, color=COLORS[name], label=name)
    ax.set(xlabel="epoch", yscale="log")
    ax.legend(frameon=False, fontsize="small")


def _draw_searches(ax, searches):
    results = [search.cv_results_ for search in searches]
    losses = -np.mean([result["mean_test_score"] for result in results], axis=0)
    params = results[0]["params"]
    shades = {0.0: COLORS["L2"], 0.5: "#7d3c98", 1.0: COLORS["L1"]}
    for l1_ratio, color in shades.items():
        for stops, style in ((False, "-o"), (True, ":s")):
            line = [
                (point["mlp__alpha"], loss)
                for point, loss in zip(params, losses, strict=True)
                if point["mlp__l1_ratio"] == l1_ratio
                and point["mlp__early_stopping"] == stops
            ]
            label = None if stops else f"l1_ratio={l1_ratio:g}"
            if line:
                ax.plot(*zip(*line, strict=True), style, color=color, label=label, ms=3)
    ax.plot([], [], ":s", color="gray", ms=3, label="early stopping")
    ax.set(xlabel="alpha", xscale="log")
    ax.locator_params(axis="y", nbins=5)
    ax.legend(frameon=False, fontsize="small")


def _draw_test_losses(ax, fits):
    for position, (name, of_splits) in enumerate(fits.items()):
        losses = [fit.test_log_loss for fit in of_splits]
        ax.plot(losses, [position] * len(losses), "o", color=COLORS[name], alpha=0.35)
        ax.plot(np.mean(losses), position, "|", color=COLORS[name], ms=18, mew=2.5)
    shares = [np.mean([fit.sparsity for fit in of]) for of in fits.values()]
    labels = [
        name + (f"\n{share:.0%} zeros" if share >= 0.005 else "")
        for name, share in zip(fits, shares, strict=True)
    ]
    ax.set_yticks(range(len(fits)), labels)
    ax.set_ylim(len(fits) - 0.5, -0.5)
    ax.margins(x=0.08)
    ax.set_xlabel("log-loss")
    ax.grid(axis="x", alpha=0.3)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--figure",
        type=Path,
        default=Path("skreg_demo.png"),
        help="where to save the figure (default: %(default)s)",
    )
    parser.add_argument(
        "--splits", type=int, default=3, help="random splits (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=int, default=-1, help="processes of the search (default: all)"
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the tour."""
    options = parse_arguments(arguments)
    n_fits = options.splits * (len(RECIPES) + n_fits_of(make_search(GRID, 1)))
    line = ProgressLine(n_fits * len(DATASETS))
    print(
        "Networks with 100 hidden units on half of the rows, tested on the other half: "
        f"means over {options.splits} splits."
    )
    results = {}
    with warnings.catch_warnings():
        # Each network has 80 epochs, whether it has converged or not.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, load in DATASETS.items():
            X, y = load(return_X_y=True)
            # A network of this kind loses nothing by it, and trains faster.
            X = X.astype(np.float32)

            def progress(what, n_done, name=name):
                line.show(f"{name}: {what}", n_done)

            fits, searches = compare(X, y, options.splits, GRID, options.jobs, progress)
            results[name] = fits, searches, learning_curves(X, y, options.splits)
            line.close()
            print(f"\n{name}: {X.shape[0]} rows, {X.shape[1]} features")
            print(format_table(fits))
            print(format_choices(searches))
            ours, theirs = time_searches(X, y, GRID, options.jobs)
            print(
                f"the search again: {ours:.1f} s in lockstep, {theirs:.1f} s by "
                "scikit-learn's GridSearchCV over the same networks"
            )
    try:
        draw(results, options.figure)
    except ImportError:
        print("\nNo figure: it needs matplotlib (pip install matplotlib).")
    else:
        print(f"\nFigure: {options.figure.resolve()}")


if __name__ == "__main__":
    main()
