"""The path from all inputs to none, and `fit` with a feature penalty along it."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import (
    NETWORK,
    make_data,
    objective_of,
    residual_by_definition,
    updates_per_point,
)
from scipy import sparse

from skreg import MLPClassifier, MLPRegressor
from skreg._core.penalties import InputGroups
from skreg._fitting import sparse_path
from skreg._fitting.fit import fit_many, task_of
from skreg.feature_selection import _path as path_module
from skreg.feature_selection import feature_path
from skreg.feature_selection._path import point_of, trace_paths

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# These problems are small.
quick_paths = updates_per_point(40)


@pytest.fixture(scope="module")
def path(quick_paths):
    X, y = make_data()
    X_val, y_val = make_data(80, seed=1)
    network = MLPClassifier(**NETWORK)
    return feature_path(network, X, y, X_val=X_val, y_val=y_val)


# -- the path as data ------------------------------------------------------------------


def test_of_inputs_that_leave_together_the_heavier_ranks_before(monkeypatch):
    layers = [np.diag([5.0, 1.0, 2.0, 3.0]), np.diag([1.0, 0.0, 4.0, 0.0]), None]
    supports = [[True] * 4, [True, False, True, False], [False] * 4]
    outcome = SimpleNamespace(network=SimpleNamespace(owners=None))
    points = [
        SimpleNamespace(support=np.array(support), W=W, outcome=outcome)
        for support, W in zip(supports, layers, strict=True)
    ]
    monkeypatch.setattr(path_module, "_first_layer", lambda point: point.W)
    ranking = path_module.rank_features(points, InputGroups.singletons(4))
    # 1 and 3 are gone at the second point, 0 and 2 at the third.
    assert ranking.tolist() == [2, 4, 1, 3]


def test_the_path_goes_from_all_inputs_to_none(path):
    n_points = len(path.feature_alphas)
    assert path.support.shape == (n_points, 10) and path.support.dtype == bool
    assert path.feature_alphas[0] == 0 and (np.diff(path.feature_alphas) > 0).all()
    sizes = path.n_features_selected
    np.testing.assert_array_equal(sizes, path.support.sum(axis=1))
    assert sizes[0] == 10 and sizes[-1] == 0 and (sizes[:-1] > 0).all()
    # What is gone does not come back.
    assert not (path.support[1:] & ~path.support[:-1]).any()
    # Steps are small where inputs go: a fifth of them, or one.
    assert np.diff(sizes)[:-1].min() >= -2
    for name in ("train_scores", "validation_scores", "kkt_residuals"):
        assert getattr(path, name).shape == (n_points,)
        assert np.isfinite(getattr(path, name)).all()


def test_supports_are_those_of_the_exact_zeros(path):
    for coefs, support in zip(path.coefs, path.support, strict=True):
        np.testing.assert_array_equal(coefs[0].any(axis=1), support)
        assert (coefs[0][~support] == 0).all()
        assert coefs[0].shape == (10, 12) and coefs[1].shape == (12, 1)


def test_the_inputs_that_matter_stay_longest(path):
    assert set(path.ranking[:2]) == {1, 2}
    assert sorted(path.ranking) == list(range(1, 11))
    assert path.support[path.point_of(2)].tolist() == [True] * 2 + [False] * 8
    assert path.validation_scores[path.point_of(2)] > 0.7
    # Those that leave earlier have the higher rank.
    lifetimes = path.support.sum(axis=0)
    assert (np.diff(lifetimes[np.argsort(path.ranking)]) <= 0).all()


def test_point_of_is_the_first_with_the_largest_support_not_above():
    sizes = [9, 9, 7, 4, 4, 2, 0]
    assert [point_of(sizes, k) for k in (20, 9, 8, 6, 4, 3, 1, 0)] == [
        0, 0, 2, 3, 3, 5, 6, 6,
    ]  # fmt: skip


def test_scores_are_those_of_networks_with_these_weights(path):
    X, y = make_data()
    X_val, y_val = make_data(80, seed=1)
    model = MLPClassifier(**NETWORK).fit(X, y)
    for point in (0, len(path.coefs) // 2, len(path.coefs) - 1):
        model.coefs_, model.intercepts_ = path.coefs[point], path.intercepts[point]
        assert model.score(X, y) == path.train_scores[point]
        assert model.score(X_val, y_val) == path.validation_scores[point]


def test_scoring_may_be_another():
    X, y = make_data()
    network = MLPClassifier(**NETWORK)
    by_loss = feature_path(network, X, y, X_val=X, y_val=y, scoring="neg_log_loss")
    np.testing.assert_array_equal(by_loss.train_scores, by_loss.validation_scores)
    assert (by_loss.train_scores < 0).all()
    assert feature_path(network, X, y).validation_scores is None


def test_the_first_point_is_the_dense_fit(path):
    X, y = make_data()
    dense = MLPClassifier(**NETWORK).fit(X, y)
    for ours, expected in zip(path.coefs[0], dense.coefs_, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_residuals_are_those_of_the_objective_at_the_point(path):
    X, y = make_data()
    point = path.point_of(4)
    model = MLPClassifier(**NETWORK).fit(X, y)
    epsilon = 1e-3 * np.linalg.norm(model.coefs_[0], axis=1).mean()
    model.set_params(feature_alpha=path.feature_alphas[point], feature_epsilon=epsilon)
    model.coefs_, model.intercepts_ = path.coefs[point], path.intercepts[point]
    residual = residual_by_definition(model, *objective_of(model, X, y))
    np.testing.assert_allclose(path.kkt_residuals[point], residual, rtol=1e-6)


def test_a_path_is_reproducible_and_depends_on_its_seed():
    X, y = make_data()
    one, other, third = (
        feature_path(MLPClassifier(**NETWORK | {"random_state": seed}), X, y)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.feature_alphas, other.feature_alphas)
    for ours, same in zip(one.coefs, other.coefs, strict=True):
        np.testing.assert_array_equal(ours[0], same[0])
    assert not np.array_equal(one.coefs[0][0], third.coefs[0][0])


def test_the_estimator_and_its_data_are_not_changed():
    X, y = make_data()
    before = X.copy()
    network = MLPClassifier(**NETWORK, feature_alpha=0.5, early_stopping=True)
    params = network.get_params()
    path = feature_path(network, X, y)
    assert network.get_params() == params and not hasattr(network, "coefs_")
    np.testing.assert_array_equal(X, before)
    # Neither of the two parameters counts.
    plain = feature_path(MLPClassifier(**NETWORK), X, y)
    np.testing.assert_array_equal(path.coefs[-2][0], plain.coefs[-2][0])


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "kind, settings",
    [
        (MLPRegressor, {}),
        (MLPRegressor, {"loss": "poisson"}),
        (MLPRegressor, {"hidden_layer_sizes": (8, 6)}),
        (MLPRegressor, {"hidden_layer_sizes": (), "alpha": 0.0}),
        (MLPClassifier, {"solver": "sgd", "learning_rate_init": 0.05}),
        (MLPClassifier, {"solver": "fista", "activation": "tanh"}),
        (MLPClassifier, {"feature_penalty": "group_lasso"}),
        (MLPClassifier, {"dropout": 0.2}),
        (MLPClassifier, {"l1_ratio": 0.5}),
        (MLPClassifier, {"class_weight": "balanced"}),
        (MLPClassifier, {"feature_epsilon": 0.05}),
        (MLPClassifier, {"hidden_layer_sizes": (), "solver": "fista"}),
    ],
    ids=str,
)
def test_every_network_ends_without_inputs(kind, settings):
    X, y = make_data()
    if kind is MLPRegressor:
        y = np.exp(0.5 * X[:, 0]) + (y == "yes")
    path = feature_path(kind(**NETWORK | settings), X, y)
    assert path.n_features_selected[[0, -1]].tolist() == [10, 0]
    assert np.isfinite(path.train_scores).all()
    assert path.ranking[0] <= 3


def test_more_than_one_output():
    X, y = make_data()
    three = np.where(X[:, 1] > 0.5, "maybe", y)
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    targets = X[:, :2] + 0.1
    for network, target in (
        (MLPClassifier(**NETWORK), three),
        (MLPClassifier(**NETWORK), labels),
        (MLPRegressor(**NETWORK), targets),
    ):
        path = feature_path(network, X, target)
        assert path.n_features_selected[-1] == 0
        assert set(path.ranking[:2]) == {1, 2}


def test_groups_leave_together():
    X, y = make_data()
    groups = [[0, 9], [2, 3, 4]]
    path = feature_path(MLPClassifier(**NETWORK, feature_groups=groups), X, y)
    for group in groups:
        columns = path.support[:, group]
        np.testing.assert_array_equal(columns, np.repeat(columns[:, :1], len(group), 1))
        ranks = np.sort(path.ranking[group])
        np.testing.assert_array_equal(np.diff(ranks), 1)
    assert set(path.ranking[[0, 1, 9]]) == {1, 2, 3}


def test_the_penalty_of_groups_begins_by_the_root_of_their_size():
    X, y = make_data()
    # The weights of constant columns have no gradient, and make groups larger.
    X = np.column_stack([X, np.zeros_like(X)])
    firsts = []
    for groups in ([range(10, 20)], [[column, column + 10] for column in range(10)]):
        network = MLPClassifier(**NETWORK, feature_groups=groups)
        path = feature_path(network, X, y)
        firsts.append(path.feature_alphas[1])
    np.testing.assert_allclose(firsts[1], firsts[0] / np.sqrt(2))


def test_groups_by_name_outlive_the_columns_that_leave():
    pd = pytest.importorskip("pandas")
    X, y = make_data()
    X = pd.DataFrame(X, columns=[f"x{j}" for j in range(10)])
    network = MLPClassifier(**NETWORK, feature_groups=[["x0", "x9"]])
    path = feature_path(network, X, y, X_val=X, y_val=y)
    assert (path.support[:, 0] == path.support[:, 9]).all()
    np.testing.assert_array_equal(path.train_scores, path.validation_scores)


def test_float32_stays_float32():
    X, y = make_data(dtype=np.float32)
    path = feature_path(MLPClassifier(**NETWORK), X, y)
    arrays = [a for lists in (path.coefs, path.intercepts) for p in lists for a in p]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert path.n_features_selected[-1] == 0


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix])
def test_sparse_input(container, path):
    X, y = make_data()
    ours = feature_path(MLPClassifier(**NETWORK), container(X), y)
    # Sums are in another order, so the last points may differ.
    np.testing.assert_allclose(ours.feature_alphas[:3], path.feature_alphas[:3])
    np.testing.assert_allclose(ours.coefs[2][0], path.coefs[2][0], atol=1e-8)
    assert ours.n_features_selected[-1] == 0
    assert set(ours.ranking[:2]) == {1, 2}


def test_sample_weight_counts():
    X, y = make_data()
    # Rows of weight zero say that the third input is all that matters.
    X_all = np.vstack([X, X])
    y_all = np.concatenate([y, np.where(X[:, 2] > 0, "yes", "no")])
    weight = np.repeat([1.0, 0.0], len(X))
    path = feature_path(MLPClassifier(**NETWORK), X_all, y_all, sample_weight=weight)
    assert set(path.ranking[:2]) == {1, 2}
    other = feature_path(
        MLPClassifier(**NETWORK), X_all, y_all, sample_weight=1 - weight
    )
    assert other.ranking[2] == 1


def test_rows_without_weight_change_no_point():
    """Nor the values of the penalty and the residuals, up to rounding."""
    X, y = make_data()
    other, other_y = make_data(100, seed=3)
    settings = NETWORK | {"hidden_layer_sizes": (4,), "activation": "tanh"}
    network = MLPClassifier(**settings, solver="fista")
    X_all, y_all = np.vstack([X, 5 * other]), np.concatenate([y, other_y])
    weight = np.repeat([2.0, 0.0], [len(X), len(other)])
    ours = feature_path(network, X_all, y_all, sample_weight=weight)
    expected = feature_path(network, X, y)
    np.testing.assert_allclose(
        ours.feature_alphas[:3], expected.feature_alphas[:3], rtol=1e-6
    )
    np.testing.assert_allclose(
        ours.kkt_residuals[:2], expected.kkt_residuals[:2], rtol=1e-3
    )


def test_weights_count_in_scores_and_residuals_as_repeated_rows_do():
    X, y = make_data()
    n_times = np.random.default_rng(0).integers(3, size=160)
    network = MLPClassifier(**NETWORK | {"max_iter": 5})
    path = feature_path(network, X, y, sample_weight=n_times.astype(float))
    rows = np.repeat(np.arange(160), n_times)
    X, y = X[rows], y[rows]
    model = MLPClassifier(**NETWORK | {"max_iter": 5}).fit(X, y)
    epsilon = 1e-3 * np.linalg.norm(path.coefs[0][0], axis=1).mean()
    for point in (1, path.point_of(4)):
        alpha = path.feature_alphas[point]
        model.set_params(feature_alpha=alpha, feature_epsilon=epsilon)
        model.coefs_, model.intercepts_ = path.coefs[point], path.intercepts[point]
        assert path.train_scores[point] == pytest.approx(model.score(X, y))
        residual = residual_by_definition(model, *objective_of(model, X, y))
        np.testing.assert_allclose(path.kkt_residuals[point], residual, rtol=1e-6)


# -- many paths side by side -----------------------------------------------------------


@pytest.mark.both_engines
def test_a_batch_of_paths_equals_each_alone(monkeypatch):
    X, y = make_data()
    codes = np.unique(y, return_inverse=True)[1].astype(float)
    rng = np.random.default_rng(0)
    tasks = []
    for k in range(5):
        settings = {"random_state": k, "alpha": 10.0 ** -(2 + k % 3)}
        rows = np.sort(rng.permutation(160)[:120])
        tasks.append(task_of(MLPRegressor(**NETWORK | settings), rows=rows))
    widths = []
    train = sparse_path._columns

    def columns(X, inputs):
        widths.append(len(inputs))
        return train(X, inputs)

    monkeypatch.setattr(sparse_path, "_columns", columns)
    together = trace_paths(tasks, X, codes)
    # Columns that all have lost leave the computation.
    assert len(widths) >= 2 and (np.diff(widths) < 0).all() and widths[-1] <= 3
    for task, points in zip(tasks, together, strict=True):
        (alone,) = trace_paths([task], X, codes)
        assert len(points) == len(alone)
        for ours, expected in zip(points, alone, strict=True):
            np.testing.assert_allclose(ours.feature_alpha, expected.feature_alpha)
            np.testing.assert_array_equal(ours.support, expected.support)
            np.testing.assert_allclose(
                ours.outcome.state.params,
                expected.outcome.state.params,
                rtol=1e-7,
                atol=1e-9,
            )


@pytest.mark.both_engines
def test_leaving_columns_change_nothing(monkeypatch, path):
    X, y = make_data()
    start = sparse_path._Trail.__init__

    def start_with_all_columns(trail, *args):
        start(trail, *args)
        trail.needs_all_columns = True

    monkeypatch.setattr(sparse_path._Trail, "__init__", start_with_all_columns)
    monkeypatch.setattr(sparse_path, "_columns", lambda X, inputs: 1 / 0)
    whole = feature_path(MLPClassifier(**NETWORK), X, y)
    np.testing.assert_array_equal(whole.support, path.support)
    np.testing.assert_allclose(whole.coefs[-2][0], path.coefs[-2][0], atol=1e-8)


@pytest.mark.parametrize(
    "params", [{"feature_penalty": "group_lasso"}, {"feature_epsilon": 1.0}], ids=str
)
def test_where_inputs_may_come_back_no_column_leaves(params, monkeypatch):
    monkeypatch.setattr(sparse_path, "_columns", lambda X, inputs: 1 / 0)
    support = feature_path(MLPClassifier(**NETWORK, **params), *make_data()).support
    assert (support[1:] & ~support[:-1]).any()


def test_a_task_that_fails_leaves_its_neighbours_alone():
    X, y = make_data()
    codes = (y == "yes") * 1.0
    X[:50] = 1.0
    network = MLPRegressor(**NETWORK, feature_alpha=0.1)
    good = task_of(network, rows=np.arange(50, 160))
    bad = task_of(network, rows=np.arange(50))
    outcomes = fit_many([good, bad], X, codes)
    assert outcomes[0].error is None
    assert "No input can be selected" in str(outcomes[1].error)
    (alone,) = fit_many([good], X, codes)
    np.testing.assert_allclose(
        outcomes[0].state.params, alone.state.params, rtol=1e-7, atol=1e-9
    )


# -- fit with feature_alpha ------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_fit_is_the_paths_point(solver):
    X, y = make_data()
    settings = NETWORK | {"solver": solver}
    path = feature_path(MLPClassifier(**settings), X, y)
    for point in (path.point_of(5), path.point_of(2)):
        model = MLPClassifier(**settings, feature_alpha=path.feature_alphas[point])
        model.fit(X, y)
        for ours, expected in zip(model.coefs_, path.coefs[point], strict=True):
            np.testing.assert_array_equal(ours, expected)
        np.testing.assert_array_equal(model.support_, path.support[point])


def test_fit_between_two_points_is_between_them(path):
    X, y = make_data()
    point = path.point_of(5)
    between = np.sqrt(np.prod(path.feature_alphas[point - 1 : point + 1]))
    model = MLPClassifier(**NETWORK, feature_alpha=between).fit(X, y)
    above, below = path.n_features_selected[point - 1 : point + 1]
    assert below <= model.n_features_selected_ <= above
    assert len(model.loss_curve_) == model.n_iter_ > 30


def test_only_epochs_at_the_final_penalty_may_be_the_best(monkeypatch, path):
    X, y = make_data()
    starts = []
    next_task = sparse_path._Trail.next_task

    def recording(trail, inputs):
        task = next_task(trail, inputs)
        starts.append((task.config.feature_alpha, task.state.progress.n_epochs))
        return task

    monkeypatch.setattr(sparse_path._Trail, "next_task", recording)
    model = MLPClassifier(**NETWORK, early_stopping=True)
    plain = model.fit(X, y)
    plain_best = plain.best_validation_score_
    feature_alpha = path.feature_alphas[path.point_of(2)]
    model.set_params(feature_alpha=feature_alpha).fit(X, y)
    last_alpha, n_before = starts[-1]
    assert last_alpha == feature_alpha and len(starts) > 2
    assert n_before < model.best_iter_ <= model.n_iter_ == len(model.validation_scores_)
    scores = np.array(model.validation_scores_[n_before:])
    assert model.best_validation_score_ == scores.max() != plain_best
    assert model.best_iter_ == n_before + 1 + scores.argmax()
    # The kept parameters are the best epoch's, and those have this penalty's support.
    assert model.n_features_selected_ < 10


def stages_of(monkeypatch, model, X, y):
    """Of each stage of a fit its task and its outcome."""
    tasks, outcomes = [], []
    next_task, advance = sparse_path._Trail.next_task, sparse_path._Trail.advance

    def recording_task(trail, inputs):
        tasks.append(next_task(trail, inputs))
        return tasks[-1]

    def recording_outcome(trail, outcome, inputs):
        outcomes.append(outcome)
        advance(trail, outcome, inputs)

    monkeypatch.setattr(sparse_path._Trail, "next_task", recording_task)
    monkeypatch.setattr(sparse_path._Trail, "advance", recording_outcome)
    model.fit(X, y)
    return tasks, outcomes


def test_a_path_begins_at_the_best_of_its_dense_phase():
    X, y = make_data()
    model = MLPClassifier(**NETWORK | {"learning_rate_init": 0.1}, early_stopping=True)
    (dense,) = fit_many([task_of(model)], X, y)
    task = task_of(model.set_params(feature_alpha=1e-3))
    first = sparse_path._Trail(task, dense, X, y, False).next_task(np.arange(10))
    np.testing.assert_array_equal(first.state.params, dense.state.kept)
    assert not np.array_equal(dense.state.params, dense.state.kept)


def test_a_path_stays_at_its_penalty_until_the_inputs_have_settled(monkeypatch):
    X, y = make_data()
    model = MLPClassifier(**NETWORK, early_stopping=True, feature_alpha=0.01)
    answers = iter([False, False, True])
    monkeypatch.setattr(
        sparse_path._Trail, "_has_settled", lambda *states: next(answers)
    )
    tasks, _ = stages_of(monkeypatch, model, X, y)
    assert [task.config.feature_alpha for task in tasks].count(0.01) == 3


def test_the_stages_of_a_path_have_minibatches_and_epochs_of_their_own(monkeypatch):
    X, y = make_data(500)
    model = MLPClassifier(**NETWORK | {"batch_size": "auto"}, early_stopping=True)
    tasks, _ = stages_of(monkeypatch, model.set_params(feature_alpha=1e-4), X, y)
    assert {task.config.batch_size for task in tasks} == {"auto"}
    # 450 rows are three minibatches, of which 14 times three are the first 40 updates.
    assert tasks[0].max_iter - tasks[0].state.progress.n_epochs == 14


def test_a_full_batch_path_counts_every_epoch_and_every_row_once(monkeypatch):
    X, y = make_data()
    settings = NETWORK | {"hidden_layer_sizes": (4,), "activation": "tanh"}
    model = MLPClassifier(**settings, solver="fista", feature_alpha=0.3)
    tasks, outcomes = stages_of(monkeypatch, model, X, y)
    assert len(tasks) > 2
    assert model.t_ == model.n_iter_ * len(X)
    for task, outcome in zip(tasks, outcomes, strict=True):
        assert outcome.state.progress.n_epochs <= task.max_iter


def test_validation_data_from_outside_serves_the_whole_path(path):
    X, y = make_data()
    X_val, y_val = make_data(80, seed=1)
    model = MLPClassifier(**NETWORK, early_stopping=True)
    model.set_params(feature_alpha=path.feature_alphas[path.point_of(4)])
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert model.support_[:2].all() and model.n_features_selected_ < 10
    assert model.n_features_in_ == 10


def test_warm_start_and_partial_fit_skip_the_dense_phase(monkeypatch, path):
    X, y = make_data()
    strength = path.feature_alphas[path.point_of(4)]
    model = MLPClassifier(**NETWORK, feature_alpha=strength, warm_start=True).fit(X, y)
    n_epochs, support = model.n_iter_, model.support_
    assert 0 < support.sum() < 10

    def no_path(*args, **kwargs):
        raise AssertionError("A path was taken.")
        yield

    monkeypatch.setattr("skreg._fitting.fit.run_paths", no_path)
    model.set_params(max_iter=3).fit(X, y)
    assert model.n_iter_ == n_epochs + 3 or model.n_iter_ == 3
    assert not (model.support_ & ~support).any()
    model.partial_fit(X, y)
    assert not (model.support_ & ~support).any()
    fresh = MLPClassifier(**NETWORK, feature_alpha=strength)
    fresh.partial_fit(X, y, classes=["no", "yes"])
    assert fresh.n_iter_ == 1
    with pytest.raises(AssertionError, match="A path was taken"):
        fresh.fit(X, y)


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"solver": "lbfgs"}, "feature_alpha=.* needs solver='adam', 'sgd' or 'fista'"),
        ({"alpha": 0.0}, "needs alpha > 0 where there is a hidden layer.*come back"),
        ({"feature_groups": [[0, 1], [1]]}, "must not overlap"),
        ({"feature_groups": [["age"]]}, "'age', which X does not have"),
        ({"feature_groups": [0] * 9}, "9 labels for 10 columns"),
        ({"solver": "sgd", "momentum": 1.0}, "momentum"),
        ({"feature_penalty": "scad"}, "feature_penalty"),
        ({"feature_epsilon": 0.0}, "feature_epsilon"),
    ],
    ids=str,
)
def test_what_cannot_be_says_why(settings, message):
    X, y = make_data()
    network = MLPClassifier(**NETWORK | settings)
    with pytest.raises(ValueError, match=message):
        feature_path(network, X, y)
    network.set_params(feature_alpha=0.1)
    with pytest.raises(ValueError, match=message):
        network.fit(X, y)
    assert not hasattr(network, "coefs_")


def test_alpha_may_be_zero_without_hidden_layer():
    X, y = make_data()
    network = MLPClassifier(
        (), alpha=0.0, feature_alpha=0.05, solver="fista", max_iter=2000,
        feature_penalty="group_lasso",
    )  # fmt: skip
    assert 0 < network.fit(X, y).n_features_selected_ < 10


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_constant_inputs_cannot_be_selected(kind):
    _, y = make_data()
    y = y if kind is MLPClassifier else (y == "yes") * 1.0
    for X in (np.zeros((160, 4)), np.ones((160, 4))):
        with pytest.raises(ValueError, match="No input can be selected.*constant"):
            feature_path(kind(**NETWORK), X, y)
        network = kind(**NETWORK, feature_alpha=0.1)
        with pytest.raises(ValueError, match="No input can be selected"):
            network.fit(X, y)


def test_feature_alpha_must_not_be_negative():
    X, y = make_data()
    with pytest.raises(ValueError, match="feature_alpha"):
        MLPClassifier(**NETWORK, feature_alpha=-1.0).fit(X, y)


def test_other_estimators_have_no_path():
    from sklearn.neural_network import MLPClassifier as Plain

    X, y = make_data()
    with pytest.raises(TypeError, match="MLPClassifier or MLPRegressor of skreg"):
        feature_path(Plain(), X, y)


def test_a_network_with_a_fit_of_its_own_has_no_path():
    class Own(MLPClassifier):
        def fit(self, X, y):
            return super().fit(X, y)

    X, y = make_data()
    with pytest.raises(TypeError, match="Own has a `fit` of its own"):
        feature_path(Own(**NETWORK), X, y)


def test_validation_data_come_in_pairs():
    X, y = make_data()
    with pytest.raises(ValueError, match="X_val and y_val"):
        feature_path(MLPClassifier(**NETWORK), X, y, X_val=X)
