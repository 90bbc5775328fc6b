"""What a fitted network carries with it: what it needs to go on, and no more."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skreg import MLPClassifier, MLPRegressor
from skreg._core.stopping import Curves
from skreg.augmentation import GaussianNoise

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def data(n_rows):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, 4))
    return X, (X[:, 0] + 0.3 * rng.normal(size=n_rows) > 0) * 1


SETTINGS = {
    "plain": {},
    "early stopping": {"early_stopping": True},
    "class weights": {"class_weight": "balanced"},
    "augmentation": {"augmentation": GaussianNoise(0.1)},
    "refit": {"early_stopping": True, "refit": True},
    "feature penalty": {"feature_alpha": 0.1},
    "lbfgs": {"solver": "lbfgs"},
    "averages": {"weight_averaging": 0.5},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_pickle_does_not_grow_with_the_rows(settings):
    def pickled(n_rows):
        network = MLPClassifier((3,), max_iter=2, random_state=0, **settings)
        X, y = data(n_rows)
        weight = np.linspace(1, 2, n_rows)
        return len(pickle.dumps(network.fit(X, y, sample_weight=weight)))

    # Counters have more digits.
    assert pickled(2_000) < pickled(200) + 1_000


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_pickle_holds_no_parameters_twice(settings):
    network = MLPClassifier((3,), max_iter=3, random_state=0, **settings)
    state = network.fit(*data(200))._training_state
    vectors = [state.params, state.kept, state.progress.kept]
    if state.average is not None:
        vectors.append(state.average.params)
    distinct = {id(vector): vector for vector in vectors}.values()
    assert len(distinct) == len({vector.tobytes() for vector in vectors})


@pytest.mark.parametrize(
    "make_copy", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_copy_goes_on_as_the_original(make_copy, early_stopping):
    X, y = data(200)
    network = MLPClassifier(
        (3,), dropout=0.2, random_state=0, early_stopping=early_stopping
    )
    validation = {"X_val": X[150:], "y_val": y[150:]} if early_stopping else {}
    for _ in range(3):
        network.partial_fit(X, y, classes=[0, 1], **validation)
    copied = make_copy(network)
    for one in (network, copied):
        one.partial_fit(X[::-1], y[::-1], **validation)
    assert_array_equal(network.coefs_[0], copied.coefs_[0])
    assert network.loss_curve_ == copied.loss_curve_
    assert len(copied.loss_curve_) == 4
    assert network.best_iter_ == copied.best_iter_


def test_many_small_steps_copy_no_curve(monkeypatch):
    """The list grows in place, so the thousandth step is as quick as the first."""
    X, y = data(20)
    network = MLPClassifier((3,), random_state=0).partial_fit(X, y, classes=[0, 1])
    curve = network.loss_curve_
    monkeypatch.setattr(Curves, "copy", None)
    for _ in range(5):
        network.partial_fit(X[:1], y[:1])
    assert network.loss_curve_ is curve
    assert len(curve) == len(network.data_loss_curve_) == 6
    assert network.best_loss_ == min(curve)
    assert network.loss_ == curve[-1]


def test_a_step_that_fails_leaves_the_curves_alone():
    def no_score(estimator, X, y):
        raise ZeroDivisionError("no score")

    X, y = data(50)
    validation = {"X_val": X[:20], "y_val": y[:20]}
    network = MLPRegressor((3,), random_state=0, early_stopping=True)
    network.partial_fit(X, y, **validation)
    before = list(network.loss_curve_)
    network.set_params(scoring=no_score)
    with pytest.raises(ZeroDivisionError):
        network.partial_fit(X, y, **validation)
    assert network.loss_curve_ == before
    network.set_params(scoring="loss").partial_fit(X, y, **validation)
    assert network.loss_curve_[:-1] == before
    assert len(network.validation_scores_) == 2


def test_warm_starts_go_on_with_the_curves():
    X, y = data(100)
    network = MLPClassifier(
        (3,), max_iter=2, warm_start=True, random_state=0, early_stopping=True
    )
    for n_fits in range(1, 4):
        network.fit(X, y)
        assert len(network.loss_curve_) == 2 * n_fits
        assert len(network.validation_scores_) == 2 * n_fits
        assert 2 * n_fits - 2 < network.best_iter_ <= 2 * n_fits
    assert network.best_validation_score_ == max(network.validation_scores_[-2:])


@pytest.mark.parametrize(
    "parameters",
    [{"activation": "tanh"}, {"activation": "identity"}, {"hidden_layer_sizes": (9,)}],
    ids=str,
)
def test_what_predicts_is_what_was_trained(parameters):
    X, y = data(100)
    network = MLPClassifier((3,), max_iter=3, random_state=0).fit(X, y)
    before = network.predict_proba(X)
    network.set_params(**parameters)
    assert_array_equal(network.predict_proba(X), before)
    # Which the next fit then changes.
    assert not np.array_equal(network.fit(X, y).predict_proba(X), before)


def test_a_loss_that_is_set_afterwards_does_not_change_the_link():
    X, y = data(100)
    network = MLPRegressor((3,), loss="poisson", max_iter=3, random_state=0).fit(X, y)
    before = network.predict(X)
    assert (before > 0).all()
    network.set_params(loss="squared_error")
    assert_array_equal(network.predict(X), before)
