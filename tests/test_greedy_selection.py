"""Greedy selection of an ensemble, against searching all of them."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skreg.ensemble import _selection
from skreg.ensemble._selection import select_greedily


def squared_error_to(y):
    return lambda mean: float(((mean - y) ** 2).mean())


def make_models(n_models, seed, n_rows=40):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n_rows)
    shift = rng.normal(size=(n_models, 1))
    return y + shift + rng.normal(size=(n_models, n_rows)), squared_error_to(y)


def greedy_by_hand(predictions, loss_of, n_steps):
    """The lists of models that the definition gives, one for each step."""
    chosen = []
    for _ in range(n_steps):
        losses = [
            loss_of(np.mean([predictions[k] for k in [*chosen, model]], axis=0))
            for model in range(len(predictions))
        ]
        chosen = [*chosen, int(np.argmin(losses))]
        yield chosen, min(losses)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_best_of_the_steps_that_the_definition_gives(seed):
    predictions, loss_of = make_models(4, seed)
    steps = greedy_by_hand(predictions, loss_of, _selection._N_STEPS)
    chosen, _ = min(steps, key=lambda step: step[1])
    weights = select_greedily(predictions, loss_of)
    assert_allclose(weights, np.bincount(chosen, minlength=4) / len(chosen))
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_nearly_the_best_of_all_ensembles_of_a_few_models(seed, monkeypatch):
    monkeypatch.setattr(_selection, "_N_STEPS", 6)
    predictions, loss_of = make_models(3, seed)
    losses = [
        loss_of(predictions[list(models)].mean(axis=0))
        for size in range(1, 7)
        for models in combinations_with_replacement(range(3), size)
    ]
    weights = select_greedily(predictions, loss_of)
    found = loss_of(np.tensordot(weights, predictions, axes=1))
    assert min(losses) - 1e-12 <= found <= 1.02 * min(losses)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_never_worse_than_the_best_single_model(seed):
    """Not even by a loss of which the mean's is not below the mean."""
    predictions, _ = make_models(5, seed)
    rng = np.random.default_rng(seed)
    spot = predictions[rng.integers(5)].copy()

    def loss_of(mean):
        return -float((np.abs(mean - spot) < 0.1).mean())

    weights = select_greedily(predictions, loss_of)
    found = loss_of(np.tensordot(weights, predictions, axes=1))
    assert found <= min(map(loss_of, predictions))


def test_of_equal_means_that_of_the_fewest_models_is_taken():
    y = np.array([0, 1, 1, 1])
    # The second is right, and so is its mean with the first.
    predictions = np.array([[0.1, 0.9, 0.9, 0.4], [0.1, 0.9, 0.9, 0.9]])
    weights = select_greedily(
        predictions, lambda mean: float(((mean > 0.5) != y).mean())
    )
    assert_array_equal(weights, [0, 1])


def test_it_is_deterministic_and_leaves_the_predictions_alone():
    predictions, loss_of = make_models(4, 0)
    before = predictions.copy()
    first = select_greedily(predictions, loss_of)
    assert_array_equal(select_greedily(predictions, loss_of), first)
    assert_array_equal(predictions, before)


def test_a_mean_without_a_loss_is_not_taken():
    predictions, known = make_models(3, 0)

    def loss_of(mean):
        return np.nan if np.allclose(mean, predictions[1]) else known(mean)

    weights = select_greedily(predictions, loss_of)
    assert weights[1] < 1
    assert np.isfinite(loss_of(np.tensordot(weights, predictions, axes=1)))


def test_models_may_have_several_outputs():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(20, 3))
    predictions = np.array([y + 1, y - 1, y + 5])
    assert_allclose(select_greedily(predictions, squared_error_to(y)), [0.5, 0.5, 0])
