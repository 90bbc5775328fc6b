"""A score that is NaN is never best; where all are, the error names `scoring`."""

import numpy as np
import pytest
from helpers import NETWORK, make_data, updates_per_point
from sklearn.dummy import DummyClassifier

from skreg import MLPClassifier
from skreg.diagnosis import diagnose
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.inspection import PenaltyGridDisplay
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
)
from skreg.model_selection._scores import best_first

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:One or more of the .* non-finite"),
]
X, Y = make_data()
NAN, INF = np.nan, np.inf
QUICK = NETWORK | {"max_iter": 3}
quick_paths = updates_per_point(10)


def undefined(estimator, X, y):
    return NAN


@pytest.mark.parametrize(
    "scores, order",
    [
        ([NAN, 1, 2], [2, 1, 0]),
        ([1, NAN, 1, NAN, 2], [4, 0, 2, 1, 3]),
        ([-INF, NAN, -INF], [0, 2, 1]),
        ([NAN, INF, -5], [1, 2, 0]),
        ([3], [0]),
        # Sorting that is not stable keeps the order of up to 16.
        ([0, 1] * 50, [*range(1, 100, 2), *range(0, 100, 2)]),
    ],
)
def test_nan_comes_last_and_equals_in_their_order(scores, order):
    assert best_first(scores, None).tolist() == order


def test_without_any_number_there_is_no_best():
    with pytest.raises(ValueError, match="scoring='r2'.*of all candidates are NaN"):
        best_first([NAN, NAN], "r2")


# -- the selector and the path ---------------------------------------------------------


@pytest.mark.parametrize(
    "means, best, within",
    [
        # At 5, 4, 3, 2, 1 inputs; the standard error is 0.05 throughout.
        ([0.7, 0.8, 0.6, NAN, NAN], 4, 4),
        ([NAN, 0.8, 0.78, 0.7, NAN], 4, 3),
        ([NAN, NAN, NAN, NAN, 0.2], 1, 1),
        ([-INF, NAN, NAN, -INF, NAN], 2, 2),
    ],
)
def test_of_numbers_of_inputs(means, best, within, monkeypatch):
    means = np.array(means)

    def aligned(selector, *args):
        return {
            "n_features": np.arange(5, 0, -1),
            "mean_test_score": means,
            "std_error": np.where(np.isfinite(means), 0.05, NAN),
        }

    monkeypatch.setattr(SparseInputSelector, "_align", aligned)
    for asked, expected in (("best", best), ("1se", within)):
        selector = SparseInputSelector(
            MLPClassifier(**QUICK), n_features_to_select=asked
        )
        assert selector.fit(X[:, :5], Y).n_features_ == expected


@pytest.mark.parametrize("asked", ["best", "1se"])
def test_a_selectors_scorer_that_is_undefined_for_few_inputs(asked):
    def score(estimator, X, y):
        few = estimator.coefs_[0].any(axis=1).sum() < 5
        return NAN if few else -float(estimator.coefs_[0].any(axis=1).sum())

    selector = SparseInputSelector(
        MLPClassifier(**QUICK), n_features_to_select=asked, scoring=score, cv=2
    ).fit(X, Y)
    assert selector.n_features_ >= 5
    assert np.isnan(selector.cv_results_["mean_test_score"][-1])


@pytest.mark.parametrize("asked", ["best", "1se"])
def test_a_selectors_folds_all_undefined(asked):
    selector = SparseInputSelector(
        MLPClassifier(**QUICK), n_features_to_select=asked, scoring=undefined, cv=2
    )
    with pytest.raises(ValueError, match="scoring=<function undefined.*numbers of inp"):
        selector.fit(X, Y)
    # A number that is given asks no score.
    selector.set_params(n_features_to_select=3).fit(X, Y)
    assert np.isnan(selector.path_.train_scores).all()
    assert selector.n_features_ == 3


def test_a_path_does_not_compare_scores():
    path = feature_path(
        MLPClassifier(**QUICK), X, Y, X_val=X, y_val=Y, scoring=undefined
    )
    assert path.support[path.point_of(3)].sum() <= 3


# -- searches --------------------------------------------------------------------------


def test_halving_lets_undefined_candidates_go_first():
    def score(estimator, X, y):
        return NAN if estimator.alpha > 1e-2 else -estimator.alpha

    alphas = [10.0, 1.0, 1e-3, 1e-4, 0.1]
    search = HalvingGridSearchCV(
        MLPClassifier(**QUICK), {"alpha": alphas}, cv=2, scoring=score, factor=2
    ).fit(X, Y)
    assert search.best_params_["alpha"] == 1e-4


@pytest.mark.parametrize("refit", [True, False])
def test_halving_without_a_defined_score(refit):
    for search in (
        HalvingGridSearchCV(MLPClassifier(**QUICK), {"alpha": [1e-3, 1e-2]}),
        HalvingRandomSearchCV(
            MLPClassifier(**QUICK), {"alpha": [1e-3, 1e-2]}, n_candidates=2
        ),
    ):
        search.set_params(cv=2, scoring=undefined, refit=refit)
        with pytest.raises(ValueError, match="scoring=<function undefined"):
            search.fit(X, Y)


def test_display_of_a_search():
    def score(estimator, X, y):
        known = estimator.alpha < 1 and estimator.l1_ratio < 1
        return {"known": -estimator.alpha if known else NAN, "undefined": NAN}

    grid = {"alpha": [1.0, 1e-3, 1e-2], "l1_ratio": [1.0, 0.0]}
    search = GridSearchCV(
        MLPClassifier(**QUICK), grid, cv=2, scoring=score, refit=False
    ).fit(X, Y)
    display = PenaltyGridDisplay.from_estimator(search, metric="known")
    assert display.choice == [1e-3, 0.0]
    with pytest.raises(ValueError, match="scoring='undefined'"):
        PenaltyGridDisplay.from_estimator(search, metric="undefined")


# -- diagnosis -------------------------------------------------------------------------


def test_diagnosis_ranks_no_remedy_without_a_score():
    def score(estimator, X, y):
        wide = getattr(estimator, "hidden_layer_sizes", ()) not in ((), (2,))
        return NAN if wide else estimator.score(X, y)

    diagnosis = diagnose(
        MLPClassifier((2,), max_iter=5), X, Y, cv=2, scoring=score, target_error=0.0
    )
    assert diagnosis.tried
    assert not any("hidden_layer_sizes" in each.params for each in diagnosis.tried)
    changes = [each.change for each in diagnosis.tried]
    assert np.isfinite(changes).all()


def test_diagnosis_needs_the_constants_score():
    def score(estimator, X, y):
        is_dummy = isinstance(estimator, DummyClassifier)
        return NAN if is_dummy else estimator.score(X, y)

    with pytest.raises(ValueError, match="scoring=.*of a constant prediction"):
        diagnose(MLPClassifier((2,), max_iter=3), X, Y, cv=2, scoring=score)
