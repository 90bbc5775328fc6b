"""Pruned networks: what leaves, that predictions stay, and that training goes on."""

import pickle

import numpy as np
import pytest
from helpers import BOTH, assert_same_parameters
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skreg import MLPClassifier, MLPRegressor
from skreg._core.activations import ACTIVATIONS
from skreg._core.periodic import PeriodicFeatures
from skreg._core.predictions import raw_predictions
from skreg._core.pruning import prune
from skreg.ensemble import FoldEnsembleClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

EACH_ACTIVATION = pytest.mark.parametrize("activation", sorted(ACTIVATIONS))


# -- the arithmetic --------------------------------------------------------------------


def make_layers(units=(5, 6, 4, 2), seed=0, dtype=float):
    rng = np.random.RandomState(seed)
    shapes = list(zip(units[:-1], units[1:], strict=True))
    coefs = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    return coefs, [rng.normal(size=shape[1]).astype(dtype) for shape in shapes]


def raw_of(part, activation, X):
    layers = part.coefs, part.intercepts
    return raw_predictions(*layers, ACTIVATIONS[activation], X, part.features)


@EACH_ACTIVATION
@pytest.mark.parametrize("seed", range(4))
def test_predictions_stay_for_any_zeros(activation, seed):
    coefs, intercepts = make_layers((5, 8, 7, 6, 2), seed)
    rng = np.random.RandomState(seed)
    for W in coefs:
        W[rng.uniform(size=W.shape) < 0.75] = 0
    before = [W.copy() for W in coefs], [b.copy() for b in intercepts]
    X = rng.normal(size=(20, 5))
    expected = raw_predictions(coefs, intercepts, ACTIVATIONS[activation], X)
    part = prune(coefs, intercepts, ACTIVATIONS[activation], 5)
    assert_allclose(raw_of(part, activation, X), expected, rtol=1e-12, atol=1e-12)
    assert sum(map(len, part.units)) < 21
    # Nothing more leaves, and nothing that was given has changed.
    again = prune(part.coefs, part.intercepts, ACTIVATIONS[activation], 5)
    for W, other in zip(part.coefs, again.coefs, strict=True):
        assert_array_equal(W, other)
    for given, was in zip([*coefs, *intercepts], sum(before, []), strict=True):
        assert_array_equal(given, was)


def test_constant_units_leave_layer_after_layer():
    coefs, intercepts = make_layers()
    coefs[0][:, [1, 4]] = 0
    # This one sees constants alone.
    coefs[1][[0, 2, 3, 5], 2] = 0
    part = prune(coefs, intercepts, ACTIVATIONS["tanh"], 5)
    assert [list(units) for units in part.units] == [[0, 2, 3, 5], [0, 1, 3]]
    folded = intercepts[1] + np.tanh(intercepts[0][[1, 4]]) @ coefs[1][[1, 4]]
    assert_allclose(part.intercepts[1], folded[[0, 1, 3]])


def test_unread_units_leave_layer_before_layer():
    coefs, intercepts = make_layers()
    coefs[2][1] = 0
    # This one is seen by that one alone.
    coefs[1][3, [0, 2, 3]] = 0
    part = prune(coefs, intercepts, ACTIVATIONS["relu"], 5)
    assert [list(units) for units in part.units] == [[0, 1, 2, 4, 5], [0, 2, 3]]


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_network_that_sees_nothing_keeps_a_unit_a_layer_and_no_weight(layer):
    coefs, intercepts = make_layers()
    X = np.random.RandomState(1).normal(size=(7, 5))
    coefs[layer][:] = 0
    before = [W.copy() for W in coefs]
    expected = raw_predictions(coefs, intercepts, ACTIVATIONS["logistic"], X)
    part = prune(coefs, intercepts, ACTIVATIONS["logistic"], 5)
    for given, was in zip(coefs, before, strict=True):
        assert_array_equal(given, was)
    assert [W.shape for W in part.coefs] == [(5, 1), (1, 1), (1, 2)]
    assert not any(W.any() for W in part.coefs)
    assert not part.support.any()
    assert_allclose(raw_of(part, "logistic", X), expected)
    assert_allclose(part.intercepts[-1], expected[0])
    part = prune(coefs, intercepts, ACTIVATIONS["logistic"], 5, drop_inputs=True)
    assert_array_equal(part.inputs, [0])


