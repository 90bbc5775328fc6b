"""Faults of scikit-learn's MLP (1.9 and before) that must not be here, a test each."""

import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_expit, log_softmax
from sklearn.datasets import make_classification

from skreg import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scripted(scores):
    """A scorer that returns these scores, one a call, whatever the network."""
    scores = iter(scores)
    return lambda estimator, X, y: next(scores)


def test_validation_split_of_three_classes_is_stratified(iris):
    """theirs stratifies binary targets only"""
    X, y = iris
    for seed in range(5):
        seen = []

        def score(estimator, X_val, y_val, seen=seen):
            seen.append(np.bincount(y_val, minlength=3))
            return 0.0

        MLPClassifier(
            hidden_layer_sizes=2,
            early_stopping=True,
            validation_fraction=0.2,
            scoring=score,
            max_iter=1,
            random_state=seed,
        ).fit(X, y)
        assert_array_equal(seen[0], [10, 10, 10])


def test_warm_start_with_early_stopping_restores_the_best_of_this_fit(iris):
    """theirs keeps the best score of the first fit, and with it its weights"""
    X, y = iris
    classifier = MLPClassifier(
        hidden_layer_sizes=5,
        early_stopping=True,
        warm_start=True,
        max_iter=3,
        random_state=0,
        scoring=scripted([0.1, 0.9, 0.2]),
    ).fit(X, y)
    assert (classifier.best_iter_, classifier.best_validation_score_) == (2, 0.9)

    weights = []

    def score(estimator, X_val, y_val):
        weights.append([W.copy() for W in estimator.coefs_])
        return [0.3, 0.5, 0.4][len(weights) - 1]

    classifier.set_params(scoring=score).fit(X, y)
    # The curves go on, and positions in them as well.
    assert classifier.validation_scores_ == [0.1, 0.9, 0.2, 0.3, 0.5, 0.4]
    assert (classifier.best_iter_, classifier.best_validation_score_) == (5, 0.5)
    for kept, best in zip(classifier.coefs_, weights[1], strict=True):
        assert_array_equal(kept, best)


def test_warm_start_is_patient_anew(iris):
    """theirs carries the count of epochs without improvement over"""
    X, y = iris
    classifier = MLPClassifier(
        hidden_layer_sizes=5,
        early_stopping=True,
        warm_start=True,
        n_iter_no_change=3,
        random_state=0,
        scoring=lambda estimator, X, y: 0.5,
    )
    for _ in range(3):
        classifier.fit(X, y)
        # One improvement on nothing, then more than three epochs without.
        assert classifier.n_iter_ == 1 + 4
        assert classifier.stop_reason_ == "no_improvement"


@pytest.mark.parametrize("bad", [np.nan, -np.inf, np.inf])
def test_nan_score_does_not_reset_patience(iris, bad):
    """theirs counts an epoch whose score is NaN as an improvement"""
    X, y = iris
    classifier = MLPClassifier(
        hidden_layer_sizes=5,
        early_stopping=True,
        n_iter_no_change=2,
        max_iter=20,
        random_state=0,
        scoring=scripted([0.5, 0.6, *[bad] * 18]),
    )
    with pytest.warns(match="its validation score is not finite"):
        classifier.fit(X, y)
    assert classifier.stop_reason_ == "diverged"
    assert classifier.n_iter_ == 3
    assert classifier.best_iter_ == 2
    assert_array_equal(classifier.validation_scores_, [0.5, 0.6, np.nan])


