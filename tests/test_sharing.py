"""Networks share only what would come out alike for each of them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import assert_rows_equal_training_alone
from numpy.testing import assert_allclose
from random_searches import RandomSearch, differences, parameter_values
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import KFold, PredefinedSplit, ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import MLPClassifier, MLPRegressor
from skreg._core.streams import Stream
from skreg._fitting.fit import FitOutcome, fit_many, task_of
from skreg._fitting.keys import Same, identity_key, value_key
from skreg._fitting.refit import _agreed
from skreg.augmentation import GaussianNoise
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ONE_SPLIT = [(np.arange(100), np.arange(100, 200))]


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 5))
    return X, (X[:, 0] + rng.normal(size=200) > 0) * 1


def network(**params):
    defaults = {
        "batch_size": 17,
        "n_iter_no_change": np.inf,
        "learning_rate_init": 0.02,
        "random_state": 0,
    }
    return MLPClassifier((5,), **{**defaults, **params})


def halve(estimator, grid, X, y, **options):
    options = {"cv": ONE_SPLIT, "scoring": "neg_log_loss", "factor": 1.3, **options}
    options = {"min_resources": 5, "max_resources": 20, **options}
    return HalvingGridSearchCV(estimator, grid, **options).fit(X, y)


# -- searches that continued a candidate with another's rows ---------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_survivors_with_and_without_shuffling(data, n_jobs):
    search = halve(network(), {"shuffle": [True, False]}, *data, n_jobs=n_jobs)
    assert len(search.n_candidates_) > 2
    assert_rows_equal_training_alone(search, *data)


SPLITTERS = {
    "two seeds": [ShuffleSplit(1, random_state=0), ShuffleSplit(1, random_state=1)],
    "their repr is the same": [
        PredefinedSplit(np.arange(100) % 10 - 1),
        PredefinedSplit(np.where(np.arange(100) == 50, 0, np.arange(100) % 10 - 1)),
    ],
    "the same training rows": [
        ShuffleSplit(1, train_size=60, test_size=10, random_state=0),
        ShuffleSplit(1, train_size=60, test_size=30, random_state=0),
    ],
    "the last of three": [KFold(3), KFold(4)],
    "a generator that all folds draw from": [
        ShuffleSplit(2, random_state=np.random.RandomState(0)),
        ShuffleSplit(2, random_state=np.random.RandomState(1)),
    ],
}


@pytest.mark.both_engines
@pytest.mark.parametrize("splitters", SPLITTERS.values(), ids=SPLITTERS)
def test_survivors_with_other_validation_rows(data, splitters):
    # A PredefinedSplit is one of the fold's rows, and not of all that a refit has.
    search = halve(
        network(early_stopping=True),
        {"validation_splitter": splitters},
        *data,
        refit=False,
    )
    assert_rows_equal_training_alone(search, *data)


def test_a_splitter_with_a_generator_starts_anew_in_each_fold(data):
    splitter = ShuffleSplit(1, random_state=np.random.RandomState(0))
    search = GridSearchCV(
        network(early_stopping=True, validation_splitter=splitter, max_iter=5),
        {"alpha": [1e-4, 1e-2]},
        cv=4,
        scoring="neg_log_loss",
        refit=False,
    ).fit(*data)
    assert_rows_equal_training_alone(search, *data)


@pytest.mark.both_engines
def test_networks_on_their_way_to_fewer_inputs(data):
    search = GridSearchCV(
        network(feature_alpha=0.1, max_iter=20),
        {"shuffle": [True, False]},
        cv=2,
        scoring="neg_log_loss",
        refit=False,
    ).fit(*data)
    assert_rows_equal_training_alone(search, *data)


@pytest.mark.both_engines
def test_survivors_with_and_without_dropout_or_augmentation(data):
    grid = [
        {"dropout": [0.0, 0.3, 0.5]},
        {"augmentation": [GaussianNoise(0.1), GaussianNoise(0.2)]},
    ]
    search = halve(network(), grid, *data)
    assert_rows_equal_training_alone(search, *data)


@pytest.mark.both_engines
def test_class_weights_that_agree_on_the_training_rows(data):
    X, y = data
    weights = [None, {0: 1.0, 1: 1.0}, {0: 1.0, 1: 2.0}, "balanced"]
    search = halve(
        network(early_stopping=True, scoring="neg_log_loss"),
        {"class_weight": weights},
        X,
        y,
    )
    assert_rows_equal_training_alone(search, X, y)


# -- each parameter by itself ----------------------------------------------------------

VALUES = {kind: parameter_values(kind) for kind in ("binary", "regression")}

# What lets a parameter matter.
SETTINGS = {
    "class_weight": {"early_stopping": True},
    "dropout_schedule": {"dropout": 0.5},
    "feature_epsilon": {"feature_alpha": 0.05},
    "feature_groups": {"feature_alpha": 0.05},
    "feature_penalty": {"feature_alpha": 0.05},
    "frequency_scale": {"n_frequencies": 3},
    "huber_delta": {"loss": "huber"},
    "learning_rate": {"solver": "sgd", "tol": 1e-2, "n_iter_no_change": 1},
    "label_smoothing": {"early_stopping": True},
    "loss": {"quantile": 0.3, "early_stopping": True},
    "max_fun": {"solver": "lbfgs"},
    "momentum": {"solver": "sgd"},
    "nesterovs_momentum": {"solver": "sgd"},
    "normalize_y": {"early_stopping": True},
    "power_t": {"solver": "sgd", "learning_rate": "invscaling"},
    "quantile": {"loss": "quantile"},
    "refit": {"early_stopping": True},
    "scoring": {"early_stopping": True},
    "stopping_criterion": {"early_stopping": True},
    "validation_fraction": {"early_stopping": True},
    "validation_splitter": {"early_stopping": True},
}


@pytest.mark.parametrize("kind", VALUES)
def test_searches_vary_every_parameter(kind):
    estimator = MLPClassifier() if kind == "binary" else MLPRegressor()
    # What a network prints changes nothing.
    assert {*VALUES[kind], "verbose"} == set(estimator.get_params())


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "kind, name", [(kind, name) for kind, values in VALUES.items() for name in values]
)
def test_networks_that_differ_in_one_parameter(data, kind, name):
    X, y = data
    estimator, scoring = MLPClassifier(), "neg_log_loss"
    if kind == "regression":
        estimator, scoring = MLPRegressor(), "neg_mean_squared_error"
        y = X[:, 0] + 0.3 * X[:, 1] ** 2
    settings = {
        "hidden_layer_sizes": (4,),
        "batch_size": 17,
        "learning_rate_init": 0.02,
        "max_iter": 5,
        "random_state": 0,
        **SETTINGS.get(name, {}),
    }
    search = GridSearchCV(
        estimator.set_params(**settings),
        {name: VALUES[kind][name]},
        cv=2,
        scoring=scoring,
        refit=False,
    )
    assert differences(RandomSearch(search, X, y)) == []


@pytest.mark.parametrize(
    "kind, name", [(kind, name) for kind, values in VALUES.items() for name in values]
)
def test_tasks_that_differ_in_one_parameter(data, kind, name):
    """Without a search, which keeps apart what is given other data."""
    X, y = data
    estimator = MLPClassifier()
    if kind == "regression":
        estimator = MLPRegressor()
        y = X[:, 0] + 0.3 * X[:, 1] ** 2
    settings = {"batch_size": 17, "learning_rate_init": 0.02, "max_iter": 5}
    settings |= {
        "hidden_layer_sizes": (4,),
        "random_state": 0,
        **SETTINGS.get(name, {}),
    }
    estimator.set_params(**settings)
    values = [value for value in VALUES[kind][name] if name != "random_state" or value]

    def networks():
        return [
            clone(estimator).set_params(**{name: clone(value, safe=False)})
            for value in values
        ]

    outcomes = fit_many([task_of(network) for network in networks()], X, y)
    for outcome, alone in zip(outcomes, networks(), strict=True):
        if outcome.error is not None:
            with pytest.raises(type(outcome.error)):
                alone.fit(X, y)
            continue
        alone.fit(X, y)
        coefs, _ = outcome.network.unpack(outcome.state.progress.kept)
        assert_allclose(coefs[0], alone.coefs_[0], rtol=1e-6, atol=1e-9)
        curves = outcome.progress.curves
        curves.join()
        scores = alone.validation_scores_ or []
        assert_allclose(curves.validation_scores, scores, rtol=1e-6)


# -- rungs -----------------------------------------------------------------------------


def test_rungs_of_equal_length_do_not_train_on(data):
    """``int(1.3)`` epochs are one epoch again."""
    grid = {"alpha": [1e-4, 1e-2, 1.0]}
    search = halve(network(), grid, *data, min_resources=1, max_resources=3)
    assert search.n_resources_[:2] == [1, 1]
    assert_rows_equal_training_alone(search, *data)


def test_aggressive_elimination_does_not_train_on(data):
    grid = {"alpha": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}
    search = halve(
        network(),
        grid,
        *data,
        factor=2,
        min_resources=4,
        max_resources=8,
        aggressive_elimination=True,
    )
    assert search.n_resources_ == [4, 4, 4, 8]
    assert_rows_equal_training_alone(search, *data)


def test_a_refit_goes_on_while_one_of_its_folds_does(data):
    """The latest fold may have stopped by itself while another was cut."""
    grid = {"refit": [3], "learning_rate_init": [1e-3, 2e-3, 5e-3], "tol": [1e-3, 1e-2]}
    search = halve(
        network(early_stopping=True, n_iter_no_change=1, solver="sgd"),
        grid,
        *data,
        min_resources=2,
    )
    assert_rows_equal_training_alone(search, *data)


def test_a_fold_that_was_cut_might_name_a_later_point():
    def fold(best_iter, cut_short):
        curves = SimpleNamespace(n_validated=5)
        progress = SimpleNamespace(best_iter=best_iter, n_epochs=5, curves=curves)
        return FitOutcome(SimpleNamespace(progress=progress), cut_short=cut_short)

    agreed = _agreed([fold(2, True), fold(4, False)])
    assert agreed.progress.best_iter == 4
    assert agreed.cut_short


@pytest.mark.parametrize("refit", [False, True, 2])
def test_networks_without_a_seed_start_each_for_itself(data, refit):
    params = {"max_iter": 1, "early_stopping": refit is not False, "refit": refit}
    tasks = [task_of(network(random_state=None, **params)) for _ in range(2)]
    one, other = fit_many(tasks, *data)
    assert not np.array_equal(one.state.params, other.state.params)


def test_a_state_can_be_resumed_more_than_once(data):
    task = task_of(network(max_iter=2, dropout=0.2, early_stopping=True))
    (first,) = fit_many([task], *data)
    longer = replace(task, state=first.state, resume=True, max_iter=4)
    ends = [fit_many([longer], *data)[0] for _ in range(2)]
    (alone,) = fit_many([replace(task, max_iter=4)], *data)
    for outcome, n_epochs in ((first, 2), (ends[0], 4), (ends[1], 4)):
        outcome.progress.curves.join()
        assert len(outcome.progress.curves.loss) == n_epochs
    for end in ends:
        assert_allclose(end.state.params, alone.state.params, rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_phase_does_not_end_a_schedule(data, solver):
    whole = task_of(network(solver=solver, learning_rate="cosine", max_iter=8))
    plain = task_of(network(solver=solver, max_iter=8))
    curves = []
    for outcome in fit_many([whole, replace(whole, max_iter=3), plain], *data):
        outcome.progress.curves.join()
        curves.append(outcome.progress.curves.loss[:3])
    assert curves[1] == pytest.approx(curves[0], rel=1e-9)
    assert curves[2] != pytest.approx(curves[0], rel=1e-6)


def test_networks_that_train_again_without_a_failing_one_begin_anew(data):
    """A scorer that fails in the second epoch, after the first one was recorded."""

    def failing(estimator, X, y):
        calls.append(len(calls))
        if len(calls) == 2:
            raise RuntimeError("in the second epoch")
        return estimator.score(X, y)

    calls = []
    scorings = ["loss", failing]
    tasks = [
        task_of(network(early_stopping=True, scoring=scoring, max_iter=4))
        for scoring in scorings
    ]
    outcome, _ = fit_many(tasks, *data)
    alone = network(early_stopping=True, max_iter=4).fit(*data)
    assert len(calls) > 2
    outcome.progress.curves.join()
    assert outcome.progress.curves.loss == pytest.approx(alone.loss_curve_)
    assert outcome.progress.n_epochs == 4


def test_a_cut_dense_phase_is_continued(data):
    """How the dense network's training ended is how that of the path did."""
    estimator = network(
        feature_alpha=0.05,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=3,
    )
    cut = clone(estimator).set_params(max_iter=3).fit(*data)
    assert cut.stop_reason_ == "max_iter"
    search = halve(estimator, {"alpha": [1e-4, 1e-2]}, *data, min_resources=3)
    assert_rows_equal_training_alone(search, *data)