def test_inputs_that_only_dead_units_read_leave():
    coefs, intercepts = make_layers()
    coefs[0][2, 1:] = 0
    coefs[1][0] = 0
    part = prune(coefs, intercepts, ACTIVATIONS["relu"], 5, drop_inputs=True)
    assert_array_equal(part.inputs, [0, 1, 3, 4])
    X = np.random.RandomState(1).normal(size=(7, 5))
    expected = raw_predictions(coefs, intercepts, ACTIVATIONS["relu"], X)
    assert_allclose(raw_of(part, "relu", X[:, part.inputs]), expected)


@pytest.mark.parametrize("drop_inputs", [False, True])
def test_waves_leave_that_nothing_reads(drop_inputs):
    rng = np.random.RandomState(0)
    coefs, intercepts = make_layers((4 + 3 * 3, 6, 2))
    features = PeriodicFeatures(
        np.array([0, 2, 3]), *rng.normal(size=(2, 3, 5)), rng.normal(size=(3, 5, 3))
    )
    # Nothing reads the waves of input 0, those of input 2 are nothing, and of input 3
    # two mixtures are left, but not the input itself. Nothing reads input 1.
    coefs[0][4:7] = 0
    features.mixing[1] = 0
    coefs[0][[1, 3, 10]] = 0
    X = rng.normal(size=(9, 4))
    expected = raw_predictions(coefs, intercepts, ACTIVATIONS["tanh"], X, features)
    part = prune(coefs, intercepts, ACTIVATIONS["tanh"], 4, features, drop_inputs)
    assert_array_equal(part.is_embedded, [False, False, True])
    assert_array_equal(part.support, [True, False, True, True])
    assert_array_equal(part.inputs, [0, 2, 3] if drop_inputs else [0, 1, 2, 3])
    assert_array_equal(part.features.inputs, [2 if drop_inputs else 3])
    assert len(part.coefs[0]) == len(part.inputs) + 3
    assert_allclose(raw_of(part, "tanh", X[:, part.inputs]), expected)


def test_waves_may_all_be_nothing():
    coefs, intercepts = make_layers((4 + 3 * 3, 6, 2))
    rng = np.random.RandomState(0)
    features = PeriodicFeatures(
        np.array([0, 2, 3]), *rng.normal(size=(2, 3, 5)), np.zeros((3, 5, 3))
    )
    part = prune(coefs, intercepts, ACTIVATIONS["tanh"], 4, features)
    assert len(part.features.inputs) == 0
    assert_array_equal(part.coefs[0], coefs[0][:4])


def test_float32_stays_float32():
    coefs, intercepts = make_layers(dtype=np.float32)
    coefs[0][:, 1] = 0
    part = prune(coefs, intercepts, ACTIVATIONS["relu"], 5)
    assert {each.dtype for each in [*part.coefs, *part.intercepts]} == {
        np.dtype(np.float32)
    }


# -- fitted estimators -----------------------------------------------------------------

SPARSE = {"hidden_layer_sizes": (12, 8), "alpha": 0.02, "l1_ratio": 1.0}
SPARSE |= {"learning_rate_init": 0.01, "max_iter": 60, "random_state": 0}


def predicted(estimator, X):
    proba = getattr(estimator, "predict_proba", None)
    return estimator.predict(X) if proba is None else proba(X)


def with_noise(X):
    return np.c_[X, np.random.RandomState(0).normal(size=(len(X), 6))]


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
def test_a_pruned_network_predicts_the_same(solver, Estimator, iris):
    X, y = with_noise(iris[0]), iris[1]
    network = Estimator(**SPARSE, solver=solver)
    if solver == "sgd":
        network.set_params(learning_rate_init=0.1, max_iter=200)
    small = network.fit(X, y).prune()
    assert type(small) is Estimator
    assert_allclose(predicted(small, X), predicted(network, X), rtol=1e-10)
    sizes = tuple(len(b) for b in small.intercepts_[:-1])
    assert small.hidden_layer_sizes == sizes
    assert sum(sizes) < 20
    assert small.sparsity_ < network.sparsity_
    assert small.pruned_.hidden_layer_sizes == ((12, 8), sizes)
    assert_array_equal(small.pruned_.support, small.support_)
    n_params = [
        sum(W.size for W in [*each.coefs_, *each.intercepts_])
        for each in (network, small)
    ]
    assert small.pruned_.n_params == tuple(n_params)
    assert str(n_params[1]) in repr(small.pruned_)
    # The network itself is as it was.
    assert network.pruned_ is None
    assert network.hidden_layer_sizes == (12, 8)
    assert network.coefs_[0].shape == (10, 12)


