"""Every network of a batch equals itself trained alone, whatever its neighbours do."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import with_scaled_moments
from scipy import sparse

from skreg._core.batching import chunk_size
from skreg._core.engines import config_context
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.periodic import PeriodicLayer
from skreg._core.stopping import StopReason
from skreg._fitting import fit, run_batch
from skreg._fitting.fit import Validation, fit_each, fit_many, task_of
from skreg.neural_network import MLPClassifier, MLPRegressor

N_ROWS, N_FEATURES, N_FOLD = 120, 6, 90

RNG = np.random.default_rng(0)
X_DENSE = RNG.normal(size=(N_ROWS, N_FEATURES)) * (
    RNG.random((N_ROWS, N_FEATURES)) < 0.6
)
SIGNAL = X_DENSE[:, :3] @ RNG.normal(size=(3, 3)) + 0.5 * RNG.gumbel(size=(N_ROWS, 3))
LABELS = np.array(["a", "b", "c"])[SIGNAL.argmax(axis=1)]
TARGETS = SIGNAL[:, :2] + 2 * RNG.normal(size=(N_ROWS, 2))  # soon overfitted
# Two folds and rows that repeat, of the length that early stopping leaves of all rows.
FOLDS = [
    RNG.permutation(N_ROWS)[:N_FOLD],
    RNG.permutation(N_ROWS)[:N_FOLD],
    RNG.integers(N_ROWS, size=N_FOLD),
]
WEIGHTS = [RNG.uniform(0.1, 3, N_ROWS), RNG.integers(3, size=N_ROWS).astype(float)]

# float32 rounds at 6e-8, and a few dozen steps of Adam amplify that.
TOLERANCE = {np.float64: 1e-11, np.float32: 1e-4}


def make_tasks(kind, solver, dtype=np.float64, n_tasks=18, **shared):
    """Tasks whose hyper-parameters, seeds, rows, weights and stopping rules differ."""
    rng = np.random.default_rng(1)
    weights = [weight.astype(dtype) for weight in WEIGHTS]
    tasks = []
    for index in range(n_tasks):
        early_stopping = index % 3 == 0
        estimator = kind(
            (7, 4),
            activation="tanh",
            solver=solver,
            batch_size=16,  # 90 rows: the last minibatch is a partial one
            alpha=rng.choice([0.0, 1e-3, 0.02, 0.1]),
            l1_ratio=rng.choice([0.0, 0.4, 1.0]),
            dropout=rng.choice([0.0, 0.2, 0.5]),
            learning_rate_init=rng.choice([1e-3, 0.02, 0.1]),
            power_t=rng.choice([0.3, 0.5]),
            momentum=rng.choice([0.0, 0.5, 0.9]),
            beta_1=rng.choice([0.0, 0.8, 0.9]),
            beta_2=rng.choice([0.99, 0.999]),
            epsilon=rng.choice([1e-8, 1e-3]),
            max_iter=int(rng.integers(1, 8) + 5 * early_stopping),
            tol=rng.choice([1e-4, 0.02, 0.2]),
            n_iter_no_change=int(rng.integers(1, 4)),
            early_stopping=early_stopping,
            validation_fraction=0.25,
            random_state=int(rng.integers(3)),
        )
        if kind is MLPClassifier and index % 6 == 0:
            estimator.set_params(scoring="accuracy")
        tasks.append(
            task_of(
                estimator.set_params(**shared),
                rows=None if early_stopping else FOLDS[rng.integers(3)],
                sample_weight=weights[rng.integers(2)] if index % 2 else None,
            )
        )
    return tasks


def data_of(kind, dtype=np.float64, is_sparse=False):
    X = X_DENSE.astype(dtype)
    y = LABELS if kind is MLPClassifier else TARGETS.astype(dtype)
    return sparse.csr_matrix(X) if is_sparse else X, y


def assert_same(outcome, alone, tolerance=1e-11):
    """That two outcomes tell of the same training."""
    if alone.error is not None or outcome.error is not None:
        assert type(outcome.error) is type(alone.error)
        assert str(outcome.error) == str(alone.error)
        return
    close = dict(rtol=tolerance, atol=tolerance)
    state, expected = outcome.state, alone.state
    assert outcome.stop_reason is alone.stop_reason
    assert state.n_samples_seen == expected.n_samples_seen
    assert state.progress.n_epochs == expected.progress.n_epochs
    assert state.progress.best_iter == expected.progress.best_iter
    np.testing.assert_allclose(state.params, expected.params, **close)
    np.testing.assert_allclose(state.kept, expected.kept, **close)
    np.testing.assert_array_equal(state.kept == 0, expected.kept == 0)
    for name in ("loss", "data_loss", "validation_loss", "validation_scores"):
        curve = getattr(expected.progress.curves, name)
        ours = getattr(state.progress.curves, name)
        np.testing.assert_allclose(ours, curve, **close, err_msg=name)
    # What training would go on with.
    assert (state.average is None) == (expected.average is None)
    if expected.average is not None:
        assert state.average.n_epochs == expected.average.n_epochs
        averages = state.average.params, expected.average.params
        np.testing.assert_allclose(*averages, **close)
    assert state.optimizer.keys() == expected.optimizer.keys()
    ours = with_scaled_moments(state.optimizer)
    for name, value in with_scaled_moments(expected.optimizer).items():
        np.testing.assert_allclose(ours[name], value, **close, err_msg=name)
    np.testing.assert_array_equal(
        state.stream.copy().next_epoch(True), expected.stream.copy().next_epoch(True)
    )


@pytest.fixture
def batch_sizes(monkeypatch):
    """The number of models in each batch that is trained."""
    sizes, train = [], run_batch.train

    def counting_train(network, models, *args, **kwargs):
        sizes.append(len(models))
        return train(network, models, *args, **kwargs)

    monkeypatch.setattr(run_batch, "train", counting_train)
    return sizes


def compare_with_alone(tasks, X, y, tolerance=1e-11, validation=None):
    outcomes = fit_many(tasks, X, y, validation=validation)
    assert len(outcomes) == len(tasks)
    for index, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True)):
        (alone,) = fit_many([task], X, y, validation=validation)
        try:
            assert_same(outcome, alone, tolerance)
        except AssertionError as error:
            raise AssertionError(f"task {index}, {task.predictor}: {error}") from error
    return outcomes


@pytest.mark.both_engines
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_batch_equals_its_models_alone(kind, solver, is_sparse, dtype, batch_sizes):
    tasks = make_tasks(kind, solver, dtype)
    X, y = data_of(kind, dtype, is_sparse)
    outcomes = compare_with_alone(tasks, X, y, TOLERANCE[dtype])
    # All on the rows of a fold, with weights and without: two batches, which did not
    # fail; then one by one.
    assert batch_sizes == [9, 9] + [1] * len(tasks)
    reasons = {outcome.stop_reason for outcome in outcomes}
    assert reasons == {StopReason.NO_IMPROVEMENT, StopReason.MAX_ITER}
    assert len({outcome.state.progress.n_epochs for outcome in outcomes}) > 3
    assert any((outcome.state.kept == 0).any() for outcome in outcomes)
    assert any(
        outcome.state.progress.best_iter not in (None, outcome.state.progress.n_epochs)
        for outcome in outcomes
    )


@pytest.mark.both_engines
@pytest.mark.parametrize("learning_rate", ["invscaling", "adaptive"])
@pytest.mark.parametrize("nesterov", [False, True])
def test_schedules_are_each_models_own(learning_rate, nesterov):
    tasks = make_tasks(
        MLPRegressor,
        "sgd",
        n_tasks=12,
        learning_rate=learning_rate,
        nesterovs_momentum=nesterov,
        max_iter=30,
    )
    outcomes = compare_with_alone(tasks, *data_of(MLPRegressor))
    rates = {outcome.state.optimizer["learning_rate"] for outcome in outcomes}
    assert len(rates) >= 5


def varied(tasks, **values):
    """The tasks with one after the other of some values of each parameter."""
    return [
        replace(
            task,
            config=replace(
                task.config,
                **{name: each[k % len(each)] for name, each in values.items()},
            ),
        )
        for k, task in enumerate(tasks)
    ]


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_ends_and_warm_ups_are_each_models_own(solver):
    tasks = make_tasks(MLPRegressor, solver, learning_rate="cosine")
    tasks = varied(tasks, warmup_fraction=[0.0, 0.2, 0.6, 0.9])
    compare_with_alone(tasks, *data_of(MLPRegressor))


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_dropout_falls_at_each_models_own_end(solver):
    tasks = make_tasks(MLPRegressor, solver)
    tasks = varied(tasks, dropout_schedule=["cosine", "cosine", "constant", "cosine"])
    assert len({task.config.dropout for task in tasks}) == 3
    compare_with_alone(tasks, *data_of(MLPRegressor))


@pytest.mark.both_engines
def test_labels_are_smoothed_for_each_model_by_itself():
    tasks = varied(make_tasks(MLPClassifier, "adam"), label_smoothing=[0.0, 0.2, 0.5])
    compare_with_alone(tasks, *data_of(MLPClassifier))


@pytest.mark.both_engines
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_averages_are_each_models_own(solver, dtype, batch_sizes):
    tasks = make_tasks(MLPRegressor, solver, dtype, l1_ratio=0.0)
    tasks = varied(tasks, weight_averaging=[0.0, 0.5, 0.9, 0.99])
    outcomes = compare_with_alone(
        tasks, *data_of(MLPRegressor, dtype), TOLERANCE[dtype]
    )
    assert batch_sizes[:2] == [9, 9]
    for task, outcome in zip(tasks, outcomes, strict=True):
        assert (outcome.state.average is None) == (task.config.weight_averaging == 0)


@pytest.mark.both_engines
def test_batches_without_hidden_layers_and_of_one_output():
    y = LABELS == "a"
    tasks = make_tasks(MLPClassifier, "adam", n_tasks=12, hidden_layer_sizes=())
    compare_with_alone(tasks, X_DENSE, y)
    tasks = make_tasks(MLPClassifier, "adam", n_tasks=12, activation="relu")
    compare_with_alone(tasks, X_DENSE, y)


@pytest.mark.parametrize("size", [1, 4])
def test_chunks_change_nothing(size, monkeypatch, batch_sizes):
    monkeypatch.setattr(fit, "chunk_size", lambda *args: size)
    tasks = make_tasks(MLPClassifier, "adam", n_tasks=14)
    compare_with_alone(tasks, *data_of(MLPClassifier))
    n_chunks = 2 * -(-7 // size)
    assert len(batch_sizes) == n_chunks + len(tasks)
    assert max(batch_sizes) <= size


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_batches_of_activations_whose_inputs_are_kept(activation, solver):
    tasks = [
        task_of(task.predictor.set_params(activation=activation))
        for task in make_tasks(MLPClassifier, solver, n_tasks=8)
    ]
    compare_with_alone(tasks, *data_of(MLPClassifier))


def test_tasks_of_any_kind_come_back_in_their_order(batch_sizes):
    X, y = data_of(MLPClassifier)
    shared = dict(max_iter=4, batch_size=32, random_state=0)
    estimators = [
        MLPClassifier((5,), solver="sgd", **shared),
        MLPClassifier((5,), **shared),
        MLPClassifier((3, 3), **shared),
        MLPClassifier((5,), alpha=0.1, **shared),
        MLPClassifier((5,), activation="tanh", **shared),
        MLPClassifier((5,), solver="lbfgs", **shared),
        MLPClassifier((5,), shuffle=False, **shared),
        MLPClassifier((5,), **shared | {"batch_size": 40}),
        MLPClassifier((5,), solver="sgd", alpha=0.1, **shared),
        MLPClassifier((5,), solver="lbfgs", alpha=0.1, l1_ratio=0.5, **shared),
        MLPClassifier((5,), alpha=0.2, **shared),
    ]
    tasks = [task_of(estimator) for estimator in estimators]
    outcomes = fit_many(tasks, X, y)
    assert sorted(batch_sizes) == [1, 1, 1, 1, 2, 3]
    seen = set()
    for index, outcome in fit_each(tasks, X, y):
        np.testing.assert_array_equal(
            outcome.state.params, outcomes[index].state.params
        )
        seen.add(index)
    assert seen == set(range(len(tasks)))
    for task, outcome in zip(tasks, outcomes, strict=True):
        (alone,) = fit_many([task], X, y)
        np.testing.assert_allclose(outcome.state.kept, alone.state.kept, rtol=1e-9)
        assert outcome.network.layer_units == alone.network.layer_units


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_outcomes_are_those_of_fit():
    X, y = data_of(MLPClassifier)
    tasks = make_tasks(MLPClassifier, "adam", n_tasks=9)
    for task, outcome in zip(tasks, fit_many(tasks, X, y), strict=True):
        rows = np.arange(N_ROWS) if task.rows is None else task.rows
        weight = None if task.sample_weight is None else task.sample_weight[rows]
        fitted = MLPClassifier(**task.predictor.get_params()).fit(
            X[rows], y[rows], weight
        )
        assert not hasattr(task.predictor, "coefs_")
        outcome.apply_to(task.predictor)
        for ours, theirs in zip(task.predictor.coefs_, fitted.coefs_, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        assert task.predictor.stop_reason_ == fitted.stop_reason_
        assert task.predictor.n_iter_ == fitted.n_iter_
        assert task.predictor.classes_.tolist() == fitted.classes_.tolist()


def test_validation_data_for_those_that_stop_early(batch_sizes):
    X, y = data_of(MLPClassifier)
    validation = Validation(X[90:], y[90:], WEIGHTS[0][90:])
    tasks = make_tasks(
        MLPClassifier, "adam", n_tasks=12, random_state=0, max_iter=8, dropout=0.0
    )
    for task in tasks:  # all on the same rows, with the same minibatches
        task.rows = task.sample_weight = None
    outcomes = fit_many(tasks, X, y, validation=validation)
    assert batch_sizes == [12]
    for index, outcome in enumerate(outcomes):
        scores = outcome.state.progress.curves.validation_scores
        assert (len(scores) > 0) == (index % 3 == 0)
    compare_with_alone(tasks, X, y, validation=validation)


@pytest.mark.both_engines
def test_networks_with_one_seed_share_what_is_drawn(batch_sizes):
    X, y = data_of(MLPRegressor)
    same = dict(max_iter=5, batch_size=16, dropout=0.3)
    seeds = [0, 1, 0, None, 1]
    tasks = [task_of(MLPRegressor((5,), random_state=k, **same)) for k in seeds]
    rows = [outcome.state.params for outcome in fit_many(tasks, X, y)]
    assert batch_sizes == [5]
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(rows[1], rows[4])
    assert len({row.tobytes() for row in rows}) == 3


def test_schedules_are_for_sgd_alone():
    X, y = data_of(MLPRegressor)
    tasks = [
        task_of(
            MLPRegressor(
                (5,), learning_rate=schedule, random_state=0, max_iter=9, tol=0.1
            )
        )
        for schedule in ("constant", "invscaling", "adaptive")
    ]
    outcomes = fit_many(tasks, X, y)
    for outcome in outcomes[1:]:
        assert_same(outcome, outcomes[0])


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_goes_on_from_different_places(solver, batch_sizes):
    X, y = data_of(MLPClassifier)
    tasks = make_tasks(
        MLPClassifier, solver, n_tasks=12, n_iter_no_change=100, min_iter=0
    )
    for index, task in enumerate(tasks):
        task.max_iter = 2 + index % 3
    halves = fit_many(tasks, X, y)
    resumed = [
        task_of(
            task.predictor,
            rows=task.rows,
            sample_weight=task.sample_weight,
            state=half.state,
            resume=True,
            max_iter=9,
        )
        for task, half in zip(tasks, halves, strict=True)
    ]
    batch_sizes.clear()
    outcomes = fit_many(resumed, X, y)
    assert max(batch_sizes) > 3
    for task, outcome in zip(tasks, outcomes, strict=True):
        task.max_iter = 9
        (straight,) = fit_many([task], X, y)
        assert_same(outcome, straight)


# -- what fails ---------------------------------------------------------------------


def check_that_only_these_fail(tasks, X, y, failing):
    """Errors of the failing tasks by index; the others are as without them."""
    outcomes = fit_many(tasks, X, y)
    errors = {k: out.error for k, out in enumerate(outcomes) if out.error is not None}
    assert set(errors) == set(failing)
    for index, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True)):
        if index not in failing:
            assert_same(outcome, fit_many([task], X, y)[0])
        else:
            assert outcome.state is None
    return errors


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"early_stopping": True, "validation_fraction": 0.001}, "validation"),
        ({"early_stopping": True, "scoring": "no_such_scorer"}, "no_such_scorer"),
    ],
)
def test_a_bad_parameter_is_its_own_tasks_error(parameters, message):
    X, y = data_of(MLPClassifier)
    tasks = make_tasks(MLPClassifier, "adam", n_tasks=4)
    tasks[1] = task_of(tasks[1].predictor.set_params(**parameters))
    tasks[1].rows = None
    errors = check_that_only_these_fail(tasks, X, y, [1])
    assert message in str(errors[1])


def test_rows_without_weight_are_their_own_tasks_error():
    X, y = data_of(MLPRegressor)
    tasks = make_tasks(MLPRegressor, "adam", n_tasks=4)
    tasks[3].sample_weight = np.zeros(N_ROWS)
    errors = check_that_only_these_fail(tasks, X, y, [3])
    assert "sample_weight is zero" in str(errors[3])


@pytest.mark.both_engines
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_network_that_diverges_leaves_its_neighbours_alone(solver, is_sparse):
    X, y = data_of(MLPRegressor, is_sparse=is_sparse)
    tasks = make_tasks(MLPRegressor, solver, n_tasks=12, activation="relu", dropout=0.0)
    for index in (0, 4, 5):
        far = tasks[index].predictor.set_params(learning_rate_init=1e200, alpha=0.0)
        tasks[index] = task_of(far)
    errors = check_that_only_these_fail(tasks, X, y, [0, 4, 5])
    for error in errors.values():
        assert isinstance(error, ValueError)
        assert "Solver produced non-finite parameter weights" in str(error)


@pytest.mark.both_engines
def test_a_network_that_diverges_later_keeps_its_last_finite_parameters():
    X, y = data_of(MLPRegressor)
    shared = dict(activation="identity", solver="sgd", random_state=0, batch_size=60)
    rates = [1e-3, 3.0, 1e-3]
    tasks = [
        task_of(MLPRegressor((5,), learning_rate_init=rate, max_iter=40, **shared))
        for rate in rates
    ]
    outcomes = fit_many(tasks, X, y)
    reasons = [outcome.stop_reason for outcome in outcomes]
    assert reasons == ["max_iter", "diverged", "max_iter"]
    diverged = outcomes[1].state
    assert 1 < diverged.progress.n_epochs < 40
    assert np.isfinite(diverged.kept).all()
    (before,) = fit_many(
        [task_of(tasks[1].predictor, max_iter=diverged.progress.n_epochs - 1)], X, y
    )
    np.testing.assert_allclose(diverged.kept, before.state.params, rtol=1e-9)
    first, last = outcomes[0].state.params, outcomes[2].state.params
    np.testing.assert_allclose(first, last, rtol=1e-12)


def test_a_scorer_that_fails_fails_its_own_task():
    X, y = data_of(MLPClassifier)

    def scorer(estimator, X, y, sample_weight=None):
        raise RuntimeError("no score today")

    tasks = make_tasks(MLPClassifier, "adam", n_tasks=7)
    tasks[3] = task_of(tasks[3].predictor.set_params(scoring=scorer))
    errors = check_that_only_these_fail(tasks, X, y, [3])
    assert str(errors[3]) == "no score today"


# -- the size of a batch --------------------------------------------------------------


@pytest.mark.parametrize(
    "layers, batch_size, dtype, smallest, largest",
    [
        # What was measured to be fastest: 4 to 8, and 1 or 2.
        ((50, 100, 3), 200, np.float64, 4, 8),
        ((50, 256, 256, 3), 200, np.float64, 1, 2),
        ((50, 100, 3), 200, np.float32, 8, 16),
        ((10_000, 1000, 3), 200, np.float64, 1, 1),
    ],
)
def test_chunks_fit_into_the_cache(layers, batch_size, dtype, smallest, largest):
    network = Network(layers, "relu", SquaredError())
    with config_context(engine="numpy"):
        size = chunk_size(network, batch_size, dtype)
    assert smallest <= size <= largest
    # The compiled step takes one model after the other: only memory is a limit.
    pytest.importorskip("numba")
    with config_context(engine="compiled"):
        assert size <= chunk_size(network, batch_size, dtype) <= 3 * largest


def test_fewer_networks_fit_into_the_cache_if_they_have_many_waves():
    few, many = (
        Network((4, 8, 1), "relu", SquaredError(), PeriodicLayer(4, [0, 1], n_waves))
        for n_waves in (1, 100)
    )
    # The waves of a minibatch take more memory than all parameters.
    assert 10 * chunk_size(many, 200, float) < chunk_size(few, 200, float)
