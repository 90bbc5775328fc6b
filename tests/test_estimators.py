"""What the estimators train on: containers of X, kinds of y, weights."""

import itertools

import numpy as np
import pytest
import sklearn
from helpers import BOTH, EACH_SOLVER, LOSSES, assert_same_parameters
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skreg import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- containers of X -------------------------------------------------------------------


@pytest.mark.both_engines
@BOTH
@EACH_SOLVER
@pytest.mark.parametrize(
    "container",
    [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, np.asfortranarray],
)
def test_containers_equal_dense(container, solver, Estimator, iris):
    X, y = iris
    X = np.where(X > 0, X, 0)
    params = {"hidden_layer_sizes": 6, "solver": solver, "max_iter": 10}
    params |= {"early_stopping": True, "alpha": 0.01, "random_state": 0}
    dense = Estimator(**params).fit(X, y)
    other = Estimator(**params).fit(container(X), y)
    assert_same_parameters(other, dense, rtol=1e-6, atol=1e-9)
    assert_allclose(other.validation_scores_, dense.validation_scores_, rtol=1e-6)
    predict = "predict_proba" if Estimator is MLPClassifier else "predict"
    expected = getattr(dense, predict)(X)
    assert_allclose(getattr(other, predict)(container(X)), expected, rtol=1e-6)


def test_validation_set_in_another_container(iris):
    X, y = iris
    params = {"hidden_layer_sizes": 6, "max_iter": 5, "early_stopping": True}
    fits = [
        MLPClassifier(**params, random_state=0).fit(X, y, X_val=X_val, y_val=y)
        for X_val in (X, sparse.csc_matrix(X), X.tolist())
    ]
    for fit in fits[1:]:
        assert_allclose(fit.validation_scores_, fits[0].validation_scores_, rtol=1e-9)


def test_input_is_not_changed(iris):
    X, y = iris[0].copy(), iris[1].copy()
    MLPClassifier(max_iter=3, early_stopping=True).fit(X, y)
    assert_array_equal(X, iris[0])
    assert_array_equal(y, iris[1])


@pytest.mark.both_engines
@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_float32_stays_float32(container, solver, Estimator, iris):
    X, y = iris
    X = container(X.astype(np.float32))
    estimator = Estimator(
        hidden_layer_sizes=(6, 4),
        solver=solver,
        alpha=0.01,
        l1_ratio=0.5,
        dropout=0.0 if solver == "lbfgs" else 0.1,
        early_stopping=True,
        max_iter=5,
        random_state=0,
    ).fit(X, y)
    weight = np.linspace(0.5, 1.5, len(y))
    estimator.set_params(warm_start=True).fit(X, y, sample_weight=weight)
    if solver != "lbfgs":
        estimator.set_params(early_stopping=False).partial_fit(X, y)
    for parameter in estimator.coefs_ + estimator.intercepts_:
        assert parameter.dtype == np.float32
    if Estimator is MLPRegressor:
        assert estimator.predict(X).dtype == np.float32
    else:
        assert estimator.predict_proba(X).dtype == np.float32
        assert estimator.predict_log_proba(X).dtype == np.float32


@pytest.mark.both_engines
@EACH_SOLVER
def test_float32_is_close_to_float64(solver, iris):
    X, y = iris
    params = {"hidden_layer_sizes": 6, "solver": solver, "max_iter": 10}
    double, single = (
        MLPClassifier(**params, random_state=0).fit(X.astype(dtype), y)
        for dtype in ("f8", "f4")
    )
    assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-3)
    assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-4)


