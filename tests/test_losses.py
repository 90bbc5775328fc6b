"""Losses: values by other means, gradients by central differences, best constants."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from skreg._core.losses import (
    REGRESSION_LOSSES,
    AbsoluteError,
    HalfBinomial,
    HalfMultinomial,
    HalfPoisson,
    Huber,
    Quantile,
    SquaredError,
    weighted_quantile,
)

LOSSES = {
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(0.8),
    "quantile": Quantile(0.3),
    "poisson": HalfPoisson(),
    "binomial": HalfBinomial(),
    "multinomial": HalfMultinomial(),
}


def test_every_loss_of_a_regression_is_tested_here():
    assert set(REGRESSION_LOSSES) <= set(LOSSES)


def draw_target(name, shape, rng):
    """A target ``(n_outputs, n_rows)`` such as the loss is for."""
    if name == "poisson":
        return rng.poisson(1.5, shape).astype(float)
    if name == "binomial":
        return rng.integers(2, size=shape).astype(float)
    if name == "multinomial":
        return np.eye(shape[0])[:, rng.integers(shape[0], size=shape[1])]
    return rng.normal(size=shape)


CASES = [
    (name, n_outputs)
    for name in LOSSES
    for n_outputs in (1, 3)
    if name != "multinomial" or n_outputs > 1
]


def test_values_agree_with_metrics():
    rng = np.random.default_rng(0)
    raw, Y = rng.normal(size=(2, 1, 50))
    counts = rng.poisson(1.5, 50).astype(float)
    labels = rng.integers(2, size=50)
    proba = 1 / (1 + np.exp(-raw[0]))
    Z = rng.normal(size=(3, 50))
    classes = np.r_[0, 1, 2, rng.integers(3, size=47)]
    probas = np.exp(Z) / np.exp(Z).sum(axis=0)
    pinball = mean_pinball_loss(Y[0], raw[0], alpha=0.3)
    deviance = mean_poisson_deviance(counts, np.exp(raw[0]))
    one_hot = np.eye(3)[classes].T
    expected = {
        "squared_error": (raw, Y, mean_squared_error(Y[0], raw[0]) / 2),
        "absolute_error": (raw, Y, mean_absolute_error(Y[0], raw[0])),
        "quantile": (raw, Y, pinball),
        "poisson": (raw, counts[None], deviance / 2),
        "binomial": (raw, labels[None], log_loss(labels, proba)),
        "multinomial": (Z, one_hot, log_loss(classes, probas.T)),
    }
    for name, (raw, Y, value) in expected.items():
        losses = LOSSES[name].value(raw, Y)
        assert losses.shape == (50,)
        np.testing.assert_allclose(losses.mean(), value, rtol=1e-12, err_msg=name)


def test_huber_is_quadratic_up_to_delta_and_linear_beyond():
    raw = np.array([[0.0, 0.5, -0.8, 0.8, 2.0, -3.0]])
    by_hand = [0, 0.125, 0.32, 0.32, 0.8 * (2 - 0.4), 0.8 * (3 - 0.4)]
    np.testing.assert_allclose(Huber(0.8).value(raw, np.zeros((1, 6))), by_hand)


@pytest.mark.parametrize("name, n_outputs", CASES)
def test_gradient_is_the_derivative_of_the_value(name, n_outputs):
    loss, rng = LOSSES[name], np.random.default_rng(1)
    n_models, n_rows, step = 2, 30, 1e-6
    Y = draw_target(name, (n_outputs, n_rows), rng)
    raw = rng.normal(size=(n_models, n_outputs, n_rows))
    gradient = np.empty_like(raw)
    loss.gradient(raw, Y, out=gradient)
    for output in range(n_outputs):
        ahead, behind = raw.copy(), raw.copy()
        ahead[:, output] += step
        behind[:, output] -= step
        slope = (loss.value(ahead, Y) - loss.value(behind, Y)) / (2 * step)
        np.testing.assert_allclose(gradient[:, output], slope, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "multinomial"])
def test_outputs_add_up(name):
    loss, rng = LOSSES[name], np.random.default_rng(2)
    Y = draw_target(name, (3, 20), rng)
    raw = rng.normal(size=(3, 20))
    parts = [loss.value(raw[[k]], Y[[k]]) for k in range(3)]
    np.testing.assert_allclose(loss.value(raw, Y), np.sum(parts, axis=0))


@pytest.mark.parametrize("name", LOSSES)
def test_float32_stays_float32(name):
    rng = np.random.default_rng(3)
    Y = draw_target(name, (3, 10), rng).astype(np.float32)
    raw = rng.normal(size=(2, 3, 10)).astype(np.float32)
    before, target_before = raw.copy(), Y.copy()
    gradient = np.full_like(raw, np.nan)
    LOSSES[name].gradient(raw, Y, out=gradient)
    assert LOSSES[name].value(raw, Y).dtype == np.float32
    assert LOSSES[name].predict(raw).dtype == np.float32
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(raw, before)
    np.testing.assert_array_equal(Y, target_before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [50.0, 1e4, 1e30])
def test_log_losses_are_exact_far_from_zero(dtype, size):
    raw = np.array([[size, -size, size, -size]], dtype=dtype)
    Y = np.array([[1, 0, 0, 1]], dtype=dtype)
    gradient = np.empty_like(raw)
    HalfBinomial().gradient(raw, Y, out=gradient)
    np.testing.assert_allclose(
        HalfBinomial().value(raw, Y), [0, 0, size, size], rtol=1e-6, atol=1e-20
    )
    np.testing.assert_allclose(gradient, [[0, 0, 1, -1]], atol=1e-20)

    raw = np.array([[size, -size], [0, 0], [-size, size]], dtype=dtype)
    Y = np.array([[1, 1], [0, 0], [0, 0]], dtype=dtype)
    gradient = np.empty_like(raw)
    HalfMultinomial().gradient(raw, Y, out=gradient)
    np.testing.assert_allclose(
        HalfMultinomial().value(raw, Y), [0, 2 * size], rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(gradient, [[0, -1], [0, 0], [0, 1]], atol=1e-20)


def test_poisson_vanishes_where_target_and_prediction_do():
    raw, Y = np.array([[-1e4, 0.0]]), np.array([[0.0, 1.0]])
    np.testing.assert_array_equal(HalfPoisson().value(raw, Y), [0, 0])


def test_predictions_are_the_inverse_links():
    raw = np.random.default_rng(4).normal(size=(2, 3, 5))
    for name in ("squared_error", "absolute_error", "huber", "quantile"):
        np.testing.assert_array_equal(LOSSES[name].predict(raw), raw)
    np.testing.assert_allclose(HalfPoisson().predict(raw), np.exp(raw))
    np.testing.assert_allclose(HalfBinomial().predict(raw), 1 / (1 + np.exp(-raw)))
    proba = HalfMultinomial().predict(raw)
    ratios = proba[:, 1:] / proba[:, :1]
    np.testing.assert_allclose(ratios, np.exp(raw[:, 1:] - raw[:, :1]))
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_subgradients_at_the_kinks():
    zero = np.zeros((1, 1))
    gradient = np.empty((1, 1))
    AbsoluteError().gradient(zero, zero, out=gradient)
    assert gradient[0, 0] == 0
    Quantile(0.3).gradient(zero, zero, out=gradient)
    # The middle of -0.3 to 0.7.
    np.testing.assert_allclose(gradient, 0.2)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "name", [name for name in LOSSES if name not in ("binomial", "multinomial")]
)
def test_best_constant_has_the_smallest_loss(name, weighted):
    loss, rng = LOSSES[name], np.random.default_rng(5)
    Y = draw_target(name, (2, 31), rng) + (name == "huber") * np.array([[5.0], [-20]])
    weight = rng.integers(4, size=31).astype(float) if weighted else None
    constant = loss.best_constant(Y, weight)
    assert constant.shape == (2, 1)

    def mean_loss(z):
        raw = np.broadcast_to(np.reshape(z, (2, 1)), Y.shape)
        return np.average(loss.value(raw, Y), weights=weight)

    best = minimize(
        mean_loss,
        np.median(np.log1p(Y) if name == "poisson" else Y, axis=1),
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 2000},
    )
    assert mean_loss(constant) <= best.fun + 1e-12
    if weighted:  # a weight counts as that many rows
        repeated = loss.best_constant(np.repeat(Y, weight.astype(int), axis=1))
        np.testing.assert_allclose(constant, repeated, rtol=1e-10)


def test_counts_that_are_all_zero_have_a_best_constant():
    loss, zeros = LOSSES["poisson"], np.zeros((1, 5))
    constant = loss.best_constant(zeros)
    assert np.isfinite(constant).all()
    np.testing.assert_allclose(loss.predict(constant), 0, atol=1e-300)
    np.testing.assert_allclose(loss.value(constant, zeros), 0, atol=1e-300)


@pytest.mark.parametrize("quantile", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_weighted_quantile_inverts_the_distribution(quantile):
    rng = np.random.default_rng(6)
    values, weights = rng.normal(size=40), rng.integers(1, 4, size=40)
    expected = np.quantile(np.repeat(values, weights), quantile, method="inverted_cdf")
    assert weighted_quantile(values, quantile, weights) == expected
    expected = np.quantile(values, quantile, method="inverted_cdf")
    assert weighted_quantile(values, quantile) == expected
