"""Activations: values by their formulas, derivatives by central differences."""

import numpy as np
import pytest

from skreg._core.activations import ACTIVATIONS

FORMULAS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: 2 / (1 + np.exp(-2 * z)) - 1,
    "relu": lambda z: np.where(z > 0, z, 0),
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

    values = H.copy()
    activation.multiply_derivative(H[:, :-1], delta)
    slope = (formula(Z + 1e-6) - formula(Z - 1e-6)) / 2e-6
    np.testing.assert_allclose(delta, upstream * slope, atol=max(1e-9, tolerance))
    np.testing.assert_array_equal(H, values)


@pytest.mark.parametrize("name", FORMULAS)
def test_far_from_zero(name):
    H = np.array([[[-1e4, 1e4]]], dtype=np.float32)
    limits = {"logistic": [0, 1], "tanh": [-1, 1], "relu": [0, 1e4]}
    delta = np.ones_like(H)
    ACTIVATIONS[name].apply(H)
    ACTIVATIONS[name].multiply_derivative(H, delta)
    np.testing.assert_array_equal(H[0, 0], limits.get(name, [-1e4, 1e4]))
    slopes = {"identity": [1, 1], "relu": [0, 1]}
    np.testing.assert_array_equal(delta[0, 0], slopes.get(name, [0, 0]))


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
