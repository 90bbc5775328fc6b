"""Estimators with a resampler in front of their fit, and resamplers in pipelines."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers import all_checks, noisy
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.cross_decomposition import CCA
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from skreg import MLPRegressor
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    CutMix,
    GaussianNoise,
    Mixup,
    ResampledClassifier,
    ResampledRegressor,
    SwapNoise,
    resample_training_rows,
)
from skreg.ensemble import FoldEnsembleRegressor

NOISE = AugmentingResampler(GaussianNoise(), random_state=0)
MIXUP = AugmentingResampler(Mixup(), random_state=0)
BALANCE = AugmentingResampler(CutMix(), sampling_strategy="auto", random_state=0)
CHECKED = [
    ResampledClassifier(LogisticRegression()),
    *(ResampledClassifier(LogisticRegression(), r) for r in (NOISE, MIXUP, BALANCE)),
    ResampledRegressor(Ridge()),
    *(ResampledRegressor(Ridge(), r) for r in (NOISE, MIXUP)),
]


@all_checks(estimator_checks_generator, CHECKED)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# --- in pipelines and searches -----------------------------------------------------


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what it was fitted on and what it was asked."""

    def fit(self, X, y, **fit_params):
        self.classes_ = np.unique(y)
        self.X_fit_, self.y_fit_, self.fit_params_ = X, y, fit_params
        return self

    def predict(self, X):
        self.X_asked_ = X
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize(
    "augmentation", [GaussianNoise(1e-3), Mixup(), CutMix(), SwapNoise()], ids=repr
)
def test_no_copy_of_a_training_row_reaches_another_fold(augmentation):
    X, y = noisy(n=300)
    model = ResampledClassifier(
        Recorder(), AugmentingResampler(augmentation, n_copies=3, random_state=0)
    )
    cv = KFold(5, shuffle=True, random_state=0)
    results = cross_validate(model, X, y, cv=cv, return_estimator=True)
    for (train, test), fitted in zip(cv.split(X), results["estimator"], strict=True):
        recorder, resampler = fitted.estimator_, fitted.resampler_
        # The validation rows are the original ones, and no others.
        np.testing.assert_array_equal(recorder.X_asked_, X[test])
        # By the recorded sources.
        assert resampler.sample_indices_.max() < len(train)
        assert len(recorder.X_fit_) == 4 * len(train)
        # By content: no value of a validation row, and with noise nothing near one.
        assert not np.isin(recorder.X_fit_, X[test]).any()
        if isinstance(augmentation, GaussianNoise):
            nearest = NearestNeighbors(n_neighbors=1).fit(X)
            rows = nearest.kneighbors(recorder.X_fit_, return_distance=False)
            assert np.isin(rows, train).all()


def test_noise_labels_score_at_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 10)), rng.integers(2, size=400)
    resampler = AugmentingResampler(GaussianNoise(0.1), n_copies=2, random_state=0)
    nearest = KNeighborsClassifier(1)
    honest = cross_validate(ResampledClassifier(nearest, resampler), X, y, cv=5)
    assert honest["test_score"].mean() == pytest.approx(0.5, abs=0.06)
    # What it is there to prevent: copies made before the split.
    X_all, y_all = resampler.fit_resample(X, y)
    cv = KFold(5, shuffle=True, random_state=0)
    assert cross_validate(nearest, X_all, y_all, cv=cv)["test_score"].mean() > 0.9


def test_step_of_imbalanced_learns_pipeline_in_a_search():
    X, y = make_classification(400, weights=[0.9], random_state=0)
    pipeline = make_imblearn_pipeline(
        StandardScaler(),
        AugmentingResampler(GaussianNoise(), sampling_strategy="auto", random_state=0),
        LogisticRegression(),
    )
    grid = {
        "augmentingresampler__augmentation__sigma": [0.01, 1.0],
        "augmentingresampler__augmentation": [GaussianNoise()],
    }
    scores = [
        GridSearchCV(clone(pipeline), grid, scoring="roc_auc", n_jobs=n_jobs)
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*scores)
    assert scores[0][0] != scores[0][1]


