"""The path from all inputs to none, as data."""

import copy
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from .._core.objective import Objective
from .._core.penalties import make_penalty
from .._fitting import quietly
from .._progress import ProgressLines
from .._warnings import each_warning_once
from ..neural_network._base import check_not_empty
from ..neural_network._dense_to_sparse import PathPoint, run_paths
from ..neural_network._fit_many import FitTask, fit_many
from ..neural_network._scoring import checked_scorer
from ._halves import check_target_varies

__all__ = ["FeaturePath", "feature_path", "check_path_estimator", "trace_paths"]


@dataclass
class FeaturePath:
    """A network's path from all inputs to none.

    Attributes
    ----------
    feature_alphas : ndarray of shape (n_points,)
        Rising, from the 0.0 of the dense fit.
    support : ndarray of bool of shape (n_points, n_features)
        The inputs that are left at each point.
    n_features_selected : ndarray of int of shape (n_points,)
    coefs, intercepts : list of list of ndarray
        Of each point, as `coefs_` and `intercepts_` of an estimator.
    train_scores, validation_scores : ndarray of shape (n_points,)
        By `scoring`; the latter is None without validation data.
    kkt_residuals : ndarray of shape (n_points,)
        How far each point is from stationary: the largest distance of minus the
        gradient to the subdifferential of the penalty. A path of minibatch steps is not
        at rest; ``solver="fista"`` with ``warm_start=True`` polishes a point.
    ranking : ndarray of int of shape (n_features,)
        1 for the input that leaves last. Inputs that leave together are ordered by the
        norm of their weights at the last point that has them.
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

    def point_of(self, n_features):
        """The point with the largest support not above a number of features.

        Of several the first, whose penalty is the weakest.
        """
        return point_of(self.n_features_selected, n_features)


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


def check_path_estimator(estimator):
    """A clone of the estimator that can go down a path, or an error that says why not.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor

    Returns
    -------
    MLPClassifier or MLPRegressor
    """
    if not hasattr(estimator, "feature_alpha"):
        raise TypeError(
            "estimator must be an MLPClassifier or MLPRegressor of skreg, got "
            f"{type(estimator).__name__}."
        )
    estimator = clone(estimator)
    if not estimator.feature_alpha > 0:
        # The path sets it; this asks whether it may.
        estimator.feature_alpha = 1.0
    estimator._validate_params()
    estimator._check_parameters_together()
    estimator.early_stopping, estimator.warm_start = False, False
    return estimator


@each_warning_once()
def trace_paths(tasks, X, y, *, n_enough=0, take=None):
    """The points of every task's path to its end; all paths train side by side.

    Parameters
    ----------
    tasks : list of FitTask
    X, y : validated as `fit_many` needs them
    n_enough : int, default=0
        A path may end where no more inputs are left.
    take : callable, default=None
        What to keep of a PathPoint; by default all of it.

    Returns
    -------
    list of list of PathPoint, or of what was taken of them
    """

    def train(tasks, X, y, validation):
        return fit_many(tasks, X, y, validation=validation)

    paths = [[] for _ in tasks]
    for points in run_paths(train, tasks, X, y, to_the_end=True, n_enough=n_enough):
        for path, point in zip(paths, points, strict=True):
            if isinstance(point, PathPoint):
                path.append(point if take is None else take(point))
            elif point is not None:
                raise point.error
    return paths


def rank_features(points, groups):
    """Ranks of the inputs, 1 for the last to leave; see `FeaturePath.ranking`."""
    return rank_traces([(point.support, norms_at(point, groups)) for point in points])


def norms_at(point, groups):
    """The norms that rank inputs which leave together: ``(n_features,)``."""
    if not point.support.any():
        return np.zeros(len(point.support))
    return groups.spread(groups.norms(_first_layer(point)[None])[0])


def rank_traces(traces):
    """As `rank_features`, of the supports and the norms of a path's points.

    Where a path ended with q inputs or fewer, the best q are those that the whole path
    would rank best: all that are left, and of the others those that left last.
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
    """The estimator as it is at a point (a shallow copy)."""
    fitted = copy.copy(estimator)
    point.outcome.apply_to(fitted)
    fitted.coefs_, fitted.intercepts_ = point.outcome.network.unpack(
        point.outcome.state.params
    )
    return fitted


