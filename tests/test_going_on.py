"""partial_fit and warm_start: what goes on from where, and what starts afresh."""

import numpy as np
import pytest
from helpers import Recorder, assert_same_parameters
from numpy.testing import assert_allclose, assert_array_equal

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.fit import fit_many, task_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- partial_fit -----------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_partial_fit_k_times_is_fit_with_k_epochs(
    Estimator, solver, learning_rate, iris
):
    X, y = iris
    params = {
        "hidden_layer_sizes": 6,
        "solver": solver,
        "learning_rate": learning_rate,
        "learning_rate_init": 0.02,
        "alpha": 0.01,
        "l1_ratio": 0.5,
        "dropout": 0.1,
        "batch_size": 40,
        "shuffle": False,
        "random_state": 0,
    }
    if learning_rate == "adaptive":
        # Patience and the lowered rate go on as well.
        params |= {"tol": 0.05, "n_iter_no_change": 1}
    whole = Estimator(**params, max_iter=12).fit(X, y)
    n_epochs = whole.n_iter_
    by_calls = Estimator(**params)
    classes = {"classes": [0, 1, 2]} if Estimator is MLPClassifier else {}
    for _ in range(n_epochs):
        by_calls.partial_fit(X, y, **classes)
    assert n_epochs > 3
    assert_same_parameters(by_calls, whole)
    assert_allclose(by_calls.loss_curve_, whole.loss_curve_, rtol=1e-9)
    assert by_calls.t_ == whole.t_ == n_epochs * len(X)
    assert by_calls.n_iter_ == 1


def test_partial_fit_knows_no_end_of_a_schedule(iris):
    X, y = iris
    thinned = MLPRegressor(hidden_layer_sizes=4, dropout_schedule="cosine", dropout=0.1)
    with pytest.raises(ValueError, match="Use dropout_schedule='constant'"):
        thinned.partial_fit(X, y)
    thinned.set_params(dropout=0.0).partial_fit(X, y)
    regressor = MLPRegressor(hidden_layer_sizes=4, learning_rate="cosine", max_iter=3)
    with pytest.raises(ValueError, match="partial_fit with learning_rate='cosine' is "):
        regressor.partial_fit(X, y)
    # After a fit, it goes on at the initial rate once that is what is asked for.
    regressor.fit(X, y)
    with pytest.raises(ValueError, match="Use learning_rate='constant'"):
        regressor.partial_fit(X, y)
    before = regressor.coefs_[0].copy()
    regressor.set_params(learning_rate="constant").partial_fit(X, y)
    assert 0.2e-3 < np.abs(regressor.coefs_[0] - before).max() < 2e-3


@pytest.mark.both_engines
def test_partial_fit_of_full_batches_is_fit_whatever_the_order(iris):
    X, y = iris
    params = {"hidden_layer_sizes": 6, "batch_size": 150, "random_state": 0}
    whole = MLPClassifier(**params, max_iter=8).fit(X, y)
    by_calls = MLPClassifier(**params)
    for _ in range(8):
        by_calls.partial_fit(X, y, classes=[0, 1, 2])
    assert_same_parameters(by_calls, whole)


@pytest.mark.both_engines
def test_partial_fit_of_other_rows_and_of_any_number(iris):
    X, y = iris
    classifier = MLPClassifier(
        hidden_layer_sizes=10, learning_rate_init=0.01, random_state=0
    )
    for epoch in range(30):
        for rows in np.array_split(np.random.RandomState(epoch).permutation(150), 7):
            classifier.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert classifier.score(X, y) > 0.95
    # One row, and a batch without one of the classes.
    classifier.partial_fit(X[:1], y[:1]).partial_fit(X[:60], y[:60])
    assert_array_equal(classifier.classes_, [0, 1, 2])


@pytest.mark.both_engines
def test_partial_fit_reads_edited_parameters(regression):
    X, y = regression
    params = {"hidden_layer_sizes": 4, "solver": "sgd", "momentum": 0}
    edited = MLPRegressor(**params, random_state=0).partial_fit(X, y)
    edited.coefs_[0][:] = 0.5
    edited.intercepts_[1] = np.array([2.0])
    expected = MLPRegressor(**params, random_state=0).partial_fit(X, y)
    expected.coefs_ = [np.full_like(edited.coefs_[0], 0.5), edited.coefs_[1].copy()]
    expected.intercepts_ = [edited.intercepts_[0].copy(), np.array([2.0])]
    assert_same_parameters(edited.partial_fit(X, y), expected.partial_fit(X, y))
    assert abs(edited.intercepts_[1][0] - 2.0) < 0.1


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "solvers", [("sgd", "adam"), ("adam", "sgd"), ("lbfgs", "adam")]
)
def test_partial_fit_after_another_solver(solvers, regression):
    X, y = regression
    first, second = solvers
    regressor = MLPRegressor(
        hidden_layer_sizes=4, solver=first, max_iter=3, random_state=0
    ).fit(X, y)
    start = regressor.coefs_[0].copy()
    regressor.set_params(solver=second, learning_rate_init=1e-3).partial_fit(X, y)
    change = np.abs(regressor.coefs_[0] - start).max()
    assert 0 < change < 0.01


