"""A transformer that keeps those inputs that a sparse network keeps."""

from __future__ import annotations

import numbers
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.feature_selection import SelectorMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._fitting.fit import task_of
from .._fitting.members import member_tasks
from .._fitting.scoring import checked_scorer
from .._typing import ArrayLike, CrossValidation, Estimator, MatrixLike, Scoring
from .._utils.columns import take_attributes
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import HasMethods, Interval, RealNotInt, StrOptions
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once
from .._utils.wrappers import find_model, transforms_target
from ..model_selection._candidates import with_groups
from ..model_selection._scores import best_first
from ..model_selection._splits import list_splits
from ..neural_network._reporting import warn_about_paths
from ._blocks import trace_in_blocks
from ._halves import check_target_varies
from ._opened import check_path_estimator, open_estimator
from ._path import as_path, fitted_at, point_of, scored_as_array

__all__ = ["SparseInputSelector"]


class SparseInputSelector(
    PresentationMixin, VersionedMixin, SelectorMixin, MetaEstimatorMixin, BaseEstimator
):
    """Select inputs by the path of a network from all of them to none.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a TransformedTargetRegressor
        The network, with ``alpha > 0``. Preprocessing steps belong before the selector.

    n_features_to_select : int, float, "best" or "1se", default="1se"
        How many inputs to keep: an int is their number, a float in (0, 1] their share,
        "best" the number with the best cross-validated score, and "1se" the smallest
        number whose score is within one standard error of the best (Breiman et al.
        1984).

    cv : int, cross-validation generator or iterable, default=5
        The folds for "best" and "1se". Their paths train side by side and are aligned
        by the number of inputs: a fold's score for k inputs is that of its largest
        support of at most k inputs. Points of a path are scored without refitting.

    scoring : str, callable or None, default=None
        A scorer; None is the estimator's `score`.

    n_jobs : int or None, default=None
        Number of workers that share the paths, as in joblib. The results are the same
        for any number.

    verbose : int, default=0
        Above zero, lines say how many of the paths are done.

    Attributes
    ----------
    support_ : ndarray of bool of shape (n_features,)
        The inputs that are kept.
    n_features_ : int
        The number of inputs that are kept.
    ranking_ : ndarray of int of shape (n_features,)
        1 for the inputs that are kept. The others rank by when they left the path: the
        last one to leave has rank 2, the first one the highest rank.
    path_ : FeaturePath
        The path of the network trained on all rows.
    estimator_ : estimator
        The estimator fitted on the selected inputs, without a feature penalty.
    cv_results_ : dict of ndarray or None
        With "best" and "1se": `n_features`, `mean_test_score`, `std_error` and
        `split{i}_test_score`, for every number of inputs from all of them down to one.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    feature_path : The path itself.
    StabilitySelection : Selection with a bound on false selections.

    Notes
    -----
    With `feature_groups` a group is kept or dropped as a whole. Then the number of
    inputs that are kept may be below the number asked for.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skreg import MLPClassifier
    >>> from skreg.feature_selection import SparseInputSelector
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> network = MLPClassifier(
    ...     (20,), learning_rate_init=0.01, max_iter=2000, random_state=0
    ... )
    >>> selector = SparseInputSelector(network, n_features_to_select=2).fit(X, y)
    >>> selector.get_support().tolist()
    [False, False, True, True]
    >>> selector.transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "n_features_to_select": [
            Interval(numbers.Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            StrOptions({"best", "1se"}),
        ],
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "n_jobs": [numbers.Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Estimator,
        *,
        n_features_to_select: Literal["best", "1se"] | float = "1se",
        cv: CrossValidation = 5,
        scoring: Scoring = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_features_to_select = n_features_to_select
        self.cv = cv
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.verbose = verbose

    @each_warning_once()
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Trace the path, choose a point on it, and refit on its inputs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a group-wise `cv` and for the `validation_splitter`
            of the network that is fitted on the selected inputs.

        Returns
        -------
        self : object
            The fitted selector. After an error it is as it was before the call.

        Raises
        ------
        TypeError
            If the estimator has no network of skreg inside.
        ValueError
            If a parameter is invalid or does not allow a path, if y is constant on the
            rows or on a fold's training rows, if `n_features_to_select` is above the
            number of features or below the size of every group, or if all scores are
            NaN.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight, groups)
        return self

    def _fit(self, X, y, sample_weight, groups):
        prefix, network = find_model(self.estimator, exact=True)
        network = check_path_estimator(network)
        # An invalid scorer is an error before anything is trained.
        checked_scorer(network, self.scoring, sample_weight is not None)
        opened = open_estimator(self.estimator, X, y, sample_weight, needs_columns=True)
        X_given, plain, X, y = X, opened.network, opened.X, opened.y_scored
        sample_weight = opened.sample_weight
        self._take_columns_of(plain)
        check_target_varies(plain, y, sample_weight=sample_weight)
        plain.random_state = seed_of(plain.random_state)
        folds = []
        if self.n_features_to_select in ("best", "1se"):
            cv = check_cv(self.cv, y, classifier=is_classifier(plain))
            folds = list_splits(cv, X, y, groups=groups)
        for number, (train, _) in enumerate(folds):
            part = f" on the training rows of split {number} of cv"
            check_target_varies(plain, y, train, sample_weight, part)
        opened_folds, fold_paths, points = self._trace_all(opened, X_given, folds)
        self.path_ = as_path(opened, points, scoring=self.scoring)
        self.cv_results_ = None
        if folds:
            self.cv_results_ = self._align(opened_folds, fold_paths, folds, X, y)
        input_groups = plain._make_config().input_groups(X)
        self.support_ = best_ranked(self.path_.ranking, self._n_wanted(), input_groups)
        self.n_features_ = int(self.support_.sum())
        if self.n_features_ == 0:
            raise ValueError(
                f"No group of inputs has at most {self._n_wanted()} columns, the "
                "number to select: raise n_features_to_select, or split feature_groups."
            )
        self.ranking_ = np.where(
            self.support_, 1, 1 + _ranks_among(self.path_.ranking, ~self.support_)
        )
        self.estimator_ = clone(self.estimator).set_params(
            **{f"{prefix}feature_alpha": 0.0, f"{prefix}feature_groups": None}
        )
        params = {} if sample_weight is None else {"sample_weight": sample_weight}
        params = with_groups(self.estimator_, params, groups)
        self.estimator_.fit(X[:, self.support_], y, **params)

    def _trace_all(self, opened, X_given, folds):
        """Trace the paths of all folds and that of all rows.

        Parameters
        ----------
        opened : OpenedEstimator
            The estimator opened on all rows.
        X_given
            X as the user gave it.
        folds : list of (train, test)

        Returns
        -------
        opened_folds : list of OpenedEstimator
            The estimator opened on the training rows of each fold, or that of all rows
            if no transformer of the target differs between them.
        fold_paths : list of list of PathPoint
        points : list of PathPoint
            The path of all rows.
        """
        plain, sample_weight, faults = opened.network, opened.sample_weight, []
        if folds and transforms_target(self.estimator):
            # Each fold transforms the target by what its training rows say.
            opened_folds = [
                open_estimator(
                    self.estimator, X_given, opened.y_scored, sample_weight, rows=train
                )
                for train, _ in folds
            ]
            fold_paths = [self._path_of(each, plain, faults) for each in opened_folds]
            whole = task_of(plain, sample_weight=sample_weight)
            (points,) = self._trace([whole], opened.X, opened.y, faults)
        else:
            opened_folds = [opened] * len(folds)
            row_sets = [*(train for train, _ in folds), None]
            tasks = member_tasks(
                [plain] * len(row_sets), row_sets, sample_weight=sample_weight
            )
            *fold_paths, points = self._trace(tasks, opened.X, opened.y, faults)
        warn_about_paths(faults)
        return opened_folds, fold_paths, points

    def _trace(self, tasks, X, y, faults):
        return trace_in_blocks(
            tasks,
            X,
            y,
            name=type(self).__name__,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            faults=faults,
        )

    def _path_of(self, opened, plain, faults):
        """The path of one fold, whose target is transformed on its own."""
        opened.network.random_state = plain.random_state
        task = task_of(opened.network, sample_weight=opened.sample_weight)
        (points,) = self._trace([task], opened.X, opened.y, faults)
        return points

    def _take_columns_of(self, estimator):
        take_attributes(self, estimator)
        n_asked = self.n_features_to_select
        is_count = isinstance(n_asked, numbers.Integral)
        if is_count and n_asked > self.n_features_in_:
            raise ValueError(
                f"n_features_to_select={n_asked} is more than the "
                f"{self.n_features_in_} features of X."
            )

    def _align(self, opened_folds, fold_paths, folds, X, y):
        """The scores of every fold's path for every number of inputs."""
        n_features = np.arange(self.n_features_in_, 0, -1)
        scores = np.empty((len(folds), len(n_features)))
        for fold, (points, (_, test)) in enumerate(zip(fold_paths, folds, strict=True)):
            opened = opened_folds[fold]
            fitted = [
                scored_as_array(fitted_at(opened.network, point), opened)
                for point in points
            ]
            scorer = check_scoring(fitted[0], scoring=self.scoring)
            at_points = [scorer(model, X[test], y[test]) for model in fitted]
            sizes = [point.support.sum() for point in points]
            scores[fold] = [at_points[point_of(sizes, k)] for k in n_features]
        results = {f"split{i}_test_score": row for i, row in enumerate(scores)}
        results["n_features"] = n_features
        results["mean_test_score"] = scores.mean(axis=0)
        results["std_error"] = np.zeros(len(n_features))
        if len(folds) > 1:
            # The deviation of infinite scores is NaN, without a warning.
            with np.errstate(invalid="ignore"):
                deviations = scores.std(axis=0, ddof=1)
            results["std_error"] = deviations / np.sqrt(len(folds))
        return results

    def _n_wanted(self):
        n_asked = self.n_features_to_select
        if isinstance(n_asked, numbers.Integral):
            return int(n_asked)
        if not isinstance(n_asked, str):
            return max(1, int(n_asked * self.n_features_in_))
        n_features = self.cv_results_["n_features"]
        means = self.cv_results_["mean_test_score"]
        # Of equally good numbers of inputs the smallest is taken, which comes last.
        order = best_first(means[::-1], self.scoring, "numbers of inputs")
        best = len(means) - 1 - int(order[0])
        if n_asked == "best":
            return int(n_features[best])
        # An infinite best score has an error of NaN, which counts as zero.
        bound = means[best] - np.nan_to_num(self.cv_results_["std_error"][best])
        return int(n_features[means >= bound].min())

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def seed_of(random_state):
    """A `random_state` as an int that all tasks share, drawn if it is not an int."""
    if isinstance(random_state, numbers.Integral):
        return random_state
    return check_random_state(random_state).randint(np.iinfo(np.int32).max)


def best_ranked(ranking, n_features, groups):
    """The best-ranked inputs in whole groups, at most `n_features` inputs.

    Parameters
    ----------
    ranking : ndarray of int of shape (n_features_in,)
    n_features : int
    groups : InputGroups

    Returns
    -------
    ndarray of bool of shape (n_features_in,)
    """
    support = np.zeros(len(ranking), dtype=bool)
    labels_by_rank = dict.fromkeys(groups.labels[np.argsort(ranking)].tolist())
    for label in labels_by_rank:
        if support.sum() + groups.sizes[label] <= n_features:
            support[groups.labels == label] = True
    return support


def _ranks_among(ranking, mask):
    """The ranks of the inputs in a mask among themselves, from 1."""
    order = np.argsort(ranking)
    counted = np.cumsum(mask[order])
    ranks = np.empty(len(ranking), dtype=int)
    ranks[order] = counted
    return ranks