@BOTH
def test_dataframes_and_feature_names(Estimator, iris):
    pd = pytest.importorskip("pandas")
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(150)[::-1])
    target = pd.Series(y, index=frame.index)
    params = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 0}
    from_frame = Estimator(**params, early_stopping=True)
    from_frame.fit(frame, target, X_val=frame[:30], y_val=target.iloc[:30])
    from_array = Estimator(**params, early_stopping=True)
    from_array.fit(X, y, X_val=X[:30], y_val=y[:30])
    assert_same_parameters(from_frame, from_array)
    assert_array_equal(from_frame.feature_names_in_, list("abcd"))
    assert from_frame.n_features_in_ == 4
    assert not hasattr(from_array, "feature_names_in_")
    assert_array_equal(from_frame.predict(frame), from_array.predict(X))
    shuffled = frame[list("badc")]
    for call in (
        lambda: from_frame.predict(shuffled),
        lambda: from_frame.fit(frame, target, X_val=shuffled, y_val=target),
    ):
        with pytest.raises(ValueError, match="feature names should match"):
            call()


# -- targets ---------------------------------------------------------------------------


@pytest.mark.both_engines
@EACH_SOLVER
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix])
def test_multilabel_dense_and_sparse(container, early_stopping, solver, iris):
    X, y = iris
    Y = np.c_[y == 0, y == 1, y > 0].astype(int)
    params = {
        "hidden_layer_sizes": 8,
        "solver": solver,
        "learning_rate_init": 0.05,
        "early_stopping": early_stopping,
        "max_iter": 60,
        "random_state": 0,
    }
    dense = MLPClassifier(**params).fit(X, Y)
    other = MLPClassifier(**params).fit(X, container(Y))
    assert_same_parameters(other, dense)
    proba = dense.predict_proba(X)
    assert proba.shape == (150, 3)
    assert_array_equal(dense.predict(X), proba > 0.5)
    assert_array_equal(dense.classes_, [0, 1, 2])
    assert dense.out_activation_ == "logistic"
    assert dense.score(X, Y) > 0.85
    # One may train on labels of which some never occur.
    MLPClassifier(**params).fit(X, np.zeros_like(Y))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("label", [7, "only", True])
def test_one_class(label, early_stopping, iris):
    X, _ = iris
    y = np.array([label] * len(X))
    classifier = MLPClassifier(max_iter=5, early_stopping=early_stopping).fit(X, y)
    assert_array_equal(classifier.classes_, [label])
    assert_array_equal(classifier.predict(X), y)
    assert_array_equal(classifier.predict_proba(X), np.ones((150, 1)))
    assert_array_equal(classifier.predict_log_proba(X), np.zeros((150, 1)))
    assert classifier.score(X, y) == 1


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [object, str])
def test_string_labels(dtype, n_classes, iris):
    X, y = iris
    rows = y < n_classes
    X, y = X[rows], y[rows]
    # Not in the order of the numbers.
    labels = np.array(["pear", "apple", "fig"], dtype=dtype)[y]
    params = {"hidden_layer_sizes": 6, "learning_rate_init": 0.05, "random_state": 0}
    params |= {"max_iter": 50}
    classifier = MLPClassifier(**params, early_stopping=True, scoring="neg_log_loss")
    classifier.fit(X, labels)
    assert_array_equal(classifier.classes_, np.unique(labels))
    assert classifier.score(X, labels) > 0.9
    proba = classifier.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(classifier.predict(X), classifier.classes_[proba.argmax(axis=1)])


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "solver, loss",
    [
        *itertools.product(["adam"], LOSSES),
        # The full-batch solver refuses losses that are not differentiable.
        *itertools.product(
            ["lbfgs"], sorted(set(LOSSES) - {"absolute_error", "quantile"})
        ),
    ],
)
def test_multioutput_regression_with_every_loss(solver, loss, regression):
    X, y = regression
    Y = np.c_[y, 0.5 * y**2, X[:, 0]]
    if loss == "poisson":
        Y = np.round(np.exp(Y.clip(-2, 2)))
    regressor = MLPRegressor(
        hidden_layer_sizes=20,
        solver=solver,
        loss=loss,
        quantile=0.5,
        learning_rate_init=0.02,
        early_stopping=True,
        max_iter=300,
        random_state=0,
    ).fit(X, Y)
    assert regressor.n_outputs_ == 3
    assert regressor.predict(X).shape == Y.shape
    assert regressor.score(X, Y) > 0.5
    if loss == "poisson":
        assert (regressor.predict(X) > 0).all()
        assert regressor.out_activation_ == "exp"


