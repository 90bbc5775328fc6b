"""The objective and its gradient: every loss, activation, output shape and penalty.

Values are compared with the formula written out plainly here, gradients with central
differences of the values.
"""

import numpy as np
import pytest
from helpers import (
    ACTIVATIONS,
    ARCHITECTURES,
    CHUNK_BYTES,
    OUTPUTS,
    RAW_LOSSES,
    central_differences,
    draw_problem,
)
from scipy import sparse

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import ElasticNet
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train

# Each engine has an evaluation of its own.
pytestmark = pytest.mark.both_engines

# Those of `draw_problem`.
N_ROWS, N_FEATURES = 23, 4
# One model each: no penalty, L2, L1, both.
ALPHA = np.array([0.0, 0.2, 0.2, 0.3])
L1_RATIO = np.array([0.5, 0.0, 1.0, 0.4])


def plain_objective(network, row, activation, loss, X, Y, weight, alpha, l1_ratio):
    """The objective of one model, by its formula."""
    coefs, intercepts = network.unpack(row)
    H = X
    for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        H = H @ W + b
        if layer < len(coefs) - 1:
            H = ACTIVATIONS[activation](H)
    losses = RAW_LOSSES[loss][1](Y, H).sum(axis=1)
    l1 = sum(abs(W).sum() for W in coefs)
    l2 = sum((W**2).sum() for W in coefs)
    penalty = alpha * (l1_ratio * l1 + (1 - l1_ratio) / 2 * l2)
    return np.average(losses, weights=weight) + penalty


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden, activation", ARCHITECTURES)
@pytest.mark.parametrize("loss, n_outputs", OUTPUTS)
def test_value_and_gradient(loss, n_outputs, hidden, activation, weighted):
    rng = np.random.default_rng(0)
    X, Y = draw_problem(loss, n_outputs, rng)
    # Some rows are left out, some come twice, in any order.
    rows = rng.integers(N_ROWS, size=17)
    weight = rng.uniform(0.1, 2, size=17) if weighted else None
    network = Network((N_FEATURES, *hidden, n_outputs), activation, RAW_LOSSES[loss][0])
    penalty = ElasticNet(ALPHA, L1_RATIO, float)
    objective = Objective(network, penalty, X, Y, rows, weight, n_models=4)
    params = 0.5 * rng.normal(size=(4, network.n_params))

    plain = [
        plain_objective(
            network, row, activation, loss, X[rows], Y[rows], weight, alpha, ratio
        )
        for row, alpha, ratio in zip(params, ALPHA, L1_RATIO, strict=True)
    ]
    np.testing.assert_allclose(objective.value(params), plain, rtol=1e-12)

    smooth, gradient = objective.smooth_value_and_gradient(params)
    l1 = ALPHA * L1_RATIO
    sizes = sum(abs(W).sum(axis=(1, 2)) for W in network.weights(params))
    np.testing.assert_allclose(smooth + l1 * sizes, plain, rtol=1e-12)
    for k, W in enumerate(network.weights(params)):
        network.weights(gradient)[k][...] += l1[:, None, None] * np.sign(W)
    slopes = central_differences(objective.value, params)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loss, n_outputs", OUTPUTS)
