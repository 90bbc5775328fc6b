"""The lockstep searches against scikit-learn's over the same estimators."""

import os
import signal
import threading
import time
import tracemalloc
import warnings
from concurrent.futures.process import BrokenProcessPool
from itertools import count
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import sklearn
from helpers import scaled
from scipy import sparse
from sklearn import model_selection
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, scale
from threadpoolctl import threadpool_info, threadpool_limits

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting import run_batch
from skreg.augmentation import GaussianNoise, Mixup
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    _candidates,
    _lockstep_run,
    _scheduler,
    _search,
    _worker,
)
from skreg.model_selection._candidates import make_candidate

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PENALTIES = {
    "alpha": [1e-4, 1e-2],
    "l1_ratio": [0.0, 0.5],
    "learning_rate_init": [1e-3, 1e-2],
}


def prefixed(grid, step):
    return {f"{step}__{name}": values for name, values in grid.items()}


def data(load, n_rows=300):
    return scaled(load, n_rows)


def network(**kwargs):
    defaults = dict(hidden_layer_sizes=(12,), max_iter=6, random_state=0, batch_size=50)
    return MLPClassifier(**{**defaults, **kwargs})


def tenth_digits(estimator, X, y):
    """Tells networks apart, but not roundings."""
    return round(estimator.score(X, y), 10)


def assert_same_table(ours, theirs):
    assert set(ours) == set(theirs)
    for name, column in theirs.items():
        if name == "params":
            assert ours[name] == column
        elif "time" not in name:
            np.testing.assert_array_equal(ours[name], column, err_msg=name)


def assert_same_search(estimator, grid, X, y, *, fit_params=None, n_batched=None, **kw):
    """Same table, choice, labels and probabilities; returns both searches."""
    fit_params = fit_params or {}
    theirs = model_selection.GridSearchCV(clone(estimator), grid, **kw)
    theirs.fit(X, y, **fit_params)
    ours = GridSearchCV(clone(estimator), grid, **kw).fit(X, y, **fit_params)
    assert_same_table(ours.cv_results_, theirs.cv_results_)
    n_candidates = len(theirs.cv_results_["params"])
    assert ours.n_batched_ == (n_candidates if n_batched is None else n_batched)
    for name in ("best_index_", "best_params_", "best_score_", "n_splits_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None)
    if hasattr(theirs, "best_estimator_"):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        if hasattr(theirs, "predict_proba"):
            np.testing.assert_allclose(
                ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9
            )
    return ours, theirs


def blas_threads():
    pools = threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


def test_blas_has_one_thread_while_networks_train_side_by_side():
    X, y = data(load_breast_cancer, 150)
    seen = []

    def validation_score(model, X, y):
        seen.append(blas_threads())
        return model.score(X, y)

    estimator = network(early_stopping=True, scoring=validation_score)
    search = GridSearchCV(estimator, {"alpha": [1e-3, 1e-2]}, cv=2, refit=False)
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        search.fit(X, y)
        assert blas_threads() == before
    assert search.n_batched_ == 2
    assert seen == [{1}] * len(seen) != []


def test_a_failure_is_told_of_with_its_candidate_and_its_fold():
    candidates = [SimpleNamespace(index=7 + k, parameters=f"p{k}") for k in range(3)]
    scored = [{"fit_error": None} for _ in range(6)]
    scored[3]["fit_error"] = "what went wrong\n"
    _search._locate_failures(candidates, scored, n_splits=2)
    assert "In candidate 8 (p1), fold 1" in scored[3]["fit_error"]


def test_a_message_about_many_failures_stays_short():
    X, y = data(load_breast_cancer, 150)
    grid = {"learning_rate_init": [1e300] * 25}
    with pytest.raises(ValueError, match="All the 50 fits failed") as failure:
        GridSearchCV(network(), grid, cv=2, n_jobs=1).fit(X, y)
    message = str(failure.value)
    assert "non-finite" in message
    assert message.count("In candidate") == 10
    assert "and in 15 more candidates" in message


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd"},
        {"early_stopping": True, "n_iter_no_change": 2, "validation_fraction": 0.2},
        {"dropout": 0.3},
        {"augmentation": Mixup()},
    ],
    ids=["adam", "sgd", "early stopping", "dropout", "augmentation"],
)
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_same_answer(load, params, in_pipeline, n_jobs):
    X, y = data(load)
    estimator, grid = network(**params), PENALTIES
    if in_pipeline:
        estimator = make_pipeline(StandardScaler(), estimator)
        grid = prefixed(grid, "mlpclassifier")
    assert_same_search(
        estimator, grid, X, y, cv=3, n_jobs=n_jobs, return_train_score=True
    )


