"""How the score depends on the penalties that a search tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._typing import Floats
from .._utils.publishing import quietly
from ..model_selection._scores import best_first
from ._shown_part import find_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PenaltyGridDisplay"]


class PenaltyGridDisplay:
    """Scores over one penalty as a curve, over two as a heat map, the choice marked.

    The heat map colours the candidates that are worth comparing. Those far below, such
    as networks that the penalty has killed, are grey.

    The band around a curve is one standard error of the mean over the folds. Folds
    share most of their training rows, so the band tells noise from signal only roughly.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    names : list of str
        The one or two parameters that are drawn.
    values : list of list
        The values of each parameter, sorted.
    test_scores : ndarray of shape (n_values,) or (n_values, n_values)
        Mean scores over the folds, NaN where a pair of values was not tried.
    test_errors : ndarray, default=None
        Standard errors of these means.
    train_scores, train_errors : ndarray, default=None
        The same for the training rows.
    choice : list, default=None
        The values of the candidate that the search chose.
    score_name : str, default="score"
        The name of the axis, or of the colours, that show the scores.
    held : dict, default=None
        Further parameters of the search, with the values that they have in every
        candidate that is drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn into.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : list of matplotlib Line2D
        With one parameter, the curve of the test rows, and that of the training rows if
        the search has their scores.
    image_ : matplotlib QuadMesh or None
        With two parameters, the heat map.
    choice_ : matplotlib artist or None
        The mark of the choice.

    See Also
    --------
    skreg.model_selection.GridSearchCV : Tries penalties in lockstep.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.inspection import PenaltyGridDisplay
    >>> from skreg.model_selection import GridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((8,), early_stopping=True, random_state=0)
    >>> search = GridSearchCV(network, {"alpha": [1e-3, 1e-1, 10.0]}).fit(X, y)
    >>> display = PenaltyGridDisplay.from_estimator(search)
    >>> display.names, display.values
    (['alpha'], [[0.001, 0.1, 10.0]])
    """

    def __init__(
        self,
        names: Sequence[str],
        values: Sequence[Sequence[Any]],
        test_scores: Floats,
        test_errors: Floats | None = None,
        train_scores: Floats | None = None,
        train_errors: Floats | None = None,
        choice: Sequence[Any] | None = None,
        score_name: str = "score",
        held: Mapping[str, Any] | None = None,
    ) -> None:
        self.names = names
        self.values = values
        self.test_scores = test_scores
        self.test_errors = test_errors
        self.train_scores = train_scores
        self.train_errors = train_errors
        self.choice = choice
        self.score_name = score_name
        self.held = held

    @classmethod
    def from_estimator(
        cls,
        search: Any,
        *,
        names: str | Sequence[str] | None = None,
        metric: str | None = None,
    ) -> Self:
        """Take the scores of a fitted search.

        Parameters
        ----------
        search : GridSearchCV or alike, or an estimator that ends in one
            The fitted search. Of successive halving, the last rung of each candidate
            counts.
        names : str or list of str, default=None
            One or two parameters of the search, by default all that it varied. The
            others are held at the chosen candidate's values.
        metric : str, default=None
            Which one of several scores to draw, by default the one that the search
            chose by.

        Returns
        -------
        display : PenaltyGridDisplay

        Raises
        ------
        ValueError
            If the search has no such score or parameter, if there are not one or two
            parameters to draw, or if no candidate has them all.
        """
        search = find_part(
            search,
            lambda part: "params" in getattr(part, "cv_results_", ()),
            "table of candidates",
            "a fitted search, such as GridSearchCV, or a Pipeline or "
            "TransformedTargetRegressor that ends in one",
        )
        results = search.cv_results_
        metric = _metric_of(search, metric)
        rows = _last_rungs(results)
        best = _best_row(search, results, metric, rows)
        varied = _varied(results, rows)
        names = _check_names(varied if names is None else names, varied, results)
        chosen = results["params"][best]
        held = {
            name: chosen[name]
            for name in varied
            if name not in names and name in chosen
        }
        rows = _rows_to_draw(results["params"], rows, names, held)
        values, tables = _tables_of(results, rows, names, metric)
        # Of a list of grids, the choice may be from one without these parameters.
        has_names = all(name in chosen for name in names)
        choice = [chosen[name] for name in names] if has_names else None
        # The spread in the tables divides by the number of folds, the standard error
        # of a mean by one less.
        root = np.sqrt(max(search.n_splits_ - 1, 1))
        errors = [tables[f"std_{part}"] for part in ("test", "train")]
        errors = [None if error is None else error / root for error in errors]
        return cls(
            names=names,
            values=values,
            test_scores=tables["mean_test"],
            test_errors=errors[0],
            train_scores=tables["mean_train"],
            train_errors=errors[1],
            choice=choice,
            score_name=metric if metric != "score" else _name_of_scoring(search),
            held=held,
        )

    @quietly
    def plot(self, ax: Axes | None = None, **params: Any) -> Self:
        """Draw the curve or the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw into; by default those of a new figure.
        **params : dict
            Passed on to matplotlib's ``plot`` for the curves, to ``pcolormesh`` for the
            heat map.

        Returns
        -------
        self : PenaltyGridDisplay
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.image_, self.choice_ = [], None, None
        if len(self.names) == 1:
            self._plot_curves(params)
        else:
            self._plot_map(params)
        title = []
        if len(self.names) == 2 and self.choice is not None:
            chosen = dict(zip(self.names, self.choice, strict=True))
            title.append(f"choice: {_settings(chosen)}")
        if self.held:
            title.append(f"with {_settings(self.held)}")
        ax.set_title("\n".join(fill(line, 60) for line in title), fontsize="medium")
        return self

    def _plot_curves(self, params):
        ax, (values,) = self.ax_, self.values
        axis = _Axis(values)
        parts = [("test rows", self.test_scores, self.test_errors)]
        if self.train_scores is not None:
            parts.append(("training rows", self.train_scores, self.train_errors))
        for label, scores, errors in parts:
            (line,) = ax.plot(
                axis.positions, scores, **{"marker": "o", "label": label, **params}
            )
            self.lines_.append(line)
            if errors is not None:
                ax.fill_between(
                    axis.positions,
                    scores - errors,
                    scores + errors,
                    color=line.get_color(),
                    alpha=0.2,
                    linewidth=0,
                )
        if self.choice is not None:
            place = _position(self.choice[0], values)
            self.choice_ = ax.axvline(
                axis.positions[place],
                color="0.4",
                linestyle="--",
                linewidth=1,
                label=f"choice: {_text(self.choice[0])}",
            )
        lowest = _lowest_compared(self.test_scores)
        # The axis ends where one low point would flatten the rest of the curve.
        if lowest is not None:
            span = np.nanmax(self.test_scores) - lowest
            if span > 0 and np.nanmin(self.test_scores) < lowest - 10 * span:
                shown = self.test_scores >= lowest
                tops = [
                    np.nanmax((scores if errors is None else scores + errors)[shown])
                    for _, scores, errors in parts
                ]
                ax.set_ylim(lowest - span / 10, max(tops) + span / 10)
        axis.label(ax.xaxis, ax.set_xscale)
        ax.set_xlabel(self.names[0])
        ax.set_ylabel(self.score_name)
        ax.legend()

    def _plot_map(self, params):
        ax = self.ax_
        rows, columns = self.values
        # Each pair of values has a cell of the same size, however they are spaced.
        if not {"norm", "vmin"} & params.keys():
            params = {"vmin": _lowest_compared(self.test_scores), **params}
        self.image_ = ax.pcolormesh(
            np.arange(len(columns)),
            np.arange(len(rows)),
            np.ma.masked_invalid(self.test_scores),
            **{"shading": "nearest", **params},
        )
        self.image_.set_cmap(self.image_.get_cmap().with_extremes(under="0.75"))
        lowest = self.image_.norm.vmin
        has_lower = lowest is not None and (self.test_scores < lowest).any()
        ax.set_xticks(np.arange(len(columns)), [_text(value) for value in columns])
        ax.set_yticks(np.arange(len(rows)), [_text(value) for value in rows])
        if len(columns) > 6:
            ax.tick_params(axis="x", rotation=60)
        ax.set_xlabel(self.names[1])
        ax.set_ylabel(self.names[0])
        self.figure_.colorbar(
            self.image_,
            ax=ax,
            label=f"{self.score_name}, test rows",
            extend="min" if has_lower else "neither",
        )
        if self.choice is not None:
            (self.choice_,) = ax.plot(
                _position(self.choice[1], columns),
                _position(self.choice[0], rows),
                marker="s",
                markersize=12,
                markerfacecolor="none",
                markeredgecolor="red",
                markeredgewidth=2,
                linestyle="none",
                label="choice",
            )


