"""`weight_averaging`: an average is kept, and training goes on beside it."""

import pickle

import numpy as np
import pytest
from helpers import Recorder, assert_same_parameters
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPClassifier, MLPRegressor
from skreg._core.averaging import Averages
from skreg._fitting.fit import fit_many, task_of
from skreg.diagnosis._remedies import changes_for
from skreg.feature_selection import feature_path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PARAMS = {
    "hidden_layer_sizes": (6,),
    "learning_rate_init": 0.02,
    "batch_size": 25,
    "max_iter": 8,
    "shuffle": False,
    "random_state": 0,
}
EACH_SOLVER = pytest.mark.parametrize("solver", ["adam", "sgd"])


def regressor(**params):
    return MLPRegressor(**(PARAMS | params))


def average_by_hand(series, decay):
    """Of arrays after epochs 1 to n, the weights of which sum to one."""
    shares = np.array([decay**age for age in range(len(series))][::-1])
    return np.tensordot(shares / shares.sum(), np.array(series), axes=1)


def parameters_of(model):
    """All weights and intercepts in one vector."""
    arrays = model.coefs_ + model.intercepts_
    return np.concatenate([array.ravel() for array in arrays])


def epoch_by_epoch(X, y, n_epochs=8, **params):
    """The parameters after each epoch, without averages, and the last network."""
    model, series = regressor(**params), []
    for _ in range(n_epochs):
        series.append(parameters_of(model.partial_fit(X, y)))
    return series, model


# -- the averages of a batch -----------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_averages_by_hand(dtype):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(5, 3, 4)).astype(dtype)
    decays = np.array([0.0, 0.5, 0.95])
    averages = Averages(decays, [None] * 3, series[0])
    for n in range(1, 4):
        found = averages.after_epoch(series[n - 1])
        assert found.dtype == dtype
        # Without decay it is the parameters themselves, to the last bit.
        assert_array_equal(found[0], series[n - 1, 0])
        for k, decay in enumerate(decays):
            by_hand = average_by_hand(series[:n, k], decay)
            assert_allclose(found[k], by_hand, rtol=1e-6, atol=1e-6)
    assert averages.export(0) is None
    second = averages.export(1)
    averages.keep(np.array([2]))
    found = averages.after_epoch(series[3][[2]])
    by_hand = average_by_hand(series[:4, 2], 0.95)
    assert_allclose(found, [by_hand], rtol=1e-6, atol=1e-6)
    # An exported one goes on elsewhere, beside one that begins.
    assert second.n_epochs == 3
    others = Averages(np.array([0.5, 0.5]), [second, None], series[0][:2])
    found = others.after_epoch(series[3][[1, 0]])
    assert_array_equal(found[1], series[3, 0])
    by_hand = average_by_hand(series[:4, 1], 0.5)
    assert_allclose(found[0], by_hand, rtol=1e-6, atol=1e-6)


# -- what an estimator publishes -------------------------------------------------------


@pytest.mark.both_engines
@EACH_SOLVER
def test_the_average_is_that_of_the_epochs(solver, regression):
    X, y = regression
    series, plain = epoch_by_epoch(X, y, solver=solver)
    model = regressor(solver=solver, weight_averaging=0.7).fit(X, y)
    assert_allclose(parameters_of(model), average_by_hand(series, 0.7), rtol=1e-9)
    # What is minimized is the objective of the weights themselves.
    assert_allclose(model.loss_curve_, plain.loss_curve_, rtol=1e-9)
    assert_allclose(model.data_loss_curve_, plain.data_loss_curve_, rtol=1e-9)


@pytest.mark.both_engines
@EACH_SOLVER
def test_the_average_is_judged_and_the_best_one_kept(solver, regression):
    X, y = regression
    given = {"X_val": X[:20], "y_val": y[:20]}
    series, _ = epoch_by_epoch(X, y, solver=solver)
    scores = [0.1, 0.2, 0.3, 0.9, 0.5, 0.4, 0.3, 0.2]
    recorder = Recorder(scores)
    params = {"solver": solver, "weight_averaging": 0.6, "early_stopping": True}
    model = regressor(**params, scoring=recorder).fit(X, y, **given)
    averages = [average_by_hand(series[:n], 0.6) for n in range(1, 9)]
    for found, average in zip(recorder.parameters, averages, strict=True):
        flat = np.concatenate([array.ravel() for array in found])
        assert_allclose(flat, average, rtol=1e-9)
    assert model.best_iter_ == 4
    assert_allclose(parameters_of(model), averages[3], rtol=1e-9)
    # So is the loss of the validation rows, of the best epoch for example.
    loss = 0.5 * np.mean((model.predict(X[:20]) - y[:20]) ** 2)
    assert_allclose(model.validation_loss_curve_[3], loss, rtol=1e-9)


@pytest.mark.both_engines
def test_the_second_network_of_a_refit_is_an_average_too(cancer):
    X, y = cancer
    params = PARAMS | {"batch_size": 256, "max_iter": 6, "learning_rate_init": 1e-3}
    model = MLPClassifier(**params, early_stopping=True, weight_averaging=0.8)
    model.set_params(refit=True).fit(X, y)
    # 512 training rows have 2 minibatches, and all 569 rows 3.
    assert model.best_iter_ == 6 and model.refit_n_updates_ == 12
    again = clone(model).set_params(refit=False, early_stopping=False, max_iter=4)
    assert_same_parameters(model, again.fit(X, y))
    assert not np.allclose(
        parameters_of(model),
        parameters_of(again.set_params(weight_averaging=0.0).fit(X, y)),
    )