@pytest.mark.parametrize(
    "grid",
    [
        {"hidden_layer_sizes": [(5,), (6, 4), ()], "alpha": [0.01, 1.0]},
        {"activation": ["relu", "tanh"], "solver": ["adam", "sgd", "lbfgs"]},
        {"early_stopping": [True, False], "max_iter": [2, 5], "batch_size": [20, 50]},
        [{"alpha": [1e-3]}, {"dropout": [0.1, 0.5], "beta_1": [0.5, 0.9]}],
        {"learning_rate": ["constant", "invscaling", "adaptive"], "solver": ["sgd"]},
        {"random_state": [0, 1], "shuffle": [True, False]},
        {"class_weight": [None, "balanced", {0: 1, 1: 3}]},
        {"validation_fraction": [0.1, 0.3], "early_stopping": [True]},
        {"early_stopping": [True], "refit": [True, 3], "alpha": [1e-3, 1e-1]},
        {"augmentation": [None, GaussianNoise()], "dropout": [0.0, 0.2]},
        {"feature_alpha": [0.0, 1e-2], "alpha": [1e-3, 1e-1], "max_iter": [3]},
    ],
    ids=lambda grid: "+".join(dict(grid[0] if isinstance(grid, list) else grid)),
)
def test_grids_of_other_parameters(grid):
    X, y = data(load_breast_cancer, 200)
    assert_same_search(network(), grid, X, y, cv=3)


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_regression(loss):
    X, y = data(load_diabetes)
    estimator = MLPRegressor((12,), max_iter=6, random_state=0, loss=loss)
    assert_same_search(estimator, {"alpha": [0.01, 0.1, 1.0]}, X, y, cv=3)


def test_regression_with_several_outputs_and_losses():
    X, y = data(load_diabetes)
    estimator = MLPRegressor((8,), max_iter=4, random_state=0)
    grid = {"loss": ["squared_error", "poisson"], "alpha": [0.1, 1.0]}
    Y = np.column_stack([y, -y])
    with pytest.warns(FitFailedWarning, match="6 fits failed out of a total of 12"):
        ours = GridSearchCV(estimator, grid, cv=3, refit=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "One or more of the test scores")
            ours.fit(X, Y)
    scores = ours.cv_results_["mean_test_score"]
    is_poisson = ours.cv_results_["param_loss"] == "poisson"
    np.testing.assert_array_equal(np.isnan(scores), is_poisson)


def test_random_state_instance_starts_each_fit_anew():
    X, y = data(load_breast_cancer, 150)
    estimator = network(random_state=np.random.RandomState(3))
    assert_same_search(estimator, {"alpha": [1e-3, 1e-1]}, X, y, cv=3, refit=False)


def test_without_random_state_candidates_of_a_fold_share_their_seed():
    X, y = data(load_breast_cancer, 150)
    grid = {"alpha": [1e-3, 1e-3, 1e-3]}
    search = GridSearchCV(network(random_state=None), grid, cv=3).fit(X, y)
    for split in range(3):
        assert np.ptp(search.cv_results_[f"split{split}_test_score"]) == 0
    assert search.best_estimator_.random_state is None


def test_dataframe_float32_and_sparse():
    pd = pytest.importorskip("pandas")
    X, y = data(load_breast_cancer, 200)
    grid = {"alpha": [1e-3, 1e-1]}
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    ours, _ = assert_same_search(network(), grid, frame, y, cv=3)
    assert list(ours.feature_names_in_) == list(frame.columns)
    ours, _ = assert_same_search(network(), grid, X.astype(np.float32), y, cv=3)
    assert ours.best_estimator_.coefs_[0].dtype == np.float32
    from scipy import sparse

    assert_same_search(network(), grid, sparse.csr_array(X), y, cv=3)
    assert_same_search(network(), grid, X.tolist(), y.tolist(), cv=3)


def test_string_labels_and_multilabel():
    X, y = data(load_digits, 200)
    grid = {"alpha": [1e-3, 1e-1]}
    labels = np.array(["zero", "one", "two", "three", "f", "g", "h", "i", "j", "k"])[y]
    assert_same_search(network(), grid, X, labels, cv=3)
    assert_same_search(network(), grid, X, np.eye(10, dtype=int)[y], cv=3)


