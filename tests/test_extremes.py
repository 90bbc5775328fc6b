"""Valid but extreme parameters and data: a finite network or a clear error.

Never a raw error of Python's arithmetic, and never a warning of NumPy's.
"""

import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit

from skreg import MLPClassifier, MLPRegressor, MLPRegressorCV
from skreg.augmentation import AugmentingResampler, FeatureDropout, GaussianNoise, Mixup
from skreg.diagnosis import bias_variance_decomposition
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.inspection import AugmentationDisplay, PenaltyGridDisplay
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV, alpha_grid
from skreg.neural_network import GeneralizationLoss

_rng = np.random.RandomState(0)
X = _rng.normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int)
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]
LARGEST = np.where(X > 0, 1.7e308, -1.7e308)

# What may end an attempt, apart from a good network.
CLEAR = "non-finite|not finite|too large|diverged|infinity|All the .* fits failed"


@pytest.fixture(autouse=True)
def only_warnings_that_say_something():
    """Of NumPy's none: they are errors here, as in all tests, and nothing else is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", ".* encountered in", RuntimeWarning)
        yield


def attempt(function):
    """The result of a call; None where it ends in a clear error."""
    try:
        return function()
    except ValueError as error:
        assert re.search(CLEAR, str(error)), error


def check(network, X, y, **kwargs):
    """Fit and go on: predictions are finite whenever there are any."""
    attempt(lambda: network.fit(X, y, **kwargs))
    if hasattr(network, "coefs_"):
        assert np.isfinite(network.predict(X)).all()
        if network.solver in ("adam", "sgd") and not network.early_stopping:
            attempt(lambda: network.partial_fit(X, y, **kwargs))
            assert np.isfinite(network.predict(X)).all()
    return network


# -- parameters ------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("power_t", [200, 1e300, 0, 1e-300])
def test_power_t(power_t):
    network = MLPClassifier(
        (3,),
        solver="sgd",
        learning_rate="invscaling",
        power_t=power_t,
        momentum=0.0,
        max_iter=5,
        random_state=0,
    )
    check(network, X, Y)
    assert network.n_iter_ > 0 and network.stop_reason_ != "diverged"
    if power_t >= 200:
        # The rate is zero after the first epoch.
        network.set_params(max_iter=1).fit(X, Y)
        coefs = network.coefs_[0]
        network.set_params(max_iter=5).fit(X, Y)
        np.testing.assert_array_equal(network.coefs_[0], coefs)


EXTREMES = {
    "alpha": [1e-300, 1e45, 1e300],
    "l1_ratio": [1e-300, 1 - 1e-16],
    "learning_rate_init": [5e-324, 1e45, 1e300],
    "tol": [0.0, 1e-300, 1e300],
    "momentum": [0.0, 1 - 1e-16, 1.0],
    "beta_1": [0.0, 1e-300, 1 - 1e-16],
    "beta_2": [0.0, 1e-300, 1 - 1e-16],
    "epsilon": [5e-324, 1e45, 1e300],
    "batch_size": [1, 10**9],
    "max_fun": [1],
    "huber_delta": [5e-324, 1e300],
    "feature_epsilon": [5e-324, 1e300],
    "feature_alpha": [5e-324, 1e45, 1e300],
    "n_iter_no_change": [1, 10**9],
}


@pytest.mark.both_engines
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("name", EXTREMES)
def test_parameters(name, solver, dtype):
    for value in EXTREMES[name]:
        for Estimator, y in ((MLPRegressor, Y_REAL), (MLPClassifier, Y)):
            params = {name: value, "max_iter": 3, "solver": solver, "random_state": 0}
            if name == "feature_epsilon":
                params["feature_alpha"] = 0.1
            if name == "huber_delta":
                params["loss"] = "huber"
            if Estimator is MLPClassifier and name == "huber_delta":
                continue
            if solver == "lbfgs" and name.startswith("feature"):
                continue
            for early_stopping in (False, True):
                network = Estimator((3,), early_stopping=early_stopping, **params)
                check(network, X.astype(dtype), y)


# -- data ------------------------------------------------------------------------------


SCALES = [1e-320, 1e-200, 1e-160, 1e30, 1e155, 1e200, 1e300]


@pytest.mark.both_engines
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_scales_of_X(solver, early_stopping):
    params = {"solver": solver, "early_stopping": early_stopping, "max_iter": 3}
    for rows in (*(scale * X for scale in SCALES), LARGEST, 0 * X):
        check(MLPClassifier((3,), random_state=0, **params), rows, Y)
        check(MLPRegressor((3,), random_state=0, **params), rows, Y_REAL)


@pytest.mark.both_engines
@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile", "poisson"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_scales_of_y(loss, early_stopping):
    for target in (*(scale * Y_REAL for scale in SCALES), LARGEST[:, 0], 0 * Y_REAL):
        network = MLPRegressor(
            (3,),
            loss=loss,
            quantile=0.3,
            early_stopping=early_stopping,
            max_iter=3,
            random_state=0,
        )
        target = np.abs(target) if loss == "poisson" else target
        check(network, X, target)
        check(network, X, np.column_stack([target, target]))


def test_a_small_target_has_a_finite_score():
    """The loss of its best constant is smaller than what losses can be divided by."""
    network = MLPRegressor((3,), early_stopping=True, max_iter=5, random_state=0)
    network.fit(X, 1e-158 * Y_REAL)
    assert network.n_iter_ == 5 and np.isfinite(network.validation_scores_).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_target_beyond_float32_is_named(early_stopping):
    network = MLPRegressor((3,), early_stopping=early_stopping, max_iter=3)
    with pytest.raises(ValueError, match="y .* too large for float32.*scale y"):
        network.fit(X.astype("f4"), 1e200 * Y_REAL)
    with pytest.raises(ValueError, match="y .* too large for float32"):
        network.set_params(early_stopping=True).fit(
            X.astype("f4"), Y_REAL, X_val=X.astype("f4"), y_val=1e200 * Y_REAL
        )


@pytest.mark.both_engines
@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300, 1.7e308])
def test_weights(scale):
    weight = scale * np.minimum(np.abs(Y_REAL) + 0.1, 1)
    for solver in ("adam", "lbfgs"):
        network = MLPRegressor((3,), solver=solver, max_iter=3, random_state=0)
        check(network, X, Y_REAL, sample_weight=weight)
    balance = {0: scale, 1: 1}
    check(MLPClassifier((3,), class_weight=balance, max_iter=3), X, Y)


# -- augmentations ---------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("scale", [1e-300, 1e155, 1e300])
def test_what_noise_learns_does_not_overflow(scale):
    prepared = GaussianNoise(0.5).prepare(scale * X)
    np.testing.assert_allclose(prepared.scale_, 0.5 * scale * X.std(axis=0))
    filled = FeatureDropout(fill="mean").prepare(scale * X)
    np.testing.assert_allclose(filled.fill_, scale * X.mean(axis=0))


def test_what_is_learned_of_the_largest_numbers():
    assert np.isfinite(GaussianNoise(0.1).prepare(LARGEST).scale_).all()
    assert np.isfinite(FeatureDropout(fill="mean").prepare(LARGEST).fill_).all()


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "augmentation",
    [GaussianNoise(0.1), GaussianNoise(1e300), Mixup(), FeatureDropout(fill="mean")],
)
def test_augmentation_of_extreme_rows(augmentation):
    for rows in (X, 1e155 * X, 1e300 * X, LARGEST):
        network = MLPClassifier((3,), augmentation=augmentation, max_iter=3)
        check(network, rows, Y)
        check(network.set_params(early_stopping=True), rows, Y)
        AugmentationDisplay.from_augmentation(
            augmentation, rows, image_shape=(2, 2), random_state=0
        )
        AugmentingResampler(augmentation, random_state=0).fit_resample(rows, Y)


# -- everything that fits --------------------------------------------------------------


@pytest.mark.parametrize("rows", [1e155 * X, LARGEST, 1e-200 * X])
@pytest.mark.parametrize(
    "run",
    [
        lambda network, X, y: GridSearchCV(
            network, {"alpha": [1e-3, 1e300], "learning_rate_init": [0.1, 1e9]}, cv=2
        ).fit(X, y),
        lambda network, X, y: HalvingGridSearchCV(
            network, {"alpha": [1e-3, 1e300], "learning_rate_init": [0.1, 1e9]}, cv=2
        ).fit(X, y),
        feature_path,
        lambda network, X, y: SparseInputSelector(network, cv=2).fit(X, y),
        lambda network, X, y: StabilitySelection(
            network, q=2, threshold=0.6, n_pairs=1, random_state=0
        ).fit(X, y),
        alpha_grid,
        lambda network, X, y: bias_variance_decomposition(
            network, X, y, X_test=X, y_test=y, n_rounds=2, random_state=0
        ),
    ],
    ids=["grid", "halving", "path", "selector", "stability", "alphas", "rounds"],
)
def test_everything_that_fits(run, rows):
    params = {"alpha": 1e-3, "activation": "identity", "max_iter": 4}
    for solver in ("adam", "sgd"):
        network = MLPRegressor((3,), solver=solver, random_state=0, **params)
        for y in (Y_REAL, LARGEST[:, 0]):
            attempt(lambda y=y, network=network: run(network, rows, y))


def test_picture_of_extreme_penalties():
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    search = GridSearchCV(
        MLPClassifier((3,), max_iter=3, random_state=0),
        {"alpha": [1e-300, 1.0, 1e300]},
        cv=2,
    ).fit(X, Y)
    PenaltyGridDisplay.from_estimator(search).plot()
    plt.close("all")


def test_a_path_of_the_smallest_epsilon():
    network = MLPRegressor(
        (3,),
        alpha=1e-3,
        feature_alpha=0.1,
        feature_epsilon=5e-324,
        max_iter=3,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning):
        network.fit(X, Y_REAL)
    assert np.isfinite(network.predict(X)).all()


# -- what a long run of fuzz.py has found ----------------------------------------------


@pytest.mark.parametrize(
    "name, value",
    [
        ("alpha", 10**400),
        ("tol", 10**400),
        ("learning_rate_init", 10**400),
        ("max_iter", 10**400),
        ("n_frequencies", 10**30),
        ("hidden_layer_sizes", (10**30,)),
        ("class_weight", {0: 10**400, 1: 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_integers_that_no_float_holds_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        MLPClassifier(**{name: value}).fit(X, Y)


def test_integers_in_data_that_no_float_holds_are_named():
    network = MLPRegressor((3,), max_iter=2)
    with pytest.raises(ValueError, match="X or y has integers"):
        network.fit([[10**400]] * 40, Y_REAL)
    with pytest.raises(ValueError, match="sample_weight has integers"):
        network.fit(X, Y_REAL, [10**400] * 40)


@pytest.mark.parametrize(
    "params",
    [{"learning_rate": "cosine"}, {"dropout": 0.2, "dropout_schedule": "cosine"}],
)
def test_schedules_to_an_end_beyond_all_integers(params):
    network = MLPClassifier(
        (3,), max_iter=10**30, n_iter_no_change=1, tol=1e300, random_state=0, **params
    )
    if params.get("learning_rate") == "cosine":
        network.set_params(early_stopping=True)
    assert network.fit(X, Y).n_iter_ < 10


def test_predictions_in_the_unit_of_a_scaled_target_are_finite():
    """Finite predictions of the scaled target may be too large for its unit."""
    network = MLPRegressor(
        (5,), n_frequencies=2, normalize_y=True, max_iter=4, random_state=0
    )
    with pytest.raises(ValueError, match="non-finite"):
        network.fit(1e150 * X, 1e200 * Y_REAL)


def test_a_search_predicts_the_largest_rows_quietly():
    """Sums of them, by which scikit-learn looks for NaN, are not finite."""
    search = MLPRegressorCV(
        {"hidden_layer_sizes": [(3,)], "max_iter": [2]},
        n_candidates=1,
        cv=2,
        random_state=0,
    )
    largest = np.where(X > 0, 3e38, -3e38).astype("f4")
    assert np.isfinite(search.fit(largest, Y_REAL).predict(largest)).all()


def test_a_path_that_nothing_moves_ends_soon():
    """From a penalty that networks hardly feel it took five hundred values to 1e300."""
    network = MLPClassifier((3,), max_iter=2, learning_rate_init=1e-300, random_state=0)
    path = feature_path(network, X, Y)
    assert path.n_features_selected[-1] == 0
    assert len(path.feature_alphas) < 80
    network.set_params(feature_alpha=1e300).fit(X, Y)
    assert network.n_features_selected_ == 0
    assert network.n_iter_ < 8000


def test_a_factor_next_to_one_is_an_error():
    search = HalvingGridSearchCV(
        MLPClassifier((3,)), {"alpha": [0.1, 0.2]}, factor=1 + 1e-15
    )
    with pytest.raises(ValueError, match="factor=1.0.* rungs"):
        search.fit(X, Y)


def test_resources_that_no_float_holds_are_named():
    network, grid = MLPClassifier((3,)), {"alpha": [0.1, 1]}
    with pytest.raises(ValueError, match="max_resources"):
        HalvingGridSearchCV(network, grid, max_resources=10**400).fit(X, Y)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy"])
def test_a_score_that_is_not_for_the_estimator_is_named(scoring):
    network = MLPRegressor((3,), early_stopping=True, scoring=scoring, max_iter=2)
    with pytest.raises(ValueError, match=f"scoring='{scoring}' is not possible"):
        network.fit(X, Y_REAL)


def test_a_splitter_that_fails_is_named():
    network = MLPRegressor(
        early_stopping=True, validation_splitter=ShuffleSplit(1, test_size=0.2)
    )
    with pytest.raises(ValueError, match="validation_splitter=ShuffleSplit"):
        network.fit(X[:1], Y_REAL[:1])


@pytest.mark.parametrize("criterion", ["generalization_loss", GeneralizationLoss(2.0)])
def test_a_path_needs_no_validation_rows(criterion):
    """It trains without early stopping, and so without what judges such rows."""
    network = MLPClassifier(
        (3,),
        early_stopping=True,
        stopping_criterion=criterion,
        max_iter=3,
        random_state=0,
    )
    assert feature_path(network, X, Y).n_features_selected[-1] == 0


def test_a_path_names_an_invalid_penalty():
    with pytest.raises(ValueError, match="'feature_alpha' parameter"):
        feature_path(MLPClassifier(feature_alpha=None), X, Y)


def test_a_single_label_that_is_an_object_is_named():
    with pytest.raises(ValueError, match="a single class, 'a'"):
        feature_path(MLPClassifier(), X, np.full(len(X), "a", dtype=object))


# -- storms of one warning -------------------------------------------------------------


def warnings_of(function):
    """The texts of all warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(each.message) for each in caught]


