"""Fitted networks that predict in one pass: which may, and each predicts its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skreg import MLPClassifier, MLPRegressor
from skreg.neural_network._together import are_alike, outputs_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 4))
Z = X[:, 0] + X[:, 1] ** 2
CLASSES = np.digitize(Z, [0, 1])


def fitted(Estimator=MLPRegressor, y=Z, X=X, **params):
    defaults = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "max_iter": 3}
    return Estimator(**{"random_state": 0} | defaults | params).fit(X, y)


@pytest.mark.parametrize("container", [np.asarray, np.asfortranarray, sparse.csc_array])
def test_each_predicts_as_alone(container):
    # Each has a scale and a mean of the target, or a loss, of its own.
    networks = [
        fitted(normalize_y=True),
        fitted(y=1e3 * Z + 50, normalize_y=True, random_state=1),
        fitted(random_state=2),
        fitted(y=np.abs(Z), loss="poisson", random_state=3),
    ]
    assert are_alike(networks)
    for network, outputs in zip(
        networks, outputs_together(networks, container(X)), strict=True
    ):
        assert_allclose(outputs, network.predict(X), rtol=1e-6)


def test_each_has_its_own_probabilities():
    labels = np.eye(3, dtype=int)[CLASSES]
    networks = [
        fitted(MLPClassifier, CLASSES),
        fitted(MLPClassifier, labels, random_state=1),
        fitted(MLPClassifier, np.array(["c", "b", "a"])[CLASSES], random_state=2),
    ]
    assert are_alike(networks)
    for network, outputs in zip(networks, outputs_together(networks, X), strict=True):
        assert_allclose(outputs, network.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        {"activation": "tanh"},
        {"hidden_layer_sizes": (6,)},
        {"hidden_layer_sizes": (5, 5)},
        {"n_frequencies": 2},
        {"X": np.float32(X)},
        {"Estimator": MLPClassifier, "y": CLASSES > 0},
    ],
    ids=lambda other: "-".join(other),
)
def test_those_that_are_not_alike(other):
    assert not are_alike([fitted(), fitted(**other)])
    assert are_alike([fitted(), fitted(alpha=0.1, random_state=1)])
