"""Batches of networks, and training that goes on: compiled functions against NumPy."""

import numpy as np
import pytest
from helpers import by_each_engine, with_scaled_moments
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skreg import config_context
from skreg._core import schedules, training
from skreg._core.losses import HalfPoisson, SquaredError
from skreg._core.network import Network
from skreg._core.penalties import InputGroups, make_penalty
from skreg._core.stopping import Patience, Progress, StopReason
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train

pytest.importorskip("numba")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS = 53
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N_ROWS, 4))
Y = np.column_stack([X[:, 0] - X[:, 1], np.tanh(X[:, 2])])
WEIGHTS = _rng.uniform(0.2, 2, N_ROWS)

# One entry a model. The first two share a stream, of which the third has a copy.
NUMBERS = {
    "alpha": [0.0, 0.1, 0.02, 0.05],
    "l1_ratio": [0.0, 0.5, 1.0, 0.2],
    "learning_rate_init": [0.02, 0.01, 0.05, 0.03],
    "power_t": [0.1, 0.2, 0.3, 0.4],
    "momentum": [0.9, 0.0, 0.5, 0.8],
    "beta_1": [0.9, 0.0, 0.5, 0.95],
    "beta_2": [0.999, 0.9, 0.99, 0.95],
    "epsilon": [1e-8, 1e-3, 1e-4, 1e-6],
    "dropout": [0.0, 0.2, 0.5, 0.2],
    "max_iter": [20, 20, 7, 13],
}
SOME_INPUTS = {"feature_alpha": [0.0, 0.02, 3.0, 0.05]}
SEEDS = [0, 0, 0, 1]


def models_of(network, numbers, dtype=float, weight=None, augmentation=None):
    streams = {}
    models = []
    for k, seed in enumerate(SEEDS):
        random_state = np.random.RandomState(seed)
        params = network.initialize(random_state, dtype)
        # The third one is not the stream of the first two, but draws as they do.
        stream = streams.setdefault(
            (seed, k == 2),
            # One stream of a batch may augment its rows while another does not.
            Stream(
                np.arange(N_ROWS), random_state, weight, augmentation if seed else None
            ),
        )
        models.append(
            Model(
                params,
                stream,
                Progress(Patience(np.inf, 0.0)),
                **{name: values[k] for name, values in numbers.items()},
            )
        )
    return models


def trained(solver="adam", loss=None, X=X, Y=Y, numbers=NUMBERS, only=None, **options):
    """What becomes of the models; of one of them alone if so asked."""
    loss = SquaredError() if loss is None else loss
    schedule = options.pop("learning_rate", "constant")
    nesterov = options.pop("nesterovs_momentum", True)
    kind = options.pop("feature_penalty", "log_sum")
    groups = options.pop("groups", None)
    network = Network((X.shape[1], 5, 3, Y.shape[1]), "tanh", loss)
    models = models_of(network, numbers, X.dtype, **options)
    models = models if only is None else [models[only]]
    settings = Settings(solver, 8, True, schedule, nesterov, kind, groups)
    return train(network, models, X, Y, settings)


def assert_same_results(actual, expected, rtol=1e-9, atol=1e-12):
    for one, other in zip(actual, expected, strict=True):
        assert (one.engine, other.engine) == ("compiled", "numpy")
        assert one.stop_reason is other.stop_reason
        assert one.n_samples_seen == other.n_samples_seen
        assert_allclose(one.params, other.params, rtol=rtol, atol=atol)
        assert_array_equal(one.params == 0, other.params == 0)
        curves, others = one.progress.curves, other.progress.curves
        assert_allclose(curves.loss, others.loss, rtol=rtol)
        assert_allclose(curves.data_loss, others.data_loss, rtol=rtol)
        assert one.optimizer_state.keys() == other.optimizer_state.keys()
        theirs = with_scaled_moments(other.optimizer_state)
        for name, value in with_scaled_moments(one.optimizer_state).items():
            assert_allclose(value, theirs[name], rtol=rtol, atol=atol, err_msg=name)


class WarmUp(schedules.Schedule):
    """The rate of every step is another one."""

    def before_steps(self, rates, n_updates, n_planned):
        return rates * np.minimum(1.0, (n_updates + 1) / 30)


@pytest.fixture
def warm_up(monkeypatch):
    monkeypatch.setitem(schedules.SCHEDULES, "warm-up", WarmUp)


# With dropout each minibatch is a piece of its own, without it a block is one piece.
@pytest.mark.parametrize("has_dropout", [False, True])
@pytest.mark.parametrize("learning_rate", [*schedules.SCHEDULES, "warm-up"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "momentum"])
def test_models_with_numbers_of_their_own(solver, learning_rate, has_dropout, warm_up):
    options = dict(learning_rate=learning_rate)
    if solver == "momentum":
        solver, options["nesterovs_momentum"] = "sgd", False
    if not has_dropout:
        options["numbers"] = NUMBERS | {"dropout": [0.0] * 4}
    assert_same_results(*by_each_engine(lambda: trained(solver, **options)))


