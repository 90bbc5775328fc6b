"""The path of a network from all inputs to none."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from html import escape

import numpy as np
from sklearn.utils.validation import check_consistent_length

from .._core.objective import Objective
from .._core.penalties import make_penalty
from .._fitting.fit import fit_many, task_of
from .._fitting.judging import Judge
from .._fitting.scoring import checked_scorer
from .._fitting.sparse_path import PathPoint, run_paths
from .._fitting.tasks import predicting_attributes
from .._typing import ArrayLike, Estimator, MatrixLike, Scoring
from .._utils.progress import ProgressLines
from .._utils.publishing import quietly
from .._utils.tables import html_table, short_number, spread_out, text_table
from .._utils.warnings import each_warning_once
from .._utils.wrappers import find_model
from ..neural_network._base import check_not_empty
from ..neural_network._reporting import warn_about_paths
from ._halves import check_target_varies
from ._opened import check_path_estimator, open_estimator

__all__ = ["FeaturePath", "feature_path", "trace_paths"]


# A table of a path shows at most so many numbers of inputs.
_MOST_SHOWN = 10


@dataclass(repr=False)
class FeaturePath:
    """A network's path from all inputs to none. Print it for a table.

    Attributes
    ----------
    feature_alphas : ndarray of shape (n_points,)
        The penalty of each point, rising from the 0.0 of the dense fit.
    support : ndarray of bool of shape (n_points, n_features)
        The inputs that are left at each point.
    n_features_selected : ndarray of int of shape (n_points,)
        The number of inputs that are left at each point.
    coefs, intercepts : list of list of ndarray
        The network's parameters at each point, like `coefs_` and `intercepts_` of an
        estimator.
    train_scores, validation_scores : ndarray of shape (n_points,)
        The scores of each point; `validation_scores` is None without validation data.
    kkt_residuals : ndarray of shape (n_points,)
        How far each point is from stationary: the largest distance of minus the
        gradient to the subdifferential of the penalty. Minibatch steps do not come to
        rest, so it is not zero; ``solver="fista"`` with ``warm_start=True`` polishes a
        point.
    ranking : ndarray of int of shape (n_features,)
        1 for the input that leaves last. Inputs that leave together are ordered by the
        norm of their weights at the last point that has them.
    feature_names : ndarray of shape (n_features,)
        The inputs' names: those of the columns of X, or of the columns that the steps
        of a Pipeline make; ``x0``, ``x1``... if they have none.
    periodic_features : list of named tuple, or None
        With `n_frequencies`, the parameters of the waves at each point: `inputs`,
        `frequencies`, `phases` and `mixing`, like `embedded_inputs_` and the like of an
        estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skreg import MLPClassifier
    >>> from skreg.feature_selection import feature_path
    >>> iris = load_iris()
    >>> network = MLPClassifier((20,), learning_rate_init=0.01, random_state=0)
    >>> path = feature_path(network, scale(iris.data), iris.target)
    >>> path.ranking.shape, len(path.coefs) == len(path.feature_alphas)
    ((4,), True)
    >>> two = path.point_of(2)
    >>> [iris.feature_names[k] for k in np.flatnonzero(path.support[two])]
    ['petal length (cm)', 'petal width (cm)']
    """

    feature_alphas: np.ndarray
    support: np.ndarray
    n_features_selected: np.ndarray
    coefs: list
    intercepts: list
    train_scores: np.ndarray
    validation_scores: np.ndarray | None
    kkt_residuals: np.ndarray
    ranking: np.ndarray
    feature_names: np.ndarray | None = None
    periodic_features: list | None = None

    def __repr__(self):
        n_points, n_features = self.support.shape
        return f"FeaturePath({n_points} points, {n_features} inputs to none)"

    def __str__(self):
        return f"{self!r}\n{text_table(*self._table())}"

    def _repr_html_(self):
        return f"<p>{escape(repr(self))}</p>{html_table(*self._table())}"

    def _table(self):
        """The header, and rows for some numbers of inputs."""
        header = ["inputs left", "feature_alpha", "train score"]
        columns = [self.n_features_selected, self.feature_alphas, self.train_scores]
        if self.validation_scores is not None:
            header.append("validation score")
            columns.append(self.validation_scores)
        header.append("next to leave")
        sizes = np.unique(self.n_features_selected)[::-1]
        rows = []
        for size in spread_out(sizes, _MOST_SHOWN):
            point = self.point_of(size)
            numbers = [short_number(column[point]) for column in columns[1:]]
            rows.append([size, *numbers, self._next_to_leave(size)])
        return header, rows

    def _next_to_leave(self, n_left):
        if n_left == 0:
            return ""
        last = int(np.flatnonzero(self.ranking == n_left)[0])
        return name_of(last, self.feature_names)

    def point_of(self, n_features: int) -> int:
        """The point with the largest support of at most `n_features` inputs.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        int
            The position of the point. Of several points with equally many inputs it is
            the first one, which has the weakest penalty.

        Raises
        ------
        ValueError
            If every point has more inputs.
        """
        return point_of(self.n_features_selected, n_features)


def name_of(feature, names):
    """The name of an input, ``x0``, ``x1``... if it has none."""
    return f"x{feature}" if names is None else str(names[feature])


def point_of(n_features_selected, n_features):
    """See `FeaturePath.point_of`."""
    sizes = np.asarray(n_features_selected)
    fitting = sizes <= n_features
    if not fitting.any():
        raise ValueError(
            f"No point of the path has n_features={n_features} inputs or fewer: the "
            f"smallest has {sizes.min()}."
        )
    return int(np.flatnonzero(fitting & (sizes == sizes[fitting].max()))[0])


@each_warning_once()
def trace_paths(tasks, X, y, *, n_enough=0, take=None, faults=None):
    """The points of every task's path to its end; all paths train side by side.

    Parameters
    ----------
    tasks : list of FitTask
    X, y
        Data validated as `fit_many` needs them.
    n_enough : int, default=0
        A path may end when at most so many inputs are left.
    take : callable, default=None
        ``take(point)`` gives what is kept of a PathPoint; by default all of it.
    faults : list, default=None
        For each path, the Fault of its dense network, or None, is appended.

    Returns
    -------
    list of list of PathPoint, or of what `take` gave
    """

    def train(tasks, X, y, validation):
        return fit_many(tasks, X, y, validation=validation)

    paths = [[] for _ in tasks]
    for points in run_paths(train, tasks, X, y, to_the_end=True, n_enough=n_enough):
        for task, path, point in zip(tasks, paths, points, strict=True):
            if isinstance(point, PathPoint):
                if faults is not None and not path:
                    faults.append(_fault_at(point, task, X, y))
                path.append(point if take is None else take(point))
            elif point is not None:
                raise point.error
    return paths


def _fault_at(point, task, X, y):
    """What is wrong with the network of a point, or None."""
    judge = Judge(X, y, task.sample_weight, task.rows)
    return judge.fault_of(task.config, point.outcome)


def rank_features(points, groups):
    """Ranks of the inputs, 1 for the last to leave; see `FeaturePath.ranking`."""
    return rank_traces([(point.support, norms_at(point, groups)) for point in points])


def norms_at(point, groups):
    """The inputs' norms, which rank those that leave together: ``(n_features,)``."""
    if not point.support.any():
        return np.zeros(len(point.support))
    groups = groups.of_rows(point.outcome.network.owners)
    return groups.norms(_first_layer(point)[None])[0][groups.labels]


