"""Grid and randomized search whose candidates train in lockstep."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any, Self

from sklearn import model_selection
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import indexable

from .._typing import ArrayLike, MatrixLike
from .._utils.columns import take_attributes
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once, fitting
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once, warn
from ..neural_network._reporting import warn_about_candidates
from . import _sklearn_private as private
from ._candidates import make_candidate, with_groups, with_parameters
from ._lockstep_run import LockstepRun
from ._splits import list_splits
from ._worker import Fit

__all__ = ["GridSearchCV", "RandomizedSearchCV"]


class LockstepSearch(PresentationMixin, VersionedMixin):
    """A mixin that lets a search of scikit-learn train its candidates in lockstep.

    It stands before the search of scikit-learn among the base classes, and uses that
    search's scorers, metadata routing, result tables and methods.
    """

    @each_warning_once()
    def fit(self, X: MatrixLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Run fit with all sets of parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target.

        **params : dict of str -> object
            Parameters for the estimator's `fit`, the splitter and the scorer, as in
            scikit-learn. `groups` also go to networks whose `validation_splitter`
            splits by groups.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If there are no candidates, or if `cv` gives no splits, empty splits or not
            as many as it says.
        """
        private.validate_params(self)
        checked = private.check_method_params(X, params=params)
        base_estimator = clone(self.estimator)
        candidates = [
            make_candidate(index, base_estimator, parameters)
            for index, parameters in enumerate(self._candidate_params())
        ]
        if not candidates:
            raise ValueError(
                f"{type(self).__name__} has no candidates: the grid or the "
                "distributions of parameters are empty. For the estimator as it is, "
                "give {}."
            )
        can_batch = any(candidate.network is not None for candidate in candidates)
        # scikit-learn would give the groups to the splitter alone.
        groups = params.get("groups")
        hands_on = any(
            with_groups(candidate.estimator, {}, groups) for candidate in candidates
        )
        if private.has_callbacks(self):
            # They know the user's object, not a copy.
            return self._fit_as_sklearn(X, y, params)
        with fitted_at_once(self) as scratch:
            if can_batch or hands_on:
                scratch._fit_in_lockstep(X, y, checked, base_estimator, candidates)
            else:
                scratch._fit_as_sklearn(X, y, params)
        return self

    def _fit_as_sklearn(self, X, y, params):
        self.n_batched_ = 0
        with fitting():
            return super().fit(X, y, **params)

    def _fit_in_lockstep(self, X, y, params, base_estimator, candidates):
        scorers, refit_metric = private.scorers_of(self)
        X, y = indexable(X, y)
        routed = private.route_fit_params(self, params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        private.set_splitter(self, cv)
        split_params = routed.splitter.split
        self._check_splitter(cv)
        self.n_splits_ = cv.get_n_splits(X, y, **split_params)
        splits = list_splits(cv, X, y, **split_params)
        if len(splits) != self.n_splits_:
            raise ValueError(
                f"cv.split gave {len(splits)} splits, but cv.get_n_splits says "
                f"{self.n_splits_}."
            )
        run = LockstepRun(
            X,
            y,
            splits,
            fit_params=routed.estimator.fit,
            groups=split_params.get("groups"),
            scoring={
                "scorer": scorers,
                "score_params": routed.scorer.score,
                "return_train_score": self.return_train_score,
                "error_score": self.error_score,
            },
            has_own_scorers=_has_callables(self.scoring),
            n_jobs=self.n_jobs,
            pre_dispatch=getattr(self, "pre_dispatch", "2*n_jobs"),
            verbose=self.verbose,
            **self._run_options,
        )
        table = _Table(self)
        self._run_candidates(run, candidates, table)
        warn_about_candidates(*self._judged(run.fault_kinds, candidates))
        self.n_batched_ = run.n_batched
        self._choose(table, refit_metric)
        if self.refit:
            estimator = with_parameters(base_estimator, self.best_params_)
            fit_params = with_groups(
                estimator, routed.estimator.fit, split_params.get("groups")
            )
            self._refit(estimator, X, y, fit_params, run.refitted)
        self.scorer_ = private.without_multimetric(scorers)
        self.cv_results_ = table.results

    # Further arguments of LockstepRun, which differ between the searches.
    _run_options: dict = {}

    def _check_splitter(self, cv):
        pass

    def _judged(self, fault_kinds, candidates):
        """The faults of the candidates that may be chosen, and their number."""
        return fault_kinds, len(candidates)

    def _run_candidates(self, run, candidates, table):
        """Train the candidates and fill the table with their scores."""
        n_fits = len(candidates) * self.n_splits_
        if self.verbose > 0:
            print(
                f"Fitting {self.n_splits_} folds for each of {len(candidates)} "
                f"candidates, totalling {n_fits} fits"
            )
        fits = [
            Fit(candidate, split)
            for candidate in candidates
            for split in range(self.n_splits_)
        ]
        results = run.run(fits)
        table.add(candidates, [results[fit.key].scored for fit in fits])

    def _choose(self, table, refit_metric):
        """Set the attributes that say which candidate is best."""
        first_scores = table.first_scores
        self.multimetric_ = isinstance(first_scores, dict)
        if callable(self.scoring) and self.multimetric_:
            # Only now is it known that the scorer returns several scores.
            private.check_refit_for_multimetric(self, first_scores)
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            results = table.results
            self.best_index_ = private.select_best_index(self, refit_metric, results)
            if not callable(self.refit):
                scores = results[f"mean_test_{refit_metric}"]
                self.best_score_ = scores[self.best_index_]
            self.best_params_ = results["params"][self.best_index_]

    def _refit(self, estimator, X, y, fit_params, refitted):
        """Fit the best candidate to all rows, unless a worker has done it."""
        if refitted is None:
            started = time.time()
            estimator.fit(X, y, **fit_params)
            seconds = time.time() - started
        else:
            estimator, seconds, caught = refitted
            for warning in caught:
                warn(warning)
        self.best_estimator_, self.refit_time_ = estimator, seconds
        take_attributes(self, estimator, ["feature_names_in_"])


def _has_callables(scoring):
    """Whether a search's `scoring` is or has callables, and not only names."""
    if isinstance(scoring, dict):
        return any(map(callable, scoring.values()))
    return callable(scoring)


class _Table:
    """The table `cv_results_`, to which candidates can be added."""

    def __init__(self, search):
        self._search = search
        self._params, self._scored = [], []
        self._more = defaultdict(list)
        self.results = {}

    @property
    def first_scores(self):
        return self._scored[0]["test_scores"]

    @property
    def state(self):
        """All that was added; a table of the same search takes it over."""
        return self._params, self._scored, self._more, self.results

    @state.setter
    def state(self, state):
        self._params, self._scored, self._more, self.results = state

    def add(self, candidates, scored, **more):
        """Add candidates with the results of their fits, candidate after candidate.

        Parameters
        ----------
        candidates : list of Candidate
        scored : list of dict
            The results of the fits, ``n_splits`` for each candidate.
        **more : list
            Further columns, with an entry for each candidate.
        """
        _locate_failures(candidates, scored, self._search.n_splits_)
        private.handle_fit_failures(self._search, scored)
        self._params += [candidate.parameters for candidate in candidates]
        self._scored += scored
        for name, values in more.items():
            self._more[name] += values
        self.results = private.format_results(
            self._search, self._params, self._scored, self._more
        )


# A message about failed fits names at most so many candidates.
_MOST_LOCATED = 10


def _locate_failures(candidates, scored, n_splits):
    """Add to the text of each error in which candidates and folds it occurred."""
    struck = defaultdict(lambda: defaultdict(list))
    for place, result in enumerate(scored):
        if result["fit_error"] is not None:
            candidate, fold = divmod(place, n_splits)
            struck[result["fit_error"]][candidate].append(fold)
    for error, folds_of in struck.items():
        lines = [
            f"In candidate {candidates[candidate].index} "
            f"({candidates[candidate].parameters}), "
            + ", ".join(f"fold {fold}" for fold in folds)
            for candidate, folds in folds_of.items()
        ]
        n_more = len(lines) - _MOST_LOCATED
        if n_more > 0:
            lines[_MOST_LOCATED:] = [f"and in {n_more} more candidates"]
        text = error + "\n".join(lines) + "\n"
        for candidate, folds in folds_of.items():
            for fold in folds:
                scored[candidate * n_splits + fold]["fit_error"] = text


class GridSearchCV(LockstepSearch, model_selection.GridSearchCV):
    """Search over a grid of parameters whose candidates train in lockstep.

    This is a subclass of scikit-learn's search, with its parameters and attributes. A
    candidate scores as if it were trained alone, up to rounding, which differs between
    a batch and a single network. Candidates train as one batched network on each fold,
    and share its minibatches, if they differ only in parameters that each network of a
    batch has for itself (`alpha`, `l1_ratio`, `dropout`, `learning_rate_init`, seeds,
    stopping rules...). Small folds of equal size train together. The steps of a
    Pipeline before the network, and the transformer of a TransformedTargetRegressor
    around it, are fitted once per fold for each setting of their parameters. Candidates
    with other estimators are fitted as scikit-learn does.

    Parameters
    ----------
    estimator : estimator
        An MLPClassifier or MLPRegressor of skreg, alone, at the end of a Pipeline or in
        a TransformedTargetRegressor, to train in lockstep. With ``random_state=None``
        all candidates of a fold get the same seed.

    param_grid : dict or list of dict
        Names of parameters (``step__name`` in a Pipeline) to lists of values, or
        several such grids.

    scoring : str, callable, list, tuple or dict, default=None
        One or several scores; the estimator's `score` by default.

    n_jobs : int, default=None
        Number of workers that share the batches of networks. Without
        `joblib.parallel_config` they are processes; with its backend "dask" or "ray"
        they may be on other machines.

    refit : bool, str or callable, default=True
        Whether the best candidate is fitted to all rows. A str is the one of several
        scores that chooses it, and a function chooses it from `cv_results_`.

    cv : int, splitter or iterable, default=None
        The folds: 5 of them by default, stratified for classifiers.

    verbose : int, default=0
        1 prints what is done and how far it is; 2 and more also print each score.

    pre_dispatch : int or str, default='2*n_jobs'
        How many batches are handed to the workers in advance.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, which leaves the others alone; the warning says
        which candidates and folds failed. "raise" ends the search.

    return_train_score : bool, default=False
        Whether the training rows are scored as well.

    Attributes
    ----------
    n_batched_ : int
        The number of candidates whose networks trained in lockstep.

    cv_results_ : dict
        The results as in scikit-learn. The time of a fit is that of its batch divided
        by the number of networks in it.

    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_
        The attributes of scikit-learn's searches, as are `refit_time_`,
        `multimetric_`, `classes_`, `n_features_in_` and `feature_names_in_`.

    See Also
    --------
    HalvingGridSearchCV : Trains promising candidates for longer than others.
    RandomizedSearchCV : Draws the candidates at random.
    alpha_grid : Penalties to try, from the scale of the data.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.model_selection import GridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     early_stopping=True, learning_rate_init=0.01, random_state=0
    ... )
    >>> grid = {"alpha": [1e-4, 1e-2, 1.0], "l1_ratio": [0.0, 0.5]}
    >>> search = GridSearchCV(network, grid).fit(X, y)
    >>> search.n_batched_
    6
    >>> bool(search.best_score_ > 0.9)
    True
    """

    def _candidate_params(self):
        return ParameterGrid(self.param_grid)


class RandomizedSearchCV(LockstepSearch, model_selection.RandomizedSearchCV):
    """Search over candidates drawn at random that train in lockstep.

    This is a subclass of scikit-learn's search, which trains candidates as
    :class:`GridSearchCV` does.

    Parameters
    ----------
    estimator : estimator
        An MLPClassifier or MLPRegressor of skreg, alone, at the end of a Pipeline or in
        a TransformedTargetRegressor, to train in lockstep.

    param_distributions : dict or list of dict
        Names of parameters to distributions (with a method ``rvs``) or lists.

    n_iter : int, default=10
        Number of candidates.

    scoring : str, callable, list, tuple or dict, default=None
        One or several scores; the estimator's `score` by default.

    n_jobs : int, default=None
        Number of workers that share the batches of networks. Without
        `joblib.parallel_config` they are processes; with its backend "dask" or "ray"
        they may be on other machines.

    refit : bool, str or callable, default=True
        Whether the best candidate is fitted to all rows. A str is the one of several
        scores that chooses it, and a function chooses it from `cv_results_`.

    cv : int, splitter or iterable, default=None
        The folds: 5 of them by default, stratified for classifiers.

    verbose : int, default=0
        1 prints what is done and how far it is; 2 and more also print each score.

    pre_dispatch : int or str, default='2*n_jobs'
        How many batches are handed to the workers in advance.

    random_state : int, RandomState instance or None, default=None
        Draws the candidates.

    error_score : "raise" or float, default=np.nan
        The score of a fit that fails, which leaves the others alone.

    return_train_score : bool, default=False
        Whether the training rows are scored as well.

    Attributes
    ----------
    n_batched_ : int
        The number of candidates whose networks trained in lockstep.

    cv_results_ : dict
        The results as in scikit-learn, whose searches also have all other attributes.

    See Also
    --------
    GridSearchCV : Tries all combinations.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> from skreg.model_selection import RandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(
    ...     early_stopping=True, learning_rate_init=0.01, random_state=0
    ... )
    >>> search = RandomizedSearchCV(
    ...     network, {"alpha": loguniform(1e-4, 1.0)}, n_iter=4, random_state=0
    ... )
    >>> search.fit(X, y).n_batched_
    4
    """

    def _candidate_params(self):
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )
