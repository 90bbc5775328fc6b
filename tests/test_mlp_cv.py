"""MLPClassifierCV and MLPRegressorCV: a search whose networks are the ensemble."""

import gc
import pickle
import re
import warnings
import weakref
from dataclasses import replace

import joblib
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from skreg import MLPClassifierCV, MLPRegressorCV
from skreg.augmentation import GaussianNoise
from skreg.ensemble import _mlp_cv_base, _search
from skreg.ensemble._calibration import temperature_of, tempered
from skreg.ensemble._default_network import MOST_WAVY_COLUMNS
from skreg.ensemble._space import build, draw_settings, starting_points
from skreg.ensemble._table import results_of, table_of

N = 90
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 4))
Y = 50 + 10 * (X[:, 0] + X[:, 1] * X[:, 2]) + _rng.normal(size=N)
LABELS = np.array(["low", "mid", "top"])[np.digitize(Y, [45, 55])]
INDICATORS = np.column_stack([Y > 50, X[:, 3] + X[:, 0] > 0.5]).astype(int)

# Tiny networks, of which some are better than others.
SPACE = {
    "hidden_layer_sizes": [(8,)],
    "learning_rate_init": [0.01, 0.05],
    "max_iter": [15],
    "n_knots": [0, 4],
    "scaling": ["standard", "robust"],
}
KINDS = {
    "binary": (MLPClassifierCV, INDICATORS[:, 0]),
    "multiclass": (MLPClassifierCV, LABELS),
    "multilabel": (MLPClassifierCV, INDICATORS),
    "real": (MLPRegressorCV, Y),
    "two outputs": (MLPRegressorCV, np.column_stack([Y, 1e6 * X[:, 0]])),
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
BOTH = pytest.mark.parametrize("kind", ["multiclass", "real"])


def make(kind, space=SPACE, **params):
    Estimator, _ = KINDS[kind]
    return Estimator(space, **{"n_candidates": 4, "cv": 3, "random_state": 0, **params})


def fitted(kind, *args, **params):
    return make(kind, *args, **params).fit(X, KINDS[kind][1])


def output_of(model, rows):
    return getattr(model, "predict_proba", model.predict)(rows)


def oof_of(model):
    if isinstance(model, MLPRegressorCV):
        return model.oof_prediction_
    return model.oof_decision_function_


def averaged(model, kind, outputs):
    """By the definition: of the outputs of each chosen setting's networks."""
    total = 0
    for number, own in zip(np.flatnonzero(model.weights_), outputs, strict=True):
        if isinstance(model, MLPClassifierCV):
            temperature = model.cv_results_["temperature"][number]
            own = tempered(own, temperature, kind == "multilabel")
        total = total + model.weights_[number] * own
    return total


def settings_of(model, n_folds=3):
    """The networks of each chosen setting, a fold each."""
    networks = model.estimators_
    assert len(networks) == n_folds * (model.weights_ > 0).sum()
    return [networks[k : k + n_folds] for k in range(0, len(networks), n_folds)]


def networks_of(model):
    return [estimator[-1] for estimator in model.estimators_]


def assert_equal_models(one, other, rows=X):
    assert_array_equal(one.weights_, other.weights_)
    assert_array_equal(oof_of(one), oof_of(other))
    assert_array_equal(output_of(one, rows), output_of(other, rows))


def plan(monkeypatch, *rungs):
    monkeypatch.setattr(_mlp_cv_base, "plan_rungs", lambda *_: list(rungs))


# -- scikit-learn's checks -------------------------------------------------------------


@parametrize_with_checks(
    [
        Estimator({**SPACE, "max_iter": [5, 10]}, n_candidates=2, cv=2)
        for Estimator in (MLPClassifierCV, MLPRegressorCV)
    ],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": (
            "Folds are drawn by rows: two rows may part that were one of weight two."
        )
    },
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
# How a machine rounds may decide whether a network of a dozen rows is of use.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# -- the ensemble ----------------------------------------------------------------------


@EACH_KIND
def test_the_ensemble_is_the_weighted_mean_of_settings(kind):
    model = fitted(kind, n_candidates=6)
    assert model.weights_.sum() == pytest.approx(1)
    means = [
        np.mean([output_of(each, X) for each in networks], axis=0)
        for networks in settings_of(model)
    ]
    assert_allclose(output_of(model, X), averaged(model, kind, means), rtol=1e-5)
    predicted = model.predict(X)
    assert predicted.shape == KINDS[kind][1].shape
    assert model.score(X, KINDS[kind][1]) > 0.2


