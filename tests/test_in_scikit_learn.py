"""Estimators inside what scikit-learn builds around estimators, and other libraries."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import (
    FixedThresholdClassifier,
    HalvingRandomSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(load, n_columns):
    X, y = load(return_X_y=True)
    return train_test_split(X[:, :n_columns], y, random_state=0)


X, X_NEW, Y, Y_NEW = halves(load_breast_cancer, 8)
X_REAL, X_REAL_NEW, Y_REAL, Y_REAL_NEW = halves(load_diabetes, 8)


def classifier(**params):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate_init": 0.02}
    return MLPClassifier(random_state=0, **defaults | params)


def regressor(**params):
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate_init": 0.02}
    return MLPRegressor(random_state=0, normalize_y=True, **defaults | params)


def scaled(network):
    return make_pipeline(StandardScaler(), network)


def small_search():
    space = {"hidden_layer_sizes": [(8,)], "max_iter": [30], "alpha": [1e-4, 1e-2]}
    space["learning_rate_init"] = [0.03]
    return MLPClassifierCV(space, n_candidates=2, cv=2, random_state=0)


CLASSIFIERS = {
    "network": scaled(classifier(early_stopping=True)),
    "fold ensemble": FoldEnsembleClassifier(
        scaled(classifier(early_stopping=True)), cv=2, random_state=0
    ),
    "search": small_search(),
}
REGRESSORS = {
    "network": scaled(regressor(early_stopping=True)),
    "fold ensemble": FoldEnsembleRegressor(
        scaled(regressor(early_stopping=True)), cv=2, random_state=0
    ),
}
of_classes = pytest.mark.parametrize("name", CLASSIFIERS)
of_numbers = pytest.mark.parametrize("name", REGRESSORS)


@of_classes
@pytest.mark.parametrize(
    "around",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2, ensemble=False),
        lambda model: VotingClassifier(
            [("ours", model), ("linear", scaled(LogisticRegression()))], voting="soft"
        ),
        lambda model: StackingClassifier([("ours", model)], cv=2),
        lambda model: BaggingClassifier(model, n_estimators=2, random_state=0),
        lambda model: TunedThresholdClassifierCV(model, cv=2),
        lambda model: FixedThresholdClassifier(model, threshold=0.3),
        lambda model: OneVsRestClassifier(model),
    ],
    ids=[
        "calibrated",
        "calibrated on all",
        "voting",
        "stacking",
        "bagging",
        "tuned threshold",
        "fixed threshold",
        "one against the rest",
    ],
)
def test_classifiers_in_others(name, around):
    model = around(clone(CLASSIFIERS[name])).fit(X, Y)
    assert model.score(X_NEW, Y_NEW) > 0.85
    assert_allclose(model.predict_proba(X_NEW).sum(axis=1), 1)


@of_numbers
@pytest.mark.parametrize(
    "around",
    [
        lambda model: VotingRegressor([("ours", model), ("linear", RidgeCV())]),
        lambda model: StackingRegressor([("ours", model)], cv=2),
        lambda model: AdaBoostRegressor(model, n_estimators=2, random_state=0),
        lambda model: TransformedTargetRegressor(
            model, func=np.log, inverse_func=np.exp
        ),
        lambda model: MultiOutputRegressor(model),
    ],
    ids=["voting", "stacking", "boosting", "transformed target", "several outputs"],
)
def test_regressors_in_others(name, around):
    y, y_new = Y_REAL, Y_REAL_NEW
    if isinstance(around(None), MultiOutputRegressor):
        y, y_new = np.column_stack([y, -y]), np.column_stack([y_new, -y_new])
    model = around(clone(REGRESSORS[name])).fit(X_REAL, y)
    assert model.score(X_REAL_NEW, y_new) > 0.2


@of_classes
def test_what_is_frozen_is_not_fitted_again(name):
    fitted = clone(CLASSIFIERS[name]).fit(X, Y)
    expected = fitted.predict_proba(X_NEW)
    frozen = FrozenEstimator(fitted).fit(X_NEW, Y_NEW)
    assert_array_equal(frozen.predict_proba(X_NEW), expected)
    calibrated = CalibratedClassifierCV(frozen).fit(X_NEW, Y_NEW)
    assert calibrated.score(X_NEW, Y_NEW) > 0.85
    assert_array_equal(clone(frozen).predict_proba(X_NEW), expected)


@of_classes
def test_inspected(name):
    fitted = clone(CLASSIFIERS[name]).fit(X, Y)
    found = permutation_importance(fitted, X_NEW, Y_NEW, n_repeats=2, random_state=0)
    assert found.importances_mean.shape == (8,)
    found = partial_dependence(fitted, X_NEW, (1, 2), grid_resolution=5)
    assert found.average.shape == (1, 5, 5)


def test_features_selected_around_a_network():
    network = classifier(alpha=1e-3)
    Z = StandardScaler().fit_transform(X)
    eliminated = RFECV(network, step=3, cv=2, min_features_to_select=2).fit(Z, Y)
    assert 2 <= eliminated.n_features_ <= 8
    added = SequentialFeatureSelector(network, n_features_to_select=2, cv=2).fit(Z, Y)
    assert added.get_support().sum() == 2
    chosen = SelectFromModel(network, max_features=3).fit(Z, Y)
    assert 1 <= chosen.get_support().sum() <= 3


def test_scikit_learns_own_halving_over_epochs():
    search = HalvingRandomSearchCV(
        classifier(),
        {"alpha": [1e-4, 1e-3, 1e-2, 1e-1]},
        resource="max_iter",
        max_resources=20,
        min_resources=5,
        cv=2,
        random_state=0,
    )
    assert search.fit(StandardScaler().fit_transform(X), Y).best_score_ > 0.85


@of_classes
def test_cross_validated(name):
    model = CLASSIFIERS[name]
    found = cross_validate(
        model,
        X,
        Y,
        cv=2,
        scoring=["accuracy", "neg_log_loss"],
        return_estimator=True,
        return_indices=True,
        return_train_score=True,
    )
    for fitted, test in zip(found["estimator"], found["indices"]["test"], strict=True):
        assert fitted.score(X[test], Y[test]) in found["test_accuracy"]
    proba = cross_val_predict(model, X, Y, cv=2, method="predict_proba")
    assert proba.shape == (len(Y), 2)


def test_curves_of_scikit_learn():
    model = scaled(classifier())
    sizes, train, test = learning_curve(model, X, Y, cv=2, train_sizes=[0.5, 1.0])
    assert train.shape == test.shape == (2, 2) and len(sizes) == 2
    train, _ = validation_curve(
        model, X, Y, param_name="mlpclassifier__alpha", param_range=[1e-4, 1.0], cv=2
    )
    assert train.shape == (2, 2)


def test_a_chain_of_labels():
    labels = np.column_stack([Y, X[:, 0] > np.median(X[:, 0])]).astype(int)
    chain = ClassifierChain(scaled(classifier()), random_state=0).fit(X, labels)
    assert chain.predict_proba(X_NEW).shape == (len(X_NEW), 2)


def test_explained_by_shap():
    shap = pytest.importorskip("shap")
    fitted = scaled(classifier()).fit(X, Y)
    explainer = shap.Explainer(fitted.predict_proba, X[:20])
    explanation = explainer(X_NEW[:3])
    total = explanation.values.sum(axis=1) + explanation.base_values
    assert_allclose(total, fitted.predict_proba(X_NEW[:3]), atol=1e-6)


def test_saved_and_loaded_by_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow.sklearn")
    fitted = FoldEnsembleClassifier(scaled(classifier()), cv=2).fit(X, Y)
    with warnings.catch_warnings():
        # Of mlflow's own making: pickles, and requirements that it looks for.
        warnings.simplefilter("ignore")
        mlflow.save_model(
            fitted,
            tmp_path / "model",
            pip_requirements=[],
            serialization_format="pickle",
        )
        loaded = mlflow.load_model(str(tmp_path / "model"))
    assert_array_equal(loaded.predict_proba(X_NEW), fitted.predict_proba(X_NEW))


def test_saved_and_loaded_by_skops(tmp_path):
    skops = pytest.importorskip("skops.io")
    fitted = scaled(classifier()).fit(X, Y)
    skops.dump(fitted, tmp_path / "model.skops")
    unknown = skops.get_untrusted_types(file=tmp_path / "model.skops")
    # Nothing of ours but names of skreg needs trust.
    assert all(name.startswith(("skreg.", "numpy.")) for name in unknown), unknown
    loaded = skops.load(tmp_path / "model.skops", trusted=unknown)
    assert_array_equal(loaded.predict_proba(X_NEW), fitted.predict_proba(X_NEW))
