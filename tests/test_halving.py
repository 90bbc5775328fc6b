"""Successive halving whose survivors continue."""

import warnings
from itertools import count, pairwise, product
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import (
    assert_rows_equal_training_alone,
    assert_same_parameters,
    scaled,
)
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting import run_batch
from skreg.augmentation import AugmentingResampler, GaussianNoise
from skreg.model_selection import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    _candidates,
    _lockstep_run,
    _scheduler,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GRID = {
    "alpha": [1e-4, 1e-2, 1.0],
    "l1_ratio": [0.0, 0.5],
    "learning_rate_init": [1e-3, 1e-2],
}


def data(load, n_rows=240):
    return scaled(load, n_rows)


def network(**kwargs):
    defaults = dict(
        hidden_layer_sizes=(10,), max_iter=12, random_state=0, batch_size=30
    )
    return MLPClassifier(**{**defaults, **kwargs})


def neg_log_loss(estimator, X, y):
    """Tells networks apart that give the same labels."""
    return -log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e-2},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"early_stopping": True, "n_iter_no_change": 2, "validation_fraction": 0.2},
        {"dropout": 0.3},
        {"solver": "lbfgs"},
        {"early_stopping": True, "refit": True},
        {"augmentation": GaussianNoise()},
        {"augmentation": AugmentingResampler(GaussianNoise(0.5))},
        {"augmentation": AugmentingResampler(GaussianNoise(0.5), random_state=3)},
    ],
    ids=lambda params: "+".join(map(str, params.values())).rstrip("()") or "adam",
)
def test_survivors_equal_training_alone(params, n_jobs):
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(
        network(**params), GRID, cv=2, n_jobs=n_jobs, scoring=neg_log_loss
    ).fit(X, y)
    assert search.n_candidates_ == [12, 4, 2]
    assert search.n_resources_ == [1, 4, 12]
    assert_rows_equal_training_alone(search, X, y)


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("min_resources", ["exhaust", 2])
@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate": "cosine", "warmup_fraction": 0.2},
        {"dropout": 0.3, "dropout_schedule": "cosine"},
        {"learning_rate": "cosine", "early_stopping": True, "n_iter_no_change": 2},
        {"learning_rate": "cosine", "early_stopping": True, "refit": True},
    ],
    ids=lambda params: "+".join(params),
)
def test_survivors_follow_the_schedule_to_its_end(params, min_resources, solver):
    X, y = data(load_breast_cancer)
    estimator = network(solver=solver, **params)
    search = HalvingGridSearchCV(
        estimator, GRID, cv=2, scoring=neg_log_loss, min_resources=min_resources
    ).fit(X, y)
    # The end is that of the last rung, which may have less than max_resources.
    assert search.n_resources_ == ([1, 4, 12] if min_resources == "exhaust" else [2, 6])
    n_last = sum(search.cv_results_["iter"] == search.n_iterations_ - 1)
    assert_rows_equal_training_alone(search, X, y, rows=slice(-n_last, None))
    alone = clone(estimator).set_params(**search.best_params_).fit(X, y)
    assert_same_parameters(search.best_estimator_, alone)


@pytest.mark.both_engines
@pytest.mark.parametrize("early_stopping", [False, True])
def test_averages_go_on_with_the_survivors(early_stopping):
    X, y = data(load_breast_cancer)
    grid = {"alpha": [1e-4, 1e-2, 1.0], "weight_averaging": [0.2, 0.6, 0.9]}
    search = HalvingGridSearchCV(
        network(early_stopping=early_stopping, learning_rate_init=1e-2),
        grid,
        cv=2,
        scoring=neg_log_loss,
    ).fit(X, y)
    assert search.n_candidates_ == [9, 3, 1]
    assert_rows_equal_training_alone(search, X, y)


