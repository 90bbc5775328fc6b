"""Periodic features of the inputs: `n_frequencies`.

Gradients are compared with central differences, predictions with the formula written
out plainly, networks of a batch with themselves alone, and one engine with the other.
"""

import pickle
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest
from helpers import (
    ACTIVATIONS,
    ARCHITECTURES,
    BOTH,
    OUTPUTS,
    RAW_LOSSES,
    assert_same_parameters,
    assert_same_training,
    by_each_engine,
    central_differences,
    draw_problem,
    fitted_by_each_engine,
    make_data,
    updates_per_point,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import MLPClassifier, MLPRegressor
from skreg._core.losses import HalfPoisson, SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import ElasticNet, GroupLasso, InputGroups
from skreg._core.periodic import PeriodicLayer, has_many_values
from skreg._core.soundness import FinitePredictions, RowNorms, forward_passes
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train
from skreg._fitting import sparse_path
from skreg._fitting.fit import fit_many, task_of
from skreg.augmentation import GaussianNoise
from skreg.feature_selection import feature_path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NEEDS_NUMBA = pytest.mark.skipif(find_spec("numba") is None, reason="numba is missing")

# The data of paths are small.
quick_paths = updates_per_point(40)

# A target that changes often along the first input; the third has two values.
RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, size=(150, 4))
X[:, 2] = X[:, 2] > 0
Z = np.sin(5 * X[:, 0]) + X[:, 2] * X[:, 1]
CLASSES = np.digitize(Z, [-0.5, 0.5])

SETTINGS = dict(
    hidden_layer_sizes=(7, 4),
    n_frequencies=5,
    frequency_scale=0.5,
    batch_size=32,
    learning_rate_init=0.01,
    max_iter=5,
    random_state=0,
)


def target_of(Estimator):
    return CLASSES if Estimator is MLPClassifier else Z


def fitted(Estimator=MLPRegressor, rows=X, **params):
    return Estimator(**{**SETTINGS, **params}).fit(rows, target_of(Estimator))


def features_by_hand(model, rows):
    """What the first layer of a fitted network sees, wave by wave."""
    columns = list(rows.T)
    for i, column in enumerate(model.embedded_inputs_):
        for o in range(3):
            total = 0.0
            for j, frequency in enumerate(model.input_frequencies_[i]):
                turns = frequency * rows[:, column] + model.input_phases_[i, j]
                wave = np.cos(2 * np.pi * turns)
                total = total + model.input_mixing_[i, j, o] * wave
            columns.append(total)
    return np.column_stack(columns)


def raw_by_hand(model, rows):
    H = features_by_hand(model, rows)
    for layer, (W, b) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        H = H @ W + b
        if layer < len(model.coefs_) - 1:
            H = ACTIVATIONS[model.activation](H)
    return H


# -- gradients -------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden, activation", ARCHITECTURES)
@pytest.mark.parametrize("loss, n_outputs", OUTPUTS)
def test_gradient(loss, n_outputs, hidden, activation, weighted, engine):
    rng = np.random.default_rng(0)
    rows, Y = draw_problem(loss, n_outputs, rng)
    chosen = rng.integers(len(rows), size=17)
    weight = rng.uniform(0.1, 2, size=17) if weighted else None
    layer = PeriodicLayer(4, [0, 2, 3], 6)
    units = 4, *hidden, n_outputs
    network = Network(units, activation, RAW_LOSSES[loss][0], layer)
    penalty = ElasticNet([0.0, 0.3], [0.5, 0.0], float)
    objective = Objective(network, penalty, rows, Y, chosen, weight, n_models=2)
    assert objective.engine == engine
    params = 0.5 * rng.normal(size=(2, network.n_params))
    _, gradient = objective.smooth_value_and_gradient(params)
    slopes = central_differences(objective.value, params)
    assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-7)


