"""Pickles of other versions of skreg and scikit-learn."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression

import skreg
from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor, MLPRegressorCV
from skreg.augmentation import AugmentingResampler, GaussianNoise, ResampledClassifier
from skreg.ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)

X = np.random.RandomState(0).normal(size=(40, 3))
Y = np.arange(40) % 2

NETWORK = MLPClassifier((3,), max_iter=2, tol=0.0, random_state=0)
GRID = {"alpha": [1e-3, 1e-2]}
ESTIMATORS = [
    NETWORK,
    MLPRegressor(),
    MLPClassifierCV(),
    MLPRegressorCV(),
    FoldEnsembleClassifier(NETWORK),
    FoldEnsembleRegressor(),
    GridSearchCV(NETWORK, GRID),
    RandomizedSearchCV(NETWORK, GRID),
    HalvingGridSearchCV(NETWORK, GRID),
    HalvingRandomSearchCV(NETWORK, GRID),
    SparseInputSelector(NETWORK),
    StabilitySelection(NETWORK),
    GaussianNoise(),
    AugmentingResampler(GaussianNoise()),
    ResampledClassifier(LogisticRegression()),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("package", [skreg, sklearn])
def test_what_another_version_has_pickled_is_warned_of(estimator, package, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(package, "__version__", "0.0.1")
        pickled = pickle.dumps(estimator)
    name = {"skreg": "skreg", "sklearn": "scikit-learn"}[package.__name__]
    # Estimators inside warn for themselves, those of scikit-learn as well.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = pickle.loads(pickled)
    last = caught[-1]
    assert last.filename == __file__
    assert last.category.__mro__[1] is InconsistentVersionWarning
    message = str(last.message)
    assert message.startswith(f"{type(estimator).__name__} was pickled with ")
    assert f"{name} 0.0.1" in message.partition("loaded")[0]
    assert vars(loaded).keys() == vars(estimator).keys()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
def test_of_the_same_version_nothing_is_said(estimator):
    for make in (lambda each: pickle.loads(pickle.dumps(each)), copy.deepcopy, clone):
        assert vars(make(estimator)).keys() == vars(estimator).keys()


def test_every_estimator_is_in_the_list():
    listed = {type(estimator).__mro__ for estimator in ESTIMATORS}
    listed = {owner for mro in listed for owner in mro}
    for module in (skreg, *(getattr(skreg, name) for name in skreg._SUBMODULES)):
        for name in module.__all__:
            found = getattr(module, name)
            if isinstance(found, type) and issubclass(found, BaseEstimator):
                bases = set(found.__mro__) & listed
                assert any("VersionedMixin" in str(base) for base in bases), name


def test_a_network_of_another_version_predicts(monkeypatch):
    network = clone(NETWORK).set_params(early_stopping=True).fit(X, Y)
    monkeypatch.setattr(skreg, "__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning, match="loaded with skreg 99.0"):
        monkeypatch.undo()
        pickled = pickle.dumps(network)
        monkeypatch.setattr(skreg, "__version__", "99.0")
        loaded = pickle.loads(pickled)
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))


class OwnState(MLPClassifier):
    """A subclass of the user's, whose state says nothing of versions."""

    def __getstate__(self):
        return dict(vars(self))


def test_a_state_without_versions_is_loaded():
    estimator = OwnState((7,))
    assert pickle.loads(pickle.dumps(estimator)).hidden_layer_sizes == (7,)
