"""The layout of parameters: what is packed comes back, as copies."""

import numpy as np
import pytest

from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.periodic import PeriodicLayer


@pytest.fixture(params=[False, True], ids=["dense", "periodic"])
def network(request):
    layer = PeriodicLayer(4, [0, 2], 5) if request.param else None
    return Network((4, 3, 2), "tanh", SquaredError(), layer)


def test_what_is_packed_comes_back(network):
    row = np.random.default_rng(0).normal(size=network.n_params)
    features = network.unpack_periodic(row)
    packed = network.pack(*network.unpack(row), float, features)
    np.testing.assert_array_equal(packed, row)


def test_what_is_unpacked_are_copies(network):
    row = np.random.default_rng(0).normal(size=network.n_params)
    coefs, intercepts = network.unpack(row)
    parts = [*coefs, *intercepts, *(network.unpack_periodic(row) or ())]
    for part in parts:
        assert part.base is None or not np.shares_memory(part, row)
        assert part.flags.c_contiguous and part.flags.owndata
    if network.periodic is not None:
        assert not np.shares_memory(parts[4], network.periodic.inputs)


def test_what_is_penalized_are_the_weights_of_all_layers(network):
    """The same numbers in both kinds of views, and no intercept or turn among them."""
    row = np.arange(2.0 * network.n_params).reshape(2, -1)
    weights, flat = network.weights(row), network.flat_weights(row)
    for one, other in zip(weights, flat, strict=True):
        assert np.shares_memory(one, row) and np.shares_memory(other, row)
        np.testing.assert_array_equal(one.reshape(2, -1), other)
    coefs, _ = network.unpack(row[1])
    for one, coef in zip(weights, coefs, strict=False):
        np.testing.assert_array_equal(one[1], coef)
    if network.periodic is not None:
        mixing = network.unpack_periodic(row[1]).mixing.transpose(0, 2, 1)
        np.testing.assert_array_equal(weights[-1][1], mixing.reshape(-1, 5))
