"""What users write, for the type checker (`make types`), which reads but never runs it.

`assert_type` holds what a call returns; the ignored errors at the end hold that wrong
values are found.
"""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import skreg
from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor, MLPRegressorCV
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    GaussianNoise,
    Mixup,
    RandomAffine,
    ResampledClassifier,
    ResampledRegressor,
)
from skreg.diagnosis import (
    BiasVarianceDecomposition,
    Diagnosis,
    bias_variance_decomposition,
    diagnose,
)
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.feature_selection import (
    FeaturePath,
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
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    alpha_grid,
)
from skreg.neural_network import GeneralizationLoss, Patience

Floats = NDArray[np.floating[Any]]

X: NDArray[np.float64] = np.zeros((10, 3))
y: NDArray[np.int64] = np.zeros(10, dtype=np.int64)


def networks() -> None:
    classifier = MLPClassifier((20, 10), solver="adam", alpha=1e-3, l1_ratio=1)
    assert_type(classifier.fit(X, y), MLPClassifier)
    assert_type(classifier.fit(X, y, X_val=X, y_val=y), MLPClassifier)
    assert_type(classifier.partial_fit(X, y, classes=[0, 1]), MLPClassifier)
    assert_type(classifier.predict(X), NDArray[Any])
    assert_type(classifier.predict_proba(X), Floats)
    assert_type(classifier.predict_log_proba([[1.0, 2.0, 3.0]]), Floats)
    assert_type(classifier.score(X, y), float)
    assert_type(classifier.feature_importances_, Floats)
    assert_type(classifier.support_, NDArray[np.bool_])
    assert_type(classifier.n_features_selected_, int)
    assert_type(classifier.sparsity_, float)

    regressor = MLPRegressor(
        50,
        loss="quantile",
        quantile=[0.1, 0.9],
        early_stopping=True,
        max_iter=10,
        stopping_criterion=GeneralizationLoss(threshold=5),
        augmentation=GaussianNoise(0.1),
        random_state=np.random.RandomState(0),
        feature_groups="auto",
        n_iter_no_change=np.inf,
    )
    assert_type(regressor.fit(X, y, sample_weight=X[:, 0]), MLPRegressor)
    assert_type(regressor.predict(X), Floats)
    assert_type(regressor.score(X, y), float)
    assert_type(Patience(3, 0.0).update(0.5), bool)


def engines() -> None:
    with skreg.config_context(engine="numpy"):
        skreg.set_config("compiled")
    assert_type(skreg.get_config(), dict[str, Any])


def ensembles() -> None:
    searched = MLPClassifierCV(cv=5, n_candidates=20, checkpoint="folder", n_jobs=2)
    assert_type(searched.fit(X, y), MLPClassifierCV)
    assert_type(searched.predict_proba(X), Floats)
    assert_type(searched.summary(), str)
    numbers = MLPRegressorCV({"alpha": [1e-3, 1e-2]}).fit(X, y, groups=y)
    assert_type(numbers.predict(X), Floats)
    assert_type(numbers.predict(X, return_std=True), tuple[Floats, Floats])
    assert_type(numbers.score(X, y), float)

    classes = FoldEnsembleClassifier(MLPClassifier(), cv=[([0, 1], [2, 3])])
    assert_type(classes.fit(X, y), FoldEnsembleClassifier)
    assert_type(classes.feature_importances_, Floats)
    mean, std = FoldEnsembleRegressor().fit(X, y).predict(X, return_std=True)
    assert_type(mean, Floats)
    assert_type(std, Floats)


def searches() -> None:
    alphas = alpha_grid(MLPClassifier(), X, y, n_alphas=5)
    assert_type(alphas, Floats)
    grid = {"alpha": alphas, "l1_ratio": [0, 1]}
    assert_type(GridSearchCV(MLPClassifier(), grid).fit(X, y), GridSearchCV)
    random = RandomizedSearchCV(MLPClassifier(), grid, n_iter=3)
    assert_type(random.fit(X, y), RandomizedSearchCV)
    halving = HalvingGridSearchCV(MLPClassifier(), [grid], scoring=["accuracy", "f1"])
    assert_type(halving.fit(X, y), HalvingGridSearchCV)
    draws = HalvingRandomSearchCV(MLPClassifier(), grid, refit=False)
    assert_type(draws.fit(X, y), HalvingRandomSearchCV)
    assert_type(PenaltyGridDisplay.from_estimator(halving).plot(), PenaltyGridDisplay)


