"""Temperatures of probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

from skreg.ensemble._calibration import (
    _PRIOR_DEVIATION,
    _SMALLEST,
    log_loss_of,
    temperature_of,
    tempered,
)


def make_probabilities(is_multilabel, sharpness=1.0, n=200, seed=0):
    """Probabilities and classes drawn by them, before they were sharpened."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 3)) * 2
    if is_multilabel:
        true = 1 / (1 + np.exp(-raw))
        Y = (rng.random((n, 3)) < true).astype(float)
        return 1 / (1 + np.exp(-raw * sharpness)), Y
    true = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    Y = np.eye(3)[[rng.choice(3, p=row) for row in true]]
    proba = np.exp(raw * sharpness)
    return proba / proba.sum(axis=1, keepdims=True), Y


BOTH = pytest.mark.parametrize("is_multilabel", [False, True])


@BOTH
def test_the_temperature_one_changes_nothing(is_multilabel):
    proba, _ = make_probabilities(is_multilabel)
    assert_allclose(tempered(proba, 1.0, is_multilabel), proba, rtol=1e-12)
    # But for what is too small for a logarithm.
    certain = np.array([[0.0, 1.0, 0.0]])
    assert_allclose(tempered(certain, 1.0, is_multilabel), certain, atol=2 * _SMALLEST)


@BOTH
@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_temperatures_are_of_logarithms_and_log_odds(is_multilabel, temperature):
    proba, _ = make_probabilities(is_multilabel)
    raw = np.log(proba / (1 - proba)) if is_multilabel else np.log(proba)
    raw /= temperature
    expected = 1 / (1 + np.exp(-raw))
    if not is_multilabel:
        expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    assert_allclose(tempered(proba, temperature, is_multilabel), expected)


@BOTH
@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_temperature_is_that_of_a_fine_grid(is_multilabel, sharpness, is_weighted):
    proba, Y = make_probabilities(is_multilabel, sharpness)
    weight = np.random.default_rng(1).integers(0, 3, 200) if is_weighted else None
    logs = np.linspace(-2.5, 2.5, 5001)
    losses = [
        log_loss_of(
            tempered(proba, np.exp(log), is_multilabel), Y, is_multilabel, weight
        )
        for log in logs
    ]
    posterior = 200 * np.array(losses) + (logs / _PRIOR_DEVIATION) ** 2 / 2
    best = np.exp(logs[np.argmin(posterior)])
    found = temperature_of(proba, Y, is_multilabel, weight)
    assert found == pytest.approx(best, rel=0.02)


def test_many_rows_say_how_much_too_sure_a_model_is():
    proba, Y = make_probabilities(False, sharpness=3.0, n=20_000)
    assert temperature_of(proba, Y, False) == pytest.approx(3, rel=0.05)


def test_a_few_rows_that_are_all_right_make_a_model_a_little_surer():
    proba, Y = np.tile([[0.8, 0.2]], (6, 1)), np.tile([[1.0, 0.0]], (6, 1))
    assert 0.5 < temperature_of(proba, Y, False) < 1


@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_log_loss_is_scikit_learns(is_weighted):
    proba, Y = make_probabilities(False)
    weight = np.random.default_rng(1).random(200) if is_weighted else None
    expected = log_loss(Y.argmax(axis=1), proba, sample_weight=weight)
    assert log_loss_of(proba, Y, False, weight) == pytest.approx(expected)
    proba, Y = make_probabilities(True)
    expected = sum(
        log_loss(Y[:, k], proba[:, k], sample_weight=weight) for k in range(3)
    )
    assert log_loss_of(proba, Y, True, weight) == pytest.approx(expected)


@BOTH
def test_the_loss_of_certainty_is_finite(is_multilabel):
    proba, Y = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    loss = log_loss_of(proba, Y, is_multilabel)
    assert np.isfinite(loss) and loss > 10
