"""The table of solvers: what each can do, and what is said of what it cannot."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPClassifier, MLPRegressor
from skreg._core.schedules import SCHEDULES, Schedule
from skreg._fitting.prepare import Preparation
from skreg._fitting.solvers import SOLVERS, named, solver_of
from skreg.augmentation import GaussianNoise
from skreg.feature_selection import feature_path
from skreg.model_selection import HalvingGridSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)

CANNOT = {
    ("lbfgs", "feature_alpha"): {"feature_alpha": 0.1},
    ("lbfgs", "dropout"): {"dropout": 0.1},
    ("fista", "dropout"): {"dropout": 0.1},
    ("lbfgs", "augmentation"): {"augmentation": GaussianNoise(0.1)},
    ("fista", "augmentation"): {"augmentation": GaussianNoise(0.1)},
    ("lbfgs", "loss"): {"loss": "absolute_error"},
    ("fista", "loss"): {"loss": "quantile", "quantile": 0.5},
}


def test_an_unknown_name_is_named():
    with pytest.raises(ValueError, match="no solver='newton'; there are 'adam', 'sgd'"):
        solver_of("newton")


def test_estimators_refuse_an_unknown_name():
    with pytest.raises(ValueError, match="'solver' parameter of MLPClassifier"):
        MLPClassifier(solver="newton").fit(X, y)


@pytest.mark.parametrize("solver, parameter", CANNOT)
def test_what_a_solver_cannot_do_is_refused_by_name(solver, parameter):
    model = MLPRegressor(solver=solver, **CANNOT[solver, parameter])
    with pytest.raises(ValueError, match=f"(?s){parameter}.*{solver}") as caught:
        model.fit(X, y)
    able = [name for name in ("adam", "sgd") if repr(name) in str(caught.value)]
    assert able == ["adam", "sgd"]


def test_abilities_are_listed_as_a_sentence_wants_them():
    assert named(lambda solver: solver.name == "adam") == "'adam'"
    assert named(lambda solver: solver.has_minibatches) == "'adam' or 'sgd'"
    able = named(lambda solver: solver.penalizes_inputs)
    assert able == "'adam', 'sgd' or 'fista'"


def test_every_minibatch_solver_reads_its_own_parameters():
    for solver in SOLVERS.values():
        assert set(solver.reads) <= set(MLPClassifier().get_params()), solver.name


@pytest.mark.parametrize("solver, schedules", [("adam", 2), ("sgd", 4), ("lbfgs", 0)])
def test_schedules_that_a_solver_does_not_follow_do_nothing(solver, schedules):
    followed = [SOLVERS[solver].followed(name) for name in SCHEDULES]
    assert len(set(followed) | {"constant"}) == max(schedules, 1)
    assert SOLVERS["adam"].followed("cosine") == "cosine"


class Falling(Schedule):
    """Rates that fall to zero at the end of training, whenever that is."""

    depends_on_end = True

    def before_steps(self, rates, n_updates, n_planned):
        return rates * (1 - n_updates / n_planned)


@pytest.fixture
def falling(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "falling", Falling)
    able = replace(SOLVERS["sgd"], schedules=(*SOLVERS["sgd"].schedules, "falling"))
    monkeypatch.setitem(SOLVERS, "sgd", able)
    constraints = MLPClassifier._parameter_constraints
    monkeypatch.setitem(constraints, "learning_rate", [str])
    return {"solver": "sgd", "learning_rate": "falling", "learning_rate_init": 0.1}


def test_what_has_no_known_end_refuses_a_schedule_that_depends_on_it(falling):
    sparse = MLPClassifier(**falling, feature_alpha=0.1)
    with pytest.raises(ValueError, match="feature_alpha=0.1 with learning_rate='fall"):
        sparse.fit(X, y)
    with pytest.raises(ValueError, match="feature_alpha=1.0 with learning_rate='fall"):
        feature_path(MLPClassifier(**falling), X, y)
    thinned = {"dropout": 0.1, "dropout_schedule": "cosine"}
    with pytest.raises(ValueError, match="'falling' and dropout_schedule='cosine' is"):
        sparse.set_params(**thinned).fit(X, y)
    network = MLPClassifier(**falling)
    with pytest.raises(ValueError, match="partial_fit with learning_rate='falling'"):
        network.partial_fit(X, y, classes=[0, 1])
    assert not hasattr(network, "coefs_")


def test_to_reach_the_end_of_such_a_schedule_is_no_warning(falling):
    network = MLPClassifier((4,), max_iter=3, n_iter_no_change=np.inf, random_state=0)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        network.fit(X, y)
    # Warnings are errors here.
    assert network.set_params(**falling).fit(X, y).stop_reason_ == "max_iter"
    network.set_params(learning_rate="constant", dropout=0.1, dropout_schedule="cosine")
    assert network.fit(X, y).stop_reason_ == "max_iter"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_goes_on_along_the_schedule_of_the_last_rung(falling, monkeypatch):
    resumed = []
    resume = Preparation._resume

    def spy(preparation, task):
        resumed.append(task)
        return resume(preparation, task)

    monkeypatch.setattr(Preparation, "_resume", spy)
    network = MLPClassifier((4,), random_state=0, **falling)
    HalvingGridSearchCV(
        network, {"alpha": [1e-4, 0.1, 1.0]}, cv=2, max_resources=9
    ).fit(X, y)
    assert [(task.config.max_iter, task.schedule_iter) for task in resumed] == [
        (9, 9)
    ] * 2