def test_in_scikit_learns_pipeline_and_search():
    X, y = make_classification(200, random_state=0)
    model = make_pipeline(
        StandardScaler(),
        ResampledClassifier(
            LogisticRegression(),
            AugmentingResampler(Compose([Mixup(), GaussianNoise()]), random_state=0),
        ),
    )
    grid = {
        "resampledclassifier__resampler__augmentation__mixup__alpha": [0.1, 5.0],
        "resampledclassifier__estimator__C": [0.1, 1.0],
    }
    search = GridSearchCV(model, grid).fit(X, y)
    assert search.best_score_ > 0.8
    assert len(set(search.cv_results_["mean_test_score"])) > 1


# --- weights and metadata ----------------------------------------------------------


def test_weights_follow_the_rows_and_are_mixed_as_they_are():
    X, y = noisy()
    weight, tag = np.random.default_rng(1).random(700), list(range(700))
    for augmentation in (GaussianNoise(), Mixup(alpha=1.0), CutMix()):
        model = ResampledClassifier(
            Recorder(), AugmentingResampler(augmentation, random_state=0)
        )
        model.fit(X, y, sample_weight=weight, tag=tag, names=["a"], X_val=X, verbose=1)
        resampler, passed = model.resampler_, model.estimator_.fit_params_
        own, expected = resampler.sample_indices_, weight[resampler.sample_indices_]
        if not isinstance(augmentation, GaussianNoise):
            share = resampler.partner_shares_
            expected = (1 - share) * expected
            expected += share * weight[resampler.partner_indices_]
        np.testing.assert_allclose(passed["sample_weight"], expected)
        assert passed["tag"] == own.tolist()
        assert passed["names"] == ["a"]
        assert passed["X_val"] is X
        assert passed["verbose"] == 1
        assert not hasattr(model.resampler, "sample_indices_")


@pytest.mark.parametrize("augmentation", [GaussianNoise(), Mixup(), CutMix()], ids=repr)
def test_weights_follow_where_the_number_of_rows_stays(augmentation):
    X, y = noisy()
    weight = np.random.default_rng(1).random(700)
    X_val, y_val = X[::-1].copy(), y[::-1].copy()
    resampler = AugmentingResampler(
        augmentation,
        keep_original=False,
        # As many rows of each class as before, in another order.
        sampling_strategy=dict(enumerate(np.bincount(y).tolist())),
        random_state=0,
    )
    model = ResampledClassifier(Recorder(), resampler)
    data = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weight}
    model.fit(X, y, sample_weight=weight, **data)
    fitted, passed = model.resampler_, model.estimator_.fit_params_
    own = fitted.sample_indices_
    assert len(own) == 700 and (own != np.arange(700)).mean() > 0.9
    expected = weight[own]
    if not isinstance(augmentation, GaussianNoise):
        share = fitted.partner_shares_
        expected = (1 - share) * expected + share * weight[fitted.partner_indices_]
    np.testing.assert_allclose(passed["sample_weight"], expected)
    # Validation rows are not resampled, though they are as many as those of training.
    assert all(passed[name] is value for name, value in data.items())


def test_weights_of_rows_that_are_mixed_twice():
    X, y = noisy()
    weight = np.random.default_rng(1).random(700)
    mixing = Compose([Mixup(alpha=1.0), CutMix()])
    _, _, params, fitted = resample_training_rows(
        AugmentingResampler(mixing, random_state=0), X, y, {"sample_weight": weight}
    )
    shares, partners = fitted.partner_shares_, fitted.partner_indices_
    expected = (1 - shares.sum(axis=1)) * weight[fitted.sample_indices_]
    expected += (shares * weight[partners]).sum(axis=1)
    np.testing.assert_allclose(params["sample_weight"], expected)
    assert (shares[700:, 1] > 0).any()