def test_resampler_in_a_pipeline_and_among_the_candidates():
    """Survivors with a resampler start again, beside those that go on."""
    X, y = data(load_breast_cancer)
    pipeline = make_pipeline(StandardScaler(), network())
    resampler = AugmentingResampler(GaussianNoise(0.2), sampling_strategy="auto")
    grid = {
        "mlpclassifier__augmentation": [None, GaussianNoise(), resampler],
        "mlpclassifier__alpha": [1e-4, 1e-2, 1.0],
    }
    search = HalvingGridSearchCV(
        pipeline, grid, cv=2, factor=1.5, scoring=neg_log_loss
    ).fit(X, y)
    survivors = [
        params["mlpclassifier__augmentation"]
        for params, rung in zip(
            search.cv_results_["params"], search.cv_results_["iter"], strict=True
        )
        if rung == 1
    ]
    assert resampler in survivors and None in survivors
    assert_rows_equal_training_alone(search, X, y)


def test_in_a_pipeline_and_with_more_outputs():
    X, y = data(load_digits)
    pipeline = make_pipeline(StandardScaler(), network())
    grid = {f"mlpclassifier__{name}": values for name, values in GRID.items()}
    search = HalvingGridSearchCV(pipeline, grid, cv=2, scoring=neg_log_loss).fit(X, y)
    assert search.best_params_["mlpclassifier__max_iter"] == 12
    assert_rows_equal_training_alone(search, X, y)


def test_regression():
    X, y = data(load_diabetes)
    estimator = MLPRegressor((10,), max_iter=12, random_state=0)
    grid = {"alpha": [1e-2, 1e-1, 1.0, 10.0], "dropout": [0.0, 0.2]}
    search = HalvingGridSearchCV(estimator, grid, cv=3, factor=2).fit(X, y)
    assert search.n_candidates_ == [8, 4, 2, 1]
    assert_rows_equal_training_alone(search, X, y)


def test_attributes():
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(network(max_iter=54), GRID, cv=2).fit(X, y)
    results = search.cv_results_
    assert search.n_resources_ == [2, 6, 18, 54]
    assert search.n_candidates_ == [12, 4, 2, 1]
    assert search.n_remaining_candidates_ == 1
    assert search.n_iterations_ == search.n_required_iterations_ == 4
    assert (search.min_resources_, search.max_resources_) == (2, 54)
    assert search.n_batched_ == 12
    assert results["iter"].tolist() == [0] * 12 + [1] * 4 + [2] * 2 + [3]
    assert results["n_resources"].tolist() == [2] * 12 + [6] * 4 + [18] * 2 + [54]
    for n_resources, params in zip(
        results["n_resources"], results["params"], strict=True
    ):
        assert params["max_iter"] == n_resources
    assert results["iter"][search.best_index_] == 3
    assert search.best_score_ == results["mean_test_score"][-1]
    assert search.best_estimator_.n_iter_ == 54
    assert search.score(X, y) == search.best_estimator_.score(X, y)


def test_the_best_of_a_rung_survive():
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(network(), GRID, cv=2, scoring=neg_log_loss).fit(X, y)
    results = search.cv_results_

    def strip(params):
        return tuple(params[name] for name in sorted(GRID))

    for rung, n_survivors in ((0, 4), (1, 2)):
        here = np.flatnonzero(results["iter"] == rung)
        best = here[np.argsort(-results["mean_test_score"][here])[:n_survivors]]
        after = np.flatnonzero(results["iter"] == rung + 1)
        assert {strip(results["params"][i]) for i in best} == {
            strip(results["params"][i]) for i in after
        }


@pytest.mark.both_engines
def test_each_epoch_is_trained_once(monkeypatch):
    from skreg._core import training

    n_epochs = []
    run_epoch = training._Batch.run_epoch

    def counting(batch):
        n_epochs.append(len(batch.models))
        return run_epoch(batch)

    monkeypatch.setattr(training._Batch, "run_epoch", counting)
    X, y = data(load_breast_cancer)
    HalvingGridSearchCV(network(), GRID, cv=2, refit=False).fit(X, y)
    assert sum(n_epochs) == 2 * (12 * 1 + 4 * (4 - 1) + 2 * (12 - 4))


def fits_of_rungs(monkeypatch, search, X, y):
    """What is trained in each rung, and the seeds of the folds there."""
    rungs, seeds = [], []
    run = _lockstep_run.LockstepRun.run

    def recording(self, fits, refit=None):
        rungs.append([fit.key for fit in fits])
        results = run(self, fits, refit)
        seeds.append(self.state[0])
        return results

    monkeypatch.setattr(_lockstep_run.LockstepRun, "run", recording)
    search.fit(X, y)
    return rungs, seeds


