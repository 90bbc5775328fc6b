"""The elastic net: values by hand, the prox by its definition, the stationarity."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.penalties import (
    ElasticNet,
    GroupLasso,
    InputGroups,
    PenaltySum,
    make_penalty,
    soft_threshold,
)
from skreg._core.training import Model


@pytest.fixture
def network():
    return Network((2, 3, 1), "relu", SquaredError())


def test_value_by_hand(network):
    # Layers [[1, 2, -3], [0, 0, 4]] and [[5], [0], [-1]]; intercepts do not count.
    row = network.pack(
        [[[1, 2, -3], [0, 0, 4]], [[5], [0], [-1]]], [[100, 100, 100], [100]], float
    )
    penalty = ElasticNet([0.0, 0.1, 0.1, 2.0], [0.5, 0.0, 1.0, 0.25], float)
    layers = network.weights(np.tile(row, (4, 1)))
    size, squares = 16, 56
    by_hand = [0, 0.05 * squares, 0.1 * size, 0.5 * size + 0.75 * squares]
    np.testing.assert_allclose(penalty.value(layers), by_hand, rtol=1e-14)
    by_hand = [0, 0.05 * squares, 0, 0.75 * squares]
    np.testing.assert_allclose(penalty.smooth_value(layers), by_hand, rtol=1e-14)


def test_smooth_gradient_is_the_derivative_of_the_smooth_value(network):
    rng = np.random.default_rng(0)
    penalty = ElasticNet([0.3, 0.7, 0.5], [0.0, 0.4, 1.0], float)
    params = rng.normal(size=(3, network.n_params))
    gradients = np.full_like(params, 7.0)  # is added to, not overwritten
    penalty.add_smooth_gradient(network.weights(params), network.weights(gradients))
    for k in range(network.n_params):
        step = np.zeros(network.n_params)
        step[k] = 1e-5
        ahead = penalty.smooth_value(network.weights(params + step))
        behind = penalty.smooth_value(network.weights(params - step))
        np.testing.assert_allclose(
            gradients[:, k] - 7.0, (ahead - behind) / 2e-5, atol=1e-8
        )


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.7])
@pytest.mark.parametrize("value", [-2.0, -0.3, 0.0, 0.1, 1.7, 5.0])
def test_soft_threshold_minimizes_what_defines_it(value, threshold):
    W = np.array([value])
    soft_threshold(W, np.array([threshold]))
    best = minimize_scalar(
        lambda x: (x - value) ** 2 / 2 + threshold * abs(x),
        bounds=(-6, 6),
        method="bounded",
        options={"xatol": 1e-10},
    )
    np.testing.assert_allclose(W[0], best.x, atol=1e-6)
    if abs(value) <= threshold:
        assert W[0] == 0


def test_prox_minimizes_what_defines_it_in_its_metric(network):
    rng = np.random.default_rng(1)
    alpha, l1_ratio = [0.5, 0.0, 0.9], [1.0, 0.7, 0.3]
    penalty = ElasticNet(alpha, l1_ratio, float)
    params = rng.normal(size=(3, network.n_params))
    step_sizes = rng.uniform(0.1, 3, size=params.shape)
    before = params.copy()
    penalty.prox(network.weights(params), network.weights(step_sizes))

    is_weight = np.zeros_like(params, dtype=bool)
    for W in network.weights(is_weight):
        W[...] = True
    np.testing.assert_array_equal(params[~is_weight], before[~is_weight])
    np.testing.assert_array_equal(params[1], before[1])
    assert (params[0] == 0).any()
    for model, k in zip(*np.nonzero(is_weight), strict=True):
        best = minimize_scalar(
            # The L2 part is not here: it is in the gradient.
            lambda x, model=model, k=k: (
                (x - before[model, k]) ** 2 / (2 * step_sizes[model, k])
                + alpha[model] * l1_ratio[model] * abs(x)
            ),
            bounds=(-6, 6),
            method="bounded",
            options={"xatol": 1e-10},
        )
        np.testing.assert_allclose(params[model, k], best.x, atol=1e-6)


def test_prox_takes_one_step_size_for_a_layer(network):
    rng = np.random.default_rng(2)
    penalty = ElasticNet([0.5, 0.9], [1.0, 0.3], float)
    params = rng.normal(size=(2, network.n_params))
    step = np.array([0.3, 0.7]).reshape(2, 1, 1)
    full = np.broadcast_to(step[:, 0], params.shape).copy()
    elementwise = params.copy()
    penalty.prox(network.weights(params), [step, step])
    penalty.prox(network.weights(elementwise), network.weights(full))
    np.testing.assert_array_equal(params, elementwise)


def test_prox_keeps_what_is_not_finite():
    W = np.array([[[np.nan, np.inf, -np.inf, 0.1]]])
    ElasticNet([1.0], [1.0], float).prox([W], [np.ones((1, 1, 1))])
    np.testing.assert_array_equal(W, [[[np.nan, np.inf, -np.inf, 0.0]]])


def test_subdifferential_distance_is_the_smallest_over_subgradients():
    rng = np.random.default_rng(3)
    W = rng.normal(size=(2, 4, 5))
    W[rng.random(W.shape) < 0.5] = 0
    G = rng.normal(size=W.shape)
    l1 = np.array([0.4, 0.0]).reshape(2, 1, 1)
    (distance,) = ElasticNet([0.4, 0.6], [1.0, 0.0], float).subdifferential_distance(
        [W], [G]
    )
    slopes = np.linspace(-1, 1, 2001)[:, None, None, None]
    feasible = np.where(W == 0, slopes, np.sign(W))
    brute = np.abs(G + l1 * feasible).min(axis=0)
    np.testing.assert_allclose(distance, brute, atol=1e-3)


def test_subdifferential_distance_vanishes_where_the_prox_does_not_move():
    rng = np.random.default_rng(4)
    penalty = ElasticNet([0.4], [1.0], float)
    target = rng.normal(size=(1, 6, 7))
    W = target.copy()
    penalty.prox([W], [np.ones((1, 1, 1))])  # minimizes |W - target|^2 / 2 + l1 |W|
    (distance,) = penalty.subdifferential_distance([W], [W - target])
    np.testing.assert_allclose(distance, 0, atol=1e-15)
    (distance,) = penalty.subdifferential_distance([target], [0 * target])
    assert (distance > 0.3).all()


def test_keep_forgets_the_other_models(network):
    params = np.random.default_rng(5).normal(size=(4, network.n_params))
    alpha, l1_ratio = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 0.6, 0.0, 0.2])
    penalty, kept = ElasticNet(alpha, l1_ratio, float), np.array([3, 1])
    expected = penalty.value(network.weights(params))[kept]
    penalty.keep(kept)
    np.testing.assert_array_equal(
        penalty.value(network.weights(params[kept])), expected
    )
    assert penalty.is_proximal
    penalty.keep(np.array([0]))
    assert penalty.is_proximal
    assert not ElasticNet([0.1, 0.0], [0.0, 1.0], float).is_proximal


def test_what_the_models_left_need_is_known():
    for make in (lambda net: net, lambda net: PenaltySum([net])):
        penalty = make(ElasticNet([0.1, 0.2, 0.3], [0.0, 0.6, 0.0], float))
        assert penalty.is_proximal and penalty.needs_elementwise_steps
        np.testing.assert_allclose(penalty.weight_decay, [0.1, 0.08, 0.3])
        np.testing.assert_allclose(penalty.linear_strength(), [0, 0.12, 0])
        assert penalty.smallest_strength() == pytest.approx(0.12)
        assert penalty.tied_groups is None and len(penalty.tied_models) == 0
        penalty.keep(np.array([0, 2]))
        assert not penalty.is_proximal and not penalty.needs_elementwise_steps
        assert penalty.smallest_strength() is None
        np.testing.assert_array_equal(penalty.linear_strength(), [0, 0])


@pytest.mark.parametrize("strengths", [(0.0, 0.3), (0.3, 0.0), (0.3, 0.1)])
def test_a_penalty_that_some_models_have_is_in_the_penalty_of_all(strengths):
    models = [
        Model(None, None, None, alpha=0.2, feature_alpha=strength)
        for strength in strengths
    ]
    groups = InputGroups.singletons(3)
    W = np.random.default_rng(0).normal(size=(2, 3, 4))
    together = make_penalty(models, "group_lasso", groups, float)
    assert len(together.terms) == 2
    norms = np.linalg.norm(W, axis=2).sum(axis=1)
    by_hand = 0.1 * (W**2).sum(axis=(1, 2)) + np.array(strengths) * norms
    np.testing.assert_allclose(together.value([W]), by_hand)


def test_stationarity_is_the_largest_distance_in_the_scale_of_its_group():
    W, G = np.zeros((2, 3, 1)), np.zeros((2, 3, 1))
    later, later_G = np.ones((2, 1, 1)), np.zeros((2, 1, 1))
    G[0, :2, 0] = 3.0, 4.0  # a group of two, of norm 5
    later_G[1] = 1.5
    plain = ElasticNet([0.5, 0.5], [1.0, 1.0], float)
    np.testing.assert_allclose(plain.stationarity([W, later], [G, later_G]), [3.5, 2.0])
    inputs = GroupLasso([1.0, 0.0], InputGroups([0, 0, 1]), float)
    np.testing.assert_allclose(
        PenaltySum([ElasticNet([0.0] * 2, [0.0] * 2, float), inputs]).stationarity(
            [W, later], [G, later_G]
        ),
        [(5 - np.sqrt(2)) / np.sqrt(2), 1.5],
    )