def test_a_fit_without_a_resampler_forgets_that_of_an_earlier_fit():
    X, y = noisy()
    model = ResampledClassifier(Recorder(), NOISE).fit(X, y)
    assert hasattr(model, "resampler_")
    model.set_params(resampler=None).fit(X, y)
    assert not hasattr(model, "resampler_")
    assert model.estimator_.X_fit_ is X


def test_weights_match_those_an_augmentation_mixes():
    # The recorded sources give the weights that the augmentation itself would.
    seen = []

    def spy(X, Y, sample_weight, rng):
        X, Y, weight = Mixup().prepare(X)(X, Y, X[:, 0].copy(), rng)
        seen.append((X, weight))
        return X, Y, sample_weight

    X, y = noisy(n=100)
    AugmentingResampler(spy, random_state=0).fit_resample(X, y)
    _, _, params, resampler = resample_training_rows(
        AugmentingResampler(Mixup(), random_state=0), X, y, {"sample_weight": X[:, 0]}
    )
    mixed_weight = params["sample_weight"][100:]
    ((X_seen, weight_seen),) = seen
    np.testing.assert_allclose(X_seen[:, 0], weight_seen)
    np.testing.assert_allclose(np.sort(mixed_weight), np.sort(weight_seen))


def test_resamplers_of_imbalanced_learn():
    X, y = make_classification(300, weights=[0.8], random_state=0)
    weight = np.arange(300.0)
    model = ResampledClassifier(Recorder(), RandomOverSampler(random_state=0))
    model.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(
        model.estimator_.fit_params_["sample_weight"],
        weight[model.resampler_.sample_indices_],
    )
    model = ResampledClassifier(Recorder(), SMOTE(random_state=0)).fit(X, y)
    assert len(model.estimator_.X_fit_) > 400
    with pytest.raises(ValueError, match="'sample_weight' cannot follow .* SMOTE"):
        model.fit(X, y, sample_weight=weight)


def test_metadata_routing():
    X, y = noisy()
    weight = np.ones(700)
    with config_context(enable_metadata_routing=True):
        model = ResampledClassifier(LogisticRegression(), MIXUP)
        with pytest.raises(ValueError, match="sample_weight"):
            model.fit(X, y, sample_weight=weight)
        asks = LogisticRegression().set_fit_request(sample_weight=True)
        model = ResampledClassifier(asks, MIXUP)
        heavy = np.where(y == 0, 1e4, 1e-4)
        model.fit(X, y, sample_weight=heavy)
        assert (model.predict(X) == 0).all()
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"estimator__C": [0.1, 1.0]})
        assert (search.fit(X, y, sample_weight=heavy).predict(X) == 0).all()


