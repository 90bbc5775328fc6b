"""Displays take what they show by itself, inside of others, or as a search's best."""

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor
from skreg.augmentation import AugmentingResampler, GaussianNoise, RandomAffine
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.inspection import (
    AugmentationDisplay,
    BiasVarianceDisplay,
    FeatureImportancesDisplay,
    FeaturePathDisplay,
    LossCurveDisplay,
    PenaltyGridDisplay,
    StabilityDisplay,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_regression(60, 5, n_informative=2, random_state=0)
Y /= 50


def network(**kwargs):
    return MLPRegressor((4,), **{"max_iter": 4, "random_state": 0, **kwargs})


def search(estimator, kind=GridSearchCV, **kwargs):
    name = next(n for n in estimator.get_params() if n.split("__")[-1] == "alpha")
    return kind(estimator, {name: [0.01, 0.1]}, cv=2, **kwargs)


def theirs(estimator, **kwargs):
    return search(estimator, model_selection.GridSearchCV, **kwargs)


def piped(estimator):
    return make_pipeline(StandardScaler(), estimator)


@pytest.mark.parametrize(
    "estimator, network_of",
    [
        (network(), lambda e: e),
        (piped(network()), lambda e: e[-1]),
        (TransformedTargetRegressor(network()), lambda e: e.regressor_),
        (TransformedTargetRegressor(piped(network())), lambda e: e.regressor_[-1]),
        (piped(TransformedTargetRegressor(network())), lambda e: e[-1].regressor_),
        (search(network()), lambda e: e.best_estimator_),
        (theirs(piped(network())), lambda e: e.best_estimator_[-1]),
        (
            search(TransformedTargetRegressor(network()), HalvingGridSearchCV),
            lambda e: e.best_estimator_.regressor_,
        ),
        (piped(search(network())), lambda e: e[-1].best_estimator_),
        (
            TransformedTargetRegressor(search(network())),
            lambda e: e.regressor_.best_estimator_,
        ),
    ],
)
def test_loss_curves_of_what_is_inside(estimator, network_of):
    display = LossCurveDisplay.from_estimator(estimator.fit(X, Y))
    assert display.data_loss is network_of(estimator).data_loss_curve_
    assert display.estimator_name == "MLPRegressor"


@pytest.mark.parametrize("around", [lambda s: s, piped, TransformedTargetRegressor])
@pytest.mark.parametrize("make", [search, theirs])
def test_tables_of_searches_inside(make, around):
    estimator = around(make(TransformedTargetRegressor(network()), refit=True))
    display = PenaltyGridDisplay.from_estimator(estimator.fit(X, Y))
    assert display.names == ["regressor__alpha"]
    assert np.isfinite(display.test_scores).all()


SELECTOR = SparseInputSelector(network(max_iter=20), n_features_to_select=2)
STABILITY = StabilitySelection(network(), threshold=0.6, q=2, n_pairs=2, random_state=0)


@pytest.mark.parametrize(
    "kind, selection",
    [(FeaturePathDisplay, SELECTOR), (StabilityDisplay, STABILITY)],
    ids=["path", "stability"],
)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda selection: selection,
        lambda selection: make_pipeline(StandardScaler(), selection, Ridge()),
        lambda selection: TransformedTargetRegressor(make_pipeline(selection, Ridge())),
        lambda selection: model_selection.GridSearchCV(
            make_pipeline(selection, Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=2
        ),
    ],
    ids=["alone", "pipeline", "target", "search"],
)
def test_selections_inside(kind, selection, wrap):
    wrapped = wrap(clone(selection))
    if kind is StabilityDisplay:
        # Whatever is selected is enough for the estimator behind it.
        wrapped.set_params(
            **{n: 0.51 for n in wrapped.get_params() if n.endswith("threshold")}
        )
    display = kind.from_estimator(wrapped.fit(X, Y))
    assert len(display.support) == 5