@pytest.mark.parametrize(
    "scoring, refit",
    [
        (None, True),
        ("neg_log_loss", True),
        (["accuracy", "roc_auc"], "roc_auc"),
        ({"a": "accuracy", "b": make_scorer(accuracy_score)}, False),
        (
            lambda estimator, X, y: {"a": estimator.score(X, y), "n": len(y)},
            "a",
        ),
        ("accuracy", lambda results: int(results["mean_test_score"].argmin())),
    ],
    ids=["default", "name", "list", "dict", "callable", "refit callable"],
)
def test_scoring_and_refit(scoring, refit):
    X, y = data(load_breast_cancer, 150)
    grid = {"alpha": [1e-3, 1e-1, 10.0]}
    assert_same_search(network(), grid, X, y, cv=3, scoring=scoring, refit=refit)


def test_scorer_sees_the_real_estimator():
    X, y = data(load_breast_cancer, 150)
    seen = []

    def scorer(estimator, X, y):
        seen.append(estimator)
        return estimator.score(X, y)

    pipeline = make_pipeline(StandardScaler(), network())
    grid = {"mlpclassifier__alpha": [0.1]}
    GridSearchCV(pipeline, grid, cv=3, scoring=scorer).fit(X, y)
    for estimator in seen:
        assert type(estimator) is Pipeline
        assert isinstance(estimator[-1], MLPClassifier)
        assert "fit" not in vars(estimator)
        assert estimator[-1].alpha == 0.1


def test_groups_weights_and_splits_as_a_list():
    X, y = data(load_breast_cancer, 200)
    rng = np.random.RandomState(0)
    groups, weight = rng.randint(5, size=200), rng.uniform(size=200)
    grid = {"alpha": [1e-3, 1e-1]}
    cv = model_selection.GroupKFold(3)
    with warnings.catch_warnings():
        # scikit-learn 1.9 says that some scorers ignore weights.
        warnings.simplefilter("ignore", UserWarning)
        assert_same_search(
            network(),
            grid,
            X,
            y,
            cv=cv,
            fit_params={"groups": groups, "sample_weight": weight},
        )
        pipeline = make_pipeline(StandardScaler(), network())
        assert_same_search(
            pipeline,
            prefixed(grid, "mlpclassifier"),
            X,
            y,
            cv=3,
            fit_params={"mlpclassifier__sample_weight": weight},
        )
    splits = [(np.arange(100), np.arange(100, 200)), (np.arange(50, 180), [0, 1, 2])]
    assert_same_search(network(), grid, X, y, cv=splits)


def test_validation_data_for_all_candidates():
    X, y = data(load_breast_cancer, 300)
    fit_params = {"X_val": X[200:], "y_val": y[200:]}
    grid = {"alpha": [1e-3, 1e-1], "scoring": ["loss", "accuracy"]}
    estimator = network(early_stopping=True)
    assert_same_search(estimator, grid, X[:200], y[:200], cv=3, fit_params=fit_params)


def test_the_time_of_a_fit_is_its_share_of_what_was_done_together(monkeypatch):
    """A batch that takes 12 s, and folds that take 6 s each to prepare."""
    for module, seconds in ((run_batch, 12), (_candidates, 6)):
        clock = SimpleNamespace(perf_counter=count(0, seconds).__next__)
        monkeypatch.setattr(module, "time", clock)
    X, y = data(load_breast_cancer, 60)
    grid = {"alpha": [1e-3, 1e-2, 1e-1]}
    estimator = network(batch_size=20)
    search = GridSearchCV(estimator, grid, cv=2, refit=False).fit(X, y)
    times = search.cv_results_["mean_fit_time"]
    np.testing.assert_array_equal(times, 3 * [12 / 6 + 6 / 3])


def test_validation_rows_go_through_the_steps_of_each_fold():
    X, y = load_breast_cancer(return_X_y=True)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = network(early_stopping=True)
        routed.set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), routed, transform_input=["X_val"])
        grid = {"mlpclassifier__alpha": [1e-3, 1e-1]}
        fit_params = {"X_val": X[200:300], "y_val": y[200:300]}
        # The scale of the first fold is another one than that of the second.
        X = X[:160] * np.where(np.arange(160) < 80, 1.0, 3.0)[:, None]
        assert_same_search(
            pipeline,
            grid,
            X,
            y[:160],
            fit_params=fit_params,
            cv=model_selection.KFold(2),
            scoring=lambda model, X, y: round(model[-1].best_validation_score_, 9),
            refit=False,
        )


