"""Bad input: one clear error, and an estimator that stays as it was."""

import warnings

import numpy as np
import pytest
from helpers import BOTH, EACH_SOLVER, Recorder
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skreg import MLPClassifier, MLPRegressor

N_ROWS = 60
_rng = np.random.RandomState(0)
X = _rng.normal(size=(N_ROWS, 4))
Y_CLASSES = np.arange(N_ROWS) % 3
Y_LABELS = (_rng.uniform(size=(N_ROWS, 3)) > 0.5).astype(int)
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * _rng.normal(size=N_ROWS)


def target_of(Estimator):
    return Y_CLASSES if Estimator is MLPClassifier else Y_REAL


def assert_refused(estimator, X, y, message, error=ValueError, **fit_params):
    """`fit` raises this and nothing else, and leaves the estimator unfitted."""
    before = dict(estimator.__dict__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message):
            estimator.fit(X, y, **fit_params)
    assert estimator.__dict__ == before
    with pytest.raises(NotFittedError):
        estimator.predict(np.zeros((1, 4)))


def spoilt(value, array):
    """A float copy with this value in the middle."""
    array = np.array(array, dtype=float)
    array[len(array) // 2] = value
    return array


# -- data ------------------------------------------------------------------------------


@BOTH
@EACH_SOLVER
@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize(
    "container", [np.asarray, sparse.csr_matrix, sparse.csc_matrix]
)
def test_non_finite_X(container, value, name, solver, Estimator):
    assert_refused(
        Estimator(solver=solver),
        container(spoilt(value, X)),
        target_of(Estimator),
        f"Input X contains {name}",
    )


@BOTH
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_y_weights_and_validation_data(value, Estimator):
    y = target_of(Estimator)
    assert_refused(Estimator(), X, spoilt(value, y), "Input y contains")
    weight = spoilt(value, np.ones(N_ROWS))
    assert_refused(Estimator(), X, y, "sample_weight contains", sample_weight=weight)
    good = {"X_val": X, "y_val": y, "sample_weight_val": np.ones(N_ROWS)}
    for name, message in [
        ("X_val", "Input X contains"),
        ("y_val", "Input y_val contains"),
        ("sample_weight_val", "sample_weight contains"),
    ]:
        data = good | {name: spoilt(value, good[name])}
        assert_refused(Estimator(early_stopping=True), X, y, message, **data)


@BOTH
def test_wrong_shapes(Estimator):
    y = target_of(Estimator)
    assert_refused(Estimator(), X[:, 0], y, "Expected 2D array, got 1D")
    assert_refused(Estimator(), X[None], y, "dim 3")
    assert_refused(Estimator(), X[:0], y[:0], "0 sample")
    assert_refused(Estimator(), X[:, :0], y, "0 feature")
    assert_refused(Estimator(), X, y[:-1], "inconsistent numbers of samples")
    assert_refused(Estimator(), X, None, "requires y to be passed")
    weight = np.ones(N_ROWS - 1)
    assert_refused(Estimator(), X, y, "sample_weight.shape", sample_weight=weight)
    monitored = Estimator(early_stopping=True)
    assert_refused(monitored, X, y, "X has 3 features", X_val=X[:, :3], y_val=y)
    assert_refused(monitored, X, y, "inconsistent numbers", X_val=X, y_val=y[:-1])


@BOTH
def test_wrong_number_of_columns_after_fit(Estimator):
    estimator = Estimator(max_iter=300, tol=1, random_state=0)
    estimator.fit(X, target_of(Estimator))
    for call in (estimator.predict, lambda X: estimator.partial_fit(X, [0, 1])):
        with pytest.raises(ValueError, match="X has 3 features, but .* expecting 4"):
            call(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y_REAL, "Unknown label type: continuous"),
        (np.c_[Y_REAL, Y_REAL], "Unknown label type: continuous-multioutput"),
        (np.c_[Y_CLASSES, Y_CLASSES], "several columns of classes"),
        (np.array([None] * N_ROWS), "Unknown label type"),
    ],
)
def test_y_of_the_wrong_kind_for_classes(y, message):
    assert_refused(MLPClassifier(), X, y, message)


def test_y_of_the_wrong_kind_for_regression():
    assert_refused(MLPRegressor(), X, np.array(["a", "b"] * 30), "could not convert")
    y = sparse.csr_matrix(Y_LABELS)
    assert_refused(MLPRegressor(), X, y, "sparse y", error=TypeError)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_negative_y_for_poisson(solver):
    poisson = MLPRegressor(loss="poisson", solver=solver)
    assert_refused(poisson, X, Y_REAL, "loss='poisson' needs y >= 0")
    poisson = MLPRegressor(loss="poisson", solver=solver, early_stopping=True)
    data = {"X_val": X, "y_val": Y_REAL}
    assert_refused(poisson, X, np.abs(Y_REAL), "loss='poisson' needs y >= 0", **data)


