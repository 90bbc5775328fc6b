"""Penalties of whole inputs: values by hand, the prox by definition, textbook steps."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skreg import MLPClassifier, MLPRegressor
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.optimizers import SGD, Adam
from skreg._core.penalties import (
    ElasticNet,
    GroupLasso,
    GroupLogSum,
    InputGroups,
    PenaltySum,
)
from skreg._fitting.input_groups import parse_feature_groups

# Training ends where the test says, which the estimators warn about.
unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Inputs 1 and 3 together, the others alone; numbered out of order on purpose.
LABELS = [2, 0, 1, 0, 3]
# Of each group, from its definition.
MEMBERS = [[1, 3], [2], [0], [4]]
SIZES = np.array([2, 1, 1, 1])


def group_norms(W):
    """Of one model's first layer, a plain loop."""
    return np.array([np.sqrt((W[members] ** 2).sum()) for members in MEMBERS])


def log_sum(norms, epsilon):
    return epsilon * np.log(1 + norms / epsilon)


@pytest.fixture
def W():
    W = np.random.default_rng(0).normal(size=(3, 5, 4))
    W[1, 4] = 0
    return W


@pytest.fixture
def groups():
    return InputGroups(LABELS)


# -- groups ----------------------------------------------------------------------------


def test_groups_sum_and_spread(groups):
    values = np.array([[1.0, 2, 4, 8, 16], [0, 1, 0, 1, 5]])
    np.testing.assert_array_equal(groups.sizes, SIZES)
    np.testing.assert_array_equal(groups.sum(values), [[10, 4, 1, 16], [2, 0, 0, 5]])
    np.testing.assert_array_equal(
        groups.spread(np.array([[1, 2, 3, 4]])), [[3, 1, 2, 1, 4]]
    )
    np.testing.assert_array_equal(groups.first, [1, 2, 0, 4])


