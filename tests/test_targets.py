"""Targets of several classes: one number a row, and the results of an array of them."""

import numpy as np
import pytest

from skreg import MLPClassifier
from skreg._core.targets import OneHot, arrays_of
from skreg._fitting.problems import Classification
from skreg._fitting.targets import LabelEncoding
from skreg.augmentation import Mixup
from skreg.feature_selection import feature_path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CODES = np.array([2, 0, -1, 1, 2], np.int32)
# The row without a class has none of the ones.
TABLE = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]], "f4")


def one_hot(dtype="f4"):
    return OneHot(CODES, np.array([0, 1], dtype), 3)


def test_rows_are_those_of_the_array():
    targets = one_hot()
    assert targets.shape == TABLE.shape
    assert targets.dtype == TABLE.dtype
    assert len(targets) == len(TABLE)
    np.testing.assert_array_equal(targets.toarray(), TABLE)
    for rows in ([4, 2, 2], np.array([0]), np.array([], int), slice(1, 3)):
        found = targets[rows]
        assert found.dtype == TABLE.dtype
        np.testing.assert_array_equal(found, TABLE[rows])


def test_rows_are_written_where_they_are_wanted():
    indices = np.array([[4, 2], [0, 1], [3, 3]])
    out = np.full((3, 2, 3), np.nan, "f4")
    one_hot().take(indices, axis=0, out=out, mode="clip")
    np.testing.assert_array_equal(out, TABLE[indices])


def test_smoothed_labels_are_those_of_the_array():
    encoding = LabelEncoding(np.arange(3), "multiclass")
    smoothed = encoding.smoothed(one_hot(), 0.1)
    assert smoothed.dtype == np.float32
    np.testing.assert_array_equal(smoothed.toarray(), encoding.smoothed(TABLE, 0.1))


def test_compiled_functions_are_given_a_table_or_classes():
    table, codes, values = arrays_of(one_hot("f8"), np.dtype("f4"))
    assert (len(table), table.ndim) == (0, 2)
    assert codes is CODES
    np.testing.assert_array_equal(values, np.array([0, 1], "f4"), strict=True)
    table, codes, values = arrays_of(TABLE, np.dtype("f4"))
    assert table is TABLE
    assert (len(codes), len(values)) == (0, 0)
    assert [len(each) for each in arrays_of(None, np.dtype("f4"))] == [0, 0, 0]


SETTINGS = {
    "adam": {},
    "early stopping": {"early_stopping": True},
    "smoothing": {"label_smoothing": 0.2, "early_stopping": True},
    "weights of classes": {"class_weight": {"a": 2.0}},
    "augmentation": {"augmentation": Mixup(), "early_stopping": True},
    "lbfgs": {"solver": "lbfgs", "label_smoothing": 0.2},
    "fista": {"solver": "fista", "early_stopping": True},
    "float32": {"early_stopping": True},
}


def data(dtype="f8"):
    rng = np.random.RandomState(0)
    y = rng.randint(4, size=90)
    X = rng.normal(size=(90, 5)) + np.eye(4, 5)[y]
    return X.astype(dtype), np.array(list("abcd"))[y]


def fit_as_array_too(fit, monkeypatch):
    """What `fit` gives, and what it gives where targets are arrays."""
    compact = fit()
    with monkeypatch.context() as patch:
        patch.setattr(Classification, "encode_for_training", Classification.encode)
        return compact, fit()


@pytest.mark.both_engines
@pytest.mark.parametrize("name", SETTINGS)
def test_results_are_those_of_an_array_of_targets(name, monkeypatch):
    X, y = data("f4" if name == "float32" else "f8")
    parameters = {"max_iter": 6, "batch_size": 16, "random_state": 0, **SETTINGS[name]}
    compact, as_array = fit_as_array_too(
        lambda: MLPClassifier((6,), **parameters).fit(X, y), monkeypatch
    )
    for one, other in zip(compact.coefs_, as_array.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert compact.loss_curve_ == as_array.loss_curve_
    if compact.early_stopping:
        assert compact.validation_loss_curve_ == as_array.validation_loss_curve_


@pytest.mark.both_engines
def test_given_validation_rows_are_those_of_an_array_of_targets(monkeypatch):
    X, y = data()
    network = MLPClassifier((6,), early_stopping=True, max_iter=6, random_state=0)
    compact, as_array = fit_as_array_too(
        lambda: network.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:]).loss_curve_,
        monkeypatch,
    )
    assert compact == as_array


def test_a_path_is_that_of_an_array_of_targets(monkeypatch):
    X, y = data()
    network = MLPClassifier((4,), max_iter=20, random_state=0)
    compact, as_array = fit_as_array_too(
        lambda: feature_path(network, X, y), monkeypatch
    )
    np.testing.assert_array_equal(compact.kkt_residuals, as_array.kkt_residuals)
    np.testing.assert_array_equal(compact.feature_alphas, as_array.feature_alphas)
