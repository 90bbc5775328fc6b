"""Splits as numbers, lists, masks or slices: all mean the same rows everywhere."""

import numpy as np
import pytest
from helpers import NETWORK, make_data, updates_per_point

from skreg import MLPClassifier
from skreg._utils.row_sets import row_numbers
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import SparseInputSelector
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_data()
ROWS = np.arange(160)
# Of unequal size, as folds are that hold out whole groups.
SPLITS = [(ROWS[40:], ROWS[:40]), (ROWS[:130], ROWS[130:])]
quick_paths = updates_per_point(5)


def as_mask(rows):
    return np.isin(ROWS, rows)


def as_series(rows):
    return pytest.importorskip("pandas").Series(rows)


def as_nullable(rows):
    return pytest.importorskip("pandas").Series(as_mask(rows), dtype="boolean")


WAYS = {
    "list": lambda rows: rows.tolist(),
    "mask": as_mask,
    "list of bool": lambda rows: as_mask(rows).tolist(),
    "slice": lambda rows: slice(rows[0], rows[-1] + 1),
    "range": lambda rows: range(rows[0], rows[-1] + 1),
    "from the end": lambda rows: rows - 160,
    "int8": lambda rows: rows.astype(np.uint8),
    "Series": as_series,
    "nullable": as_nullable,
}


def named(way):
    return [(way(train), way(test)) for train, test in SPLITS]


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request):
    return request.param


class Splitter:
    def __init__(self, splits):
        self._splits = splits

    def split(self, X, y=None, groups=None):
        return iter(self._splits)

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self._splits)


NET = MLPClassifier(**NETWORK | {"max_iter": 2})


def test_rows_are_the_same(way):
    for rows in (ROWS[:7], ROWS[40:]):
        numbers = row_numbers(way(rows), 160)
        assert numbers.dtype.kind == "i"
        np.testing.assert_array_equal(numbers, rows)


def test_numbers_keep_their_order_and_may_repeat():
    assert row_numbers([3, 1, 1, -1], 5).tolist() == [3, 1, 1, 4]
    assert row_numbers([], 5).tolist() == []


@pytest.mark.parametrize(
    "rows, message",
    [
        ([True] * 4, "is a mask of 4 rows for 5 rows of X"),
        ([0, 5], "holds row numbers from 0 to 5: they must be from 0 to 4"),
        ([-6], "from -6 to -6"),
        ([0.0, 1.0], "dtype float64.*must hold row numbers, or be a mask"),
        (["a"], "must hold row numbers"),
        ([[0, 1]], r"shape \(1, 2\)"),
        (3, r"shape \(\)"),
    ],
    ids=str,
)
def test_what_names_no_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        row_numbers(rows, 5)


# -- wherever the user gives splits ----------------------------------------------------


def test_selector(way):
    ours, expected = (
        SparseInputSelector(NET, cv=cv, n_features_to_select="best").fit(X, Y)
        for cv in (named(way), SPLITS)
    )
    for key, values in expected.cv_results_.items():
        np.testing.assert_array_equal(ours.cv_results_[key], values)


@pytest.mark.parametrize("Search", [GridSearchCV, HalvingGridSearchCV])
def test_searches(Search, way):
    grid = {"alpha": [1e-3, 1e-2]}
    ours, expected = (Search(NET, grid, cv=cv).fit(X, Y) for cv in (named(way), SPLITS))
    for split in range(2):
        key = f"split{split}_test_score"
        np.testing.assert_array_equal(ours.cv_results_[key], expected.cv_results_[key])


def test_validation_splitter(way):
    ours, expected = (
        MLPClassifier(
            **NETWORK | {"max_iter": 2},
            early_stopping=True,
            validation_splitter=Splitter(splits),
        ).fit(X, Y)
        for splits in (named(way), SPLITS)
    )
    assert ours.validation_scores_ == expected.validation_scores_


def test_diagnosis(way):
    ours, expected = (
        diagnose(NET, X, Y, cv=cv, target_error=0.0, random_state=0)
        for cv in (named(way), SPLITS)
    )
    # Standard errors count rows, and the learning curve takes shares of them.
    assert str(ours) == str(expected)
    assert ours.learning_curve == expected.learning_curve


def test_row_sets_of_a_decomposition(way):
    ours, expected = (
        bias_variance_decomposition(
            NET, X, Y, X_test=X, y_test=Y, resampling=sets, random_state=0
        )
        for sets in ([way(train) for train, _ in SPLITS], [t for t, _ in SPLITS])
    )
    np.testing.assert_array_equal(ours.predictions, expected.predictions)


# -- errors name what the rows were given for ------------------------------------------


@pytest.mark.parametrize(
    "rows, message",
    [
        (np.ones(40, dtype=bool), "is a mask of 40 rows for 160"),
        ([0, 160], "holds row numbers from 0 to 160: they must be from 0 to 159"),
    ],
)
def test_errors(rows, message):
    cv = [SPLITS[0], (rows, ROWS)]
    to_train = "What cv gives to train on in split 1 of 2 " + message
    for model in (
        SparseInputSelector(NET, cv=cv),
        GridSearchCV(NET, {"alpha": [1e-3, 1e-2]}, cv=cv),
    ):
        with pytest.raises(ValueError, match=to_train):
            model.fit(X, Y)
    with pytest.raises(ValueError, match=to_train):
        diagnose(NET, X, Y, cv=cv)
    network = MLPClassifier(early_stopping=True, validation_splitter=Splitter(cv))
    with pytest.raises(
        ValueError, match="validation_splitter.*other rows: a split " + message
    ):
        network.fit(X, Y)
    with pytest.raises(ValueError, match=r"resampling\[0\] " + message):
        bias_variance_decomposition(
            NET, X, Y, X_test=X, y_test=Y, resampling=[rows, ROWS]
        )
