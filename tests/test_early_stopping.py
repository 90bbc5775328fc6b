"""Early stopping in `fit`: the score of the validation rows, and what it decides."""

import numpy as np
import pytest
import sklearn
from helpers import Recorder
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["adam", "sgd", "lbfgs"]


# -- scoring ---------------------------------------------------------------------------


def fit_with_validation_set(Estimator, X, y, **params):
    """An estimator with every third row as validation set, and these rows."""
    is_validation = np.arange(len(y)) % 3 == 0
    estimator = Estimator(
        hidden_layer_sizes=8,
        early_stopping=True,
        learning_rate_init=0.02,
        max_iter=40,
        random_state=0,
        **params,
    )
    estimator.fit(
        X[~is_validation],
        y[~is_validation],
        X_val=X[is_validation],
        y_val=y[is_validation],
    )
    return estimator, X[is_validation], y[is_validation]


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "scoring",
    [None, "accuracy", "neg_log_loss", lambda est, X, y: -np.mean(est.predict(X) != y)],
    ids=["None", "accuracy", "neg_log_loss", "callable"],
)
def test_best_score_is_that_of_the_restored_network(scoring, solver, iris):
    # sgd with a large rate, so that the best epoch is not always the last one.
    classifier, X_val, y_val = fit_with_validation_set(
        MLPClassifier, *iris, scoring=scoring, solver=solver
    )
    if scoring is None:
        expected = classifier.score(X_val, y_val)
    elif callable(scoring):
        expected = scoring(classifier, X_val, y_val)
    else:
        expected = get_scorer(scoring)(classifier, X_val, y_val)
    scores = classifier.validation_scores_
    assert_allclose(classifier.best_validation_score_, expected, rtol=1e-9)
    assert classifier.best_validation_score_ == max(scores)
    assert classifier.best_iter_ == 1 + scores.index(max(scores))
    assert all(type(score) is float for score in scores)
    assert len(scores) == classifier.n_iter_ == len(classifier.validation_loss_curve_)
    assert classifier.best_loss_ is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_loss_is_the_default_score_of_classes(solver, iris):
    classifier, X_val, y_val = fit_with_validation_set(
        MLPClassifier, *iris, solver=solver
    )
    assert_array_equal(
        classifier.validation_scores_, -np.array(classifier.validation_loss_curve_)
    )
    assert_allclose(
        classifier.best_validation_score_,
        -log_loss(y_val, classifier.predict_proba(X_val)),
        rtol=1e-9,
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_loss_score_of_regression_is_relative_to_the_best_constant(solver, regression):
    X, y = regression
    is_validation = np.arange(len(y)) % 3 == 0
    regressor, X_val, y_val = fit_with_validation_set(MLPRegressor, X, y, solver=solver)
    # The constant is that of the training rows, and so is its loss.
    unit = 0.5 * np.var(y[~is_validation])
    loss = 0.5 * np.mean((regressor.predict(X_val) - y_val) ** 2)
    best = regressor.best_iter_ - 1
    assert_allclose(regressor.validation_loss_curve_[best], loss, rtol=1e-9)
    assert_allclose(regressor.best_validation_score_, -loss / unit, rtol=1e-9)


@pytest.mark.parametrize(
    ("loss", "best_constant"),
    [
        ("squared_error", np.mean),
        ("huber", np.mean),
        ("absolute_error", np.median),
        ("quantile", lambda y: np.quantile(y, 0.7)),
        ("poisson", lambda y: np.log(np.mean(y))),
    ],
)
@pytest.mark.parametrize("unit", [1, 1000])
def test_loss_score_does_not_depend_on_the_unit_of_y(
    unit, loss, best_constant, regression
):
    X, y = regression
    y = unit * (np.round(np.exp(y)) if loss == "poisson" else y)
    regressor = MLPRegressor(
        hidden_layer_sizes=(),
        loss=loss,
        quantile=0.7,
        huber_delta=1.35 * unit,
        solver="sgd",
        # Steps of no length: the network stays what it is set to.
        learning_rate_init=1e-12,
        early_stopping=True,
        warm_start=True,
        max_iter=1,
    ).fit(X, y)
    regressor.coefs_ = [np.zeros_like(W) for W in regressor.coefs_]
    regressor.intercepts_ = [np.array([best_constant(y)])]
    regressor.fit(X, y, X_val=X, y_val=y)
    # Huber's constant is the mean of these targets only about.
    tolerance = 0.05 if loss == "huber" else 1e-3
    assert_allclose(regressor.best_validation_score_, -1, atol=tolerance)


def test_validation_weights_count(iris):
    X, y = iris
    weight = np.where(y == 0, 5.0, 1.0)
    classifier = MLPClassifier(
        hidden_layer_sizes=5, early_stopping=True, max_iter=10, random_state=0
    )
    classifier.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    proba = classifier.predict_proba(X)
    expected = -log_loss(y, proba, sample_weight=weight)
    assert_allclose(classifier.best_validation_score_, expected, rtol=1e-9)
    classifier.set_params(scoring="accuracy")
    classifier.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    expected = np.average(classifier.predict(X) == y, weights=weight)
    assert_allclose(classifier.best_validation_score_, expected)


def test_weights_of_split_rows_and_of_classes_count(iris):
    X, y = iris
    weight = 1.0 + np.arange(len(y))
    recorder = Recorder()
    MLPClassifier(
        early_stopping=True,
        scoring=recorder,
        max_iter=1,
        class_weight={0: 1.0, 1: 10.0, 2: 100.0},
        random_state=0,
    ).fit(np.c_[X, np.arange(len(y))], y, sample_weight=weight)
    rows = recorder.X[0][:, -1].astype(int)
    expected = weight[rows] * 10.0 ** y[rows]
    assert_allclose(recorder.sample_weight[0], expected)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_count_on_given_validation_rows(iris, weighted, solver):
    X, y = iris
    given = 1.0 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    class_weight = {0: 1.0, 1: 10.0, 2: 0.1}
    classifier = MLPClassifier((5,), solver=solver, early_stopping=True, max_iter=5)
    classifier.set_params(class_weight=class_weight, random_state=0)
    sample_weight_val = given if weighted else None
    classifier.fit(X, y, X_val=X, y_val=y, sample_weight_val=sample_weight_val)
    weight = given * [class_weight[label] for label in y]
    expected = log_loss(y, classifier.predict_proba(X), sample_weight=weight)
    assert_allclose(min(classifier.validation_loss_curve_), expected, rtol=1e-9)


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_the_unit_of_the_validation_loss_is_that_of_weighted_training_rows(
    loss, normalize_y, regression
):
    X, y = regression[0], 7 + 5 * regression[1]
    is_validation = np.arange(len(y)) % 3 == 0
    weight = 1.0 + np.where(y > 7, 10.0, 0.0)
    regressor = MLPRegressor((5,), loss=loss, early_stopping=True, max_iter=5)
    regressor.set_params(normalize_y=normalize_y, random_state=0)
    split = PredefinedSplit(np.where(is_validation, 0, -1))
    regressor.set_params(validation_splitter=split).fit(X, y, sample_weight=weight)

    def loss_on(rows, prediction):
        errors = np.abs(y[rows] - prediction)
        losses = 0.5 * errors**2 if loss == "squared_error" else errors
        return np.average(losses, weights=weight[rows])

    training = ~is_validation
    if loss == "squared_error":
        constants = [np.average(y[training], weights=weight[training])]
    else:
        constants = y[training]
    unit = min(loss_on(training, constant) for constant in constants)
    expected = loss_on(is_validation, regressor.predict(X[is_validation]))
    best = regressor.best_iter_ - 1
    assert_allclose(regressor.validation_loss_curve_[best], expected, rtol=1e-6)
    assert_allclose(regressor.best_validation_score_, -expected / unit, rtol=1e-6)


def test_scorer_sees_names_of_no_columns_and_original_labels(iris):
    pd = pytest.importorskip("pandas")
    X, y = iris
    labels = np.array(["x", "y", "z"])[y]
    recorder = Recorder()
    frame = pd.DataFrame(X, columns=list("abcd"))
    classifier = MLPClassifier(early_stopping=True, scoring=recorder, max_iter=2)
    classifier.fit(frame, pd.Series(labels), X_val=frame[::2], y_val=labels[::2])
    assert_array_equal(recorder.X[0], X[::2])
    assert_array_equal(recorder.y[0], labels[::2])
    assert_array_equal(classifier.feature_names_in_, list("abcd"))
    # A scorer that predicts does not warn of names that arrays lack.
    classifier.set_params(scoring="accuracy").fit(frame, labels)
    assert_array_equal(classifier.feature_names_in_, list("abcd"))


# -- X_val, y_val, sample_weight_val ---------------------------------------------------


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("early_stopping", "given", "message"),
    [
        (True, {"X_val"}, "X_val is provided, but y_val was not"),
        (True, {"y_val"}, "y_val is provided, but X_val was not"),
        (True, {"sample_weight_val"}, "sample_weight_val is provided, but X_val"),
        (False, {"X_val", "y_val"}, "early_stopping should be set to True"),
    ],
)
def test_validation_data_come_together(Estimator, early_stopping, given, message, iris):
    X, y = iris
    data = {"X_val": X, "y_val": y, "sample_weight_val": np.ones(len(y))}
    estimator = Estimator(early_stopping=early_stopping)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, **{name: data[name] for name in given})
    assert not hasattr(estimator, "coefs_")


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_val", [1, 7, 400])
def test_validation_set_of_any_size(n_val, solver, regression):
    X, y = regression
    rows = np.arange(n_val) % len(y)
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        solver=solver,
        early_stopping=True,
        max_iter=3,
        random_state=0,
    ).fit(X, y, X_val=X[rows], y_val=y[rows])
    loss = 0.5 * np.mean((regressor.predict(X[rows]) - y[rows]) ** 2)
    assert_allclose(
        regressor.best_validation_score_, -loss / (0.5 * np.var(y)), rtol=1e-9
    )


