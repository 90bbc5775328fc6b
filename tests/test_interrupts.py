"""Ctrl-C: a network keeps what it has, and what is made of networks ends at once."""

from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.augmentation import ResampledClassifier
from skreg.diagnosis import bias_variance_decomposition
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import SparseInputSelector
from skreg.model_selection import GridSearchCV
from skreg.neural_network._base import BaseMLP

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def ctrl_c_in_fit(monkeypatch):
    """Ctrl-C comes in the second epoch of every `fit` of a network."""
    fit = BaseMLP.fit

    def interrupted_fit(self, *args, **kwargs):
        epochs = iter([None])

        def end_if_cancelled():
            for _ in epochs:
                return
            raise KeyboardInterrupt

        with mock.patch("skreg._core.training.end_if_cancelled", end_if_cancelled):
            return fit(self, *args, **kwargs)

    # Whoever trains networks without their `fit` asks whether it is this one.
    monkeypatch.setattr(BaseMLP, "fit", interrupted_fit)


def attributes(estimator):
    return {name: value for name, value in vars(estimator).items() if name[-1] == "_"}


@pytest.mark.both_engines
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_partial_fit_lets_it_through_and_is_as_it_was(Estimator, monkeypatch):
    """Otherwise a loop of calls would go on."""
    network = Estimator((3,), random_state=0).partial_fit(X, Y, **classes(Estimator))
    before = attributes(network)

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("skreg._core.training.end_if_cancelled", interrupt)
    with pytest.raises(KeyboardInterrupt):
        network.partial_fit(X, Y)
    after = attributes(network)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def classes(Estimator):
    return {"classes": [0, 1]} if Estimator is MLPClassifier else {}


NETWORK = MLPClassifier((3,), max_iter=5, random_state=0)


@pytest.mark.usefixtures("ctrl_c_in_fit")
@pytest.mark.parametrize("around", [(), (StandardScaler(),)], ids=["alone", "piped"])
def test_a_network_by_itself_keeps_what_it_has(around):
    piped = make_pipeline(*around, clone(NETWORK))
    with pytest.warns(UserWarning, match="interrupted"):
        piped.fit(X, Y)
    assert piped[-1].stop_reason_ == "interrupted" and piped[-1].n_iter_ == 1


MADE_OF_NETWORKS = {
    "ensemble": FoldEnsembleClassifier(ResampledClassifier(NETWORK), cv=2),
    "last fit of a selector": SparseInputSelector(NETWORK, n_features_to_select=2),
    "last fit of a search": GridSearchCV(NETWORK, {"alpha": [1e-3, 1e-2]}, cv=2),
    "search of others": GridSearchCV(ResampledClassifier(NETWORK), {}, cv=2),
}


@pytest.mark.usefixtures("ctrl_c_in_fit")
@pytest.mark.parametrize("name", MADE_OF_NETWORKS)
def test_what_is_made_of_networks_ends(name):
    """A network that ended early would pass for one of those that were asked for."""
    estimator = MADE_OF_NETWORKS[name]
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y)
    # What scikit-learn's search has noted by then does not make it a fitted one.
    assert attributes(estimator).keys() <= {"n_batched_", "n_splits_"}


@pytest.mark.usefixtures("ctrl_c_in_fit")
def test_a_diagnosis_of_other_estimators_ends():
    with pytest.raises(KeyboardInterrupt):
        bias_variance_decomposition(
            ResampledClassifier(NETWORK), X, Y, X_test=X, y_test=Y, n_rounds=2
        )