def test_quantile_loss_predicts_quantiles():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(2000, 1))
    y = X[:, 0] * rng.exponential(size=2000)
    for quantile in (0.1, 0.5, 0.9):
        regressor = MLPRegressor(
            hidden_layer_sizes=10,
            loss="quantile",
            quantile=quantile,
            learning_rate_init=0.01,
            max_iter=60,
            random_state=0,
        ).fit(X, y)
        assert_allclose(np.mean(y <= regressor.predict(X)), quantile, atol=0.03)


def pinball(residual, level):
    return np.maximum(level * residual, (level - 1) * residual)


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize(
    "params, of_residual",
    [
        ({}, lambda r: r**2 / 2),
        ({"loss": "absolute_error"}, np.abs),
        (
            {"loss": "huber", "huber_delta": 0.4},
            lambda r: np.where(abs(r) < 0.4, r**2 / 2, 0.4 * (abs(r) - 0.2)),
        ),
        (
            {"loss": "huber", "huber_delta": 2.5},
            lambda r: np.where(abs(r) < 2.5, r**2 / 2, 2.5 * (abs(r) - 1.25)),
        ),
        ({"loss": "quantile", "quantile": 0.2}, lambda r: pinball(r, 0.2)),
        ({"loss": "quantile", "quantile": 0.9}, lambda r: pinball(r, 0.9)),
    ],
    ids=["squared", "absolute", "huber", "wide huber", "low quantile", "high quantile"],
)
def test_the_validation_loss_is_the_formula_in_the_unit_of_y(
    params, of_residual, normalize_y, regression
):
    X, y = regression
    weight = np.linspace(0, 2, 20)
    regressor = MLPRegressor(
        (4,), early_stopping=True, normalize_y=normalize_y, max_iter=5, random_state=0
    ).set_params(**params)
    # A spread that is far from one, but for the loss whose delta has a unit.
    y = y if params.get("loss") == "huber" else 40 * y
    regressor.fit(
        X[:100], y[:100], X_val=X[100:], y_val=y[100:], sample_weight_val=weight
    )
    residual = y[100:] - regressor.predict(X[100:])
    if normalize_y and params.get("loss") == "huber":
        # Delta is in units of the deviation of the training rows.
        scale = regressor.y_scale_
        losses = scale**2 * of_residual(residual / scale)
    else:
        losses = of_residual(residual)
    found = regressor.validation_loss_curve_[regressor.best_iter_ - 1]
    assert_allclose(found, np.average(losses, weights=weight), rtol=1e-6)


def test_robust_losses_shrug_at_outliers(regression):
    X, y = regression
    y_with_outliers = y.copy()
    y_with_outliers[::10] += 100
    errors = {}
    for loss in ("squared_error", "absolute_error", "huber"):
        regressor = MLPRegressor(
            hidden_layer_sizes=(),
            loss=loss,
            learning_rate_init=0.05,
            max_iter=300,
            random_state=0,
        ).fit(X, y_with_outliers)
        errors[loss] = np.abs(np.median(regressor.predict(X) - y))
    assert errors["absolute_error"] < 0.5
    assert errors["huber"] < 0.5
    assert errors["squared_error"] > 5


def test_column_vector_y_is_raveled(regression):
    X, y = regression
    params = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}
    with pytest.warns(sklearn.exceptions.DataConversionWarning):
        column = MLPRegressor(**params).fit(X, y[:, None])
    assert column.predict(X).shape == (120,)
    assert_same_parameters(column, MLPRegressor(**params).fit(X, y))