@pytest.mark.both_engines
def test_training_that_diverges_keeps_the_last_finite_average(regression):
    X, y = regression
    params = {"solver": "sgd", "weight_averaging": 0.5, "learning_rate_init": 5.0}
    params |= {"momentum": 0.0, "batch_size": 120, "max_iter": 100}
    model = regressor(**params, activation="identity")
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    n_finite = model.n_iter_ - 1
    assert model.stop_reason_ == "diverged" and n_finite > 1
    shorter = clone(model).set_params(max_iter=n_finite).fit(X, y)
    assert_same_parameters(model, shorter)


# -- going on --------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("early_stopping", [False, True])
@EACH_SOLVER
def test_partial_fit_k_times_is_fit_with_k_epochs(solver, early_stopping, regression):
    X, y = regression
    params = {"solver": solver, "weight_averaging": 0.6}
    params |= {"early_stopping": early_stopping, "scoring": "r2"}
    given = {"X_val": X[:9], "y_val": y[:9]} if early_stopping else {}
    whole = regressor(**params).fit(X, y, **given)
    by_calls = regressor(**params)
    for _ in range(8):
        by_calls.partial_fit(X, y, **given)
        # An estimator may be kept on disk between two calls.
        by_calls = pickle.loads(pickle.dumps(by_calls))
    assert_same_parameters(by_calls, whole)
    assert_allclose(by_calls.loss_curve_, whole.loss_curve_, rtol=1e-9)


@pytest.mark.both_engines
def test_edited_weights_begin_an_average(regression):
    X, y = regression
    model = regressor(solver="sgd", momentum=0.0, weight_averaging=0.9).fit(X, y)
    expected = regressor(solver="sgd", momentum=0.0).fit(X, y)
    for each in (model, expected):
        each.coefs_ = [np.full_like(W, 0.3) for W in each.coefs_]
        each.intercepts_ = [np.zeros_like(b) for b in each.intercepts_]
        each.partial_fit(X, y)
    assert_same_parameters(model, expected)


@pytest.mark.both_engines
def test_without_averages_training_goes_on_from_the_last_one(regression):
    X, y = regression
    model = regressor(solver="sgd", momentum=0.0, weight_averaging=0.9).fit(X, y)
    average = parameters_of(model)
    model.set_params(weight_averaging=0.0, batch_size="auto")
    # A target that equals the prediction there has no gradient but the penalty's.
    model.partial_fit(X[:1], model.predict(X[:1]))
    assert_allclose(parameters_of(model), average, rtol=1e-4, atol=1e-6)


@pytest.mark.both_engines
def test_warm_start_begins_an_average(regression):
    X, y = regression
    model = regressor(weight_averaging=0.9, warm_start=True).fit(X, y)
    other = regressor(weight_averaging=0.9, warm_start=True, max_iter=1).fit(X, y)
    other.coefs_ = [W.copy() for W in model.coefs_]
    other.intercepts_ = [b.copy() for b in model.intercepts_]
    assert_same_parameters(other.set_params(max_iter=8).fit(X, y), model.fit(X, y))


def test_a_state_has_both_and_a_pickle_none_of_them_twice(regression):
    X, y = regression
    task = task_of(regressor(weight_averaging=0.9))
    (outcome,) = fit_many([task], X, y)
    state = outcome.state.without_rows()
    assert state.average.n_epochs == 8
    assert state.average.params is state.kept
    assert not np.allclose(state.kept, state.params)


# -- what it does not go with ----------------------------------------------------------


@pytest.mark.parametrize(
    "params, said",
    [
        ({"l1_ratio": 0.5, "alpha": 0.01}, "alpha=0.01 and l1_ratio=0.5"),
        ({"feature_alpha": 0.1}, "feature_alpha=0.1"),
    ],
)
def test_penalties_that_make_zeros_are_refused(params, said, regression):
    model = regressor(weight_averaging=0.5, **params)
    with pytest.raises(ValueError, match=f"weight_averaging=0.5 is not.*by {said}"):
        model.fit(*regression)
    with pytest.raises(ValueError, match="weight_averaging=0.5 is not"):
        model.partial_fit(*regression)
    # Of these, none makes a zero, or none of this solver is averaged.
    model.set_params(l1_ratio=0.0, feature_alpha=0.0).fit(*regression)
    model.set_params(l1_ratio=1.0, alpha=0.0).fit(*regression)
    model.set_params(solver="lbfgs", **params | {"feature_alpha": 0.0})
    with pytest.warns(UserWarning, match="weight_averaging=0.5 .needs solver='adam'"):
        model.fit(*regression)


def test_a_path_is_refused(regression):
    with pytest.raises(ValueError, match="weight_averaging=0.5 is not possible"):
        feature_path(regressor(weight_averaging=0.5), *regression)


def test_a_diagnosis_does_not_try_what_is_refused():
    with_l1 = [
        "l1_ratio" in change.params
        for decay in (0.0, 0.5)
        for change in changes_for(regressor(weight_averaging=decay), False)
        if "l1_ratio" in change.params
    ]
    assert with_l1 == [True]