def rank_traces(traces):
    """As `rank_features`, from pairs of the support and the norms of each point.

    If a path ended early, with q inputs or fewer, its best q inputs are those that the
    whole path would rank best: all that are left, and the last ones that left.
    """
    support = np.array([support for support, _ in traces])
    last_point = len(traces) - 1 - support[::-1].argmax(axis=0)
    norms = np.array([norms for _, norms in traces])
    norms = norms[last_point, np.arange(support.shape[1])]
    order = np.lexsort((-norms, -last_point))
    ranking = np.empty(len(order), dtype=int)
    ranking[order] = np.arange(1, len(order) + 1)
    return ranking


def _first_layer(point):
    network, params = point.outcome.network, point.outcome.state.params
    return network.weights(params[None])[0][0]


def fitted_at(estimator, point):
    """A shallow copy of an estimator that is fitted as at a point of the path."""
    fitted = copy.copy(estimator)
    outcome = point.outcome
    outcome.apply_to(fitted)
    at_point = outcome.network, outcome.encoding, outcome.state.params
    vars(fitted).update(predicting_attributes(*at_point))
    return fitted


@each_warning_once()
@quietly
def feature_path(
    estimator: Estimator,
    X: MatrixLike,
    y: ArrayLike,
    *,
    X_val: MatrixLike | None = None,
    y_val: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    scoring: Scoring = None,
    verbose: int = 0,
) -> FeaturePath:
    """Trace a network's path from all inputs to none.

    The network is fitted without a feature penalty, by the estimator's own parameters.
    Then `feature_alpha` rises from a value that does nothing, found from the data, by
    factors that adapt to how fast inputs go, with a few epochs at each value. With the
    default ``feature_penalty="log_sum"`` the inputs that are left keep their strength.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a Pipeline or target transformer
        The network, with ``alpha > 0`` and the solver "adam", "sgd" or "fista". Its
        `feature_alpha` and `early_stopping` are not used. Steps before it are fitted on
        X, and the path is that of the columns they make. A transformer of the target is
        fitted on y, and scores are those of y itself.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    X_val, y_val : default=None
        Validation data to score each point by. `X_val` has the columns of X, in the
        same order.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows for the network; the steps before it do not get them.
    scoring : str, callable or None, default=None
        A scorer; None is the estimator's `score`.
    verbose : int, default=0
        Above zero, a line is printed whenever inputs have left. (There is no `n_jobs`,
        because each point of a path begins where the one before ended.)

    Returns
    -------
    FeaturePath

    Raises
    ------
    TypeError
        If the estimator has no network of skreg inside.
    ValueError
        If the network's parameters do not allow a path, if only one of `X_val` and
        `y_val` is given, if y is constant, or if training fails.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skreg import MLPClassifier
    >>> from skreg.feature_selection import feature_path
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> network = MLPClassifier((20,), learning_rate_init=0.01, random_state=0)
    >>> path = feature_path(network, X, y)
    >>> path.n_features_selected[[0, -1]].tolist()
    [4, 0]
    >>> path.support[path.point_of(2)].tolist()
    [False, False, True, True]
    """
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")
    if X_val is not None:
        check_not_empty(X_val, "X_val")
    network = check_path_estimator(find_model(estimator, exact=True)[1])
    # An invalid scorer is an error before anything is trained.
    checked_scorer(network, scoring, sample_weight is not None)
    opened = open_estimator(estimator, X, y, sample_weight)
    if X_val is not None:
        X_val = opened.transform(X_val)
        check_consistent_length(X_val, y_val)
    check_target_varies(opened.network, opened.y, sample_weight=opened.sample_weight)
    task = task_of(opened.network, sample_weight=opened.sample_weight)
    faults = []
    (points,) = trace_paths(
        [task], opened.X, opened.y, take=_Telling(verbose), faults=faults
    )
    warn_about_paths(faults)
    return as_path(opened, points, X_val, y_val, scoring)