@pytest.mark.both_engines
def test_partial_fit_with_rows_of_another_precision(iris):
    X, y = iris
    single, double = (
        MLPClassifier(hidden_layer_sizes=6, random_state=0).fit(X.astype(dtype), y)
        for dtype in ("f4", "f8")
    )
    for _ in range(3):
        single.partial_fit(X, y)
        double.partial_fit(X.astype("f4"), y)
    # The network keeps its precision, whatever comes.
    assert single.coefs_[0].dtype == single.predict_proba(X.astype("f4")).dtype == "f4"
    assert double.coefs_[0].dtype == double.predict_proba(X).dtype == "f8"
    assert_allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-3)


def test_partial_fit_classes(iris):
    X, y = iris
    classifier = MLPClassifier(hidden_layer_sizes=4)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier.partial_fit(X, y)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        classifier.partial_fit(X, y, classes=[0, 1])
    classifier.partial_fit(X, y, classes=[2, 0, 1])
    assert_array_equal(classifier.classes_, [0, 1, 2])
    # Their order does not matter.
    classifier.partial_fit(X, y, classes=[1, 2, 0])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        classifier.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        # As many as before.
        classifier.partial_fit(X, y, classes=[0, 1, 3])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        classifier.partial_fit(X, y + 1)


def test_partial_fit_on_one_class_out_of_two(iris):
    X, y = iris
    classifier = MLPClassifier(hidden_layer_sizes=4, random_state=0)
    classifier.partial_fit(X[:10], np.array(["b"] * 10), classes=["a", "b"])
    assert classifier.predict_proba(X).shape == (150, 2)
    assert set(classifier.predict(X)) <= {"a", "b"}


def test_partial_fit_needs_validation_data(iris):
    X, y = iris
    classifier = MLPClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        classifier.partial_fit(X, y, classes=[0, 1, 2])
    assert not hasattr(classifier, "coefs_")


@pytest.mark.both_engines
def test_partial_fit_monitors_and_goes_on_from_the_last_epoch(regression):
    X, y = regression
    train, valid = slice(0, 80), slice(80, None)
    params = {
        "hidden_layer_sizes": 20,
        "early_stopping": True,
        "learning_rate_init": 0.03,
        "batch_size": 20,
        "shuffle": False,
        "random_state": 0,
        "n_iter_no_change": 100,
    }
    whole = MLPRegressor(**params, max_iter=30)
    whole.fit(X[train], y[train], X_val=X[valid], y_val=y[valid])
    by_calls = MLPRegressor(**params)
    for epoch in range(30):
        by_calls.partial_fit(X[train], y[train], X_val=X[valid], y_val=y[valid])
        assert len(by_calls.validation_scores_) == epoch + 1
    # A case where the best epoch is in the middle, and was restored many times.
    assert 2 < whole.best_iter_ < 29
    assert_allclose(by_calls.validation_scores_, whole.validation_scores_, rtol=1e-9)
    assert by_calls.best_iter_ == whole.best_iter_
    for ours, expected in zip(by_calls.coefs_, whole.coefs_, strict=True):
        assert_allclose(ours, expected, rtol=1e-9)


def test_partial_fit_says_when_patience_is_out(regression):
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        early_stopping=True,
        n_iter_no_change=2,
        scoring=Recorder([0.5]),
    )
    reasons = []
    for _ in range(5):
        regressor.partial_fit(X, y, X_val=X, y_val=y)
        reasons.append(regressor.stop_reason_)
    assert reasons == ["max_iter"] * 3 + ["no_improvement"] * 2


def test_partial_fit_starts_monitoring_after_a_fit_without(regression):
    X, y = regression
    regressor = MLPRegressor(hidden_layer_sizes=5, max_iter=200, random_state=0)
    regressor.fit(X, y)
    # The training loss of the fit is not a score to beat.
    regressor.set_params(early_stopping=True, scoring=Recorder([-5.0, -4.0]))
    regressor.partial_fit(X, y, X_val=X, y_val=y)
    assert regressor.validation_scores_ == [-5.0]
    before = regressor.coefs_[0].copy()
    regressor.partial_fit(X, y, X_val=X, y_val=y)
    assert (regressor.best_iter_, regressor.best_validation_score_) == (2, -4.0)
    assert (regressor.coefs_[0] != before).any()


