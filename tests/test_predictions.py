"""Raw predictions of many networks at once: those of each alone, by the formula."""

import warnings

import numpy as np
import pytest
from helpers import CHUNK_BYTES
from scipy import sparse

from skreg._core.activations import ACTIVATIONS
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.predictions import forward_passes, predict_raw, raw_predictions

# Each engine has an evaluation of its own.
pytestmark = pytest.mark.both_engines

N_ROWS, N_MODELS = 150, 5


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


def draw(network, dtype, seed=0):
    rng = np.random.default_rng(seed)
    X = (
        rng.normal(size=(N_ROWS, network.layer_units[0]))
        * (rng.random(N_ROWS) < 0.9)[:, None]
    )
    params = 0.5 * rng.normal(size=(N_MODELS, network.n_params))
    return X.astype(dtype), params.astype(dtype)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_many_networks_predict_as_each_alone(
    activation, hidden, is_sparse, dtype, monkeypatch, engine
):
    network = Network((6, *hidden, 2), activation, SquaredError())
    X, params = draw(network, dtype)
    given = sparse.csr_matrix(X) if is_sparse else X
    rows = np.random.default_rng(1).integers(N_ROWS, size=170)
    tolerance = {"rtol": 1e-11, "atol": 1e-13}
    if dtype == np.float32:
        tolerance = {"rtol": 1e-4, "atol": 1e-5}
    alone = np.array(
        [
            raw_predictions(*network.unpack(row), network.activation, X[rows])
            for row in params
        ]
    )
    for chunk_bytes in (2**20, 1):  # in one go, and 64 rows at a time
        monkeypatch.setattr(CHUNK_BYTES[engine], chunk_bytes)
        together = predict_raw(network, params, given, rows)
        assert together.shape == (N_MODELS, 170, 2)
        assert together.dtype == dtype
        np.testing.assert_allclose(together, alone, **tolerance)
        for row, expected in zip(params, together, strict=True):
            (single,) = predict_raw(network, row[None], given, rows)
            np.testing.assert_allclose(single, expected, **tolerance)
    everything = predict_raw(network, params, given)
    np.testing.assert_allclose(everything[:, rows], together, **tolerance)


def test_no_rows_are_predicted_too():
    network = Network((6, 4, 2), "relu", SquaredError())
    X, params = draw(network, float)
    assert predict_raw(network, params, X, np.array([], int)).shape == (N_MODELS, 0, 2)


def test_forward_passes_hand_out_the_layers():
    network = Network((6, 4, 2), "gelu", SquaredError())
    X, params = draw(network, float)
    ((hidden, raw),) = forward_passes(network, params[0], X, np.arange(N_ROWS))
    coefs, intercepts = network.unpack(params[0])
    H = X @ coefs[0] + intercepts[0]
    network.activation.apply(H)
    np.testing.assert_allclose(hidden[0].T, H, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(
        raw[0].T, predict_raw(network, params[:1], X)[0], rtol=1e-11, atol=1e-13
    )


def test_a_prediction_that_overflows_does_not_warn():
    network = Network((1, 1), "identity", SquaredError())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predicted = predict_raw(network, np.array([[1e200, 0.0]]), np.array([[1e200]]))
    np.testing.assert_array_equal(predicted, [[[np.inf]]])