def test_train_scores_are_weighted_by_the_weights_of_the_training_rows():
    X, y = data(load_breast_cancer, 150)
    weight = 1.0 + np.arange(150) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        assert_same_search(
            network().set_fit_request(sample_weight=True),
            {"alpha": [1e-3, 1e-1]},
            X,
            y,
            fit_params={"sample_weight": weight},
            scoring=scorer,
            return_train_score=True,
            cv=2,
            refit=False,
        )


def test_metadata_routing():
    X, y = data(load_breast_cancer, 150)
    weight = np.linspace(0, 1, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = network().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        pipeline = Pipeline(
            [
                ("scaler", StandardScaler().set_fit_request(sample_weight=False)),
                ("mlp", estimator),
            ]
        )
        # A Pipeline of scikit-learn 1.6 does not hand its `score` what its steps ask.
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        for candidate, grid, scoring in (
            (estimator, {"alpha": [1e-3, 1e-1]}, None),
            (pipeline, {"mlp__alpha": [1e-3, 1e-1]}, scorer),
        ):
            fit_params = {"sample_weight": weight}
            assert_same_search(
                candidate, grid, X, y, cv=3, scoring=scoring, fit_params=fit_params
            )


def test_networks_that_request_other_metadata_are_given_their_own():
    X, y = data(load_breast_cancer, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        with_weights = network().set_fit_request(sample_weight=True)
        without = network().set_fit_request(sample_weight=False)
        pipeline = Pipeline(
            [
                ("scaler", StandardScaler().set_fit_request(sample_weight=True)),
                ("mlp", with_weights),
            ]
        )
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=False)
        assert_same_search(
            pipeline,
            {"mlp": [with_weights, without]},
            X,
            y,
            fit_params={"sample_weight": np.where(y == 1, 100.0, 1.0)},
            scoring=scorer,
            cv=2,
            refit=False,
        )


class Counting(TransformerMixin, BaseEstimator):
    """Counts its fits."""

    n_fits = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Counting.n_fits += 1
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.asarray(X) * self.factor


def test_steps_are_fitted_once_per_fold_and_setting():
    X, y = data(load_breast_cancer, 150)
    pipeline = make_pipeline(Counting(), network(max_iter=2))
    grid = {"counting__factor": [0.5, 1.0], "mlpclassifier__alpha": np.ones(7)}
    Counting.n_fits = 0
    GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, y)
    assert Counting.n_fits == 2 * 3


def test_steps_in_the_grid():
    X, y = data(load_digits, 200)
    pipeline = Pipeline(
        [("select", SelectKBest()), ("scale", StandardScaler()), ("mlp", network())]
    )
    grid = [
        {"select__k": [10, 20], "mlp__alpha": [1e-3, 1e-1]},
        {"scale": ["passthrough", StandardScaler()], "mlp__dropout": [0.0, 0.3]},
        {"mlp": [network(alpha=3.0), network(hidden_layer_sizes=(4,))]},
    ]
    with warnings.catch_warnings():
        # Constant pixels.
        warnings.simplefilter("ignore")
        assert_same_search(pipeline, grid, X, y, cv=3)


def test_each_fold_has_its_own_seed():
    candidate = make_candidate(0, network(random_state=None), {})
    seeds = np.array([5, 9])
    for split in range(2):
        trained = _worker._network_of(_worker.Fit(candidate, split), seeds)
        assert trained.random_state == seeds[split]
    assert candidate.network.random_state is None


@pytest.mark.parametrize("name", ["X", "y", "splits", "groups", "fit_params"])
def test_the_identity_of_a_run_is_all_that_its_fits_depend_on(name):
    data = {"X": 1, "y": 1, "splits": 1, "groups": 1, "fit_params": 1}
    scoring = {"score_params": None}
    run, same, other = (
        _lockstep_run.LockstepRun(**data | {name: value}, scoring=scoring)
        for value in (1, 1, 2)
    )
    assert joblib.hash(run.identity) == joblib.hash(same.identity)
    assert joblib.hash(run.identity) != joblib.hash(other.identity)