@EACH_KIND
def test_out_of_fold_predictions_are_of_networks_that_have_not_seen_the_row(kind):
    model, y = fitted(kind), KINDS[kind][1]
    outputs = []
    for networks in settings_of(model):
        own = np.empty(oof_of(model).shape)
        for fold, each in enumerate(networks):
            rows = model.oof_fold_ == fold
            own[rows] = output_of(each, X[rows])
        outputs.append(own)
    oof = averaged(model, kind, outputs)
    assert_allclose(oof_of(model), oof)
    score = {"real": metrics.r2_score, "two outputs": metrics.r2_score}
    score = score.get(kind, metrics.accuracy_score)
    decoded = oof
    if kind == "multilabel":
        decoded = (oof > 0.5).astype(int)
    elif isinstance(model, MLPClassifierCV):
        decoded = model.classes_[oof.argmax(axis=1)]
    assert model.oof_score_ == pytest.approx(score(y, decoded))


def test_the_spread_is_that_of_all_networks():
    model = fitted("real", n_candidates=6)
    mean, spread = model.predict(X, return_std=True)
    assert_array_equal(mean, model.predict(X))
    squares = 0
    for weight, networks in zip(
        model.weights_[model.weights_ > 0], settings_of(model), strict=True
    ):
        own = np.array([each.predict(X) for each in networks])
        squares = squares + weight * ((own - mean) ** 2).mean(axis=0)
    assert_allclose(spread, np.sqrt(squares))
    # Far from zero nothing of it is lost.
    far = make("real", n_candidates=6).fit(X, Y + 1e9)
    mean_far, spread_far = far.predict(X, return_std=True)
    assert_allclose(mean_far - 1e9, mean, rtol=1e-3, atol=0.05)
    assert_allclose(spread_far, spread, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    "kind, scoring, score",
    [
        ("multiclass", "loss", lambda y, p: -metrics.log_loss(y, p)),
        ("multiclass", "neg_log_loss", lambda y, p: -metrics.log_loss(y, p)),
        ("binary", "roc_auc", lambda y, p: metrics.roc_auc_score(y, p[:, 1])),
        ("binary", "accuracy", lambda y, p: metrics.accuracy_score(y, p[:, 1] > 0.5)),
        ("multilabel", "roc_auc", metrics.roc_auc_score),
        (
            "multilabel",
            "loss",
            lambda y, p: -sum(metrics.log_loss(y[:, k], p[:, k]) for k in range(2)),
        ),
        ("real", "loss", lambda y, p: -np.mean((y - p) ** 2) / y.var()),
        ("real", "r2", metrics.r2_score),
        ("two outputs", "loss", lambda y, p: metrics.r2_score(y, p) - 1),
        (
            "real",
            lambda estimator, X, y: -np.median(np.abs(estimator.predict(X) - y)),
            lambda y, p: -metrics.median_absolute_error(y, p),
        ),
    ],
)
def test_settings_are_compared_by_the_scoring(kind, scoring, score):
    model = fitted(kind, n_candidates=1, scoring=scoring)
    expected = score(KINDS[kind][1], oof_of(model))
    assert model.best_score_ == pytest.approx(expected)
    assert model.cv_results_["oof_loss"][0] == -model.best_score_
    assert model.n_iter_ == round(model.cv_results_["n_iter"][0])


def test_weights_count_in_the_comparison():
    weight = np.random.default_rng(0).integers(0, 3, N).astype(float)
    for kind, scoring in (("real", "loss"), ("real", "r2"), ("multiclass", "loss")):
        y = KINDS[kind][1]
        model = make(kind, n_candidates=1, scoring=scoring).fit(X, y, weight)
        rows = weight > 0
        # Rows without weight are in no fold.
        assert_array_equal(model.oof_fold_ >= 0, rows)
        assert np.isnan(oof_of(model)[~rows]).all()
        y, oof, weight_of = y[rows], oof_of(model)[rows], weight[rows]
        if kind == "multiclass":
            expected = -metrics.log_loss(y, oof, sample_weight=weight_of)
        else:
            expected = metrics.r2_score(y, oof, sample_weight=weight_of)
            assert model.oof_score_ == pytest.approx(expected)
            expected -= scoring == "loss"
        assert model.best_score_ == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_temperature_is_that_of_rows_that_the_networks_have_not_seen(
    kind, is_weighted, monkeypatch
):
    plan(monkeypatch, (2, 1), (1, 3))
    y, weight = KINDS[kind][1], None
    if is_weighted:
        weight = np.random.default_rng(0).uniform(0.1, 3, N)
    model = make(kind, n_candidates=2).fit(X, y, weight)
    raw = np.empty(oof_of(model).shape)
    for fold, each in enumerate(model.estimators_):
        rows = model.oof_fold_ == fold
        raw[rows] = each.predict_proba(X[rows])
    is_multilabel = kind == "multilabel"
    coded = y if is_multilabel else (y[:, None] == model.classes_).astype(float)
    expected = temperature_of(raw, coded, is_multilabel, weight)
    (number,) = np.flatnonzero(model.weights_)
    found = model.cv_results_["temperature"][number]
    # Searching it ends at steps of a hundredth, and networks are of float32.
    assert found == pytest.approx(expected, rel=1e-3)
    assert_allclose(oof_of(model), tempered(raw, found, is_multilabel), rtol=1e-5)


