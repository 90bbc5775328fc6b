"""Plain arrays are not checked by scikit-learn, and it would have nothing to say."""

import warnings

import numpy as np
import pytest
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_X_y

from skreg import MLPClassifier, MLPRegressor
from skreg._utils.plain_arrays import (
    is_plain_table,
    labels_of_plain,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
CODES = np.arange(60) % 3


def with_entry(value, dtype=float):
    changed = X.astype(dtype)
    changed[3, 2] = value
    return changed


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_plain_table_is_taken_as_it_is(dtype):
    table = X.astype(dtype)
    assert is_plain_table(table)
    taken, target = check_X_y(
        table, CODES, dtype=[np.float64, np.float32], order="C", multi_output=True
    )
    assert taken is table and target is CODES


@pytest.mark.parametrize(
    "table",
    [
        X.tolist(),
        X.astype(int),
        X.astype(np.float16),
        X.astype(">f8"),
        X.astype(object),
        np.asfortranarray(X),
        X[:, ::2],
        X[:, 0],
        X[:0],
        X[:, :0],
        np.ma.masked_array(X),
        with_entry(np.nan),
        with_entry(np.inf),
        # Finite, but not their sum.
        np.full((60, 4), 1e308),
    ],
)
def test_what_is_not_plain_is_for_scikit_learn(table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_plain_table(table)


def test_the_sum_of_finite_numbers_may_overflow():
    table = np.full((60, 4), 1e308)
    model = MLPRegressor((), solver="lbfgs", max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        # The network diverges; it is not that the data are refused.
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            model.fit(table, X[:, 0])


LABELS = [
    CODES,
    CODES > 0,
    CODES.astype(np.uint8) + 250,
    np.array(["a", "bb", "c"])[CODES],
    np.zeros(60, int),
    np.arange(60),
    np.arange(60) // 2,
    np.arange(61) // 2,
    np.arange(3),
    np.array([], int),
    CODES.astype(float),
    CODES + 0.5,
    CODES.astype(object),
    CODES[:, None],
    np.eye(3, dtype=int)[CODES],
    CODES.tolist(),
]


@pytest.mark.parametrize("y", LABELS)
def test_labels_of_plain(y):
    labels = labels_of_plain(y)
    if labels is None:
        return
    np.testing.assert_array_equal(labels, np.unique(y))
    assert type_of_target(y) == ("multiclass" if len(labels) > 2 else "binary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_classification_targets(y)


def test_which_labels_are_plain():
    are_plain = [labels_of_plain(y) is not None for y in LABELS]
    assert are_plain == [True] * 5 + [False, True] + [False] * 2 + [True] + [False] * 6


def said_by(compute):
    """A result or an error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = compute()
        except Exception as error:
            result = repr(error)
    return result, type(result), [str(warning.message) for warning in caught]


@pytest.mark.parametrize("trained_on", LABELS[:4])
def test_the_score_is_that_of_scikit_learn(trained_on):
    model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, trained_on)
    for n_rows in (1, 2, 5, 60):
        targets = [trained_on[:n_rows], (CODES + 5)[:n_rows], X[:n_rows, 0]]
        targets += [y[:n_rows] for y in LABELS] + [CODES[: n_rows // 2]]
        for y in targets:
            scored = said_by(lambda y=y, n=n_rows: model.score(X[:n], y))
            expected = said_by(
                lambda y=y, n=n_rows: ClassifierMixin.score(model, X[:n], y)
            )
            assert scored == expected
    weight = np.arange(60.0)
    assert model.score(X, trained_on, weight) == ClassifierMixin.score(
        model, X, trained_on, weight
    )


def test_the_columns_are_checked_in_plain_tables_too():
    pd = pytest.importorskip("pandas")
    model = MLPClassifier((3,), max_iter=2, random_state=0).fit(X, CODES)
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="X has 3 features, but .* expecting 4"):
        model.predict(np.ascontiguousarray(X[:, :3]))
    with pytest.raises(ValueError, match="X has 3 features, but .* expecting 4"):
        model.partial_fit(np.ascontiguousarray(X[:, :3]), CODES)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, CODES[:-1])
    model.fit(pd.DataFrame(X, columns=list("abcd")), CODES)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    model.fit(X, CODES)
    assert not hasattr(model, "feature_names_in_")