def test_partial_fit_without_monitoring_goes_on_from_the_restored_network(regression):
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        early_stopping=True,
        solver="sgd",
        momentum=0,
        learning_rate_init=0.05,
        max_iter=20,
        random_state=0,
        scoring=Recorder([0.0, 1.0, 0.5]),
    ).fit(X, y)
    restored = regressor.coefs_[0].copy()
    regressor.set_params(early_stopping=False)
    # A target that equals the prediction there has no gradient but the penalty's.
    regressor.partial_fit(X[:1], regressor.predict(X[:1]))
    assert_allclose(regressor.coefs_[0], restored, rtol=1e-4)
    assert regressor.validation_scores_ is None
    assert regressor.best_validation_score_ is None


# -- warm_start ------------------------------------------------------------------------


@pytest.mark.both_engines
def test_warm_start_with_validation_set(regression):
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=5,
        early_stopping=True,
        warm_start=True,
        max_iter=4,
        random_state=0,
    )
    recorders = [Recorder([0.3, 0.2, 0.1, 0.0]), Recorder([0.05, 0.2, 0.1, 0.0])]
    for recorder in recorders:
        regressor.set_params(scoring=recorder).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert regressor.best_iter_ == 4 + 2
    assert regressor.best_validation_score_ == 0.2
    first, second = recorders
    assert_array_equal(regressor.coefs_[0], second.parameters[1][0])
    # The second fit starts at the network that the first one restored: closer to its
    # first epoch than its last one is.
    start = second.parameters[0][0]
    distance_to_best = np.abs(start - first.parameters[0][0]).max()
    assert distance_to_best < np.abs(start - first.parameters[3][0]).max()


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_warm_start_starts_at_coefs_with_fresh_moments(solver, regression):
    X, y = regression
    params = {"hidden_layer_sizes": 4, "solver": solver, "max_iter": 5}
    first = MLPRegressor(**params, warm_start=True, random_state=0).fit(X, y)
    coefs, intercepts = first.coefs_, first.intercepts_
    first.fit(X, y)
    assert len(first.loss_curve_) == 10
    # Another estimator that is only given the same parameters.
    second = MLPRegressor(**params, warm_start=True, random_state=0).fit(X[:30], y[:30])
    second.coefs_ = [W.copy() for W in coefs]
    second.intercepts_ = [b.copy() for b in intercepts]
    second.fit(X, y)
    assert_same_parameters(second, first)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_goes_on_counting(early_stopping, solver, regression):
    X, y = regression
    regressor = MLPRegressor(
        4, solver=solver, max_iter=3, early_stopping=early_stopping
    )
    regressor.set_params(warm_start=True, random_state=0, learning_rate_init=0.1)
    n_training_rows = 108 if early_stopping else 120
    curves = ["loss_curve_", "data_loss_curve_"]
    if early_stopping:
        curves += ["validation_scores_", "validation_loss_curve_"]
    earlier = {name: [] for name in curves}
    for n_fits in (1, 2, 3):
        regressor.fit(X, y)
        assert regressor.n_iter_ == 3
        for name in curves:
            curve = getattr(regressor, name)
            assert curve[: len(earlier[name])] == earlier[name]
            assert len(curve) == len(earlier[name]) + 3
            earlier[name] = list(curve)
        assert regressor.loss_ == regressor.loss_curve_[-1]
        if solver == "adam":
            assert regressor.t_ == 3 * n_fits * n_training_rows
        if early_stopping:
            scores = regressor.validation_scores_
            assert regressor.best_loss_ is None
            assert regressor.best_validation_score_ == max(scores)
            assert scores[regressor.best_iter_ - 1] == max(scores)
        else:
            assert regressor.best_loss_ == min(regressor.loss_curve_)
            assert regressor.validation_scores_ is None


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_after_divergence_has_new_moments(solver, regression):
    X, y = regression
    regressor = MLPRegressor(4, solver=solver, batch_size=30, random_state=0)
    regressor.partial_fit(X, y)
    with np.errstate(all="ignore"):
        regressor.partial_fit(X, 1e300 * y)
    assert regressor.stop_reason_ == "diverged"
    # Another one is given the same parameters, the order of the rows alike.
    new = MLPRegressor(4, solver=solver, batch_size=30, random_state=0)
    new.set_params(shuffle=False).fit(X[:30], y[:30])
    regressor.set_params(shuffle=False)
    new.coefs_ = [W.copy() for W in regressor.coefs_]
    new.intercepts_ = [b.copy() for b in regressor.intercepts_]
    new.set_params(warm_start=True, max_iter=1)
    assert_same_parameters(regressor.partial_fit(X, y), new.fit(X, y))
    assert regressor.stop_reason_ != "diverged"