def test_a_scorer_is_given_the_rows_that_it_scores():
    given = []

    def scorer(estimator, rows, y):
        given.append((rows, y))
        return metrics.r2_score(y, estimator.predict(rows))

    fitted("real", n_candidates=1, scoring=scorer)
    for rows, y in given:
        numbers = [np.flatnonzero((X == row).all(axis=1))[0] for row in rows]
        assert_array_equal(Y[numbers], y)


def test_networks_are_float32_whatever_comes_in():
    for kind, rows in (("real", X), ("multiclass", X.astype(np.float32))):
        model = make(kind).fit(rows, KINDS[kind][1])
        for network in networks_of(model):
            assert {W.dtype for W in network.coefs_} == {np.dtype(np.float32)}


# -- the search ------------------------------------------------------------------------


def recording(monkeypatch, before=lambda number: None):
    """A list to which each call of `fit_on_folds` adds what it trained."""
    calls, fit_on_folds = [], _search.fit_on_folds

    def recorded(estimators, folds, *args, **kwargs):
        before(len(calls))
        members = fit_on_folds(estimators, folds, *args, **kwargs)
        calls.append((estimators, folds, members))
        return members

    monkeypatch.setattr(_search, "fit_on_folds", recorded)
    return calls


@pytest.mark.parametrize(
    "n_candidates, n_folds, rungs",
    [
        (12, 8, [(12, 1), (5, 3), (3, 8)]),
        (40, 16, [(40, 2), (17, 6), (10, 16)]),
        (12, 3, [(12, 1), (5, 2), (3, 3)]),
        (12, 2, [(12, 1), (3, 2)]),
        (12, 1, [(12, 1), (3, 1)]),
        # Those that are left behind do not come back.
        (4, 8, [(4, 1), (2, 3), (2, 8)]),
        (2, 8, [(2, 1), (1, 3), (1, 8)]),
        (1, 8, [(1, 1), (1, 3), (1, 8)]),
    ],
)
def test_how_many_candidates_are_trained_without_how_many_folds(
    n_candidates, n_folds, rungs
):
    assert _search.plan_rungs(n_candidates, n_folds) == rungs


def test_the_time_of_a_setting_is_that_of_all_its_networks(monkeypatch):
    plan(monkeypatch, (3, 1), (2, 2), (1, 3))
    fit_on_folds = _search.fit_on_folds

    def timed(*args, **kwargs):
        members = fit_on_folds(*args, **kwargs)
        return [replace(member, seconds=0.5) for member in members]

    monkeypatch.setattr(_search, "fit_on_folds", timed)
    results = fitted("real", n_candidates=3).cv_results_
    assert_array_equal(np.sort(results["fit_time"]), [0.5, 1.0, 1.5])
    assert_array_equal(results["fit_time"], results["n_folds"] / 2)


@BOTH
def test_nothing_is_trained_twice(kind, monkeypatch):
    plan(monkeypatch, (5, 1), (3, 2), (2, 3))
    calls = recording(monkeypatch)
    model = fitted(kind, n_candidates=5)
    assert_array_equal(np.sort(model.cv_results_["n_folds"]), [1, 1, 2, 3, 3])
    trained = [
        (estimator[-1].random_state, tuple(test))
        for estimators, folds, _ in calls
        for estimator, (_, test) in zip(estimators, folds, strict=True)
    ]
    assert len(trained) == len(set(trained)) == 5 + 3 + 2
    members = [member.estimator for *_, some in calls for member in some]
    assert all(any(each is own for own in members) for each in model.estimators_)


def test_the_best_go_on(monkeypatch):
    plan(monkeypatch, (6, 1), (3, 2), (2, 3))
    seen = []
    model = fitted("real", n_candidates=6, callback=lambda *args: seen.append(args))
    assert [rung for rung, _ in seen] == [0, 1, 2]
    for (_, before), (_, after), n_left in zip(seen, seen[1:], (3, 2), strict=False):
        went_on = np.flatnonzero(after["n_folds"] > before["n_folds"])
        tried = before["n_folds"] == before["n_folds"].max()
        order = np.argsort(np.where(tried, before["oof_loss"], np.inf))
        assert set(went_on) == set(order[:n_left])
    results = model.cv_results_
    assert results["rank"][model.best_index_] == 1
    assert model.best_params_ == results["params"][model.best_index_]
    # Further is better, and at the same point a lower loss.
    order = np.argsort(results["rank"])
    keys = list(
        zip(-results["n_folds"][order], results["oof_loss"][order], strict=True)
    )
    assert keys == sorted(keys)


# The first joblib that gives results as they come.
ONE_BY_ONE = parse_version("1.3")