class _Axis:
    """The places of values: numbers stand on a scale, others side by side."""

    def __init__(self, values):
        self._values = values
        is_number = all(_is_number(value) for value in values)
        self._is_even = not is_number
        self.positions = np.asarray(values if is_number else range(len(values)), float)
        positive = self.positions[self.positions > 0]
        self._is_log = (
            is_number and len(positive) > 1 and positive.max() / positive.min() > 30
        )
        # On a logarithmic scale zero stands to the left of the smallest positive value.
        self._smallest = positive.min() if len(positive) else 1.0

    def label(self, axis, set_scale):
        if self._is_even:
            axis.set_ticks(self.positions, [_text(value) for value in self._values])
        elif self._is_log and (self.positions <= 0).any():
            set_scale("symlog", linthresh=self._smallest)
        elif self._is_log:
            set_scale("log")


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _text(value):
    if isinstance(value, (float, np.floating)):
        return f"{value:.3g}"
    return shorten(str(value), 40, placeholder="...")


def _settings(parameters):
    return ", ".join(f"{name}={_text(parameters[name])}" for name in parameters)


def _lowest_compared(scores):
    """The lowest score that is worth comparing with others, or None without scores.

    Candidates that predict a constant all have the same low score, and there may be
    many of them. So the other candidates decide: a score is too low if it lies more
    than twice as far below the best one as their lower quartile.
    """
    scores = scores[np.isfinite(scores)]
    if not scores.size:
        return None
    worst, best = scores.min(), scores.max()
    others = scores[scores > worst + 0.05 * (best - worst)]
    if others.size < 2:
        return worst
    too_low = best - 2 * (best - np.quantile(others, 0.25))
    return scores[scores >= too_low].min()


