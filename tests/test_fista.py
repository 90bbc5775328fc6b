"""`solver="fista"`: linear models to 1e-6, stationarity of networks, descent."""

import numpy as np
import pytest
from helpers import (
    draw_weight,
    half_squared_error,
    logistic_regression,
    make_classification,
    make_regression,
    objective_of,
    penalty,
    residual_by_definition,
)
from sklearn.linear_model import ElasticNet

from skreg import MLPClassifier, MLPRegressor
from skreg._core.solvers.fista import _ProximalGradient
from skreg._fitting.fit import fit_many, task_of

FISTA = dict(solver="fista", tol=1e-7, max_iter=20_000, random_state=0)
LINEAR = dict(hidden_layer_sizes=(), **FISTA)


# -- linear models ---------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs, weighted", [(1, False), (1, True), (3, False)])
@pytest.mark.parametrize("alpha, l1_ratio", [(0.01, 1.0), (0.3, 1.0), (0.5, 0.3)])
def test_lasso_and_elastic_net(alpha, l1_ratio, n_outputs, weighted):
    X, y = make_regression(n_outputs)
    weight = draw_weight(weighted)
    ours = MLPRegressor(**LINEAR, alpha=alpha, l1_ratio=l1_ratio).fit(X, y, weight)
    theirs = ElasticNet(alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000)
    theirs.fit(X, y, weight)
    objectives = [
        half_squared_error(y, model.predict(X), weight) + penalty(coef, alpha, l1_ratio)
        for model, coef in ((ours, ours.coefs_[0]), (theirs, theirs.coef_))
    ]
    # To this tolerance rounding may stand in the way.
    assert ours.stop_reason_ in ("converged", "small_decrease")
    np.testing.assert_allclose(*objectives, rtol=1e-6)
    np.testing.assert_allclose(ours.loss_, objectives[0], rtol=1e-12)
    np.testing.assert_allclose(ours.coefs_[0].T.squeeze(), theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0].T.squeeze() != 0, theirs.coef_ != 0)
    assert ours.sparsity_ > 0


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("alpha, l1_ratio", [(0.02, 1.0), (0.06, 1.0), (0.06, 0.5)])
def test_l1_logistic_regression(n_classes, alpha, l1_ratio):
    X, y = make_classification(n_classes)
    ours = MLPClassifier(**LINEAR, alpha=alpha, l1_ratio=l1_ratio).fit(X, y)
    theirs = logistic_regression(1 / (alpha * len(X)), l1_ratio).fit(X, y)
    objectives = [
        -np.log(np.take_along_axis(P, codes[:, None], 1)).mean()
        + penalty(coef, alpha, l1_ratio)
        for codes in [np.unique(y, return_inverse=True)[1]]
        for P, coef in (
            (ours.predict_proba(X), ours.coefs_[0]),
            (theirs.predict_proba(X), theirs.coef_),
        )
    ]
    np.testing.assert_allclose(*objectives, rtol=1e-6)
    np.testing.assert_allclose(ours.loss_, objectives[0], rtol=1e-10)
    np.testing.assert_array_equal(ours.coefs_[0].T != 0, theirs.coef_ != 0)
    assert 0 < ours.sparsity_ < 1


GROUPS = [[0, 1, 2], [3, 4], [5], *([j] for j in range(6, 14)), range(14, 20)]


def group_lasso_by_blocks(X, y, groups, strength, alpha):
    """Block coordinate descent; one block by proximal gradient with its own step."""
    n = len(X)
    X, y = X - X.mean(axis=0), y - y.mean()
    w = np.zeros(X.shape[1])
    for _ in range(300):
        for group in map(list, groups):
            Z = X[:, group]
            bound = np.linalg.eigvalsh(Z.T @ Z / n)[-1] + alpha
            gradient = Z.T @ (X @ w - y) / n + alpha * w[group]
            u = w[group] - gradient / bound
            threshold = strength * np.sqrt(len(group)) / bound
            size = np.linalg.norm(u)
            w[group] = 0 if size <= threshold else (1 - threshold / size) * u
    residual = y - X @ w
    norms = sum(np.sqrt(len(g)) * np.linalg.norm(w[list(g)]) for g in groups)
    ridge = alpha * (w**2).sum() / 2
    return w, (residual**2).mean() / 2 + strength * norms + ridge


@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_group_lasso(strength, alpha):
    X, y = make_regression()
    ours = MLPRegressor(
        **LINEAR,
        alpha=alpha,
        feature_alpha=strength,
        feature_penalty="group_lasso",
        feature_groups=GROUPS,
    ).fit(X, y)
    w, objective = group_lasso_by_blocks(X, y, GROUPS, strength, alpha)
    np.testing.assert_allclose(ours.loss_, objective, rtol=1e-6)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], w, atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0][:, 0] != 0, w != 0)
    assert 0 < ours.n_features_selected_ < 20