def test_estimators_in_a_grid_are_not_fitted():
    X, y = data(load_breast_cancer, 150)
    scaler = StandardScaler()
    pipeline = make_pipeline("passthrough", network())
    search = GridSearchCV(pipeline, {"passthrough": [scaler]}, cv=2).fit(X, y)
    assert hasattr(search.best_estimator_[0], "mean_")
    assert not hasattr(scaler, "mean_")


def test_other_estimators_run_as_in_sklearn():
    X, y = data(load_breast_cancer, 150)
    grid = {"C": [0.1, 1.0]}
    assert_same_search(LogisticRegression(), grid, X, y, cv=3, n_batched=0)


def test_mixed_candidates():
    X, y = data(load_breast_cancer, 150)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", network())])
    grid = [
        {"model": [LogisticRegression()], "model__C": [0.1, 1.0]},
        {"model__alpha": [1e-3, 1e-1, 1.0]},
    ]
    ours, _ = assert_same_search(pipeline, grid, X, y, cv=3, n_batched=3)
    # A fit override does more than the lockstep knows.
    assert_same_search(
        Subclassed((12,), random_state=0, max_iter=3),
        {"alpha": [1.0]},
        X,
        y,
        cv=3,
        n_batched=0,
    )


def test_other_estimators_begin_anew_on_each_fold():
    X, y = data(load_breast_cancer, 150)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", network())])
    warm = SGDClassifier(max_iter=2, tol=None, warm_start=True, random_state=0)
    grid = {"model": [network(), warm]}
    kwargs = dict(cv=3, scoring="roc_auc", refit=False)
    assert_same_search(pipeline, grid, X, y, n_batched=1, **kwargs)


class Subclassed(MLPClassifier):
    def fit(self, X, y, **params):
        return super().fit(-X, y, **params)