def test_regressor_uses_the_way_for_regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = X @ [1.0, -2.0, 0.0, 3.0]
    model = ResampledRegressor(
        Ridge(alpha=1e-6), AugmentingResampler(Mixup(), random_state=0)
    )
    assert model.fit(X, y, sample_weight=np.ones(300)).score(X, y) > 0.999
    np.testing.assert_allclose(model.estimator_.coef_, [1, -2, 0, 3], atol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("wrap", [clone, lambda net: make_pipeline(clone(net))])
def test_several_quantiles_are_scored_as_by_the_network(wrap):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y, weight = X[:, 0] + rng.normal(size=80), rng.uniform(size=80)
    network = MLPRegressor((4,), loss="quantile", quantile=[0.1, 0.5, 0.8])
    network.set_params(max_iter=20, random_state=0)
    model = ResampledRegressor(wrap(network), MIXUP).fit(X, y)
    assert model.predict(X).shape == (80, 3)
    score = model.score(X, y, sample_weight=weight)
    assert score == pytest.approx(
        np.mean(
            [
                d2_pinball_score(y, column, sample_weight=weight, alpha=level)
                for level, column in zip(
                    [0.1, 0.5, 0.8], model.predict(X).T, strict=True
                )
            ]
        )
    )
    ensemble = FoldEnsembleRegressor(model, cv=2, random_state=0).fit(X, y)
    assert ensemble.score(X, y) < 1
    # One number is scored as everywhere.
    network.set_params(quantile=0.5)
    model.set_params(estimator=wrap(network)).fit(X, y)
    expected = r2_score(y, model.predict(X), sample_weight=weight)
    assert model.score(X, y, sample_weight=weight) == pytest.approx(expected)


def test_tags_are_those_of_the_estimator_that_the_resampler_has_too():
    forest = RandomForestClassifier()

    def tags_of(estimator, resampler):
        kind = ResampledClassifier if is_classifier(estimator) else ResampledRegressor
        return get_tags(kind(estimator, resampler))

    theirs, alone = get_tags(forest), tags_of(forest, None)
    assert (alone.input_tags, alone.target_tags) == (
        *(theirs.input_tags, theirs.target_tags),
    )
    assert alone.classifier_tags == theirs.classifier_tags
    assert alone.classifier_tags.multi_label and alone.input_tags.allow_nan
    # A resampler has one label a row, and takes no missing values; noise has no zeros.
    for resampler, is_sparse in ((NOISE, False), (MIXUP, True)):
        tags = tags_of(forest, resampler)
        assert tags.input_tags.sparse is is_sparse
        assert not tags.input_tags.allow_nan and not tags.classifier_tags.multi_label
        assert tags_of(Ridge(), resampler).input_tags.sparse is is_sparse
    assert not tags_of(HistGradientBoostingClassifier(), MIXUP).input_tags.sparse
    poor = CCA()
    assert tags_of(poor, None).regressor_tags == get_tags(poor).regressor_tags
    assert tags_of(poor, None).regressor_tags.poor_score
    assert tags_of(poor, None).estimator_type == "regressor"


def test_delegation():
    X, y = make_classification(100, random_state=0)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(20)])
    model = ResampledClassifier(LogisticRegression(), NOISE).fit(frame, y)
    assert model.feature_names_in_.tolist() == frame.columns.tolist()
    assert model.n_features_in_ == 20
    for method in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        np.testing.assert_array_equal(
            getattr(model, method)(frame), getattr(model.estimator_, method)(frame)
        )
    assert not hasattr(ResampledClassifier(Recorder()), "predict_proba")


@pytest.mark.parametrize("resampler", [None, NOISE, MIXUP])
def test_labels_of_dtype_object_are_told_to_be_cast(resampler):
    X, y = noisy(60, 2)
    model = ResampledClassifier(LogisticRegression(), resampler)
    with pytest.raises(ValueError, match=r"Cast them to one type, y.astype\(int\)"):
        model.fit(X, y.astype(object))
    assert set(model.fit(X, y.astype(str).astype(object)).classes_) == {"0", "1"}


@pytest.mark.parametrize(
    "model",
    [
        ResampledClassifier(LogisticRegression(), NOISE),
        ResampledClassifier(LogisticRegression(), MIXUP),
        ResampledRegressor(Ridge(), MIXUP),
    ],
)
def test_a_pickle_does_not_grow_with_the_rows(model):
    X, y = noisy(2000, 2)
    small, large = clone(model).fit(X[:100], y[:100]), clone(model).fit(X, y)
    assert len(pickle.dumps(large)) < len(pickle.dumps(small)) + 100
    loaded = pickle.loads(pickle.dumps(large))
    np.testing.assert_array_equal(loaded.predict(X), large.predict(X))
    # What is there remains: the one that was fitted knows its rows.
    assert len(large.resampler_.sample_indices_) == 4000
    assert loaded.resampler_.n_features_in_ == 6


def test_samplers_of_other_libraries_are_left_as_they_are():
    X, y = noisy(100, 2)
    model = ResampledClassifier(LogisticRegression(), RandomOverSampler()).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        loaded.resampler_.sample_indices_, model.resampler_.sample_indices_
    )
