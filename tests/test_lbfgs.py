"""Without hidden layers the networks are scikit-learn's linear models.

L-BFGS must agree with them in the objective and in the support; Adam's zeros must tend
to the same support as its learning rate is lowered.
"""

import numpy as np
import pytest
from helpers import (
    N_ROWS,
    draw_weight,
    half_squared_error,
    logistic_regression,
    make_classification,
    make_counts,
    make_regression,
    penalty,
)
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    PoissonRegressor,
    Ridge,
)
from sklearn.metrics import log_loss, mean_poisson_deviance

from skreg._fitting.fit import TrainingState, fit_many, task_of
from skreg.neural_network import MLPClassifier, MLPRegressor

LBFGS = dict(
    hidden_layer_sizes=(), solver="lbfgs", tol=1e-9, max_iter=5000, random_state=0
)


def assert_same_support(ours, theirs):
    np.testing.assert_array_equal(ours.ravel() != 0, theirs.ravel() != 0)


def check_regression(theirs, X, y, weight, alpha, l1_ratio, value, **ours_parameters):
    """Fit both; the objectives to 1e-6 and the supports must agree."""
    ours = MLPRegressor(**LBFGS, alpha=alpha, l1_ratio=l1_ratio, **ours_parameters)
    ours.fit(X, y, weight)
    theirs.fit(X, y, weight)
    objectives = [
        value(y, model.predict(X), weight) + penalty(coef, alpha, l1_ratio)
        for model, coef in ((ours, ours.coefs_[0]), (theirs, theirs.coef_))
    ]
    np.testing.assert_allclose(*objectives, rtol=1e-6)
    np.testing.assert_allclose(ours.loss_, objectives[0], rtol=1e-12)
    # Of two minimizers of a strictly convex objective.
    np.testing.assert_allclose(ours.coefs_[0].T.squeeze(), theirs.coef_, atol=1e-3)
    assert_same_support(ours.coefs_[0].T, theirs.coef_)
    return ours


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 10.0])
def test_ridge(alpha, n_outputs, weighted):
    X, y = make_regression(n_outputs)
    weight = draw_weight(weighted)
    total = N_ROWS if weight is None else weight.sum()
    theirs = Ridge(alpha=total * alpha)
    check_regression(theirs, X, y, weight, alpha, 0.0, half_squared_error)


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.0])
def test_lasso(alpha):
    X, y = make_regression()
    theirs = Lasso(alpha, tol=1e-12, max_iter=100_000)
    ours = check_regression(theirs, X, y, None, alpha, 1.0, half_squared_error)
    np.testing.assert_allclose(ours.sparsity_, np.mean(theirs.coef_ == 0), atol=1e-12)
    assert 0 < ours.sparsity_ < 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_elastic_net(alpha, l1_ratio, weighted):
    X, y = make_regression()
    theirs = ElasticNet(alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000)
    weight = draw_weight(weighted)
    ours = check_regression(theirs, X, y, weight, alpha, l1_ratio, half_squared_error)
    assert (ours.coefs_[0] == 0).any() or alpha * l1_ratio < 0.01


# An empty network is named as one, and one with the strongest input nearly is.
@pytest.mark.filterwarnings("ignore:Training has led to predictions that are about")
def test_a_lasso_that_is_strong_enough_leaves_the_intercept():
    X, y = make_regression()
    strongest = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / N_ROWS
    for factor, is_empty in ((1.001, True), (0.98, False)):
        model = MLPRegressor(**LBFGS, alpha=factor * strongest, l1_ratio=1.0).fit(X, y)
        assert (model.sparsity_ == 1) == is_empty
        if is_empty:
            np.testing.assert_allclose(model.intercepts_[0], y.mean(), rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [1e-3, 0.1])
def test_poisson_regressor(alpha, weighted):
    X, y = make_counts()

    def half_deviance(y, prediction, weight):
        return mean_poisson_deviance(y, prediction, sample_weight=weight) / 2

    theirs = PoissonRegressor(alpha=alpha, tol=1e-8, max_iter=10_000)
    weight = draw_weight(weighted)
    check_regression(theirs, X, y, weight, alpha, 0.0, half_deviance, loss="poisson")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("alpha", [0.02, 0.06])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression(n_classes, alpha, l1_ratio, weighted):
    X, y = make_classification(n_classes)
    weight = draw_weight(weighted)
    total = N_ROWS if weight is None else weight.sum()
    ours = MLPClassifier(**LBFGS, alpha=alpha, l1_ratio=l1_ratio).fit(X, y, weight)
    theirs = logistic_regression(1 / (alpha * total), l1_ratio).fit(X, y, weight)
    objectives = [
        log_loss(y, model.predict_proba(X), sample_weight=weight)
        + penalty(coef, alpha, l1_ratio)
        for model, coef in ((ours, ours.coefs_[0]), (theirs, theirs.coef_))
    ]
    np.testing.assert_allclose(*objectives, rtol=1e-6)
    np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-3)
    assert_same_support(ours.coefs_[0].T, theirs.coef_)
    assert (ours.sparsity_ > 0) == (l1_ratio > 0)