# -- feature paths under early stopping ------------------------------------------------


@pytest.mark.parametrize(
    "stopping",
    [
        {"n_iter_no_change": 10},
        {"stopping_criterion": "generalization_loss"},
        {"stopping_criterion": "successive_increases"},
    ],
    ids=str,
)
def test_a_stopping_rule_does_not_end_the_stages_of_a_path(stopping):
    X, y = load_breast_cancer(return_X_y=True)
    sparse_network = MLPClassifier(
        (10,),
        feature_alpha=1.0,
        early_stopping=True,
        learning_rate_init=0.01,
        random_state=0,
        **stopping,
    ).fit(scale(X), y)
    # 11 with the default patience.
    assert 8 <= sparse_network.n_features_selected_ <= 15


# -- failures leave the neighbours alone -----------------------------------------------


@pytest.mark.both_engines
def test_a_failing_neighbour_does_not_move_a_generator(data):
    """After a failure the others start again, from where they had started."""
    X, y = data

    def fragile(estimator, X, y):
        if estimator.alpha == 1.0:
            raise ZeroDivisionError("no score")
        return estimator.score(X, y)

    def make(alpha):
        return network(
            alpha=alpha,
            max_iter=4,
            early_stopping=True,
            scoring=fragile,
            random_state=np.random.RandomState(3),
        )

    expected = [make(alpha).fit(X, y) for alpha in (1e-4, 1e-2)]
    tasks = [task_of(make(alpha)) for alpha in (1e-4, 1.0, 1e-2)]
    first, failed, last = fit_many(tasks, X, y)
    assert isinstance(failed.error, ZeroDivisionError)
    for outcome, alone in zip((first, last), expected, strict=True):
        coefs, _ = outcome.network.unpack(outcome.state.progress.kept)
        assert_allclose(coefs[0], alone.coefs_[0], rtol=1e-12)