def test_float32_agrees_with_float64(loss, n_outputs):
    rng = np.random.default_rng(4)
    X, Y = draw_problem(loss, n_outputs, rng)
    network = Network((N_FEATURES, 5, n_outputs), "tanh", RAW_LOSSES[loss][0])
    params = 0.5 * rng.normal(size=(4, network.n_params)).astype(np.float32)

    def evaluate(dtype):
        data = X.astype(np.float32).astype(dtype), Y.astype(np.float32).astype(dtype)
        penalty = ElasticNet(ALPHA, L1_RATIO, dtype)
        objective = Objective(network, penalty, *data, np.arange(N_ROWS), n_models=4)
        return objective.smooth_value_and_gradient(params.astype(dtype))

    (value, gradient), (value_32, gradient_32) = evaluate(float), evaluate(np.float32)
    assert gradient_32.dtype == np.float32
    np.testing.assert_allclose(value_32, value, rtol=1e-5)
    np.testing.assert_allclose(gradient_32, gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_chunks_of_rows_change_nothing(is_sparse, monkeypatch, engine):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 6)) * (rng.random((200, 6)) < 0.4)
    Y = rng.normal(size=(200, 2))
    rows, weight = rng.permutation(200)[:150], rng.uniform(size=150)
    network = Network((6, 4, 2), "tanh", SquaredError())
    penalty = ElasticNet([0.1, 0.2], [0.0, 0.5], float)
    params = rng.normal(size=(2, network.n_params))
    X_given = sparse.csr_matrix(X) if is_sparse else X

    only = X[rows], Y[rows], np.arange(150)
    whole = Objective(network, penalty, *only, weight, n_models=2)
    value, gradient = whole.smooth_value_and_gradient(params)
    data_loss = whole.data_loss(params)
    monkeypatch.setattr(CHUNK_BYTES[engine], 1)  # A few chunks of rows.
    parts = Objective(network, penalty, X_given, Y, rows, weight, n_models=2)
    for _ in range(2):  # buffers are used again
        part_value, part_gradient = parts.smooth_value_and_gradient(params)
        np.testing.assert_allclose(part_value, value, rtol=1e-12)
        np.testing.assert_allclose(part_gradient, gradient, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(parts.data_loss(params), data_loss, rtol=1e-12)


def test_kkt_residual_vanishes_at_the_minimum_alone():
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    Y += 2 * X[:, :1]
    network = Network((3, 1), "relu", SquaredError())
    penalty = ElasticNet([0.5], [1.0], float)
    objective = Objective(network, penalty, X, Y, np.arange(50))
    # Proximal gradient steps, as plain as can be.
    params = np.zeros((1, 4))
    for _ in range(2000):
        params = params - 0.1 * objective.smooth_value_and_gradient(params)[1]
        W = params[:, :3]
        params[:, :3] = np.sign(W) * np.maximum(abs(W) - 0.1 * 0.5, 0)
    assert (params[0, :3] == 0).any()
    np.testing.assert_allclose(objective.kkt_residual(params), 0, atol=1e-12)
    assert (objective.kkt_residual(params + 0.1) > 1e-3).any()
    moved = params + [[0, 0, 0, 0.1]]  # an intercept is not penalized
    np.testing.assert_allclose(objective.kkt_residual(moved)[0], 0.1, rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("loss, n_outputs", OUTPUTS)
def test_a_full_batch_step_goes_down_the_gradient(loss, n_outputs, is_sparse, weighted):
    rng = np.random.default_rng(3)
    X, Y = draw_problem(loss, n_outputs, rng)
    rows = np.arange(3, N_ROWS)
    weight = rng.uniform(0.1, 2, size=len(rows)) if weighted else None
    network = Network((N_FEATURES, 5, n_outputs), "tanh", RAW_LOSSES[loss][0])
    params = rng.normal(size=network.n_params)
    model = Model(
        params,
        Stream(rows, np.random.RandomState(0), weight),
        Progress(Patience(np.inf, 0)),
        alpha=0.3,
        momentum=0.0,
        learning_rate_init=0.1,
        max_iter=1,
    )
    X_given = sparse.csr_matrix(X) if is_sparse else X
    settings = Settings("sgd", batch_size=len(rows), nesterovs_momentum=False)
    (trained,) = train(network, [model], X_given, Y, settings)

    penalty = ElasticNet([0.3], [0.0], float)
    objective = Objective(network, penalty, X, Y, rows, weight)
    _, gradient = objective.smooth_value_and_gradient(params[None])
    np.testing.assert_allclose(
        trained.params, params - 0.1 * gradient[0], rtol=1e-10, atol=1e-14
    )


def test_dropout_is_inverted_and_off_in_validation():
    # One hidden unit, always 1, and an output weight of 1: the raw prediction is the
    # dropout factor itself, 0 or 1 / (1 - p), and the mean of its square 1 / (1 - p).
    n_rows, rates = 40_000, [0.0, 0.25, 0.5, 0.9]
    network = Network((1, 1, 1), "identity", SquaredError())
    params = network.pack([[[0.0]], [[1.0]]], [[1.0], [0.0]], float)
    X, Y = np.zeros((n_rows, 1)), np.zeros((n_rows, 1))
    stream = Stream(np.arange(n_rows), np.random.RandomState(0))
    models = [
        Model(
            params,
            stream,
            Progress(Patience(np.inf, 0)),
            dropout=rate,
            learning_rate_init=1e-300,
            max_iter=1,
        )
        for rate in rates
    ]
    trained = train(network, models, X, Y, Settings("sgd", batch_size=1000))
    data_losses = [result.progress.curves.data_loss[0] for result in trained]
    expected = [0.5 / (1 - rate) for rate in rates]
    np.testing.assert_allclose(data_losses, expected, rtol=0.05)


def test_gradients_pass_through_dropout_masks():
    # The same network: with the target 0 the output's delta is the dropout factor. It
    # is squared in the gradients of the output weight and of the unit's intercept.
    n_rows, rate = 200_000, 0.4
    network = Network((1, 1, 1), "identity", SquaredError())
    params = network.pack([[[0.0]], [[1.0]]], [[1.0], [0.0]], float)
    X, Y = np.zeros((n_rows, 1)), np.zeros((n_rows, 1))
    model = Model(
        params,
        Stream(np.arange(n_rows), np.random.RandomState(0)),
        Progress(Patience(np.inf, 0)),
        dropout=rate,
        momentum=0.0,
        learning_rate_init=0.01,
        max_iter=1,
    )
    settings = Settings("sgd", batch_size=n_rows, nesterovs_momentum=False)
    (trained,) = train(network, [model], X, Y, settings)
    coefs, intercepts = network.unpack((params - trained.params) / 0.01)
    squared = 1 / (1 - rate)
    np.testing.assert_allclose(coefs[1], [[squared]], rtol=0.01)
    np.testing.assert_allclose(intercepts[0], [squared], rtol=0.01)
    np.testing.assert_allclose(intercepts[1], [1.0], rtol=0.01)
