"""A penalty that skreg does not know: its class and a line in a table are enough.

One of single weights with a parameter of its own, the capped L1 ``alpha min(|w|,
theta)``, on the networks of the core; and one of whole inputs, the minimax concave
penalty (Zhang 2010), from the estimator's parameter to the path.
"""

import numpy as np
import pytest

from skreg import MLPRegressor
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import (
    INPUT_PENALTIES,
    WEIGHT_PENALTIES,
    ElasticNet,
    InputGroups,
    InputPenalty,
    Penalty,
    make_penalty,
    soft_threshold,
)
from skreg._core.solvers import fista, lbfgs
from skreg._core.stopping import Patience, Progress
from skreg._core.streams import Stream
from skreg._core.training import Model, Settings, train
from skreg.feature_selection import feature_path

# -- single weights --------------------------------------------------------------------


class CappedL1(Penalty):
    """``capped_alpha * sum_l min(|W_l|, theta)`` (Zhang 2010): large weights are free.

    Its tangent at a weight below the cap is that of L1, above it is constant.
    """

    parameters = ("capped_alpha", "theta")
    needs_elementwise_steps = True

    def __init__(self, capped_alpha, theta, dtype):
        self._alpha = np.asarray(capped_alpha, dtype).reshape(-1, 1, 1)
        self._theta = np.asarray(theta, dtype).reshape(-1, 1, 1)

    @property
    def weight_decay(self):
        return np.zeros_like(self._alpha[:, 0, 0])

    def keep(self, models):
        self._alpha, self._theta = self._alpha[models], self._theta[models]

    def value(self, layers):
        sizes = sum(np.minimum(np.abs(W), self._theta).sum((1, 2)) for W in layers)
        return self._alpha[:, 0, 0] * sizes

    def majorize(self, layers):
        self._slopes = [self._slope(W) for W in layers]

    def _slope(self, W):
        return self._alpha * (np.abs(W) < self._theta)

    def prox(self, layers, step_sizes, group_step_sizes=None):
        for W, step, slope in zip(layers, step_sizes, self._slopes, strict=True):
            soft_threshold(W, slope * step)
        self.majorize(layers)

    def cancel(self, layers, forces):
        left = []
        for W, force in zip(layers, forces, strict=True):
            at_zero = force.copy()
            soft_threshold(at_zero, self._alpha)
            left.append(np.where(W == 0, at_zero, force - self._slope(W) * np.sign(W)))
        return left

    def smallest_strength(self):
        return float(self._alpha[self._alpha > 0].min())


N_ROWS, THETA, STRENGTH = 64, 0.5, 0.3
# What least squares find, column by column: X'X / n is the identity. From zero, L1
# holds what is below its strength; the rest moves past the cap, and nothing holds it.
LEAST_SQUARES = np.array([3.0, 0.2, -2.0, 0.0, -0.25, 1.5])
EXPECTED = np.array([3.0, 0.0, -2.0, 0.0, 0.0, 1.5])
NETWORK = Network((6, 1), "identity", SquaredError())


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    # Columns orthogonal to each other and to the constant.
    Q = np.linalg.qr(np.column_stack([np.ones(N_ROWS), rng.normal(size=(N_ROWS, 7))]))
    X, noise = np.sqrt(N_ROWS) * Q[0][:, 1:7], np.sqrt(N_ROWS) * Q[0][:, 7]
    return np.ascontiguousarray(X), (X @ LEAST_SQUARES + 0.1 * noise + 0.7)[:, None]


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(WEIGHT_PENALTIES, "capped_l1", CappedL1)


def model_of(max_iter=3000, **settings):
    return Model(
        np.zeros(NETWORK.n_params),
        Stream(np.arange(N_ROWS), np.random.RandomState(0)),
        Progress(Patience(np.inf, 0.0)),
        learning_rate_init=0.01,
        max_iter=max_iter,
        **{"capped_alpha": STRENGTH, "theta": THETA} | settings,
    )


def plain_model(**settings):
    return model_of(capped_alpha=0.0, **settings)


def objective_of(model, data):
    penalty = make_penalty([model], "log_sum", None, float)
    return Objective(NETWORK, penalty, *data, np.arange(N_ROWS))


def trained(solver, models, data):
    """The parameters of some models, trained on all rows at a time."""
    if solver == "fista":
        for model in models:
            objective = objective_of(model, data)
            fista(objective, model.params, model.progress, max_iter=500, tol=1e-8)
        return np.array([model.progress.kept for model in models])
    settings = Settings(solver, batch_size=N_ROWS)
    results = train(NETWORK, models, *data, settings)
    return np.array([result.params for result in results])