@pytest.mark.parametrize(
    ("y", "y_val", "message"),
    [
        (Y_CLASSES, Y_CLASSES + 1, "`y_val` has classes not in"),
        (Y_CLASSES % 2, Y_CLASSES, "`y_val` has classes not in"),
        (np.array(["a", "b", "c"])[Y_CLASSES], Y_CLASSES, "`y_val` has classes not in"),
        (Y_CLASSES, Y_LABELS, "`y_val` is a multilabel-indicator target"),
        (Y_LABELS, Y_CLASSES, "`y_val` is a multiclass target"),
        (Y_LABELS, Y_LABELS[:, :2], "`y_val` has 2 labels"),
        (Y_CLASSES, Y_REAL, "Unknown label type: continuous"),
    ],
)
def test_y_val_that_does_not_go_with_y(y, y_val, message):
    classifier = MLPClassifier(early_stopping=True)
    assert_refused(classifier, X, y, message, X_val=X, y_val=y_val)


def test_y_val_with_another_number_of_outputs():
    two = np.c_[Y_REAL, Y_REAL]
    for y, y_val in [(Y_REAL, two), (two, Y_REAL)]:
        regressor = MLPRegressor(early_stopping=True)
        assert_refused(regressor, X, y, "`y_val` has . columns", X_val=X, y_val=y_val)


# So large a tolerance ends training at once.
@pytest.mark.filterwarnings("ignore:.*The network predicts no better")
@pytest.mark.parametrize("going_on", ["warm_start", "partial_fit"])
def test_going_on_with_another_kind_of_target(going_on):
    two = np.c_[Y_REAL, Y_REAL]
    for Estimator, first, second in [
        (MLPRegressor, Y_REAL, two),
        (MLPRegressor, two, Y_REAL),
        (MLPClassifier, Y_LABELS, Y_CLASSES),
        (MLPClassifier, Y_CLASSES, Y_LABELS),
        (MLPClassifier, Y_LABELS, Y_LABELS[:, :2]),
    ]:
        estimator = Estimator(hidden_layer_sizes=3, max_iter=300, tol=1)
        estimator.set_params(warm_start=going_on == "warm_start").fit(X, first)
        before = [W.copy() for W in estimator.coefs_]
        go_on = estimator.fit if going_on == "warm_start" else estimator.partial_fit
        with pytest.raises(
            ValueError, match="`y` (is a|has|has . columns)|same classes"
        ):
            go_on(X, second)
        for kept, expected in zip(estimator.coefs_, before, strict=True):
            assert_array_equal(kept, expected)


# -- weights ---------------------------------------------------------------------------


@BOTH
def test_bad_sample_weight(Estimator):
    y = target_of(Estimator)
    for weight, message in [
        (-np.ones(N_ROWS), "sample_weight.*negative|[Nn]egative.*sample_weight"),
        (np.r_[-0.5, np.ones(N_ROWS - 1)], "sample_weight.* has negative values"),
        (np.zeros(N_ROWS), "at least one non-zero|is zero for all"),
    ]:
        assert_refused(Estimator(), X, y, message, sample_weight=weight)
        data = {"X_val": X, "y_val": y, "sample_weight_val": weight}
        assert_refused(Estimator(early_stopping=True), X, y, message, **data)


@BOTH
def test_weight_on_validation_rows_alone(Estimator):
    y = target_of(Estimator)
    recorder = Recorder()
    params = {"early_stopping": True, "max_iter": 1, "random_state": 0}
    marked = np.c_[X[:, :3], np.arange(N_ROWS)]
    Estimator(**params, scoring=recorder).fit(marked, y)
    weight = np.zeros(N_ROWS)
    weight[recorder.X[0][:, -1].astype(int)] = 1
    for part, part_weight in [("training", weight), ("validation", 1 - weight)]:
        message = f"sample_weight is zero for all {part} rows"
        estimator = Estimator(**params)
        assert_refused(estimator, marked, y, message, sample_weight=part_weight)


@pytest.mark.parametrize("class_weight", [{0: 1.0}, "balanced"])
def test_class_weight_for_multilabel(class_weight):
    classifier = MLPClassifier(class_weight=class_weight)
    assert_refused(classifier, X, Y_LABELS, "class_weight.*multilabel")


def test_bad_class_weight():
    for class_weight, message in [
        ({7: 1.0}, "class_weight"),
        ({0: -1.0}, "negative"),
        ({0: 0.0, 1: 0.0, 2: 0.0}, "zero for all training rows"),
        ("even", "class_weight"),
    ]:
        classifier = MLPClassifier(class_weight=class_weight)
        assert_refused(classifier, X, Y_CLASSES, message)


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0, "some"])
def test_bad_label_smoothing(label_smoothing):
    classifier = MLPClassifier(label_smoothing=label_smoothing)
    assert_refused(classifier, X, Y_CLASSES, "label_smoothing")


def test_balanced_class_weight_in_partial_fit():
    classifier = MLPClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        classifier.partial_fit(X, Y_CLASSES, classes=[0, 1, 2])
    assert not hasattr(classifier, "coefs_")
    classifier.set_params(class_weight={0: 1.0, 1: 2.0, 2: 3.0})
    # A batch without one of the classes that have a weight.
    rows = Y_CLASSES < 2
    classifier.partial_fit(X[rows], Y_CLASSES[rows], classes=[0, 1, 2])


