"""Ensembles over folds: no leak, members as they would be alone, all kinds of data."""

import pickle
import time
import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_regressor
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor, config_context
from skreg._fitting.fit import fit_many, task_of
from skreg._fitting.judging import Fault, FaultKind
from skreg._utils.wrappers import find_model
from skreg.ensemble import (
    FoldEnsembleClassifier,
    FoldEnsembleRegressor,
    _members,
)
from skreg.ensemble._default_network import batch_size_for, default_estimator
from skreg.ensemble._folds import OutOfFold, draw_folds
from skreg.ensemble._members import Member, fit_on_folds, warn_about_members
from skreg.ensemble._outputs import Numbers
from skreg.neural_network import _together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 90
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 4))
LABELS = np.array(["low", "mid", "top"])[np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.7])]
Y = 50 + 3 * X[:, 0] - X[:, 1] ** 2
BOTH = pytest.mark.parametrize("is_regression", [False, True], ids=["classes", "real"])
QUICK = dict(hidden_layer_sizes=(5,), max_iter=15, learning_rate_init=0.02)


def network_for(is_regression, **params):
    kind = MLPRegressor if is_regression else MLPClassifier
    return kind(**{**QUICK, "early_stopping": True, **params})


def target_for(is_regression):
    return Y if is_regression else LABELS


def ensemble_of(estimator, **params):
    kind = FoldEnsembleRegressor if is_regressor(estimator) else FoldEnsembleClassifier
    return kind(estimator, **{"cv": 3, "random_state": 0, **params})


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def networks_of(ensemble):
    return [find_model(each, fitted=True)[1] for each in ensemble.estimators_]


def oof_of(ensemble):
    if isinstance(ensemble, FoldEnsembleRegressor):
        return ensemble.oof_prediction_
    return ensemble.oof_decision_function_


def output_of(estimator, rows):
    proba = getattr(estimator, "predict_proba", estimator.predict)
    return proba(rows)


def assert_same_weights(one, other):
    for a, b in zip(
        one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        assert_array_equal(a, b)


# -- scikit-learn's checks -------------------------------------------------------------


def expected_failures(ensemble):
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": (
            "Folds are drawn by rows: two rows may part that were one of weight two."
        )
        for kind in ("dense", "sparse")
    } | dict.fromkeys(
        [
            "check_estimators_partial_fit_n_features",
            "check_fit_score_takes_y",
            "check_n_features_in_after_fitting",
        ],
        "Networks that stop early need X_val in partial_fit; see test_chunks.py.",
    )


@parametrize_with_checks(
    [
        ensemble_of(network_for(False, max_iter=20, random_state=0)),
        ensemble_of(network_for(True, max_iter=20, random_state=0)),
    ],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# -- folds -----------------------------------------------------------------------------


def folds_of(cv=4, n_repeats=1, strata=None, sample_weight=None, n_rows=40, **params):
    rows = np.zeros((n_rows, 1))
    return draw_folds(
        *(cv, n_repeats, rows, rows[:, 0], strata, sample_weight),
        *(np.random.RandomState(0),),
        **params,
    )


def assert_cut(splits, rows):
    """That the folds hold each of the rows once, which others train on."""
    held_out = np.concatenate([test for _, test in splits])
    assert_array_equal(np.sort(held_out), rows)
    for train, test in splits:
        assert not np.intersect1d(train, test).size


def test_folds_hold_each_row_once():
    splits = folds_of()
    assert_cut(splits, np.arange(40))
    assert [len(test) for _, test in splits] == [10] * 4
    assert not np.array_equal(np.sort(splits[0][1]), np.arange(10))
    assert len(folds_of(None)) == 5
    repeated = folds_of(n_repeats=2)
    assert_cut(repeated[4:], np.arange(40))
    assert not np.array_equal(repeated[0][1], repeated[4][1])


def test_folds_of_few_rows_are_the_rows():
    splits = folds_of(8, n_rows=3)
    assert_cut(splits, np.arange(3))
    assert len(splits) == 3
    with pytest.raises(ValueError, match="n_samples=1 .* minimum of 2"):
        folds_of(8, n_rows=1)


def test_folds_have_their_share_of_each_class_and_leave_single_rows_to_all():
    strata = np.array([0] * 24 + [1] * 12 + [2] * 3 + [3])
    splits = folds_of(strata=strata)
    assert_cut(splits, np.arange(39))
    for train, test in splits:
        assert abs(np.bincount(strata[test], minlength=4) - [6, 3, 0.75, 0]).max() < 1
        assert 39 in train and set(strata[train]) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="Each of 3 classes has a single row"):
        folds_of(strata=np.arange(3), n_rows=3)


def test_rows_without_weight_are_in_no_fold():
    weight = np.repeat([0.0, 2.0], 20)
    splits = folds_of(sample_weight=weight, strata=np.zeros(40, dtype=int))
    assert_cut(splits, np.arange(20, 40))
    assert min(train.min() for train, _ in splits) >= 20


def test_folds_have_their_share_of_the_rows_of_a_class_that_have_a_weight():
    rng = np.random.default_rng(0)
    strata, weight = rng.integers(2, size=80), rng.integers(2, size=80) * 1.0
    splits = folds_of(strata=strata, sample_weight=weight, n_rows=80)
    counts = np.array([np.bincount(strata[test]) for _, test in splits])
    assert (np.ptp(counts, axis=0) <= 1).all()


def test_a_splitter_draws_its_own_folds():
    groups = np.arange(40) // 4
    for _, test in folds_of(GroupKFold(5), groups=groups):
        assert (np.bincount(groups[test])[np.unique(groups[test])] == 4).all()
    assert len(folds_of(RepeatedKFold(n_splits=2, n_repeats=3))) == 6
    half = np.arange(40) < 20
    ((train, test),) = folds_of([(half, ~half)])
    assert_array_equal(train, np.arange(20))