@pytest.mark.parametrize("groups", [None, [0, 1, 0, 2]])
@pytest.mark.parametrize("learning_rate", ["constant", "warm-up"])
@pytest.mark.parametrize("kind", ["log_sum", "group_lasso"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_penalties_of_inputs_of_some(solver, kind, learning_rate, groups, warm_up):
    groups = InputGroups.singletons(4) if groups is None else InputGroups(groups)
    epsilons = {"feature_epsilon": [1.0, 0.5, 0.2, 0.1]}
    numbers = NUMBERS | SOME_INPUTS | {"dropout": [0.0] * 4}
    options = dict(
        numbers=numbers | (epsilons if kind == "log_sum" else {}),
        feature_penalty=kind,
        groups=groups,
        learning_rate=learning_rate,
    )
    results = by_each_engine(lambda: trained(solver, **options))
    assert_same_results(*results)
    # The strongest one leaves fewer inputs.
    assert (results[0][2].params[:20] == 0).any()


def noisy(X, Y, weight, rng):
    """An augmentation, as streams have them."""
    weight = weight if weight is None else weight * rng.uniform(0.5, 1.5, len(weight))
    return X + 0.1 * rng.normal(size=X.shape), Y + 0.1, weight


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("augmentation", [None, noisy])
def test_weights_and_augmented_rows_of_a_batch(augmentation, is_weighted, is_sparse):
    rows = sparse.csr_matrix(X) if is_sparse else X
    options = dict(weight=WEIGHTS if is_weighted else None, augmentation=augmentation)
    assert_same_results(*by_each_engine(lambda: trained(X=rows, **options)))


def test_float32():
    rows, targets = X.astype(np.float32), Y.astype(np.float32)
    for solver in ("adam", "sgd"):
        results = by_each_engine(lambda s=solver: trained(s, X=rows, Y=targets))
        for one, other in zip(*results, strict=True):
            assert one.params.dtype == other.params.dtype == np.float32
            assert_allclose(one.params, other.params, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_each_model_has_the_bits_that_it_has_alone(solver, dtype):
    rows, targets = X.astype(dtype), Y.astype(dtype)
    with config_context(engine="compiled"):
        together = trained(solver, X=rows, Y=targets)
        for k, result in enumerate(together):
            (alone,) = trained(solver, X=rows, Y=targets, only=k)
            assert_array_equal(result.params, alone.params)
            for name, value in result.optimizer_state.items():
                assert_array_equal(value, alone.optimizer_state[name])


def test_blocks_of_more_networks_are_shorter():
    """Ctrl-C waits for a block of all of them."""
    network = Network((X.shape[1], 300, 300, Y.shape[1]), "tanh", SquaredError())
    settings, lengths = Settings("adam", 8), []
    for groups in ([slice(0, 1)], [slice(0, 2), slice(2, 3), slice(3, 4)]):
        models = models_of(network, NUMBERS)[: groups[-1].stop]
        penalty = make_penalty(models, "log_sum", None, float)
        with config_context(engine="compiled"):
            step = training.make_step(
                network, penalty, "adam", models, settings, X, Y, groups
            )
        lengths.append(step.longest_block(8))
    assert lengths[1] == lengths[0] // 4 > 1


def test_minibatches_and_masks_are_the_same(monkeypatch):
    """Blocks may end elsewhere, but the order of what is in them is one."""
    make_step = training.make_step

    def recorded(seen):
        def watched(pieces, block):
            for piece in pieces:
                for step in piece.steps:
                    seen.append(
                        [
                            block.rows[:, step].copy(),
                            # Without augmented rows the compiled step asks Y itself.
                            None if piece.X is None else block.Y[step].copy(),
                            block.weight[step].copy(),
                            None if piece.X is None else piece.X[-1].copy(),
                            piece.masks.copy(),
                        ]
                    )
                yield piece

        def make_watched(*args):
            step = make_step(*args)
            run = step.run

            def watched_run(block, rates):
                block.pieces = watched(block.pieces, block)
                return run(block, rates)

            step.run = watched_run
            return step

        return make_watched

    def minibatches():
        seen = []
        with monkeypatch.context() as patch:
            patch.setattr(training, "make_step", recorded(seen))
            trained(weight=WEIGHTS, augmentation=noisy)
        return seen

    compiled, expected = by_each_engine(minibatches)
    assert len(compiled) == len(expected) == 20 * 7
    for one, other in zip(compiled, expected, strict=True):
        for part, expected_part in zip(one, other, strict=True):
            assert_array_equal(part, expected_part)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_network_that_diverges_leaves_its_neighbours_bits(solver, dtype):
    rows, targets = X.astype(dtype), Y.astype(dtype)

    def results(rate):
        rates = [0.02, rate, 0.05, 0.03]
        numbers = NUMBERS | {"learning_rate_init": rates}
        return trained(solver, X=rows, Y=targets, numbers=numbers)

    with config_context(engine="compiled"):
        expected, found = results(0.01), results(1e250)
    assert found[1].stop_reason is StopReason.DIVERGED
    for k in (0, 2, 3):
        assert found[k].stop_reason is expected[k].stop_reason is StopReason.MAX_ITER
        assert_array_equal(found[k].params, expected[k].params)
        # Losses are summed over blocks, which are cut by the number of models.
        curves, others = found[k].progress.curves, expected[k].progress.curves
        assert_allclose(curves.loss, others.loss, rtol=1e-6)


def test_a_poisson_loss_that_overflows():
    numbers = NUMBERS | {"learning_rate_init": [1e4] * 4}
    options = dict(loss=HalfPoisson(), Y=np.abs(Y), numbers=numbers)
    for one, other in zip(
        *by_each_engine(lambda: trained("sgd", **options)), strict=True
    ):
        assert one.stop_reason is other.stop_reason is StopReason.DIVERGED
        assert one.progress.n_epochs == other.progress.n_epochs
