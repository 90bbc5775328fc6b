"""The table of solvers: what each can do, and what is said of what it cannot."""

from dataclasses import replace

import numpy as np
import pytest

from skreg import MLPClassifier, MLPRegressor
from skreg._core.schedules import SCHEDULES, Schedule
from skreg._fitting.prepare import Preparation
from skreg._fitting.solvers import SOLVERS, named, solver_of
from skreg.augmentation import GaussianNoise
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


class Falling(Schedule):
    """Rates that fall to zero at the end of training, whenever that is."""

    depends_on_end = True


@pytest.fixture
def falling(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "falling", Falling)
    able = replace(SOLVERS["sgd"], schedules=(*SOLVERS["sgd"].schedules, "falling"))
    monkeypatch.setitem(SOLVERS, "sgd", able)
    constraints = MLPClassifier._parameter_constraints
    monkeypatch.setitem(constraints, "learning_rate", [str])
    return {"solver": "sgd", "learning_rate": "falling", "learning_rate_init": 0.1}


def test_phases_do_not_follow_a_schedule_that_depends_on_the_end(falling):
    refitted = MLPClassifier(**falling, early_stopping=True, refit=True)
    with pytest.raises(ValueError, match="refit=True with learning_rate='falling'"):
        refitted.fit(X, y)
    sparse = MLPClassifier(**falling, feature_alpha=0.1)
    with pytest.raises(ValueError, match="feature_alpha=0.1 with learning_rate='fall"):
        sparse.fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_does_not_resume_a_schedule_that_depends_on_the_end(
    falling, monkeypatch
):
    resumed = []
    prepare = Preparation._resume

    def spy(preparation, task):
        resumed.append(task)
        return prepare(preparation, task)

    monkeypatch.setattr(Preparation, "_resume", spy)
    for params, is_resumed in ((falling, False), ({"solver": "sgd"}, True)):
        resumed.clear()
        network = MLPClassifier((4,), random_state=0, **params)
        HalvingGridSearchCV(
            network, {"alpha": [1e-4, 0.1, 1.0]}, cv=2, max_resources=9
        ).fit(X, y)
        assert bool(resumed) == is_resumed
