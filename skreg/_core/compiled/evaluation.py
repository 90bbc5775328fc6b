"""Networks evaluated on the same rows, by compiled functions."""

import numpy as np
from scipy import sparse

from ..buffers import aligned_empty
from ..targets import arrays_of
from . import activations, losses
from .blocks import evaluator_for
from .layout import addresses, places_in_memory
from .passes import addresses_of_passes
from .periodic import addresses_of_waves, embedding_of
from .primitives import address_of_product
from .sparse import addresses_of_products, input_arrays

__all__ = ["CompiledEvaluation", "is_covered"]

# Bytes of activations of the rows that pass through a network at a time: about half of
# a second-level cache.
_CHUNK_BYTES = 2**19


def is_covered(network):
    """Whether there are compiled functions of all that an evaluation needs."""
    has_loss = network.loss is None or losses.is_compiled_loss(network.loss)
    return has_loss and activations.is_compiled_activation(network)


class CompiledEvaluation:
    """Raw predictions, summed losses and their gradients, of networks on some rows.

    Parameters
    ----------
    network : network.Network
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    rows : ndarray of int of shape (n_rows,)
    Y : ndarray or OneHot of shape (n_samples, n_outputs), default=None
        Not needed for predictions alone.
    sample_weight : ndarray of shape (n_rows,), default=None
    """

    engine = "compiled"

    def __init__(self, network, X, rows, Y=None, sample_weight=None):
        self._network, self._dtype = network, X.dtype
        self._layer_units = np.array(network.layer_units)
        self._inputs, index_dtype = input_arrays(X, self._dtype)
        # Those of many rows in as little memory as they come in.
        row_dtype = np.result_type(np.int32, np.min_scalar_type(-X.shape[0]))
        self._rows = np.asarray(rows, dtype=row_dtype)
        self._targets = arrays_of(Y, self._dtype)
        address_of_loss, self._loss_parameter = 0, np.empty(0)
        if Y is not None:
            address_of_loss = losses.address_of_loss(type(network.loss), self._dtype)
            self._loss_parameter = losses.parameter_of(network.loss)
        is_sparse = sparse.issparse(X)
        if sample_weight is None:
            sample_weight = np.empty(0)
        self._weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
        self._evaluate = evaluator_for(self._dtype, index_dtype, row_dtype)
        forward, backward = addresses_of_passes(self._dtype, index_dtype)
        activation, derivative = activations.addresses_of_activation(
            network.activation_name, self._dtype
        )
        sparse_product, sparse_gradient = addresses_of_products(
            is_sparse, self._dtype, index_dtype
        )
        embed, wave_gradient = addresses_of_waves(network, self._dtype)
        self._embedding = embedding_of(network)
        self._addresses = addresses(
            product=address_of_product(self._dtype),
            forward=forward,
            backward=backward,
            activation=activation,
            derivative=derivative,
            loss=address_of_loss,
            sparse_product=sparse_product,
            sparse_gradient=sparse_gradient,
            embed=embed,
            wave_gradient=wave_gradient,
        )
        width = sum(network.layer_units) - (network.layer_units[0] if is_sparse else 0)
        if network.periodic is not None:
            width += network.periodic.width
        size = max(64, _CHUNK_BYTES // (width * self._dtype.itemsize))
        size = max(1, min(size, len(self._rows)))
        self.largest_product = network.largest_product(size, is_sparse)
        places = places_in_memory(
            network,
            size,
            has_masks=False,
            is_sparse=is_sparse,
        )
        self._memory = (
            aligned_empty((int(places[-1]),), self._dtype),
            places,
            np.empty((1 + losses.N_LINES, size)),
            np.empty(size, np.int64),
        )
        self._no_predictions = np.empty((0, 0, 0), self._dtype)
        self._no_gradients = np.empty((0, 0), self._dtype)

    def _run(self, params, predictions, gradients):
        summed = np.empty(len(params))
        self._evaluate(
            self._addresses,
            self._loss_parameter,
            self._layer_units,
            *self._embedding,
            np.ascontiguousarray(params, dtype=self._dtype),
            *self._inputs,
            self._rows,
            *self._targets,
            self._weight,
            *self._memory,
            predictions,
            summed,
            gradients,
        )
        return summed

    def predictions(self, params):
        """The raw predictions: ``(n_models, n_rows, n_outputs)``."""
        shape = len(params), len(self._rows), self._network.n_outputs
        predicted = np.empty(shape, self._dtype)
        self._run(params, predicted, self._no_gradients)
        return predicted

    def losses(self, params):
        """The summed losses: ``(n_models,)``."""
        return self._run(params, self._no_predictions, self._no_gradients)

    def losses_and_gradients(self, params):
        """The same, and the gradients of the sums: ``(n_models, n_params)``."""
        gradients = np.empty((len(params), self._network.n_params), self._dtype)
        return self._run(params, self._no_predictions, gradients), gradients
