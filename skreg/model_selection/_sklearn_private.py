"""Every private name of scikit-learn that the searches touch, and nothing else.

The rest of the package calls these functions, so a change in scikit-learn meets this
file and its tests.
"""

from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

__all__ = [
    "BaseSearchCV",
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
    "yields_constant_splits",
]

safe_split = _safe_split
check_method_params = _check_method_params
fit_and_score = _fit_and_score
yields_constant_splits = _yields_constant_splits


def validate_params(search):
    """Check the constructor's parameters."""
    search._validate_params()


def has_callbacks(search):
    """Whether callbacks (scikit-learn 1.9 and later) follow this search."""
    return bool(getattr(search, "_skl_callbacks", None))


def scorers_of(search):
    """The scorer, and the name of the metric that chooses."""
    return search._get_scorers()


def without_multimetric(scorers):
    """The scorers as `scorer_` shows them: a dict where there are several."""
    is_multimetric = isinstance(scorers, _MultimetricScorer)
    return scorers._scorers if is_multimetric else scorers


def route_fit_params(search, params):
    """What `fit` was given, by recipient: ``.estimator.fit``, ``.splitter.split``..."""
    return search._get_routed_params_for_fit(params)


def set_splitter(search, cv):
    """Keep the splitter where the methods of the base class look for it."""
    search._checked_cv_orig = cv


def handle_fit_failures(search, results):
    """Warn of some failed fits, raise if all failed, and fill in their scores."""
    _warn_or_raise_about_fit_failures(results, search.error_score)
    if callable(search.scoring):
        _insert_error_scores(results, search.error_score)


def format_results(search, candidate_params, results, more_results=None):
    """`cv_results_` from the results of single fits, candidate after candidate."""
    return search._format_results(
        candidate_params, search.n_splits_, results, more_results
    )


def check_refit_for_multimetric(search, scores):
    """Raise unless `refit` names one of several metrics."""
    search._check_refit_for_multimetric(scores)


def select_best_index(search, refit_metric, results):
    """The position of the chosen candidate in `cv_results_`."""
    return search._select_best_index(search.refit, refit_metric, results)