def test_groups_that_do_not_fit_fail_alone(data):
    X, y = data
    search = GridSearchCV(
        network(feature_alpha=0.1, max_iter=5),
        {"feature_groups": [None, [[0, 7]]]},
        cv=2,
        refit=False,
    )
    with (
        pytest.warns(UserWarning, match="non-finite"),
        pytest.warns(FitFailedWarning, match="column 7"),
    ):
        search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores[0]) and np.isnan(scores[1])


# -- keys ------------------------------------------------------------------------------


def test_values_are_known_by_their_content():
    folds = np.arange(100) % 10
    others = folds.copy()
    others[50] = 3
    assert repr(PredefinedSplit(folds)) == repr(PredefinedSplit(others))
    assert value_key(PredefinedSplit(folds)) == value_key(PredefinedSplit(folds))
    assert value_key(PredefinedSplit(folds)) != value_key(PredefinedSplit(others))
    assert value_key(GaussianNoise(0.1)) == value_key(GaussianNoise(0.1))
    assert value_key(GaussianNoise(0.1)) != value_key(GaussianNoise(0.2))
    generator = np.random.RandomState(0)
    before = value_key(generator)
    assert before == value_key(np.random.RandomState(0))
    generator.rand()
    assert before != value_key(generator)
    assert value_key(1) != value_key(True)


