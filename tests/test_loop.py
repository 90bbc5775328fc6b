"""What the loops share: quiet NumPy, Ctrl-C, reports; and that the solvers use it."""

import time
from contextlib import nullcontext
from threading import Event

import numpy as np
import pytest
import sklearn
from sklearn.utils.parallel import delayed

from skreg import MLPRegressor
from skreg._core.loop import (
    cancelled_by,
    computing,
    end_if_cancelled,
    reported,
    unless_interrupted,
)
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import ElasticNet
from skreg._core.solvers import fista, lbfgs
from skreg._core.stopping import Patience, Progress, StopReason
from skreg._utils.calls import run_calls


def test_numpy_is_quiet_inside_alone():
    before = np.geterr()
    with computing(nullcontext()):
        assert set(np.geterr().values()) == {"ignore"}
        np.array([1e300]) * 1e300
    assert np.geterr() == before


def interrupt():
    raise KeyboardInterrupt


def test_an_interrupt_is_kept_or_propagates():
    assert unless_interrupted(lambda: 3, "instead", keep_interrupted=True) == 3
    assert unless_interrupted(interrupt, "instead", keep_interrupted=True) == "instead"
    with pytest.raises(KeyboardInterrupt):
        unless_interrupted(interrupt, "instead", keep_interrupted=False)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_what_is_cancelled_ends(solver):
    X, y = np.eye(6), np.arange(6.0)
    network = MLPRegressor((3,), solver=solver, max_iter=7, random_state=0)
    event = Event()
    with cancelled_by(event):
        end_if_cancelled()
        event.set()
        with pytest.raises(KeyboardInterrupt):
            end_if_cancelled()
        with pytest.warns(UserWarning, match="interrupted"):
            network.fit(X, y)
    assert network.stop_reason_ == "interrupted"
    end_if_cancelled()


def test_a_call_that_fails_ends_those_in_other_threads():
    has_begun, has_ended = Event(), Event()

    def fail():
        has_begun.wait()
        raise ValueError("This one.")

    def go_on():
        has_begun.set()
        try:
            while True:
                end_if_cancelled()
                time.sleep(0.01)
        finally:
            has_ended.set()

    calls = [delayed(fail)(), delayed(go_on)()]
    with pytest.raises(ValueError, match="This one"):
        list(run_calls(calls, n_jobs=2, prefers_threads=True))
    assert has_ended.wait(5)


def test_calls_in_other_threads_have_the_settings_of_scikit_learn_of_this_one():
    calls = [delayed(sklearn.get_config)() for _ in range(2)]
    with sklearn.config_context(assume_finite=True):
        configs = list(run_calls(calls, n_jobs=2, prefers_threads=True))
    assert [config["assume_finite"] for config in configs] == [True, True]


@pytest.mark.parametrize(
    "reason", [None, StopReason.CONVERGED, StopReason.MAX_ITER, StopReason.DIVERGED]
)
@pytest.mark.parametrize("asked", [None, StopReason.CALLBACK])
def test_a_report_is_made_whatever_the_reason(reason, asked):
    calls = []

    def report(*args):
        calls.append(args)
        return asked

    has_diverged = reason is StopReason.DIVERGED
    assert reported(reason, report, 1, 2) == (
        reason if has_diverged or asked is None else asked
    )
    assert calls == [(1, 2)]
    assert reported(reason, None, 1, 2) == reason


@pytest.mark.parametrize("solver", [lbfgs, fista])
def test_full_batch_solvers_are_called_alike(solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    Y = X[:, :1] - 2 * X[:, 1:2]
    network = Network((3, 1), "identity", SquaredError())
    objective = Objective(network, ElasticNet([0.1], [0.5], float), X, Y, np.arange(40))

    def minimize(**options):
        progress = Progress(Patience(np.inf, 0.0))
        options = {"max_iter": 100, "max_fun": 1000, "tol": 1e-3} | options
        return solver(objective, np.zeros(4), progress, **options), progress

    reason, progress = minimize()
    assert reason in (StopReason.CONVERGED, StopReason.SMALL_DECREASE)
    assert objective.kkt_residual(progress.kept[None])[0] < 1e-2
    reason, progress = minimize(max_iter=2)
    assert reason is StopReason.MAX_ITER and progress.n_epochs == 2
    reason, progress = minimize(report=lambda progress: StopReason.CALLBACK)
    assert reason is StopReason.CALLBACK and progress.n_epochs == 1
    # With a score it is the criterion that stops, without one it never is.
    criterion = Patience(0, 1e9)
    progress = Progress(criterion)
    scores = iter(range(100))
    options = {"max_iter": 100, "max_fun": 1000, "tol": 1e-12}
    reason = solver(
        objective, np.zeros(4), progress, validate=lambda row: (next(scores), 1.0),
        **options,
    )  # fmt: skip
    assert reason is StopReason.NO_IMPROVEMENT and progress.n_epochs == 2
    assert minimize(report=lambda _: None)[0] is not StopReason.NO_IMPROVEMENT

    def interrupted(progress):
        if progress.n_epochs == 3:
            raise KeyboardInterrupt

    reason, progress = minimize(report=interrupted, keep_interrupted=True)
    assert reason is StopReason.INTERRUPTED and progress.kept is not None
    with pytest.raises(KeyboardInterrupt):
        minimize(report=interrupted)
    with pytest.raises(TypeError, match="no_such_option"):
        minimize(no_such_option=1)