@pytest.mark.both_engines
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_a_step_follows_the_gradient(hidden, engine):
    """In training, too; `alpha` acts on the mixing matrices, and not on the turns."""
    rng = np.random.default_rng(1)
    Y = rng.normal(size=(len(X), 2))
    layer = PeriodicLayer(4, [0, 1, 3], 5)
    network = Network((4, *hidden, 2), "tanh", SquaredError(), layer)
    starts = 0.5 * rng.normal(size=(2, network.n_params))
    alphas = [0.0, 0.7]
    models = [
        Model(
            start,
            Stream(np.arange(len(X)), np.random.RandomState(0)),
            Progress(Patience(5, 0.0)),
            alpha=alpha,
            learning_rate_init=0.1,
            momentum=0.0,
            max_iter=1,
        )
        for start, alpha in zip(starts, alphas, strict=True)
    ]
    results = train(network, models, X, Y, Settings("sgd", batch_size=len(X)))
    assert {result.engine for result in results} == {engine}
    no_penalty = ElasticNet([0.0, 0.0], [0.0, 0.0], float)
    objective = Objective(network, no_penalty, X, Y, np.arange(len(X)), n_models=2)
    _, gradient = objective.smooth_value_and_gradient(starts)
    # Frequencies and phases stand before all else, and then the mixing matrices.
    n_turns, n_mixing = 3 * 2 * 5, 3 * 3 * 5
    assert (layer.n_turns, layer.n_params) == (n_turns, n_turns + n_mixing)
    decay = np.zeros(network.n_params)
    decay[n_turns : n_turns + n_mixing] = 1
    for block in network.blocks(decay[None]):
        block[:, :-1] = 1
    for result, start, slopes, alpha in zip(
        results, starts, gradient, alphas, strict=True
    ):
        # What belongs to waves has a tenth of the learning rate.
        rate = np.full(network.n_params, 0.1)
        rate[: layer.n_params] = 0.01
        expected = start - rate * (slopes + alpha * decay * start)
        assert_allclose(result.params, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.both_engines
@pytest.mark.parametrize("n_units", [3, 2000])
def test_adam_moves_waves_by_a_tenth_in_networks_of_any_size(n_units):
    """Its first step is the rate, whatever the gradient; large networks have parts."""
    layer = PeriodicLayer(4, [0, 1, 3], 5, 0.5)
    network = Network((4, n_units, 1), "tanh", SquaredError(), layer)
    random_state = np.random.RandomState(0)
    model = Model(
        network.initialize(random_state, float),
        Stream(np.arange(len(X)), random_state),
        Progress(Patience(np.inf, 0)),
        learning_rate_init=0.01,
        epsilon=1e-300,
        max_iter=1,
    )
    (result,) = train(network, [model], X, Z[:, None], Settings("adam", len(X)))
    moves = np.full(network.n_params, 0.01)
    moves[: layer.n_params] = 0.001
    assert_allclose(np.abs(result.params - model.params), moves, rtol=1e-9)


def test_a_penalty_is_not_escaped_by_mixing():
    """At rest a feature's weights are as large as those of its mixture.

    Otherwise the mixture could grow, and the weights shrink, without end.
    """
    rows, y = X[:, :2], np.sin(3 * X[:, 0]) + X[:, 1]
    model = MLPRegressor(
        (4,),
        activation="tanh",
        n_frequencies=3,
        frequency_scale=0.5,
        alpha=0.01,
        solver="fista",
        tol=1e-6,
        max_iter=5000,
        random_state=0,
    ).fit(rows, y)
    assert model.loss_curve_[-1] > model.loss_curve_[-2] - 1e-6
    weights = np.linalg.norm(model.coefs_[0][2:], axis=1)
    mixtures = np.linalg.norm(model.input_mixing_, axis=1).ravel()
    assert weights.max() > 0.1
    assert_allclose(weights, mixtures, rtol=0.01, atol=1e-3)


@pytest.mark.both_engines
def test_mixing_matrices_have_exact_zeros(engine):
    model = fitted(alpha=2e-3, l1_ratio=1.0, max_iter=100, learning_rate_init=0.02)
    is_zero = model.input_mixing_ == 0
    assert 0.1 < is_zero.mean() < 1
    assert (model.input_frequencies_ != 0).all() and (model.input_phases_ != 0).all()


@pytest.mark.both_engines
def test_float32_agrees_with_float64(engine):
    rng = np.random.default_rng(4)
    layer = PeriodicLayer(4, [0, 1, 3], 8)
    network = Network((4, 6, 2), "tanh", SquaredError(), layer)
    params = 0.5 * rng.normal(size=(3, network.n_params)).astype(np.float32)
    Y = rng.normal(size=(len(X), 2)).astype(np.float32)

    def evaluate(dtype):
        data = X.astype(np.float32).astype(dtype), Y.astype(dtype)
        penalty = ElasticNet([0.0] * 3, [0.0] * 3, dtype)
        objective = Objective(network, penalty, *data, np.arange(len(X)), n_models=3)
        assert objective.engine == engine
        return objective.smooth_value_and_gradient(params.astype(dtype))

    (value, gradient), (value_32, gradient_32) = evaluate(float), evaluate(np.float32)
    assert gradient_32.dtype == np.float32
    assert_allclose(value_32, value, rtol=1e-5)
    assert_allclose(gradient_32, gradient, rtol=1e-3, atol=2e-5)


def test_the_residual_looks_at_turns():
    layer = PeriodicLayer(4, [0, 1, 3], 5)
    network = Network((4, 1), "identity", SquaredError(), layer)
    params = np.random.default_rng(0).normal(size=(1, network.n_params))
    turns, mixing = network.periodic_views(params)
    # Steep waves.
    mixing *= 10
    penalty = ElasticNet([0.0], [0.0], float)
    objective = Objective(network, penalty, X, Z[:, None], np.arange(len(X)))
    _, gradient = objective.smooth_value_and_gradient(params)
    assert abs(gradient[0, : turns.size]).max() == abs(gradient).max()
    assert_allclose(objective.kkt_residual(params), abs(gradient).max(), rtol=1e-12)


# -- what is predicted -----------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("hidden", [(), (7, 4)])
def test_predictions_by_the_formula(hidden, solver):
    model = fitted(hidden_layer_sizes=hidden, solver=solver)
    assert_array_equal(model.embedded_inputs_, [0, 1, 3])
    assert model.input_frequencies_.shape == model.input_phases_.shape == (3, 5)
    assert model.input_mixing_.shape == (3, 5, 3)
    assert model.coefs_[0].shape[0] == 4 + 3 * 3
    assert_allclose(model.predict(X), raw_by_hand(model, X)[:, 0], rtol=1e-12)
    # All that is trained has moved from its start.
    start = Network((4, *hidden, 1), "relu", None, PeriodicLayer(4, [0, 1, 3], 5, 0.5))
    row = start.initialize(np.random.RandomState(0), float)
    end = start.pack(model.coefs_, model.intercepts_, float, start.unpack_periodic(row))
    assert (row[start.periodic.n_params :] != end[start.periodic.n_params :]).all()
    before = start.unpack_periodic(row)
    for name, values in zip(before._fields[1:], before[1:], strict=True):
        assert (getattr(model, f"input_{name}_") != values).all()


@pytest.mark.both_engines
@BOTH
def test_many_rows_and_wide_inputs(Estimator):
    """More than a chunk of either engine, or of `predict`, holds."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(700, 40))
    y = (rows[:, 0] > 0) * 1
    model = Estimator(**SETTINGS | {"n_frequencies": 16, "max_iter": 1}).fit(rows, y)
    predict = getattr(model, "decision_function", model.predict)
    expected = raw_by_hand(model, rows)[:, 0]
    if Estimator is MLPClassifier:
        expected = 1 / (1 + np.exp(-expected))
        assert_allclose(model.predict_proba(rows)[:, 1], expected, rtol=1e-10)
    else:
        assert_allclose(predict(rows), expected, rtol=1e-10)
    few = np.arange(5)
    assert_allclose(model.predict(rows[few]), model.predict(rows)[few], rtol=1e-10)


def test_waves_of_rows_of_less_precision_are_as_precise_as_the_weights():
    model, rows = fitted(), X.astype("f4")
    assert_allclose(model.predict(rows), model.predict(rows.astype(float)), rtol=1e-12)


def test_predictions_far_away_are_bounded():
    model = fitted()
    far = np.full((2, 4), 1e200)
    far[1] = -1e17
    features = features_by_hand(model, far)[:, 4:]
    bound = abs(model.input_mixing_).sum(axis=1).ravel()
    assert (abs(features) <= bound * (1 + 1e-12)).all()
    seen = model._periodic_features.beside(far)[:, 4:]
    assert (abs(seen) <= bound * (1 + 1e-12)).all()


@pytest.mark.both_engines
def test_waves_pay_where_a_target_changes_often():
    train, test = np.arange(100), np.arange(100, 150)
    settings = SETTINGS | dict(max_iter=400, n_iter_no_change=np.inf, tol=0.0)
    scores = [
        MLPRegressor(**settings | {"n_frequencies": n_frequencies})
        .fit(X[train], Z[train])
        .score(X[test], Z[test])
        for n_frequencies in (0, 8)
    ]
    assert scores[1] > 0.75 > 0.5 > scores[0]


# -- which inputs are embedded ---------------------------------------------------------


def test_inputs_of_two_values_are_not_embedded():
    rows = np.zeros((1500, 6))
    rows[:, 1] = np.arange(1500) % 2
    rows[:, 2] = np.arange(1500)
    rows[1499, 3] = 5.0
    rows[[0, 1499], 4] = 1.0, 2.0  # the third value comes late
    rows[[10, 20], 5] = 1.0, np.nextafter(1.0, 2.0)
    assert_array_equal(
        has_many_values(rows, np.arange(1500)), [False, False, True, False, True, True]
    )
    assert_array_equal(
        has_many_values(rows, np.arange(100)), [False, False, True, False, False, True]
    )
    assert_array_equal(has_many_values(rows, np.array([0, 3, 3, 0])), [False] * 6)
    assert_array_equal(has_many_values(rows, np.arange(0)), [False] * 6)
    rng = np.random.default_rng(6)
    rows = rng.integers(5, size=(3000, 40)) * (rng.random((3000, 40)) < 0.001)
    expected = [len(np.unique(column)) > 2 for column in rows.T]
    assert 5 < sum(expected) < 35
    assert_array_equal(has_many_values(rows, rng.permutation(3000)), expected)


def test_rows_of_the_fit_decide():
    rows = X.copy()
    rows[:100, 1] = rows[:100, 1] > 0
    model = MLPRegressor(**SETTINGS)
    first, whole = fit_many(
        [task_of(model, rows=np.arange(100)), task_of(model)], rows, Z
    )
    assert_array_equal(first.network.embedded_inputs, [0, 3])
    assert_array_equal(whole.network.embedded_inputs, [0, 1, 3])
    # Rows without weight are as good as none.
    weight = (np.arange(150) < 100) * 1.0
    model.fit(rows, Z, sample_weight=weight)
    assert_array_equal(model.embedded_inputs_, [0, 3])


@pytest.mark.both_engines
def test_without_an_input_to_embed():
    rows = (X > 0) * 1.0
    with_waves, without = fitted(rows=rows), fitted(rows=rows, n_frequencies=0)
    assert_same_parameters(with_waves, without)
    assert with_waves.embedded_inputs_.shape == (0,)
    assert with_waves.input_mixing_.shape == (0, 5, 3)
    assert without.embedded_inputs_ is without.input_frequencies_ is None
    assert_allclose(with_waves.predict(rows), without.predict(rows), rtol=1e-12)
    with_waves.partial_fit(rows, Z)
    assert_array_equal(with_waves.support_, [True] * 4)


def test_refit_keeps_what_the_first_network_is_made_of():
    rows = X.copy()
    rows[:100, 1] = rows[:100, 1] > 0
    model = MLPRegressor(**SETTINGS | dict(early_stopping=True, refit=True))
    model.fit(rows[:100], Z[:100], X_val=rows[100:], y_val=Z[100:])
    assert_array_equal(model.embedded_inputs_, [0, 3])
    assert model.refit_n_updates_ > 0


# -- the start -------------------------------------------------------------------------


def test_draws_come_after_those_of_the_dense_layers():
    layer = PeriodicLayer(4, [0, 3], 7, frequency_scale=0.3)
    network = Network((4, 5, 2), "tanh", None, layer)
    row = network.initialize(np.random.RandomState(3), float)
    coefs, intercepts = network.unpack(row)
    random_state = np.random.RandomState(3)
    for W, b in zip(coefs, intercepts, strict=True):
        bound = np.sqrt(6 / sum(W.shape))
        assert_array_equal(W, random_state.uniform(-bound, bound, W.shape))
        assert_array_equal(b, random_state.uniform(-bound, bound, b.shape))
    features = network.unpack_periodic(row)
    assert_array_equal(features.frequencies, random_state.normal(0, 0.3, (2, 7)))
    assert_array_equal(features.phases, random_state.uniform(0, 1, (2, 7)))
    bound = 1 / np.sqrt(7)
    assert_array_equal(features.mixing, random_state.uniform(-bound, bound, (2, 7, 3)))


# -- batches and engines ---------------------------------------------------------------


def tasks_that_differ(**shared):
    for index in range(8):
        estimator = MLPRegressor(
            **SETTINGS
            | dict(
                frequency_scale=[0.1, 0.4, 0.7, 1.0][index % 4],
                alpha=[1e-4, 1e-2][index % 2],
                l1_ratio=[0.0, 0.5][index // 4],
                dropout=[0.0, 0.3][index // 2 % 2],
                learning_rate_init=[0.003, 0.03][index % 2],
                early_stopping=index % 4 == 1,
                random_state=index % 3,
            )
            | shared
        )
        rows = np.arange(150)[index % 2 : 120 + index % 2]
        yield task_of(estimator, rows=rows)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(
    "shared",
    [
        {},
        {"feature_alpha": 0.02, "feature_penalty": "group_lasso"},
        {"feature_alpha": 0.3, "feature_groups": [[0, 3]]},
        {"augmentation": GaussianNoise(0.1)},
    ],
)
def test_a_network_of_a_batch_is_the_one_alone(shared, solver):
    tasks = list(tasks_that_differ(solver=solver, **shared))
    for task, outcome in zip(tasks, fit_many(tasks, X, Z), strict=True):
        (alone,) = fit_many([task], X, Z)
        assert outcome.stop_reason is alone.stop_reason
        for name in ("params", "kept"):
            ours, expected = getattr(outcome.state, name), getattr(alone.state, name)
            assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)
            assert_array_equal(ours == 0, expected == 0)


def test_layouts_are_one_where_all_that_makes_them_is():
    def key(n_inputs=4, inputs=(0, 3), n_frequencies=5, **own):
        layer = PeriodicLayer(n_inputs, list(inputs), n_frequencies, **own)
        return Network((n_inputs, 3, 1), "tanh", SquaredError(), layer).key

    # How far frequencies are from zero at first is no matter of the layout.
    assert key() == key(frequency_scale=2.0)
    keys = [key(), key(n_inputs=5), key(inputs=(1, 3)), key(n_frequencies=6)]
    assert len(set(keys)) == 4
    assert Network((10, 3, 1), "tanh", SquaredError()).key not in keys


def test_networks_with_other_embedded_inputs_train_apart():
    rows = X.copy()
    rows[:100, 1] = rows[:100, 1] > 0
    # Both have three inputs of many values.
    rows[100:, 0] = rows[100:, 0] > 0
    model = MLPRegressor(**SETTINGS)
    tasks = [task_of(model, rows=r) for r in (np.arange(50), np.arange(100, 150))]
    outcomes = fit_many(tasks, rows, Z)
    assert_array_equal(outcomes[0].network.embedded_inputs, [0, 3])
    assert_array_equal(outcomes[1].network.embedded_inputs, [1, 3])
    for task, outcome in zip(tasks, outcomes, strict=True):
        (alone,) = fit_many([task], rows, Z)
        assert_allclose(outcome.state.params, alone.state.params, rtol=1e-9)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"hidden_layer_sizes": ()},
        {"solver": "sgd", "momentum": 0.5},
        {"solver": "sgd", "feature_alpha": 0.05},
        {"l1_ratio": 0.7, "alpha": 0.01},
        {"l1_ratio": 0.7, "alpha": 0.01, "solver": "sgd", "learning_rate_init": 0.1},
        {"dropout": 0.3},
        {"augmentation": GaussianNoise(0.1)},
        {"feature_alpha": 0.02, "feature_penalty": "group_lasso"},
        {"feature_alpha": 0.3, "alpha": 1e-3},
        {"early_stopping": True, "refit": 2},
        {"solver": "lbfgs"},
        {"solver": "fista", "l1_ratio": 0.5},
    ],
)
@NEEDS_NUMBA
@BOTH
def test_both_engines_train_the_same(Estimator, params):
    estimator = Estimator(**{**SETTINGS, **params})
    compiled, plain = fitted_by_each_engine(estimator, X, target_of(Estimator))
    assert_same_training(compiled, plain, rtol=1e-8, atol=1e-10)
    for ours, expected in zip(
        compiled._periodic_features, plain._periodic_features, strict=True
    ):
        assert_allclose(ours, expected, rtol=1e-8, atol=1e-10)


@NEEDS_NUMBA
def test_both_engines_train_the_same_in_float32():
    estimator = MLPRegressor(**SETTINGS)
    pair = fitted_by_each_engine(estimator, X.astype(np.float32), Z)
    for model in pair:
        assert model.input_mixing_.dtype == model.coefs_[0].dtype == np.float32
    assert_same_parameters(*pair, rtol=0, atol=1e-4)
    first, second = (model._periodic_features for model in pair)
    for ours, expected in zip(first, second, strict=True):
        assert_allclose(ours, expected, rtol=0, atol=1e-4)


@NEEDS_NUMBA
def test_both_engines_weigh_rows_alike():
    weight = np.random.default_rng(2).uniform(0, 2, len(X))
    estimator = MLPClassifier(**SETTINGS, class_weight="balanced", early_stopping=True)
    pair = fitted_by_each_engine(estimator, X, CLASSES, sample_weight=weight)
    assert_same_training(*pair, rtol=1e-8, atol=1e-10)


@NEEDS_NUMBA
def test_large_turns_are_reduced_alike():
    """Waves of so many turns have a cosine, too; both engines lose no digits."""
    rows = np.column_stack([np.linspace(-3e12, 3e12, 101), np.linspace(0, 1, 101)])
    layer = PeriodicLayer(2, [0, 1], 4)
    network = Network((2, 1), "identity", SquaredError(), layer)
    params = np.random.default_rng(0).normal(size=(1, network.n_params))
    # Frequencies, and phases, by which turns are exact.
    params[0, :8] = [0.25, 0.5, -1.0, 2.0, 0.0, 0.25, 0.5, -0.25]
    # The input itself would outweigh its waves.
    network.weights(params)[0][0, 0] = 0

    def evaluate():
        penalty = ElasticNet([0.0], [0.0], float)
        Y = np.zeros((101, 1))
        objective = Objective(network, penalty, rows, Y, np.arange(101))
        return objective.smooth_value_and_gradient(params)

    (value, gradient), (expected, expected_gradient) = by_each_engine(evaluate)
    assert_allclose(value, expected, rtol=1e-12)
    atol = 1e-14 * abs(expected_gradient).max()
    assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=atol)


# -- penalties of inputs ---------------------------------------------------------------


def test_rows_of_waves_belong_to_their_inputs():
    owners = PeriodicLayer(4, [1, 3], 2).owners
    assert_array_equal(owners, [0, 1, 2, 3, 1, 1, 1, 3, 3, 3])
    groups = InputGroups([1, 0, 1, 2], owners)
    assert_array_equal(groups.sizes, [1, 2, 1])
    assert_array_equal(groups.row_counts, [4, 2, 4])
    assert_array_equal(groups.first, [1, 0, 3])
    W = np.random.default_rng(0).normal(size=(2, 10, 3))
    parts = [[1, 4, 5, 6], [0, 2], [3, 7, 8, 9]]
    norms = np.array([[np.linalg.norm(w[part]) for part in parts] for w in W])
    assert_allclose(groups.norms(W), norms)
    assert_array_equal(
        groups.spread(np.array([10, 20, 30])), [20, 10, 20, 30, 10, 10, 10, 30, 30, 30]
    )
    # The penalty counts inputs: sqrt(2) of the second group, of two inputs.
    penalty = GroupLasso([0.5, 0.0], groups, float)
    expected = 0.5 * (norms[0] * np.sqrt([1, 2, 1])).sum()
    assert_allclose(penalty.value([W]), [expected, 0.0])


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
@pytest.mark.parametrize("feature_penalty", ["log_sum", "group_lasso"])
def test_a_removed_input_is_removed_wholly(feature_penalty, solver):
    strength = 20.0 if feature_penalty == "log_sum" else 0.1
    model = fitted(
        solver=solver,
        hidden_layer_sizes=(7,),
        feature_penalty=feature_penalty,
        feature_alpha=strength,
        alpha=1e-3,
        max_iter=60,
        learning_rate_init=0.1 if solver == "sgd" else 0.02,
    )
    support, W = model.support_, model.coefs_[0]
    assert 0 < support.sum() < 4 and not support[3]
    assert model.n_features_selected_ == support.sum()
    owners = np.concatenate([np.arange(4), np.repeat(model.embedded_inputs_, 3)])
    norms = np.array([np.linalg.norm(W[owners == i]) for i in range(4)])
    assert_allclose(model.feature_importances_, norms)
    assert_array_equal(norms > 0, support)
    # Nothing that a removed input does is seen.
    changed = X.copy()
    changed[:, ~support] = 100 * RNG.normal(size=(150, (~support).sum()))
    assert_array_equal(model.predict(changed), model.predict(X))


def test_an_input_is_left_while_it_has_waves():
    model = fitted()
    model.coefs_[0][1] = 0
    assert model.support_.all() and model.feature_importances_[1] > 0
    model.coefs_[0][4 + 3 : 4 + 6] = 0  # those of the second embedded input
    assert_array_equal(model.support_, [True, False, True, True])
    # The third input has two values and no waves, so that the last waves are those of
    # the fourth one.
    model.coefs_[0][:] = 0
    model.coefs_[0][-3:] = 1
    assert_array_equal(model.support_, [False, False, False, True])
    assert_allclose(model.feature_importances_, [0, 0, 0, np.sqrt(3 * 7)])


@pytest.mark.both_engines
def test_groups_of_inputs_leave_together():
    model = fitted(
        hidden_layer_sizes=(7,),
        feature_alpha=0.5,
        alpha=1e-3,
        max_iter=60,
        learning_rate_init=0.02,
        feature_groups=[[2, 3]],
    )
    assert model.support_[2] == model.support_[3]


PATH_NETWORK = dict(
    hidden_layer_sizes=(12,), n_frequencies=4, alpha=1e-2, max_iter=30,
    learning_rate_init=0.01, batch_size=40, random_state=0,
)  # fmt: skip


@pytest.mark.both_engines
def test_leaving_columns_change_nothing(monkeypatch):
    rows, y = make_data()
    rows[:, 4] = rows[:, 4] > 0
    path = feature_path(MLPClassifier(**PATH_NETWORK), rows, y)
    assert path.support[0].all() and not path.support[-1].any()
    start = sparse_path._Trail.__init__

    def start_with_all_columns(trail, *args):
        start(trail, *args)
        trail.needs_all_columns = True

    monkeypatch.setattr(sparse_path._Trail, "__init__", start_with_all_columns)
    monkeypatch.setattr(sparse_path, "_columns", lambda X, inputs: 1 / 0)
    whole = feature_path(MLPClassifier(**PATH_NETWORK), rows, y)
    assert_array_equal(whole.support, path.support)
    for point in range(len(path.support)):
        assert_allclose(whole.coefs[point][0], path.coefs[point][0], atol=1e-8)
        ours, expected = (each.periodic_features[point] for each in (path, whole))
        assert_array_equal(ours.inputs, expected.inputs)
        is_left = path.support[point][ours.inputs]
        for values, others in zip(ours[1:], expected[1:], strict=True):
            assert_allclose(values[is_left], others[is_left], atol=1e-7)


def test_waves_of_an_input_whose_column_has_left_stay_what_they_were():
    rows, y = make_data()
    path = feature_path(MLPClassifier(**PATH_NETWORK), rows, y)
    n_kept = 0
    for before, after in pairwise(path.periodic_features):
        stays = (before.frequencies == after.frequencies).all(axis=1)
        n_kept += stays.sum()
        assert_array_equal(before.mixing[stays], after.mixing[stays])
        # A wave that is zero everywhere would never move again.
        assert (after.frequencies != 0).all() and (after.mixing != 0).all()
    assert n_kept > 0


@pytest.mark.parametrize("early_stopping", [False, True])
def test_fit_is_the_paths_point(early_stopping):
    rows, y = make_data()
    path = feature_path(MLPClassifier(**PATH_NETWORK), rows, y)
    point = path.point_of(4)
    model = MLPClassifier(
        **PATH_NETWORK,
        feature_alpha=path.feature_alphas[point],
        early_stopping=early_stopping,
    ).fit(rows, y)
    if early_stopping:
        assert 0 < model.n_features_selected_ < 10
        return
    for ours, expected in zip(model.coefs_, path.coefs[point], strict=True):
        assert_array_equal(ours, expected)
    for ours, expected in zip(
        model._periodic_features, path.periodic_features[point], strict=True
    ):
        assert_array_equal(ours, expected)


# -- going on --------------------------------------------------------------------------


@BOTH
def test_a_pickle_predicts_and_goes_on_alike(Estimator):
    y = target_of(Estimator)
    model = fitted(Estimator)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.predict(X), model.predict(X))
    for each in (model, copied):
        each.partial_fit(X, y)
    assert_same_parameters(copied, model, rtol=0, atol=0)
    for ours, expected in zip(
        copied._periodic_features, model._periodic_features, strict=True
    ):
        assert_array_equal(ours, expected)


@pytest.mark.both_engines
@BOTH
def test_partial_fits_are_the_epochs_of_a_fit(Estimator):
    y = target_of(Estimator)
    # Another epoch of a fit shuffles the order of the one before.
    whole = fitted(Estimator, max_iter=4, shuffle=False)
    parts = Estimator(**SETTINGS, shuffle=False)
    options = {"classes": [0, 1, 2]} if Estimator is MLPClassifier else {}
    for _ in range(4):
        parts.partial_fit(X, y, **options)
    assert_same_parameters(parts, whole)
    for ours, expected in zip(
        parts._periodic_features, whole._periodic_features, strict=True
    ):
        assert_allclose(ours, expected, rtol=1e-9)


def test_the_first_partial_fit_decides_on_the_inputs():
    rows = X.copy()
    rows[:100, 1] = rows[:100, 1] > 0
    model = MLPRegressor(**SETTINGS)
    model.partial_fit(rows[:100], Z[:100])
    model.partial_fit(rows[100:], Z[100:])
    assert_array_equal(model.embedded_inputs_, [0, 3])


@pytest.mark.parametrize("method", ["partial_fit", "warm_start"])
def test_training_goes_on_from_edited_waves(method):
    model = fitted(warm_start=True)
    edited = model.input_frequencies_.copy()
    model.input_frequencies_ = edited + 1.0
    model.input_phases_ = np.zeros_like(model.input_phases_)
    before = model.predict(X)
    assert_allclose(before, raw_by_hand(model, X)[:, 0], rtol=1e-12)
    model.set_params(learning_rate_init=1e-9, max_iter=1)
    # The moments of before would carry the old rate's steps on.
    model._training_state.optimizer["learning_rate"] = 1e-9
    model.partial_fit(X, Z) if method == "partial_fit" else model.fit(X, Z)
    assert_allclose(model.input_frequencies_, edited + 1.0, atol=1e-6)
    assert_allclose(model.input_phases_, 0.0, atol=1e-6)
    assert_allclose(model.predict(X), before, atol=1e-4)


def test_training_does_not_go_on_with_other_waves():
    model = fitted(warm_start=True)
    message = "n_frequencies=3 differs from the 5 of input_frequencies_"
    with pytest.raises(ValueError, match=message):
        model.set_params(n_frequencies=3).fit(X, Z)
    with pytest.raises(ValueError, match="n_frequencies=0 differs from the 5"):
        model.set_params(n_frequencies=0).partial_fit(X, Z)
    without = fitted(warm_start=True, n_frequencies=0)
    with pytest.raises(ValueError, match="n_frequencies=5 differs from the 0"):
        without.set_params(n_frequencies=5).fit(X, Z)


# -- what does not go together ---------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (5,)])
def test_a_penalty_of_inputs_needs_one_of_mixing(hidden):
    model = MLPRegressor(
        hidden, n_frequencies=4, feature_alpha=0.1, feature_penalty="group_lasso"
    )
    n_waves = "feature_alpha=0.1 with n_frequencies=4 needs alpha > 0"
    message = "feature_alpha=0.1 needs alpha > 0" if hidden else n_waves
    with pytest.raises(ValueError, match=message):
        model.set_params(alpha=0.0).fit(X, Z)


def test_waves_are_not_convex():
    """So that their penalized networks start dense, without a hidden layer, too."""
    settings = dict(feature_alpha=0.1, feature_penalty="group_lasso")
    for n_frequencies in (0, 4):
        model = MLPRegressor((), n_frequencies=n_frequencies, **settings)
        assert sparse_path.needs_path(task_of(model)) == (n_frequencies > 0)


def test_inputs_that_there_are_not():
    """No implementation of a step looks at them again."""
    for inputs in ([0, 4], [-1, 2]):
        with pytest.raises(ValueError, match="embedded inputs must be in 0 to 3"):
            PeriodicLayer(4, inputs, 2)
    model = fitted(warm_start=True)
    model.embedded_inputs_ = np.array([0, 1, 4])
    with pytest.raises(ValueError, match="embedded inputs must be in 0 to 3"):
        model.fit(X, Z)


def test_sparse_matrices_are_refused():
    rows = sparse.csr_matrix(X)
    model = MLPRegressor(**SETTINGS)
    with pytest.raises(ValueError, match="n_frequencies=5 needs arrays, but X is"):
        model.fit(rows, Z)
    with pytest.raises(ValueError, match="n_frequencies=5 needs arrays, but X is"):
        model.partial_fit(rows, Z)
    with pytest.raises(ValueError, match="n_frequencies=5 needs arrays, but X is"):
        feature_path(model, rows, Z)
    model.set_params(early_stopping=True)
    with pytest.raises(ValueError, match="n_frequencies=5 needs arrays, but X_val is"):
        model.fit(X, Z, X_val=rows, y_val=Z)
    with pytest.raises(ValueError, match="periodic features .* X is a sparse matrix"):
        model.fit(X, Z).predict(rows)
    # It is the fitted network that has waves.
    with pytest.raises(ValueError, match="periodic features .* X is a sparse matrix"):
        model.set_params(n_frequencies=0).predict(rows)


@BOTH
def test_tags_say_whether_sparse_matrices_are_taken(Estimator):
    assert not get_tags(Estimator(n_frequencies=1)).input_tags.sparse
    assert get_tags(Estimator()).input_tags.sparse


# -- soundness -------------------------------------------------------------------------


def test_the_bounds_hold():
    """Of every sum, and of how far predictions move, in networks with waves."""
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(50, 3))
    layer = PeriodicLayer(3, [0, 1, 2], 5)
    for activation in ACTIVATIONS:
        network = Network((3, 6, 6, 2), activation, HalfPoisson(), layer)
        judge = FinitePredictions(network, RowNorms(rows), np.arange(50))
        before = network.initialize(rng, np.float64)
        before[: layer.n_params] *= rng.choice([1.0, 30.0])
        judge._largest_row = judge._norms.each.max()
        assert (
            abs(raw_of(network, before, rows)).max()
            <= judge._bounds(judge._parts(before))[-1]
        )
        judge._predict(before, judge._parts(before))
        raw = raw_of(network, before, rows)
        for part in (slice(None), slice(0, layer.n_params)):
            for step in (1e-6, 1e-3, 1.0, 1e3):
                after = before.copy()
                after[part] += step * rng.normal(size=after[part].shape)
                moved = np.abs(raw_of(network, after, rows) - raw).max()
                change = judge._change(judge._parts(after))
                assert moved <= change
                if part.stop is None and step <= 1e-3:
                    assert change <= 1e4 * moved


def judge_of(network, rows):
    judge = FinitePredictions(network, RowNorms(rows), np.arange(len(rows)))
    judge._largest_row = judge._norms.each.max()
    return judge


def test_the_bound_is_reached():
    """By sixteen waves that are one together, on a row of zeros."""
    network = Network((1, 1), "relu", HalfPoisson(), PeriodicLayer(1, [0], 16))
    judge = judge_of(network, np.zeros((1, 1)))
    params = np.zeros(network.n_params)
    _, mixing = network.periodic_views(params[None])
    mixing[0, 0, 0] = 5.0
    network.weights(params[None])[0][0, 1] = 3.0
    raw = raw_of(network, params, np.zeros((1, 1)))[0, 0, 0]
    assert raw == 5 * 16 * 3
    assert raw <= judge._bounds(judge._parts(params))[-1] <= 1.01 * raw
    # The norm up to which nothing is looked at: half of its square in each part.
    params *= 0
    mixing[0, 0, 0] = judge._largest_norm / 32**0.5
    network.weights(params[None])[0][0, 1] = judge._largest_norm / 2**0.5
    assert_allclose(np.linalg.norm(params), judge._largest_norm)
    assert judge._bounds(judge._parts(params))[-1] <= judge._limit


@pytest.mark.parametrize("part", ["frequency", "mixing"])
def test_the_bound_of_changes_is_reached(part):
    network = Network((1, 1), "relu", SquaredError(), PeriodicLayer(1, [0], 1))
    rows = np.full((1, 1), 1e3)
    judge = judge_of(network, rows)
    before = np.zeros(network.n_params)
    turns, mixing = network.periodic_views(before[None])
    # A wave at its steepest, or at its largest.
    turns[0, 0, 1] = 0.25 if part == "frequency" else 0.0
    mixing[0, 0, 0] = 4.0
    network.weights(before[None])[0][0, 1] = 3.0
    judge._predict(before, judge._parts(before))
    after = before.copy()
    turns, mixing = network.periodic_views(after[None])
    (turns if part == "frequency" else mixing)[0, 0, 0] += 1e-7
    moved = abs(raw_of(network, after, rows) - raw_of(network, before, rows)).max()
    # But for the slack for rounding, and that of the row's norm.
    assert moved <= judge._change(judge._parts(after)) <= 2.2 * moved


def test_turns_that_overflow_are_unsound():
    rows = np.array([[1e300, 1.0], [1e-3, 2.0], [0.0, 3.0]])
    network = Network((2, 1), "relu", SquaredError(), PeriodicLayer(2, [0, 1], 2))
    judge = FinitePredictions(network, RowNorms(rows), np.arange(3))
    params = np.zeros(network.n_params)
    with np.errstate(all="ignore"):
        assert judge(params)
        params[0] = 1e10
        assert not judge(params)


def raw_of(network, params, rows):
    passes = forward_passes(network, params, rows, np.arange(len(rows)))
    return np.concatenate([raw.copy() for *_, raw in passes], axis=-1)


@pytest.mark.both_engines
def test_poisson_networks_end_sound():
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(400, 10)).astype(np.float32)
    y = rng.poisson(np.exp(np.sin(3 * rows[:, 0])))
    model = MLPRegressor(
        (20,), n_frequencies=8, loss="poisson", max_iter=20, random_state=0
    ).fit(rows, y)
    assert np.isfinite(model.predict(rows)).all()
    assert model.loss_curve_[-1] < model.loss_curve_[0]


# -- scikit-learn's checks -------------------------------------------------------------

CHECKED = [
    MLPClassifier(hidden_layer_sizes=(20,), n_frequencies=4, max_iter=50),
    MLPRegressor(
        hidden_layer_sizes=(20,), n_frequencies=4, max_iter=100, learning_rate_init=0.01
    ),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(CHECKED)
def test_check(estimator, check):
    if check.func.__name__ == "check_sample_weight_equivalence_on_sparse_data":
        # scikit-learn 1.6 does not ask the tags whether sparse data are taken.
        pytest.skip("waves take no sparse data")
    check(estimator)
