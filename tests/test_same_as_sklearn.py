"""The same computation as scikit-learn's MLP, where both can do it.

With ``l1_ratio=0``, float64, a batch size that divides the number of rows, no weights
and the penalty converted (scikit-learn divides it by the batch size), the parameters
are those of scikit-learn's up to rounding after any number of epochs. L-BFGS amplifies
rounding, so there it holds for the first iterations and for the final objective.
"""

import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import (
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.preprocessing import scale

from skreg import MLPClassifier, MLPRegressor

# Fits of a given number of epochs end with this warning, in both libraries.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS, BATCH_SIZE, SKLEARN_ALPHA = 120, 40, 0.05
TARGETS = ("binary", "multiclass", "multilabel", "regression")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")

STOCHASTIC = {
    "adam": {"solver": "adam", "learning_rate_init": 1e-3},
    "adam, other betas": {
        "solver": "adam",
        "learning_rate_init": 5e-3,
        "beta_1": 0.8,
        "beta_2": 0.99,
        "epsilon": 1e-3,
    },
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01, "momentum": 0.0},
    "momentum": {
        "solver": "sgd",
        "learning_rate_init": 0.01,
        "momentum": 0.9,
        "nesterovs_momentum": False,
    },
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01, "momentum": 0.9},
}

# One hidden layer: with two, rounding has grown beyond 1e-6 after twenty iterations.
LBFGS = {"solver": "lbfgs", "hidden_layer_sizes": (8,)}


def problem(target):
    """X, y and the two estimators' classes."""
    if target == "multilabel":
        X, y = make_multilabel_classification(
            n_samples=N_ROWS, n_features=6, n_classes=3, random_state=0
        )
        return scale(X), y, sklearn.neural_network.MLPClassifier, MLPClassifier
    if target == "regression":
        X, y = make_regression(
            n_samples=N_ROWS, n_features=6, noise=5.0, random_state=0
        )
        return X, scale(y), sklearn.neural_network.MLPRegressor, MLPRegressor
    X, y = make_classification(
        n_samples=N_ROWS,
        n_features=6,
        n_informative=4,
        n_classes={"binary": 2, "multiclass": 3}[target],
        random_state=0,
    )
    return X, y, sklearn.neural_network.MLPClassifier, MLPClassifier


def fit_both(target, sklearn_alpha=SKLEARN_ALPHA, **params):
    """scikit-learn's estimator and ours, fitted with the same parameters."""
    X, y, theirs, ours = problem(target)
    params = {
        "hidden_layer_sizes": (8, 5),
        "batch_size": BATCH_SIZE,
        "random_state": 3,
        **params,
    }
    # L-BFGS takes all rows at once.
    divisor = N_ROWS if params["solver"] == "lbfgs" else params["batch_size"]
    return (
        theirs(**params, alpha=sklearn_alpha).fit(X, y),
        ours(**params, alpha=sklearn_alpha / divisor).fit(X, y),
    )


def assert_same_parameters(theirs, ours, rtol=1e-6):
    for expected, actual in zip(
        theirs.coefs_ + theirs.intercepts_,
        ours.coefs_ + ours.intercepts_,
        strict=True,
    ):
        # A weight that happens to be near zero keeps the error of its layer.
        atol = rtol * 1e-3 * np.abs(expected).max()
        assert_allclose(actual, expected, rtol=rtol, atol=atol)


@pytest.mark.both_engines
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("optimizer", STOCHASTIC)
def test_parameters_after_twenty_epochs(optimizer, target, activation):
    theirs, ours = fit_both(
        target, activation=activation, max_iter=20, **STOCHASTIC[optimizer]
    )
    assert theirs.n_iter_ == ours.n_iter_ == 20
    assert_same_parameters(theirs, ours)
    # Theirs adds each minibatch's penalty, ours that of the epoch's end.
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_parameters_after_twenty_iterations_of_lbfgs(target, activation):
    theirs, ours = fit_both(target, activation=activation, max_iter=20, **LBFGS)
    assert theirs.n_iter_ == ours.n_iter_ == 20
    assert_same_parameters(theirs, ours)
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_objective_at_the_end_of_lbfgs(target, activation):
    # With this penalty all starts tend to one minimum; with a weak one, rounding alone
    # can send relu networks into another.
    theirs, ours = fit_both(
        target, sklearn_alpha=10.0, activation=activation, max_iter=5000, **LBFGS
    )
    assert ours.stop_reason_ in ("converged", "small_decrease")
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("target", TARGETS)
def test_lbfgs_with_a_small_tol_ends_no_higher(target, activation):
    # Lower it may end: scikit-learn's ftol does not follow tol down.
    theirs, ours = fit_both(
        target,
        activation=activation,
        max_iter=5000,
        sklearn_alpha=1.0,
        tol=1e-6,
        **LBFGS,
    )
    assert ours.stop_reason_ in ("converged", "small_decrease")
    assert ours.loss_ <= theirs.loss_ * (1 + 1e-6)


