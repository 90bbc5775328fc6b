"""Every private name of scikit-learn that the searches use, and nothing else.

The searches call these functions, so a change of scikit-learn's private names concerns
only this file.
"""

import time
from traceback import format_exception

import numpy as np
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _fit_and_score,
    _score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from .._utils.huge_integers import check_integers
from .._utils.warnings import warn

__all__ = [
    "BaseSearchCV",
    "FoldScorer",
    "check_method_params",
    "check_refit_for_multimetric",
    "fit_and_score",
    "format_results",
    "handle_fit_failures",
    "has_callbacks",
    "route_fit_params",
    "safe_split",
    "scorers_of",
    "select_best_index",
    "set_splitter",
    "validate_params",
    "without_multimetric",
]

safe_split = _safe_split
check_method_params = _check_method_params


def fit_and_score(
    estimator,
    X,
    y,
    split,
    fit_params,
    *,
    scorer,
    score_params,
    error_score,
    return_train_score,
):
    """Fit and score a candidate on one split, as a search of scikit-learn does."""
    train, test = split
    return _fit_and_score(
        estimator,
        X,
        y,
        scorer=scorer,
        train=train,
        test=test,
        verbose=0,
        parameters=None,
        fit_params=fit_params,
        score_params=score_params,
        return_train_score=return_train_score,
        return_n_test_samples=True,
        return_times=True,
        error_score=error_score,
    )


class FoldScorer:
    """Scores many estimators on one split, as `fit_and_score` does after `fit`.

    Parameters
    ----------
    estimator : estimator
        Any one of the estimators, fitted or not.
    X, y
        All data, as the user gave them.
    split : (train, test)
    scorer : callable
    score_params : dict
    error_score : float or "raise"
    return_train_score : bool
    """

    def __init__(
        self,
        estimator,
        X,
        y,
        split,
        *,
        scorer,
        score_params,
        error_score,
        return_train_score,
    ):
        self._scorer, self._error_score = scorer, error_score
        train, test = (np.asarray(rows) for rows in split)
        parts = {"test_scores": (test, train)}
        if return_train_score:
            parts["train_scores"] = train, None
        self._parts = {
            name: (
                *_safe_split(estimator, X, y, *indices),
                _check_method_params(X, params=score_params or {}, indices=indices[0]),
            )
            for name, indices in parts.items()
        }
        self._n_test_samples = _num_samples(self._parts["test_scores"][0])

    def __call__(self, estimator, error=None):
        """The result of one fit, as `format_results` takes it.

        Parameters
        ----------
        estimator : estimator
            The estimator, fitted unless there is an error.
        error : Exception, default=None
            The error that ended its fit.

        Returns
        -------
        dict
            The result without "fit_time".
        """
        if error is not None and self._error_score == "raise":
            raise error
        result = {"n_test_samples": self._n_test_samples, "score_time": 0.0}
        result["fit_error"] = error and "".join(format_exception(error))
        for name, (X, y, params) in self._parts.items():
            started = time.perf_counter()
            if error is None:
                result[name] = self._score(estimator, X, y, params)
            elif isinstance(self._scorer, _MultimetricScorer):
                result[name] = dict.fromkeys(self._scorer._scorers, self._error_score)
            else:
                result[name] = self._error_score
            if name == "test_scores":
                result["score_time"] = time.perf_counter() - started
        return result

    def _score(self, estimator, X, y, params):
        """The score, or `error_score` with the warning of scikit-learn, once a call."""
        is_one = not isinstance(self._scorer, _MultimetricScorer)
        scorer = self._scorer if is_one else self._scores_of_all
        try:
            return _score(estimator, X, y, scorer, params, "raise")
        except Exception as error:
            if self._error_score == "raise" or not is_one:
                raise
            self._tell_of_failure("".join(format_exception(error)))
            return self._error_score

    def _scores_of_all(self, *args, **params):
        """By name, those of several scorers, which hand out errors as their text."""
        scores = self._scorer(*args, **params)
        for name, score in scores.items():
            if isinstance(score, str):
                self._tell_of_failure(score)
                scores[name] = self._error_score
        return scores

    def _tell_of_failure(self, trace):
        warn(
            "Scoring failed. The score on this train-test partition for these "
            f"parameters will be set to {self._error_score}. Details: \n{trace}",
            topic=f"scoring failed: {trace.strip().splitlines()[-1]}",
        )


def validate_params(search):
    """Check the constructor's parameters."""
    check_integers(search.get_params(deep=False), type(search).__name__)
    search._validate_params()


def has_callbacks(search):
    """Whether callbacks (scikit-learn 1.9 and later) follow this search."""
    return bool(getattr(search, "_skl_callbacks", None))


def scorers_of(search):
    """The scorer, and the name of the metric that chooses."""
    return search._get_scorers()


def without_multimetric(scorers):
    """The scorers as `scorer_` shows them: a dict if there are several."""
    is_multimetric = isinstance(scorers, _MultimetricScorer)
    return scorers._scorers if is_multimetric else scorers


def route_fit_params(search, params):
    """The parameters of `fit` by recipient: ``.estimator.fit``, ``.splitter.split``."""
    return search._get_routed_params_for_fit(params)


def set_splitter(search, cv):
    """Keep the splitter where the methods of the base class look for it."""
    search._checked_cv_orig = cv


def handle_fit_failures(search, results):
    """Warn of some failed fits, raise if all failed, and fill in their scores."""
    _warn_or_raise_about_fit_failures(results, search.error_score)
    if callable(search.scoring):
        _name_error_scores(results, search.error_score)


def _name_error_scores(results, error_score):
    """Give all results the names of scores that those have whose scorer did not fail.

    A function that returns several scores has no names for them where it, or a fit,
    has failed. scikit-learn's own function knows of fits alone.
    """
    for part in ("test_scores", "train_scores"):
        found = [result[part] for result in results if part in result]
        named = next((scores for scores in found if isinstance(scores, dict)), None)
        for result in results if named is not None else ():
            if not isinstance(result[part], dict):
                result[part] = dict.fromkeys(named, error_score)


def format_results(search, candidate_params, results, more_results=None):
    """`cv_results_` of the results of single fits, sorted by candidate."""
    return search._format_results(
        candidate_params, search.n_splits_, results, more_results
    )


def check_refit_for_multimetric(search, scores):
    """Raise unless `refit` names one of several metrics."""
    search._check_refit_for_multimetric(scores)


def select_best_index(search, refit_metric, results):
    """The position of the chosen candidate in `cv_results_`."""
    return search._select_best_index(search.refit, refit_metric, results)