def test_values_that_cannot_be_read_are_known_by_their_identity():
    one, other = (lambda: 0), (lambda: 0)
    assert value_key(one) == value_key(one)
    assert value_key(one) != value_key(other)
    assert Same([]) != Same([])
    assert identity_key("a") == identity_key("a")
    assert identity_key([1]) != identity_key([1])


def test_streams_that_go_on_alike():
    def stream(seed=0, n_rows=20, **kwargs):
        return Stream(np.arange(n_rows), np.random.RandomState(seed), **kwargs)

    one, other = stream(), stream()
    assert one.goes_on_like(other)
    one.next_epoch(shuffle=True)
    assert not one.goes_on_like(other)
    other.next_epoch(shuffle=False)
    assert not one.goes_on_like(other)
    assert one.goes_on_like(one.copy())
    # The same generators, but in the rows' own order again.
    assert not one.goes_on_like(one.on_rows(one.rows))
    drawn = one.copy()
    drawn.dropout_rng.random()
    assert not one.goes_on_like(drawn)
    drawn = one.copy()
    drawn.augmentation_rng.random()
    assert not one.goes_on_like(drawn)
    assert not stream().goes_on_like(stream(seed=1))
    assert not stream().goes_on_like(stream(n_rows=19))
    assert not stream().goes_on_like(stream(sample_weight=np.ones(20)))
    weights = np.ones(20)
    weights[3] = 2
    assert not stream(sample_weight=np.ones(20)).goes_on_like(
        stream(sample_weight=weights)
    )


def test_steps_before_the_network_are_shared_by_equal_parameters_alone(data):
    X, y = data
    pipeline = Pipeline([("scale", StandardScaler()), ("net", network(max_iter=4))])
    grid = {"scale__with_mean": [True, False], "net__early_stopping": [True, False]}
    search = GridSearchCV(
        pipeline, grid, cv=2, scoring="neg_log_loss", refit=False
    ).fit(X + 1, y)
    assert search.n_batched_ == 4
    assert_rows_equal_training_alone(search, X + 1, y)