@pytest.mark.both_engines
def test_multioutput_squared_loss_agrees_with_its_gradient():
    """theirs averages over outputs in the value and sums in the gradient"""
    rng = np.random.RandomState(0)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 4))
    rate = 1e-6
    params = {
        "hidden_layer_sizes": 5,
        "activation": "tanh",
        "solver": "sgd",
        "momentum": 0,
        "learning_rate_init": rate,
        "alpha": 0.01,
        "warm_start": True,
        "max_iter": 1,
        "random_state": 0,
    }
    regressor = MLPRegressor(**params).fit(X, Y)

    def objective():
        residual = regressor.predict(X) - Y
        squares = sum(np.sum(W**2) for W in regressor.coefs_)
        return 0.5 * np.mean(np.sum(residual**2, axis=1)) + 0.5 * 0.01 * squares

    value = objective()
    parameters = regressor.coefs_ + regressor.intercepts_
    regressor.fit(X, Y)
    moves = [
        after - before
        for before, after in zip(
            parameters, regressor.coefs_ + regressor.intercepts_, strict=True
        )
    ]
    squared_gradient = sum(np.sum((move / rate) ** 2) for move in moves)
    # A small step of one full batch lowers the objective by rate |gradient|^2.
    assert_allclose(value - objective(), rate * squared_gradient, rtol=1e-4)
    assert_allclose(
        regressor.data_loss_curve_[-1], value - 0.005 * squares_of(parameters[:2])
    )


def squares_of(arrays):
    return sum(np.sum(array**2) for array in arrays)


def test_outputs_side_by_side_have_the_sum_of_their_losses():
    rng = np.random.RandomState(0)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    params = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.1, "tol": 1e-8}
    params |= {"max_iter": 1000}
    both = MLPRegressor(**params).fit(X, Y)
    each = [MLPRegressor(**params).fit(X, column) for column in Y.T]
    assert_allclose(both.loss_, each[0].loss_ + each[1].loss_, rtol=1e-9)
    assert_allclose(both.coefs_[0][:, 0], each[0].coefs_[0][:, 0], rtol=1e-4)


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_partial_fit_refuses_lbfgs(Estimator, iris):
    """theirs asks for the solver when the method is looked up, not when it is called"""
    X, y = iris
    assert not hasattr(Estimator(solver="lbfgs"), "partial_fit")
    estimator = Estimator(max_iter=2).fit(X, y)
    estimator.set_params(solver="lbfgs")
    with pytest.raises(AttributeError, match="partial_fit"):
        estimator.partial_fit(X, y)
    # Not even through the method taken while it was there.
    estimator.set_params(solver="adam")
    partial_fit = estimator.partial_fit
    estimator.set_params(solver="lbfgs")
    before = estimator.coefs_[0].copy()
    with pytest.raises(AttributeError, match="partial_fit is only available"):
        partial_fit(X, y)
    assert_array_equal(estimator.coefs_[0], before)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_minibatches_without_weight_do_nothing_harmful(Estimator, solver, iris):
    """theirs divides by the weight of the minibatch, which is zero"""
    X, y = iris
    weight = np.zeros(len(X))
    weight[40:100] = 1.0
    # In order, so that whole minibatches have no weight.
    estimator = Estimator(
        hidden_layer_sizes=5,
        solver=solver,
        batch_size=10,
        shuffle=False,
        max_iter=5,
        random_state=0,
    ).fit(X, y, sample_weight=weight)
    for parameter in estimator.coefs_ + estimator.intercepts_:
        assert np.isfinite(parameter).all()
    assert np.isfinite(estimator.loss_curve_).all()


@pytest.mark.both_engines
def test_minibatch_without_weight_moves_nothing_under_plain_sgd(iris):
    X, y = iris
    weight = np.zeros(len(X))
    weight[:50] = 1.0
    params = {
        "hidden_layer_sizes": 5,
        "solver": "sgd",
        "momentum": 0,
        "alpha": 0,
        "shuffle": False,
        "batch_size": 50,
        "max_iter": 1,
        "random_state": 0,
    }
    whole = MLPRegressor(**params).fit(X, y, sample_weight=weight)
    # Its weight over the mean weight of all rows is three.
    params["learning_rate_init"] = 3e-3
    first = MLPRegressor(**params).fit(X[:50], y[:50])
    for expected, actual in zip(first.coefs_, whole.coefs_, strict=True):
        assert_allclose(actual, expected, rtol=1e-9)