def test_a_candidate_that_has_stopped_is_left_as_it_is(monkeypatch):
    X, y = data(load_breast_cancer)
    estimator = network(early_stopping=True, n_iter_no_change=1, max_iter=18)
    # With a tolerance that nothing meets, training ends after two epochs.
    grid = {"tol": [1e3], "alpha": [1e-4, 1e-2, 1.0]}
    search = HalvingGridSearchCV(estimator, grid, cv=2, min_resources=6)
    rungs, _ = fits_of_rungs(monkeypatch, search, X, y)
    assert search.n_resources_ == [6, 18]
    assert [len(fits) for fits in rungs] == [6, 0]
    scores = search.cv_results_["mean_test_score"]
    assert scores[-1] == scores[:3].max()


def test_networks_without_a_seed_have_one_in_all_rungs(monkeypatch):
    X, y = data(load_breast_cancer, 60)
    search = HalvingGridSearchCV(network(random_state=None), GRID, cv=2, refit=False)
    _, seeds = fits_of_rungs(monkeypatch, search, X, y)
    assert len(seeds) == 3 and len(set(seeds[0])) == 2
    for other in seeds[1:]:
        np.testing.assert_array_equal(other, seeds[0])


def test_the_largest_number_of_epochs_is_that_of_any_candidate():
    X, y = data(load_breast_cancer, 60)
    pipeline = Pipeline([("net", network())])
    grid = {"net": [network(max_iter=2), network(max_iter=6), network(max_iter=4)]}
    search = HalvingGridSearchCV(pipeline, grid, cv=2, refit=False).fit(X, y)
    assert search.max_resources_ == search.n_resources_[-1] == 6


def test_survivors_stay_in_the_order_of_the_candidates():
    X, y = data(load_breast_cancer, 60)
    search = HalvingGridSearchCV(
        network(), GRID, cv=2, factor=1.5, scoring=neg_log_loss, refit=False
    ).fit(X, y)
    rungs = search.cv_results_["iter"]
    settings = [
        {name: value for name, value in params.items() if name != "max_iter"}
        for params in search.cv_results_["params"]
    ]
    first = settings[: search.n_candidates_[0]]
    for rung in range(1, search.n_iterations_):
        places = [first.index(settings[row]) for row in np.flatnonzero(rungs == rung)]
        assert places == sorted(places)


def test_only_candidates_of_the_last_rung_are_judged():
    search = HalvingGridSearchCV(network(), GRID)
    search._in_last_rung = {1, 4}
    faults = {0: ["useless"], 1: [None], 2: [None], 4: ["constant"]}
    assert search._judged(faults, []) == ({1: [None], 4: ["constant"]}, 2)


def test_a_fold_that_is_kept_takes_no_time_again(monkeypatch):
    """Batches that take 12 s each, and folds that take 6 s each to prepare."""
    for module, seconds in ((run_batch, 12), (_candidates, 6)):
        clock = SimpleNamespace(perf_counter=count(0, seconds).__next__)
        monkeypatch.setattr(module, "time", clock)
    X, y = data(load_breast_cancer, 60)
    search = HalvingGridSearchCV(network(), {"alpha": [0, 1e-3, 1e-2]}, cv=2)
    times = search.fit(X, y).cv_results_["mean_fit_time"]
    np.testing.assert_array_equal(times, 3 * [12 / 6 + 6 / 3] + [12 / 2])


@pytest.mark.parametrize("memory, n_fits", [(2**26, 2), (1, 4)])
def test_steps_are_fitted_once_per_fold_if_memory_allows(monkeypatch, memory, n_fits):
    # Without memory for a second fold, each of the two later rungs prepares it again.
    monkeypatch.setattr(_scheduler, "_WINDOW_BYTES", memory)

    class Counting(StandardScaler):
        n_fits = 0

        def fit(self, X, y=None, sample_weight=None):
            Counting.n_fits += 1
            return super().fit(X, y, sample_weight)

    X, y = data(load_breast_cancer)
    pipeline = make_pipeline(Counting(), network())
    grid = {"mlpclassifier__alpha": np.logspace(-3, 0, 9)}
    HalvingGridSearchCV(pipeline, grid, cv=2, refit=False).fit(X, y)
    assert Counting.n_fits == n_fits