@pytest.mark.slow
def test_networks_of_settings_that_are_left_behind_are_dropped(monkeypatch):
    plan(monkeypatch, (6, 1), (3, 2), (2, 3))
    networks, alive = [], []

    def n_alive():
        gc.collect()
        return sum(reference() is not None for reference in networks)

    fit_on_folds = _search.fit_on_folds

    def watched(*args, **kwargs):
        if len(networks) < 6 and parse_version(joblib.__version__) >= ONE_BY_ONE:
            # In the first rung the best so far, and the last one.
            assert n_alive() <= 3 + 1
        members = fit_on_folds(*args, **kwargs)
        networks.extend(weakref.ref(member.estimator[-1]) for member in members)
        return members

    monkeypatch.setattr(_search, "fit_on_folds", watched)
    model = fitted(
        "real", n_candidates=6, callback=lambda *_: alive.append(n_alive()) or False
    )
    # Of three settings one network each, then two of two, and three of two.
    assert alive == [3, 4, 6]
    assert n_alive() == len(model.estimators_)


def overwritten(y, rows):
    """The target with other values of the same classes in some rows."""
    y = y.copy()
    y[rows] = y[rows][::-1]
    assert set(np.ravel(y)) == set(np.ravel(y))
    return y


@EACH_KIND
@pytest.mark.parametrize("fold", [0, 2])
def test_no_network_has_learned_from_its_fold(kind, fold):
    space = {
        "hidden_layer_sizes": [(8,)],
        "learning_rate_init": [0.02],
        "max_iter": [12],
        "scaling": ["robust"],
        "n_knots": [4],
        "n_frequencies": [3],
    }
    splits = list(KFold(3).split(X))
    rows, other_X = splits[fold][1], X.copy()
    other_X[rows] = 1e3 * np.random.default_rng(1).normal(size=(len(rows), 4))
    y = KINDS[kind][1]
    one, other = (
        make(kind, space, n_candidates=1, cv=splits).fit(*data)
        for data in ((X, y), (other_X, overwritten(y, rows)))
    )
    curves = [networks_of(model)[fold].loss_curve_ for model in (one, other)]
    n_common = min(map(len, curves))
    assert n_common > 1
    assert_array_equal(curves[0][:n_common], curves[1][:n_common])


@BOTH
@pytest.mark.parametrize("engine", ["compiled", "numpy"], indirect=True)
def test_the_result_does_not_depend_on_the_number_of_workers(kind, monkeypatch):
    # NumPy trains networks of several folds as one.
    plan(monkeypatch, (4, 2), (3, 5))
    space = {**SPACE, "hidden_layer_sizes": [(20, 10)]}
    one, two = (fitted(kind, space, cv=5, n_jobs=n_jobs) for n_jobs in (None, 2))
    assert_equal_models(one, two)


@BOTH
def test_the_seed_says_all(kind):
    one = fitted(kind)
    assert_equal_models(one, fitted(kind))
    assert_equal_models(one, fitted(kind, random_state=np.random.RandomState(0)))
    assert not np.array_equal(oof_of(one), oof_of(fitted(kind, random_state=1)))
    seeds = [network.random_state for network in networks_of(one)]
    assert len(set(seeds)) == len(seeds)


# -- the end of a search ---------------------------------------------------------------


def interrupt(*_):
    raise KeyboardInterrupt


def stop(*_):
    return True


def test_a_callback_ends_the_search(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 3))
    model = fitted("real", callback=stop)
    assert model.stop_reason_ == "callback"
    assert_array_equal(model.cv_results_["n_folds"], 1)
    # Of those that would have gone on.
    assert 1 <= len(model.estimators_) <= 2
    assert_array_equal(np.isfinite(model.oof_prediction_), model.oof_fold_ == 0)
    assert fitted("real", callback=lambda *_: None).stop_reason_ == "completed"


def test_the_first_rung_is_gone_through_whatever_the_time_budget(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 3))
    model = fitted("real", time_budget=1e-9)
    assert model.stop_reason_ == "time_budget"
    assert_equal_models(model, fitted("real", callback=stop))
    assert fitted("real", time_budget=1e9).stop_reason_ == "completed"


@BOTH
def test_ctrl_c_keeps_what_there_is_if_that_is_wanted(kind, monkeypatch):
    plan(monkeypatch, (4, 1), (3, 2), (2, 3))
    expected = fitted(kind, callback=lambda rung, _: rung == 1)
    with pytest.warns(UserWarning, match="interrupted: .* 2 of 3 folds"):
        model = fitted(
            kind,
            keep_interrupted=True,
            callback=lambda rung, _: rung == 1 and interrupt(),
        )
    assert model.stop_reason_ == "interrupted"
    assert_equal_models(model, expected)
    # In the middle of the last rung: its first networks are not used either.
    recording(monkeypatch, lambda number: number == 4 + 3 + 1 and interrupt())
    with pytest.warns(UserWarning, match="interrupted"):
        model = fitted(kind, keep_interrupted=True)
    assert_equal_models(model, expected)