@pytest.mark.parametrize(
    "params, message",
    [
        (dict(cv=KFold(3), n_repeats=2), "n_repeats=2 needs an integer cv"),
        (dict(groups=np.zeros(40)), "groups would be of no account: cv=4"),
        (
            dict(cv=[(np.arange(30), np.arange(25, 40))]),
            "into training and into the fold at once, in split 0 of 1",
        ),
        (
            dict(cv=[([0], [1, 2]), (np.arange(30), np.arange(29, 40))]),
            "into training and into the fold at once, in split 1 of 2",
        ),
        (dict(cv=[(np.arange(30), np.arange(0))]), "cv gives no rows to score"),
    ],
)
def test_folds_that_cannot_be(params, message):
    with pytest.raises(ValueError, match=message):
        folds_of(**params)


def test_means_of_what_is_predicted_out_of_fold():
    splits = [([2, 3], [0, 1]), ([0, 3], [2, 1]), ([1], [0])]
    out_of_fold = OutOfFold(4, [tuple(map(np.array, split)) for split in splits])
    assert_array_equal(out_of_fold.is_predicted, [True, True, True, False])
    assert_array_equal(out_of_fold.fold, [[0, 2], [0, 1], [1, -1], [-1, -1]])
    predictions = [np.array([1.0, 2.0]), np.array([5.0, 8.0]), np.array([4.0])]
    assert_array_equal(out_of_fold.mean(predictions), [2.5, 5.0, 5.0, np.nan])
    tables = [np.stack([each, -each], axis=1) for each in predictions]
    assert_array_equal(out_of_fold.mean(tables)[:, 1], [-2.5, -5.0, -5.0, np.nan])


def test_a_row_that_is_twice_in_a_fold_counts_once():
    twice = np.r_[np.arange(30), 3, 3]
    ensemble = FoldEnsembleRegressor(Ridge(), cv=[(np.arange(30, N), twice)]).fit(X, Y)
    assert_array_equal(ensemble.oof_fold_ == 0, np.arange(N) < 30)
    expected = ensemble.estimators_[0].predict(X[:30])
    assert_allclose(ensemble.oof_prediction_[:30], expected)


# -- members are what they would be alone ----------------------------------------------


@pytest.mark.both_engines
@BOTH
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_network_is_stopped_by_its_fold(is_weighted, is_regression):
    y, weight = target_for(is_regression), _rng.uniform(0.5, 2, N)
    network = network_for(is_regression, refit=True, validation_splitter=KFold(2))
    weights = {"sample_weight": weight} if is_weighted else {}
    ensemble = ensemble_of(network).fit(X, y, **weights)
    for k, member in enumerate(ensemble.estimators_):
        test = ensemble.oof_fold_ == k
        alone = clone(member)
        assert alone.refit is False and alone.validation_splitter is None
        if is_weighted:
            weights = dict(sample_weight=weight[~test], sample_weight_val=weight[test])
        alone.fit(X[~test], y[~test], X_val=X[test], y_val=y[test], **weights)
        assert member.best_iter_ == alone.best_iter_
        assert_allclose(member.validation_scores_, alone.validation_scores_, rtol=1e-9)
        assert_allclose(member.coefs_[0], alone.coefs_[0], rtol=1e-7)
        assert_allclose(oof_of(ensemble)[test], output_of(alone, X[test]), rtol=1e-7)


class Shift(TransformerMixin, BaseEstimator):
    """A supervised step: adds the mean of the target's codes to all columns."""

    def fit(self, X, y):
        self.mean_ = np.unique(y, return_inverse=True)[1].mean()
        return self

    def transform(self, X):
        return X + self.mean_


@BOTH
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_pipeline_is_fitted_on_the_training_rows(is_weighted, is_regression):
    y = target_for(is_regression)
    model = make_pipeline(Shift(), scaled(network_for(is_regression)))
    weight = _rng.uniform(0.1, 2, N) if is_weighted else None
    ensemble = ensemble_of(model).fit(X, y, sample_weight=weight)
    for k, member in enumerate(ensemble.estimators_):
        test = ensemble.oof_fold_ == k
        steps = clone(member)[:-1].fit(X[~test], y[~test])
        assert member[0].mean_ == steps[0].mean_
        inner = clone(member[-1])
        scaler, network = inner[0].fit(steps.transform(X[~test])), inner[-1]
        rows = scaler.transform(steps.transform(X))
        weights = {}
        if is_weighted:
            weights = dict(sample_weight=weight[~test], sample_weight_val=weight[test])
        network.fit(rows[~test], y[~test], X_val=rows[test], y_val=y[test], **weights)
        assert_array_equal(member[-1][0].mean_, scaler.mean_)
        fitted = member[-1][-1]
        assert_allclose(fitted.coefs_[0], network.coefs_[0], rtol=1e-7)
        curves = fitted.validation_loss_curve_, network.validation_loss_curve_
        assert_allclose(*curves, rtol=1e-7)
        assert_allclose(oof_of(ensemble)[test], output_of(member, X[test]))


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("is_outside", [False, True])
def test_the_target_goes_through_its_transformer(is_outside, n_outputs):
    y = np.exp(X[:, :n_outputs]) if n_outputs > 1 else np.exp(X[:, 0])
    if is_outside:
        model = TransformedTargetRegressor(
            scaled(network_for(True)), transformer=StandardScaler()
        )
    else:
        model = scaled(
            TransformedTargetRegressor(
                network_for(True), func=np.log, inverse_func=np.exp
            )
        )
    ensemble = ensemble_of(model).fit(X, y)
    for k, member in enumerate(ensemble.estimators_):
        test = ensemble.oof_fold_ == k
        _, network = find_model(member, fitted=True)
        scaler = StandardScaler().fit(X[~test])
        if is_outside:
            table = y.reshape(N, -1)
            seen = StandardScaler().fit(table[~test]).transform(table).reshape(y.shape)
        else:
            seen = np.log(y)
        loss = 0.5 * np.square(network.predict(scaler.transform(X[test])) - seen[test])
        loss = loss.mean() * n_outputs
        best = network.validation_loss_curve_[network.best_iter_ - 1]
        assert_allclose(best, loss, rtol=1e-9)
        assert_allclose(ensemble.oof_prediction_[test], member.predict(X[test]))
    assert ensemble.predict(X).shape == y.shape