def test_a_batch_size_is_clipped_with_one_warning():
    """Folds have different numbers of rows, and so had the messages."""
    search = GridSearchCV(
        MLPRegressor((3,), max_iter=1), {"batch_size": [50, 60, 70]}, cv=3
    )
    texts = warnings_of(lambda: search.fit(X[:20], Y_REAL[:20]))
    assert sum("is going to be clipped" in text for text in texts) == 1


def test_scores_of_single_rows_give_one_warning():
    network, grid = MLPRegressor((3,), max_iter=1), {"alpha": [0.1, 1]}
    search = GridSearchCV(network, grid, cv=4, refit=False)
    texts = warnings_of(lambda: search.fit(X[:4], Y_REAL[:4]))
    assert sum("not well-defined" in text for text in texts) == 1


def test_a_scorer_that_fails_gives_one_warning():
    search = GridSearchCV(
        MLPClassifier((3,), max_iter=1),
        {"alpha": [0.1, 1, 2]},
        scoring=_failing,
        cv=2,
        refit=False,
    )
    texts = warnings_of(lambda: search.fit(X, Y))
    assert sum("Scoring failed" in text for text in texts) == 1
    with pytest.raises(ZeroDivisionError):
        search.set_params(error_score="raise").fit(X, Y)


def test_several_scorers_of_which_one_fails_give_one_warning():
    search = GridSearchCV(
        MLPClassifier((3,), max_iter=1),
        {"alpha": [0.1, 1, 2]},
        scoring={"good": "accuracy", "bad": _failing},
        cv=2,
        refit="good",
    )
    texts = warnings_of(lambda: search.fit(X, Y))
    assert sum("Scoring failed" in text for text in texts) == 1
    assert np.isfinite(search.cv_results_["mean_test_good"]).all()
    assert np.isnan(search.cv_results_["mean_test_bad"]).all()


