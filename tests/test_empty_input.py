"""Empty splits, candidates and rows are named by the error that they end in."""

import numpy as np
import pytest
from sklearn.model_selection import ShuffleSplit

from skreg import MLPClassifier, MLPRegressor
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.inspection import BiasVarianceDisplay, PenaltyGridDisplay
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    alpha_grid,
)

# A grid smaller than the number of candidates drawn from it is no concern here.
pytestmark = pytest.mark.filterwarnings("ignore:The total space of parameters")

X = np.random.RandomState(0).normal(size=(60, 4))
Y = np.arange(60) % 3
Y_REAL = X[:, 0]
ROWS = np.arange(60)
SEARCHES = {
    GridSearchCV: "param_grid",
    HalvingGridSearchCV: "param_grid",
    RandomizedSearchCV: "param_distributions",
    HalvingRandomSearchCV: "param_distributions",
}
EACH_SEARCH = pytest.mark.parametrize("Search", SEARCHES)


def network(Estimator=MLPClassifier, **params):
    defaults = {"alpha": 1e-3, "early_stopping": True, "max_iter": 3}
    return Estimator((3,), **(defaults | {"random_state": 0} | params))


def search_of(Search, grid, **params):
    return Search(network(), **{SEARCHES[Search]: grid}, **params)


class NoSplits:
    def split(self, X, y=None, groups=None):
        return iter([])

    def get_n_splits(self, X=None, y=None, groups=None):
        return 0


NOTHING = np.zeros(60, dtype=bool)
EMPTY_CV = pytest.mark.parametrize(
    ("cv", "message"),
    [
        (lambda: [], "cv gives no splits"),
        (lambda: (), "cv gives no splits"),
        (lambda: iter([]), "cv gives no splits"),
        (NoSplits, "cv gives no splits"),
        (lambda: [(ROWS, ROWS), ([], ROWS)], "cv gives no rows to train on in split 1"),
        (lambda: [(NOTHING, ROWS)] * 2, "cv gives no rows to train on in split 0 of 2"),
        (lambda: [(ROWS, ROWS[:0])] * 2, "cv gives no rows to score on in split 0"),
    ],
    ids=["list", "tuple", "iterator", "splitter", "training", "mask", "test"],
)


@EMPTY_CV
@EACH_SEARCH
def test_search(Search, cv, message):
    with pytest.raises(ValueError, match=message):
        search_of(Search, {"alpha": [1e-3, 1e-2]}, cv=cv()).fit(X, Y)


@EMPTY_CV
@pytest.mark.parametrize("n_features_to_select", ["best", "1se"])
def test_selector(n_features_to_select, cv, message):
    selector = SparseInputSelector(
        network(), n_features_to_select=n_features_to_select, cv=cv()
    )
    with pytest.raises(ValueError, match=message):
        selector.fit(X, Y)


@EMPTY_CV
def test_diagnosis(cv, message):
    with pytest.raises(ValueError, match=message):
        diagnose(network(), X, Y, cv=cv(), random_state=0)


def test_diagnosis_needs_two_splits():
    with pytest.raises(ValueError, match="cv gives 1 split"):
        diagnose(network(), X, Y, cv=ShuffleSplit(1, random_state=0))


@EACH_SEARCH
def test_search_without_candidates(Search):
    with pytest.raises(ValueError, match="has no candidates"):
        search_of(Search, [], cv=2).fit(X, Y)
    with pytest.raises(ValueError, match="'alpha' need to be a non-empty"):
        search_of(Search, {"alpha": []}, cv=2).fit(X, Y)


@EACH_SEARCH
def test_an_empty_grid_is_the_estimator_as_it_is(Search):
    search = search_of(Search, {}, cv=2).fit(X, Y)
    assert set(search.best_params_) <= {"max_iter"}
    with pytest.raises(ValueError, match="names"):
        PenaltyGridDisplay.from_estimator(search)


@pytest.mark.parametrize("resampling", [[], (), [[]], [ROWS, []], [ROWS, NOTHING]])
def test_row_sets(resampling):
    with pytest.raises(ValueError, match="resampling"):
        bias_variance_decomposition(
            network(MLPRegressor),
            X,
            Y_REAL,
            X_test=X,
            y_test=Y_REAL,
            resampling=resampling,
        )


def test_rows_to_decompose_on():
    for estimator, y in ((network(MLPRegressor), Y_REAL), (network(), Y)):
        with pytest.raises(ValueError, match="X_test and y_test have no rows"):
            bias_variance_decomposition(estimator, X, y, X_test=X[:0], y_test=y[:0])


def test_values_to_draw():
    with pytest.raises(ValueError, match="param_range"):
        BiasVarianceDisplay.from_estimator(
            network(),
            X,
            Y,
            param_name="alpha",
            param_range=[],
            X_test=X,
            y_test=Y,
        )
    with pytest.raises(ValueError, match="n_alphas"):
        alpha_grid(network(), X, Y, n_alphas=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X_val", X[:0]),
        ("X_val", []),
        ("sample_weight", []),
        ("sample_weight_val", []),
        ("groups", []),
    ],
)
def test_rows_of_a_fit(name, value):
    given = {"X_val": X, "y_val": Y} if name.endswith("_val") else {}
    model = network(validation_splitter=ShuffleSplit(1, random_state=0))
    with pytest.raises(ValueError, match=f"{name} has shape"):
        model.fit(X, Y, **given | {name: value})


def test_rows_and_points_of_a_path():
    with pytest.raises(ValueError, match="X_val has shape"):
        feature_path(network(), X, Y, X_val=X[:0], y_val=Y[:0])
    path = feature_path(network(), X, Y)
    assert path.point_of(0) == len(path.support) - 1
    with pytest.raises(ValueError, match="n_features=-1"):
        path.point_of(-1)


class LeavesNothing:
    def fit_resample(self, X, y):
        return X[:0], y[:0]

    def get_params(self, deep=True):
        return {}


def test_rows_that_a_resampler_leaves():
    with pytest.raises(ValueError, match="LeavesNothing left none of the 54"):
        network(augmentation=LeavesNothing()).fit(X, Y)


def test_splits_of_a_validation_splitter():
    with pytest.raises(ValueError, match="validation_splitter=.* yields 0 splits"):
        network(validation_splitter=NoSplits()).fit(X, Y)
