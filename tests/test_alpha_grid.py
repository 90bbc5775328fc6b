"""Grids of penalties from the scale of the data."""

import warnings
from inspect import signature

import numpy as np
import pytest
from helpers import scaled
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, enet_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skreg import MLPClassifier, MLPRegressor
from skreg.model_selection import _alpha_grid, alpha_grid
from skreg.model_selection._alpha_grid import largest_alpha

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_the_values_of_the_elastic_net_path(l1_ratio):
    X, y = scaled(load_diabetes)
    is_new = signature(enet_path).parameters["n_alphas"].default == "deprecated"
    kwargs = {"alphas" if is_new else "n_alphas": 7}
    alphas, *_ = enet_path(X, y - y.mean(), l1_ratio=l1_ratio, eps=1e-3, **kwargs)
    network = MLPRegressor((), l1_ratio=l1_ratio)
    np.testing.assert_allclose(largest_alpha(network, X, y), alphas[0])
    # Two digits, the first of them rounded up: so all are above by at most a tenth.
    ratio = alpha_grid(network, X, y, n_alphas=7, eps=1e-3) / alphas
    assert ratio[0] >= 1
    assert (0.95 < ratio).all() and (ratio < 1.15).all()


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_linear_classifier_dies_exactly_there(load, class_weight):
    X, y = scaled(load)
    network = MLPClassifier(
        (), l1_ratio=0.7, class_weight=class_weight, solver="lbfgs", max_iter=3000
    )
    largest = largest_alpha(network, X, y)
    for alpha in (1.01 * largest, alpha_grid(network, X, y)[0]):
        network.set_params(alpha=alpha, tol=1e-10).fit(X, y)
        assert network.sparsity_ == 1
    network.set_params(alpha=0.97 * largest).fit(X, y)
    assert network.sparsity_ < 1


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "poisson"])
def test_other_losses_of_regression(loss):
    X, y = scaled(load_diabetes)
    solver = "adam" if loss == "absolute_error" else "lbfgs"
    y = y / 100
    network = MLPRegressor((), loss=loss, l1_ratio=1.0, solver=solver, tol=1e-10)
    network.set_params(max_iter=2000, learning_rate_init=1e-4, random_state=0)
    largest = largest_alpha(network, X, y)
    if solver == "lbfgs":
        network.set_params(alpha=1.02 * largest).fit(X, y)
        assert network.sparsity_ == 1
        network.set_params(alpha=0.95 * largest).fit(X, y)
        assert network.sparsity_ < 1
    assert 1e-3 < largest < 10


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_networks_with_a_hidden_layer_live_and_die_within_the_grid(l1_ratio):
    X, y = scaled(load_breast_cancer)
    network = MLPClassifier(
        (20,), l1_ratio=l1_ratio, max_iter=300, learning_rate_init=0.01, random_state=0
    )
    alphas = alpha_grid(network, X, y, n_alphas=3, eps=1e-2)
    scores = [network.set_params(alpha=a).fit(X, y).score(X, y) for a in alphas]
    assert scores[0] == pytest.approx((y == 1).mean(), abs=0.02)
    assert scores[-1] > 0.97


def test_networks_with_a_hidden_layer_die_at_the_spectral_norm():
    X, y = scaled(load_iris)
    Y = np.eye(3)[y]
    rate = X.T @ (Y - Y.mean(axis=0)) / len(y)
    largest, second, _ = np.linalg.svd(rate, compute_uv=False)
    assert second > 0.1 * largest
    network = MLPClassifier((5,), l1_ratio=0.0)
    np.testing.assert_allclose(largest_alpha(network, X, y), largest)


def test_linear_networks_without_an_l1_part_have_the_same_scale():
    X, y = scaled(load_iris)
    rate = X.T @ (np.eye(3)[y] - 1 / 3) / len(y)
    network = MLPClassifier((), l1_ratio=0.0)
    np.testing.assert_allclose(
        largest_alpha(network, X, y), np.linalg.norm(rate, ord=2)
    )


def test_scale_and_weights_of_the_data():
    X, y = scaled(load_breast_cancer)
    largest = largest_alpha(MLPClassifier((5,)), X, y)
    np.testing.assert_allclose(
        largest_alpha(MLPClassifier((5,)), 3 * X, y), 3 * largest
    )
    weight = np.random.RandomState(0).randint(1, 4, size=len(y))
    np.testing.assert_allclose(
        largest_alpha(MLPClassifier((5,)), X, y, sample_weight=5.0 * weight),
        largest_alpha(MLPClassifier((5,)), X.repeat(weight, 0), y.repeat(weight)),
    )