def test_ctrl_c_propagates_otherwise(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 3))
    model = make("real", callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    # Before the first rung is done there is nothing to keep.
    recording(monkeypatch, lambda number: number == 2 and interrupt())
    model = make("real", keep_interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not [name for name in vars(model) if name.endswith("_")]


# -- failures --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, values",
    [("alpha", [1e-4, -1.0]), ("solver", ["adam", "none"]), ("n_knots", [0, 1])],
)
def test_some_candidates_may_fail(name, values):
    space = {**SPACE, "n_knots": [0], name: values}
    with pytest.warns(FitFailedWarning, match=f"4 of 8 .*'{name}' param") as caught:
        model = fitted("real", space, n_candidates=8)
    assert [warning.filename for warning in caught] == [__file__]
    results = model.cv_results_
    failed = np.array([each[name] == values[1] for each in results["params"]])
    assert_array_equal(results["oof_loss"] == np.inf, failed)
    assert_array_equal(results["weight"][failed], 0)
    assert min(results["rank"][failed]) > max(results["rank"][~failed])
    assert [error is not None for error in results["error"]] == failed.tolist()
    assert f"'{name}'" in results["error"][np.flatnonzero(failed)[0]]
    assert model.summary().count("failed") == 4


def test_a_candidate_that_fails_has_no_temperature():
    space = {**SPACE, "n_knots": [0], "scaling": ["none"], "alpha": [1e-4, -1.0]}
    with pytest.warns(FitFailedWarning, match="2 of 4"):
        results = fitted("multiclass", space).cv_results_
    failed = [each["alpha"] < 0 for each in results["params"]]
    assert_array_equal(np.isnan(results["temperature"]), failed)


def failing_from(monkeypatch, number):
    """Let the members of a call fail, and those of the calls after it."""
    calls, fit_on_folds = [], _search.fit_on_folds

    def failing(*args, **kwargs):
        calls.append(args)
        members = fit_on_folds(*args, **kwargs)
        if len(calls) > number:
            error = RuntimeError(f"Call {len(calls) - 1}.")
            members = [replace(member, error=error) for member in members]
        return members

    monkeypatch.setattr(_search, "fit_on_folds", failing)


def test_who_fails_late_comes_last(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 2))
    failing_from(monkeypatch, 5)
    with pytest.warns(FitFailedWarning, match=r"1 of 4 .*Call 5\."):
        model = fitted("real", cv=2)
    results = model.cv_results_
    (failed,) = np.flatnonzero([each is not None for each in results["error"]])
    assert results["n_folds"][failed] == 2
    assert results["oof_loss"][failed] == np.inf
    assert results["rank"][failed] == 4
    assert results["weight"][model.best_index_] == 1


def test_an_error_is_raised_if_all_fail_late(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 2))
    failing_from(monkeypatch, 4)
    with pytest.raises(RuntimeError, match="Call [45]") as caught:
        fitted("real", cv=2)
    assert caught.value.__notes__[0] == "This happened on fold 1."


def test_the_first_error_is_raised_if_all_fail():
    model = make("real", {**SPACE, "alpha": [-1.0]})
    with pytest.raises(ValueError, match="'alpha' parameter") as caught:
        model.fit(X, Y)
    assert "candidate 0 of 4: {" in caught.value.__notes__[-1]
    assert not hasattr(model, "estimators_")


def test_errors_in_training_and_scoring_say_where(monkeypatch):
    model = make("real", {**SPACE, "learning_rate_init": [1e30]}, cv=2)
    with pytest.raises(ValueError, match="non-finite") as caught:
        model.fit(X, Y)
    assert caught.value.__notes__[0] == "This happened on fold 0."
    with pytest.raises(ValueError, match="continuous") as caught:
        fitted("real", scoring="accuracy")
    assert "scoring the rows of the first 1 folds" in caught.value.__notes__[0]


def test_errors_do_not_hold_the_rows(monkeypatch):
    plan(monkeypatch, (4, 1), (2, 3))
    given, made = [], []

    def scorer(estimator, rows, y):
        if len(given) < 4:
            gc.collect()
        # What the scorer that failed before had made.
        assert not [reference for reference in made if reference() is not None]
        own = rows.copy()
        given.append(weakref.ref(rows))
        made.append(weakref.ref(own))
        if len(given) in (2, 3):
            raise RuntimeError("Not this one.")
        return metrics.r2_score(y, estimator.predict(rows))

    def check(rung, results):
        gc.collect()
        if rung == 1:
            # The rows of the first rung are needed no more.
            assert given[1]() is None

    with pytest.warns(FitFailedWarning, match="2 of 4 .*Not this one"):
        fitted("real", scoring=scorer, callback=check)


def test_warnings_are_about_the_networks_of_the_ensemble():
    long = {**SPACE, "early_stopping": [False], "n_knots": [0], "scaling": ["none"]}
    with pytest.warns(ConvergenceWarning, match="hasn't converged") as caught:
        fitted("real", long)
    assert [warning.filename for warning in caught] == [__file__]
    # Nothing is said of a setting that is not chosen.
    fitted("real", [SPACE, {**long, "alpha": [100.0]}], n_candidates=10)
    with pytest.warns(ConvergenceWarning, match="of no use.*Lower alpha=100") as caught:
        fitted("real", {**SPACE, "alpha": [100.0]})
    assert len(caught) == 1