class Slow(StandardScaler):
    def fit(self, X, y=None):
        time.sleep(0.1)
        return super().fit(X, y)


@pytest.mark.parametrize("estimator", [network_for(True, max_iter=1), Ridge()])
def test_the_time_of_a_member_is_that_of_its_steps_as_well(estimator):
    # The first one may wait until a step is compiled.
    for _ in range(2):
        (member,) = fit_on_folds(
            *([make_pipeline(Slow(), estimator)], [(np.arange(60), np.arange(60, N))]),
            *(X, Y),
            fit_params={},
            output=Numbers(1),
        )
    assert 0.1 <= member.seconds < 5


@BOTH
def test_without_early_stopping_a_network_trains_to_its_end(is_regression):
    y = target_for(is_regression)
    ensemble = ensemble_of(network_for(is_regression, early_stopping=False)).fit(X, y)
    for k, member in enumerate(ensemble.estimators_):
        train = ensemble.oof_fold_ != k
        alone = clone(member).fit(X[train], y[train])
        assert member.n_iter_ == 15 and member.validation_scores_ is None
        assert_allclose(member.coefs_[0], alone.coefs_[0], rtol=1e-7)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(3),
        KNeighborsClassifier(3),
        Ridge(),
        HistGradientBoostingRegressor(max_iter=3, early_stopping=True),
        make_pipeline(StandardScaler(), Ridge()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_any_estimator_is_fitted_on_the_training_rows(estimator):
    y = target_for(is_regressor(estimator))
    ensemble = ensemble_of(estimator, cv=4).fit(X, y)
    for k, member in enumerate(ensemble.estimators_):
        test = ensemble.oof_fold_ == k
        alone = clone(member).fit(X[~test], y[~test])
        assert_array_equal(output_of(member, X), output_of(alone, X))
        assert_array_equal(oof_of(ensemble)[test], output_of(alone, X[test]))
    mean = np.mean([output_of(each, X) for each in ensemble.estimators_], axis=0)
    assert_array_equal(output_of(ensemble, X), mean)


def test_members_have_seeds_of_their_own():
    model = make_pipeline(PCA(2, random_state=1), network_for(False, random_state=1))
    ensemble = ensemble_of(model).fit(X, LABELS)
    seeds = [
        (each[0].random_state, each[-1].random_state) for each in ensemble.estimators_
    ]
    assert len(set(np.ravel(seeds))) == 6
    again = ensemble_of(model).fit(X, LABELS)
    assert_array_equal(oof_of(again), oof_of(ensemble))
    other = ensemble_of(model, random_state=1).fit(X, LABELS)
    assert not np.array_equal(oof_of(other), oof_of(ensemble))


# -- no leak ---------------------------------------------------------------------------


LEAK_CASES = {
    "bare": lambda net: net,
    "scaler": scaled,
    "supervised step": lambda net: make_pipeline(
        StandardScaler(), SelectKBest(f_regression, k=2), net
    ),
}


@pytest.mark.both_engines
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        dict(class_weight="balanced"),
        dict(n_frequencies=2),
        dict(normalize_y=True),
        dict(solver="lbfgs"),
    ],
    ids=lambda params: next(iter(params)),
)
@pytest.mark.parametrize("wrap", LEAK_CASES.values(), ids=LEAK_CASES)
def test_nothing_of_a_fold_gets_into_training(wrap, params, early_stopping):
    train, test = np.arange(20, N), np.arange(20)
    is_regression = "class_weight" not in params
    y = Y if is_regression else (LABELS == "top").astype(int)
    network = network_for(is_regression, early_stopping=early_stopping, **params)
    one = X.copy()
    # One column has two values, outside of the fold that is put in.
    one[:, 3] = one[:, 3] > 0
    other, other_y = one.copy(), y.copy()
    other[test] = 100 * _rng.normal(size=(20, 4))
    other_y[test] = -1000 if is_regression else 1
    pair = [
        networks_of(ensemble_of(wrap(network), cv=[(train, test)]).fit(*data))[0]
        for data in ((one, y), (other, other_y))
    ]
    if not early_stopping:
        assert_same_weights(*pair)
    n_epochs = min(each.n_iter_ for each in pair)
    assert n_epochs > 1
    curves = [each.loss_curve_[:n_epochs] for each in pair]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_classes_are_balanced_by_the_training_rows(wrap):
    y = (LABELS == "top").astype(int)
    train, test = np.arange(40, N), np.arange(40)
    assert y[train].mean() != y[test].mean()
    shares = np.bincount(y[train]) / len(train)
    by_hand = dict(enumerate(0.5 / shares))
    balanced, weighted = (
        ensemble_of(wrap(network_for(False, class_weight=weights)), cv=[(train, test)])
        for weights in ("balanced", by_hand)
    )
    one, other = (networks_of(each.fit(X, y))[0] for each in (balanced, weighted))
    assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-9)
    # These weights count in the fold, too.
    assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-9)


def test_inputs_have_waves_by_the_rows_that_a_split_trains_on():
    rows = X.copy()
    rows[:, 3] = 0
    rows[:40, 3] = X[:40, 3]
    network = network_for(True, n_frequencies=2, max_iter=2)
    early, late = np.arange(40), np.arange(40, N)
    tasks = [task_of(network, split=split) for split in ((early, late), (late, early))]
    outcomes = fit_many(tasks, rows, Y)
    embedded = [each.network.embedded_inputs.tolist() for each in outcomes]
    assert embedded == [[0, 1, 2, 3], [0, 1, 2]]


def test_a_class_that_no_row_is_trained_on_has_no_balanced_weight():
    train, test = np.arange(N - 20), np.arange(N - 20, N)
    y = np.arange(N) % 2
    with_new = y.copy()
    with_new[-5:] = 2
    network = network_for(False, class_weight="balanced", max_iter=3)
    ensemble = ensemble_of(network, cv=[(train, test)]).fit(X, with_new)
    (member,) = ensemble.estimators_
    assert member.predict_proba(X).shape == (N, 3)
    # The loss on the rows of the fold that have a weight, which is that of training.
    known = test[:-5]
    share = np.bincount(y[train]) / len(train)
    weight = 0.5 / share[y[known]]
    proba = member.predict_proba(X[known])
    loss = -np.average(np.log(proba[np.arange(15), y[known]]), weights=weight)
    assert_allclose(member.validation_loss_curve_[member.best_iter_ - 1], loss)