# -- weights ---------------------------------------------------------------------------


@pytest.mark.both_engines
@EACH_SOLVER
@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel", "regression"])
def test_sample_weight_equals_repetition_in_full_batches(target, solver, iris):
    X, y = iris
    y = {
        "binary": (y > 0).astype(int),
        "multiclass": y,
        "multilabel": np.c_[y == 0, y > 0].astype(int),
        "regression": X[:, 0] ** 2,
    }[target]
    Estimator = MLPRegressor if target == "regression" else MLPClassifier
    weight = np.random.RandomState(0).randint(0, 4, size=len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    params = {
        "hidden_layer_sizes": 6,
        "solver": solver,
        "alpha": 0.01,
        "l1_ratio": 0.3,
        "max_iter": 20,
        "random_state": 0,
    }
    weighted = Estimator(**params, batch_size=len(y))
    weighted.fit(X, y, sample_weight=weight)
    repeating = Estimator(**params, batch_size=len(repeated))
    repeating.fit(X[repeated], y[repeated])
    assert_same_parameters(weighted, repeating, rtol=1e-6, atol=1e-8)
    assert_allclose(weighted.loss_curve_, repeating.loss_curve_, rtol=1e-7)
    assert_allclose(weighted.data_loss_curve_, repeating.data_loss_curve_, rtol=1e-7)


@pytest.mark.both_engines
@EACH_SOLVER
def test_only_ratios_of_weights_count(solver, iris):
    X, y = iris
    weight = np.random.RandomState(0).uniform(size=len(y))
    params = {"solver": solver, "hidden_layer_sizes": 4, "batch_size": 40}
    params |= {"max_iter": 10, "random_state": 0}
    one, other = (
        MLPClassifier(**params).fit(X, y, sample_weight=factor * weight)
        for factor in (1, 1000)
    )
    assert_same_parameters(one, other, rtol=1e-6, atol=1e-9)
    unweighted = MLPClassifier(**params).fit(X, y)
    constant = MLPClassifier(**params).fit(X, y, sample_weight=np.full(len(y), 3.0))
    assert_same_parameters(constant, unweighted, rtol=1e-6, atol=1e-9)
    assert np.abs(one.coefs_[0] - unweighted.coefs_[0]).max() > 1e-4


def test_class_weight_is_sample_weight_by_class(iris):
    X, y = iris
    X, y = X[:120], y[:120]
    params = {"hidden_layer_sizes": 4, "max_iter": 10, "random_state": 0}
    params |= {"early_stopping": True}
    weight = np.linspace(1, 2, len(y))
    by_class = {0: 1.0, 1: 2.0, 2: 5.0}
    one = MLPClassifier(**params, class_weight=by_class)
    one.fit(X, y, sample_weight=weight)
    product = weight * np.vectorize(by_class.get)(y)
    other = MLPClassifier(**params).fit(X, y, sample_weight=product)
    assert_same_parameters(one, other)
    assert_allclose(one.validation_scores_, other.validation_scores_)

    one = MLPClassifier(**params, class_weight="balanced").fit(X, y)
    counts = np.bincount(y)
    other = MLPClassifier(**params)
    other.fit(X, y, sample_weight=len(y) / (3 * counts[y]))
    assert_same_parameters(one, other)


def test_class_weight_in_partial_fit(iris):
    X, y = iris
    labels = np.array(["a", "b", "c"])[y]
    by_class = {"a": 1.0, "b": 2.0, "c": 5.0}
    one = MLPClassifier(hidden_layer_sizes=4, class_weight=by_class, random_state=0)
    other = MLPClassifier(hidden_layer_sizes=4, random_state=0)
    for _ in range(3):
        one.partial_fit(X, labels, classes=["a", "b", "c"])
        weight = np.vectorize(by_class.get)(labels)
        other.partial_fit(X, labels, weight, classes=["a", "b", "c"])
    assert_same_parameters(one, other)