@pytest.mark.both_engines
def test_weights_between_minibatches_count():
    """theirs divides each minibatch by its own weight: they cancel"""
    rng = np.random.RandomState(0)
    X = np.ones((40, 1))
    # Two groups of rows in minibatches of their own, whose targets disagree.
    y = np.repeat([0.0, 1.0], 20)
    weight = np.repeat([9.0, 1.0], 20)
    regressor = MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        momentum=0,
        learning_rate_init=0.005,
        alpha=0,
        batch_size=20,
        shuffle=False,
        max_iter=1000,
        tol=0,
        n_iter_no_change=1000,
        random_state=rng,
    ).fit(X, y, sample_weight=weight)
    assert_allclose(regressor.predict(X[:1]), np.average(y, weights=weight), atol=0.01)


def test_partial_fit_shuffles_anew_each_time():
    """theirs starts an int seed again with every call: one order for all epochs"""
    X, y = make_classification(n_samples=60, random_state=0)

    def after_four_epochs(Estimator, random_state):
        estimator = Estimator(
            hidden_layer_sizes=5,
            batch_size=10,
            solver="sgd",
            alpha=0,
            random_state=random_state,
        )
        for _ in range(4):
            estimator.partial_fit(X, y, classes=[0, 1])
        return estimator.coefs_[0]

    theirs = sklearn.neural_network.MLPClassifier
    # Their stream goes on if it is handed over as such.
    expected = after_four_epochs(theirs, np.random.RandomState(0))
    assert_allclose(after_four_epochs(MLPClassifier, 0), expected)
    state = np.random.RandomState(0)
    assert_allclose(after_four_epochs(MLPClassifier, state), expected)


@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predict_log_proba_is_finite(target, dtype, iris):
    """theirs takes the logarithm of a probability that has become zero"""
    X, y = iris
    X = X.astype(dtype)
    y = {"binary": y > 0, "multiclass": y, "multilabel": np.eye(3, dtype=int)[y]}[
        target
    ]
    classifier = MLPClassifier(hidden_layer_sizes=5, max_iter=20, random_state=0)
    classifier.fit(X, y)
    moderate, log_moderate = (
        classifier.predict_proba(X),
        classifier.predict_log_proba(X),
    )
    assert_allclose(log_moderate, np.log(moderate))

    classifier.coefs_[-1] *= 1e4
    proba, log_proba = classifier.predict_proba(X), classifier.predict_log_proba(X)
    assert (proba == 0).any()
    assert np.isfinite(log_proba).all()
    assert log_proba.dtype == dtype
    positive = proba > 0
    assert_array_equal(log_proba[positive], np.log(proba[positive]))
    # Where nothing is left of the probability, it still ranks by how wrong it is.
    hidden = np.maximum(X @ classifier.coefs_[0] + classifier.intercepts_[0], 0)
    raw = hidden @ classifier.coefs_[1] + classifier.intercepts_[1]
    expected = {
        "binary": lambda: log_expit(np.hstack([-raw, raw])),
        "multiclass": lambda: log_softmax(raw, axis=1),
        "multilabel": lambda: log_expit(raw),
    }[target]()
    assert_allclose(log_proba[~positive], expected[~positive], rtol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_lbfgs_keeps_float32(Estimator, l1_ratio, iris):
    """theirs ends with float64 parameters"""
    X, y = iris
    estimator = Estimator(solver="lbfgs", max_iter=5, l1_ratio=l1_ratio)
    estimator.fit(X.astype(np.float32), y)
    for parameter in estimator.coefs_ + estimator.intercepts_:
        assert parameter.dtype == np.float32
    predict = getattr(estimator, "predict_proba", estimator.predict)
    assert predict(X.astype(np.float32)).dtype == np.float32