def test_group_lasso_of_skglm():
    skglm = pytest.importorskip("skglm")
    X, y = make_regression()
    groups = [list(group) for group in GROUPS]
    weights = np.sqrt([len(group) for group in groups])
    theirs = skglm.GroupLasso(
        groups=groups, alpha=0.3, weights=weights, tol=1e-10, max_iter=1000
    ).fit(X, y)
    ours = MLPRegressor(
        **LINEAR,
        alpha=0.0,
        feature_alpha=0.3,
        feature_penalty="group_lasso",
        feature_groups=groups,
    ).fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.support_, theirs.coef_ != 0)


# An empty network is named as one, and one with the strongest input nearly is.
@pytest.mark.filterwarnings("ignore:Training has led to predictions that are about")
def test_a_group_lasso_that_is_strong_enough_removes_everything():
    X, y = make_regression()
    # Of groups of one: where the lasso does, too.
    strongest = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / len(X)
    for factor, n_left in ((1.001, 0), (0.99, 1)):
        model = MLPRegressor(
            **LINEAR,
            alpha=0.0,
            feature_alpha=factor * strongest,
            feature_penalty="group_lasso",
        ).fit(X, y)
        assert model.n_features_selected_ == n_left


# -- networks --------------------------------------------------------------------------


def make_nonlinear(kind, n_rows=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 6))
    z = np.sin(2 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=n_rows)
    if kind is MLPRegressor:
        return X, z
    return X, np.digitize(z, [-0.7, 0.7])


PENALTIES = {
    "l1": dict(alpha=0.01, l1_ratio=0.5),
    "group lasso": dict(alpha=1e-3, feature_alpha=0.06, feature_penalty="group_lasso"),
    "log-sum": dict(alpha=1e-3, feature_alpha=0.1, feature_epsilon=0.2),
    "log-sum and l1": dict(
        alpha=2e-3,
        l1_ratio=0.5,
        feature_alpha=0.03,
        feature_epsilon=0.2,
        feature_groups=[[0, 2], [3, 4]],
    ),
}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("name", PENALTIES)
def test_smooth_networks_end_stationary(name, activation, kind):
    X, y = make_nonlinear(kind)
    settings = PENALTIES[name]
    model = kind((6,), activation=activation, **FISTA | {"tol": 1e-3}, **settings).fit(
        X, y
    )
    assert model.stop_reason_ == "converged"
    strengths = [model.alpha * model.l1_ratio, model.feature_alpha]
    smallest = min(strength for strength in strengths if strength > 0)
    objective, params = objective_of(model, X, y)
    residual = residual_by_definition(model, objective, params)
    assert residual <= 1e-3 * smallest
    np.testing.assert_allclose(objective.kkt_residual(params), residual, atol=1e-10)
    # The residual sees what is not stationary.
    moved = params * 1.01
    assert objective.kkt_residual(moved)[0] > 10 * residual
    assert 0 < model.sparsity_ < 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("name", PENALTIES)
