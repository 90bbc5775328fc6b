"""Several quantiles at once: one network, an output each, columns that never cross."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.pipeline import make_pipeline

from skreg import MLPRegressor, MLPRegressorCV
from skreg._core.losses import Quantile
from skreg._utils.scores import regression_score
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.ensemble import FoldEnsembleRegressor
from skreg.model_selection import GridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LEVELS = (0.1, 0.5, 0.9)


def data(n_rows=400, seed=0):
    """A line whose noise grows along it, in a unit far from one."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n_rows, 2))
    spread = 1 + X[:, 0]
    return X, 1e4 * (3 * X[:, 0] + spread * rng.normal(size=n_rows))


X, Y = data()
X_NEW, Y_NEW = data(seed=1)


def network(**params):
    defaults = {
        "loss": "quantile",
        "quantile": LEVELS,
        "normalize_y": True,
        "hidden_layer_sizes": (20,),
        "early_stopping": True,
        "max_iter": 100,
        "random_state": 0,
    }
    return MLPRegressor(**defaults | params)


def test_the_loss_is_the_sum_of_those_of_the_quantiles():
    rng = np.random.default_rng(0)
    raw, Y = rng.normal(size=(3, 50)), rng.normal(size=(1, 50)).repeat(3, axis=0)
    assert Quantile(LEVELS).value(np.float32(raw), np.float32(Y)).dtype == np.float32
    loss, singles = Quantile(LEVELS), [Quantile(level) for level in LEVELS]
    values = [
        single.value(raw[k : k + 1], Y[k : k + 1]) for k, single in enumerate(singles)
    ]
    assert_allclose(loss.value(raw, Y), np.sum(values, axis=0))
    gradient, own = np.empty_like(raw), np.empty((1, 50))
    loss.gradient(raw, Y, out=gradient)
    for k, single in enumerate(singles):
        single.gradient(raw[k : k + 1], Y[k : k + 1], out=own)
        assert_array_equal(gradient[k], own[0])
        assert_array_equal(
            loss.best_constant(Y)[k], single.best_constant(Y[k : k + 1])[0]
        )
        assert loss.of_output(k).quantile == LEVELS[k]


@pytest.mark.both_engines
def test_columns_are_the_quantiles_of_new_rows_and_never_cross():
    X, Y = data(2000)
    model = network(max_iter=200).fit(X, Y)
    columns = model.predict(X_NEW)
    assert columns.shape == (len(X_NEW), 3)
    assert (np.diff(columns, axis=1) >= 0).all()
    assert_allclose((Y_NEW[:, None] <= columns).mean(axis=0), LEVELS, atol=0.06)
    # Where the noise is larger, the interval is wider.
    width = columns[:, 2] - columns[:, 0]
    assert width[X_NEW[:, 0] > 0.5].mean() > 2 * width[X_NEW[:, 0] < -0.5].mean()
    expected = [
        d2_pinball_score(Y_NEW, column, alpha=level)
        for level, column in zip(LEVELS, columns.T, strict=True)
    ]
    assert_allclose(model.score(X_NEW, Y_NEW), np.mean(expected))


def test_outputs_that_cross_are_sorted_row_by_row():
    model = network(max_iter=3, early_stopping=False, n_iter_no_change=3).fit(X, Y)
    raw = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    expected = np.sort(raw, axis=1) * model.y_scale_ + model.y_mean_
    assert_array_equal(model._outputs_of(raw), expected)


@pytest.mark.both_engines
def test_quantiles_in_an_array_are_those_in_a_list():
    params = {"max_iter": 3, "early_stopping": False}
    levels = (0.05, 0.25, 0.95)
    listed = network(quantile=list(levels), **params).fit(X, Y)
    for quantile in (levels, np.array(levels), np.float32(levels)):
        model = network(quantile=quantile, **params).fit(X, Y)
        assert_allclose(model.predict(X), listed.predict(X), rtol=1e-6)
        assert_array_equal(model._quantiles, tuple(map(float, quantile)))
        assert pickle.loads(pickle.dumps(model)).score(X, Y) == model.score(X, Y)


def test_one_quantile_in_a_list_is_that_quantile():
    alone = network(quantile=0.3).fit(X, Y)
    listed = network(quantile=[0.3]).fit(X, Y)
    assert_array_equal(alone.predict(X_NEW), listed.predict(X_NEW))
    assert listed.predict(X_NEW).ndim == 1
    assert alone.score(X_NEW, Y_NEW) == listed.score(X_NEW, Y_NEW)


def test_the_validation_loss_is_the_pinball_loss_in_the_unit_of_y():
    model = network(refit=False).fit(X, Y, X_val=X_NEW, y_val=Y_NEW)
    raw = model._predict_raw(X_NEW) * model.y_scale_ + model.y_mean_
    expected = sum(
        mean_pinball_loss(Y_NEW, column, alpha=level)
        for level, column in zip(LEVELS, raw.T, strict=True)
    )
    assert_allclose(
        model.validation_loss_curve_[model.best_iter_ - 1], expected, rtol=1e-6
    )


def test_weights_of_rows_count():
    model = network().fit(X, Y, sample_weight=np.where(X[:, 0] > 0, 1.0, 0.0))
    assert not np.array_equal(model.predict(X), network().fit(X, Y).predict(X))