@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
def test_a_new_penalty_of_weights_trains(solver, known, data):
    model = model_of()
    (params,) = trained(solver, [model], data)
    W, b = params[:6], params[6]
    # Exactly zero where L1 would have it, and free of any pull elsewhere.
    np.testing.assert_array_equal(W == 0, EXPECTED == 0)
    np.testing.assert_allclose(W, EXPECTED, atol=1e-6)
    np.testing.assert_allclose(b, 0.7, atol=1e-6)

    X, y = data
    residual = y[:, 0] - X @ W - b
    by_hand = (residual**2).mean() / 2 + STRENGTH * THETA * 3
    objective = objective_of(model, data)
    np.testing.assert_allclose(objective.value(params[None]), by_hand, rtol=1e-12)
    assert objective.kkt_residual(params[None]) < 1e-6
    # At each of these points one force is not cancelled, and by how much is known.
    for weight, value, left in ((1, 0.1, 0.1 - 0.2 + STRENGTH), (0, 2.9, 0.1)):
        moved = params[None].copy()
        moved[0, weight] = value
        np.testing.assert_allclose(objective.kkt_residual(moved), left, atol=1e-5)


def test_l1_shrinks_what_the_new_penalty_leaves(data):
    """So the test above sees the cap."""
    (params,) = trained("fista", [plain_model(alpha=STRENGTH, l1_ratio=1.0)], data)
    shrunk = np.sign(EXPECTED) * (np.abs(EXPECTED) - STRENGTH)
    np.testing.assert_allclose(params[:6], shrunk, atol=1e-6)


def test_lbfgs_refuses_it_by_name(known, data):
    model = model_of(alpha=0.1, l1_ratio=0.5)
    message = (
        r"solver='lbfgs' has no step for the penalty CappedL1 \(capped_alpha, theta\):"
        ".*such as solver='fista'"
    )
    with pytest.raises(ValueError, match=message):
        lbfgs(
            objective_of(model, data), model.params, model.progress,
            max_iter=5, max_fun=50, tol=1e-4,
        )  # fmt: skip
    # Where no model has it, it is not there.
    plain = plain_model(alpha=0.1, l1_ratio=0.5)
    lbfgs(
        objective_of(plain, data), plain.params, plain.progress,
        max_iter=5, max_fun=50, tol=1e-4,
    )  # fmt: skip


# The models without it would be trained by compiled functions alone, but not beside it.
@pytest.mark.parametrize("engine", ["numpy"], indirect=True)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_batch_equals_its_models_alone(solver, known, data, monkeypatch, engine):
    settings = [
        {},
        {"capped_alpha": 0.0, "alpha": 0.1, "l1_ratio": 0.5},
        {"theta": 2.5, "alpha": 0.01, "max_iter": 40},
        {"capped_alpha": 0.0},
    ]
    settings = [{"max_iter": 60} | each for each in settings]
    together = trained(solver, [model_of(**each) for each in settings], data)
    alone = [trained(solver, [model_of(**each)], data)[0] for each in settings]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-14)
    # A model without it does not change by a bit where the penalty is not known.
    monkeypatch.delitem(WEIGHT_PENALTIES, "capped_l1")
    for k in (1, 3):
        (unknown,) = trained(solver, [model_of(**settings[k])], data)
        np.testing.assert_array_equal(unknown, alone[k])


def test_it_adds_to_the_elastic_net_and_to_the_inputs(known):
    """By the minimum over a grid of one weight in a group of its own."""
    model = model_of(alpha=0.2, l1_ratio=1.0, capped_alpha=0.3)
    model.feature_alpha = 0.1
    penalty = make_penalty([model], "group_lasso", InputGroups.singletons(1), float)
    assert [type(term).__name__ for term in penalty.terms] == [
        "ElasticNet", "CappedL1", "GroupLasso",
    ]  # fmt: skip
    assert penalty.needs_elementwise_steps and penalty.is_proximal
    assert penalty.tied_groups.n_groups == 1 and list(penalty.tied_models) == [0]
    assert penalty.linear_strength() is None
    np.testing.assert_allclose(penalty.smallest_strength(), 0.1)
    W = np.full((1, 1, 1), 0.4)
    np.testing.assert_allclose(penalty.value([W]), 0.6 * 0.4)
    penalty.majorize([W])
    u = np.full((1, 1, 1), 2.0)
    step = np.full((1, 1, 1), 0.5)
    penalty.prox([u], [step], step[:, :, 0])
    np.testing.assert_allclose(u, 2.0 - 0.5 * 0.6)
    # Of the force -2, at 0.4, the three cancel nothing: they pull the same way.
    (left,) = penalty.subdifferential_distance([W], [np.full((1, 1, 1), 2.0)])
    np.testing.assert_allclose(left, 2.6)


def test_a_penalty_without_its_verbs_is_none():
    class Half(Penalty):
        weight_decay = None

        def value(self, layers):
            return 0.0

    with pytest.raises(TypeError, match="abstract.*keep.*prox"):
        Half()
    assert isinstance(make_penalty([plain_model()], "log_sum", None, float), ElasticNet)