def test_given_validation_set_leaves_all_rows_to_training(regression):
    X, y = regression
    params = {"hidden_layer_sizes": 5, "max_iter": 5, "random_state": 0}
    # What stands for "auto" depends on early stopping.
    params |= {"batch_size": 20, "learning_rate_init": 1e-3}
    plain = MLPRegressor(**params).fit(X, y)
    monitored = MLPRegressor(**params, early_stopping=True)
    monitored.fit(X, y, X_val=X[:5], y_val=y[:5])
    assert monitored.loss_curve_ == plain.loss_curve_


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4")])
def test_validation_set_of_another_precision(dtypes, regression):
    X, y = regression
    regressor = MLPRegressor(early_stopping=True, max_iter=3, random_state=0)
    regressor.fit(X.astype(dtypes[0]), y, X_val=X.astype(dtypes[1]), y_val=y)
    assert regressor.coefs_[0].dtype == dtypes[0]
    loss = 0.5 * np.mean((regressor.predict(X) - y) ** 2)
    best = regressor.best_iter_ - 1
    assert_allclose(regressor.validation_loss_curve_[best], loss, rtol=1e-5)


def test_spoilt_validation_rows_change_the_default_score_only(regression):
    X, y = regression
    # Those that `fit_with_validation_set` holds out.
    X_spoilt = np.where((np.arange(len(y)) % 3 == 0)[:, None], 1e3 * X, X)
    clean, spoilt = (
        fit_with_validation_set(MLPRegressor, rows, y, n_iter_no_change=100)[0]
        for rows in (X, X_spoilt)
    )
    assert clean.n_iter_ == 40
    assert clean.loss_curve_ == spoilt.loss_curve_
    assert clean.validation_scores_ != spoilt.validation_scores_


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_x_val_through_a_pipeline_is_scaled_like_x():
    X, y = load_iris(return_X_y=True)
    X_val, y_val = X[::5], y[::5]
    network = MLPClassifier((8,), early_stopping=True, max_iter=15, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(network).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(
            StandardScaler(), routed, transform_input=["X_val"]
        ).fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    alone = network.fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    assert pipeline[-1].validation_scores_ == alone.validation_scores_


# -- what validation decides -----------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", SOLVERS)
def test_parameters_of_the_best_epoch_are_restored(solver, regression):
    recorder = Recorder([0.1, 0.4, 0.9, 0.2, 0.9, 0.3])
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        solver=solver,
        early_stopping=True,
        max_iter=6,
        random_state=0,
        scoring=recorder,
    ).fit(*regression)
    # The first of two equal ones.
    assert (regressor.best_iter_, regressor.best_validation_score_) == (3, 0.9)
    restored = regressor.coefs_ + regressor.intercepts_
    for kept, best in zip(restored, recorder.parameters[2], strict=True):
        assert_array_equal(kept, best)
    for best, last in zip(recorder.parameters[2], recorder.parameters[5], strict=True):
        assert (best != last).any()


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("scores", "n_iter_no_change", "tol", "n_iter"),
    [
        # More than two epochs without improvement on the best: three.
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 2, 0.0625, 4),
        ([0.5, 0.4, 0.6, 0.5, 0.4, 0.3, 0.9], 2, 0.0, 6),
        # With tol=0 an equal score is an improvement.
        ([0.5] * 8, 2, 0.0, 8),
        # Exactly tol is enough, a little less is not.
        ([0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125], 1, 0.0625, 6),
        ([0.5, 0.55, 0.6, 0.65, 0.7, 0.75], 1, 0.0625, 3),
        # The best moves with every epoch that exceeds it: small steps do not add up.
        ([0.0, 0.04, 0.08, 0.12, 0.16, 0.2], 3, 0.0625, 5),
        # One improvement and the count starts again.
        ([0.5, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1], 2, 0.0625, 7),
        ([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], np.inf, 0.0625, 6),
    ],
)
def test_patience_to_the_letter(
    scores, n_iter_no_change, tol, n_iter, solver, regression
):
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        solver=solver,
        early_stopping=True,
        n_iter_no_change=n_iter_no_change,
        tol=tol,
        max_iter=len(scores),
        random_state=0,
        scoring=Recorder(scores),
    )
    if solver == "lbfgs":
        # For L-BFGS tol is the gradient's, too; it must not end before the scores do.
        X, y = np.random.RandomState(0).normal(size=(2, 60, 5)) * 10
        regressor.fit(X, y[:, 0])
    else:
        regressor.fit(*regression)
    assert regressor.n_iter_ == n_iter
    assert regressor.validation_scores_ == scores[:n_iter]
    if n_iter < len(scores):
        assert regressor.stop_reason_ == "no_improvement"
    else:
        assert regressor.stop_reason_ == "max_iter"


@pytest.mark.parametrize(
    ("early_stopping", "patience", "max_iter"), [(False, 10, 200), (True, 100, 600)]
)
def test_auto_waits_longer_with_early_stopping(
    early_stopping, patience, max_iter, regression
):
    regressor = MLPRegressor(
        hidden_layer_sizes=2, early_stopping=early_stopping, random_state=0
    )
    # The first epoch is an improvement, and then more than `patience` are not.
    impatient = regressor.set_params(tol=1e6).fit(*regression)
    assert impatient.n_iter_ == 1 + patience + 1
    patient = regressor.set_params(n_iter_no_change=np.inf).fit(*regression)
    assert patient.n_iter_ == max_iter


def test_max_iter_is_a_reason_not_a_warning(iris, recwarn):
    classifier = MLPClassifier(early_stopping=True, max_iter=2).fit(*iris)
    assert classifier.stop_reason_ == "max_iter"
    assert not recwarn.list