@quietly
def feature_path(
    estimator,
    X,
    y,
    *,
    X_val=None,
    y_val=None,
    sample_weight=None,
    scoring=None,
    verbose=0,
):
    """Trace a network's path from all inputs to none.

    The network is fitted without a feature penalty, by the estimator's own parameters.
    Then `feature_alpha` rises from a value that does nothing, found from the data, by
    factors that adapt to how fast inputs go, with a few epochs at each value. With the
    default ``feature_penalty="log_sum"`` the inputs that are left keep their strength.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With ``alpha > 0`` and the solver "adam", "sgd" or "fista". Its `feature_alpha`
        and `early_stopping` are not used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    X_val, y_val : default=None
        Validation data, to score each point by.
    sample_weight : array-like of shape (n_samples,), default=None
    scoring : str, callable or None, default=None
        A scorer; None is the estimator's `score`.
    verbose : int, default=0
        Above zero a line is printed whenever inputs have left. (There is no `n_jobs`:
        each point of a path begins where the one before ended.)

    Returns
    -------
    FeaturePath

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
    plain = check_path_estimator(estimator)
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")
    if X_val is not None:
        check_not_empty(X_val, "X_val")
    # Before anything is trained.
    checked_scorer(plain, scoring, sample_weight is not None)
    validation_data = (None, None, None)
    X, y, sample_weight, _ = plain._check_data(
        X, y, sample_weight, validation_data, reset=True
    )
    check_target_varies(plain, y, sample_weight=sample_weight)
    take = _Telling(verbose)
    task = FitTask(plain, sample_weight=sample_weight)
    (points,) = trace_paths([task], X, y, take=take)
    return as_path(plain, points, X, y, sample_weight, X_val, y_val, scoring)


class _Telling:
    """Takes the points of one path, and says how many inputs are left."""

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


def as_path(
    estimator, points, X, y, sample_weight=None, X_val=None, y_val=None, scoring=None
):
    """The points of a path as a FeaturePath."""
    groups = estimator._input_groups(X.shape[1])
    fitted = [fitted_at(estimator, point) for point in points]
    # Scores are asked with arrays, which have no column names.
    for model in fitted:
        model.__dict__.pop("feature_names_in_", None)
    scorer, _ = checked_scorer(fitted[0], scoring, sample_weight is not None)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    validation_scores = None
    if X_val is not None:
        X_val = getattr(X_val, "to_numpy", lambda: X_val)()
        validation_scores = np.array([scorer(model, X_val, y_val) for model in fitted])
    support = np.array([point.support for point in points])
    return FeaturePath(
        feature_alphas=np.array([point.feature_alpha for point in points]),
        support=support,
        n_features_selected=support.sum(axis=1),
        coefs=[model.coefs_ for model in fitted],
        intercepts=[model.intercepts_ for model in fitted],
        train_scores=np.array([scorer(model, X, y, **weights) for model in fitted]),
        validation_scores=validation_scores,
        kkt_residuals=_kkt_residuals(estimator, points, X, y, groups),
        ranking=rank_features(points, groups),
    )


def _kkt_residuals(estimator, points, X, y, groups):
    first = points[0].outcome
    Y = estimator._encode(y, first.encoding, X.dtype)
    model = copy.copy(estimator)
    residuals = []
    for point in points:
        state, network = point.outcome.state, point.outcome.network
        model.feature_alpha = point.feature_alpha
        model.feature_epsilon = state.feature_epsilon
        penalty = make_penalty([model], estimator.feature_penalty, groups, X.dtype)
        stream = state.stream
        objective = Objective(network, penalty, X, Y, stream.rows, stream.sample_weight)
        with objective.blas_threads():
            residuals.append(objective.kkt_residual(state.params[None])[0])
    return np.array(residuals)