def test_bias_and_variance_of_the_best_estimator():
    options = {
        "param_range": [0.1, 1.0],
        "X_test": X[:10],
        "y_test": Y[:10],
        "n_rounds": 3,
        "random_state": 0,
    }
    fitted = search(piped(network())).fit(X, Y)
    name = "mlpregressor__alpha"
    ours = BiasVarianceDisplay.from_estimator(fitted, X, Y, param_name=name, **options)
    best = BiasVarianceDisplay.from_estimator(
        fitted.best_estimator_, X, Y, param_name=name, **options
    )
    np.testing.assert_array_equal(ours.loss, best.loss)
    with pytest.raises(ValueError, match="the model inside is 'mlpregressor__alpha'"):
        BiasVarianceDisplay.from_estimator(fitted, X, Y, param_name="alpha", **options)
    inside = BiasVarianceDisplay.from_estimator(
        TransformedTargetRegressor(network()),
        X,
        Y,
        param_name="regressor__alpha",
        **options,
    )
    assert (inside.loss > 0).all()
    for wrong in (MLPRegressor, "mlp", None):
        with pytest.raises(TypeError, match="estimator must be an estimator"):
            BiasVarianceDisplay.from_estimator(
                wrong, X, Y, param_name="alpha", **options
            )


def test_the_augmentation_of_a_network_inside():
    images = load_digits().data[:3]
    affine = RandomAffine(image_shape=(8, 8), rotate=15)
    net = network(augmentation=affine)
    alone = AugmentationDisplay.from_augmentation(affine, images, random_state=0)
    fitted = search(TransformedTargetRegressor(net)).fit(
        load_digits().data[:40], Y[:40]
    )
    for estimator in (net, piped(net), TransformedTargetRegressor(piped(net)), fitted):
        display = AugmentationDisplay.from_augmentation(
            estimator, images, random_state=0
        )
        np.testing.assert_array_equal(display.copies, alone.copies)
    for bare in (network(), piped(Ridge())):
        with pytest.raises(ValueError, match="has no augmentation to show"):
            AugmentationDisplay.from_augmentation(bare, images, image_shape=(8, 8))
    resampling = network(augmentation=AugmentingResampler(GaussianNoise()))
    with pytest.raises((TypeError, ValueError), match="augmentation"):
        AugmentationDisplay.from_augmentation(resampling, images, image_shape=(8, 8))


TAKERS = {
    FeatureImportancesDisplay: "members with feature importances: pass a fitted Fold",
    LossCurveDisplay: "loss curves: pass a fitted MLPClassifier",
    PenaltyGridDisplay: "table of candidates: pass a fitted search",
    FeaturePathDisplay: "path of inputs: pass a fitted SparseInputSelector",
    StabilityDisplay: "stability scores: pass a fitted StabilitySelection",
}
takers = pytest.mark.parametrize("kind, wanted", TAKERS.items())


@takers
def test_unfitted_estimators(kind, wanted):
    for estimator in (network(), piped(network()), search(network()), clone(SELECTOR)):
        with pytest.raises(NotFittedError):
            kind.from_estimator(estimator)


@takers
def test_wrong_objects_are_told_what_is_wanted(kind, wanted):
    fitted = piped(LinearRegression()).fit(X, Y)
    for wrong in (fitted, MLPRegressor, [1, 2], None, {"alpha": [1]}):
        with pytest.raises(TypeError, match=f"has no {wanted}"):
            kind.from_estimator(wrong)


def test_a_search_without_refit_has_a_table_and_no_curve():
    fitted = search(network(), refit=False).fit(X, Y)
    assert PenaltyGridDisplay.from_estimator(fitted).names == ["alpha"]
    with pytest.raises(TypeError, match="refit=False has no loss curves: pass one tha"):
        LossCurveDisplay.from_estimator(fitted)


def test_paths_and_selectors_are_told_apart():
    path = feature_path(network(max_iter=10), X, Y)
    assert FeaturePathDisplay.from_path(path).path is path
    with pytest.raises(TypeError, match="path must be a FeaturePath, as feature_path"):
        FeaturePathDisplay.from_path(SELECTOR)
    with pytest.raises(TypeError, match="there is from_path"):
        FeaturePathDisplay.from_estimator(path)