def test_weights_of_rows_count_in_the_score():
    model = network(max_iter=5).fit(X, Y)
    weight = np.linspace(0.1, 5, len(X))
    scores = [
        d2_pinball_score(Y, column, alpha=level, sample_weight=weight)
        for level, column in zip(LEVELS, model.predict(X).T, strict=True)
    ]
    assert_allclose(model.score(X, Y, weight), np.mean(scores))
    # A fitted network is of the quantiles that it was fitted to.
    model.set_params(quantile=(0.2, 0.3, 0.4))
    assert_allclose(model.score(X, Y, weight), np.mean(scores))


def test_training_goes_on_and_state_survives():
    model = network(early_stopping=False)
    for _ in range(3):
        model.partial_fit(X, Y)
    assert model.predict(X).shape == (len(X), 3)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).quantile == LEVELS
    warm = network(warm_start=True, early_stopping=False, max_iter=5, tol=0.0)
    before = warm.fit(X, Y).predict(X)
    assert not np.array_equal(warm.fit(X, Y).predict(X), before)


@pytest.mark.parametrize("quantile", [(0.1, 0.9), (0.1, 0.3, 0.5, 0.9), (0.5,)])
def test_a_fitted_network_has_as_many_quantiles_as_before(quantile):
    for params in ({"early_stopping": False}, {"warm_start": True}):
        model = network(**params, max_iter=2).fit(X, Y)
        before = model.predict(X)
        model.set_params(quantile=quantile)
        with pytest.raises(ValueError, match="but"):
            model.fit(X, Y) if model.warm_start else model.partial_fit(X, Y)
        assert_array_equal(model.predict(X), before)


def test_searched_in_lockstep_as_alone():
    search = GridSearchCV(network(), {"alpha": [1e-4, 1e-2]}, cv=2).fit(X, Y)
    assert search.n_batched_ == 2
    alone = network(alpha=search.best_params_["alpha"]).fit(X, Y)
    assert_allclose(search.predict(X_NEW), alone.predict(X_NEW), rtol=1e-6)
    search = GridSearchCV(network(), {"quantile": [(0.1, 0.9), LEVELS]}, cv=2)
    assert search.fit(X, Y).best_estimator_.predict(X).shape[1] in (2, 3)


def test_ensembles_average_them():
    ensemble = FoldEnsembleRegressor(network(), cv=3, random_state=0).fit(X, Y)
    columns, spread = ensemble.predict(X_NEW, return_std=True)
    assert columns.shape == spread.shape == (len(X_NEW), 3)
    assert (np.diff(columns, axis=1) >= 0).all()
    assert ensemble.oof_prediction_.shape == (len(X), 3)
    assert ensemble.score(X_NEW, Y_NEW) > network().fit(X, Y).score(X_NEW, Y_NEW) - 0.1
    assert 0 < ensemble.oof_score_ < 1


@pytest.mark.parametrize(
    "member",
    [
        GridSearchCV(make_pipeline(network()), {"mlpregressor__alpha": [0.1]}, cv=2),
        FoldEnsembleRegressor(network(), cv=2, random_state=0),
    ],
)
def test_ensembles_of_searches_and_of_ensembles(member):
    ensemble = FoldEnsembleRegressor(member, cv=2, random_state=0).fit(X, Y)
    assert ensemble.predict(X_NEW).shape == (len(X_NEW), 3)
    assert 0 < ensemble.oof_score_ < 1 and 0 < ensemble.score(X_NEW, Y_NEW) < 1


def test_a_search_over_ensembles_refuses_them():
    space = {"loss": ["quantile"], "quantile": [[0.1, 0.9], 0.5]}
    with pytest.raises(ValueError, match="compares predictions of the target itself"):
        MLPRegressorCV(space, cv=2).fit(X, Y)


@pytest.mark.parametrize("wrap", [lambda model: model, FoldEnsembleRegressor])
def test_a_diagnosis_is_of_one_quantile(wrap):
    estimator = wrap(network(normalize_y=False))
    for diagnosed in (
        lambda: diagnose(estimator, X, Y),
        lambda: bias_variance_decomposition(estimator, X, Y, X_test=X, y_test=Y),
    ):
        with pytest.raises(ValueError, match="several values, and what is predicted"):
            diagnosed()


@pytest.mark.parametrize(
    "quantile", [[0.5, 0.1], [0.5, 0.5], [[0.1]], [1.2], [-0.1, 0.5], [0.1, np.nan], []]
)
def test_what_are_no_quantiles_is_an_error(quantile):
    with pytest.raises(ValueError, match="several of them that increase"):
        network(quantile=quantile).fit(X, Y)


def test_several_columns_have_one_quantile():
    with pytest.raises(ValueError, match="target of one column; y has 2"):
        network().fit(X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="`y_val` has 3 columns"):
        network().fit(X, Y, X_val=X, y_val=np.column_stack([Y] * 3))


def test_a_row_of_double_weight_counts_twice_in_the_score():
    rng = np.random.default_rng(0)
    y, prediction = rng.normal(size=20), rng.normal(size=(20, 2))
    weight = 1 + np.arange(20) % 3
    twice = np.repeat(np.arange(20), weight)
    score = regression_score(y, prediction, (0.2, 0.7), sample_weight=weight)
    expected = regression_score(y[twice], prediction[twice], (0.2, 0.7))
    assert score == pytest.approx(expected)
