"""The table of solvers: what each can do, and what is said of what it cannot."""

import numpy as np
import pytest

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.solvers import SOLVERS, named, solver_of
from skreg.augmentation import GaussianNoise

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
