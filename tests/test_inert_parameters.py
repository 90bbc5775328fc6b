"""Parameters that are set but do nothing are named, all of them in one warning."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.feature_selection import SparseInputSelector
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV
from skreg.neural_network import GeneralizationLoss
from skreg.neural_network._parameters import _NEEDS, inert_parameters

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("default:What is set here does nothing in this fit"),
]

X = np.random.RandomState(0).normal(size=(60, 4))
Y = np.arange(60) % 2
Y_REAL = X[:, 0]

# Parameters as one would set them, and where they do something.
CASES = {
    "huber_delta": (2.0, {"loss": "huber"}),
    "quantile": (0.9, {"loss": "quantile"}),
    "l1_ratio": (0.5, {"alpha": 1e-3}),
    "feature_penalty": ("group_lasso", {"feature_alpha": 0.01}),
    "feature_epsilon": (0.1, {"feature_alpha": 0.01}),
    "feature_groups": ([[0, 1]], {"feature_alpha": 0.01}),
    "frequency_scale": (0.5, {"n_frequencies": 3}),
    "activation": ("tanh", {"hidden_layer_sizes": (3,)}),
    "dropout": (0.2, {"hidden_layer_sizes": (3,)}),
    "dropout_schedule": ("cosine", {"dropout": 0.1}),
    "batch_size": (20, {"solver": "adam"}),
    "shuffle": (False, {"solver": "sgd"}),
    "learning_rate": ("adaptive", {"solver": "sgd"}),
    "learning_rate_init": (0.01, {"solver": "adam"}),
    "power_t": (0.3, {"solver": "sgd", "learning_rate": "invscaling"}),
    "warmup_fraction": (0.1, {"solver": "adam", "learning_rate": "cosine"}),
    "weight_averaging": (0.9, {"solver": "sgd"}),
    "max_fun": (100, {"solver": "lbfgs"}),
    "momentum": (0.5, {"solver": "sgd"}),
    "nesterovs_momentum": (False, {"solver": "sgd"}),
    "validation_fraction": (0.3, {"early_stopping": True}),
    "scoring": ("r2", {"early_stopping": True}),
    "n_iter_no_change": (5, {"solver": "lbfgs", "early_stopping": True}),
    "beta_1": (0.5, {"solver": "adam"}),
    "beta_2": (0.9, {"solver": "adam"}),
    "epsilon": (1e-6, {"solver": "adam"}),
}
# Where they do not: the defaults, or these.
ELSEWHERE = {
    "l1_ratio": {"alpha": 0.0},
    "batch_size": {"solver": "lbfgs"},
    "shuffle": {"solver": "lbfgs"},
    "weight_averaging": {"solver": "fista"},
    "learning_rate_init": {"solver": "fista"},
    "n_iter_no_change": {"solver": "lbfgs"},
    "activation": {"hidden_layer_sizes": ()},
    "dropout": {"hidden_layer_sizes": ()},
    "beta_1": {"solver": "sgd"},
    "beta_2": {"solver": "sgd"},
    "epsilon": {"solver": "sgd"},
}


def messages_of(call):
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in records if "does nothing" in str(w.message)]


def test_the_table_is_covered():
    assert set(CASES) == set(_NEEDS)
    assert set(_NEEDS) <= set(MLPRegressor().get_params())


@pytest.mark.parametrize("name", CASES)
def test_each_parameter(name):
    value, where_it_counts = CASES[name]
    elsewhere = MLPRegressor(**{name: value}, **ELSEWHERE.get(name, {}))
    (found,) = inert_parameters(elsewhere)
    assert found.startswith(f"{name}={value!r} (needs ")
    assert inert_parameters(MLPRegressor(**{name: value}, **where_it_counts)) == []


@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()])
def test_defaults_are_never_inert(estimator):
    for solver in ("adam", "sgd", "lbfgs", "fista"):
        estimator.set_params(solver=solver, power_t=np.float64(0.5))
        assert inert_parameters(estimator) == []


def test_a_criterion_of_ones_own_has_no_patience():
    network = MLPClassifier(early_stopping=True, n_iter_no_change=7)
    network.set_params(stopping_criterion=GeneralizationLoss())
    (found,) = inert_parameters(network)
    assert "n_iter_no_change=7" in found


def test_with_validation_data_each_parameter_is_named_once():
    network = MLPClassifier(early_stopping=True, refit=3, validation_fraction=0.3)
    assert inert_parameters(network, has_validation=True) == [
        "validation_fraction=0.3 (needs fit without X_val)"
    ]


def test_one_warning_names_all_of_them():
    network = MLPClassifier((3,), momentum=0.5, power_t=0.2, max_iter=2)
    (message,) = messages_of(lambda: network.fit(X, Y))
    assert "momentum=0.5 (needs solver='sgd')" in message
    assert "power_t=0.2 (needs learning_rate='invscaling')" in message
    assert len(messages_of(lambda: make_pipeline(StandardScaler(), network).fit(X, Y)))


@pytest.mark.parametrize(
    "solver, learning_rate, said",
    [
        ("adam", "cosine", None),
        ("sgd", "cosine", None),
        ("fista", "cosine", "solver='adam' or solver='sgd'"),
        ("adam", "invscaling", "solver='sgd'"),
    ],
)
def test_schedules_that_a_solver_does_not_follow(solver, learning_rate, said):
    reader = {"cosine": "warmup_fraction", "invscaling": "power_t"}[learning_rate]
    network = MLPClassifier(solver=solver, learning_rate=learning_rate)
    network.set_params(**{reader: 0.3})
    expected = []
    if said is not None:
        texts = f"learning_rate={learning_rate!r}", f"{reader}=0.3"
        expected = [f"{text} (needs {said})" for text in texts]
    assert sorted(inert_parameters(network)) == expected


SPLITTER = GroupShuffleSplit(1, random_state=0)


@pytest.mark.parametrize(
    "params, inert",
    [
        ({"validation_splitter": SPLITTER}, "validation_fraction=0.3 (needs valid"),
        ({"refit": 5}, "validation_fraction=0.3 (needs validation_splitter=None and"),
        ({"refit": True}, None),
    ],
)
def test_where_the_validation_rows_come_from(params, inert):
    network = MLPClassifier(early_stopping=True, validation_fraction=0.3, **params)
    found = inert_parameters(network)
    assert len(found) == (inert is not None)
    assert inert is None or found[0].startswith(inert)


def test_a_penalty_without_epsilon():
    network = MLPClassifier(feature_alpha=0.1, feature_epsilon=0.2)
    network.set_params(feature_penalty="group_lasso")
    (found,) = inert_parameters(network)
    assert found == "feature_epsilon=0.2 (needs feature_penalty='log_sum')"


def test_what_the_arguments_of_fit_leave_nothing_to_do():
    groups, given = np.arange(60) // 3, {"X_val": X, "y_val": Y}
    network = MLPClassifier((3,), early_stopping=True, max_iter=2, random_state=0)
    assert messages_of(lambda: network.fit(X, Y, **given)) == []
    network.set_params(validation_fraction=0.3)
    (message,) = messages_of(lambda: network.fit(X, Y, **given))
    assert "validation_fraction=0.3 (needs fit without X_val)" in message
    network.set_params(validation_fraction=0.1, validation_splitter=SPLITTER)
    assert messages_of(lambda: network.fit(X, Y, groups=groups)) == []
    (message,) = messages_of(lambda: network.fit(X, Y, groups=groups, **given))
    assert "(needs fit without X_val)" in message and "groups (needs" in message
    network.set_params(validation_splitter=ShuffleSplit(1))
    (message,) = messages_of(lambda: network.fit(X, Y, groups=groups))
    assert "validation_splitter that splits by them" in message
    network.set_params(validation_splitter=None, early_stopping=False)
    (message,) = messages_of(lambda: network.fit(X, Y, groups=groups))
    assert "groups (needs early_stopping=True" in message


def test_nothing_is_said_where_many_networks_train():
    network = MLPClassifier((3,), momentum=0.5, max_iter=3, random_state=0)
    grid = {"alpha": [1e-3, 1e-2]}
    for call in (
        lambda: GridSearchCV(network, grid, cv=2).fit(X, Y),
        lambda: HalvingGridSearchCV(network, grid, cv=2, n_jobs=2).fit(X, Y),
        lambda: SparseInputSelector(network, n_features_to_select=2).fit(X, Y),
        lambda: network.partial_fit(X, Y, classes=[0, 1]),
    ):
        assert messages_of(call) == []
