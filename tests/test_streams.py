"""The streams: scikit-learn's order of draws, whatever else is switched on."""

import copy

import numpy as np
import pytest

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train


def orders_of(stream, n_epochs, shuffle=True):
    return [stream.next_epoch(shuffle).copy() for _ in range(n_epochs)]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_an_epoch_permutes_the_order_of_the_one_before():
    orders = orders_of(Stream(np.arange(50), np.random.RandomState(3)), 4)
    random_state, expected = np.random.RandomState(3), np.arange(50)
    for order in orders:
        expected = expected[random_state.permutation(50)]
        np.testing.assert_array_equal(order, expected)


def test_an_epoch_visits_every_row_once():
    for order in orders_of(Stream(np.arange(17), np.random.RandomState(0)), 5):
        np.testing.assert_array_equal(np.sort(order), np.arange(17))


def test_without_shuffling_nothing_is_drawn():
    random_state = np.random.RandomState(0)
    stream = Stream(np.arange(9), random_state)
    assert same(orders_of(stream, 3, shuffle=False), [np.arange(9)] * 3)
    assert random_state.randint(1000) == np.random.RandomState(0).randint(1000)


def test_orders_are_positions_not_rows():
    rows = np.array([7, 7, 3, 100])
    (order,) = orders_of(Stream(rows, np.random.RandomState(0)), 1)
    np.testing.assert_array_equal(np.sort(order), np.arange(4))


GENERATORS = pytest.mark.parametrize("bits", [np.random.MT19937, np.random.PCG64])


@GENERATORS
def test_a_copy_goes_on_by_itself(bits):
    stream = Stream(np.arange(20), np.random.RandomState(bits(0)))
    orders_of(stream, 2)
    for name in ("dropout_rng", "augmentation_rng"):
        getattr(stream, name).random(5)
    other = stream.copy()
    assert same(orders_of(other, 3), orders_of(stream, 3))
    for name in ("dropout_rng", "augmentation_rng"):
        uniform = getattr(other, name).random(4)
        np.testing.assert_array_equal(getattr(stream, name).random(4), uniform)


def test_other_rows_start_in_their_own_order():
    weight = np.arange(5.0)
    stream = Stream(np.arange(20), np.random.RandomState(0))
    orders_of(stream, 2)
    state = copy.deepcopy(stream)
    other = stream.on_rows(np.arange(5), weight)
    assert other.n_rows == 5 and other.sample_weight is weight
    (order,) = orders_of(other, 1)
    # The random numbers go on, the stream itself stands still.
    expected = copy.deepcopy(state)._random_state.permutation(5)
    np.testing.assert_array_equal(order, expected)
    assert same(orders_of(stream, 2), orders_of(state, 2))


def test_dropouts_generator_takes_nothing_from_the_shuffles():
    first = Stream(np.arange(20), np.random.RandomState(5))
    second = Stream(np.arange(20), np.random.RandomState(5))
    first.dropout_rng.random(1000)
    assert same(orders_of(first, 3), orders_of(second, 3))
    third = Stream(np.arange(20), np.random.RandomState(5))
    orders_of(third, 7)
    np.testing.assert_array_equal(
        second.dropout_rng.random(8), third.dropout_rng.random(8)
    )
    fourth = Stream(np.arange(20), np.random.RandomState(6))
    assert fourth.dropout_rng.random() != second.dropout_rng.random()


def test_initial_parameters_are_uniform_in_their_bound():
    network = Network((50, 40, 3), "relu", SquaredError())
    row = network.initialize(np.random.RandomState(0), np.float64)
    random_state = np.random.RandomState(0)
    for W, b in zip(*network.unpack(row), strict=True):
        bound = np.sqrt(6 / sum(W.shape))
        np.testing.assert_array_equal(W, random_state.uniform(-bound, bound, W.shape))
        np.testing.assert_array_equal(b, random_state.uniform(-bound, bound, b.shape))
    narrower = Network((50, 40, 3), "logistic", SquaredError())
    row_of_logistic = narrower.initialize(np.random.RandomState(0), np.float64)
    np.testing.assert_allclose(row_of_logistic, row / np.sqrt(3))
    rounded = network.initialize(np.random.RandomState(0), np.float32)
    np.testing.assert_array_equal(rounded, row.astype(np.float32))


def first_losses(streams, dropout=0.0):
    """Data losses of two epochs without learning: what the minibatches' masks did."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 1))
    network = Network((3, 20, 1), "tanh", SquaredError())
    params = network.initialize(np.random.RandomState(1), float)
    models = [
        Model(
            params,
            stream,
            Progress(Patience(np.inf, 0)),
            dropout=dropout,
            learning_rate_init=1e-300,
            max_iter=2,
        )
        for stream in streams
    ]
    results = train(network, models, X, Y, Settings("sgd", batch_size=7))
    return np.array([result.progress.curves.data_loss for result in results])


def stream_of(seed):
    return Stream(np.arange(30), np.random.RandomState(seed))


@pytest.mark.both_engines
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_models_that_share_a_stream_share_their_masks(dropout):
    shared = stream_of(0)
    losses = first_losses([shared, stream_of(1), shared, stream_of(0)], dropout)
    np.testing.assert_allclose(losses[[2, 3]], losses[[0, 0]], rtol=1e-12)
    if dropout:
        assert (losses[1] != losses[0]).all()
        assert losses[0, 0] != losses[0, 1]
    else:
        np.testing.assert_allclose(losses, losses[0, 0])


@GENERATORS
def test_it_is_all_one_when_dropouts_generator_is_asked_for(bits):
    def stream():
        return Stream(np.arange(20), np.random.RandomState(bits(5)))

    early, late = stream(), stream()
    seed, uniform = early.noise_seed, early.dropout_rng.random(4)
    orders_of(late, 3)
    copied, parted = late.copy(), late.without_rows()
    for other in (late, copied):
        assert other.noise_seed == seed
        np.testing.assert_array_equal(other.dropout_rng.random(4), uniform)
    # Streams without a copy have one and the same generator.
    assert parted.dropout_rng is late.dropout_rng
    assert copied.dropout_rng is not late.dropout_rng
