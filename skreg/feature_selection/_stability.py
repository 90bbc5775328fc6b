r"""Stability selection: inputs that are chosen on most subsamples."""

from __future__ import annotations

import numbers
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._fitting.members import member_tasks
from .._typing import ArrayLike, Estimator, MatrixLike, RandomState
from .._utils.columns import take_attributes
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import HasMethods, Interval, StrOptions
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once
from ..neural_network._reporting import warn_about_paths
from ._blocks import trace_in_blocks
from ._halves import check_target_varies, draw_halves
from ._opened import open_estimator
from ._path import norms_at, rank_traces
from ._selector import best_ranked, seed_of

__all__ = ["StabilitySelection", "expected_false_selections"]


def expected_false_selections(threshold, q, n_features, n_pairs, assumption):
    r"""The bound on the mean number of falsely selected inputs.

    Parameters
    ----------
    threshold : float in (0.5, 1]
    q : float
        Number of inputs that each subsample selects.
    n_features : int
    n_pairs : int
    assumption : {"unimodal", "none"}

    Returns
    -------
    float
        ``q^2 / p * C``, see :class:`StabilitySelection`; infinite if there is no bound.
    """
    share = q / n_features
    if assumption == "none":
        gap = 2 * threshold - 1
        return q * share / gap if gap > 0 else np.inf
    half_step = 1 / (2 * n_pairs)
    gap = 2 * threshold - 1 - half_step
    if threshold <= 0.5 + min(share**2, half_step + 0.75 * share**2) or gap <= 0:
        return np.inf
    if threshold <= 0.75:
        return q * share / (2 * gap)
    return q * share * 4 * (1 - threshold + half_step) / (1 + 1 / n_pairs)