def test_nan_in_a_row_fails_where_it_would_alone():
    X, y = data(load_breast_cancer, 150)
    X[0, 0] = np.nan
    grid = {"alpha": [1e-3, 1e-1]}
    with pytest.warns(FitFailedWarning, match="Input X contains NaN") as record:
        search = GridSearchCV(network(), grid, cv=3, refit=False, error_score=-1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Scoring failed")
            search.fit(X, y)
    (message,) = (str(w.message) for w in record if w.category is FitFailedWarning)
    # Row 0 is in the first test fold, hence in the training rows of the other two.
    assert "candidate 0 ({'alpha': 0.001}), fold 1, fold 2\n" in message
    assert "candidate 1 ({'alpha': 0.1}), fold 1, fold 2\n" in message
    assert "4 fits failed out of a total of 6" in message


def test_a_target_that_cannot_be_transformed_fails_its_folds_only():
    X, y = scaled(load_diabetes)
    y[0] = np.inf
    search = GridSearchCV(
        TransformedTargetRegressor(
            MLPRegressor((3,), max_iter=2), transformer=FunctionTransformer()
        ),
        {"regressor__alpha": [0.1, 1.0]},
        scoring=lambda estimator, X, y: float(len(estimator.predict(X)) > 0),
        cv=3,
        refit=False,
        error_score=-1.0,
    )
    with pytest.warns(FitFailedWarning, match="infinity"):
        search.fit(X, y)
    for split, expected in enumerate([1.0, -1.0, -1.0]):
        scores = search.cv_results_[f"split{split}_test_score"]
        np.testing.assert_array_equal(scores, [expected] * 2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_a_function_of_several_scores_beside_a_failed_candidate():
    def scores(model, X, y):
        return {"accuracy": model.score(X, y), "size": len(y)}

    X, y = data(load_breast_cancer, 150)
    kwargs = dict(cv=2, scoring=scores, error_score=-1.0, return_train_score=True)
    for alphas in ([-1.0, 1e-3], [1e-3, -1.0]):
        assert_same_search(network(), {"alpha": alphas}, X, y, refit="size", **kwargs)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_diverging_candidate_leaves_its_neighbours_alone(n_jobs):
    X, y = data(load_breast_cancer, 200)
    grid = {"learning_rate_init": [1e-3, 1e300, 1e-2], "alpha": [-1.0, 1e-4, 1e-2]}
    kwargs = dict(cv=3, error_score=-1.0, n_jobs=n_jobs)
    with pytest.warns(FitFailedWarning) as record:
        ours = GridSearchCV(network(solver="sgd"), grid, **kwargs).fit(X, y)
    (message,) = (str(w.message) for w in record if w.category is FitFailedWarning)
    assert "non-finite parameter weights" in message
    assert "'alpha' parameter of MLPClassifier must be" in message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        theirs = model_selection.GridSearchCV(network(solver="sgd"), grid, **kwargs)
        theirs.fit(X, y)
    assert_same_table(ours.cv_results_, theirs.cv_results_)


def test_error_score_raise_names_candidate_and_fold():
    X, y = data(load_breast_cancer, 150)
    grid = {"learning_rate_init": [1e-3, 1e300]}
    search = GridSearchCV(network(solver="sgd"), grid, cv=3, error_score="raise")
    with pytest.raises(ValueError, match="non-finite") as info:
        search.fit(X, y)
    assert "candidate 1 ({'learning_rate_init': 1e+300})" in info.value.__notes__[0]
    assert "on split" in info.value.__notes__[0]


def test_a_fold_that_lacks_a_class():
    X, y = data(load_digits, 150)
    order = np.argsort(y, kind="stable")
    cv = model_selection.KFold(5)
    grid = {"alpha": [1e-3, 1e-1]}
    assert_same_search(network(), grid, X[order], y[order], cv=cv)


def test_warnings_are_those_of_single_fits_each_of_them_once():
    X, y = data(load_breast_cancer, 150)
    grid = {"alpha": [1e-3, 1e-1], "max_iter": [5, 6]}
    with pytest.warns(ConvergenceWarning) as record:
        GridSearchCV(network(), grid, cv=3, refit=False).fit(X, y)
    with pytest.warns(ConvergenceWarning) as single:
        for max_iter in grid["max_iter"]:
            network(max_iter=max_iter).fit(X, y)
    said = sorted(str(warning.message) for warning in record)
    assert said == sorted(str(warning.message) for warning in single)


def test_verbose(capsys):
    X, y = data(load_breast_cancer, 150)
    GridSearchCV(network(), {"alpha": [1e-3, 1.0]}, cv=3, verbose=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 3 folds for each of 2 candidates, totalling 6 fits"
    assert sum(line.startswith("[CV") and "alpha=1.0" in line for line in lines) == 3


def test_randomized_search():
    X, y = data(load_breast_cancer, 150)
    kwargs = dict(n_iter=4, random_state=0, cv=3)
    grid = {"alpha": np.logspace(-4, 0, 9), "l1_ratio": [0.0, 0.5, 1.0]}
    theirs = model_selection.RandomizedSearchCV(network(), grid, **kwargs).fit(X, y)
    ours = RandomizedSearchCV(network(), grid, **kwargs).fit(X, y)
    assert_same_table(ours.cv_results_, theirs.cv_results_)
    assert ours.n_batched_ == 4


def test_large_data_are_prepared_a_window_at_a_time(monkeypatch):
    X, y = data(load_breast_cancer, 150)
    windows = []
    batchable = _scheduler.Scheduler._batchable
    monkeypatch.setattr(
        _scheduler.Scheduler,
        "_batchable",
        lambda self, window, alone: (
            windows.append(len(window)) or batchable(self, window, alone)
        ),
    )
    monkeypatch.setattr(_scheduler, "_WINDOW_BYTES", 1)
    pipeline = make_pipeline(StandardScaler(), network())
    assert_same_search(pipeline, {"mlpclassifier__alpha": [1e-3, 0.1]}, X, y, cv=3)
    assert windows == [1, 1, 1]


def test_workers_get_equal_shares_and_only_the_folds_they_need(monkeypatch):
    X, y = data(load_breast_cancer, 150)
    jobs = []
    collect = _lockstep_run.LockstepRun._collect
    monkeypatch.setattr(
        _lockstep_run.LockstepRun,
        "_collect",
        lambda self, new, *args, **kwargs: (
            jobs.extend(new) or collect(self, new, *args, **kwargs)
        ),
    )
    grid = {"alpha": [1e-4, 1e-2, 1.0]}
    GridSearchCV(
        network(), grid, cv=model_selection.KFold(3), n_jobs=2, refit=False
    ).fit(X, y)
    sizes = [len(job.fits) for job in jobs]
    assert sum(sizes) == 9
    assert len(jobs) % 2 == 0
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    for job in jobs:
        needed = {fit.split for fit in job.fits}
        assert [fold.split for fold in job.folds] == sorted(needed)


# scikit-learn 1.9 says that a scorer ignores weights.
@pytest.mark.filterwarnings("ignore:The scoring .* does not support:UserWarning")
@pytest.mark.parametrize("make_sparse", [np.asarray, sparse.csr_matrix])
def test_folds_side_by_side_keep_their_rows(make_sparse):
    X, y = data(load_diabetes, 150)
    weight = np.random.default_rng(0).uniform(0.1, 2.0, size=len(y))
    assert_same_search(
        MLPRegressor((5,), max_iter=4, random_state=0, batch_size=20),
        {"alpha": [1e-4, 1.0]},
        make_sparse(X),
        scale(y),
        cv=3,
        fit_params={"sample_weight": weight},
        scoring=tenth_digits,
    )


def test_memory_grows_with_the_batch_not_with_the_grid():
    X, y = data(load_digits, 200)

    def peak(n_candidates):
        search = GridSearchCV(
            network(hidden_layer_sizes=(100,), max_iter=1),
            {"alpha": np.logspace(-4, 0, n_candidates)},
            cv=2,
            refit=False,
        )
        tracemalloc.start()
        search.fit(X, y)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(5)
    # Both grids are larger than a batch.
    assert peak(240) < 1.3 * peak(120)


def interrupt_soon(seconds):
    # Started in the background, a process ignores Ctrl-C, and so would this one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    timer = threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    return timer


def test_ctrl_c_propagates():
    X, y = data(load_breast_cancer, 200)
    estimator = network(max_iter=20_000, n_iter_no_change=np.inf)
    timer = interrupt_soon(0.5)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(estimator, {"alpha": [1e-3, 1e-1]}, cv=3).fit(X, y)
    assert time.perf_counter() - started < 30
    timer.join()


class Interrupted(MLPClassifier):
    """A network whose training goes on until Ctrl-C, which comes soon."""

    def fit(self, X, y):
        interrupt_soon(0.3)
        self.set_params(max_iter=1_000_000, n_iter_no_change=np.inf)
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore:Training interrupted")
@pytest.mark.parametrize("Search", [GridSearchCV, HalvingGridSearchCV])
def test_ctrl_c_in_the_refit_propagates(Search, monkeypatch):
    X, y = data(load_breast_cancer, 200)
    monkeypatch.setattr(_search, "with_parameters", lambda *_: Interrupted((5,)))
    search = Search(network(max_iter=9), {"alpha": [1e-3, 1e-1]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "best_estimator_")


def test_fit_times_are_shares_of_what_was_done_together(monkeypatch):
    """They sum up to the seconds of all batches and of what is before the networks."""

    class Clock:
        def __init__(self, step):
            self.step, self.seconds = step, 0.0

        def perf_counter(self):
            self.seconds += self.step
            return self.seconds

    # Between two looks at them 12 and 4 seconds pass.
    batches, folds = Clock(12.0), Clock(4.0)
    monkeypatch.setattr(run_batch, "time", batches)
    monkeypatch.setattr(_candidates, "time", folds)
    X, y = data(load_breast_cancer, 120)
    model = make_pipeline(StandardScaler(), network(max_iter=2))
    grid = {"mlpclassifier__alpha": [1e-3, 1e-2, 0.1, 1.0]}
    results = GridSearchCV(model, grid, cv=3, refit=False).fit(X, y).cv_results_
    # All in one batch; and the scaler of each of three folds, for four networks.
    assert (batches.seconds, folds.seconds) == (2 * 12, 3 * 2 * 4)
    np.testing.assert_allclose(results["mean_fit_time"], 12 / 12 + 4 / 4)
    np.testing.assert_allclose(results["std_fit_time"], 0)


def deadly_score(estimator, X, y):
    if estimator.alpha == 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return estimator.score(X, y)


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_fits_only():
    X, y = data(load_breast_cancer, 120)
    search = GridSearchCV(
        network(max_iter=2),
        {"alpha": [0.1, 0.5]},
        scoring=deadly_score,
        cv=2,
        n_jobs=2,
        error_score=-1.0,
        refit=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1
    assert scores[0] > 0


class Deadly:
    """A scorer that ends its process the first times that it sees one of the fits."""

    def __init__(self, log, deadly, n_deaths=1):
        self.log, self.deadly, self.n_deaths = log, deadly, n_deaths
        self.parent = os.getpid()

    def __call__(self, estimator, X, y):
        fit = f"alpha={estimator.alpha}, max_iter={estimator.max_iter}"
        with self.log.open("a") as file:
            file.write(fit + "\n")
        if fit == self.deadly and self.scored().count(fit) <= self.n_deaths:
            assert os.getpid() != self.parent
            os.kill(os.getpid(), signal.SIGKILL)
        return estimator.score(X, y)

    def scored(self):
        return self.log.read_text().splitlines()


def search_with_deaths(Search, n_deaths, folder, **params):
    """A fitted search, one like it with a deadly scorer, and this scorer.

    There is one split, so that each fit has a name of its own.
    """
    X, y = data(load_breast_cancer, 120)
    split = [(np.arange(80), np.arange(80, 120))]
    grid = {"alpha": [1e-3, 0.1, 1.0, 10.0]}
    search = Search(network(max_iter=9), grid, cv=split, n_jobs=2, **params)
    expected = clone(search).fit(X, y)
    epochs = getattr(expected, "n_resources_", [None, 9])[1]
    deadly = f"alpha={expected.best_params_['alpha']}, max_iter={epochs}"
    scorer = Deadly(folder / "log", deadly, n_deaths)
    return expected, search.set_params(scoring=scorer), scorer


def assert_same_results(search, expected):
    X, y = data(load_breast_cancer, 120)
    assert_same_table(search.cv_results_, expected.cv_results_)
    assert search.best_params_ == expected.best_params_
    np.testing.assert_array_equal(search.predict_proba(X), expected.predict_proba(X))


@pytest.mark.slow
@pytest.mark.parametrize("Search", [GridSearchCV, HalvingGridSearchCV])
def test_a_worker_that_dies_once_costs_nothing(Search, tmp_path):
    expected, search, scorer = search_with_deaths(Search, 1, tmp_path)
    search.fit(*data(load_breast_cancer, 120))
    assert_same_results(search, expected)
    scored = scorer.scored()
    assert scored.count(scorer.deadly) == 2
    if Search is HalvingGridSearchCV:
        # The rung before is not trained again.
        first = f"max_iter={expected.n_resources_[0]}"
        assert sum(fit.endswith(first) for fit in scored) == 4


@pytest.mark.slow
def test_a_search_that_dying_workers_end_goes_on_after_its_last_rung(tmp_path):
    expected, search, scorer = search_with_deaths(
        HalvingGridSearchCV,
        2,
        tmp_path,
        error_score="raise",
        checkpoint=tmp_path / "checkpoint",
    )
    X, y = data(load_breast_cancer, 120)
    # The second death is that of the fit in a process of its own.
    with pytest.raises(BrokenProcessPool):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    assert_same_results(search.fit(X, y), expected)
    scored = scorer.scored()
    first = f"max_iter={expected.n_resources_[0]}"
    assert sum(fit.endswith(first) for fit in scored) == 4


def test_estimator_checks_of_the_search_itself():
    X, y = data(load_breast_cancer, 120)
    search = GridSearchCV(network(), {"alpha": [0.1]}, cv=2)
    clone(search)
    assert repr(search).startswith("GridSearchCV(")
    with pytest.raises(ValueError, match="'error_score' parameter of GridSearchCV"):
        clone(search).set_params(error_score="nonsense").fit(X, y)


def _refuse(X):
    raise RuntimeError("This step refuses.")


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("n_candidates", [2, 20])
def test_one_error_of_many_fits_has_one_text(n_candidates, n_jobs):
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(FunctionTransformer(_refuse), MLPRegressor((3,)))
    grid = {"mlpregressor__alpha": np.logspace(-5, -1, n_candidates)}
    with pytest.raises(ValueError, match="This step refuses") as failure:
        GridSearchCV(model, grid, cv=3, n_jobs=n_jobs).fit(X, y)
    # One a fold at most: each has had its own error.
    assert str(failure.value).count("RuntimeError: This step") <= 3
    # An error of the parameters, which the fits of a candidate share.
    grid = {"alpha": [1e-3, *np.full(n_candidates, -1.0)]}
    search = GridSearchCV(MLPRegressor((3,), max_iter=2), grid, cv=3, n_jobs=n_jobs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    text = next(str(w.message) for w in caught if w.category is FitFailedWarning)
    assert text.count("InvalidParameterError:") == 1 and len(text.splitlines()) < 40
