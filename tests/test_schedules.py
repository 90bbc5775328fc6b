"""Learning-rate schedules: by hand, and through the loop with any minibatch solver."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skreg._core import schedules, training
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.schedules import (
    DROPOUT_SCHEDULES,
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    InvScaling,
    Schedule,
    make_schedule,
)
from skreg._core.stopping import Patience, Progress, StopReason
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train

FIRED = StopReason.NO_IMPROVEMENT


def parameters_of(rates, powers=None):
    """Stand-ins for models with a schedule's parameters alone."""
    powers = [0.5] * len(rates) if powers is None else powers
    return [
        SimpleNamespace(learning_rate_init=rate, power_t=power)
        for rate, power in zip(rates, powers, strict=True)
    ]


def test_the_constant_one_leaves_everything_as_it_is():
    schedule, rates = Constant(parameters_of([0.1, 0.2])), np.array([0.1, 0.2])
    reasons = [FIRED, None]
    seen = np.array([10, 10])
    assert schedule.after_epoch(rates, reasons, [True, False], seen) == [FIRED, None]
    assert rates.tolist() == [0.1, 0.2]
    assert schedule.before_steps is None


def test_inverse_scaling_by_hand():
    schedule = InvScaling(parameters_of([0.1, 0.2, 0.3], [0.5, 1.0, 0.0]))
    rates, seen = np.array([0.1, 0.2, 0.3]), np.array([99, 3, 50])
    reasons = [None, FIRED, None]
    answers = schedule.after_epoch(rates, reasons, [False, True, False], seen)
    assert answers == reasons
    np.testing.assert_allclose(rates, [0.1 / 10, 0.2 / 4, 0.3], rtol=1e-15)
    # It starts from the initial rates each time, and from those of the kept models.
    schedule.keep(np.array([1]))
    rates = rates[[1]]
    schedule.after_epoch(rates, [None], [False], np.array([7]))
    np.testing.assert_allclose(rates, [0.2 / 8], rtol=1e-15)


def test_inverse_scaling_by_a_power_that_overflows():
    schedule, rates = InvScaling(parameters_of([0.1], [1e6])), np.array([0.1])
    with np.errstate(all="ignore"):
        schedule.after_epoch(rates, [None], [False], np.array([99]))
    assert rates.tolist() == [0.0]


def test_adaptive_by_hand():
    schedule = Adaptive(parameters_of([1.0] * 4))
    rates = np.array([0.5, 0.5, 1e-6, 0.5])
    reasons = [FIRED, None, FIRED, StopReason.DIVERGED]
    fired = [True, False, True, False]
    answers = schedule.after_epoch(rates, reasons, fired, np.array([10] * 4))
    # The first goes on, the third is at the smallest rate, the last has diverged.
    assert answers == [None, None, StopReason.LEARNING_RATE, StopReason.DIVERGED]
    assert rates.tolist() == [0.1, 0.5, 1e-6, 0.5]
    assert reasons == [FIRED, None, FIRED, StopReason.DIVERGED]


def cosine_by_hand(rate, t, n_planned, n_rising=0):
    """The rate before the update that follows `t` others."""
    if t < n_rising:
        return rate * (t + 1) / n_rising
    position = (t - n_rising) / (n_planned - n_rising)
    return rate * (1 + math.cos(math.pi * position)) / 2


def test_the_cosine_by_hand():
    models = [SimpleNamespace(warmup_fraction=f) for f in (0.0, 0.25, 0.3, 0.99)]
    schedule = Cosine(models)
    rates, n_planned = np.array([0.1, 0.2, 0.3, 0.4]), np.array([20, 8, 5, 4])
    n_updates = np.array([[0, 0, 0, 0], [5, 1, 1, 1], [10, 2, 2, 3], [19, 7, 4, 4]])
    found = schedule.before_steps(rates, n_updates, n_planned)
    # 0.3 of 5 updates are rounded to 2, and 0.99 of 4 to all of them: what comes
    # thereafter has a rate of zero.
    by_hand = [
        [cosine_by_hand(0.1, t, 20) for t in (0, 5, 10, 19)],
        [cosine_by_hand(0.2, t, 8, 2) for t in (0, 1, 2, 7)],
        [cosine_by_hand(0.3, t, 5, 2) for t in (0, 1, 2, 4)],
        [0.1, 0.2, 0.4, 0.4],
    ]
    np.testing.assert_allclose(found, np.transpose(by_hand), rtol=1e-14)
    assert rates.tolist() == [0.1, 0.2, 0.3, 0.4]
    # From the end on the rate is zero, and the warm-up is that of the kept model.
    schedule.keep(np.array([1]))
    found = schedule.before_steps(rates[[1]], np.array([[1], [8], [9]]), n_planned[[1]])
    assert found.tolist() == [[0.2], [0.0], [0.0]]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_table_makes_them(name):
    model = SimpleNamespace(learning_rate_init=1, power_t=1, warmup_fraction=0)
    assert type(make_schedule(name, [model])) is SCHEDULES[name]