@pytest.mark.parametrize(
    "kwargs, n_candidates, n_resources",
    [
        ({}, [12, 4, 2], [3, 8, 24]),
        ({"factor": 2}, [12, 6, 3, 2, 1], [2, 3, 6, 12, 24]),
        ({"min_resources": "smallest"}, [12, 4, 2], [1, 3, 9]),
        ({"min_resources": 5, "max_resources": 20}, [12, 4], [5, 15]),
        (
            {"min_resources": 8, "aggressive_elimination": True},
            [12, 4, 2, 1],
            [8, 8, 8, 24],
        ),
        ({"max_resources": 2, "aggressive_elimination": True}, [12, 4, 2, 1], [2] * 4),
        ({"aggressive_elimination": True}, [12, 4, 2, 1], [3, 3, 8, 24]),
    ],
)
def test_plan(kwargs, n_candidates, n_resources):
    X, y = data(load_breast_cancer, 120)
    search = HalvingGridSearchCV(network(max_iter=24), GRID, cv=2, **kwargs)
    search.set_params(refit=False).fit(X, y)
    assert search.n_candidates_ == n_candidates
    assert search.n_resources_ == n_resources


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize("factor", [1.5, 2, 3, 4.5])
def test_the_last_rung_has_all_epochs(factor, aggressive):
    search = HalvingGridSearchCV(
        network(), {}, factor=factor, aggressive_elimination=aggressive
    )
    for n_candidates, largest in product([2, 9, 81, 1000], [1, 7, 81, 161, 200, 600]):
        search.set_params(max_resources=largest)
        planned = search._plan([None] * n_candidates)
        assert planned[-1] == largest == search.max_resources_
        assert planned[0] == search.min_resources_ >= 1
        assert len(planned) == search.n_iterations_
        # Each rung is longer than the one before by the factor, up to rounding.
        for before, after in pairwise(planned):
            assert before <= after <= factor * (before + 0.5) + 0.5


def test_failed_candidates_are_the_first_to_go():
    X, y = data(load_breast_cancer)
    grid = {"learning_rate_init": [1e300, 1e-2, 1e-3], "solver": ["sgd"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = HalvingGridSearchCV(network(), grid, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.best_params_["learning_rate_init"] != 1e300


def test_several_metrics():
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(
        network(), GRID, cv=2, scoring=["accuracy", "neg_log_loss"], refit="accuracy"
    ).fit(X, y)
    last = search.cv_results_["iter"] == 2
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"][last].max()


def several(estimator, X, y):
    """A scorer whose names are known only when it has scored."""
    return {"accuracy": estimator.score(X, y), "rank": -estimator.alpha}


@pytest.mark.parametrize("scoring", [["accuracy", "roc_auc"], several])
def test_the_judge_of_several_metrics_decides_who_survives(scoring):
    X, y = data(load_breast_cancer, 120)
    search = HalvingGridSearchCV(
        network(), {"alpha": [1e-3, 1e-2, 1e-1]}, cv=2, scoring=scoring
    )
    judge = "rank" if scoring is several else "roc_auc"
    results = search.set_params(refit=judge).fit(X, y).cv_results_
    first = results[f"mean_test_{judge}"][:3]
    survivor = results["params"][3]["alpha"]
    assert survivor == search.best_params_["alpha"]
    assert survivor == results["params"][first.argmax()]["alpha"]


@pytest.mark.parametrize("kind", [HalvingGridSearchCV, HalvingRandomSearchCV])
@pytest.mark.parametrize(
    "scoring",
    [
        ["accuracy", "roc_auc"],
        ("accuracy", "roc_auc"),
        {"accuracy": "accuracy", "roc_auc": "roc_auc"},
        several,
    ],
    ids=lambda scoring: type(scoring).__name__,
)
@pytest.mark.parametrize("refit", [True, False, "recall", lambda results: 0])
def test_of_several_metrics_refit_names_the_judge(monkeypatch, kind, scoring, refit):
    trained = []
    run = _lockstep_run.LockstepRun.run

    def spying(self, *args):
        trained.append(args)
        return run(self, *args)

    monkeypatch.setattr(_lockstep_run.LockstepRun, "run", spying)
    X, y = data(load_breast_cancer, 120)
    search = kind(network(), {"alpha": [1e-3, 1e-2, 1e-1]}, cv=2, scoring=scoring)
    if kind is HalvingRandomSearchCV:
        search.set_params(n_candidates=3)
    with pytest.raises(ValueError, match="set refit to one of \\['accuracy', '"):
        search.set_params(refit=refit).fit(X, y)
    assert len(trained) == (scoring is several)
    assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("refit", [False, lambda results: 0])
def test_of_one_metric_refit_may_be_anything(refit):
    X, y = data(load_breast_cancer, 120)
    search = HalvingGridSearchCV(network(), {"alpha": [1e-3, 1e-2]}, cv=2, refit=refit)
    assert search.fit(X, y).n_candidates_ == [2, 1]


def test_random_splits_stay_the_same_in_all_rungs():
    X, y = data(load_breast_cancer)
    cv = StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(0))
    search = HalvingGridSearchCV(network(), GRID, cv=cv)
    search.fit(X, y)
    fixed = list(
        StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(0)).split(
            X, y
        )
    )
    again = HalvingGridSearchCV(network(), GRID, cv=fixed).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"]
    )


