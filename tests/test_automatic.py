"""What "auto" stands for, in the training of which it is a parameter."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import BOTH, assert_rows_equal_training_alone, assert_same_parameters
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skreg import MLPClassifier, MLPRegressor
from skreg._core.training import train
from skreg._fitting import run_batch
from skreg._fitting.fit import fit_many, task_of
from skreg.augmentation import AugmentingResampler, GaussianNoise
from skreg.diagnosis._remedies import changes_for
from skreg.feature_selection import feature_path
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@dataclass
class Training:
    """What one call of the training loop was given."""

    n_rows: int
    batch_size: int
    rates: list
    n_networks: int


@pytest.fixture
def trainings(monkeypatch):
    """A list to which each training is added."""
    seen = []

    def watched(network, models, X, Y, settings, **kwargs):
        rates = [model.learning_rate_init for model in models]
        n_rows = models[0].stream.n_rows
        seen.append(Training(n_rows, settings.batch_size, rates, len(models)))
        return train(network, models, X, Y, settings, **kwargs)

    monkeypatch.setattr(run_batch, "train", watched)
    return seen


def data_of(n_rows, n_features=4, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_rows, n_features))
    return X, (X[:, 0] + 0.5 * rng.normal(size=n_rows) > 0).astype(int)


def network(**params):
    return MLPClassifier((3,), **({"random_state": 0, "max_iter": 3} | params))


# -- the rows of a minibatch -----------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "without", "with_early_stopping"),
    [
        # Fewer rows than the smallest minibatch.
        (2, 2, 2),
        (3, 3, 3),
        # At least four rows.
        (60, 60, 4),
        (134, 134, 4),
        (136, 136, 5),
        (200, 200, 7),
        (900, 200, 30),
        # At most two hundred rows.
        (5980, 200, 199),
        (6000, 200, 200),
        (9000, 200, 200),
    ],
)
def test_rows_of_a_minibatch(trainings, n_rows, without, with_early_stopping):
    X, y = data_of(n_rows)
    y[:2] = 0, 1
    network(max_iter=1).fit(X, y)
    network(max_iter=1, early_stopping=True).fit(X, y, X_val=X[:2], y_val=y[:2])
    assert [training.n_rows for training in trainings] == [n_rows, n_rows]
    sizes = [training.batch_size for training in trainings]
    assert sizes == [without, with_early_stopping]


def test_training_rows_count_alone(trainings):
    X, y = data_of(600)
    model = network(early_stopping=True, validation_fraction=0.5)
    model.fit(X, y)
    # After resampling, of which the network is trained on the rows.
    resampler = AugmentingResampler(GaussianNoise(0.1), n_copies=2, random_state=0)
    model.set_params(augmentation=resampler).fit(X, y)
    found = [(training.n_rows, training.batch_size) for training in trainings]
    assert found == [(300, 10), (900, 30)]


def test_a_number_is_as_many_rows_with_early_stopping_as_without(trainings):
    X, y = data_of(600)
    for early_stopping in (False, True):
        network(batch_size=128, early_stopping=early_stopping).fit(X, y)
    assert [training.batch_size for training in trainings] == [128, 128]


# -- the learning rate -----------------------------------------------------------------

RATES = pytest.mark.parametrize(
    ("solver", "early_stopping", "rate"),
    [
        ("adam", False, 1e-3),
        ("adam", True, 3e-3),
        ("sgd", False, 1e-3),
        ("sgd", True, 1e-3),
    ],
)


@RATES
@pytest.mark.both_engines
@BOTH
def test_auto_is_the_same_as_the_numbers(
    trainings, Estimator, solver, early_stopping, rate
):
    X, y = data_of(300)
    automatic = Estimator(
        (3,), solver=solver, early_stopping=early_stopping, random_state=0, max_iter=5
    )
    numbers = clone(automatic).set_params(
        learning_rate_init=rate, batch_size=9 if early_stopping else 200
    )
    assert_same_parameters(automatic.fit(X, y), numbers.fit(X, y), rtol=0, atol=0)
    assert [training.rates for training in trainings] == [[rate], [rate]]


@pytest.mark.parametrize("rate", [1e-3, 0.02])
def test_a_rate_is_the_same_with_early_stopping_as_without(trainings, rate):
    X, y = data_of(100)
    for early_stopping in (False, True):
        network(learning_rate_init=rate, early_stopping=early_stopping).fit(X, y)
    assert [training.rates for training in trainings] == [[rate], [rate]]


@RATES
def test_messages_and_changes_have_the_number(solver, early_stopping, rate):
    model = MLPRegressor((3,), solver=solver, early_stopping=early_stopping)
    X, y = data_of(60)
    with pytest.raises(ValueError, match=f"ower learning_rate_init={rate}, or"):
        model.fit(X, 1e200 * y)
    changes = [change.params for change in changes_for(model, cut_short=True)]
    assert {"learning_rate_init": 5 * rate} in changes


# -- where several networks are trained ------------------------------------------------


def test_a_grid_over_early_stopping(trainings):
    X, y = data_of(240)
    grid = {
        "early_stopping": [False, True],
        "solver": ["adam", "sgd"],
        "alpha": [1e-4, 0.1],
    }
    search = GridSearchCV(network(), grid, cv=2, scoring="neg_log_loss").fit(X, y)
    assert search.n_batched_ == 8
    # 120 rows of a fold, of which early stopping holds out 12; and those of the refit.
    sizes = {training.n_rows: training.batch_size for training in trainings[:-1]}
    assert sizes == {120: 120, 108: 4}
    assert sum(training.n_networks for training in trainings[:-1]) == 16
    assert_rows_equal_training_alone(search, X, y)


def test_the_order_of_a_grid_does_not_matter():
    X, y = data_of(240)
    scores = []
    for flags in ([False, True], [True, False]):
        grid = {"early_stopping": flags}
        search = GridSearchCV(network(), grid, cv=2, refit=False).fit(X, y)
        scores.append(search.cv_results_["mean_test_score"])
    assert_array_equal(scores[0], scores[1][::-1])


def test_networks_side_by_side_equal_each_alone():
    X, y = data_of(240)
    candidates = [
        network(
            early_stopping=early_stopping,
            solver=solver,
            batch_size=batch_size,
            learning_rate_init=rate,
        )
        for early_stopping in (False, True)
        for solver in ("adam", "sgd")
        for batch_size in ("auto", 20)
        for rate in ("auto", 0.01)
    ]
    outcomes = fit_many([task_of(candidate) for candidate in candidates], X, y)
    for candidate, outcome in zip(candidates, outcomes, strict=True):
        together = clone(candidate)
        outcome.apply_to(together)
        assert_same_parameters(together, candidate.fit(X, y), rtol=1e-9)


def test_survivors_of_halving_go_on_with_the_same_steps():
    X, y = data_of(240)
    search = HalvingGridSearchCV(
        network(max_iter=12, n_iter_no_change=np.inf),
        {"early_stopping": [False, True], "alpha": [1e-4, 0.1]},
        cv=2,
        factor=2,
        scoring="neg_log_loss",
    ).fit(X, y)
    assert len(search.n_candidates_) == 3
    best = clone(search.best_estimator_).fit(X, y)
    assert_same_parameters(search.best_estimator_, best, rtol=1e-9)
    last = search.cv_results_["iter"] == 2
    (score,) = search.cv_results_["mean_test_score"][last]
    alone = GridSearchCV(best, {}, cv=search.cv, scoring=search.scoring).fit(X, y)
    assert score == pytest.approx(alone.best_score_, rel=1e-9)


# -- where a fit has several phases ----------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("patience", [2, np.inf])
@pytest.mark.parametrize("refit", [True, 3])
def test_refit_has_the_steps_of_early_stopping(trainings, cancer, refit, patience):
    X, y = cancer
    model = network(
        early_stopping=True, refit=refit, max_iter=8, n_iter_no_change=patience
    ).fit(X, y)
    *firsts, second = trainings
    # A thirtieth of all 569 rows would be 19.
    size = 17 if refit is True else 13
    assert {training.batch_size for training in trainings} == {size}
    assert {rate for training in trainings for rate in training.rates} == {3e-3}
    n_rows = firsts[-1].n_rows
    assert second.n_rows == len(X) > n_rows
    assert model.refit_n_updates_ == model.best_iter_ * -(-n_rows // size)
    n_epochs, rest = divmod(model.refit_n_updates_, -(-len(X) // size))
    assert model.t_ == n_epochs * len(X) + rest * size
    # All rows are more steps an epoch, so that there is no epoch more.
    assert n_epochs + (rest > 0) <= model.best_iter_
    numbers = clone(model).set_params(batch_size=size, learning_rate_init=3e-3)
    assert_same_parameters(model, numbers.fit(X, y), rtol=0, atol=0)


def test_a_number_of_rows_is_that_of_both_trainings(trainings, cancer):
    model = network(early_stopping=True, refit=True, batch_size=540)
    with pytest.warns(UserWarning, match="larger than the 512 training rows"):
        model.fit(*cancer)
    assert [training.batch_size for training in trainings] == [512, 540]


def test_a_path_has_the_minibatches_of_feature_path(trainings):
    """Those of its dense network are for finding out when to stop."""
    X, y = data_of(600)
    model = network(
        early_stopping=True, feature_alpha=3.0, max_iter=10, learning_rate_init=0.01
    )
    model.fit(X, y)
    dense, *stages = [training.batch_size for training in trainings]
    assert dense == 18
    assert len(stages) > 3 and set(stages) == {200}
    trainings.clear()
    feature_path(model, X, y)
    assert {training.batch_size for training in trainings} == {200}
    # A number of the user's is one for all phases.
    trainings.clear()
    model.set_params(batch_size=50).fit(X, y)
    assert {training.batch_size for training in trainings} == {50}


@pytest.mark.both_engines
def test_partial_fit_with_validation_rows(trainings):
    X, y = data_of(300)
    validation = {"X_val": X[240:], "y_val": y[240:]}
    automatic = network(early_stopping=True)
    numbers = network(early_stopping=True, learning_rate_init=3e-3)
    for start, stop in [(0, 240), (0, 240), (0, 60), (100, 102)]:
        rows = slice(start, stop)
        size = {240: 8, 60: 4, 2: 2}[stop - start]
        numbers.set_params(batch_size=size)
        for model in (automatic, numbers):
            model.partial_fit(X[rows], y[rows], classes=[0, 1], **validation)
        assert_same_parameters(automatic, numbers, rtol=0, atol=0)
        assert trainings[-2] == trainings[-1]
    plain = network()
    plain.partial_fit(X, y, classes=[0, 1])
    assert (trainings[-1].batch_size, trainings[-1].rates) == (200, [1e-3])


def test_warm_starts_have_the_steps_of_their_own_parameters(trainings):
    X, y = data_of(300)
    model = network(warm_start=True)
    model.fit(X, y)
    model.set_params(early_stopping=True).fit(X, y)
    found = [(training.batch_size, training.rates) for training in trainings]
    assert found == [(200, [1e-3]), (9, [3e-3])]


# -- the parameters as the user sees them ----------------------------------------------


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_parameters_stay_auto(Estimator, early_stopping):
    model = Estimator((3,), early_stopping=early_stopping, max_iter=2)
    names = ("batch_size", "learning_rate_init", "max_iter", "n_iter_no_change")
    defaults = {name: Estimator().get_params()[name] for name in names}
    assert defaults == dict.fromkeys(names, "auto")
    fitted = clone(model).fit(*data_of(60))
    for other in (
        clone(model),
        fitted,
        clone(fitted),
        pickle.loads(pickle.dumps(fitted)),
    ):
        assert other.get_params() == model.get_params()
        assert other.learning_rate_init == other.batch_size == "auto"
    given = clone(model).set_params(learning_rate_init=0.01, batch_size=7)
    assert clone(given).get_params() == given.get_params() != model.get_params()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate_init", "fast"),
        ("learning_rate_init", "Auto"),
        ("learning_rate_init", None),
        ("batch_size", "full"),
        ("batch_size", "thirtieth"),
    ],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_another_word_is_an_error_that_names_it(name, value, early_stopping):
    X, y = data_of(60)
    model = network(early_stopping=early_stopping, **{name: value})
    message = f"The '{name}' parameter of MLPClassifier must be .*'auto'.* {value!r}"
    plain = network(early_stopping=early_stopping)
    grid = {name: [value]}
    for fit in (
        lambda: model.fit(X, y),
        lambda: model.partial_fit(X, y, classes=[0, 1], X_val=X, y_val=y),
        lambda: feature_path(model, X, y),
        lambda: GridSearchCV(plain, grid, error_score="raise").fit(X, y),
        lambda: HalvingGridSearchCV(plain, grid, error_score="raise").fit(X, y),
    ):
        with pytest.raises(ValueError, match=message):
            fit()
    assert not hasattr(model, "coefs_")