# -- what is predicted out of fold -----------------------------------------------------


@BOTH
def test_the_score_is_that_of_weighted_predictions_out_of_fold(is_regression):
    y, weight = target_for(is_regression), _rng.integers(3, size=N).astype(float)
    ensemble = ensemble_of(network_for(is_regression)).fit(X, y, sample_weight=weight)
    oof, has = oof_of(ensemble), weight > 0
    assert np.isnan(oof[~has]).all() and np.isfinite(oof[has]).all()
    assert_array_equal(ensemble.oof_fold_ < 0, ~has)
    if is_regression:
        expected = r2_score(y[has], oof[has], sample_weight=weight[has])
    else:
        labels = ensemble.classes_[oof[has].argmax(axis=1)]
        expected = accuracy_score(y[has], labels, sample_weight=weight[has])
    assert ensemble.oof_score_ == pytest.approx(expected, rel=1e-12)


@BOTH
def test_weights_count_in_the_score_of_other_rows(is_regression):
    y, weight = target_for(is_regression), _rng.integers(3, size=N)
    ensemble = ensemble_of(Ridge() if is_regression else LogisticRegression())
    rows = np.repeat(np.arange(N), weight)
    score = ensemble.fit(X, y).score(X, y, sample_weight=weight)
    assert score == pytest.approx(ensemble.score(X[rows], y[rows]), rel=1e-12)
    assert score != ensemble.score(X, y)