@pytest.mark.both_engines
@pytest.mark.parametrize("params", STOCHASTIC.values(), ids=STOCHASTIC)
@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_loss_curve_without_penalty_is_the_same(target, params):
    theirs, ours = fit_both(target, sklearn_alpha=0.0, max_iter=20, **params)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    assert_array_equal(ours.data_loss_curve_, ours.loss_curve_)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_patience_ends_training_in_the_same_epoch(solver):
    theirs, ours = fit_both(
        "binary", sklearn_alpha=0.0, solver=solver, learning_rate_init=0.05, tol=1e-3
    )
    assert theirs.n_iter_ < 200
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.stop_reason_ == "no_improvement"
    assert_same_parameters(theirs, ours)
    assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-9)


@pytest.mark.both_engines
@pytest.mark.parametrize("target", ["binary", "regression"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_early_stopping_on_the_same_validation_rows(target, solver):
    # Ours monitors the loss unless asked for the score. Splits of three classes differ
    # on purpose: ours are stratified.
    X, y, theirs, ours = problem(target)
    params = {
        "early_stopping": True,
        "validation_fraction": 0.25,
        "batch_size": 30,
        "solver": solver,
        "learning_rate_init": 0.01,
        "random_state": 0,
        "hidden_layer_sizes": 10,
        "alpha": 0.0,
        "max_iter": 100,
        # Ours is more patient by default.
        "n_iter_no_change": 10,
    }
    theirs = theirs(**params).fit(X, y)
    ours = ours(**params, scoring=None).fit(X, y)
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-6)
    assert_same_parameters(theirs, ours)
    assert ours.best_iter_ == 1 + int(np.argmax(theirs.validation_scores_))


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("learning_rate", ["invscaling", "adaptive"])
def test_learning_rate_schedules(learning_rate, solver):
    # tol lets the adaptive schedule lower its rate several times within these epochs.
    # Adam has no schedule and stops instead.
    theirs, ours = fit_both(
        "multiclass",
        sklearn_alpha=0.0,
        solver=solver,
        learning_rate=learning_rate,
        learning_rate_init=0.5 if learning_rate == "invscaling" else 0.1,
        power_t=0.3,
        tol=0.1,
        n_iter_no_change=2,
        max_iter=60,
    )
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_parameters(theirs, ours)


@pytest.mark.both_engines
@pytest.mark.parametrize("shuffle", [True, False])
def test_last_minibatch_is_the_mean_of_its_own_rows(shuffle):
    # Without a penalty the batch size need not divide the number of rows.
    theirs, ours = fit_both(
        "multiclass",
        sklearn_alpha=0.0,
        solver="adam",
        batch_size=50,
        max_iter=20,
        shuffle=shuffle,
    )
    assert_same_parameters(theirs, ours)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("target", ["multiclass", "regression"])
def test_predictions(target, solver):
    theirs, ours = fit_both(target, solver=solver, max_iter=20)
    X, *_ = problem(target)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    if target == "multiclass":
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
        assert_allclose(
            ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6
        )


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_and_partial_fit_go_on_alike(solver):
    X, y, theirs, ours = problem("binary")
    shared = {
        "solver": solver,
        "batch_size": BATCH_SIZE,
        "alpha": 0.0,
        "hidden_layer_sizes": 8,
        "max_iter": 5,
        "warm_start": True,
    }
    # A RandomState, because an int is one more shuffle in ours and the same in theirs.
    theirs = theirs(**shared, random_state=np.random.RandomState(0))
    ours = ours(**shared, random_state=np.random.RandomState(0))
    for estimator in theirs, ours:
        estimator.fit(X, y).fit(X[::-1], y[::-1])
    assert_same_parameters(theirs, ours)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_) == (5, 1200)
    assert len(ours.loss_curve_) == len(theirs.loss_curve_) == 10
    for estimator in theirs, ours:
        for _ in range(3):
            estimator.partial_fit(X, y)
    assert_same_parameters(theirs, ours)
    assert ours.t_ == theirs.t_