def test_l1_zeros_of_a_network_are_exact_and_stationary():
    X, y = make_classification(3)
    model = MLPClassifier(**LBFGS | {"hidden_layer_sizes": (8,)}, activation="tanh")
    model.set_params(alpha=0.02, l1_ratio=1.0).fit(X, y)
    # To this tolerance rounding may stand in the way.
    assert model.stop_reason_ in ("converged", "small_decrease")
    assert 0.2 < model.sparsity_ < 1
    # A start without zeros got there downhill.
    assert np.diff(model.loss_curve_).max() <= 1e-12


def test_float32_stays_float32():
    X, y = make_regression()
    for l1_ratio in (0.0, 0.5):
        model = MLPRegressor(**LBFGS | {"tol": 1e-4}, alpha=0.1, l1_ratio=l1_ratio)
        model.fit(X.astype(np.float32), y.astype(np.float32))
        expected = MLPRegressor(**LBFGS, alpha=0.1, l1_ratio=l1_ratio).fit(X, y)
        assert {W.dtype for W in model.coefs_} == {np.dtype(np.float32)}
        assert {b.dtype for b in model.intercepts_} == {np.dtype(np.float32)}
        np.testing.assert_allclose(model.loss_, expected.loss_, rtol=1e-4)


def test_bounds_on_iterations_and_evaluations_end_the_solver():
    X, y = make_regression()
    for name, reason in (("max_iter", "max_iter"), ("max_fun", "max_fun")):
        for l1_ratio in (0.0, 0.5):
            model = MLPRegressor(**LBFGS | {name: 3}, alpha=0.1, l1_ratio=l1_ratio)
            with pytest.warns(Warning, match="lbfgs|L-BFGS|iteration"):
                model.fit(X, y)
            assert model.stop_reason_ == reason
            assert model.n_iter_ <= 3


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_a_start_at_rest_is_an_iteration(l1_ratio):
    X, y = make_regression()
    model = MLPRegressor(**LBFGS, alpha=0.1, l1_ratio=l1_ratio, warm_start=True)
    loss, coef = model.fit(X, y).loss_, model.coefs_[0]
    model.set_params(tol=1e-2).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (1, "converged")
    np.testing.assert_allclose(model.loss_curve_[-2:], loss, rtol=1e-12)
    np.testing.assert_array_equal(model.coefs_[0], coef)


# -- Adam ---------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "problem, kind, alpha, l1_ratio",
    [
        (make_regression, MLPRegressor, 0.1, 1.0),
        (make_regression, MLPRegressor, 0.2, 0.5),
        (lambda: make_classification(2), MLPClassifier, 0.03, 1.0),
        (lambda: make_classification(3), MLPClassifier, 0.02, 1.0),
    ],
    ids=["lasso", "elastic_net", "binary", "multinomial"],
)
def test_adams_support_tends_to_that_of_the_minimum(problem, kind, alpha, l1_ratio):
    X, y = problem()
    exact = kind(**LBFGS, alpha=alpha, l1_ratio=l1_ratio).fit(X, y).coefs_[0]
    state, distances, n_wrong = None, [], []
    # Minibatches keep the iterates at a distance of about the learning rate, where a
    # weight that should be zero may just not be: the last phase is without that noise.
    for rate, batch_size, n_epochs in (
        (0.3, 75, 300),
        (0.03, 75, 300),
        (3e-3, 75, 500),
        (3e-4, 150, 2000),
    ):
        estimator = kind(
            (),
            alpha=alpha,
            l1_ratio=l1_ratio,
            batch_size=batch_size,
            learning_rate_init=rate,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        (outcome,) = fit_many([task_of(estimator, state=state)], X, y)
        state = TrainingState(outcome.state.params)
        W = outcome.network.unpack(state.params)[0][0]
        distances.append(np.abs(W - exact).max())
        is_wrong = (W == 0) != (exact == 0)
        n_wrong.append(np.count_nonzero(is_wrong))
        assert np.abs(W - exact)[is_wrong].max(initial=0) < rate
    assert (exact == 0).any() and (exact != 0).any()
    assert n_wrong[-1] == 0, n_wrong
    assert (np.diff(distances) < 0).all(), distances
    assert distances[-1] < 1e-3