def _same(a, b):
    return a is b or np.array_equal(a, b)


def _sorted_values(values):
    distinct = []
    for value in values:
        if not any(_same(value, known) for known in distinct):
            distinct.append(value)
    return sorted(distinct) if all(map(_is_number, distinct)) else distinct


def _position(value, values):
    return next(i for i, known in enumerate(values) if _same(value, known))


def _metric_of(search, metric):
    results = search.cv_results_
    metrics = [
        key.removeprefix("mean_test_")
        for key in results
        if key.startswith("mean_test_")
    ]
    if metric is None:
        refit = search.refit
        metric = refit if isinstance(refit, str) and refit in metrics else metrics[0]
    if metric not in metrics:
        raise ValueError(f"The search has no score {metric!r}: it has {metrics}.")
    return metric


def _name_of_scoring(search):
    return search.scoring if isinstance(search.scoring, str) else "score"


def _check_names(names, varied, results):
    """The one or two parameters to draw as a list; an error if they cannot be drawn."""
    names = [names] if isinstance(names, str) else list(names)
    if not 1 <= len(names) <= 2:
        raise ValueError(
            f"One or two parameters can be drawn, not {names}: say which with names."
        )
    for name in names:
        if f"param_{name}" not in results:
            raise ValueError(f"The search has no parameter {name!r}: it has {varied}")
    return names


def _rows_to_draw(params, rows, names, held):
    """The rows of the candidates that have the drawn parameters and the held values."""
    rows = [
        row
        for row in rows
        if all(
            name in params[row] and _same(params[row][name], value)
            for name, value in held.items()
        )
        and all(name in params[row] for name in names)
    ]
    if not rows:
        raise ValueError(f"No candidate has the parameters {names}.")
    return rows


def _tables_of(results, rows, names, metric):
    """The values of the parameters, and the scores of the rows by these values.

    Returns
    -------
    values : list of list
        The values of each parameter, sorted.
    tables : dict of str to (ndarray or None)
        "mean_test", "std_test", "mean_train" and "std_train", each of one axis a
        parameter; None where the search has no such scores.
    """
    params = results["params"]
    values = [_sorted_values(params[row][name] for row in rows) for name in names]
    places = [
        tuple(
            _position(params[row][name], known)
            for name, known in zip(names, values, strict=True)
        )
        for row in rows
    ]
    tables = {}
    for kind in ("mean_test", "std_test", "mean_train", "std_train"):
        key = f"{kind}_{metric}"
        tables[kind] = None
        if key in results:
            tables[kind] = np.full([len(known) for known in values], np.nan)
            for place, row in zip(places, rows, strict=True):
                tables[kind][place] = results[key][row]
    return values, tables


def _last_rungs(results):
    """The rows to compare: all, but of successive halving each candidate's last."""
    if "iter" not in results:
        return list(range(len(results["params"])))
    last = {}
    for row, params in enumerate(results["params"]):
        key = repr(sorted(_without_epochs(params).items(), key=str))
        last[key] = row
    return sorted(last.values())


def _without_epochs(params):
    return {
        name: value
        for name, value in params.items()
        if name.rpartition("__")[2] != "max_iter"
    }


def _best_row(search, results, metric, rows):
    scores = results[f"mean_test_{metric}"][rows]
    order = best_first(scores, metric if metric != "score" else search.scoring)
    best = getattr(search, "best_index_", None)
    return rows[int(order[0])] if best is None else best


def _varied(results, rows):
    """The parameters of which the candidates have more than one value."""
    is_halving = "iter" in results
    names = []
    for key in results:
        name = key.removeprefix("param_")
        if name == key or (is_halving and name.rpartition("__")[2] == "max_iter"):
            continue
        params = [results["params"][row] for row in rows]
        values = [setting[name] for setting in params if name in setting]
        if len(_sorted_values(values)) > 1:
            names.append(name)
    return names