@pytest.mark.both_engines
def test_warm_start_begins_a_schedule_anew(regression):
    X, y = regression
    params = {"hidden_layer_sizes": 4, "learning_rate": "cosine", "shuffle": False}
    first = MLPRegressor(**params, warm_start=True, max_iter=5, random_state=0)
    first.fit(X, y)
    coefs, intercepts = first.coefs_, first.intercepts_
    first.fit(X, y)
    # One that has a single epoch behind it, and is given the same parameters.
    second = MLPRegressor(**params, warm_start=True, max_iter=1, random_state=0)
    second.fit(X, y).set_params(max_iter=5)
    second.coefs_ = [W.copy() for W in coefs]
    second.intercepts_ = [b.copy() for b in intercepts]
    assert_same_parameters(second.fit(X, y), first)


def test_fit_without_warm_start_forgets(regression):
    X, y = regression
    params = {"hidden_layer_sizes": 4, "max_iter": 5, "random_state": 0}
    once = MLPRegressor(**params).fit(X, y)
    twice = MLPRegressor(**params).fit(X[:50], y[:50])
    twice.partial_fit(X, y).fit(X, y)
    assert_same_parameters(twice, once)
    assert twice.loss_curve_ == once.loss_curve_


def test_warm_start_with_other_layers_is_an_error(regression):
    X, y = regression
    regressor = MLPRegressor(hidden_layer_sizes=4, warm_start=True, max_iter=2)
    regressor.fit(X, y).set_params(hidden_layer_sizes=(4, 4))
    with pytest.raises(ValueError, match="asks for layers of"):
        regressor.fit(X, y)
    assert [len(W) for W in regressor.coefs_] == [5, 4]


def test_warm_start_with_other_classes_is_an_error(iris):
    X, y = iris
    classifier = MLPClassifier(warm_start=True, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        classifier.fit(X, y + 1)
    with pytest.raises(ValueError, match="training is on a multiclass one"):
        classifier.fit(X, np.eye(3, dtype=int)[y])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_lbfgs_warm_started_at_its_minimum(early_stopping, regression):
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=(),
        solver="lbfgs",
        alpha=0.1,
        warm_start=True,
        early_stopping=early_stopping,
        n_iter_no_change=100,
    )
    data = {"X_val": X[:9], "y_val": y[:9]} if early_stopping else {}
    regressor.fit(X, y, **data).set_params(early_stopping=False).fit(X, y)
    minimum = regressor.coefs_[0].copy()
    regressor.set_params(early_stopping=early_stopping, tol=0.01).fit(X, y, **data)
    assert regressor.stop_reason_ == "converged"
    assert_allclose(regressor.coefs_[0], minimum, rtol=1e-6)
    assert np.isfinite(regressor.loss_)
    if early_stopping:
        loss = 0.5 * np.mean((regressor.predict(X[:9]) - y[:9]) ** 2)
        score = -loss / (0.5 * np.var(y))
        assert_allclose(regressor.best_validation_score_, score, rtol=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_many_short_lbfgs_fits_are_a_long_one(l1_ratio, iris):
    X, y = iris
    params = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.01}
    params |= {"l1_ratio": l1_ratio, "random_state": 0}
    whole = MLPClassifier(**params, max_iter=1000, tol=1e-6).fit(X, y)
    parts = MLPClassifier(**params, max_iter=20, tol=1e-6, warm_start=True)
    for _ in range(40):
        parts.fit(X, y)
    assert_allclose(parts.loss_, whole.loss_, rtol=1e-6)
    assert parts.sparsity_ == whole.sparsity_


# -- states of tasks -------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": "cosine", "warmup_fraction": 0.3},
        {"dropout": 0.4, "dropout_schedule": "cosine"},
        {"weight_averaging": 0.8},
    ],
    ids=lambda params: "+".join(params),
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_two_phases_are_one_fit(solver, params, early_stopping, regression):
    """A phase's `max_iter` is not the end of a schedule: the estimator's is."""
    X, y = regression
    regressor = MLPRegressor(
        hidden_layer_sizes=6,
        solver=solver,
        learning_rate_init=0.02,
        batch_size=25,
        max_iter=9,
        early_stopping=early_stopping,
        random_state=0,
        **params,
    )
    (first,) = fit_many([task_of(regressor, max_iter=4)], X, y)
    second = task_of(regressor, state=first.state, resume=True)
    (second,) = fit_many([second], X, y)
    (whole,) = fit_many([task_of(regressor)], X, y)
    assert (first.state.progress.n_epochs, second.state.progress.n_epochs) == (4, 9)
    for name in ("params", "kept"):
        found, expected = getattr(second.state, name), getattr(whole.state, name)
        assert_allclose(found, expected, rtol=1e-10)
    assert (whole.state.average is not None) == ("weight_averaging" in params)
    assert_allclose(second.progress.curves.loss, whole.progress.curves.loss, rtol=1e-10)