def test_survivors_may_move_to_other_jobs():
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(
        # Its last epochs are not its best.
        network(early_stopping=True, n_iter_no_change=np.inf, learning_rate_init=0.1),
        # The first two survive, and are then with other folds than before.
        {"alpha": [1e-2, 1e-3, 1e-4, 0.1, 1.0]},
        cv=3,
        n_jobs=2,
        scoring=neg_log_loss,
    ).fit(X, y)
    survivors = search.cv_results_["param_alpha"][5:7]
    assert sorted(survivors) == [1e-3, 1e-2]
    assert_rows_equal_training_alone(search, X, y)


def test_a_fold_may_go_on_in_several_jobs_of_a_worker(monkeypatch):
    # The nine fits of the second rung are cut after two, four and six: so the second
    # fold is stacked on the first in one job, and alone in another.
    monkeypatch.setattr(_scheduler, "_capacity", lambda *args: 1)
    X, y = data(load_breast_cancer)
    alphas = [1e3, 300.0, 100.0, 30.0, 10.0, 3.0, 1e-2, 1e-3, 1e-4]
    search = HalvingGridSearchCV(
        network(), {"alpha": alphas}, cv=3, scoring=neg_log_loss, refit=False
    ).fit(X, y)
    assert search.cv_results_["param_alpha"][9:12].tolist() == alphas[-3:]
    assert_rows_equal_training_alone(search, X, y, rows=slice(9, None))


@pytest.mark.parametrize(
    "estimator, prefix",
    [
        (network(), ""),
        (network(early_stopping=True, refit=True), ""),
        (make_pipeline(StandardScaler(), network()), "mlpclassifier__"),
    ],
)
def test_a_worker_that_refits_gives_the_same(estimator, prefix):
    X, y = data(load_breast_cancer)
    grid = {f"{prefix}alpha": [1e-4, 1e-2, 1.0]}
    alone = HalvingGridSearchCV(estimator, grid, cv=3).fit(X, y)
    spread = HalvingGridSearchCV(estimator, grid, cv=3, n_jobs=2).fit(X, y)
    assert spread.best_params_ == alone.best_params_
    np.testing.assert_array_equal(spread.predict_proba(X), alone.predict_proba(X))
    assert spread.refit_time_ > 0
    if prefix:
        assert spread.best_estimator_.steps[0][1].n_samples_seen_ == len(X)


def refits_of_workers(monkeypatch):
    """A list that grows with what `LockstepRun.run` is asked to fit to all rows."""
    asked = []
    run = _lockstep_run.LockstepRun.run

    def spying(self, fits, refit=None):
        found = run(self, fits, refit)
        asked.append((refit is not None, self.refitted is not None))
        return found

    monkeypatch.setattr(_lockstep_run.LockstepRun, "run", spying)
    return asked


