"""What fitted estimators show and do: curves, sparsity, predict, pickles, routing."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import sklearn
from helpers import BOTH, EACH_SOLVER, assert_same_parameters
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- penalty, dropout, curves ----------------------------------------------------------


@BOTH
@EACH_SOLVER
def test_sparsity(solver, Estimator, iris):
    X, y = iris
    X = np.c_[X, np.random.RandomState(0).normal(size=(150, 10))]
    params = {"hidden_layer_sizes": 10, "solver": solver, "alpha": 0.02}
    params |= {"learning_rate_init": 0.01, "max_iter": 60, "random_state": 0}
    sparsities = []
    for l1_ratio in (0.0, 0.5, 1.0):
        estimator = Estimator(**params, l1_ratio=l1_ratio).fit(X, y)
        zeros = sum(np.sum(W == 0) for W in estimator.coefs_)
        n_weights = sum(W.size for W in estimator.coefs_)
        assert estimator.sparsity_ == pytest.approx(zeros / n_weights)
        sparsities.append(estimator.sparsity_)
    assert sparsities[0] == 0
    assert 0 < sparsities[1] < sparsities[2] < 1
    estimator.coefs_[0][:] = 0
    assert estimator.sparsity_ > sparsities[2]
    assert not hasattr(Estimator(), "sparsity_")


def test_intercepts_are_not_penalized(regression):
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=1e3, l1_ratio=0.5
    ).fit(X, y + 10)
    assert regressor.sparsity_ == 1
    assert_allclose(regressor.predict(X), np.mean(y + 10), rtol=1e-4)


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_dropout_is_off_in_predict_and_on_in_training(solver, Estimator, iris):
    X, y = iris
    params = {"hidden_layer_sizes": 20, "solver": solver, "random_state": 0}
    params |= {"batch_size": 150, "shuffle": False, "max_iter": 20}
    dropping = Estimator(**params, dropout=0.5).fit(X, y)
    assert_array_equal(dropping.predict(X), dropping.predict(X))
    H = np.maximum(X @ dropping.coefs_[0] + dropping.intercepts_[0], 0)
    raw = H @ dropping.coefs_[1] + dropping.intercepts_[1]
    expected = raw.argmax(axis=1) if Estimator is MLPClassifier else raw[:, 0]
    assert_allclose(dropping.predict(X), expected)
    # The same seed drops the same units; other ones train another network.
    assert_same_parameters(Estimator(**params, dropout=0.5).fit(X, y), dropping)
    plain = Estimator(**params).fit(X, y)
    assert np.abs(dropping.coefs_[0] - plain.coefs_[0]).max() > 1e-4


def test_dropout_does_not_move_the_start_or_the_shuffles(iris):
    X, y = iris
    params = {"hidden_layer_sizes": 20, "batch_size": 50, "random_state": 0}
    params |= {"max_iter": 1, "learning_rate_init": 1e-12}
    dropping = MLPRegressor(**params, dropout=0.5).fit(X, y)
    plain = MLPRegressor(**params).fit(X, y)
    assert_allclose(dropping.coefs_[0], plain.coefs_[0], atol=1e-9)


def test_dropped_units_are_scaled_up(regression):
    X, _ = regression
    # Hidden units that are all one: the mean prediction in training is the one without
    # dropout, and its variance that of the scaled masks.
    n_hidden, rate = 400, 0.3
    regressor = MLPRegressor(
        hidden_layer_sizes=n_hidden,
        dropout=rate,
        solver="sgd",
        momentum=0,
        learning_rate_init=1e-12,
        alpha=0,
        max_iter=1,
        warm_start=True,
        batch_size=120,
        random_state=0,
    ).fit(X, np.zeros(120))
    regressor.coefs_ = [np.zeros((5, n_hidden)), np.full((n_hidden, 1), 1 / n_hidden)]
    regressor.intercepts_ = [np.ones(n_hidden), np.zeros(1)]
    data_losses = []
    for seed in range(20):
        regressor.set_params(random_state=seed).fit(X, np.ones(120))
        data_losses.append(regressor.data_loss_curve_[-1])
    expected = 0.5 * rate / (1 - rate) / n_hidden
    assert_allclose(np.mean(data_losses), expected, rtol=0.1)
    assert_allclose(regressor.predict(X), 1)


@BOTH
@EACH_SOLVER
def test_loss_curves(solver, Estimator, iris):
    X, y = iris
    params = {
        "hidden_layer_sizes": 6,
        "solver": solver,
        "alpha": 0.02,
        "l1_ratio": 0.25,
        "max_iter": 12,
        "random_state": 0,
    }
    estimator = Estimator(**params).fit(X, y)
    assert len(estimator.loss_curve_) == len(estimator.data_loss_curve_) == 12
    assert estimator.loss_ == estimator.loss_curve_[-1]
    assert estimator.best_loss_ == min(estimator.loss_curve_)
    assert estimator.validation_scores_ is None
    assert estimator.validation_loss_curve_ is None
    assert estimator.best_validation_score_ is None
    assert estimator.best_iter_ is None
    for curve in (estimator.loss_curve_, estimator.data_loss_curve_):
        assert all(type(loss) is float for loss in curve)
    penalty = 0.02 * sum(
        0.25 * np.abs(W).sum() + 0.375 * np.sum(W**2) for W in estimator.coefs_
    )
    difference = estimator.loss_curve_[-1] - estimator.data_loss_curve_[-1]
    assert_allclose(difference, penalty, rtol=1e-9)
    if solver != "lbfgs":
        # A full batch sees the network before its step.
        params |= {"batch_size": 150, "warm_start": True, "max_iter": 1}
        estimator = Estimator(**params).fit(X, y)
        before = clone_fitted(estimator)
        estimator.fit(X, y)
        expected = data_loss(before, X, y)
        assert_allclose(estimator.data_loss_curve_[-1], expected, rtol=1e-9)
    else:
        assert_allclose(
            estimator.data_loss_curve_[-1], data_loss(estimator, X, y), rtol=1e-9
        )


def clone_fitted(estimator):
    return pickle.loads(pickle.dumps(estimator))


def data_loss(estimator, X, y):
    """The mean loss, by the predictions."""
    if isinstance(estimator, MLPRegressor):
        return 0.5 * np.mean((estimator.predict(X) - y) ** 2)
    return -np.mean(estimator.predict_log_proba(X)[np.arange(len(y)), y])


@BOTH
def test_fitted_attributes(Estimator, iris):
    X, y = iris
    estimator = Estimator(hidden_layer_sizes=(6, 5), max_iter=4).fit(X, y)
    n_outputs = 3 if Estimator is MLPClassifier else 1
    assert [W.shape for W in estimator.coefs_] == [(4, 6), (6, 5), (5, n_outputs)]
    assert [b.shape for b in estimator.intercepts_] == [(6,), (5,), (n_outputs,)]
    assert estimator.n_layers_ == 4
    assert estimator.n_outputs_ == n_outputs
    assert estimator.n_features_in_ == 4
    assert (estimator.n_iter_, estimator.t_) == (4, 600)
    assert estimator.stop_reason_ == "max_iter"
    assert type(estimator.stop_reason_) is str
    assert estimator.out_activation_ == ("softmax" if n_outputs == 3 else "identity")


@pytest.mark.both_engines
def test_verbose_names_the_engine_and_prints_a_line_an_epoch(capsys, iris, engine):
    MLPClassifier(max_iter=3, verbose=True, early_stopping=True).fit(*iris)
    first, *lines = capsys.readouterr().out.splitlines()
    name = {"numpy": "NumPy.", "compiled": "compiled functions."}[engine]
    assert first.startswith(f"Training with {name}")
    assert len(lines) == 3
    assert all(line.startswith("Iteration") for line in lines)
    MLPClassifier(max_iter=3).fit(*iris)
    assert capsys.readouterr().out == ""


# -- scores ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "strings"])
def test_weights_count_in_the_accuracy(kind, iris):
    X, y = iris
    y = {
        "binary": y > 0,
        "multiclass": y,
        "multilabel": np.eye(3, dtype=int)[y],
        "strings": np.array(["c", "b", "a"])[y],
    }[kind]
    classifier = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, y)
    is_right = (classifier.predict(X) == y).reshape(150, -1).all(axis=1)
    assert 0 < is_right.mean() < 1
    assert classifier.score(X, y) == pytest.approx(is_right.mean())
    weight = 1 + 9.0 * is_right
    assert classifier.score(X, y, weight) == pytest.approx(
        np.average(is_right, weights=weight)
    )


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("normalize_y", [False, True])
def test_weights_count_in_the_coefficient_of_determination(
    normalize_y, n_outputs, iris
):
    X, y = iris
    y = 10.0 + (y if n_outputs == 1 else np.c_[y, y**2])
    model = MLPRegressor((3,), normalize_y=normalize_y, max_iter=20, random_state=0)
    model.fit(X, y)
    weight = np.linspace(0.1, 5, 150)
    predicted = model.predict(X)
    for given, used in ((None, np.ones(150)), (weight, weight)):
        mean = np.average(y, axis=0, weights=used)
        errors, total = used @ (y - predicted) ** 2, used @ (y - mean) ** 2
        assert_allclose(model.score(X, y, given), np.mean(1 - errors / total))


# -- life outside of fit ---------------------------------------------------------------


@BOTH
def test_predict_reads_edited_parameters(Estimator, iris):
    X, y = iris
    estimator = Estimator(hidden_layer_sizes=4, max_iter=3).fit(X, y)
    estimator.coefs_[-1][:] = 0
    estimator.intercepts_[-1] = np.arange(float(estimator.n_outputs_))
    expected = 2 if Estimator is MLPClassifier else 0
    assert_array_equal(estimator.predict(X), np.full(150, expected))


@BOTH
@EACH_SOLVER
def test_pickle_and_joblib(solver, Estimator, iris, tmp_path):
    X, y = iris
    estimator = Estimator(
        hidden_layer_sizes=4, solver=solver, early_stopping=True, max_iter=5
    ).fit(X, y)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    for copy in (
        clone_fitted(estimator),
        joblib.load(tmp_path / "estimator.joblib"),
        joblib.load(tmp_path / "estimator.joblib", mmap_mode="r"),
    ):
        assert_array_equal(copy.predict(X), estimator.predict(X))
        assert copy.get_params() == estimator.get_params()
        if solver != "lbfgs":
            # It goes on as the original does, with its moments and shuffles.
            copy.set_params(early_stopping=False).partial_fit(X, y)
            original = clone_fitted(estimator).set_params(early_stopping=False)
            assert_same_parameters(copy, original.partial_fit(X, y))
    assert not hasattr(clone(estimator), "coefs_")


def test_thread_safe_predict(iris):
    X, y = iris
    X = np.tile(X, (20, 1))
    classifier = MLPClassifier(hidden_layer_sizes=(50, 50), max_iter=3).fit(iris[0], y)
    expected = classifier.predict_proba(X)
    chunks = [slice(start, start + 100 + 7 * start % 50) for start in range(0, 2800, 9)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda rows: classifier.predict_proba(X[rows]), chunks))
    for rows, result in zip(chunks, results, strict=True):
        assert_allclose(result, expected[rows], rtol=1e-12)


def test_fits_in_threads_do_not_disturb_each_other(iris):
    X, y = iris

    def fit(seed):
        return MLPClassifier(hidden_layer_sizes=20, max_iter=10, random_state=seed).fit(
            X, y
        )

    alone = [fit(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fit, range(6)))
    for one, other in zip(alone, together, strict=True):
        assert_same_parameters(one, other)


@BOTH
@pytest.mark.parametrize("name", ["sample_weight", "X_val"])
def test_metadata_routing_in_a_pipeline(name, Estimator, iris):
    X, y = iris
    X = 10 * X + 3
    params = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 0}
    by_hand = Estimator(**params)
    scaler = StandardScaler().fit(X)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = Estimator(**params)
        if name == "sample_weight":
            weight = np.linspace(0, 1, 150)
            routed.set_fit_request(sample_weight=True)
            pipeline = make_pipeline(
                StandardScaler().set_fit_request(sample_weight=False), routed
            )
            pipeline.fit(X, y, sample_weight=weight)
            by_hand.fit(scaler.transform(X), y, sample_weight=weight)
        else:
            routed.set_params(early_stopping=True)
            routed.set_fit_request(X_val=True, y_val=True)
            pipeline = Pipeline(
                [("scaler", StandardScaler()), ("mlp", routed)],
                transform_input=["X_val"],
            )
            pipeline.fit(X, y, X_val=X[:40], y_val=y[:40])
            by_hand.set_params(early_stopping=True)
            X_scaled = scaler.transform(X)
            by_hand.fit(X_scaled, y, X_val=X_scaled[:40], y_val=y[:40])
            assert routed.validation_scores_ == by_hand.validation_scores_
    assert_same_parameters(routed, by_hand)
    assert_array_equal(pipeline.predict(X), by_hand.predict(scaler.transform(X)))


def test_random_state(iris):
    X, y = iris
    params = {"hidden_layer_sizes": 4, "max_iter": 3}
    one = MLPClassifier(**params, random_state=1).fit(X, y)
    assert_same_parameters(MLPClassifier(**params, random_state=1).fit(X, y), one)
    state = np.random.RandomState(1)
    assert_same_parameters(MLPClassifier(**params, random_state=state).fit(X, y), one)
    # The state has moved on.
    again = MLPClassifier(**params, random_state=state).fit(X, y)
    assert (again.coefs_[0] != one.coefs_[0]).any()
    np.random.seed(1)  # noqa: NPY002 - it is what random_state=None means
    assert_same_parameters(MLPClassifier(**params).fit(X, y), one)
