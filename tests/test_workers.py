"""Whether workers are threads or processes."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skreg import MLPClassifier
from skreg._fitting import workers
from skreg._fitting.workers import prefer_threads
from skreg.augmentation import Mixup


class OwnScaler(StandardScaler):
    """A user's, which may spend its time in Python."""


def own_function(X):
    return X


def in_pipeline(step):
    return make_pipeline(StandardScaler(), step, MLPClassifier())


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(workers, "is_compiled_wanted", lambda: True)


@pytest.mark.parametrize(
    "around",
    [
        [],
        [in_pipeline(FunctionTransformer(np.abs))],
        [in_pipeline("passthrough"), {"a": [np.mean, "accuracy", None]}],
    ],
)
def test_what_spends_its_time_in_compiled_code_is_for_threads(around):
    assert prefer_threads([MLPClassifier(), MLPClassifier(solver="sgd")], around)


@pytest.mark.parametrize(
    "around",
    [
        [in_pipeline(OwnScaler())],
        [in_pipeline(FunctionTransformer(own_function))],
        ["accuracy", own_function],
        [{"scorer": (own_function,)}],
    ],
)
def test_code_of_the_users_around_the_networks_is_for_processes(around):
    assert not prefer_threads([MLPClassifier()], around)


@pytest.mark.parametrize(
    "params",
    [{"solver": "lbfgs"}, {"augmentation": Mixup()}, {"scoring": own_function}],
    ids=lambda params: next(iter(params)),
)
def test_one_network_that_trains_in_python_is_for_processes(params):
    assert not prefer_threads([MLPClassifier(), MLPClassifier(**params)])


def test_steps_of_numpy_are_for_processes(monkeypatch):
    monkeypatch.setattr(workers, "is_compiled_wanted", lambda: False)
    assert not prefer_threads([MLPClassifier()])