@pytest.mark.parametrize(
    "kwargs, asked",
    [
        ({}, True),
        ({"refit": False}, False),
        ({"refit": lambda results: 0}, False),
        # Two candidates are left for the last rung.
        ({"factor": 2, "max_resources": 12, "min_resources": 6}, False),
    ],
)
def test_when_a_worker_refits(monkeypatch, kwargs, asked):
    X, y = data(load_breast_cancer, 120)
    seen = refits_of_workers(monkeypatch)
    grid = {"alpha": [1e-4, 1e-2, 1.0]}
    HalvingGridSearchCV(network(), grid, cv=2, n_jobs=2, **kwargs).fit(X, y)
    assert not any(any(pair) for pair in seen[:-1])
    assert seen[-1] == (asked, asked)


def test_warnings_of_a_worker_that_refits_are_seen():
    X, y = data(load_breast_cancer, 120)
    search = HalvingGridSearchCV(network(), {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=2)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        search.fit(X, y)


class FailsOnAllRows(MLPClassifier):
    def _check_data(self, X, *args):
        if len(X) == 120:
            raise RuntimeError("all rows are too many")
        return super()._check_data(X, *args)


def test_an_error_of_a_worker_that_refits_is_raised():
    X, y = data(load_breast_cancer, 120)
    network = FailsOnAllRows((4,), max_iter=6, random_state=0)
    search = HalvingGridSearchCV(network, {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=2)
    with pytest.raises(RuntimeError, match="all rows are too many"):
        search.fit(X, y)
    assert not hasattr(search, "best_estimator_")


class FailsAtTheEnd(MLPClassifier):
    def _check_groups(self, *args):
        if self.max_iter == 6:
            raise RuntimeError("six epochs are too many")
        return super()._check_groups(*args)


def test_where_the_last_rung_fails_its_message_comes_before_the_refits():
    X, y = data(load_breast_cancer, 120)
    network = FailsAtTheEnd((4,), max_iter=6, random_state=0)
    search = HalvingGridSearchCV(network, {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=2)
    with pytest.raises(ValueError, match="All the 2 fits failed") as failure:
        search.fit(X, y)
    assert "six epochs are too many" in str(failure.value)


def test_random_halving():
    X, y = data(load_breast_cancer)
    search = HalvingRandomSearchCV(
        network(), {"alpha": np.logspace(-4, 1, 50)}, n_candidates=9, random_state=0
    ).fit(X, y)
    assert search.n_candidates_ == [9, 3, 1]
    assert_rows_equal_training_alone(search, X, y)


def test_small_windows_give_the_same(monkeypatch):
    X, y = data(load_breast_cancer)
    usual = HalvingGridSearchCV(network(), GRID, cv=2).fit(X, y)
    monkeypatch.setattr(_scheduler, "_WINDOW_BYTES", 1)
    small = HalvingGridSearchCV(network(), GRID, cv=2).fit(X, y)
    np.testing.assert_array_equal(
        usual.cv_results_["mean_test_score"], small.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    "estimator, grid, kwargs, message",
    [
        (network(), {"max_iter": [1, 2]}, {}, "max_iter cannot be searched"),
        (RandomForestClassifier(), {"max_depth": [1, 2]}, {}, "needs an MLPClassifier"),
        (network(), GRID, {"min_resources": 50}, "min_resources=50 is greater"),
        (network(), GRID, {"factor": 1}, "'factor' parameter of HalvingGridSearchCV"),
    ],
)
def test_errors(estimator, grid, kwargs, message):
    X, y = data(load_breast_cancer, 100)
    with pytest.raises(ValueError, match=message):
        HalvingGridSearchCV(estimator, grid, cv=2, **kwargs).fit(X, y)


@pytest.mark.parametrize(
    ("params", "n_resources"),
    [
        ({"factor": 1.3, "max_resources": 4}, [1, 1, 2, 2, 3, 4]),
        ({"aggressive_elimination": True, "max_resources": 3}, [1, 1, 1, 3]),
    ],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rungs_of_the_same_epochs_train_nothing(params, n_resources, solver):
    X, y = data(load_breast_cancer)
    search = HalvingGridSearchCV(
        network(solver=solver), GRID, cv=2, scoring=neg_log_loss, **params
    ).fit(X, y)
    assert search.n_resources_ == n_resources
    assert_rows_equal_training_alone(search, X, y)