def test_an_undefined_score_is_no_score():
    with pytest.raises(ValueError, match="No candidate has a finite loss"):
        fitted("real", scoring=lambda estimator, X, y: np.nan)


@BOTH
def test_a_failed_fit_changes_nothing(kind):
    model, y = fitted(kind), KINDS[kind][1]
    before = vars(model).copy()
    model.set_params(callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:60, :2], y[:60])
    model.set_params(callback=None)
    assert vars(model) == before
    other = X[:60, :3], y[:60]
    assert_equal_models(model.fit(*other), make(kind).fit(*other), other[0])


# -- what is searched ------------------------------------------------------------------


@pytest.mark.parametrize(
    "space, error, message",
    [
        ({"alfa": [1.0]}, ValueError, "'alfa', which cannot be searched.* alpha, "),
        ([{"alpha": [1.0]}, {"scale": ["robust"]}], ValueError, "'scale', which"),
        ({"random_state": [0]}, ValueError, "'random_state', which cannot"),
        ({"refit": [5], "warm_start": [True]}, ValueError, "'refit', 'warm_start'"),
        ({"alpha": 1.0}, TypeError, "'alpha' is not iterable or a distribution"),
        ({"alpha": []}, ValueError, "non-empty"),
        ([], ValueError, "nothing to search"),
        (["alpha"], TypeError, "not a dict"),
        ({"augmentation__sigma": [0.1]}, AttributeError, "set_params"),
    ],
)
def test_spaces_are_checked_before_anything_is_trained(
    space, error, message, monkeypatch
):
    recording(monkeypatch, lambda _: pytest.fail("This is trained."))
    with pytest.raises(error, match=message):
        fitted("real", space)


def test_lists_have_no_more_than_their_combinations():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fitted("real", SPACE, n_candidates=100)
    assert len(model.weights_) == 8
    settings = [sorted(each.items()) for each in model.cv_results_["params"]]
    assert all(settings.count(each) == 1 for each in settings)


@BOTH
def test_a_network_without_a_parameter_may_be_searched(kind):
    model = fitted(kind, {"max_iter": [2]})
    assert len(model.weights_) == 1 and model.weights_[0] == 1
    (network, *_) = networks_of(model)
    assert network.early_stopping and network.max_iter == 2


@pytest.mark.parametrize("n_columns", [4, 1000])
@BOTH
def test_the_default_space_is_valid_and_documented(kind, n_columns):
    Estimator, _ = KINDS[kind]
    network, seed = Estimator._default_network(), np.random.RandomState(0)
    settings = draw_settings(None, 60, network, n_columns, seed)
    assert len(settings) == 60
    points = starting_points(Estimator is MLPClassifierCV, n_columns)
    assert settings[: len(points)] == points
    few = draw_settings(None, 2, network, n_columns, np.random.RandomState(0))
    assert few == points[:2]
    for setting in settings:
        candidate = _search.Candidate(setting, build(network, setting, 100, 0))
        assert _search._checked(candidate).error is None
    for name in set().union(*settings):
        assert re.search(rf"`{name}\b", Estimator.__doc__), name
    assert str(MOST_WAVY_COLUMNS) in Estimator.__doc__


@BOTH
def test_the_default_space_has_waves_and_splines_of_up_to_200_columns(kind):
    network = KINDS[kind][0]._default_network()
    for n_columns, has_encodings in ((200, True), (201, False)):
        seed = np.random.RandomState(0)
        settings = draw_settings(None, 30, network, n_columns, seed)
        for part in (settings[:6], settings[6:]):
            names = set().union(*part)
            assert ({"n_frequencies", "n_knots"} <= names) == has_encodings
            assert has_encodings or not {"n_frequencies", "n_knots"} & names


