"""Activations: values by their formulas, derivatives by central differences."""

import numpy as np
import pytest
from scipy.special import erf

from skreg import MLPClassifier, MLPRegressor
from skreg._core.activations import ACTIVATIONS, Activation
from skreg._core.losses import SquaredError
from skreg._core.network import Network, Workspace
from skreg._core.rows import make_rows

FORMULAS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: 2 / (1 + np.exp(-2 * z)) - 1,
    "relu": lambda z: np.where(z > 0, z, 0),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
}


def test_every_activation_has_its_formula_here():
    assert set(ACTIVATIONS) == set(FORMULAS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_derivative(name, dtype):
    rng = np.random.default_rng(0)
    formula, activation = FORMULAS[name], ACTIVATIONS[name]
    # Hidden units are views that leave out the constant of the intercept.
    H = rng.normal(size=(2, 6, 40)).astype(dtype)
    delta = rng.normal(size=(2, 5, 40)).astype(dtype)
    Z, upstream = H[:, :-1].astype(float), delta.astype(float)
    constant = H[:, -1].copy()

    activation.apply(H[:, :-1])
    tolerance = 1e-12 if dtype == np.float64 else 1e-6
    assert H.dtype == dtype
    np.testing.assert_allclose(H[:, :-1], formula(Z), rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(H[:, -1], constant)

    kept = Z.astype(dtype) if activation.needs_input else H[:, :-1]
    values = kept.copy()
    activation.multiply_derivative(kept, delta)
    slope = (formula(Z + 1e-6) - formula(Z - 1e-6)) / 2e-6
    assert delta.dtype == dtype
    np.testing.assert_allclose(delta, upstream * slope, atol=max(1e-9, tolerance))
    np.testing.assert_array_equal(kept, values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORMULAS)
def test_far_from_zero(name, dtype):
    """Up to the largest numbers, without an overflow on the way."""
    largest = np.finfo(dtype).max
    for far in (1e4, largest):
        H = np.array([[[-far, far]]], dtype=dtype)
        Z, delta = H.copy(), np.ones_like(H)
        activation = ACTIVATIONS[name]
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            activation.apply(H)
            kept = Z if activation.needs_input else H
            activation.multiply_derivative(kept, delta)
        half = [0, dtype(far)]
        limits = {
            "logistic": [0, 1],
            "tanh": [-1, 1],
            "identity": [-dtype(far), half[1]],
        }
        np.testing.assert_array_equal(H[0, 0], limits.get(name, half))
        slopes = {"identity": [1, 1], "logistic": [0, 0], "tanh": [0, 0]}
        np.testing.assert_array_equal(delta[0, 0], slopes.get(name, [0, 1]))


@pytest.mark.parametrize("name", FORMULAS)
def test_what_the_judgement_of_predictions_relies_on(name):
    activation = ACTIVATIONS[name]
    Z = np.linspace(-10, 10, 200_001).reshape(1, 1, -1)
    H, slopes = Z.copy(), np.ones_like(Z)
    activation.apply(H)
    activation.multiply_derivative(Z if activation.needs_input else H, slopes)
    assert ((np.abs(H) <= np.abs(Z)) | (np.abs(H) <= 1)).all()
    steepest = np.abs(slopes).max()
    assert steepest <= activation.steepest
    if name != "logistic":
        assert steepest >= 0.999 * activation.steepest


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_not_a_number_does_not_become_one(name):
    H = np.array([[[np.nan, 1.0]]])
    ACTIVATIONS[name].apply(H)
    assert np.isnan(H[0, 0, 0])
    assert np.isfinite(H[0, 0, 1])


def test_relu_has_no_slope_at_zero():
    H, delta = np.zeros((1, 1, 3)), np.ones((1, 1, 3))
    ACTIVATIONS["relu"].apply(H)
    ACTIVATIONS["relu"].multiply_derivative(H, delta)
    assert not delta.any()


@pytest.mark.parametrize("name", FORMULAS)
def test_inputs_are_kept_only_where_they_are_needed(name):
    network = Network((3, 4, 2, 1), name, SquaredError())
    params = np.ones((2, network.n_params))
    rows = make_rows(np.ones((5, 3)), 5, [slice(0, 2)])
    workspace = Workspace(network, params, rows, 5)
    is_kept = [
        not np.shares_memory(kept, values)
        for kept, values in zip(workspace._kept, workspace.hidden, strict=True)
    ]
    assert is_kept == [name in ("gelu", "silu")] * 2


@pytest.mark.both_engines
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_the_estimators_train_with_it(name, solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    dropout = 0.1 if solver in ("adam", "sgd") else 0.0
    for dtype in (np.float32, np.float64):
        network = MLPRegressor(
            (20, 10), name, solver=solver, dropout=dropout, max_iter=100, batch_size=20,
            learning_rate_init=0.02, random_state=0,
        )  # fmt: skip
        network.fit(X.astype(dtype), y.astype(dtype))
        assert network.coefs_[0].dtype == dtype
        assert network.score(X.astype(dtype), y) > 0.85
    # What it predicts is by the formula.
    formula, H = FORMULAS[name], X
    for layer, (W, b) in enumerate(
        zip(network.coefs_, network.intercepts_, strict=True)
    ):
        H = H @ W + b
        if layer < 2:
            H = formula(H)
    np.testing.assert_allclose(network.predict(X), H[:, 0], rtol=1e-10)


def test_a_new_activation_needs_its_line_alone(monkeypatch):
    def derivative(Z, delta):
        delta *= np.cos(Z)

    sine = Activation(lambda H: np.sin(H, out=H), derivative, needs_input=True)
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    network = MLPClassifier((5,), "sine", solver="lbfgs", random_state=0)
    with pytest.raises(ValueError, match="activation.*'gelu'.*Got 'sine'"):
        network.fit(X, y)
    monkeypatch.setitem(ACTIVATIONS, "sine", sine)
    assert network.fit(X, y).score(X, y) > 0.95