class _Telling:
    """Called with each point of a path, it prints how many inputs are left."""

    def __init__(self, verbose):
        self._lines = ProgressLines("feature_path", verbose)
        self._n_left = None

    def __call__(self, point):
        n_left = int(point.support.sum())
        if n_left != self._n_left:
            self._n_left = n_left
            self._lines.say(
                f"{n_left} of {len(point.support)} inputs left at "
                f"feature_alpha={point.feature_alpha:.3g}"
            )
        return point


def as_path(opened, points, X_val=None, y_val=None, scoring=None):
    """The points of a path as a FeaturePath.

    Parameters
    ----------
    opened : OpenedEstimator
    points : list of PathPoint
    X_val, y_val
        Validation data: the rows as the network is given them, the target as the user
        gave it.
    scoring : str, callable or None
    """
    estimator, X, y = opened.network, opened.X, opened.y
    sample_weight = opened.sample_weight
    groups = estimator._make_config().input_groups(X)
    fitted = [fitted_at(estimator, point) for point in points]
    scored = [scored_as_array(model, opened) for model in fitted]
    scorer, _ = checked_scorer(scored[0], scoring, sample_weight is not None)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    validation_scores = None
    if X_val is not None:
        validation_scores = np.array([scorer(model, X_val, y_val) for model in scored])
    support = np.array([point.support for point in points])
    return FeaturePath(
        feature_alphas=np.array([point.feature_alpha for point in points]),
        support=support,
        n_features_selected=support.sum(axis=1),
        coefs=[model.coefs_ for model in fitted],
        intercepts=[model.intercepts_ for model in fitted],
        train_scores=np.array(
            [scorer(model, X, opened.y_scored, **weights) for model in scored]
        ),
        validation_scores=validation_scores,
        kkt_residuals=_kkt_residuals(estimator, points, X, y, groups),
        ranking=rank_features(points, groups),
        feature_names=_names_of(opened.feature_names, X.shape[1]),
        periodic_features=(
            [model._periodic_features for model in fitted]
            if estimator.n_frequencies > 0
            else None
        ),
    )


def scored_as_array(network, opened):
    """The estimator around a network, without column names, which arrays lack."""
    network = copy.copy(network)
    network.__dict__.pop("feature_names_in_", None)
    return opened.around(network)


def _names_of(names, n_features):
    if names is None or len(names) != n_features:
        names = [f"x{column}" for column in range(n_features)]
    return np.asarray(names, dtype=object)


def _kkt_residuals(estimator, points, X, y, groups):
    first = points[0].outcome
    Y = estimator._problem.encode_for_training(y, first.encoding, X.dtype)
    Y = estimator._problem.training_target(Y, first.encoding)
    model = copy.copy(estimator)
    residuals = []
    for point in points:
        state, network = point.outcome.state, point.outcome.network
        model.feature_alpha = point.feature_alpha
        model.feature_epsilon = state.feature_epsilon
        of_rows = groups.of_rows(network.owners)
        penalty = make_penalty([model], estimator.feature_penalty, of_rows, X.dtype)
        stream = state.stream
        objective = Objective(network, penalty, X, Y, stream.rows, stream.sample_weight)
        with objective.blas_threads():
            residuals.append(objective.kkt_residual(state.params[None])[0])
    return np.array(residuals)
