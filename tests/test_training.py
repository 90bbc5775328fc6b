"""The minibatch loop against a plain one: weights, partial minibatches, penalties."""

import numpy as np
import pytest
from scipy import sparse

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.stopping import Patience, Progress, StopReason
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train

N_FEATURES, ALPHA, L1_RATIO, RATE = 4, 0.3, 0.4, 0.02


def make_data(n_rows=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES)) * (rng.random((n_rows, N_FEATURES)) < 0.7)
    return X, rng.normal(size=(n_rows, 2)), rng.integers(4, size=n_rows).astype(float)


def make_model(network, rows, weight, seed=0, **hyper_parameters):
    random_state = np.random.RandomState(seed)
    return Model(
        network.initialize(random_state, float),
        Stream(rows, random_state, weight),
        Progress(Patience(np.inf, 0.0)),
        **hyper_parameters,
    )


def plain_sgd(X, Y, rows, weight, batch_size, n_epochs, seed):
    """A linear model with momentum, written out: weights, intercepts, losses."""
    network = Network((N_FEATURES, 2), "identity", SquaredError())
    random_state = np.random.RandomState(seed)
    (W,), (b,) = network.unpack(network.initialize(random_state, float))
    velocity_W, velocity_b = np.zeros_like(W), np.zeros_like(b)
    order, losses = np.arange(len(rows)), []
    for _ in range(n_epochs):
        order = order[random_state.permutation(len(rows))]
        total = 0.0
        for start in range(0, len(rows), batch_size):
            picked = order[start : start + batch_size]
            s = weight[picked] / weight.mean()
            residual = X[rows[picked]] @ W + b - Y[rows[picked]]
            total += (s * (residual**2).sum(axis=1) / 2).sum()
            gradient_W = (s * X[rows[picked]].T) @ residual / len(picked)
            gradient_W += ALPHA * (1 - L1_RATIO) * W
            gradient_b = s @ residual / len(picked)
            velocity_W = 0.9 * velocity_W - RATE * gradient_W
            velocity_b = 0.9 * velocity_b - RATE * gradient_b
            W = W + velocity_W
            b = b + velocity_b
            threshold = RATE * ALPHA * L1_RATIO / (1 - 0.9)
            W = np.sign(W) * np.maximum(abs(W) - threshold, 0)
        losses.append(total / len(rows))
    return W, b, losses