def test_minibatches_fit_into_the_smallest_fold():
    splits = list(TimeSeriesSplit(3).split(np.empty(N)))
    for cv in (splits, splits[::-1]):
        model = fitted("real", cv=cv, n_candidates=1)
        sizes = {network.batch_size for network in networks_of(model)}
        assert sizes == {N - 3 * (N // 4)}
    space = {**SPACE, "batch_size": [7]}
    model = fitted("real", space, cv=TimeSeriesSplit(3), n_candidates=1)
    assert {network.batch_size for network in networks_of(model)} == {7}


def test_estimators_of_a_space_are_cloned():
    noise = GaussianNoise(0.1)
    space = {**SPACE, "augmentation": [noise], "augmentation__sigma": [0.2, 0.4]}
    model = fitted("real", space)
    assert noise.sigma == 0.1
    for setting, networks in zip(
        np.array(model.cv_results_["params"])[model.weights_ > 0],
        settings_of(model),
        strict=True,
    ):
        for each in networks:
            sigma = each[-1].augmentation.sigma
            assert sigma == setting["augmentation__sigma"]


# -- data ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [np.array([3.0, 7.0]), np.array([False, True]), np.array(["no", "yes"])]
)
def test_labels_may_be_anything(labels):
    y = labels[INDICATORS[:, 0]]
    model = make("binary").fit(X, y)
    assert_array_equal(model.classes_, labels)
    assert model.predict(X).dtype == y.dtype
    assert_array_equal(model.predict_proba(X), fitted("binary").predict_proba(X))
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert_array_equal(model.predict_log_proba(X), np.log(model.predict_proba(X)))


def test_a_single_class():
    model = make("binary").fit(X, np.full(N, "a"))
    assert_array_equal(model.predict(X), "a")
    assert_array_equal(model.predict_proba(X), np.ones((N, 1)))


def test_a_class_may_be_missing_from_folds():
    y = LABELS.astype(object)
    y[:2] = "rare"
    splits = list(KFold(3).split(X))
    model = make("multiclass", cv=splits).fit(X, y)
    assert "rare" in model.classes_
    assert model.predict_proba(X).shape == (N, 4)
    assert np.isfinite(model.oof_decision_function_).all()


def test_sparse_labels_are_taken():
    dense = fitted("multilabel")
    assert_equal_models(make("multilabel").fit(X, sparse.csr_matrix(INDICATORS)), dense)


@pytest.mark.parametrize(
    "y", [np.full(N, 7.0), np.full(N, 1e6), np.full((N, 2), [0.0, 3.0])]
)
def test_a_constant_target(y):
    model = make("real").fit(X, y)
    assert_allclose(model.predict(X), y, atol=2)


def test_targets_in_whatever_unit():
    model = fitted("real")
    whole = make("real").fit(X, Y.astype(int))
    assert_allclose(whole.predict(X), model.predict(X), atol=5)
    for unit, shift in ((1e-150, 0), (1e6, 1e12), (-1, 0)):
        other = make("real").fit(X, unit * Y + shift)
        predicted = (other.predict(X) - shift) / unit
        # Signs flip, and so do the networks.
        assert_allclose(predicted, model.predict(X), atol=0.1 if unit > 0 else 20)
        if unit > 0:
            assert other.best_score_ == pytest.approx(model.best_score_, rel=1e-2)


def test_columns_in_whatever_unit():
    other = np.column_stack([1e9 + 1e3 * X, np.ones(N), np.full(N, -1e8)])
    model = make("real").fit(other, Y)
    assert np.isfinite(model.predict(other)).all()
    assert model.score(other, Y) > 0.2


def test_data_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make("real").fit(frame, pd.Series(Y))
    assert_array_equal(model.predict(frame), fitted("real").predict(X))
    assert_array_equal(model.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("badc")])


@pytest.mark.parametrize(
    "rows, error, message",
    [
        (sparse.csr_matrix(X), TypeError, r"toarray\(\)"),
        (np.where(X > 2, np.nan, X), ValueError, "contains NaN"),
        (np.where(X > 2, np.inf, X), ValueError, "contains infinity"),
        (X.astype(str).astype(object) + "a", ValueError, "could not convert"),
        (X[:, :0], ValueError, "0 feature"),
        (X[:1], ValueError, "n_samples=1|inconsistent"),
    ],
)
@BOTH
def test_tables_that_are_not_numbers_are_refused(kind, rows, error, message):
    y = KINDS[kind][1][: rows.shape[0]]
    with pytest.raises(error, match=message):
        make(kind).fit(rows, y)


# A network that is trained on one of two rows predicts a constant.
@pytest.mark.filterwarnings("ignore:2 of 2 members are of no use")
@pytest.mark.parametrize("n_rows", [2, 3, 10])
@BOTH
def test_few_rows(kind, n_rows):
    y = np.arange(n_rows) // 2 if kind == "multiclass" else Y[:n_rows]
    model = make(kind, cv=8).fit(X[:n_rows], y)
    output = output_of(model, X)
    assert np.isfinite(output).all()
    if kind == "multiclass" and n_rows == 10:
        # No network is made sure of everything by a few rows.
        temperatures = model.cv_results_["temperature"]
        assert np.nanmin(temperatures) > 0.3


# -- folds -----------------------------------------------------------------------------


@BOTH
def test_groups_stay_together(kind):
    groups, y = np.arange(N) // 5, KINDS[kind][1]
    model = make(kind, cv=GroupKFold(3)).fit(X, y, groups=groups)
    for group in range(N // 5):
        assert len(set(model.oof_fold_[groups == group])) == 1
    with pytest.raises(ValueError, match="groups"):
        make(kind).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="groups"):
        make(kind, cv=GroupKFold(3)).fit(X, y)


