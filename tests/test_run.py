"""What the full-batch solvers share: the record of their iterations, what they keep."""

import numpy as np
import pytest

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import ElasticNet
from skreg._core.solvers import fista, lbfgs
from skreg._core.stopping import Patience, Progress, StopReason

EACH_SOLVER = pytest.mark.parametrize("minimize", [lbfgs, fista])


def make_problem(alpha=0.02, l1_ratio=0.5, hidden=(4,)):
    """A small objective, and a start with weights of both signs."""
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(40, 3)), rng.uniform(0.5, 2, size=40)
    Y = np.tanh(X[:, :1] - X[:, 1:2]) + 0.1 * rng.normal(size=(40, 1))
    network = Network((3, *hidden, 1), "tanh", SquaredError())
    penalty = ElasticNet([alpha], [l1_ratio], float)
    objective = Objective(network, penalty, X, Y, np.arange(40), weight)
    return objective, network.initialize(np.random.RandomState(0), float)


@EACH_SOLVER
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_each_iteration_is_recorded_with_its_objective(minimize, l1_ratio):
    objective, start = make_problem(l1_ratio=l1_ratio)
    progress, seen = Progress(Patience(np.inf, 0.0)), []
    before = start.copy()
    minimize(
        objective,
        start,
        progress,
        max_iter=40,
        tol=1e-9,
        report=lambda progress: seen.append(progress.kept[None].copy()),
    )
    np.testing.assert_array_equal(start, before)
    assert len(seen) == progress.n_epochs == len(progress.curves.loss) > 20
    losses = [objective.value(params)[0] for params in seen]
    np.testing.assert_allclose(progress.curves.loss, losses, rtol=1e-12)
    losses = [objective.data_loss(params)[0] for params in seen]
    np.testing.assert_allclose(progress.curves.data_loss, losses, rtol=1e-10)


@EACH_SOLVER
@pytest.mark.parametrize("best", [1, 5])
def test_at_rest_the_best_parameters_on_validation_rows_are_kept(minimize, best):
    objective, start = make_problem(hidden=())
    progress, seen = Progress(Patience(np.inf, 0.0)), []

    def validate(params):
        seen.append(params.copy())
        return (1.0 if len(seen) == best else 0.5), 1.0

    reason = minimize(
        objective, start, progress, max_iter=2000, tol=1e-6, validate=validate
    )
    assert reason is StopReason.CONVERGED and len(seen) > 5
    assert progress.best_iter == best
    np.testing.assert_array_equal(progress.kept, seen[best - 1])
    assert not np.array_equal(progress.kept, seen[-1])


@EACH_SOLVER
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-8])
def test_solvers_come_as_near_to_rest_as_they_are_asked_to(minimize, tol):
    objective, start = make_problem(l1_ratio=0.0, hidden=())
    progress = Progress(Patience(np.inf, 0.0))
    reason = minimize(objective, start, progress, max_iter=2000, tol=tol)
    assert reason is StopReason.CONVERGED
    assert objective.kkt_residual(progress.kept[None])[0] <= tol


@EACH_SOLVER
def test_a_criterion_ends_iterations_by_validation_scores_alone(minimize):
    objective, start = make_problem(hidden=())

    def minimized(**options):
        progress = Progress(Patience(1, 0.0))
        reason = minimize(
            objective, start, progress, max_iter=2000, tol=1e-6, **options
        )
        return reason, progress.n_epochs

    # Scores that never reach the first one again.
    scores = iter([1.0] + [0.0] * 2000)
    reason, n_iterations = minimized(validate=lambda params: (next(scores), 1.0))
    assert (reason, n_iterations) == (StopReason.NO_IMPROVEMENT, 3)
    reason, n_iterations = minimized()
    assert reason is StopReason.CONVERGED and n_iterations > 3
