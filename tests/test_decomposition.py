"""Bias and variance: against closed forms, against brute force, and adding up."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting import members
from skreg.diagnosis import _rounds, bias_variance_decomposition
from skreg.diagnosis._loss_parts import LOSSES, standard_errors
from skreg.diagnosis._rounds import draw_rounds, with_seed

CLASSIFIER_LOSSES = ["zero_one", "zero_one_kohavi_wolpert", "log_loss"]


def blobs(n_samples, n_classes, random_state):
    """Classes that overlap."""
    y = random_state.randint(n_classes, size=n_samples)
    angle = 2 * np.pi * y / n_classes
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X + 0.7 * random_state.normal(size=X.shape), y


def waves(n_samples, random_state):
    X = random_state.uniform(-2, 2, size=(n_samples, 1))
    return X, np.sin(2 * X[:, 0]) + 0.3 * random_state.normal(size=n_samples)


# -- the parts, by hand ----------------------------------------------------------------


def test_squared_error_by_hand():
    # One row: predictions 1, 3, 5 of a target 2. Mean 3, s^2 = 4.
    parts = LOSSES["squared_error"].parts_of(
        np.array([1.0, 3.0, 5.0])[:, None, None], np.array([[2.0]])
    )
    assert parts.loss == pytest.approx((1 + 1 + 9) / 3)
    assert parts.variance == pytest.approx(4)
    assert parts.bias == pytest.approx((3 - 2) ** 2 - 4 / 3)


def test_zero_one_by_hand():
    # Rows: always right; right in 3 of 4; wrong together, right in 1 of 4 (three
    # classes, so leaving the main class is not the same as being right); a tie.
    predictions = np.array([[0, 1, 2, 1], [0, 1, 2, 0], [0, 1, 0, 1], [0, 2, 1, 0]])
    y = np.array([0, 1, 1, 1])
    parts = LOSSES["zero_one"].parts_of(predictions, y)
    np.testing.assert_array_equal(parts.main, [0, 1, 2, 0])
    np.testing.assert_array_equal(parts.bias, [0, 0, 1, 1])
    np.testing.assert_array_equal(parts.variance, [0, 0.25, -0.25, -0.5])
    np.testing.assert_array_equal(parts.loss, [0, 0.25, 0.75, 0.5])


def test_kohavi_wolpert_by_hand():
    # Shares (1/4, 3/4) of a target 0; variance corrected by R / (R - 1) = 4 / 3.
    parts = LOSSES["zero_one_kohavi_wolpert"].parts_of(
        np.array([[0], [1], [1], [1]]), np.array([0])
    )
    variance = (1 - 1 / 16 - 9 / 16) / 2 * 4 / 3
    assert parts.variance == pytest.approx(variance)
    assert parts.bias == pytest.approx(9 / 16 - variance / 4)
    assert parts.loss == pytest.approx(3 / 4)


def test_log_loss_by_definition():
    rng = np.random.RandomState(0)
    probabilities = rng.dirichlet(np.ones(3), size=(2000, 4))
    y = np.array([0, 1, 2, 0])
    parts = LOSSES["log_loss"].parts_of(probabilities, y)
    main = np.exp(np.log(probabilities).mean(axis=0))
    main /= main.sum(axis=1, keepdims=True)
    divergence = (main * np.log(main / probabilities)).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(parts.main, main)
    # Of 2000 rounds, the correction is small.
    np.testing.assert_allclose(parts.variance, divergence, rtol=5e-3)
    np.testing.assert_allclose(parts.bias, -np.log(main[np.arange(4), y]), rtol=5e-3)


@pytest.mark.parametrize("name", ["squared_error", *CLASSIFIER_LOSSES[1:]])
def test_few_rounds_are_right_on_average(name):
    # Parts of 4 rounds, averaged over many quadruples, are those of all rounds: this
    # is what the corrections for the finite number of rounds are for.
    rng = np.random.RandomState(0)
    n_draws, n_rounds = 4000, 4
    if name == "squared_error":
        all_rounds = rng.normal(1.0, 2.0, size=(n_draws * n_rounds, 1, 1))
        y = np.zeros((1, 1))
    elif name == "log_loss":
        all_rounds = rng.dirichlet([3, 2, 4], size=(n_draws * n_rounds, 1))
        y = np.array([1])
    else:
        all_rounds = rng.choice(3, p=[0.5, 0.2, 0.3], size=(n_draws * n_rounds, 1))
        y = np.array([1])
    few = np.array(
        [
            LOSSES[name].parts_of(part, y).means()
            for part in np.split(all_rounds, n_draws)
        ]
    )
    error = few.std(axis=0) / np.sqrt(n_draws)
    expected = LOSSES[name].parts_of(all_rounds, y).means()
    # The correction leaves a bias of the second order in 1 / R.
    slack = 0.01 * expected if name == "log_loss" else 0
    assert (abs(few.mean(axis=0) - expected) < 4 * error + slack).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n_rounds", [30, 300])
def test_standard_errors_are_those_of_repetition(name, n_rounds):
    rng = np.random.RandomState(0)
    n_rows = 20
    centres = rng.normal(size=(n_rows, 3))

    def draw():
        raw = centres + rng.normal(size=(n_rounds, n_rows, 3))
        if name == "squared_error":
            return raw
        if name == "log_loss":
            return np.exp(raw) / np.exp(raw).sum(axis=2, keepdims=True)
        return raw.argmax(axis=2)

    y = np.zeros((n_rows, 3)) if name == "squared_error" else np.zeros(n_rows, int)
    draws = [draw() for _ in range(60)]
    estimates = np.array([LOSSES[name].parts_of(each, y).means() for each in draws])
    claimed = np.mean(
        [standard_errors(LOSSES[name].parts_of, each, y) ** 2 for each in draws[:20]],
        axis=0,
    )
    ratio = np.sqrt(claimed) / estimates.std(axis=0)
    # The most frequent class is not a smooth function: the jackknife is cautious there.
    most = 2.5 if name == "zero_one" else 1.35
    assert (ratio > 0.7).all() and (ratio < most).all(), ratio


def test_two_rounds_have_no_standard_error():
    rounds, y = np.array([0.0, 1.0, 3.0])[:, None, None], np.zeros((1, 1))
    parts_of = LOSSES["squared_error"].parts_of
    assert np.isnan(standard_errors(parts_of, rounds[:2], y)).all()
    # Of the losses 0, 1 and 9, their deviation over the root of three.
    loss_error, *_ = standard_errors(parts_of, rounds, y)
    assert loss_error == pytest.approx(np.std([0, 1, 9], ddof=1) / np.sqrt(3))


def test_each_of_many_rounds_counts_in_the_standard_errors():
    # More rounds than the jackknife has groups; only the last of them are wrong.
    losses = np.repeat([0.0, 1.0], [45, 5])
    loss_error, *_ = standard_errors(
        LOSSES["squared_error"].parts_of, losses[:, None, None], np.zeros((1, 1))
    )
    assert loss_error == pytest.approx(losses.std(ddof=1) / np.sqrt(50), rel=0.3)


# -- against closed forms and brute force ----------------------------------------------


def ridge_problem():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 8)) * np.linspace(0.2, 2, 8)
    X -= X.mean(axis=0)
    beta = rng.normal(size=8)
    X_test = rng.normal(size=(40, 8))
    return X, X @ beta, X_test, X_test @ beta


@pytest.mark.parametrize("kind", ["scikit-learn", "skreg", "pipeline"])
@pytest.mark.parametrize("noise_known", [False, True])
def test_ridge_agrees_with_its_closed_form(kind, noise_known):
    X, mean, X_test, mean_test = ridge_problem()
    n_samples, sigma, alpha = len(X), 1.5, 10.0

    def sample(random_state):
        return X, mean + sigma * random_state.normal(size=n_samples)

    y_test = mean_test
    if noise_known:
        # Of fixed test targets the squared noise is not exactly its expectation.
        noise = sigma * np.random.RandomState(1).normal(size=len(y_test))
        y_test = y_test + noise
    estimator = Ridge(alpha=alpha)
    if kind != "scikit-learn":
        estimator = MLPRegressor(
            (), solver="lbfgs", alpha=alpha / n_samples, tol=1e-9, max_iter=1000
        )
    if kind == "pipeline":
        estimator = make_pipeline(StandardScaler(with_std=False), estimator)
    n_rounds = 120
    result = bias_variance_decomposition(
        estimator,
        X_test=X_test,
        y_test=y_test,
        resampling=sample,
        n_rounds=n_rounds,
        noise=sigma**2 if noise_known else None,
        random_state=0,
    )
    # X is centred: the intercept is the mean of y.
    hat = X_test @ np.linalg.solve(X.T @ X + alpha * np.eye(8), X.T) + 1 / n_samples
    bias_per_row = (hat @ mean - y_test) ** 2 - noise_known * sigma**2
    variance_per_row = sigma**2 * (hat**2).sum(axis=1)
    assert abs(result.bias - bias_per_row.mean()) < 3 * result.bias_se
    assert abs(result.variance - variance_per_row.mean()) < 3 * result.variance_se
    # And the errors are not so large that anything would pass.
    scale = result.loss if noise_known else 5 * abs(bias_per_row.mean())
    assert result.bias_se < 0.03 * scale
    assert result.variance_se < 0.1 * variance_per_row.mean()
    row_error = variance_per_row * np.sqrt(2 / n_rounds)
    z = (result.variance_per_row - variance_per_row) / row_error
    assert abs(z).max() < 5
    assert result.bias + result.variance + result.noise == pytest.approx(result.loss)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_network_agrees_with_brute_force():
    network = MLPRegressor((5,), activation="tanh", learning_rate_init=0.05)
    network.set_params(max_iter=40, batch_size=25)
    X_test = np.linspace(-2, 2, 30)[:, None]
    y_test = np.sin(2 * X_test[:, 0])
    predictions = []
    for seed in range(120):
        X, y = waves(25, np.random.RandomState(1000 + seed))
        network.set_params(random_state=seed)
        predictions.append(network.fit(X, y).predict(X_test)[:, None])
    data = np.array(predictions), y_test[:, None]
    expected = LOSSES["squared_error"].parts_of(*data).means()
    result = bias_variance_decomposition(
        network.set_params(random_state=None),
        X_test=X_test,
        y_test=y_test,
        resampling=lambda random_state: waves(25, random_state),
        n_rounds=120,
        random_state=0,
    )
    found = [result.loss, result.bias, result.variance]
    errors = np.hypot(
        standard_errors(LOSSES["squared_error"].parts_of, *data),
        [result.loss_se, result.bias_se, result.variance_se],
    )
    assert (abs(found - expected) < 3 * errors).all()
    assert (errors < 0.2 * expected).all()


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
@pytest.mark.parametrize("is_network", [True, False])
def test_parts_add_up_to_the_loss(n_classes, loss, is_network):
    random_state = np.random.RandomState(0)
    X, y = blobs(60, n_classes, random_state)
    X_test, y_test = blobs(80, n_classes, random_state)
    names = np.array(["d", "a", "e", "b", "c"])
    estimator = DecisionTreeClassifier(min_samples_leaf=5)
    if is_network:
        estimator = MLPClassifier((10,), learning_rate_init=0.05, early_stopping=True)
    result = bias_variance_decomposition(
        estimator,
        X,
        names[y],
        X_test=X_test,
        y_test=names[y_test],
        loss=loss,
        n_rounds=15,
        random_state=0,
    )
    np.testing.assert_allclose(
        result.bias_per_row + result.variance_per_row, result.loss_per_row, atol=1e-12
    )
    assert result.bias + result.variance == pytest.approx(result.loss, abs=1e-12)
    # The loss is the mean of what the rounds would score one by one.
    y_test = names[y_test]
    if loss == "log_loss":
        each = [log_loss(y_test, p, labels=result.classes) for p in result.predictions]
        assert result.main_prediction.shape == (80, n_classes)
    else:
        each = [np.mean(p != y_test) for p in result.predictions]
        assert set(result.main_prediction) <= set(names)
    assert result.loss == pytest.approx(np.mean(each))
    assert result.variance_se > 0


def test_several_outputs_are_averaged():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 3))
    Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(50, 2))
    for estimator in (LinearRegression(), MLPRegressor((), solver="lbfgs")):
        result = bias_variance_decomposition(
            estimator, X[:30], Y[:30], X_test=X[30:], y_test=Y[30:], n_rounds=8
        )
        assert result.predictions.shape == (8, 20, 2)
        each = [mean_squared_error(Y[30:], p) for p in result.predictions]
        assert result.loss == pytest.approx(np.mean(each))
        assert result.bias + result.variance == pytest.approx(result.loss)
        assert result.main_prediction.shape == (20, 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_column_of_test_targets_is_one_target_a_row(loss):
    X, y = blobs(60, 3, np.random.RandomState(0))
    model = LinearRegression() if loss == "squared_error" else LogisticRegression()
    row, column = (
        bias_variance_decomposition(
            model,
            *(X[:40], y[:40]),
            **dict(X_test=X[40:], y_test=y_test, loss=loss, n_rounds=5),
            random_state=0,
        )
        for y_test in (y[40:], y[40:, None])
    )
    np.testing.assert_array_equal(column.loss_per_row, row.loss_per_row)
    np.testing.assert_array_equal(column.bias_per_row, row.bias_per_row)
    np.testing.assert_array_equal(
        np.ravel(column.main_prediction), np.ravel(row.main_prediction)
    )


def test_noise_that_is_known_is_taken_out_of_the_bias_of_its_row():
    X, y = waves(40, np.random.RandomState(0))
    noise = np.linspace(0.0, 0.3, 10)
    options = dict(X_test=X[30:], y_test=y[30:], n_rounds=5, random_state=0)
    model = LinearRegression()
    without = bias_variance_decomposition(model, X[:30], y[:30], **options)
    found = bias_variance_decomposition(model, X[:30], y[:30], noise=noise, **options)
    np.testing.assert_allclose(found.bias_per_row, without.bias_per_row - noise)
    np.testing.assert_array_equal(found.variance_per_row, without.variance_per_row)
    assert found.bias == pytest.approx(found.bias_per_row.mean())
    assert found.noise == pytest.approx(noise.mean())


def test_probabilities_that_are_raised_to_the_rounding_error_sum_to_one():
    table = np.array([[0.25, 0.25, 0.0]] * 4, dtype=np.float32)
    results = [(table, np.array(["a", "b", "c"]))] * 2
    probabilities, *_ = LOSSES["log_loss"].stack(results, np.array(list("abca")))
    np.testing.assert_allclose(probabilities, [[[0.5, 0.5, 0]] * 4] * 2, atol=1e-15)
    assert probabilities.min() > 0


# -- training sets ---------------------------------------------------------------------


class Memory(DummyClassifier):
    """Predicts the number of its rows and keeps them, to see what it was given."""

    seen = []

    def fit(self, X, y):
        Memory.seen.append(np.sort(X[:, 0]))
        return super().fit(X, y)


@pytest.mark.parametrize(
    "resampling, train_size, size, repeats",
    [
        ("bootstrap", None, 20, True),
        ("bootstrap", 30, 30, True),
        ("subsample", None, 10, False),
        ("subsample", 0.8, 16, False),
        # Of 11.6 rows and 2.4.
        ("subsample", 0.58, 12, False),
        ("subsample", 0.12, 2, False),
    ],
)
def test_training_sets(resampling, train_size, size, repeats):
    Memory.seen.clear()
    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    options = dict(X_test=X, y_test=y, n_rounds=6, random_state=0)
    options.update(resampling=resampling, train_size=train_size)
    bias_variance_decomposition(Memory(), X, y, **options)
    assert len(Memory.seen) == 6
    assert all(len(rows) == size for rows in Memory.seen)
    assert all((len(np.unique(rows)) < size) == repeats for rows in Memory.seen)
    assert len({tuple(rows) for rows in Memory.seen}) == 6
    first = list(Memory.seen)
    Memory.seen.clear()
    bias_variance_decomposition(Memory(), X, y, **options)
    np.testing.assert_array_equal(first, Memory.seen)


@pytest.mark.parametrize("resampling", ["bootstrap", "subsample"])
def test_rows_are_drawn_alike(resampling):
    X, y = np.zeros((10, 1)), np.zeros(10)
    draws = draw_rounds(X, y, resampling, 1000, 5, np.random.RandomState(0))
    counts = np.bincount(np.concatenate([draw.rows for draw in draws]), minlength=10)
    # Five standard deviations, or more.
    np.testing.assert_allclose(counts, 500, atol=5 * np.sqrt(500))


@pytest.mark.parametrize("kind", ["bootstrap", "subsample", "callable", "list"])
def test_each_round_has_a_seed_of_its_own(kind):
    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    resampling = {"callable": lambda draw: (X, y), "list": [np.arange(20)] * 6}
    resampling = resampling.get(kind, kind)
    draws = draw_rounds(X, y, resampling, 6, None, np.random.RandomState(0))
    assert len({draw.seed for draw in draws}) == 6


def test_row_sets_of_ones_own():
    Memory.seen.clear()
    X, y = np.arange(6.0)[:, None], np.arange(6) % 2
    mask = np.array([True, True, False, False, True, True])
    result = bias_variance_decomposition(
        Memory(), X, y, X_test=X, y_test=y, resampling=[[0, 1, 1], mask, np.arange(4)]
    )
    assert result.n_rounds == 3
    assert [rows.tolist() for rows in Memory.seen] == [
        [0, 1, 1],
        [0, 1, 4, 5],
        [0, 1, 2, 3],
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["plain", "pipeline", "sampler", "sparse"])
def test_a_batch_of_rounds_equals_its_rounds_alone(kind):
    X, y = load_digits(return_X_y=True)
    X, y, X_test, y_test = X[:150] / 16, y[:150], X[150:200] / 16, y[150:200]
    if kind == "sparse":
        X = sparse.csr_matrix(X)
    network = MLPClassifier((8,), max_iter=5, random_state=3, batch_size=32)
    estimator = network
    if kind == "pipeline":
        estimator = make_pipeline(StandardScaler(), network)
    rows = [np.random.RandomState(r).randint(150, size=120) for r in range(5)]
    resampling = rows
    if kind == "sampler":
        remaining = iter(rows)

        def resampling(random_state):
            drawn = next(remaining)
            return X[drawn], y[drawn]

    result = bias_variance_decomposition(
        estimator,
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        loss="log_loss",
        n_rounds=5,
        resampling=resampling,
    )
    for drawn, found in zip(rows, result.predictions, strict=True):
        alone = estimator.fit(X[drawn], y[drawn]).predict_proba(X_test)
        np.testing.assert_allclose(found, alone, atol=1e-9)


def test_the_rounds_are_scikit_learns():
    X, y = blobs(100, 3, np.random.RandomState(0))
    options = dict(
        X_test=X[60:], y_test=y[60:], loss="log_loss", n_rounds=4, random_state=0
    )
    shared = dict(
        hidden_layer_sizes=(6,), max_iter=10, n_iter_no_change=10, batch_size=20
    )
    with pytest.warns(ConvergenceWarning):
        ours = bias_variance_decomposition(
            MLPClassifier(alpha=0.01, **shared), X[:60], y[:60], **options
        )
        theirs = bias_variance_decomposition(
            ScikitLearnMLP(alpha=0.2, **shared), X[:60], y[:60], **options
        )
    np.testing.assert_allclose(ours.predictions, theirs.predictions, atol=1e-9)


def test_seeds():
    network = MLPClassifier((4,), max_iter=2)
    assert with_seed(network, 7).random_state == 7
    assert network.random_state is None
    assert with_seed(MLPClassifier(random_state=5), 7).random_state == 5
    pipeline = make_pipeline(StandardScaler(), network)
    assert with_seed(pipeline, 7).steps[-1][1].random_state == 7
    X, y = waves(30, np.random.RandomState(0))
    same_rows = [np.arange(30)] * 4
    options = dict(X_test=X, y_test=y, resampling=same_rows, random_state=0)
    regressor = MLPRegressor((4,), solver="lbfgs", max_iter=1000, tol=1e-2)
    # One seed and one training set leave nothing to vary; seeds of their own do.
    fixed = regressor.set_params(random_state=0)
    assert bias_variance_decomposition(fixed, X, y, **options).variance < 1e-20
    free = regressor.set_params(random_state=None)
    assert bias_variance_decomposition(free, X, y, **options).variance > 1e-6


@pytest.mark.slow
def test_processes_change_nothing():
    X, y = waves(40, np.random.RandomState(0))
    network = MLPRegressor((4,), solver="lbfgs", max_iter=1000, tol=1e-2)
    options = dict(X_test=X[30:], y_test=y[30:], n_rounds=5, random_state=0)
    for estimator in (network, DecisionTreeRegressor()):
        one, two = (
            bias_variance_decomposition(
                estimator, X[:30], y[:30], n_jobs=n_jobs, **options
            )
            for n_jobs in (1, 2)
        )
        np.testing.assert_allclose(one.predictions, two.predictions, atol=1e-9)


# -- estimators and data of all kinds --------------------------------------------------


@pytest.mark.parametrize(
    "classifier",
    [
        MLPClassifier((5,), solver="lbfgs", max_iter=1000),
        make_pipeline(
            StandardScaler(), MLPClassifier((5,), solver="lbfgs", max_iter=1000)
        ),
        LogisticRegression(),
        KNeighborsClassifier(3),
    ],
)
def test_rounds_may_miss_a_class(classifier):
    X, y = blobs(40, 3, np.random.RandomState(0))
    names = np.array(["x", "y", "z"])[y]
    # Not the last one: then the columns of the others would move.
    without_x, all_rows = np.flatnonzero(y > 0), np.arange(40)
    for loss in CLASSIFIER_LOSSES:
        result = bias_variance_decomposition(
            classifier,
            X,
            names,
            X_test=X,
            y_test=names,
            loss=loss,
            resampling=[without_x, all_rows, without_x],
        )
        np.testing.assert_array_equal(result.classes, ["x", "y", "z"])
        assert np.isfinite(result.loss)
        if loss == "log_loss":
            assert (result.predictions[0][:, 0] < 1e-15).all()
            right = result.predictions[0].argmax(axis=1) == y
            assert right[y > 0].mean() > 0.7
        else:
            assert "x" in result.predictions[1] and "x" not in result.predictions[0]


def test_dataframes_and_encoders():
    pandas = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    X = pandas.DataFrame({"letter": rng.choice(list("abcdefghij"), 60)})
    y = X["letter"].isin(list("abc")).to_numpy().astype(int)
    # Rounds that see other letters make other columns: they train apart.
    network = MLPClassifier((4,), solver="lbfgs")
    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), network)
    result = bias_variance_decomposition(
        pipeline,
        X[:40],
        y[:40],
        X_test=X[40:],
        y_test=y[40:],
        n_rounds=8,
        train_size=15,
        random_state=0,
    )
    assert result.loss < 0.4
    network.set_params(max_iter=1000, tol=1e-2)
    numbers = pandas.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    result = bias_variance_decomposition(
        network, numbers, y, X_test=numbers, y_test=y, n_rounds=3
    )
    assert result.predictions.shape == (3, 60)


def test_networks_in_a_target_transformer_train_side_by_side():
    X, y = waves(30, np.random.RandomState(0))
    network = MLPRegressor((4,), solver="lbfgs", max_iter=1000, tol=1e-2)
    estimator = TransformedTargetRegressor(network, transformer=StandardScaler())
    result = bias_variance_decomposition(
        estimator, X, y, X_test=X, y_test=y, n_rounds=3, random_state=0
    )
    assert result.variance > 0
    assert result.stop_reasons == {"converged": 3}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("is_shared", [True, False])
def test_only_rounds_with_data_of_their_own_are_stacked_up_to_a_size(
    is_shared, monkeypatch
):
    n_together = []

    def fit_members(networks, *data):
        n_together.append(len(networks))
        return members.fit_members(networks, *data)

    monkeypatch.setattr(_rounds, "fit_members", fit_members)
    # Less than one of the training sets has.
    monkeypatch.setattr(_rounds, "_WINDOW_BYTES", 1)
    X, y = waves(30, np.random.RandomState(0))
    result = bias_variance_decomposition(
        MLPRegressor((4,), max_iter=2),
        *(X, y),
        **dict(X_test=X, y_test=y, n_rounds=3, random_state=0),
        resampling="bootstrap" if is_shared else lambda random_state: (X, y),
    )
    assert n_together == ([3] if is_shared else [1, 1, 1])
    assert result.stop_reasons == {"max_iter": 3}


def test_one_warning_for_all_unfinished_rounds():
    X, y = waves(30, np.random.RandomState(0))
    options = dict(X_test=X, y_test=y, n_rounds=3)
    network = MLPRegressor((4,), max_iter=2)
    with pytest.warns(ConvergenceWarning, match="3 of 3 networks") as caught:
        result = bias_variance_decomposition(network, X, y, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert result.stop_reasons == {"max_iter": 3}
    # With early stopping max_iter is a reason like others, and a cosine ends there.
    network.set_params(early_stopping=True)
    bias_variance_decomposition(network, X, y, **options)
    network.set_params(early_stopping=False, learning_rate="cosine")
    bias_variance_decomposition(make_pipeline(network), X, y, **options)
    network.set_params(early_stopping=True, learning_rate="constant")
    bias_variance_decomposition(make_pipeline(network), X, y, **options)


def test_the_result_as_text():
    X, y = waves(30, np.random.RandomState(0))
    options = dict(X_test=X, y_test=y, n_rounds=5, random_state=0)
    result = bias_variance_decomposition(
        LinearRegression(), X, y, noise=0.09, **options
    )
    text = str(result)
    for part in ("squared_error", "bias^2", "variance", "noise", "5 rounds"):
        assert part in text
    assert f"{result.variance:.4g} +-" in text


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(estimator=LinearSVC(), loss="log_loss"), "needs predict_proba"),
        (dict(loss="squared_error"), "is for regressors"),
        (dict(estimator=LinearRegression(), loss="zero_one"), "is for classifiers"),
        (dict(loss="hinge"), "must be 'auto' or one of"),
        (dict(n_rounds=1), "n_rounds must be an integer of at least 2"),
        (dict(resampling="jackknife"), "must be one of"),
        (dict(resampling=[[0, 1]]), "at least 2"),
        (
            dict(resampling=[[0, 1], [40]]),
            r"resampling\[1\] holds row numbers",
        ),
        (dict(resampling=[[0, 1], [0.5]]), r"resampling\[1\]"),
        (dict(resampling=lambda random_state: 3), r"a tuple \(X, y\)"),
        (dict(X=None), "X and y are needed"),
        (dict(X_test=None), "X_test and y_test are needed"),
        (dict(noise=1.0), "noise is for"),
        (dict(y_test=np.eye(40)[:, :3]), "one class a row"),
        (dict(train_size=40, resampling="subsample"), "must leave out some"),
        (dict(train_size=0), "at least 1"),
        (dict(train_size="half"), "train_size must be a number"),
        (dict(y_test=np.zeros(7)), "inconsistent numbers"),
    ],
)
def test_errors_say_what_is_missing(options, message):
    X, y = blobs(40, 3, np.random.RandomState(0))
    arguments = dict(estimator=KNeighborsClassifier(), X=X, y=y, X_test=X, y_test=y)
    arguments.update(options)
    with pytest.raises(ValueError, match=message):
        bias_variance_decomposition(**arguments)


def test_estimators_that_cannot_be_decomposed():
    X, y = blobs(40, 3, np.random.RandomState(0))
    with pytest.raises(TypeError, match="neither a classifier nor a regressor"):
        bias_variance_decomposition(KMeans(), X, y, X_test=X, y_test=y)
    with pytest.raises(TypeError, match="must have fit and predict"):
        bias_variance_decomposition(StandardScaler(), X, y, X_test=X, y_test=y)


@pytest.mark.parametrize(
    "noise, message",
    [
        (-1, "finite and not negative"),
        (np.nan, "finite and not negative"),
        (np.where(np.arange(40) == 7, np.inf, 1.0), "finite and not negative"),
        ([0.1], r"have shape \(40,\), got \(1,\)"),
        (np.ones((40, 1)), r"have shape \(40,\), got \(40, 1\)"),
    ],
)
def test_noise_that_cannot_be(noise, message):
    X, y = waves(40, np.random.RandomState(0))
    with pytest.raises(ValueError, match=message):
        bias_variance_decomposition(
            LinearRegression(), X, y, X_test=X, y_test=y, noise=noise, n_rounds=2
        )


@pytest.mark.parametrize("is_network", [True, False])
def test_errors_name_the_round(is_network):
    X, y = blobs(40, 2, np.random.RandomState(0))
    X[3] = np.nan
    estimator = LogisticRegression()
    if is_network:
        estimator = make_pipeline(StandardScaler(), MLPClassifier((3,)))
    row_sets = [np.arange(10, 30), np.arange(20)]
    with pytest.raises(ValueError, match="NaN") as caught:
        bias_variance_decomposition(
            estimator, X, y, X_test=X[10:], y_test=y[10:], resampling=row_sets
        )
    assert "round 1" in "".join(caught.value.__notes__)


def test_errors_of_training_name_the_round():
    X, y = waves(20, np.random.RandomState(0))
    y[3] = 1e200
    network = MLPRegressor((3,), max_iter=2, learning_rate_init=1.0)
    with pytest.raises(ValueError, match="non-finite") as caught:
        bias_variance_decomposition(
            network, X, y, X_test=X, y_test=y, resampling=[np.arange(3), np.arange(9)]
        )
    assert "round 1" in "".join(caught.value.__notes__)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_errors_of_training_name_the_round_of_a_later_stack(monkeypatch):
    # A stack for each round.
    monkeypatch.setattr(_rounds, "_WINDOW_BYTES", 1)
    rounds = iter(range(4))

    def sample(random_state):
        X, y = waves(9, random_state)
        y[3] = 1e200 if next(rounds) == 2 else 0.0
        return X, y

    X, y = waves(5, np.random.RandomState(0))
    network = MLPRegressor((3,), max_iter=2, learning_rate_init=1.0)
    with pytest.raises(ValueError, match="non-finite") as caught:
        bias_variance_decomposition(
            network, X_test=X, y_test=y, resampling=sample, n_rounds=4
        )
    assert "round 2" in "".join(caught.value.__notes__)


def test_parameters_are_checked():
    X, y = blobs(40, 2, np.random.RandomState(0))
    with pytest.raises(ValueError, match="alpha"):
        bias_variance_decomposition(
            MLPClassifier(alpha=-1), X, y, X_test=X, y_test=y, n_rounds=2
        )