@BOTH
def test_rows_may_be_left_out_never_or_several_times(kind):
    y = KINDS[kind][1]
    past = make(kind, cv=TimeSeriesSplit(3)).fit(X, y)
    assert_array_equal(np.isnan(oof_of(past)).reshape(N, -1)[:, 0], past.oof_fold_ < 0)
    assert (past.oof_fold_[: N // 4] == -1).all()
    splitter = ShuffleSplit(4, test_size=0.3, random_state=0)
    shuffled = make(kind, n_candidates=1, cv=splitter).fit(X, y)
    assert shuffled.oof_fold_.ndim == 2
    expected = np.zeros((N, *oof_of(shuffled).shape[1:]))
    n_seen = np.zeros(N)
    for (_, test), each in zip(splitter.split(X), shuffled.estimators_, strict=True):
        expected[test] += output_of(each, X[test])
        n_seen[test] += 1
    seen = n_seen > 0
    own = expected[seen] / n_seen[seen].reshape(-1, *[1] * (expected.ndim - 1))
    assert_allclose(oof_of(shuffled)[seen], averaged(shuffled, kind, [own]))
    single = make(kind, cv=ShuffleSplit(1, random_state=0)).fit(X, y)
    assert single.oof_fold_.max() == 0
    alone = make(kind, cv=LeaveOneOut()).fit(X[:9], np.r_[y[:9]])
    assert len(alone.estimators_) % 9 == 0


def test_a_fold_without_weight_is_refused():
    weight = np.r_[np.zeros(30), np.ones(60)]
    with pytest.raises(ValueError, match="zero for all rows|one non-zero") as caught:
        make("real", cv=KFold(3)).fit(X, Y, sample_weight=weight)
    assert caught.value.__notes__[0] == "This happened on fold 0."


# -- keeping and showing ---------------------------------------------------------------


@EACH_KIND
def test_pickles_are_of_the_networks_and_of_the_predictions(kind):
    # A target of these takes more than all that is pickled of two settings besides.
    rows, y = np.tile(X, (30, 1)), np.concatenate([KINDS[kind][1]] * 30)
    space = {**SPACE, "hidden_layer_sizes": [(60, 60)], "max_iter": [2]}
    model = make(kind, space, n_candidates=2).fit(rows, y)
    pickled = pickle.dumps(model)
    assert_equal_models(pickle.loads(pickled), model)
    networks = networks_of(model)
    arrays = [oof_of(model), model.oof_fold_]
    arrays += [W for network in networks for W in network.coefs_]
    assert len(pickled) < sum(array.nbytes for array in arrays) + 20_000
    assert y.nbytes > 20_000
    assert not any(hasattr(network, "_training_state") for network in networks)


@EACH_KIND
def test_results_are_a_table(kind):
    pd = pytest.importorskip("pandas")
    model = fitted(kind)
    table = pd.DataFrame(model.cv_results_)
    assert len(table) == 4
    assert set(table["rank"]) == {1, 2, 3, 4}
    assert ("temperature" in table) == isinstance(model, MLPClassifierCV)
    assert (table["fit_time"] > 0).all() and (table["n_iter"] > 0).all()
    assert_array_equal(table["weight"], model.weights_)


def test_what_was_tried_and_what_won_is_printed(capsys):
    model = fitted("real", verbose=1)
    *rungs, heading, best, _, _, _ = capsys.readouterr().out.splitlines()
    assert rungs[0].startswith("MLPRegressorCV: rung 1 of ")
    assert "4 candidates on 1 of 3 folds, lowest loss 0." in rungs[0]
    assert heading.split()[:3] == ["rank", "weight", "folds"]
    assert "\n".join([heading, best]) in model.summary()
    rank, weight, n_folds, loss, n_iter, _ = best.split()[:6]
    assert (rank, n_folds) == ("1", "3")
    assert float(weight) == pytest.approx(model.weights_[model.best_index_], abs=0.01)
    assert float(loss) == pytest.approx(-model.best_score_, rel=1e-3)
    assert "learning_rate_init=0.0" in best and "hidden_layer_sizes=(8,)" in best
    fitted("real")
    assert capsys.readouterr().out == ""


def test_long_tables_are_cut():
    candidates = [
        _search.Candidate({"alpha": 0.1 / 3}, None, loss=float(k), n_folds=2)
        for k in range(24)
    ]
    results = results_of(candidates, np.zeros(24))
    heading, *lines, last = table_of(results).splitlines()
    assert [line.split()[0] for line in lines] == [str(k + 1) for k in range(20)]
    assert all(line.endswith("alpha=0.0333") for line in lines)
    assert last == "... and 4 more."


@BOTH
def test_settings_of_scikit_learn_change_nothing(kind):
    expected, y = fitted(kind), KINDS[kind][1]
    with sklearn.config_context(enable_metadata_routing=True):
        weight = np.ones(N)
        model = make(kind).fit(X, y, sample_weight=weight)
        assert_allclose(oof_of(model), oof_of(expected), rtol=1e-4)
        wanted = make(kind, cv=GroupKFold(3)).set_fit_request(
            sample_weight=True, groups=True
        )
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, wanted)
        pipeline.fit(X, y, sample_weight=weight, groups=np.arange(N) // 5)


@BOTH
def test_transformers_that_return_dataframes_change_nothing(kind):
    pytest.importorskip("pandas")
    expected, y = fitted(kind), KINDS[kind][1]
    with sklearn.config_context(transform_output="pandas"):
        model = make(kind).fit(X, y)
        assert_equal_models(model, expected)