def test_rows_that_are_never_left_out_have_no_prediction():
    ensemble = ensemble_of(network_for(True), cv=TimeSeriesSplit(3)).fit(X, Y)
    n_first = N - 3 * (N // 4)
    assert np.isnan(ensemble.oof_prediction_[:n_first]).all()
    assert_array_equal(ensemble.oof_fold_[:n_first], -1)
    later = slice(n_first, None)
    expected = r2_score(Y[later], ensemble.oof_prediction_[later])
    assert ensemble.oof_score_ == pytest.approx(expected)


@pytest.mark.parametrize("cv", [4, StratifiedKFold(4)], ids=["int", "splitter"])
def test_the_folds_of_classifiers_have_their_share_of_each_class(cv):
    y = np.where(np.arange(N) < 8, "rare", "other")
    for model in (
        ensemble_of(LogisticRegression(), cv=cv),
        MLPClassifierCV({"max_iter": [1]}, n_candidates=1, cv=cv, random_state=0),
    ):
        folds = model.fit(X, y).oof_fold_
        assert_array_equal(np.bincount(folds[y == "rare"]), [2] * 4)


def test_folds_that_are_given_by_hand():
    folds = np.repeat([-1, 0, 1], 30)
    ensemble = ensemble_of(network_for(True), cv=PredefinedSplit(folds)).fit(X, Y)
    assert_array_equal(ensemble.oof_fold_, folds)


def test_repeated_folds_are_averaged():
    ensemble = ensemble_of(network_for(True), n_repeats=2).fit(X, Y)
    assert len(ensemble.estimators_) == 6 and ensemble.oof_fold_.shape == (N, 2)
    for row in (0, N // 2):
        members = [ensemble.estimators_[k] for k in ensemble.oof_fold_[row]]
        mean = np.mean([each.predict(X[[row]]) for each in members])
        assert ensemble.oof_prediction_[row] == pytest.approx(mean, rel=1e-12)


def test_a_prediction_that_is_not_finite_makes_no_score():
    class Endless(Ridge):
        def predict(self, X):
            return np.full(len(X), np.inf)

    ensemble = ensemble_of(Endless()).fit(X, Y)
    assert np.isnan(ensemble.oof_score_)


# -- kinds of targets ------------------------------------------------------------------


MULTILABEL = np.stack([X[:, 0] > 0, X[:, 1] > -0.5, X[:, 0] < X[:, 2]], axis=1) * 1


@pytest.mark.parametrize(
    "estimator",
    [
        network_for(False),
        scaled(network_for(False)),
        RandomForestClassifier(5),
        OneVsRestClassifier(LogisticRegression()),
        OneVsRestClassifier(LinearSVC()),
    ],
    ids=["network", "pipeline", "forest", "one vs rest", "votes"],
)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_several_labels_a_row(kind, estimator):
    ensemble = ensemble_of(estimator).fit(X, kind(MULTILABEL))
    assert_array_equal(ensemble.classes_, [0, 1, 2])
    mean = ensemble.predict_proba(X)
    assert mean.shape == ensemble.oof_decision_function_.shape == (N, 3)
    assert_array_equal(ensemble.predict(X), mean > 0.5)
    labels = np.mean([each.predict(X) for each in ensemble.estimators_], axis=0)
    agreed = (labels == 0) | (labels == 1)
    assert_array_equal(ensemble.predict(X)[agreed], labels[agreed])
    assert ensemble.score(X, MULTILABEL) > 0.3


def test_a_label_with_half_of_the_votes_is_not_predicted():
    ensemble = ensemble_of(OneVsRestClassifier(LinearSVC()), cv=2).fit(X, MULTILABEL)
    votes = np.sum([each.predict(X) for each in ensemble.estimators_], axis=0)
    assert (votes == 1).any()
    assert_array_equal(ensemble.predict(X), votes == 2)


def test_a_label_that_is_constant_without_a_fold():
    y = MULTILABEL.copy()
    y[:, 2] = np.arange(N) < 30
    cv = PredefinedSplit(np.arange(N) // 30)
    for estimator in (RandomForestClassifier(3), network_for(False)):
        ensemble = ensemble_of(estimator, cv=cv).fit(X, y)
        assert ensemble.oof_decision_function_.shape == (N, 3)
    forest = ensemble_of(RandomForestClassifier(3), cv=cv).fit(X, y)
    assert_array_equal(forest.oof_decision_function_[:30, 2], 0)


@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_several_outputs(wrap):
    y = np.stack([Y, -X[:, 2]], axis=1)
    ensemble = ensemble_of(wrap(network_for(True, normalize_y=True))).fit(X, y)
    mean, spread = ensemble.predict(X, return_std=True)
    assert mean.shape == spread.shape == ensemble.oof_prediction_.shape == (N, 2)
    assert ensemble.oof_score_ == pytest.approx(r2_score(y, ensemble.oof_prediction_))


@pytest.mark.parametrize("estimator", [network_for(True), Ridge()])
def test_a_column_is_a_vector(estimator):
    ensemble = ensemble_of(estimator)
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="column-vector"):
        ensemble.fit(X, Y[:, None])
    assert ensemble.oof_prediction_.shape == ensemble.predict(X).shape == (N,)


@pytest.mark.parametrize(
    "estimator",
    [network_for(False), RandomForestClassifier(3), LogisticRegression(), LinearSVC()],
    ids=lambda each: type(each).__name__,
)
def test_a_class_of_which_all_rows_are_in_a_fold(estimator):
    y = np.where(np.arange(N) < 10, "c", np.where(X[:, 0] > 0, "a", "d"))
    cv = PredefinedSplit(np.arange(N) // 30)
    ensemble = ensemble_of(estimator, cv=cv).fit(X, y)
    assert_array_equal(ensemble.classes_, ["a", "c", "d"])
    proba = ensemble.oof_decision_function_
    assert_allclose(proba.sum(axis=1), 1)
    # A network knows of the class, and learns that it is rare.
    if not isinstance(estimator, MLPClassifier):
        assert_array_equal(proba[:30, 1], 0)
    assert ensemble.predict_proba(X).shape == (N, 3)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_a_class_without_weight(wrap, early_stopping):
    network = network_for(False, early_stopping=early_stopping)
    weight = (LABELS != "mid").astype(float)
    ensemble = ensemble_of(wrap(network)).fit(X, LABELS, sample_weight=weight)
    proba = ensemble.predict_proba(X)
    assert proba.shape == (N, 3)
    mean = np.mean([each.predict_proba(X) for each in ensemble.estimators_], axis=0)
    assert_allclose(proba, mean, rtol=1e-12)


@pytest.mark.parametrize("estimator", [network_for(False), RandomForestClassifier(3)])
def test_a_single_class(estimator):
    ensemble = ensemble_of(estimator).fit(X, np.repeat("only", N))
    assert_array_equal(ensemble.predict_proba(X), np.ones((N, 1)))
    assert set(ensemble.predict(X)) == {"only"}
    assert ensemble.oof_score_ == 1


def test_classifiers_without_probabilities_vote():
    ensemble = ensemble_of(LinearSVC(), cv=5).fit(X, LABELS)
    labels = np.array([each.predict(X) for each in ensemble.estimators_])
    votes = (labels[:, :, None] == ensemble.classes_).mean(axis=0)
    assert_array_equal(ensemble.predict_proba(X), votes)
    with np.errstate(divide="ignore"):
        logarithms = np.log(votes)
    # Without a warning about the logarithm of zero.
    assert_array_equal(ensemble.predict_log_proba(X), logarithms)


@pytest.mark.parametrize("estimator", [Ridge(), HistGradientBoostingRegressor()])
def test_the_tags_of_the_data_are_those_of_the_estimator(estimator):
    inner, tags = get_tags(estimator), get_tags(FoldEnsembleRegressor(estimator))
    assert (tags.input_tags, tags.target_tags) == (inner.input_tags, inner.target_tags)


# -- kinds of rows ---------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array]
)
def test_sparse_rows(kind, is_regression):
    dense, y = np.where(X > 0, X, 0), target_for(is_regression)
    network = network_for(is_regression, normalize_y=True) if is_regression else None
    for estimator in (network_for(is_regression), network):
        kind_of = FoldEnsembleRegressor if is_regression else FoldEnsembleClassifier
        one, other = (
            kind_of(estimator, cv=3, random_state=0).fit(rows, y)
            for rows in (kind(dense), sparse.csr_array(dense))
        )
        assert_allclose(oof_of(one), oof_of(other), rtol=1e-9)
        assert_allclose(output_of(one, kind(dense)), output_of(one, dense), rtol=1e-7)
        if estimator is None:
            return


def make_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["one", "two", "three", "four"])
    return frame.assign(kind=np.where(X[:, 2] > 0, "u", "v"))


def test_columns_with_names():
    pd = pytest.importorskip("pandas")
    frame = make_frame()
    columns = make_column_transformer(
        (StandardScaler(), ["one", "two", "three", "four"]),
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
    )
    ensemble = ensemble_of(make_pipeline(columns, network_for(False)))
    ensemble.fit(frame, pd.Series(LABELS, dtype="string"))
    assert_array_equal(ensemble.feature_names_in_, frame.columns)
    assert set(ensemble.predict(frame)) <= set(LABELS)
    with pytest.raises(ValueError, match="feature names should match"):
        ensemble.predict(frame.rename(columns={"one": "other"}))
    numbers = frame.drop(columns="kind")
    bare = ensemble_of(network_for(True)).fit(numbers, Y)
    assert_array_equal(bare.estimators_[0].feature_names_in_, numbers.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        bare.predict(numbers.iloc[:, ::-1])


@pytest.mark.both_engines
def test_folds_may_have_other_columns():
    kinds = np.where(np.arange(N) % 2, "u", "v").astype(object)
    kinds[:5] = "rare"
    frame = make_frame().assign(kind=kinds)
    columns = make_column_transformer(
        (StandardScaler(), ["one", "two"]),
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
    )
    cv = PredefinedSplit(np.arange(N) // 30)
    ensemble = ensemble_of(make_pipeline(columns, network_for(True)), cv=cv)
    ensemble.fit(frame, Y)
    n_columns = [each.n_features_in_ for each in networks_of(ensemble)]
    assert n_columns == [4, 5, 5]
    first, test = ensemble.estimators_[0], slice(30)
    rows = clone(first[0]).fit(frame[30:]).transform(frame)
    alone = clone(first[-1])
    alone.fit(rows[30:], Y[30:], X_val=rows[test], y_val=Y[test])
    assert_allclose(first[-1].coefs_[0], alone.coefs_[0], rtol=1e-7)


def test_texts():
    texts = [f"word{k % 3} other{k % 5}" for k in range(N)]
    ensemble = ensemble_of(make_pipeline(CountVectorizer(), network_for(False)))
    ensemble.fit(texts, np.arange(N) % 3)
    assert ensemble.predict(texts[:4]).shape == (4,)
    assert not hasattr(ensemble, "n_features_in_")


def test_lists_and_wrong_shapes():
    ensemble = ensemble_of(network_for(False)).fit(X.tolist(), LABELS.tolist())
    assert_array_equal(ensemble.predict(X.tolist()), ensemble.predict(X))
    with pytest.raises(ValueError, match="Reshape your data"):
        ensemble.predict(X[0])
    with pytest.raises(ValueError, match="has 3 features, but .* expecting 4"):
        ensemble.predict(X[:, :3])


@pytest.mark.parametrize(
    "n_rows, size", [(1, 1), (63, 63), (65, 64), (1949, 64), (1950, 65), (30_000, 1000)]
)
def test_the_minibatches_of_the_default(n_rows, size):
    assert batch_size_for(n_rows) == size


@BOTH
def test_minibatches_of_the_default_fit_into_the_smallest_part(is_regression):
    rows = np.arange(N)
    splits = [(rows[:60], rows[60:]), (rows[50:], rows[:50])]
    ensemble = ensemble_of(network_for(is_regression), cv=splits)
    ensemble.set_params(estimator=None).fit(X, target_for(is_regression))
    assert [network.batch_size for network in networks_of(ensemble)] == [40, 40]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_the_default_has_waves_of_up_to_200_columns(kind):
    for n_columns, is_sparse, n_frequencies in (
        (200, False, 16),
        (201, False, 0),
        (2, True, 0),
    ):
        network = default_estimator(kind, 100, n_columns, is_sparse)[-1]
        assert network.n_frequencies == n_frequencies


# -- one pass through many networks ----------------------------------------------------


@pytest.mark.both_engines
@BOTH
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_bare_networks_predict_in_one_pass(dtype, is_regression, monkeypatch):
    passes = []

    def predict_raw(*args):
        passes.append(args)
        return _predict_raw(*args)

    _predict_raw = _together.predict_raw
    monkeypatch.setattr(_together, "predict_raw", predict_raw)
    rows = X.astype(dtype)
    ensemble = ensemble_of(network_for(is_regression), cv=5)
    ensemble.fit(rows, target_for(is_regression))
    # In whatever order the numbers of a table stand.
    for given in (rows, np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2]):
        members = [output_of(each, given) for each in ensemble.estimators_]
        tolerance = 1e-12 if dtype == "f8" else 1e-5
        mean = np.mean(members, axis=0, dtype=np.float64)
        assert_allclose(output_of(ensemble, given), mean, rtol=tolerance)
    assert len(passes) == 3
    if is_regression:
        _, spread = ensemble.predict(rows, return_std=True)
        expected = np.std(members, axis=0, dtype=np.float64)
        assert_allclose(spread, expected, rtol=1e-9 if dtype == "f8" else 1e-3)


def add_to_intercept(network):
    network.intercepts_[-1] = network.intercepts_[-1] + 3.0


def round_to_integers(network):
    network.coefs_ = [np.rint(3 * W).astype(int) for W in network.coefs_]


def remove_units(network):
    network.coefs_ = [network.coefs_[0][:, :2], network.coefs_[1][:2]]
    network.intercepts_ = [network.intercepts_[0][:2], network.intercepts_[1]]


@pytest.mark.parametrize("edit", [add_to_intercept, round_to_integers, remove_units])
def test_weights_that_a_user_edits_count(edit):
    ensemble = ensemble_of(network_for(True)).fit(X, Y)
    before = ensemble.predict(X)
    edit(ensemble.estimators_[0])
    mean = np.mean([each.predict(X) for each in ensemble.estimators_], axis=0)
    assert_allclose(ensemble.predict(X), mean, rtol=1e-12)
    assert not np.allclose(mean, before)


def test_networks_with_periodic_features_predict_by_themselves():
    network = network_for(True, n_frequencies=2)
    ensemble = ensemble_of(network).fit(X, Y)
    mean = np.mean([each.predict(X) for each in ensemble.estimators_], axis=0)
    assert_allclose(ensemble.predict(X), mean, rtol=1e-12)


# -- workers ---------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_any_number_of_workers_gives_the_same(wrap):
    # Each has work: five members are four and one where they are trained as one.
    network = network_for(False, hidden_layer_sizes=(20, 10))
    one, two = (
        ensemble_of(wrap(network), cv=5, n_jobs=n_jobs).fit(X, LABELS)
        for n_jobs in (None, 2)
    )
    for a, b in zip(networks_of(one), networks_of(two), strict=True):
        assert_same_weights(a, b)
    assert_array_equal(one.oof_decision_function_, two.oof_decision_function_)


def test_members_are_prepared_as_memory_allows(monkeypatch):
    expected = ensemble_of(scaled(network_for(True)), cv=4).fit(X, Y)
    stacked = []
    stack_up = _members.stack_up

    def recording(parts):
        stacked.append(len(parts))
        return stack_up(parts)

    monkeypatch.setattr(_members, "stack_up", recording)
    # Two members' rows.
    monkeypatch.setattr(_members, "_STACK_BYTES", 1.5 * X.nbytes)
    ensemble = ensemble_of(scaled(network_for(True)), cv=4)
    with config_context(engine="numpy"):
        ensemble.fit(X, Y)
    # Two times the rows of each of two members, and then the two.
    assert stacked == [2, 2, 2] * 2
    assert_allclose(ensemble.predict(X), expected.predict(X), rtol=1e-7)


def test_progress_is_told(capsys):
    ensemble_of(Ridge(), verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("FoldEnsembleRegressor: 3 of 3 members done")


# -- warnings and errors ---------------------------------------------------------------


def warnings_of(ensemble, y=Y, rows=X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ensemble.fit(rows, y)
    return [(each.category, str(each.message)) for each in caught]


@pytest.mark.both_engines
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_members_that_end_alike_are_one_warning(n_jobs):
    network = network_for(True, early_stopping=False, normalize_y=True, max_iter=3)
    ensemble = ensemble_of(network, cv=PredefinedSplit(np.arange(N) // 30))
    ((category, text),) = warnings_of(ensemble)
    assert category is ConvergenceWarning and "Maximum iterations (3)" in text
    network.set_params(
        solver="sgd", learning_rate_init=0.4, activation="identity", max_iter=200
    )
    rows = np.where(np.arange(N)[:, None] < 30, 4 * X, X)
    ((category, text),) = warnings_of(ensemble, rows=rows)
    assert category is ConvergenceWarning and "diverged" in text
    # In other epochs, so that each would have a text of its own.
    assert len({each.n_iter_ for each in ensemble.estimators_}) > 1


def test_useless_members_are_counted():
    network = network_for(True, early_stopping=False, max_iter=2)
    ((category, text),) = warnings_of(ensemble_of(network), 1e6 + Y)
    assert category is ConvergenceWarning
    assert text.startswith("3 of 3 members are of no use. Of the first: ")
    assert "normalize_y=True" in text


@pytest.mark.parametrize("n_useless, n_members", [(1, 3), (2, 4), (3, 3)])
def test_half_of_the_members_must_be_useless(n_useless, n_members):
    fault = Fault(FaultKind.CONSTANT, "Seen.", "Advice.")
    useless, sound = Member(fault=fault), Member()
    members = [useless] * n_useless + [sound] * (n_members - n_useless)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_about_members(members)
    assert len(caught) == (2 * n_useless >= n_members)


class FailsOn(Ridge):
    """Fails where a row is among those that it is fitted on."""

    def __init__(self, row=None):
        super().__init__()
        self.row = row

    def fit(self, X, y):
        if (X == self.row).all(axis=1).any():
            raise RuntimeError("No such rows.")
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_errors_name_the_fold(n_jobs):
    cv = PredefinedSplit(np.arange(N) // 30)
    ensemble = ensemble_of(FailsOn(), cv=cv, n_jobs=n_jobs).fit(X, Y)
    before = vars(ensemble).copy()
    ensemble.estimator.row = X[5]
    with pytest.raises(RuntimeError, match="No such rows") as caught:
        ensemble.fit(X[::-1][::-1], Y)
    assert caught.value.__notes__ == ["This happened on fold 1 of 3."]
    assert vars(ensemble) == before


def test_errors_of_networks_name_the_fold():
    rows = X.copy()
    rows[3, 0] = np.nan
    ensemble = ensemble_of(scaled(network_for(True)))
    with pytest.raises(ValueError, match="contains NaN") as caught:
        ensemble.fit(rows, Y)
    assert caught.value.__notes__ == ["This happened on fold 0 of 3."]
    assert not hasattr(ensemble, "estimators_")
    # What is wrong with all rows is no matter of a fold, nor are parameters.
    with pytest.raises(ValueError, match="contains NaN") as caught:
        ensemble_of(network_for(True)).fit(rows, Y)
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(ValueError, match="The 'alpha' parameter") as caught:
        ensemble_of(scaled(network_for(True, alpha=-1))).fit(X, Y)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    "estimator, fit_params, error, message",
    [
        (
            network_for(True),
            dict(X_val=X, y_val=Y),
            TypeError,
            "Leave out X_val, y_val",
        ),
        (network_for(True), dict(weight=Y), TypeError, "Leave out weight"),
        (
            scaled(network_for(True)),
            dict(mlpregressor__sample_weight_val=Y),
            TypeError,
            "Leave out sample_weight_val",
        ),
        (scaled(network_for(True)), dict(weight=Y), ValueError, "weight parameter"),
        (Ridge(), dict(groups=Y), ValueError, "groups would be of no account"),
        (Ridge(), dict(sample_weight=-Y), ValueError, "Negative values"),
        (network_for(False), {}, ValueError, "needs a regressor, got"),
        (
            network_for(True),
            dict(sample_weight=0 * Y),
            ValueError,
            "non-zero|n_samples=0",
        ),
    ],
)
def test_what_fit_cannot_be_given(estimator, fit_params, error, message):
    ensemble = FoldEnsembleRegressor(estimator, cv=3)
    with pytest.raises(error, match=message):
        ensemble.fit(X, Y, **fit_params)
    assert not hasattr(ensemble, "estimators_")


def test_parameters_of_fit_follow_the_rows():
    class Remembers(Ridge):
        def fit(self, X, y, tags=None, scale=None):
            self.tags_, self.scale_ = tags, scale
            return super().fit(X, y)

    ensemble = ensemble_of(Remembers()).fit(X, Y, tags=np.arange(N), scale="one")
    for k, member in enumerate(ensemble.estimators_):
        assert_array_equal(member.tags_, np.flatnonzero(ensemble.oof_fold_ != k))
        assert member.scale_ == "one"


@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_ctrl_c_leaves_the_ensemble_as_it_was(wrap):
    calls = []

    def scorer(estimator, X, y):
        calls.append(len(y))
        if len(calls) == 10:
            raise KeyboardInterrupt
        return 0.0

    ensemble = ensemble_of(wrap(network_for(True, scoring=scorer)))
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, Y)
    assert len(calls) == 10
    with pytest.raises(NotFittedError):
        ensemble.predict(X)


# -- importances -----------------------------------------------------------------------


def test_importances_are_those_of_the_members():
    ensemble = ensemble_of(scaled(network_for(True, normalize_y=True))).fit(X, Y)
    members = [each.feature_importances_ for each in networks_of(ensemble)]
    assert_array_equal(ensemble.feature_importances_, np.mean(members, axis=0))
    assert_array_equal(ensemble.feature_importances_std_, np.std(members, axis=0))
    forest = ensemble_of(RandomForestClassifier(3)).fit(X, LABELS)
    assert forest.feature_importances_.shape == (4,)


def test_importances_of_different_columns_are_none():
    # Columns of noise: each fold selects others.
    noise = _rng.normal(size=(N, 40))
    selecting = make_pipeline(SelectKBest(f_regression, k=3), network_for(True))
    ensemble = ensemble_of(selecting, cv=5).fit(noise, Y)
    chosen = {tuple(each[0].get_support(indices=True)) for each in ensemble.estimators_}
    assert len(chosen) > 1
    with pytest.raises(AttributeError, match="other columns"):
        ensemble.feature_importances_  # noqa: B018
    assert not hasattr(ensemble_of(Ridge()).fit(X, Y), "feature_importances_")
    with pytest.raises(NotFittedError):
        ensemble_of(Ridge()).feature_importances_  # noqa: B018


# -- metadata routing ------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


WEIGHT = np.random.default_rng(1).integers(1, 4, size=N).astype(float)


def test_tags_are_those_of_the_estimator():
    for given, kind in (
        *((each, FoldEnsembleClassifier) for each in (None, RandomForestClassifier())),
        *((each, FoldEnsembleRegressor) for each in (None, CCA(), Ridge())),
    ):
        tags = get_tags(kind(given))
        network = MLPClassifier() if kind is FoldEnsembleClassifier else MLPRegressor()
        expected = get_tags(network if given is None else given)
        assert tags.input_tags == expected.input_tags
        assert tags.target_tags == expected.target_tags
        assert tags.classifier_tags == expected.classifier_tags
        assert tags.regressor_tags == expected.regressor_tags
        assert tags.estimator_type == expected.estimator_type


def without_routing(estimator, **fit_params):
    with sklearn.config_context(enable_metadata_routing=False):
        return ensemble_of(estimator).fit(X, Y, **fit_params)


@pytest.mark.parametrize("wrap", [lambda net: net, scaled], ids=["bare", "scaler"])
def test_weights_go_to_who_requests_them(routing, wrap):
    expected = without_routing(wrap(network_for(True)), sample_weight=WEIGHT)
    network = network_for(True).set_fit_request(sample_weight=True)
    model = wrap(network)
    if isinstance(model, Pipeline):
        model[0].set_fit_request(sample_weight=False)
    ensemble = ensemble_of(model).fit(X, Y, sample_weight=WEIGHT)
    assert_array_equal(ensemble.oof_prediction_, expected.oof_prediction_)
    assert ensemble.oof_score_ == expected.oof_score_


def test_weights_by_another_name_stop_training_as_well(routing):
    expected = without_routing(scaled(network_for(True)), sample_weight=WEIGHT)
    network = network_for(True).set_fit_request(sample_weight="importance")
    ensemble = ensemble_of(scaled(network)).fit(X, Y, importance=WEIGHT)
    assert_array_equal(ensemble.oof_prediction_, expected.oof_prediction_)
    # The ensemble itself was given no weights.
    assert ensemble.oof_score_ == r2_score(Y, ensemble.oof_prediction_)


def test_metadata_that_nobody_requests(routing):
    with pytest.raises(ValueError, match="not explicitly set as requested"):
        ensemble_of(network_for(True)).fit(X, Y, sample_weight=WEIGHT)
    with pytest.raises(TypeError, match="unexpected argument.*groups"):
        ensemble_of(Ridge()).fit(X, Y, groups=WEIGHT)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("is_routing", [False, True])
def test_the_default_takes_weights(is_routing, is_sparse):
    rows, weight = X[:30], WEIGHT[:30]
    rows = sparse.csr_array(rows) if is_sparse else rows
    with sklearn.config_context(enable_metadata_routing=is_routing):
        ensemble = FoldEnsembleRegressor(cv=2, random_state=0)
        ensemble.fit(rows, Y[:30], sample_weight=weight)
    same = clone(ensemble).set_params(estimator=clone(ensemble.estimators_[0]))
    same.fit(rows, Y[:30], sample_weight=weight)
    assert_array_equal(ensemble.oof_prediction_, same.oof_prediction_)
    assert ensemble.oof_score_ == same.oof_score_


def test_groups_go_to_the_splitter(routing):
    groups = np.arange(N) // 6
    ensemble = ensemble_of(network_for(True), cv=GroupKFold(3)).fit(X, Y, groups=groups)
    for group in range(15):
        assert len(set(ensemble.oof_fold_[groups == group])) == 1
    # From a cross-validation they get to both splitters, or to the outer one alone.
    for cv in (GroupKFold(2), 3):
        inner = ensemble_of(Ridge(), cv=cv)
        scores = cross_val_score(
            inner, X, Y, cv=GroupKFold(3), params={"groups": groups}
        )
        assert len(scores) == 3


# -- as an estimator -------------------------------------------------------------------


def test_pickles_clones_and_failures_before_training():
    ensemble = ensemble_of(scaled(network_for(False))).fit(X, LABELS)
    loaded = pickle.loads(pickle.dumps(ensemble))
    assert_array_equal(loaded.predict_proba(X), ensemble.predict_proba(X))
    assert_array_equal(loaded.predict(X), ensemble.predict(X))
    copied = clone(ensemble)
    assert not hasattr(copied, "estimators_")
    assert copied.get_params()["estimator__mlpclassifier__max_iter"] == 15
    assert str(copied).startswith("FoldEnsembleClassifier(cv=3")
    # The estimator that was given is not fitted.
    assert not hasattr(ensemble.estimator[-1], "coefs_")


def test_training_can_go_on_from_a_member():
    ensemble = ensemble_of(network_for(True, early_stopping=False)).fit(X, Y)
    member = ensemble.estimators_[0]
    # A state of training is some times as large as the network.
    assert not hasattr(member, "_training_state")
    before = member.coefs_[0].copy()
    assert not np.array_equal(member.partial_fit(X, Y).coefs_[0], before)
