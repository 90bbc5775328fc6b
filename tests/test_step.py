"""The step and what feeds it: blocks, their cuts, unknown solvers, a new solver."""

import numpy as np
import pytest
from scipy import sparse

from skreg._core import optimizers, step
from skreg._core.losses import SquaredError
from skreg._core.minibatches import Minibatches
from skreg._core.network import Network
from skreg._core.optimizers import Optimizer
from skreg._core.penalties import ElasticNet, InputGroups, make_penalty
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train


def make_data(n_rows=23):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, 3)), rng.normal(size=(n_rows, 2))


def make_model(network, n_rows, seed=0, **hyper_parameters):
    random_state = np.random.RandomState(seed)
    return Model(
        network.initialize(random_state, float),
        Stream(np.arange(n_rows), random_state),
        Progress(Patience(np.inf, 0.0)),
        **hyper_parameters,
    )


def make_minibatches(X, Y, streams, longest_block, dropout=0.0, rows_a_batch=5):
    network = Network((3, 4, 2), "relu", SquaredError())
    groups = [slice(k, k + 1) for k in range(len(streams))]
    return Minibatches(
        network,
        X,
        Y,
        streams,
        groups,
        np.full(len(streams), dropout),
        batch_size=rows_a_batch,
        shuffle=True,
        longest_block=longest_block,
    )


@pytest.mark.parametrize(
    "longest_block, ends, sizes",
    [
        (100, (), [(4, 5), (1, 3)]),
        (3, (), [(3, 5), (1, 5), (1, 3)]),
        (3, {2}, [(2, 5), (2, 5), (1, 3)]),
        (100, {1, 4}, [(1, 5), (3, 5), (1, 3)]),
        (100, {5}, [(4, 5), (1, 3)]),
    ],
)
def test_blocks_visit_the_rows_of_an_epoch_in_order(longest_block, ends, sizes):
    X, Y = make_data()
    streams = [Stream(np.arange(23)[::-1], np.random.RandomState(k)) for k in (1, 2)]
    orders = [stream.copy().next_epoch(True) for stream in streams]
    minibatches = make_minibatches(X, Y, streams, longest_block)
    found, rows, targets = [], [], []
    for block in minibatches.epoch(ends):
        found.append((block.n_steps, block.n_rows))
        rows.append(block.rows.reshape(2, -1).copy())
        targets.append(block.Y.transpose(1, 0, 3, 2).reshape(2, -1, 2).copy())
    assert found == sizes
    rows, targets = np.concatenate(rows, axis=1), np.concatenate(targets, axis=1)
    for group, (stream, order) in enumerate(zip(streams, orders, strict=True)):
        np.testing.assert_array_equal(rows[group], stream.rows[order])
        np.testing.assert_array_equal(targets[group], Y[stream.rows[order]])


def test_rows_that_do_not_exist_are_found_before_any_step():
    X, Y = make_data()
    for rows in (np.array([0, 23]), np.array([-1, 3])):
        with pytest.raises(IndexError, match="0 to 22"):
            make_minibatches(X, Y, [Stream(rows, np.random.RandomState(0))], 3)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_augmentations_are_given_their_minibatchs_rows_targets_and_weights(is_sparse):
    X, Y = make_data()
    X_given = sparse.csr_matrix(X) if is_sparse else X

    def twice(X, Y, weight, rng):
        return 2 * X, 2 * Y, 2 * weight

    rows = np.arange(23)[::-1]
    streams = [
        Stream(rows, np.random.RandomState(k), np.random.default_rng(k).random(23), how)
        for k, how in enumerate((twice, None, twice))
    ]
    minibatches = make_minibatches(X_given, Y, streams, longest_block=3)
    for _ in range(2):
        orders = [stream.copy().next_epoch(True) for stream in streams]
        start = 0
        for block in minibatches.epoch():
            for piece in block.pieces:
                (step,) = piece.steps
                part = slice(start, start + block.n_rows)
                start = part.stop
                for group, (stream, order) in enumerate(
                    zip(streams, orders, strict=True)
                ):
                    picked = stream.rows[order[part]]
                    weight = stream.sample_weight[order[part]]
                    times = 1 if stream.augmentation is None else 2
                    if times == 2:
                        np.testing.assert_array_equal(piece.X[group], 2 * X[picked])
                    else:
                        assert piece.X[group] is None
                    np.testing.assert_array_equal(block.rows[group, step], picked)
                    np.testing.assert_array_equal(
                        block.Y[step, group], times * Y[picked].T
                    )
                    np.testing.assert_allclose(
                        block.weight[step, group],
                        times * weight / stream.sample_weight.mean(),
                    )


def test_masks_are_drawn_minibatch_by_minibatch_however_blocks_are_cut():
    X, Y = make_data()

    def masks(longest_block):
        stream = Stream(np.arange(23), np.random.RandomState(3))
        feed = make_minibatches(X, Y, [stream], longest_block, dropout=0.4)
        return [
            piece.masks.copy()
            for _ in range(2)
            for block in feed.epoch()
            for piece in block.pieces
        ]

    rng = Stream(np.arange(23), np.random.RandomState(3)).dropout_rng
    whole, cut = masks(100), masks(3)
    assert len(whole) == len(cut) == 10
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one, other)
        uniform = rng.random(one.shape[1:], dtype=np.float32)
        np.testing.assert_allclose(one[0], (uniform >= 0.4) / 0.6)