def test_a_function_of_several_scores_may_fail_on_some_folds():
    def score(estimator, X, y):
        if estimator.alpha == 1:
            raise ValueError("It has no score.")
        return {"one": 1.0, "two": estimator.alpha}

    search = GridSearchCV(
        MLPClassifier((3,), max_iter=1),
        {"alpha": [1, 2, 3]},
        scoring=score,
        cv=2,
        refit="two",
        return_train_score=True,
    )
    texts = warnings_of(lambda: search.fit(X, Y))
    assert sum("Scoring failed" in text for text in texts) == 1
    for name in ("mean_test_two", "mean_train_two"):
        np.testing.assert_array_equal(search.cv_results_[name], [np.nan, 2, 3])
    assert search.best_index_ == 2


def test_each_reason_why_scoring_fails_gives_a_warning():
    def failing(model, X, y):
        raise ZeroDivisionError(f"This is alpha={model.alpha}.")

    network, grid = MLPClassifier((3,), max_iter=1), {"alpha": [0.1, 1]}
    search = GridSearchCV(network, grid, scoring=failing, cv=2, refit=False)
    texts = warnings_of(lambda: search.fit(X, Y))
    for alpha in grid["alpha"]:
        assert sum(f"This is alpha={alpha}." in text for text in texts) == 1


def _failing(estimator, X, y):
    raise ZeroDivisionError("no score")