@BOTH
def test_inputs_leave_if_asked_for(Estimator, iris):
    pd = pytest.importorskip("pandas")
    X, y = with_noise(iris[0]), iris[1]
    X = pd.DataFrame(X, columns=list("abcdefghij"))
    network = Estimator(**SPARSE, solver="fista", feature_alpha=0.1)
    network.set_params(feature_groups=[["a", "e"], ["b", "c"], ["h", "i"]]).fit(X, y)
    small = network.prune(inputs=True)
    columns = X.columns[small.pruned_.inputs]
    assert small.n_features_in_ == len(columns) < 10
    assert_array_equal(small.feature_names_in_, columns)
    assert_allclose(predicted(small, X[columns]), predicted(network, X), rtol=1e-10)
    assert len(small.feature_importances_) == len(columns)
    assert small.support_.all()
    # What is left of a group is a group.
    labels = dict(zip("abcdefghij", [0, 1, 1, 3, 0, 5, 6, 7, 7, 9], strict=True))
    groups = np.array([labels[column] for column in columns])
    is_together = np.equal.outer(small.feature_groups, small.feature_groups)
    assert_array_equal(is_together, np.equal.outer(groups, groups))
    assert is_together.sum() > len(columns)
    small.set_params(warm_start=True).fit(X[columns], y)
    clone(small).fit(X[columns], y)
    with pytest.raises(ValueError, match="feature names"):
        small.predict(X)


def with_dead_units(network):
    """Kill units of both layers such that training does not wake them up."""
    network.coefs_[0][:, [1, 3]] = 0
    network.intercepts_[0][[1, 3]] = -1
    network.coefs_[1][[1, 3]] = 0
    network.coefs_[1][:, 2] = 0
    network.intercepts_[1][2] = -1
    network.coefs_[2][2] = 0


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_goes_on_with_the_moments_that_are_left(solver, Estimator, iris):
    X, y = iris
    params = {"hidden_layer_sizes": (6, 5), "solver": solver, "random_state": 0}
    network = Estimator(**params, learning_rate_init=0.01, batch_size=50)
    network.partial_fit(
        X, y, **({"classes": [0, 1, 2]} if _classifies(network) else {})
    )
    with_dead_units(network)
    # The moments are now of no unit that lives, and of weights that are gone.
    state = network._training_state
    layout = network._state_at_coefs(goes_on=True)
    state.params = state.kept = state.progress.kept = layout.params
    dead = layout.params == 0
    for values in state.optimizer.values():
        if np.size(values) == len(dead):
            values[dead] = 0
    small = network.prune()
    assert small.hidden_layer_sizes == (4, 4)
    for _ in range(3):
        network.partial_fit(X, y)
        small.partial_fit(X, y)
    units = [[0, 2, 4, 5], [0, 1, 3, 4]]
    assert_allclose(small.coefs_[1], network.coefs_[1][np.ix_(*units)], rtol=1e-9)
    assert_allclose(small.coefs_[0], network.coefs_[0][:, units[0]], rtol=1e-9)
    assert_allclose(small.intercepts_[-1], network.intercepts_[-1], rtol=1e-9)
    assert_allclose(small.loss_curve_, network.loss_curve_, rtol=1e-9)
    assert small.t_ == network.t_


def _classifies(estimator):
    return isinstance(estimator, MLPClassifier)


@BOTH
@pytest.mark.parametrize(
    "how", [{"early_stopping": True}, {"weight_averaging": 0.5, "l1_ratio": 0}]
)
def test_training_goes_on_from_what_predicts(how, Estimator, iris):
    X, y = with_noise(iris[0]), iris[1]
    network = Estimator(**{**SPARSE, **how}).fit(X, y)
    network.coefs_[1][2] = 0
    network.coefs_[0][0] = 0
    small = network.prune(inputs=True)
    X_small = X[:, small.pruned_.inputs]
    assert_allclose(predicted(small, X_small), predicted(network, X), rtol=1e-10)
    small.set_params(learning_rate_init=1e-9)
    data = {}
    if "early_stopping" in how:
        data = {"X_val": X_small, "y_val": y}
    small.partial_fit(X_small, y, **data)
    assert_allclose(predicted(small, X_small), predicted(network, X), rtol=1e-4)
    # A tiny step is no step back to what was last, or best, before.
    assert small.hidden_layer_sizes[0] < 12