@pytest.mark.both_engines
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, 17, 50])
def test_training_is_the_plain_loop(batch_size, weighted, is_sparse):
    X, Y, weight = make_data()
    # 50 rows, some twice: with 8 and 17 the last minibatch is a partial one.
    rows = np.r_[np.arange(30, 60), np.arange(20), [3, 3]][2:]
    weight = weight[rows] if weighted else None
    network = Network((N_FEATURES, 2), "identity", SquaredError())
    model = make_model(
        network,
        rows,
        weight,
        seed=1,
        alpha=ALPHA,
        l1_ratio=L1_RATIO,
        learning_rate_init=RATE,
        momentum=0.9,
        max_iter=6,
    )
    settings = Settings("sgd", batch_size, nesterovs_momentum=False)
    X_given = sparse.csr_matrix(X) if is_sparse else X
    (trained,) = train(network, [model], X_given, Y, settings)
    plain_weight = np.ones(len(rows)) if weight is None else weight
    W, b, losses = plain_sgd(X, Y, rows, plain_weight, batch_size, 6, seed=1)
    (coef,), (intercept,) = network.unpack(trained.params)
    np.testing.assert_allclose(coef, W, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(coef == 0, W == 0)
    np.testing.assert_allclose(intercept, b, rtol=1e-10)
    curves = trained.progress.curves
    np.testing.assert_allclose(curves.data_loss, losses, rtol=1e-12)
    penalty = ALPHA * (L1_RATIO * abs(W).sum() + (1 - L1_RATIO) / 2 * (W**2).sum())
    np.testing.assert_allclose(curves.loss[-1], losses[-1] + penalty, rtol=1e-12)
    assert trained.n_samples_seen == 6 * len(rows)


@pytest.mark.both_engines
def test_losses_that_fill_their_buffer_count_as_well(monkeypatch, engine):
    X, Y, weight = make_data()
    network = Network((N_FEATURES, 3, 2), "tanh", SquaredError())

    def losses():
        model = make_model(network, np.arange(60), weight, max_iter=3)
        (trained,) = train(network, [model], X, Y, Settings("adam", batch_size=7))
        return trained.progress.curves.data_loss

    at_once = losses()
    # Room for four minibatches of seven rows.
    constants = {
        "numpy": "skreg._core.step._KEPT_OUTPUT_BYTES",
        "compiled": "skreg._core.compiled.step._BLOCK_BYTES",
    }
    monkeypatch.setattr(constants[engine], 4 * 7 * 2 * 8)
    np.testing.assert_allclose(losses(), at_once, rtol=1e-13)


@pytest.mark.both_engines
@pytest.mark.parametrize("weighted", [False, True])
def test_an_epoch_that_updates_cut_short_is_of_the_rows_until_then(weighted):
    X, Y, weight = make_data()
    weight = weight + 1 if weighted else None
    network = Network((N_FEATURES, 2), "identity", SquaredError())
    # Three of eight minibatches, beside all of two epochs. No step moves anything.
    models = [
        make_model(network, np.arange(60), weight, learning_rate_init=0.0, **end)
        for end in ({"max_updates": 3}, {"max_updates": 11}, {"max_iter": 2})
    ]
    stream = models[0].stream.copy()
    results = train(network, models, X, Y, Settings("sgd", batch_size=8))
    ((W,), (b,)) = network.unpack(models[0].params)
    losses = ((X @ W + b - Y) ** 2).sum(axis=1) / 2
    if weighted:
        losses = losses * weight / weight.mean()
    first, second = stream.next_epoch(True).copy(), stream.next_epoch(True)
    whole = losses.mean()
    expected = [
        [losses[first[:24]].mean()],
        [whole, losses[second[:24]].mean()],
        [whole, whole],
    ]
    for result, curve, n_rows in zip(results, expected, (24, 84, 120), strict=True):
        np.testing.assert_allclose(result.progress.curves.data_loss, curve, rtol=1e-12)
        assert result.n_samples_seen == n_rows


@pytest.mark.both_engines
def test_a_minibatch_without_weight_moves_nothing():
    X, Y, _ = make_data()
    weight = np.r_[np.ones(30), np.zeros(30)]
    network = Network((N_FEATURES, 3, 2), "tanh", SquaredError())

    def params_after(n_rows, weight):
        model = make_model(network, np.arange(n_rows), weight, momentum=0.0, max_iter=1)
        settings = Settings(
            "sgd", batch_size=10, shuffle=False, nesterovs_momentum=False
        )
        (trained,) = train(network, [model], X, Y, settings)
        assert trained.stop_reason is StopReason.MAX_ITER
        return trained.params

    # Half of the rows without weight: the others count twice.
    expected = params_after(30, 2 * np.ones(30))
    doubled = make_model(
        network, np.arange(30), None, momentum=0.0, max_iter=1, learning_rate_init=2e-3
    )
    settings = Settings("sgd", batch_size=10, shuffle=False, nesterovs_momentum=False)
    (trained,) = train(network, [doubled], X, Y, settings)
    np.testing.assert_allclose(params_after(60, weight), trained.params, rtol=1e-12)
    # But weights have no unit.
    np.testing.assert_allclose(expected, params_after(30, None), rtol=1e-12)


@pytest.mark.both_engines
def test_models_and_data_are_left_as_they_were():
    X, Y, weight = make_data()
    before = X.copy(), Y.copy(), weight.copy()
    network = Network((N_FEATURES, 3, 2), "relu", SquaredError())
    model = make_model(network, np.arange(60), weight, max_iter=2, alpha=0.1)
    params = model.params.copy()
    (trained,) = train(network, [model], X, Y, Settings("adam", batch_size=16))
    np.testing.assert_array_equal(model.params, params)
    for array, copy in zip((X, Y, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert not np.array_equal(trained.params, params)