def test_weights_count_in_the_unit_of_the_target():
    X, y = load_diabetes(return_X_y=True)
    weight = np.where(y > 100, 3, 1)
    network = MLPRegressor((5,), normalize_y=True)
    np.testing.assert_allclose(
        largest_alpha(network, X, y, sample_weight=weight),
        largest_alpha(network, X.repeat(weight, 0), y.repeat(weight)),
    )


def test_of_a_pipeline_the_scaled_data_count():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,)))
    np.testing.assert_allclose(
        largest_alpha(pipeline, X, y), largest_alpha(MLPClassifier((5,)), scale(X), y)
    )


@pytest.mark.parametrize(
    "largest, eps, n_alphas, expected",
    [
        (1.14, 1e-4, 3, [1.2, 0.012, 0.00012]),
        (0.12, 1e-2, 5, [0.12, 0.038, 0.012, 0.0038, 0.0012]),
        (9.96e-7, 1e-1, 2, [1e-6, 1e-7]),
        (98765.0, 1e-3, 4, [99000, 9900, 990, 99]),
        (1.0, 1e-4, 1, [1.0]),
        # Two digits do not tell these apart.
        (3.0, 0.95, 4, [3.0, 2.95, 2.9, 2.85]),
    ],
)
def test_values_are_round(largest, eps, n_alphas, expected):
    assert _alpha_grid._round_grid(largest, eps, n_alphas).tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_round_values_descend_from_where_the_network_dies(seed):
    rng = np.random.default_rng(seed)
    largest = 10 ** rng.uniform(-8, 8)
    alphas = _alpha_grid._round_grid(largest, 10 ** rng.uniform(-6, -1e-3), 12)
    assert largest <= alphas[0] <= 1.1 * largest
    assert (np.diff(alphas) < 0).all()


@pytest.mark.parametrize("container", ["csr", "csc", "coo", "frame", "list", "array"])
def test_containers_of_several_labels(container):
    X, y = scaled(load_iris)
    Y = np.eye(3, dtype=int)[y]
    pd = pytest.importorskip("pandas")
    make = {"frame": pd.DataFrame, "list": np.ndarray.tolist, "array": np.asarray}
    given = make.get(container, lambda Y: sparse.coo_matrix(Y).asformat(container))(Y)
    # The L1 part dies where the last of the labels does.
    network = MLPClassifier((5,), l1_ratio=1)
    expected = max(largest_alpha(network, X, Y[:, label]) for label in range(3))
    assert largest_alpha(network, X, given) == pytest.approx(expected)


@pytest.mark.parametrize("container", [list, "Series", "frame of X", "sparse X"])
def test_containers(container):
    X, y = scaled(load_iris)
    pd = pytest.importorskip("pandas")
    expected = alpha_grid(MLPClassifier((5,)), X, y)
    given = {
        list: (X.tolist(), y.tolist()),
        "Series": (X, pd.Series(y, index=range(7, 157))),
        "frame of X": (pd.DataFrame(X), pd.DataFrame({"y": y})),
        "sparse X": (sparse.coo_matrix(X), y),
    }[container]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A column-vector y")
        found = alpha_grid(MLPClassifier((5,)), *given)
    np.testing.assert_array_equal(found, expected)


def test_shape_and_errors():
    X, y = scaled(load_iris)
    alphas = alpha_grid(MLPClassifier(), X, y, n_alphas=5, eps=1e-2, l1_ratio=0.5)
    assert alphas.shape == (5,)
    np.testing.assert_allclose(alphas[0] / alphas[-1], 100)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        alpha_grid(MLPClassifier(), X, y[:-1])
    assert alpha_grid(MLPClassifier(), np.ones((9, 2)), [0, 1, 0] * 3)[0] == 1
    with pytest.raises(ValueError, match="needs an MLPClassifier"):
        alpha_grid(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match="contains NaN"):
        alpha_grid(MLPClassifier(), X * np.nan, y)
    with pytest.raises(ValueError, match="l1_ratio == 2"):
        alpha_grid(MLPClassifier(), X, y, l1_ratio=2)


@pytest.mark.parametrize(
    "parameters, message",
    [
        (dict(loss="quantile"), "needs the parameter quantile"),
        (dict(loss="absolute"), "The 'loss' parameter of MLPRegressor"),
        (dict(max_iter=10**400), "The 'max_iter' parameter of MLPRegressor"),
        (dict(loss="quantile", quantile=[0.1, 0.9]), "for a target of one column"),
    ],
)
def test_parameters_of_the_network_are_checked(parameters, message):
    X, y = scaled(load_diabetes)
    with pytest.raises(ValueError, match=message):
        alpha_grid(MLPRegressor(**parameters), X, np.column_stack([y, y]))