@BOTH
def test_a_new_average_begins(Estimator, iris):
    X, y = iris
    params = {"hidden_layer_sizes": 4, "max_iter": 20, "random_state": 0}
    network = Estimator(**params, weight_averaging=0.9).fit(X, y)
    # Nothing leaves, so that the earlier average would fit.
    small = network.prune().partial_fit(X, y)
    assert network.partial_fit(X, y)._training_state.average.n_epochs == 21
    assert small._training_state.average.n_epochs == 1


@BOTH
def test_a_new_fit_forgets_what_was_pruned(Estimator, iris):
    X, y = with_noise(iris[0]), iris[1]
    small = Estimator(**SPARSE).fit(X, y).prune()
    sizes = small.hidden_layer_sizes
    warm = pickle.loads(pickle.dumps(small)).set_params(warm_start=True).fit(X, y)
    assert warm.pruned_.hidden_layer_sizes == small.pruned_.hidden_layer_sizes
    small.fit(X, y)
    assert small.pruned_ is None
    fresh = Estimator(**SPARSE).set_params(hidden_layer_sizes=sizes).fit(X, y)
    assert_same_parameters(small, fresh)


def test_waves_in_an_estimator(regression):
    X, y = with_noise(regression[0]), regression[1]
    network = MLPRegressor(
        hidden_layer_sizes=8,
        n_frequencies=4,
        alpha=0.05,
        l1_ratio=1,
        learning_rate_init=0.02,
        max_iter=60,
        feature_alpha=0.01,
        normalize_y=True,
        random_state=0,
    ).fit(X, y)
    n_features = X.shape[1]
    for inputs in (False, True):
        small = network.prune(inputs=inputs)
        before, after = small.pruned_.n_waves
        assert after < before == n_features
        assert len(small.embedded_inputs_) == after == len(small.input_mixing_)
        X_small = X[:, small.pruned_.inputs]
        assert_allclose(small.predict(X_small), network.predict(X), rtol=1e-8)
        assert "inputs with waves" in repr(small.pruned_)
        small.set_params(feature_alpha=0).partial_fit(X_small, y)
        small.set_params(warm_start=True, max_iter=2).fit(X_small, y)


@BOTH
def test_nothing_is_shared(Estimator, iris):
    X, y = iris
    network = Estimator(hidden_layer_sizes=4, max_iter=5, random_state=0).fit(X, y)
    small = network.prune()
    assert small.pruned_.n_params[0] == small.pruned_.n_params[1]
    expected = predicted(network, X)
    state = pickle.dumps(network)
    small.loss_curve_.append(0.0)
    for _ in range(2):
        small.partial_fit(X, y)
    for each in [*small.coefs_, *small.intercepts_]:
        each[:] = 0
    assert_array_equal(predicted(network, X), expected)
    assert pickle.dumps(network) == state


def test_a_linear_model_and_constant_networks(iris):
    X, y = iris
    linear = MLPClassifier(hidden_layer_sizes=(), max_iter=5).fit(X, y)
    linear.coefs_[0][1] = 0
    small = linear.prune(inputs=True)
    assert small.hidden_layer_sizes == ()
    assert_allclose(
        small.predict_proba(X[:, [0, 2, 3]]), linear.predict_proba(X), rtol=1e-12
    )
    constant = MLPClassifier(alpha=100, l1_ratio=1, solver="lbfgs").fit(X, y)
    small = constant.prune(inputs=True)
    assert (small.hidden_layer_sizes, small.n_features_in_) == ((1,), 1)
    assert_allclose(small.predict_proba(X[:, :1]), constant.predict_proba(X))
    assert "inputs 4 -> 1 (1 of them not read)" in repr(small.pruned_)
    small.set_params(warm_start=True, alpha=0).fit(X[:, :1], y)


def test_members_of_ensembles_and_unfitted_networks(iris):
    X, y = iris
    ensemble = FoldEnsembleClassifier(MLPClassifier(**SPARSE), cv=3).fit(X, y)
    member = ensemble.estimators_[0]
    small = member.prune()
    assert_allclose(small.predict_proba(X), member.predict_proba(X), rtol=1e-10)
    small.partial_fit(X, y)
    for attribute in ("prune", "to_sklearn"):
        with pytest.raises(NotFittedError):
            getattr(MLPClassifier(), attribute)()