class StabilitySelection(
    PresentationMixin, VersionedMixin, SelectorMixin, MetaEstimatorMixin, BaseEstimator
):
    r"""Select the inputs that a sparse network keeps on most subsamples.

    The rows are cut `n_pairs` times into two halves at random. On each half a network
    goes down the path from all inputs to none, and the half selects the last `q` inputs
    to leave. An input is selected if the share of halves that select it, its stability
    score, is at least `threshold`. In classification each half has every class in
    proportion.

    Give two of `threshold`, `q` and `expected_false_selections`; the third follows from
    the bound below.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a TransformedTargetRegressor
        The network, with ``alpha > 0``. Preprocessing steps belong before the
        selection. A transformer of the target is fitted on all rows.

    threshold : float in (0.5, 1], default=None
        Share of subsamples that must select an input.

    q : int, default=None
        Number of inputs that each subsample selects.

    expected_false_selections : float, default=None
        Bound on the mean number of selected inputs that are no better than chance.

    n_pairs : int, default=50
        Number of complementary pairs of subsamples. Twice as many networks are trained
        side by side.

    assumption : {"unimodal", "none"}, default="unimodal"
        What the bound assumes of the distribution of a false input's score over pairs.

    random_state : int, RandomState instance or None, default=None
        Draws the subsamples, and the networks' initializations and shuffles if the
        estimator has no seed of its own.

    n_jobs : int or None, default=None
        Number of workers that share the paths, as in joblib. The results are the same
        for any number.

    verbose : int, default=0
        Above zero, lines say how many of the paths are done.

    Attributes
    ----------
    stability_scores_ : ndarray of shape (n_features,)
        Share of subsamples that selected each input.
    support_ : ndarray of bool of shape (n_features,)
        The inputs that are selected.
    threshold_, q_, expected_false_selections_ : float, int, float
        The values of the three parameters: two as given, the third as it follows.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    Notes
    -----
    Let ``p`` be the number of inputs. An input is *low* if a half selects it with a
    probability of at most ``q / p``, as if it chose q inputs at random. The mean number
    of low inputs that are selected is at most ``C(threshold, n_pairs) q^2 / p`` (Shah &
    Samworth 2013, theorems 1 and 2, with ``theta = q / p``), where ``C`` is

    - ``1 / (2 threshold - 1)`` without any assumption;
    - if the distribution of the share of *pairs* whose halves both select a low input
      is unimodal: ``1 / (2 (2 threshold - 1 - 1 / (2 n_pairs)))`` up to a threshold of
      3/4, and ``4 (1 - threshold + 1 / (2 n_pairs)) / (1 + 1 / n_pairs)`` above.

    The bound is about low inputs, not about inputs without any influence: an input that
    is correlated with a true one may be selected often. Rows are assumed independent.

    The theorems are about simple random halves, as they are drawn for a regressor. For
    a classifier they are stratified, because a half without a rare class would select
    inputs for another problem than the one that was asked. The bound then holds *given
    the number of rows of each class*: an input is low if halves with these numbers
    select it rarely, and rows need be independent only within their classes. If a class
    has an odd number of rows, chance decides which half of a pair has one more.

    References
    ----------
    Meinshausen, N. & Buhlmann, P. (2010). Stability selection. JRSS B 72.

    Shah, R. D. & Samworth, R. J. (2013). Variable selection with error control: another
    look at stability selection. JRSS B 75.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import MLPRegressor
    >>> from skreg.feature_selection import StabilitySelection
    >>> X = np.random.default_rng(0).normal(size=(200, 6))
    >>> y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 1]
    >>> network = MLPRegressor((20,), learning_rate_init=0.01, max_iter=50)
    >>> selection = StabilitySelection(
    ...     network, q=2, threshold=0.8, n_pairs=10, random_state=0
    ... ).fit(X, y)
    >>> selection.get_support(indices=True).tolist()
    [0, 1]
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "threshold": [Interval(numbers.Real, 0.5, 1, closed="right"), None],
        "q": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "expected_false_selections": [
            Interval(numbers.Real, 0, None, closed="neither"),
            None,
        ],
        "n_pairs": [Interval(numbers.Integral, 1, None, closed="left")],
        "assumption": [StrOptions({"unimodal", "none"})],
        "random_state": ["random_state"],
        "n_jobs": [numbers.Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Estimator,
        *,
        threshold: float | None = None,
        q: int | None = None,
        expected_false_selections: float | None = None,
        n_pairs: int = 50,
        assumption: Literal["unimodal", "none"] = "unimodal",
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.q = q
        self.expected_false_selections = expected_false_selections
        self.n_pairs = n_pairs
        self.assumption = assumption
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @each_warning_once()
    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on all subsamples, and select.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted selection. After an error it is as it was before the call.

        Raises
        ------
        TypeError
            If the estimator has no network of skreg inside.
        ValueError
            If a parameter is invalid or does not allow a path, if not exactly two of
            the three parameters of the bound are given or no value of the third keeps
            it, if there are fewer than four rows or a class with one row, or if y is
            constant on a half.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        opened = open_estimator(self.estimator, X, y, sample_weight, needs_columns=True)
        plain, X, y = opened.network, opened.X, opened.y
        sample_weight = opened.sample_weight
        take_attributes(self, plain)
        self._solve_for_the_third()
        check_target_varies(plain, y, sample_weight=sample_weight)
        random_state = check_random_state(self.random_state)
        if plain.random_state is None:
            plain.random_state = seed_of(random_state)
        halves = draw_halves(plain, y, self.n_pairs, random_state, sample_weight)
        self._count(plain, halves, X, y, sample_weight)

    def set_threshold(self, threshold: float) -> Self:
        """Select again by another threshold, without training.

        Parameters
        ----------
        threshold : float in (0.5, 1]
            Share of subsamples that must select an input.

        Returns
        -------
        self : object
            The selection, whose `threshold_`, `expected_false_selections_` and
            `support_` have changed.

        Raises
        ------
        ValueError
            If the threshold is not in (0.5, 1].
        """
        check_is_fitted(self)
        if not 0.5 < threshold <= 1:
            raise ValueError(f"threshold must be in (0.5, 1], got {threshold}.")
        with fitted_at_once(self) as scratch:
            scratch.threshold_ = float(threshold)
            scratch.expected_false_selections_ = scratch._bound(threshold, scratch.q_)
            scratch._select()
        return self

    def _bound(self, threshold, q):
        return expected_false_selections(
            threshold, q, self.n_features_in_, self.n_pairs, self.assumption
        )

    def _solve_for_the_third(self):
        asked = (self.threshold, self.q, self.expected_false_selections)
        if sum(value is not None for value in asked) != 2:
            raise ValueError(
                "Give exactly two of threshold, q and expected_false_selections; the "
                f"third follows. Got threshold={self.threshold}, q={self.q}, "
                f"expected_false_selections={self.expected_false_selections}."
            )
        self.threshold_, self.q_, bound = asked
        n_features = self.n_features_in_
        if self.q is not None and self.q > n_features:
            raise ValueError(f"q={self.q} is more than n_features={n_features} of X.")
        if bound is None:
            bound = self._bound(self.threshold_, self.q_)
        elif self.threshold_ is None:
            # Scores are multiples of 1 / (2 n_pairs), so only such thresholds differ.
            steps = np.arange(self.n_pairs + 1, 2 * self.n_pairs + 1)
            thresholds = steps / (2 * self.n_pairs)
            bounds = np.array([self._bound(t, self.q_) for t in thresholds])
            if not (bounds <= bound).any():
                raise ValueError(
                    f"The threshold comes out above one: with q={self.q} of "
                    f"{n_features} features no threshold keeps "
                    f"expected_false_selections={bound}; the smallest bound is "
                    f"{bounds.min():.3g}. Lower q or allow more false selections."
                )
            self.threshold_ = float(thresholds[np.argmax(bounds <= bound)])
        else:
            fitting = [
                q
                for q in range(1, n_features + 1)
                if self._bound(self.threshold_, q) <= bound
            ]
            if not fitting:
                raise ValueError(
                    f"No q of at least 1 keeps expected_false_selections={bound} at "
                    f"threshold={self.threshold}: raise either."
                )
            self.q_ = max(fitting)
        self.expected_false_selections_ = bound

    def _count(self, estimator, halves, X, y, sample_weight):
        tasks = member_tasks(
            [estimator] * len(halves), halves, sample_weight=sample_weight
        )
        groups = estimator._make_config().input_groups(X)
        counts = np.zeros(X.shape[1])

        def take(point):
            # The weights of a hundred paths would take hundreds of megabytes.
            return point.support, norms_at(point, groups)

        faults = []
        paths = trace_in_blocks(
            tasks,
            X,
            y,
            name=type(self).__name__,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            # Once q inputs are left, the half's selection is known.
            n_enough=self.q_,
            take=take,
            faults=faults,
        )
        warn_about_paths(faults)
        for traces in paths:
            counts += best_ranked(rank_traces(traces), self.q_, groups)
        self.stability_scores_ = counts / len(halves)
        self._select()

    def _select(self):
        # A share may be rounded; this is far less than the share of one subsample.
        tolerance = 1e-9
        self.support_ = self.stability_scores_ >= self.threshold_ - tolerance

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags
