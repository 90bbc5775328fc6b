"""Searches, fits that go on, end early or diverge: compiled functions against NumPy."""

import warnings

import numpy as np
import pytest
from helpers import assert_same_training, by_each_engine
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn import datasets
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor, config_context
from skreg.augmentation import Mixup
from skreg.model_selection import GridSearchCV

pytest.importorskip("numba")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.default_rng(0)
X = _rng.normal(size=(53, 4))
Y = np.column_stack([X[:, 0] - X[:, 1], np.tanh(X[:, 2])])


def test_searches_in_lockstep():
    grid = {
        "alpha": [1e-3, 0.1],
        "l1_ratio": [0.0, 1.0],
        "learning_rate_init": [0.003, 0.02],
        "random_state": [0, 1],
    }
    network = MLPClassifier((6,), dropout=0.1, early_stopping=True, max_iter=40)
    search = GridSearchCV(network, grid, scoring="neg_log_loss", cv=3)
    y = (Y[:, 0] > 0).astype(int)
    compiled, expected = by_each_engine(lambda: clone(search).fit(X, y))
    for name in ("split0_test_score", "split2_test_score"):
        scores = compiled.cv_results_[name], expected.cv_results_[name]
        assert_allclose(*scores, rtol=1e-9)
    assert_same_training(compiled.best_estimator_, expected.best_estimator_)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("order", [("compiled", "numpy"), ("numpy", "compiled")])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_goes_on_where_the_other_has_stopped(solver, order, is_sparse):
    rows = sparse.csr_matrix(X) if is_sparse else X
    network = MLPRegressor(
        (5, 4),
        solver=solver,
        alpha=0.05,
        l1_ratio=0.5,
        dropout=0.2,
        # The scale that stands beside a moment of Adam goes into it now and then.
        beta_1=0.1,
        learning_rate_init=0.01,
        batch_size=16,
        random_state=0,
    )
    going_on, expected = clone(network), clone(network)
    for k in range(20):
        with config_context(engine=order[k // 5 % 2]):
            going_on.partial_fit(rows, Y)
            assert going_on.engine_ == order[k // 5 % 2]
        with config_context(engine="numpy"):
            expected.partial_fit(rows, Y)
    assert_same_training(going_on, expected)


@pytest.mark.parametrize("augmentation", [None, Mixup()])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4")])
def test_going_on_with_rows_of_another_precision(dtypes, is_sparse, augmentation):
    network = MLPRegressor(
        (5, 4),
        dropout=0.2,
        augmentation=augmentation,
        batch_size=16,
        max_iter=10,
        random_state=0,
    )
    first, second = X.astype(dtypes[0]), X.astype(dtypes[1])
    second = sparse.csr_matrix(second) if is_sparse else second

    def fit():
        fitted = clone(network).fit(first, Y)
        for _ in range(3):
            fitted.partial_fit(second, Y, np.arange(1.0, 54.0))
        return fitted

    compiled, expected = by_each_engine(fit)
    for W, expected_W in zip(compiled.coefs_, expected.coefs_, strict=True):
        assert W.dtype == expected_W.dtype == dtypes[0]
        assert_allclose(W, expected_W, rtol=0, atol=1e-6)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_a_rate_that_is_a_whole_number(learning_rate):
    network = MLPRegressor(
        (),
        solver="sgd",
        learning_rate=learning_rate,
        learning_rate_init=1,
        n_iter_no_change=2,
        tol=0.1,
        momentum=0,
        max_iter=10,
        random_state=0,
    )
    compiled, expected = by_each_engine(lambda: clone(network).fit(X / 10, Y))
    assert_same_training(compiled, expected)
    network.set_params(learning_rate_init=1.0)
    assert_same_training(clone(network).fit(X / 10, Y), expected)


@pytest.mark.parametrize("order", [("compiled", "numpy"), ("numpy", "compiled")])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("feature_penalty", ["log_sum", "group_lasso"])
def test_warm_start_goes_on_where_the_other_has_stopped(feature_penalty, solver, order):
    network = MLPRegressor(
        (5, 4),
        solver=solver,
        feature_penalty=feature_penalty,
        learning_rate_init=0.01,
        batch_size=16,
        max_iter=10,
        warm_start=True,
        random_state=0,
    )

    def fit_twice(*engines):
        fitted = clone(network)
        for engine, feature_alpha in zip(engines, (0.0, 0.1), strict=True):
            with config_context(engine=engine):
                fitted.set_params(feature_alpha=feature_alpha).fit(X, Y)
                assert fitted.engine_ == engine
        return fitted

    assert_same_training(fit_twice(*order), fit_twice("numpy", "numpy"))


# Rates at which twenty epochs and more do not amplify rounding.
BUNDLED = {
    "iris": (MLPClassifier, {}),
    "wine": (MLPClassifier, {}),
    "breast_cancer": (MLPClassifier, {"batch_size": 64}),
    "digits": (MLPClassifier, {"batch_size": 128, "max_iter": 40}),
    "diabetes": (MLPRegressor, {"batch_size": 64}),
}


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("name", BUNDLED)
def test_training_ends_at_the_same_epoch(name, solver):
    kind, params = BUNDLED[name]
    rows, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    rows = StandardScaler().fit_transform(rows)
    y = (y - y.mean()) / y.std() if kind is MLPRegressor else y
    network = kind(
        (20,),
        activation="tanh",
        solver=solver,
        early_stopping=True,
        n_iter_no_change=5,
        learning_rate_init=0.005,
        random_state=0,
        **params,
    )
    compiled, expected = by_each_engine(lambda: clone(network).fit(rows, y))
    assert (compiled.engine_, expected.engine_) == ("compiled", "numpy")
    assert_same_training(compiled, expected, rtol=1e-6, atol=1e-9)


def outcome(estimator, y, method="fit"):
    """What a user learns of a fit: its error, or how and when it ended."""
    estimator = clone(estimator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            getattr(estimator, method)(10 * X, y)
        except ValueError as error:
            return str(error)
    said = sum("diverged" in str(warning.message) for warning in caught)
    return estimator.stop_reason_, estimator.n_iter_, said


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.5, 30.0, 1e3, 1e30, 1e300])
@pytest.mark.parametrize("activation", ["identity", "relu", "gelu"])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_divergence_ends_alike(loss, activation, rate, dtype):
    model = MLPRegressor(
        (5, 4),
        loss=loss,
        activation=activation,
        solver="sgd",
        learning_rate_init=rate,
        batch_size=16,
        max_iter=30,
        random_state=0,
    )
    y = np.abs(Y[:, 0]).astype(dtype)
    compiled, expected = by_each_engine(lambda: outcome(model, y))
    assert compiled == expected
