"""The parameters `stopping_criterion` and `min_iter`: names, objects, own criteria."""

import numpy as np
import pytest
from helpers import first_stop
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skreg.neural_network import (
    GeneralizationLoss,
    MLPClassifier,
    MLPRegressor,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)


@pytest.fixture(scope="module")
def noise():
    """Labels by chance: the validation loss rises almost from the start."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 10)), rng.integers(0, 2, 120)


def overfitting(**params):
    defaults = {
        "hidden_layer_sizes": (30,),
        "learning_rate_init": 0.02,
        "early_stopping": True,
        "validation_fraction": 0.3,
        "n_iter_no_change": 10_000,
        "random_state": 0,
        "max_iter": 150,
    }
    return MLPClassifier(**(defaults | params))


# By the reason that each gives; quick enough to fire on these data.
QUICK = {
    "generalization_loss": GeneralizationLoss(),
    "progress_quotient": ProgressQuotient(0.5),
    "successive_increases": SuccessiveIncreases(3),
}


@pytest.mark.parametrize("name", QUICK)
def test_names_stand_for_the_defaults(noise, name):
    named = overfitting(stopping_criterion=name).fit(*noise)
    given = overfitting(stopping_criterion=type(QUICK[name])()).fit(*noise)
    assert named.n_iter_ == given.n_iter_ < 150
    assert named.stop_reason_ == given.stop_reason_ == name


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", QUICK)
def test_training_ends_where_the_criterion_fires_on_its_curves(noise, name, solver):
    rate = 0.5 if solver == "sgd" else 0.02
    network = overfitting(
        stopping_criterion=QUICK[name], solver=solver, learning_rate_init=rate
    ).fit(*noise)
    assert network.stop_reason_ == name
    # Recomputed from the curves: at the last epoch, and not before it.
    assert network.n_iter_ < network.max_iter
    epoch = first_stop(
        clone(QUICK[name]),
        network.validation_loss_curve_,
        network.data_loss_curve_,
        network.validation_scores_,
    )
    assert epoch == network.n_iter_ == len(network.validation_scores_)
    assert network.best_iter_ == 1 + int(np.argmax(network.validation_scores_))
    assert network.best_iter_ < network.n_iter_


def test_min_iter_holds_every_criterion_back(noise):
    for criterion in ("successive_increases", "generalization_loss", "patience"):
        free = overfitting(stopping_criterion=criterion, n_iter_no_change=3)
        free.fit(*noise)
        held = clone(free).set_params(min_iter=free.n_iter_ + 7).fit(*noise)
        assert free.n_iter_ < 100
        # Patience and the generalization loss still hold at the first allowed epoch;
        # successive increases wait for the end of a strip.
        assert held.n_iter_ >= free.n_iter_ + 7
        if criterion != "successive_increases":
            assert held.n_iter_ == free.n_iter_ + 7
        assert held.stop_reason_ == free.stop_reason_
        # min_iter never holds back max_iter, and one already reached changes nothing.
        same = clone(free).set_params(min_iter=free.n_iter_).fit(*noise)
        assert same.n_iter_ == free.n_iter_
        short = clone(free).set_params(min_iter=50, max_iter=4).fit(*noise)
        assert short.n_iter_ == 4 and short.stop_reason_ == "max_iter"


def test_min_iter_without_early_stopping():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    network = MLPClassifier((5,), tol=1e9, n_iter_no_change=2, random_state=0)
    assert clone(network).fit(X, y).n_iter_ == 4
    assert network.set_params(min_iter=9).fit(X, y).n_iter_ == 9


def test_an_object_stands_for_its_parameters_and_is_not_changed(noise):
    criterion = GeneralizationLoss(threshold=1.0)
    network = overfitting(stopping_criterion=criterion)
    first = network.fit(*noise).n_iter_
    assert criterion.__dict__ == GeneralizationLoss(threshold=1.0).__dict__
    assert network.fit(*noise).n_iter_ == first
    assert clone(network).fit(*noise).n_iter_ == first
    slower = clone(network).set_params(stopping_criterion__threshold=200.0).fit(*noise)
    assert slower.n_iter_ > first
    assert criterion.threshold == 1.0
    assert "GeneralizationLoss(threshold=1.0)" in repr(network)


def test_patience_as_an_object_and_as_a_name(noise):
    named = overfitting(n_iter_no_change=4, tol=0.01).fit(*noise)
    given = overfitting(stopping_criterion=Patience(4, 0.01)).fit(*noise)
    assert named.n_iter_ == given.n_iter_ < 150
    assert named.stop_reason_ == given.stop_reason_ == "no_improvement"


def test_a_grid_reaches_the_parameters_of_a_criterion(noise):
    search = GridSearchCV(
        overfitting(stopping_criterion=SuccessiveIncreases(), max_iter=30),
        {"stopping_criterion__n_strips": [1, 3]},
        cv=2,
    ).fit(*noise)
    assert search.best_estimator_.stopping_criterion.n_strips in (1, 3)


def test_parameters_of_a_criterion_that_are_not_set_stay_what_they_are():
    criterion = ProgressQuotient(threshold=1.5, strip_length=2)
    network = MLPClassifier(stopping_criterion=criterion)
    network.set_params(stopping_criterion__threshold=4.0)
    assert criterion.get_params() == {"threshold": 4.0, "strip_length": 2}
    # It has begun anew.
    criterion.update(-1.0, 1.0, 1.0)
    criterion.set_params(strip_length=3)
    assert vars(criterion) == vars(ProgressQuotient(threshold=4.0, strip_length=3))


def test_a_criterion_of_ones_own(noise):
    class AfterSoManyEpochs(StoppingCriterion):
        def __init__(self, n_epochs=3):
            self.n_epochs = n_epochs
            self.seen = 0

        def update(self, score, data_loss=None, validation_loss=None):
            self.seen += 1
            return self.seen >= self.n_epochs

    network = overfitting(stopping_criterion=AfterSoManyEpochs(5)).fit(*noise)
    assert network.n_iter_ == 5
    assert network.stop_reason_ == "stopping_criterion"


def test_a_criterion_that_needs_validation_rows_says_so(noise):
    network = overfitting(early_stopping=False, stopping_criterion="progress_quotient")
    with pytest.raises(ValueError, match="early_stopping=True"):
        network.fit(*noise)


@pytest.mark.parametrize("bad", ["patient", 3, object()])
def test_an_unknown_criterion_is_refused(noise, bad):
    with pytest.raises(ValueError, match="stopping_criterion"):
        overfitting(stopping_criterion=bad).fit(*noise)


def test_adaptive_learning_rate_with_another_criterion(noise):
    network = overfitting(
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=0.5,
        batch_size=84,  # all training rows: without noise the loss rises soon
        stopping_criterion=SuccessiveIncreases(1, 1),
        max_iter=400,
    ).fit(*noise)
    # The rate is lowered until it is too small, as with patience.
    assert network.stop_reason_ == "learning_rate_too_small"


def test_regression_stops_by_any_criterion():
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    for name, criterion in QUICK.items():
        network = MLPRegressor(
            (100,),
            learning_rate_init=0.02,
            batch_size=32,
            early_stopping=True,
            stopping_criterion=criterion,
            random_state=0,
            max_iter=300,
        ).fit(X, y)
        assert network.stop_reason_ == name