# -- parameters ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("activation", ["swish", None]),
        ("solver", ["newton", 1]),
        ("alpha", [-1e-9, "small"]),
        ("l1_ratio", [-0.01, 1.01]),
        ("dropout", [-0.1, 1.0]),
        ("dropout_schedule", ["linear", 0.5]),
        ("batch_size", [0, "full", 2.5]),
        ("learning_rate", ["sine"]),
        ("warmup_fraction", [-0.1, 1.0]),
        ("learning_rate_init", [0.0, -1.0]),
        ("power_t", [-0.5]),
        ("max_iter", [0, 1.5]),
        ("max_fun", [0]),
        ("tol", [-1.0]),
        ("momentum", [-0.1, 1.1]),
        ("early_stopping", ["yes"]),
        ("validation_fraction", [-0.1, 1.0]),
        ("scoring", [3]),
        ("n_iter_no_change", [0, 2.5]),
        ("beta_1", [-0.1, 1.0]),
        ("beta_2", [-0.1, 1.0]),
        ("epsilon", [0.0]),
        ("weight_averaging", [-0.1, 1.0]),
        ("random_state", ["seed", -1]),
        ("hidden_layer_sizes", [0, -3, (3, 0), (3, -1), (2.5,), "10"]),
    ],
)
def test_unknown_parameter_values(name, values, Estimator):
    for value in values:
        estimator = Estimator(**{name: value})
        assert_refused(estimator, X, target_of(Estimator), name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("loss", ["log_loss", None]),
        ("huber_delta", [0.0, -1.0]),
        ("quantile", [-0.1, 1.1]),
    ],
)
def test_unknown_parameter_values_of_the_regressor(name, values):
    for value in values:
        assert_refused(MLPRegressor(**{name: value}), X, Y_REAL, name)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": "lbfgs", "dropout": 0.1}, "dropout=0.1 needs solver="),
        ({"solver": "lbfgs", "loss": "absolute_error"}, "not differentiable"),
        (
            {"solver": "lbfgs", "loss": "quantile", "quantile": 0.5},
            "not differentiable",
        ),
        ({"loss": "quantile"}, "needs the parameter quantile"),
        ({"solver": "sgd", "momentum": 1.0, "l1_ratio": 0.5}, "momentum=1"),
        ({"solver": "sgd", "momentum": 1.0, "feature_alpha": 0.5}, "momentum=1"),
        ({"early_stopping": True, "scoring": "nonsense"}, "scoring"),
    ],
)
def test_parameters_that_do_not_go_together(params, message):
    assert_refused(MLPRegressor(**params), X, Y_REAL, message)


@BOTH
def test_batch_size_larger_than_the_data_is_clipped(Estimator):
    estimator = Estimator(batch_size=100, max_iter=300, tol=1, random_state=0)
    with pytest.warns(UserWarning, match="batch_size=100 larger than the 60") as caught:
        estimator.fit(X, target_of(Estimator))
    assert len(caught) == 1


# -- validation sets that are too small ------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("n_rows", "validation_fraction"),
    [(1, 0.1), (2, 0.1), (10, 0.1), (60, 0.0), (60, 0.01), (60, 0.99)],
)
def test_validation_set_too_small(n_rows, validation_fraction, Estimator):
    estimator = Estimator(early_stopping=True, validation_fraction=validation_fraction)
    y = np.arange(n_rows) % 2
    message = "validation set is too small.*validation_fraction="
    assert_refused(estimator, X[:n_rows], y, message)


def test_validation_set_of_lone_classes():
    # Rows that are alone in their class cannot be held out.
    assert_refused(
        MLPClassifier(early_stopping=True, validation_fraction=0.5),
        X[:10],
        np.arange(10),
        "validation set is too small",
    )


def test_score_that_is_not_defined_for_the_validation_rows():
    regressor = MLPRegressor(early_stopping=True, scoring=lambda est, X, y: np.nan)
    message = "validation score .* is not finite after the first epoch"
    assert_refused(regressor, X, Y_REAL, message)


class OfABadDefault(MLPRegressor):
    """A subclass of a user, whose own default is not allowed."""

    def __init__(self, alpha=-1.0, max_iter=5):
        super().__init__()
        self.alpha, self.max_iter = alpha, max_iter


def test_a_default_that_is_not_allowed_is_refused_and_may_be_replaced():
    X, y = np.arange(20.0)[:, None] / 20, np.arange(20.0) / 20
    with pytest.raises(ValueError, match="'alpha' parameter of OfABadDefault"):
        OfABadDefault().fit(X, y)
    with pytest.warns(match="Maximum iterations"):
        OfABadDefault(alpha=0.1).fit(X, y)
    with pytest.raises(ValueError, match="'max_iter' parameter of OfABadDefault"):
        OfABadDefault(alpha=0.1, max_iter=0).fit(X, y)