def train_some(settings, criterion=None, seeds=(0,), **hyper_parameters):
    """Networks with one hidden layer, trained side by side on 40 rows."""
    network, models, X, Y = make_some(criterion, seeds, **hyper_parameters)
    return train(network, models, X, Y, settings)


def make_some(criterion=None, seeds=(0,), **hyper_parameters):
    """What `train` is given but for the settings, a value a model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    Y = X[:, :1] + rng.normal(size=(40, 1))
    network = Network((3, 4, 1), "tanh", SquaredError())
    models = []
    for k, seed in enumerate(seeds):
        random_state = np.random.RandomState(seed)
        models.append(
            Model(
                network.initialize(random_state, float),
                Stream(np.arange(40), random_state),
                Progress(criterion or Patience(np.inf, 0.0)),
                **{name: value[k] for name, value in hyper_parameters.items()},
            )
        )
    return network, models, X, Y


def test_an_unknown_name_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="no learning_rate='cosin'; there are 'con"):
        train_some(Settings("adam", 10, learning_rate="cosin"))


def rates_of(monkeypatch, train_them):
    """The learning rates of every step, one a model, and what training returned."""
    rates, make_step = [], training.make_step

    def watched(*args):
        step = make_step(*args)
        run = step.run

        def noting(block, block_rates):
            # One row a minibatch, or one row for all of them, which changes later.
            shape = block.n_steps, len(step.params)
            rates.extend(np.broadcast_to(block_rates, shape).copy())
            return run(block, block_rates)

        step.run = noting
        return step

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_step", watched)
        results = train_them()
    return np.array(rates), results


@pytest.mark.both_engines
def test_adam_with_inverse_scaling_lowers_its_rate(monkeypatch):
    settings = Settings("adam", 10, learning_rate="invscaling")
    hyper = {"learning_rate_init": [0.1], "power_t": [0.3], "max_iter": [3]}
    rates, (result,) = rates_of(monkeypatch, lambda: train_some(settings, **hyper))
    by_hand = [0.1 / (n_seen + 1) ** 0.3 for n_seen in (0, 40, 80, 120)]
    # Four minibatches an epoch; the last rate is that of the epoch to come.
    np.testing.assert_allclose(rates[:, 0], np.repeat(by_hand[:3], 4))
    np.testing.assert_allclose(result.optimizer_state["learning_rate"], by_hand[3])


@pytest.mark.both_engines
def test_adam_with_adaptive_lowers_its_rate_and_ends(monkeypatch):
    settings = Settings("adam", 10, learning_rate="adaptive")
    # Nothing is ever an improvement: the rate falls after every second epoch.
    rates, (result,) = rates_of(
        monkeypatch,
        lambda: train_some(settings, Patience(1, 1e9), learning_rate_init=[0.1]),
    )
    assert result.stop_reason is StopReason.LEARNING_RATE
    assert result.progress.n_epochs == 1 + 2 * 9
    by_hand = [0.1] * 3 + [0.1 / 5**k for k in range(1, 9) for _ in range(2)]
    np.testing.assert_allclose(rates[:, 0], np.repeat(by_hand, 4))
    np.testing.assert_allclose(result.optimizer_state["learning_rate"], 0.1 / 5**8)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_models_of_a_batch_have_the_rates_they_have_alone(solver, name):
    settings = Settings(solver, 10, learning_rate=name)
    hyper = {
        "learning_rate_init": [0.1, 0.05, 0.02],
        "power_t": [0.2, 0.5, 1.0],
        "warmup_fraction": [0.0, 0.5, 0.2],
        "max_iter": [6, 2, 9],
    }
    together = train_some(settings, seeds=(0, 1, 2), **hyper)
    for k, result in enumerate(together):
        own = {name: values[k : k + 1] for name, values in hyper.items()}
        (alone,) = train_some(settings, seeds=(k,), **own)
        rate = alone.optimizer_state["learning_rate"]
        assert result.optimizer_state["learning_rate"] == rate
        np.testing.assert_allclose(result.params, alone.params, rtol=1e-10)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_cosine_step_by_step(monkeypatch, solver):
    """It ends with all epochs, be these more than training has this time."""
    settings = Settings(solver, 16, learning_rate="cosine")
    hyper = {
        "learning_rate_init": [0.1, 0.05, 0.02],
        "warmup_fraction": [0.0, 0.25, 0.5],
        "max_iter": [4, 4, 4],
        "schedule_iter": [None, 8, 10],
    }
    rates, results = rates_of(
        monkeypatch, lambda: train_some(settings, seeds=(0, 1, 2), **hyper)
    )
    # Three minibatches an epoch, the last one smaller.
    for k, (rate, n_planned, n_rising) in enumerate(
        [(0.1, 12, 0), (0.05, 24, 6), (0.02, 30, 15)]
    ):
        by_hand = [cosine_by_hand(rate, t, n_planned, n_rising) for t in range(12)]
        np.testing.assert_allclose(rates[:, k], by_hand, rtol=1e-14)
        # Whoever goes on has the rate that the shares are of.
        assert results[k].optimizer_state["learning_rate"] == rate


@pytest.mark.both_engines
def test_the_cosine_ends_with_a_number_of_updates(monkeypatch):
    settings = Settings("adam", 16, learning_rate="cosine")
    hyper = {"learning_rate_init": [0.1, 0.1], "max_updates": [7, 7]}
    hyper["schedule_iter"] = [None, 50]
    rates, results = rates_of(
        monkeypatch, lambda: train_some(settings, seeds=(0, 1), **hyper)
    )
    assert {result.stop_reason for result in results} == {StopReason.MAX_UPDATES}
    # The epoch runs on to its end, which is of no matter to them.
    by_hand = [cosine_by_hand(0.1, t, 7) for t in range(7)]
    np.testing.assert_allclose(rates[:7], np.transpose([by_hand] * 2), rtol=1e-14)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_cosine_goes_on_where_it_was(solver):
    settings = Settings(solver, 16, learning_rate="cosine")
    hyper = {"learning_rate_init": [0.1, 0.05], "warmup_fraction": [0.0, 0.4]}

    def in_phases(ends):
        network, models, X, Y = make_some(seeds=(0, 1), max_iter=ends[0], **hyper)
        for k, model in enumerate(models):
            model.schedule_iter = 9 - k
        for end in ends[1:]:
            results = train(network, models, X, Y, settings)
            models = [
                model.changed(
                    params=result.params,
                    stream=result.stream.copy(),
                    optimizer_state=result.optimizer_state,
                    n_samples_seen=result.n_samples_seen,
                    max_iter=end[k],
                )
                for k, (model, result) in enumerate(zip(models, results, strict=True))
            ]
        return train(network, models, X, Y, settings)

    # In the second phase the two are not at the same update, and the first ends first.
    for one, other in zip(
        in_phases([(2, 3), (6, 8)]), in_phases([(6, 8)]), strict=True
    ):
        np.testing.assert_allclose(one.params, other.params, rtol=1e-12)


def test_the_cosine_of_dropout_by_hand():
    share = DROPOUT_SCHEDULES["cosine"](np.array([0, 0.3, 0.5, 0.625, 0.75, 1, 1.5]))
    half = (1 + math.sqrt(0.5)) / 2
    np.testing.assert_allclose(share, [1, 1, 1, half, 0.5, 0, 0], atol=1e-15)


def dropout_of(monkeypatch, train_them):
    """The dropout of every epoch, one a model, as the masks of its first step tell."""
    found, make_step = [], training.make_step

    def noted(block, pieces):
        for piece in pieces:
            if block.rows[0, piece.steps.start, 0] == 0:
                found.append(1 - 1 / piece.masks.max(axis=(1, 2)))
            yield piece

    def watched(*args):
        step = make_step(*args)
        run = step.run

        def noting(block, rates):
            block.pieces = noted(block, block.pieces)
            return run(block, rates)

        step.run = noting
        return step

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_step", watched)
        results = train_them()
    return np.array(found), results


@pytest.mark.both_engines
def test_the_cosine_of_dropout_epoch_by_epoch(monkeypatch):
    settings = Settings("adam", 16, shuffle=False, dropout_schedule="cosine")
    hyper = {
        "dropout": [0.5, 0.2, 0.0],
        "max_iter": [6, 6, 6],
        "schedule_iter": [None, 8, None],
    }
    found, _ = dropout_of(
        monkeypatch, lambda: train_some(settings, seeds=(0, 1, 2), **hyper)
    )
    for k, (rate, n_epochs) in enumerate([(0.5, 6), (0.2, 8), (0.0, 6)]):
        share = DROPOUT_SCHEDULES["cosine"](np.arange(6) / n_epochs)
        assert share[3] == 1 > share[5]
        np.testing.assert_allclose(found[:, k], rate * share, rtol=1e-12)


class WarmUp(Schedule):
    """A schedule within an epoch: the first six steps grow to the full rate."""

    def before_steps(self, rates, n_updates, n_planned):
        return rates * np.minimum(1.0, (n_updates + 1) / 6)


@pytest.mark.both_engines
@pytest.mark.parametrize("n_models", [1, 2])
def test_a_new_schedule_changes_the_rate_before_every_step(monkeypatch, n_models):
    monkeypatch.setitem(schedules.SCHEDULES, "warm-up", WarmUp)
    settings = Settings("adam", 16, learning_rate="warm-up")
    hyper = {"learning_rate_init": [0.1, 0.3][:n_models], "max_iter": [3] * n_models}
    rates, results = rates_of(
        monkeypatch, lambda: train_some(settings, seeds=range(n_models), **hyper)
    )
    # Two minibatches of 16 rows an epoch and one of 8: the count runs through.
    shares = np.minimum(1, np.arange(1, 10) / 6)
    np.testing.assert_allclose(rates, np.outer(shares, hyper["learning_rate_init"]))
    for result, rate in zip(results, hyper["learning_rate_init"], strict=True):
        assert result.optimizer_state["learning_rate"] == rate