def selections() -> None:
    path = feature_path(MLPClassifier(), X, y)
    assert_type(path, FeaturePath)
    assert_type(path.point_of(2), int)
    selector = SparseInputSelector(MLPClassifier(), n_features_to_select=2, cv=None)
    assert_type(selector.fit(X, y), SparseInputSelector)
    stability = StabilitySelection(MLPClassifier(), q=2).fit(X, y).set_threshold(0.8)
    assert_type(stability, StabilitySelection)
    assert_type(FeaturePathDisplay.from_path(path).plot(), FeaturePathDisplay)
    display = FeaturePathDisplay.from_estimator(selector, feature_names=["a", "b"])
    assert_type(display.plot_image((1, 3)), FeaturePathDisplay)
    assert_type(StabilityDisplay.from_estimator(stability).plot(), StabilityDisplay)


def augmentations() -> None:
    both = Compose([Mixup(alpha=0.4), RandomAffine((8, 8), rotate=(-5, 5), scale=0.1)])
    assert_type(both.prepare(X), Compose)
    resampler = AugmentingResampler(both, n_copies=2, sampling_strategy={0: 20})
    assert_type(resampler.fit(X, y), AugmentingResampler)
    X_new, y_new = resampler.fit_resample(X, y)
    classifier = ResampledClassifier(MLPClassifier(), resampler)
    assert_type(classifier.fit(X_new, y_new), ResampledClassifier)
    assert_type(classifier.predict_proba(X), Floats)
    assert_type(ResampledRegressor(MLPRegressor()).fit(X, y), ResampledRegressor)
    display = AugmentationDisplay.from_augmentation(both, X, image_shape=(1, 3))
    assert_type(display.plot(gap=2, cmap="gray"), AugmentationDisplay)


def diagnoses() -> None:
    diagnosis = diagnose(MLPClassifier(), X, y, cv=3, scoring="accuracy")
    assert_type(diagnosis, Diagnosis)
    assert_type(diagnosis.verdict, str)
    assert_type(diagnosis.evidence, list[str])
    parts = bias_variance_decomposition(MLPRegressor(), X, y, X_test=X, y_test=y)
    assert_type(parts, BiasVarianceDecomposition)
    assert_type(parts.variance, float)
    display = BiasVarianceDisplay.from_estimator(
        MLPRegressor(),
        X,
        y,
        X_test=X,
        y_test=y,
        param_name="alpha",
        param_range=[1e-3, 1e-2],
    )
    assert_type(display.plot(), BiasVarianceDisplay)
    assert_type(display.bias, Floats)


def other_displays() -> None:
    curve = LossCurveDisplay.from_estimator(MLPClassifier().fit(X, y))
    assert_type(curve.plot(lw=2), LossCurveDisplay)
    ensemble = FoldEnsembleClassifier().fit(X, y)
    importances = FeatureImportancesDisplay.from_estimator(ensemble)
    assert_type(importances.plot(max_features=3), FeatureImportancesDisplay)


def mistakes() -> None:
    """Each of them must be an error: an `ignore` that ignores nothing is one, too."""
    MLPClassifier(solver="adams")  # type: ignore[arg-type]
    MLPClassifier(alpha="auto")  # type: ignore[arg-type]
    MLPRegressor(class_weight="balanced")  # type: ignore[call-arg]
    MLPClassifier().fit(X)  # type: ignore[call-arg]
    skreg.set_config(engine="fast")  # type: ignore[arg-type]
    FeaturePathDisplay.from_path("path")  # type: ignore[arg-type]