# -- whole inputs ----------------------------------------------------------------------


class GroupMCP(InputPenalty):
    """``phi(t) = t - t^2 / (2 gamma)`` up to ``gamma``, constant above."""

    gamma = 1.0

    def phi(self, norms):
        inner = np.minimum(norms, self.gamma)
        return inner - inner**2 / (2 * self.gamma)

    def slope(self, norms):
        return np.maximum(0, 1 - norms / self.gamma)


@pytest.fixture
def known_mcp(monkeypatch):
    monkeypatch.setitem(INPUT_PENALTIES, "mcp", GroupMCP)


LINEAR = dict(
    hidden_layer_sizes=(), alpha=0.0, feature_alpha=STRENGTH, feature_penalty="mcp",
    batch_size=N_ROWS, learning_rate_init=0.01, max_iter=3000, tol=1e-8,
    n_iter_no_change=3000, random_state=0,
)  # fmt: skip


def network(solver, **settings):
    return MLPRegressor(solver=solver, **LINEAR | settings)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
def test_a_new_penalty_of_inputs_trains(solver, known_mcp, data):
    X, y = data[0], data[1][:, 0]
    model = network(solver).fit(X, y)
    w = model.coefs_[0][:, 0]
    np.testing.assert_array_equal(model.support_, EXPECTED != 0)
    np.testing.assert_array_equal(w == 0, EXPECTED == 0)
    # Norms above gamma feel nothing.
    np.testing.assert_allclose(w, EXPECTED, atol=1e-3)
    penalty = make_penalty([model], "mcp", InputGroups.singletons(6), float)
    by_hand = STRENGTH * 3 * 0.5  # each of the three has phi(t) = gamma / 2
    np.testing.assert_allclose(penalty.value(model_layers(model)), by_hand, rtol=1e-12)
    residual = y - model.predict(X)
    objective = (residual**2).mean() / 2 + by_hand
    np.testing.assert_allclose(model.loss_curve_[-1], objective, rtol=1e-4)


def model_layers(model):
    return [W[None] for W in model.coefs_]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_new_penalty_of_inputs_has_a_path(known_mcp, data, monkeypatch):
    # With no slope above gamma no strength would remove the inputs there.
    monkeypatch.setattr(GroupMCP, "gamma", 5.0)
    X, y = data[0], data[1][:, 0]
    path = feature_path(network("adam", max_iter=300), X, y)
    assert path.n_features_selected[0] == 6
    assert path.n_features_selected[-1] == 0
    assert np.isfinite(path.kkt_residuals).all()
    # The strongest inputs stay longest.
    at_three = path.support[path.n_features_selected == 3]
    assert len(at_three) and (at_three == (EXPECTED != 0)).all()


def test_lbfgs_refuses_inputs_by_name(known_mcp, data):
    with pytest.raises(ValueError, match="feature_alpha=0.3 needs solver='adam'"):
        network("lbfgs").fit(data[0], data[1][:, 0])
    model = model_of(capped_alpha=0.0, feature_alpha=0.3)
    penalty = make_penalty([model], "mcp", InputGroups.singletons(6), float)
    objective = Objective(NETWORK, penalty, *data, np.arange(N_ROWS))
    with pytest.raises(ValueError, match=r"penalty GroupMCP \(feature_alpha\)"):
        lbfgs(objective, model.params, model.progress, max_iter=5, max_fun=50, tol=1e-4)


def test_an_unknown_penalty_of_inputs_raises_by_name(data):
    message = "feature_penalty.*among {'?log_sum'?, '?group_lasso'?}.*Got 'mcp'"
    with pytest.raises(ValueError, match=message):
        network("adam").fit(data[0], data[1][:, 0])
    message = "no feature_penalty='mcp'; there are 'log_sum', 'group_lasso'"
    with pytest.raises(ValueError, match=message):
        make_penalty([model_of()], "mcp", None, float)


def test_each_tangent_of_a_sum_is_at_its_result(known, known_mcp):
    """So that a model's next step does not depend on who has left its batch."""
    models = [model_of(feature_alpha=0.7), model_of(feature_alpha=0.7)]
    penalty = make_penalty(models, "mcp", InputGroups.singletons(6), float)
    layers = [np.full((2, 6, 1), 0.7)]
    steps = [np.ones((1, 1, 1))], np.ones((1, 1))
    penalty.majorize(layers)
    # The inputs' step takes the weights below the cap, after the cap has let them go.
    penalty.prox(layers, *steps)
    assert (np.abs(layers[0]) < THETA).all()
    again = [layers[0].copy()]
    penalty.prox(layers, *steps)
    penalty.majorize(again)
    penalty.prox(again, *steps)
    np.testing.assert_array_equal(layers[0], again[0])
