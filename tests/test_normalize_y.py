"""`normalize_y`: targets in whatever unit, and predictions in the same."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold, PredefinedSplit, cross_val_score

from skreg import MLPRegressor
from skreg._fitting.targets import TargetScaling
from skreg.augmentation import AugmentingResampler, GaussianNoise, Mixup
from skreg.diagnosis import diagnose
from skreg.feature_selection import SparseInputSelector, feature_path
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV, alpha_grid

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
CURVE = X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * rng.normal(size=len(X))
PRICES = 4e5 + 1e5 * CURVE

UNITS = {
    "dollars": (4e5, 1e5),
    "thousandths": (0.0, 1e-3),
    "years": (2000.0, 1.0),
    "far away": (1e8, 1.0),
    "tiny": (0.0, 1e-200),
    "huge": (0.0, 1e200),
}


def network(**params):
    defaults = {"batch_size": 50, "learning_rate_init": 0.01, "random_state": 0}
    params = {"hidden_layer_sizes": (20,), "normalize_y": True} | params
    return MLPRegressor(**(defaults | params))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", "quantile"]
)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_predictions_follow_the_unit_of_the_target(unit, loss, early_stopping):
    mean, scale = UNITS[unit]
    model = network(loss=loss, quantile=0.5, early_stopping=early_stopping)
    model.set_params(n_iter_no_change=5, tol=1e-3)
    plain = clone(model).fit(X, CURVE)
    model.fit(X, mean + scale * CURVE)
    # So `tol` does not depend on the unit either.
    assert model.n_iter_ == plain.n_iter_
    expected, predicted = plain.predict(X), model.predict(X)
    assert r2_score(CURVE, expected) > 0.9
    np.testing.assert_allclose((predicted - mean) / scale, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("mean", [1e7, 1e8])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_far_target_is_learned_in_every_solver_and_dtype(solver, dtype, mean):
    model = network(solver=solver).fit(X.astype(dtype), mean + CURVE)
    predicted = model.predict(X.astype(dtype))
    assert predicted.dtype == np.float64
    assert model.coefs_[0].dtype == dtype
    assert r2_score(mean + CURVE, predicted) > 0.95


def test_it_is_training_on_the_scaled_target():
    model = network(max_iter=20, n_iter_no_change=np.inf)
    scaled = (PRICES - PRICES.mean()) / PRICES.std()
    with pytest.warns(match="Maximum iterations"):
        by_hand = clone(model).set_params(normalize_y=False).fit(X, scaled)
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, PRICES)
    np.testing.assert_allclose(model.coefs_[0], by_hand.coefs_[0], rtol=1e-9)
    losses = PRICES.var() * np.array(by_hand.loss_curve_)
    np.testing.assert_allclose(model.loss_curve_, losses)
    np.testing.assert_allclose(model.y_mean_, [PRICES.mean()])
    np.testing.assert_allclose(model.y_scale_, [PRICES.std()])
    assert by_hand.y_mean_ is None and by_hand.y_scale_ is None


def squared(residual, deviation):
    return residual**2 / 2


def absolute(residual, deviation):
    return np.abs(residual)


def huber(residual, deviation):
    delta = 1.35 * deviation
    inner = np.minimum(np.abs(residual), delta)
    return inner * (np.abs(residual) - inner / 2)


def pinball(residual, deviation):
    return np.maximum(0.1 * residual, -0.9 * residual)


@pytest.mark.parametrize(
    "loss, value, solver",
    [
        ("squared_error", squared, "adam"),
        ("squared_error", squared, "lbfgs"),
        ("absolute_error", absolute, "adam"),
        ("huber", huber, "adam"),
        ("huber", huber, "lbfgs"),
        ("quantile", pinball, "adam"),
    ],
)
def test_losses_come_back_in_the_unit_of_the_target(loss, value, solver):
    quantile = 0.9 if loss == "quantile" else None
    model = network(
        early_stopping=True, loss=loss, quantile=quantile, solver=solver, max_iter=20
    )
    training, held_out = np.arange(len(X)) % 4 > 0, np.arange(len(X)) % 4 == 0
    model.fit(X[training], PRICES[training], X_val=X[held_out], y_val=PRICES[held_out])
    residual = model.predict(X[held_out]) - PRICES[held_out]
    at_best = model.validation_loss_curve_[model.best_iter_ - 1]
    assert at_best == pytest.approx(value(residual, model.y_scale_[0]).mean())


def test_the_curves_of_partial_fit_stay_in_the_unit_of_the_target():
    model = network(alpha=0.0)
    for _ in range(3):
        model.partial_fit(X, PRICES)
    by_hand = network(alpha=0.0, normalize_y=False)
    for _ in range(3):
        by_hand.partial_fit(X, (PRICES - PRICES.mean()) / PRICES.std())
    losses = PRICES.var() * np.array(by_hand.loss_curve_)
    np.testing.assert_allclose(model.loss_curve_, losses)
    assert model.best_loss_ == min(model.loss_curve_)


def test_the_summed_loss_of_several_outputs_is_multiplied_by_a_mean():
    Y = np.column_stack([PRICES, CURVE])
    options = {"max_iter": 5, "early_stopping": True, "alpha": 0.0}
    model = network(**options).fit(X, Y)
    assert model.y_scale_[0] > 100 * model.y_scale_[1]
    unit = (model.y_scale_**2).mean()
    by_hand = network(**options, normalize_y=False)
    by_hand.fit(X, (Y - model.y_mean_) / model.y_scale_)
    losses = unit * np.array(by_hand.data_loss_curve_)
    np.testing.assert_allclose(model.data_loss_curve_, losses)


def test_every_output_has_a_unit_of_its_own():
    Y = np.column_stack([PRICES, 1e-3 * CURVE, np.full(len(X), 7.0)])
    predicted = network(early_stopping=True).fit(X, Y).predict(X)
    assert r2_score(Y[:, 0], predicted[:, 0]) > 0.9
    assert r2_score(Y[:, 1], predicted[:, 1]) > 0.9


@pytest.mark.parametrize("value", [0.0, 3.0, 1e8 / 3, -1e-300])
def test_a_constant_target_is_predicted(value):
    model = network(hidden_layer_sizes=(), early_stopping=True, alpha=0.1)
    model.fit(X, np.full(len(X), value))
    assert model.y_scale_ == 1
    assert np.isfinite(model.predict(X)).all()
    assert model.predict(X).mean() == pytest.approx(value, rel=1e-3, abs=0.1)


def test_weights_count_in_the_mean_and_the_deviation():
    weight = rng.integers(0, 4, size=len(X))
    model = network(solver="lbfgs", hidden_layer_sizes=(), alpha=0.1, tol=1e-9)
    weighted = clone(model).fit(X, PRICES, sample_weight=weight)
    X_repeated, y_repeated = X.repeat(weight, axis=0), PRICES.repeat(weight)
    repeated = clone(model).fit(X_repeated, y_repeated)
    np.testing.assert_allclose(weighted.y_mean_, [y_repeated.mean()])
    np.testing.assert_allclose(weighted.y_scale_, [y_repeated.std()])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_validation_rows_have_no_part_in_the_statistics(weighted):
    held_out = np.arange(len(X)) % 5 == 0
    y = np.where(held_out, PRICES + 1e6, PRICES)
    weight = rng.uniform(size=len(X)) if weighted else None
    split = PredefinedSplit(np.where(held_out, 0, -1))
    model = network(early_stopping=True, max_iter=5, validation_splitter=split)
    own = clone(model).fit(X, y, sample_weight=weight)
    weights = {}
    if weighted:
        weights = {
            "sample_weight": weight[~held_out],
            "sample_weight_val": weight[held_out],
        }
    given = clone(model).set_params(validation_splitter=None)
    given.fit(
        X[~held_out], y[~held_out], X_val=X[held_out], y_val=y[held_out], **weights
    )
    left = None if weight is None else weight[~held_out]
    expected = np.average(y[~held_out], weights=left)
    np.testing.assert_allclose(own.y_mean_, [expected])
    np.testing.assert_allclose(given.y_mean_, [expected])
    # What is far from the training rows is so for the validation loss, too.
    assert own.validation_loss_curve_[0] > 10 * own.y_scale_[0] ** 2
    assert given.validation_loss_curve_[0] > 10 * given.y_scale_[0] ** 2


def test_scorers_see_the_unit_of_the_target():
    held_out = np.arange(len(X)) % 5 == 0
    split = PredefinedSplit(np.where(held_out, 0, -1))
    model = network(
        early_stopping=True,
        max_iter=30,
        validation_splitter=split,
        scoring="neg_mean_absolute_error",
    ).fit(X, PRICES)
    error = mean_absolute_error(PRICES[held_out], model.predict(X[held_out]))
    assert model.best_validation_score_ == pytest.approx(-error)
    assert error > 1000


def test_quantiles_are_in_the_unit_of_the_target():
    model = network(
        hidden_layer_sizes=(), loss="quantile", quantile=0.9, early_stopping=True
    )
    noise = 4e5 + 1e5 * np.random.default_rng(1).exponential(size=len(X))
    above = noise > model.fit(X, noise).predict(X)
    assert 0.05 < above.mean() < 0.15


def test_huber_delta_is_in_units_of_the_deviation():
    model = network(hidden_layer_sizes=(), loss="huber", solver="lbfgs", alpha=0)
    model.set_params(huber_delta=0.01, tol=1e-7)
    y = PRICES.copy()
    y[:20] += 1e9
    model.fit(X, y)
    scaled = (y - y.mean()) / y.std()
    by_hand = clone(model).set_params(normalize_y=False).fit(X, scaled)
    expected = y.mean() + y.std() * by_hand.predict(X)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_going_on_keeps_the_statistics_of_the_first_call():
    model = network(warm_start=True, max_iter=5).fit(X, PRICES)
    mean, scale = model.y_mean_, model.y_scale_
    before = model.predict(X)
    model.fit(X[:50], PRICES[:50])
    np.testing.assert_array_equal(model.y_mean_, mean)
    assert abs(model.predict(X) - before).max() < scale
    by_parts = network().partial_fit(X[:50], PRICES[:50])
    first = by_parts.y_mean_
    for _ in range(300):
        by_parts.partial_fit(X, PRICES)
    np.testing.assert_array_equal(first, [PRICES[:50].mean()])
    np.testing.assert_array_equal(by_parts.y_mean_, first)
    assert by_parts.score(X, PRICES) > 0.9


@pytest.mark.parametrize("at_first", [False, True])
def test_going_on_in_another_unit_is_refused(at_first):
    model = network(warm_start=True, early_stopping=True, normalize_y=at_first)
    model.fit(X, CURVE)
    model.set_params(normalize_y=not at_first)
    with pytest.raises(ValueError, match="normalize_y"):
        model.fit(X, CURVE)
    with pytest.raises(ValueError, match="normalize_y"):
        model.partial_fit(X, CURVE, X_val=X, y_val=CURVE)
    # A new fit is in the new unit.
    model.set_params(warm_start=False).fit(X, CURVE)
    assert model.score(X, CURVE) > 0.9
    assert (model.y_mean_ is None) == at_first


@pytest.mark.parametrize("given", [False, True])
def test_refit_has_the_statistics_of_all_rows(given):
    model = network(early_stopping=True, refit=True, max_iter=20)
    y = PRICES + np.where(np.arange(len(X)) < 200, 0, 5e5)
    if given:
        model.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    else:
        model.fit(X, y)
    np.testing.assert_allclose(model.y_mean_, [y.mean()])
    again = network(max_iter=1000, n_iter_no_change=np.inf)
    n_epochs, rest = divmod(model.refit_n_updates_, 6)
    if not rest:
        again.set_params(max_iter=n_epochs)
        with pytest.warns(match="Maximum iterations"):
            again.fit(X, y)
        np.testing.assert_allclose(again.predict(X), model.predict(X))


def test_folds_of_refit_have_their_own_statistics():
    model = network(early_stopping=True, refit=3, max_iter=60).fit(X, PRICES)
    np.testing.assert_allclose(model.y_mean_, [PRICES.mean()])
    assert model.score(X, PRICES) > 0.9


@pytest.mark.parametrize(
    "augmentation",
    [Mixup(0.4), GaussianNoise(0.05), AugmentingResampler(GaussianNoise(0.05))],
    ids=["mixup", "noise", "resampler"],
)
def test_augmented_rows_are_in_the_same_unit(augmentation):
    model = network(augmentation=augmentation, early_stopping=True).fit(X, PRICES)
    assert model.score(X, PRICES) > 0.9


def test_a_function_that_augments_sees_the_scaled_target():
    seen = []

    def look(X, Y, sample_weight, rng):
        seen.append(Y.copy())
        return X, Y, sample_weight

    network(augmentation=look, early_stopping=True, max_iter=1).fit(X, PRICES)
    seen = np.concatenate(seen)
    assert seen.mean() == pytest.approx(0, abs=1e-9)
    assert seen.std() == pytest.approx(1)


def test_searches_in_lockstep_equal_fits_alone():
    model = network(early_stopping=True, max_iter=30)
    grid = {"alpha": [1e-4, 1e-2], "normalize_y": [False, True]}
    cv = KFold(3)
    search = GridSearchCV(model, grid, cv=cv, refit=False).fit(X, CURVE)
    assert search.n_batched_ == 4
    results = search.cv_results_
    for params, score in zip(
        results["params"], results["mean_test_score"], strict=True
    ):
        alone = cross_val_score(clone(model).set_params(**params), X, CURVE, cv=cv)
        assert score == pytest.approx(alone.mean(), rel=1e-6)


class NoisyTarget(BaseEstimator):
    """An augmentation whose noise is as wide as the target that it was prepared on."""

    def __call__(self, X, Y, sample_weight, rng):
        raise AssertionError("It has to be prepared first.")

    def prepare(self, X, Y):
        spread = Y.std()

        def augment(X, Y, sample_weight, rng):
            return X, Y + spread * rng.normal(size=Y.shape), sample_weight

        return augment


def test_candidates_share_no_augmentation_that_is_prepared_on_the_target():
    model = network(augmentation=NoisyTarget(), early_stopping=True, max_iter=20)
    grid = {"normalize_y": [False, True]}
    y, cv = 30 * CURVE, KFold(2)
    search = GridSearchCV(model, grid, cv=cv, refit=False).fit(X, y)
    for index, normalize_y in enumerate(grid["normalize_y"]):
        alone = clone(model).set_params(normalize_y=normalize_y)
        score = cross_val_score(alone, X, y, cv=cv).mean()
        assert search.cv_results_["mean_test_score"][index] == pytest.approx(score)


def test_halving_goes_on_in_the_same_unit():
    model = network(early_stopping=True)
    grid = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1]}
    search = HalvingGridSearchCV(model, grid, cv=3, factor=2).fit(X, PRICES)
    assert search.best_score_ > 0.9
    alone = cross_val_score(search.best_estimator_, X, PRICES, cv=3)
    assert search.best_score_ == pytest.approx(alone.mean(), rel=1e-6)


def test_paths_of_features():
    model = network(early_stopping=True)
    # The strengths of a path do not depend on the unit.
    path = feature_path(model, X, PRICES)
    same = feature_path(model, X, CURVE)
    np.testing.assert_allclose(path.feature_alphas, same.feature_alphas, rtol=1e-4)
    np.testing.assert_array_equal(path.support[path.point_of(2)], [1, 1, 0, 0])
    assert path.train_scores[0] > 0.9
    selector = SparseInputSelector(model, n_features_to_select=2).fit(X, PRICES)
    np.testing.assert_array_equal(selector.get_support(), [1, 1, 0, 0])
    point = clone(model).set_params(feature_alpha=path.feature_alphas[5])
    assert point.fit(X, PRICES).score(X, PRICES) > 0.8


def test_alpha_grid_does_not_depend_on_the_unit():
    model = network(l1_ratio=1)
    expected = alpha_grid(model, X, CURVE)
    np.testing.assert_allclose(alpha_grid(model, X, PRICES), expected)
    weight = rng.uniform(size=len(X))
    np.testing.assert_allclose(
        alpha_grid(model, X, PRICES, sample_weight=weight),
        alpha_grid(model, X, CURVE, sample_weight=weight),
    )


@pytest.mark.slow
def test_diagnosis():
    model = network(early_stopping=True, max_iter=50)
    in_dollars = diagnose(model, X, PRICES, random_state=0)
    plain = diagnose(model, X, CURVE, random_state=0)
    assert in_dollars.verdict == plain.verdict


def test_pickles_and_old_fits():
    model = network(early_stopping=True).fit(X, PRICES)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    plain = network(early_stopping=True, normalize_y=False).fit(X, CURVE)
    # A regressor that was fitted before there was such a thing.
    del plain._encoding
    assert plain.score(X, CURVE) > 0.9


def test_poisson_is_refused():
    with pytest.raises(ValueError, match="normalize_y=True does not go with"):
        network(loss="poisson").fit(X, abs(PRICES))


@pytest.mark.parametrize("value", [0.1, 1e8 / 3, -7e-5])
def test_rounding_is_no_spread(value):
    for n_rows in range(1, 60):
        scaling = TargetScaling.of(np.full(n_rows, value))
        assert scaling.scale == 1
        np.testing.assert_allclose(scaling.mean, value)