def test_masks_of_several_layers_are_views_of_one_array():
    masks = np.arange(2 * 9 * 5.0).reshape(2, 9, 5)
    network = Network((3, 4, 5, 2), "relu", SquaredError())
    first, second = network.hidden_layers(masks)
    assert np.shares_memory(first, masks) and np.shares_memory(second, masks)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), masks)


def test_an_unknown_solver_is_an_error_that_names_it():
    X, Y = make_data()
    network = Network((3, 2), "relu", SquaredError())
    with pytest.raises(ValueError, match="'adamw'.*adam.*sgd"):
        train(network, [make_model(network, 23)], X, Y, Settings("adamw", 5))


class SignDescent(Optimizer):
    """A solver of its own: every parameter moves by the rate, whatever its gradient."""

    vectors = {"_n_steps": 0.0}

    def begin_step(self):
        self._n_steps = self._n_steps + 1.0
        return 1.0

    def end_step(self):
        self._add_l2(1.0)
        self.params -= self.rate * np.sign(self.gradients)


def test_a_new_solver_is_a_class_and_an_entry(monkeypatch):
    monkeypatch.setitem(optimizers.OPTIMIZERS, "sign", SignDescent)
    X, Y = make_data()
    network = Network((3, 2), "relu", SquaredError())
    models = [
        make_model(network, 23, learning_rate_init=rate, max_iter=n_epochs)
        for rate, n_epochs in ((0.5, 2), (0.25, 4))
    ]
    results = train(network, models, X, Y, Settings("sign", 5))
    for model, result, n_steps in zip(models, results, (10, 20), strict=True):
        assert result.optimizer_state["_n_steps"] == n_steps
        moves = (result.params - model.params) / model.learning_rate_init
        np.testing.assert_allclose(moves, np.round(moves), atol=1e-9)
        assert (np.abs(np.round(moves)) <= n_steps).all()


@pytest.mark.both_engines
def test_imported_moments_of_inputs_that_are_penalized_are_made_one(engine):
    X, Y = make_data()
    network, groups = Network((3, 4, 2), "relu", SquaredError()), InputGroups([0, 0, 1])
    states, models = [], []
    for seed, feature_alpha in enumerate((0.1, 0.0)):
        rng = np.random.default_rng(seed)
        states.append({"_n_steps": 5.0, "_m_scale": 0.5, "_v_scale": 0.9})
        states[-1] |= {name: rng.random(network.n_params) for name in ("_M", "_V")}
        state = {name: np.copy(value) for name, value in states[-1].items()}
        own = {"optimizer_state": state, "feature_alpha": feature_alpha}
        models.append(make_model(network, 23, seed, **own))
    penalty = make_penalty(models, "group_lasso", groups, float)
    arguments = "adam", models, Settings("adam", 5), X, Y, [slice(0, 1), slice(1, 2)]
    one = step.make_step(network, penalty, *arguments)
    assert one.engine == engine
    for k, state in enumerate(states):
        exported = one.export_state(k)
        # What was handed in stays what it was.
        for name, value in state.items():
            np.testing.assert_array_equal(models[k].optimizer_state[name], value)
        expected = state["_V"].copy()
        if models[k].feature_alpha:
            W = network.weights(expected[None])[0][0]
            W[:2], W[2] = W[:2].mean(), W[2].mean()
        np.testing.assert_allclose(exported.pop("_V"), expected, rtol=1e-12)
        for name, value in exported.items():
            np.testing.assert_array_equal(value, state[name])


@pytest.mark.both_engines
def test_losses_are_those_before_each_step(engine):
    X, Y = make_data(20)
    network = Network((3, 2), "relu", SquaredError())
    model = make_model(network, 20, learning_rate_init=0.1)
    penalty = ElasticNet([0.0], [0.0], float)
    settings = Settings("sgd", 5)
    groups = [slice(0, 1)]
    one = step.make_step(network, penalty, "sgd", [model], settings, X, Y, groups)
    assert one.engine == engine
    (block,) = make_minibatches(X, Y, [model.stream], 100).epoch()
    order = block.rows[0].copy()
    losses = one.run(block, np.array([0.0]))
    (W,), (b,) = network.unpack(model.params)
    np.testing.assert_allclose(losses, ((X @ W + b - Y) ** 2).sum() / 2)
    np.testing.assert_array_equal(one.params[0], model.params)
    # With a rate of its own for every minibatch, only the third one moves anything.
    rates = np.array([[0.0], [0.0], [0.1], [0.0]])
    one.run(block, rates)
    picked = order[2]
    residual = X[picked] @ W + b - Y[picked]
    (moved,), _ = network.unpack(one.params[0])
    assert not np.array_equal(moved, W)
    velocity = -0.1 * X[picked].T @ residual / 5
    assert np.sign(moved - W).tolist() == np.sign(velocity).tolist()