def test_relu_ends_where_no_proximal_step_helps(name, kind):
    X, y = make_nonlinear(kind)
    settings = FISTA | {"tol": 0.0, "max_iter": 3000}
    model = kind((6,), **settings, **PENALTIES[name]).fit(X, y)
    objective, params = objective_of(model, X, y)
    value = objective.value(params)[0]
    np.testing.assert_allclose(model.loss_, value, rtol=1e-12)
    network, inner = objective.network, objective.penalty
    _, gradient = objective.smooth_value_and_gradient(params)
    for step in 10.0 ** np.arange(-10, 3):
        new = params - step * gradient
        inner.majorize(network.weights(params))
        layers, column = network.weights(new), np.full((1, 1, 1), step)
        inner.prox(layers, [column] * len(layers), column[:, :, 0])
        assert objective.value(new)[0] >= value - 1e-8 * abs(value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", PENALTIES)
def test_every_size_that_is_tried_is_a_step_of_the_same_majorization(name):
    X, y = make_nonlinear(MLPClassifier)
    model = MLPClassifier((6,), **FISTA | {"max_iter": 3}, **PENALTIES[name]).fit(X, y)
    objective, params = objective_of(model, X, y)
    network, penalty = objective.network, objective.penalty
    _, gradient = objective.smooth_value_and_gradient(params)

    def stepped(step):
        new = params - step * gradient
        penalty.majorize(network.weights(params))
        column = np.full((1, 1, 1), step)
        penalty.prox(
            network.weights(new), [column] * len(network.shapes), column[:, :, 0]
        )
        return new

    # Far too long: it is halved many times.
    iterates = _ProximalGradient(objective, params[0])
    iterates._step = 1e4
    new, _ = iterates._proximal_step()
    assert iterates._step < 1e3
    np.testing.assert_allclose(new, stepped(iterates._step), rtol=1e-12)
    # Of many sizes the best, and what is said of it is true.
    iterates = _ProximalGradient(objective, params[0])
    assert iterates.leap()
    np.testing.assert_allclose(iterates.params, stepped(iterates._step), rtol=1e-12)
    value = objective.value(iterates.params)[0]
    np.testing.assert_allclose(iterates.value, value, rtol=1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_objective_never_rises(activation):
    X, y = make_nonlinear(MLPClassifier)
    model = MLPClassifier(
        (6,),
        activation=activation,
        alpha=1e-3,
        feature_alpha=0.1,
        feature_epsilon=0.2,
        **FISTA | {"max_iter": 300, "tol": 1e-3},
    )
    (outcome,) = fit_many([task_of(model, dense_first=False)], X, y)
    losses = outcome.progress.curves.loss
    assert len(losses) > 50
    assert np.diff(losses).max() <= 0
    assert losses[-1] < 0.9 * losses[0]


def test_fista_polishes_what_adam_found():
    X, y = make_nonlinear(MLPClassifier, 200)
    settings = PENALTIES["log-sum"]
    model = MLPClassifier(
        (6,),
        activation="tanh",
        max_iter=30,
        random_state=0,
        warm_start=True,
        **settings,
    )
    with pytest.warns(Warning, match="Maximum iterations"):
        model.fit(X, y)
    objective, params = objective_of(model, X, y)
    before = objective.value(params)[0], objective.kkt_residual(params)[0]
    model.set_params(solver="fista", max_iter=20_000, tol=1e-3).fit(X, y)
    objective, params = objective_of(model, X, y)
    after = objective.value(params)[0], objective.kkt_residual(params)[0]
    assert after[0] < before[0]
    assert after[1] <= 1e-3 * 0.1 < before[1]


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_float32_stays_float32(hidden):
    X, y = make_nonlinear(MLPRegressor)
    model = MLPRegressor(
        hidden, activation="tanh", **FISTA | {"tol": 1e-2}, **PENALTIES["log-sum"]
    )
    model.fit(X.astype(np.float32), y.astype(np.float32))
    expected = MLPRegressor(
        hidden, activation="tanh", **FISTA | {"tol": 1e-2}, **PENALTIES["log-sum"]
    ).fit(X, y)
    arrays = model.coefs_ + model.intercepts_
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.loss_, expected.loss_, rtol=1e-2)


def test_fista_stops_early_and_says_when_it_did_not_converge():
    X, y = make_nonlinear(MLPClassifier, 200)
    model = MLPClassifier((6,), **FISTA | {"max_iter": 3}, alpha=0.01, l1_ratio=1.0)
    with pytest.warns(Warning, match="fista failed to converge after 3"):
        model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    early = MLPClassifier((20,), **FISTA, alpha=1e-6, early_stopping=True).fit(X, y)
    assert early.stop_reason_ == "no_improvement"
    assert early.best_iter_ < early.n_iter_ < 20_000


def test_the_last_iteration_is_looked_at():
    X, y = make_regression()
    model = MLPRegressor(**LINEAR | {"max_iter": 13}, alpha=0.1)
    with pytest.warns(Warning, match="fista failed to converge after 13"):
        model.fit(X, y)
    (W,), (b,) = model.coefs_, model.intercepts_
    error = X @ W + b - y[:, None]
    slopes = np.abs(np.append(X.T @ error / len(X) + 0.1 * W, error.mean()))
    model.set_params(tol=1.001 * slopes.max()).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (13, "converged")


@pytest.mark.parametrize("loss", ["absolute_error", "quantile"])
def test_losses_without_a_gradient_are_refused_by_name(loss):
    X, y = make_nonlinear(MLPRegressor)
    settings = dict(loss=loss, quantile=0.3 if loss == "quantile" else None)
    with pytest.raises(ValueError, match=f"fista.*{loss}|{loss}.*fista"):
        MLPRegressor((3,), **FISTA, **settings).fit(X, y)


def test_dropout_is_refused_by_name():
    X, y = make_nonlinear(MLPClassifier)
    with pytest.raises(ValueError, match="dropout=0.2 needs.*'fista'"):
        MLPClassifier((3,), **FISTA, dropout=0.2).fit(X, y)


def test_partial_fit_is_of_stochastic_solvers():
    with pytest.raises(AttributeError, match="partial_fit"):
        MLPClassifier((3,), **FISTA).partial_fit([[0.0], [1.0]], [0, 1], [0, 1])


def test_stationarity_where_there_is_nothing_to_do():
    # The linear model of constant labels: at rest in the intercept alone.
    X, _ = make_nonlinear(MLPRegressor)
    model = MLPRegressor(**LINEAR, alpha=0.1, l1_ratio=1.0).fit(X, np.full(len(X), 3.0))
    assert model.sparsity_ == 1
    np.testing.assert_allclose(model.intercepts_[0], 3.0, rtol=1e-6)
