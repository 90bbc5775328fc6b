"""The estimators' docstrings name every parameter and attribute, and do not drift."""

import inspect
import re

import pytest
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_diabetes, load_iris

from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor, MLPRegressorCV
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor

NETWORKS = (MLPClassifier, MLPRegressor)
ENSEMBLES = (FoldEnsembleClassifier, FoldEnsembleRegressor)
SEARCHES = (MLPClassifierCV, MLPRegressorCV)
ESTIMATORS = (*NETWORKS, *ENSEMBLES, *SEARCHES)


def entries_of(docstring, section):
    """Name to (type, text) of a numpydoc section."""
    docstring = inspect.cleandoc(docstring)
    body = re.search(
        rf"^{section}\n-+\n(.*?)(?=^[^\n]+\n---+\n|\Z)", docstring, flags=re.M | re.S
    )[1]
    found = re.findall(
        r"^\**(\w[\w, ]*) : (.*)\n((?:(?:    .*)?\n)*)", body + "\n", flags=re.M
    )
    return {
        name.strip(): (kind, text.strip())
        for names, kind, text in found
        for name in names.split(",")
    }


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_is_described_with_its_default(estimator):
    described = entries_of(estimator.__doc__, "Parameters")
    signature = inspect.signature(estimator).parameters
    assert list(described) == list(signature)
    for name, parameter in signature.items():
        stated = described[name][0].rpartition("default=")[2]
        assert eval(stated) == parameter.default, name


@pytest.mark.parametrize("pair", [NETWORKS, ENSEMBLES, SEARCHES])
def test_what_both_describe_they_describe_alike(pair):
    """But for a few, whose meaning differs with the target."""
    differ = set()
    for section in ("Parameters", "Attributes"):
        classifier, regressor = (
            entries_of(estimator.__doc__, section) for estimator in pair
        )
        for name in classifier.keys() & regressor.keys():
            if classifier[name] != regressor[name]:
                differ.add(name)
    assert differ <= {
        "tol",
        "validation_fraction",
        "scoring",
        "n_outputs_",
        "out_activation_",
        # Of ensembles.
        "estimator",
        "estimators_",
        "cv",
        "oof_score_",
        # Of searches.
        "param_distributions",
        "cv_results_",
    }


# Two epochs are too few for diabetes in its own unit.
@pytest.mark.filterwarnings("ignore:The network predicts no better")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_attribute_is_described_and_there(estimator):
    pytest.importorskip("pandas")
    load = load_iris if issubclass(estimator, ClassifierMixin) else load_diabetes
    X, y = load(return_X_y=True, as_frame=True)
    params = {"random_state": 0}
    if estimator in NETWORKS:
        params |= {"early_stopping": True, "max_iter": 2}
    if estimator in SEARCHES:
        params |= {"param_distributions": {"max_iter": [2]}, "cv": 2}
    fitted = estimator(**params).fit(X, y)
    there = {
        name for name in dir(fitted) if name.endswith("_") and not name.startswith("_")
    }
    described = entries_of(estimator.__doc__, "Attributes")
    assert there == set(described)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_method_describes_its_parameters(estimator):
    for name, method in inspect.getmembers(estimator, inspect.isfunction):
        if name.startswith("_") or "skreg" not in method.__module__:
            continue
        parameters = list(inspect.signature(method).parameters)[1:]
        described = []
        if parameters:
            described = entries_of(method.__doc__, "Parameters")
        assert method.__doc__, name
        assert list(described) == parameters, name


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_value_that_a_parameter_may_have_is_documented(kind):
    for name, constraints in kind._parameter_constraints.items():
        for constraint in constraints:
            for option in getattr(constraint, "options", ()):
                if isinstance(option, str):
                    assert f"'{option}'" in kind.__doc__, (name, option)