@pytest.mark.parametrize("labels", [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
def test_groups_of_one_input_each_are_in_the_order_of_their_labels(labels):
    groups, rows = InputGroups(labels), np.argsort(labels)
    values = np.array([[1.0, 2.0, 4.0]])
    np.testing.assert_array_equal(groups.sum(values), values[:, rows])
    np.testing.assert_array_equal(groups.spread(values), values[:, labels])
    np.testing.assert_array_equal(groups.first, rows)


def test_group_norms_are_frobenius_norms(W, groups):
    expected = [group_norms(w) for w in W]
    np.testing.assert_allclose(groups.norms(W), expected, rtol=1e-14)


def parsed(feature_groups, n_features=5, names=None):
    """The partition as a set of sets."""
    X = np.empty((0, n_features))
    groups = parse_feature_groups(feature_groups, X, names)
    assert sorted(np.unique(groups.labels)) == list(range(groups.n_groups))
    return {
        frozenset(np.flatnonzero(groups.labels == g)) for g in range(groups.n_groups)
    }


PARTITION = {frozenset({0, 3}), frozenset({1}), frozenset({2, 4})}


@pytest.mark.parametrize(
    "feature_groups",
    [
        ["a", "b", "c", "a", "c"],
        np.array([7, 0, 3, 7, 3]),
        [[0, 3], [2, 4]],
        [[4, 2], [1], [3, 0]],
        [(-5, -2), (-1, -3)],
        [np.array([0, 3]), range(2, 5, 2)],
        [["height", "width"], ["age", "size"]],
        [["width", 0], [2, "size"]],
    ],
    ids=str,
)
def test_every_way_to_describe_a_partition(feature_groups):
    names = np.array(["height", "x", "age", "width", "size"], dtype=object)
    assert parsed(feature_groups, names=names) == PARTITION


def test_no_groups_are_groups_of_one():
    assert parsed(None, 3) == parsed([], 3) == {frozenset({j}) for j in range(3)}


@pytest.mark.parametrize(
    "feature_groups, message",
    [
        (["a", "b"], "2 labels for 5 columns"),
        ([[0, 1], [1, 2]], "overlap: column 1 is in entries 0 and 1"),
        ([[0, 0]], "overlap: column 0"),
        ([[0, -5]], "overlap: column -5"),
        ([[0], []], "none of them empty; entry 1"),
        ([[0], 1], "lists of columns.*entry 1 is 1"),
        ([[0, 5]], "column 5, but X has 5 columns"),
        ([["nowhere"]], "column 'nowhere', which X does not have: X has no column"),
        ([[0.5]], "by number or name, got column 0.5"),
        ([[True]], "got column True"),
    ],
    ids=str,
)
def test_what_is_no_partition(feature_groups, message):
    with pytest.raises(ValueError, match=message):
        parse_feature_groups(feature_groups, np.empty((0, 5)))
    X = np.random.default_rng(0).normal(size=(20, 5))
    network = MLPRegressor((3,), feature_alpha=0.1, feature_groups=feature_groups)
    with pytest.raises(ValueError, match=message):
        network.fit(X, X[:, 0])


# -- values and slopes -----------------------------------------------------------------


def test_value_of_the_group_lasso_by_hand(groups):
    # Norms 5 (columns 1 and 3), 2, 0, 13; the root of the first group's size is
    # the square root of 2.
    W = np.zeros((2, 5, 2))
    W[:, 1, 0], W[:, 3, 1], W[:, 2, 0], W[:, 4] = 3, 4, -2, (5, -12)
    penalty = GroupLasso([0.5, 0.0], groups, float)
    by_hand = 0.5 * (np.sqrt(2) * 5 + 2 + 13)
    np.testing.assert_allclose(penalty.value([W]), [by_hand, 0], rtol=1e-14)


def test_value_of_the_log_sum_by_hand(W, groups):
    penalty = GroupLogSum([0.5, 2.0, 0.0], groups, float, [0.1, 3.0, 1.0])
    by_hand = [
        alpha * (np.sqrt(SIZES) * log_sum(group_norms(w), epsilon)).sum()
        for w, alpha, epsilon in zip(W, [0.5, 2.0, 0.0], [0.1, 3.0, 1.0], strict=True)
    ]
    np.testing.assert_allclose(penalty.value([W]), by_hand, rtol=1e-13)


@pytest.mark.parametrize("epsilon", [1e-3, 0.1, 10.0])
def test_the_log_sums_slope_is_its_derivative_and_one_at_zero(groups, epsilon):
    penalty = GroupLogSum([1.0], groups, float, [epsilon])
    norms = np.array([[1e-4, 0.01, 1.0, 30.0]])
    h = 1e-6 * norms
    difference = (penalty.phi(norms + h) - penalty.phi(norms - h)) / (2 * h)
    np.testing.assert_allclose(penalty.slope(norms), difference, rtol=1e-4)
    np.testing.assert_array_equal(penalty.slope(np.zeros((1, 4))), 1)
    # So small norms are penalized as by the group lasso, large ones almost not.
    assert (np.diff(penalty.slope(norms)) < 0).all()


def test_the_log_sum_tends_to_the_group_lasso_as_epsilon_grows(W, groups):
    lasso = GroupLasso([0.7] * 3, groups, float)
    distances = []
    for epsilon in (1.0, 1e2, 1e4, 1e6):
        penalty = GroupLogSum([0.7] * 3, groups, float, [epsilon] * 3)
        distances.append(np.abs(penalty.value([W]) - lasso.value([W])).max())
    ratios = np.array(distances[1:]) / distances[:-1]
    np.testing.assert_allclose(ratios[1:], 1e-2, rtol=0.05)
    assert distances[-1] < 1e-4


def test_the_tangent_lies_above_the_log_sum_and_touches_it(W, groups):
    penalty = GroupLogSum([1.0] * 3, groups, float, [0.2] * 3)
    penalty.majorize([W])
    norms, elsewhere = groups.norms(W), np.linspace(0, 5, 50)
    for norm, slope in zip(norms.ravel(), penalty._slopes.ravel(), strict=True):
        tangent = log_sum(norm, 0.2) + slope * (elsewhere - norm)
        assert (tangent >= log_sum(elsewhere, 0.2) - 1e-12).all()


# -- the proximal step -----------------------------------------------------------------


def assert_minimizes(x, function, rng, n_tries=300):
    """That no perturbation of x of any size lowers a convex function."""
    at_x = function(x)
    for scale in (1e-1, 1e-3, 1e-5):
        for _ in range(n_tries):
            y = x + scale * rng.normal(size=x.shape) * rng.integers(2, size=x.shape)
            assert function(y) >= at_x - 1e-13
    best = minimize(lambda v: function(v.reshape(x.shape)), x.ravel(), method="Powell")
    assert best.fun >= at_x - 1e-9


@pytest.mark.parametrize("with_l1", [False, True])
@pytest.mark.parametrize("kind", ["group_lasso", "log_sum"])
def test_prox_minimizes_what_defines_it(kind, with_l1, W, groups):
    rng = np.random.default_rng(1)
    feature_alpha = [0.4, 0.8, 0.0]
    inputs = GroupLasso(feature_alpha, groups, float)
    if kind == "log_sum":
        inputs = GroupLogSum(feature_alpha, groups, float, [1.0, 2.0, 1.0])
    l1 = 0.3 if with_l1 else 0.0
    penalty = PenaltySum([ElasticNet([l1, 0.0, l1], [1.0, 1.0, 1.0], float), inputs])
    # The metric is one number a group and model.
    group_steps = rng.uniform(0.3, 3, size=(3, 4))
    steps = np.broadcast_to(groups.spread(group_steps)[:, :, None], W.shape)
    before = W + 0.1 * rng.normal(size=W.shape)
    before[:, 2] *= 0.1
    penalty.majorize([before])
    norms = np.array([group_norms(w) for w in before])
    slopes = 1 / (1 + norms / np.array([[1], [2], [1]]))
    if kind == "group_lasso":
        slopes = np.ones_like(slopes)
    after = before.copy()
    penalty.prox([after], [steps], group_steps)
    n_zero_groups = 0
    for model in range(3):
        model_l1 = l1 if model != 1 else 0.0
        for group, members in enumerate(MEMBERS):
            u, step = before[model, members], group_steps[model, group]
            strength = feature_alpha[model] * np.sqrt(SIZES[group])
            strength *= slopes[model, group]

            def function(x, u=u, step=step, strength=strength, model_l1=model_l1):
                return (
                    ((x - u) ** 2).sum() / (2 * step)
                    + model_l1 * np.abs(x).sum()
                    + strength * np.sqrt((x**2).sum())
                )

            assert_minimizes(after[model, members], function, rng, 40)
            n_zero_groups += not after[model, members].any()
    assert 0 < n_zero_groups < 12


def test_a_removed_group_is_exactly_zero_and_others_keep_their_direction(W, groups):
    penalty = GroupLasso([1.0] * 3, groups, float)
    penalty.majorize([W])
    norms = groups.norms(W)
    step = norms[:, [0]] * 0.9 / np.sqrt(2)
    after = W.copy()
    penalty.prox([after], None, step)
    left = np.maximum(0, 1 - step * np.sqrt(SIZES) / np.maximum(norms, 1e-300))
    np.testing.assert_allclose(after, groups.spread(left)[:, :, None] * W, atol=1e-14)
    assert (after == 0).all(axis=2).any() and after[:, [1, 3]].all()
    assert not after[
        np.broadcast_to(groups.spread(left)[:, :, None] == 0, W.shape)
    ].any()


def test_a_model_without_the_penalty_is_not_touched(W, groups):
    penalty = GroupLogSum([0.0, 1.0, 0.0], groups, float, [1.0] * 3)
    penalty.majorize([W])
    after = W.copy()
    penalty.prox([after], None, np.full((3, 1), 0.5))
    np.testing.assert_array_equal(after[[0, 2]], W[[0, 2]])
    assert (after[1] != W[1]).any()


@pytest.mark.parametrize("kind", [GroupLasso, GroupLogSum])
def test_residual_is_zero_where_a_proximal_step_stays(kind, groups):
    # x = prox(x - g): stationary; so the residual there must vanish, and not elsewhere.
    rng = np.random.default_rng(2)
    W, gradient = rng.normal(size=(2, 1, 5, 4))
    settings = () if kind is GroupLasso else ([1e3],)
    inputs = kind([0.8], groups, float, *settings)
    penalty = PenaltySum([ElasticNet([0.2], [1.0], float), inputs])
    x = W - gradient
    x[:, 2] *= 0.01
    for _ in range(400):
        # The fixed point for the smooth part |x - target|^2 / 2.
        target = W.copy()
        target[:, 2] *= 0.05
        penalty.majorize([x])
        x = x - 0.3 * (x - target)
        penalty.prox([x], [np.full((1, 1, 1), 0.3)], np.full((1, 1), 0.3))
    assert (x == 0).all(axis=2).any() and (x == 0).sum() > 4 and x.any()
    (at_rest,) = penalty.subdifferential_distance([x], [x - target])
    assert np.abs(at_rest).max() < 1e-12
    (elsewhere,) = penalty.subdifferential_distance([x + 0.1], [x + 0.1 - target])
    assert np.abs(elsewhere).max() > 0.05


def test_residual_by_hand(groups):
    W, G = np.zeros((1, 5, 1)), np.zeros((1, 5, 1))
    W[0, 4], G[0, 4] = -2.0, 0.3  # pulled by 0.5 towards zero: 0.5 - 0.3 is left
    G[0, 1], G[0, 3] = 3.0, 4.0  # a norm of 5, of which 0.5 * sqrt(2) is held
    G[0, 2] = 0.4  # held
    inputs = GroupLasso([0.5], groups, float)
    penalty = PenaltySum([ElasticNet([0.0], [0.0], float), inputs])
    (distance,) = penalty.subdifferential_distance([W], [G])
    norms = groups.norms(distance)[0]
    np.testing.assert_allclose(norms, [5 - 0.5 * np.sqrt(2), 0, 0, 0.2], atol=1e-14)


def test_keep_forgets_models(W, groups):
    inputs = GroupLogSum([0.1, 0.2, 0.3], groups, float, [1.0, 2.0, 3.0])
    penalty = PenaltySum([ElasticNet([0.1, 0.2, 0.3], [0.0, 0.5, 1.0], float), inputs])
    expected = penalty.value([W])[[0, 2]]
    penalty.majorize([W])
    penalty.keep(np.array([0, 2]))
    np.testing.assert_array_equal(penalty.value([W[[0, 2]]]), expected)
    after = W[[0, 2]].copy()
    penalty.majorize([after])
    steps = np.full((1, 1, 1), 0.5)
    penalty.prox([after], [steps], steps[:, :, 0])
    assert np.isfinite(after).all()


# -- the optimizers' steps -------------------------------------------------------------


class TextbookTiedAdam:
    """One model, one hidden layer: one second moment a group, then the group's prox."""

    def __init__(self, rate, alpha, l1_ratio, feature_alpha, epsilon):
        self.rate, self.alpha, self.l1_ratio = rate, alpha, l1_ratio
        self.feature_alpha, self.epsilon = feature_alpha, epsilon
        self.m = self.v = None
        self.t = 0

    def step(self, layers, gradients):
        """`layers` are W1, b1, W2, b2."""
        if self.m is None:
            self.m = [np.zeros_like(w) for w in layers]
            self.v = [np.zeros_like(w) for w in layers]
        self.t += 1
        norms = group_norms(layers[0])
        new = []
        for k, (w, g) in enumerate(zip(layers, gradients, strict=True)):
            is_weight = k in (0, 2)
            if is_weight:
                g = g + self.alpha * (1 - self.l1_ratio) * w
            squares = g**2
            if k == 0 and self.feature_alpha > 0:
                squares = squares.copy()
                for members in MEMBERS:
                    squares[members] = (g[members] ** 2).mean()
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.999 * self.v[k] + 0.001 * squares
            root = np.sqrt(1 - 0.999**self.t)
            D = np.sqrt(self.v[k]) + 1e-8
            u = w - self.rate * root / (1 - 0.9**self.t) * self.m[k] / D
            step = self.rate * root / D
            if is_weight:
                threshold = step * self.alpha * self.l1_ratio
                u = np.sign(u) * np.maximum(np.abs(u) - threshold, 0)
            if k == 0 and self.feature_alpha > 0:
                for members, norm in zip(MEMBERS, norms, strict=True):
                    t = step[members[0], 0] * self.feature_alpha
                    t *= np.sqrt(len(members)) / (1 + norm / self.epsilon)
                    size = np.sqrt((u[members] ** 2).sum())
                    u[members] *= max(0, 1 - t / size) if size > 0 else 0
            new.append(u)
        return new


ALPHA, L1_RATIO = [0.01, 0.1, 0.01, 0.0], [0.0, 0.5, 0.3, 0.0]
FEATURE_ALPHA, EPSILON = [0.0, 0.5, 2.0, 1.0], [1.0, 1.0, 0.1, 0.5]


def make_batch(network, groups, dtype=float):
    inputs = GroupLogSum(FEATURE_ALPHA, groups, dtype, EPSILON)
    return PenaltySum([ElasticNet(ALPHA, L1_RATIO, dtype), inputs])


def quadratic(network):
    """Gradients that pull towards a target where some inputs count for little."""
    rng = np.random.default_rng(3)
    target = rng.normal(size=(1, network.n_params))
    first = network.weights(target)[0]
    first[:, [0, 1, 3]] *= 0.1
    noise = rng.normal(size=(30, network.n_params))
    return lambda step, params: params - target + 0.1 * noise[step % 30]


def step_with(optimizer, gradients):
    scale = optimizer.begin_step()
    optimizer.gradients[...] = scale * gradients
    optimizer.end_step()


def layers_of(network, row):
    coefs, intercepts = network.unpack(row)
    return [coefs[0], intercepts[0], coefs[1], intercepts[1]]


def test_adam_with_tied_moments_is_the_textbooks(groups):
    network = Network((5, 4, 2), "relu", SquaredError())
    penalty = make_batch(network, groups)
    params = np.random.default_rng(4).normal(size=(4, network.n_params))
    models = [layers_of(network, row) for row in params]
    books = [
        TextbookTiedAdam(0.05, *settings)
        for settings in zip(ALPHA, L1_RATIO, FEATURE_ALPHA, EPSILON, strict=True)
    ]
    optimizer = Adam(
        network, penalty, params, [0.05] * 4, beta_1=[0.9] * 4, beta_2=[0.999] * 4,
        epsilon=[1e-8] * 4,
    )  # fmt: skip
    gradient_of = quadratic(network)
    for step in range(150):
        step_with(optimizer, gradient_of(step, optimizer.params))
        for k, book in enumerate(books):
            row = network.pack(models[k][::2], models[k][1::2], float)
            gradient = layers_of(network, gradient_of(step, row[None])[0])
            models[k] = book.step(models[k], gradient)
    expected = [network.pack(model[::2], model[1::2], float) for model in models]
    np.testing.assert_allclose(optimizer.params, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(optimizer.params == 0, np.array(expected) == 0)
    n_removed = [(model[0] == 0).all(axis=1).sum() for model in models]
    assert n_removed[0] == 0 and max(n_removed) > 0


def test_sgds_threshold_is_that_of_the_whole_movement(groups):
    # A gradient that the penalty just holds at zero for a step of rate / (1 - momentum)
    # must be held in the long run, too, and one a little above must not.
    network = Network((5, 1), "identity", SquaredError())
    for factor, stays in ((0.95, True), (1.05, False)):
        inputs = GroupLasso([1.0], groups, float)
        penalty = PenaltySum([ElasticNet([0.0], [0.0], float), inputs])
        params = np.zeros((1, network.n_params))
        optimizer = SGD(
            network, penalty, params, [0.01], momentum=[0.9], nesterovs_momentum=True
        )
        gradient = np.zeros((1, network.n_params))
        gradient[0, 2] = -factor
        for _ in range(300):
            step_with(optimizer, gradient)
        assert (optimizer.params[0, 2] == 0) == stays


def test_tie_replaces_moments_by_their_means(groups):
    network = Network((5, 4, 2), "relu", SquaredError())
    params = np.random.default_rng(5).normal(size=(2, network.n_params))
    plain = Adam(
        network, ElasticNet([0.1] * 2, [0.0] * 2, float), params.copy(), [0.01] * 2,
        beta_1=[0.9] * 2, beta_2=[0.999] * 2, epsilon=[1e-8] * 2,
    )  # fmt: skip
    gradient_of = quadratic(network)
    for step in range(5):
        step_with(plain, gradient_of(step, plain.params))
    states = [plain.export_state(model) for model in range(2)]
    inputs = GroupLasso([0.3, 0.0], groups, float)
    tied = Adam(
        network, PenaltySum([ElasticNet([0.1] * 2, [0.0] * 2, float), inputs]),
        plain.params.copy(), [0.01] * 2, beta_1=[0.9] * 2, beta_2=[0.999] * 2,
        epsilon=[1e-8] * 2,
    )  # fmt: skip
    tied.import_states(states)
    before = [network.unpack(state["_V"])[0] for state in states]
    after = [network.unpack(tied.export_state(k)["_V"])[0] for k in range(2)]
    for members in MEMBERS:
        mean = before[0][0][members].mean()
        np.testing.assert_allclose(after[0][0][members], mean, rtol=1e-12)
    np.testing.assert_array_equal(after[0][1], before[0][1])
    # The model without the penalty keeps its own.
    np.testing.assert_array_equal(after[1][0], before[1][0])


# -- in the estimators -----------------------------------------------------------------


def make_problem(n_rows=200, seed=0):
    """Two inputs matter, in one of two one-hot like pairs; the rest is noise."""
    X = np.random.default_rng(seed).normal(size=(n_rows, 6))
    return X, np.sin(2 * X[:, 0]) + X[:, 1]


@pytest.mark.both_engines
@unfinished
@pytest.mark.parametrize("solver", ["adam", "sgd", "fista"])
@pytest.mark.parametrize("kind", ["log_sum", "group_lasso"])
def test_zeros_of_a_fit_are_exact_and_whole_inputs(solver, kind):
    X, y = make_problem()
    network = MLPRegressor(
        (8,), activation="tanh", solver=solver, feature_penalty=kind, alpha=1e-3,
        feature_alpha=0.05, max_iter=100, learning_rate_init=0.01, n_iter_no_change=200,
        batch_size=50, random_state=0,
    )  # fmt: skip
    if kind == "log_sum":
        network.set_params(feature_alpha=0.3, feature_epsilon=0.05)
    network.fit(X, y)
    W = network.coefs_[0]
    assert network.support_.tolist() == [True, True] + [False] * 4
    np.testing.assert_array_equal(network.support_, (W != 0).all(axis=1))
    np.testing.assert_array_equal(W[~network.support_], 0)
    assert network.n_features_selected_ == 2
    np.testing.assert_allclose(
        network.feature_importances_, np.linalg.norm(W, axis=1), rtol=1e-14
    )
    assert (network.feature_importances_[2:] == 0.0).all()


@pytest.mark.both_engines
@unfinished
@pytest.mark.parametrize("solver", ["adam", "fista"])
def test_groups_leave_whole_and_the_order_of_columns_is_irrelevant(solver):
    X, y = make_problem()
    order = np.array([3, 1, 5, 0, 2, 4])
    # Columns 0 and 3 belong together, 2 and 5 too.
    labels = np.array(["a", "b", "c", "a", "d", "c"])
    network = MLPRegressor(
        (), solver=solver, feature_alpha=0.12, feature_penalty="group_lasso",
        alpha=1e-3, max_iter=300, tol=1e-7, learning_rate_init=0.01,
        n_iter_no_change=300,
        batch_size=len(X), random_state=0,
    )  # fmt: skip
    here = network.set_params(feature_groups=labels).fit(X, y).coefs_[0]
    network.set_params(feature_groups=labels[order])
    there = network.fit(X[:, order], y).coefs_[0]
    # Another start, hence not bitwise.
    np.testing.assert_allclose(there, here[order], atol=2e-3)
    np.testing.assert_array_equal(there == 0, here[order] == 0)
    support = here.any(axis=1)
    assert support[0] == support[3] and support[2] == support[5]
    assert support[0] and not support[2] and not support[4]


@unfinished
def test_one_hot_columns_of_a_dataframe_by_name():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    city, color = rng.integers(3, size=300), rng.integers(3, size=300)
    age = rng.normal(size=300)
    X = pd.DataFrame({f"city_{k}": (city == k) * 1.0 for k in range(3)})
    X["age"] = age
    for k in range(3):
        X[f"color_{k}"] = (color == k) * 1.0
    y = np.where((city == 1) ^ (age > 0), "yes", "no")
    groups = [[f"{name}_{k}" for k in range(3)] for name in ("color", "city")]
    network = MLPClassifier(
        (10,), feature_alpha=0.05, feature_epsilon=0.05, feature_groups=groups,
        alpha=1e-3, learning_rate_init=0.02, max_iter=60, random_state=0,
    )  # fmt: skip
    network.fit(X, y)
    assert network.support_.tolist() == [True] * 4 + [False] * 3
    assert network.score(X, y) > 0.9


@pytest.mark.both_engines
@unfinished
def test_feature_alpha_of_zero_changes_nothing():
    X, y = make_problem()
    settings = dict(max_iter=5, n_iter_no_change=9, random_state=0)
    plain = MLPRegressor((5,), **settings).fit(X, y)
    network = MLPRegressor(
        (5,), feature_penalty="group_lasso", feature_groups=[[0, 1]],
        feature_epsilon=2.0, **settings,
    ).fit(X, y)  # fmt: skip
    for ours, expected in zip(network.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(ours, expected)
