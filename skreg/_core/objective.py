r"""The objective on all rows: network, loss and penalty together.

::

    (1 / sum s_i) sum_i s_i loss(y_i, f(x_i)) + penalty(W)

evaluated in chunks of rows, so that activations stay in cache and memory does not grow
with the number of rows.
"""

import numpy as np
from scipy import sparse

from .network import Workspace
from .rows import make_rows
from .threads import blas_threads_for

__all__ = ["Objective", "forward_passes"]

# Bytes of activations of a chunk: about a second-level cache.
_CHUNK_BYTES = 2**20


def _chunk_rows(network, n_models, n_rows, dtype):
    width = network.layer_units[0] + n_models * sum(network.layer_units[1:])
    rows = _CHUNK_BYTES // (width * np.dtype(dtype).itemsize)
    return int(min(max(rows, 64), n_rows))


class _Chunks:
    """Iterates over chunks of rows with the networks' raw predictions on each."""

    def __init__(self, network, n_models, X, rows):
        self._network, self._X, self._rows = network, X, rows
        self._size = _chunk_rows(network, n_models, max(len(rows), 1), X.dtype)
        self._params = np.empty((n_models, network.n_params), X.dtype)
        self._lanes = {}
        is_sparse = sparse.issparse(X)
        self.largest_product = network.largest_product(self._size, is_sparse)

    def _lane(self, n_rows):
        if n_rows not in self._lanes:
            network, n_models = self._network, len(self._params)
            inputs = make_rows(self._X, n_rows, [slice(0, n_models)])
            workspace = Workspace(network, self._params, inputs, n_rows)
            raw = np.empty((n_models, network.n_outputs, n_rows), self._X.dtype)
            self._lanes[n_rows] = inputs, workspace, raw
        return self._lanes[n_rows]

    def forward(self, params):
        """Yield (part of the rows as a slice, workspace, raw predictions)."""
        self._params[...] = params
        for start in range(0, len(self._rows), self._size):
            part = slice(start, min(start + self._size, len(self._rows)))
            inputs, workspace, raw = self._lane(part.stop - part.start)
            inputs.load(0, self._rows[part])
            workspace.forward(raw)
            yield part, workspace, raw


def forward_passes(network, params, X, rows):
    """Yield one network's activations and raw predictions, a chunk of rows at a time.

    Parameters
    ----------
    network : network.Network
    params : ndarray of shape (n_params,)
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    rows : ndarray of int of shape (n_rows,)

    Yields
    ------
    list of ndarray of shape (1, n_units, n_chunk_rows)
        A layer each, the raw predictions last. Overwritten by the next chunk.
    """
    for _, workspace, raw in _Chunks(network, 1, X, rows).forward(params):
        yield [*workspace.hidden, raw]


class Objective:
    """Value and gradient of the objective of `n_models` networks on the same rows.

    Parameters
    ----------
    network : network.Network
    penalty : penalties.Penalty
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray of shape (n_samples, n_outputs)
    rows : ndarray of int of shape (n_rows,)
        The rows that count.
    sample_weight : ndarray of shape (n_rows,), default=None
    n_models : int, default=1
    """

    def __init__(self, network, penalty, X, Y, rows, sample_weight=None, n_models=1):
        self.network, self.penalty = network, penalty
        self.n_models = n_models
        self._Y = np.ascontiguousarray(Y[rows].T)
        self._weight = sample_weight
        self._total = len(rows) if sample_weight is None else sample_weight.sum()
        self._chunks = _Chunks(network, n_models, X, rows)

    def blas_threads(self):
        """The context in which to evaluate it: see `threads.blas_threads_for`."""
        return blas_threads_for(self._chunks.largest_product)

    def _weighted(self, values, part):
        return values if self._weight is None else values * self._weight[part]

    def data_loss(self, params):
        """The mean loss of every model, without the penalty: ``(n_models,)``."""
        total = np.zeros(self.n_models)
        for part, _, raw in self._chunks.forward(params):
            losses = self.network.loss.value(raw, self._Y[:, part])
            total += self._weighted(losses, part).sum(axis=-1)
        return total / self._total

    def smooth_value_and_gradient(self, params):
        """The smooth part (mean loss and L2) and its gradient.

        Parameters
        ----------
        params : ndarray of shape (n_models, n_params)

        Returns
        -------
        value : ndarray of shape (n_models,)
        gradient : ndarray of shape (n_models, n_params)
        """
        network = self.network
        value = np.zeros(self.n_models)
        gradient = np.zeros_like(params)
        part_gradient = np.empty_like(params)
        part_blocks = network.blocks(part_gradient)
        for part, workspace, raw in self._chunks.forward(params):
            Y = self._Y[:, part]
            losses = network.loss.value(raw, Y)
            value += self._weighted(losses, part).sum(axis=-1)
            delta = workspace.output_delta
            network.loss.gradient(raw, Y, out=delta)
            if self._weight is not None:
                delta *= self._weight[part]
            workspace.backward(part_blocks)
            gradient += part_gradient
        gradient /= self._total
        layers = network.weights(params)
        self.penalty.add_smooth_gradient(layers, network.weights(gradient))
        return value / self._total + self.penalty.smooth_value(layers), gradient

    def value(self, params):
        """The objective of every model: ``(n_models,)``."""
        return self.data_loss(params) + self.penalty.value(self.network.weights(params))

    def value_given(self, params, smooth_value):
        """The objective of one model whose smooth part is known."""
        layers = self.network.weights(params)
        penalty = self.penalty.value(layers) - self.penalty.smooth_value(layers)
        return smooth_value + penalty[0]

    def smooth_value(self, params):
        """The smooth part alone: mean loss and L2, ``(n_models,)``."""
        layers = self.network.weights(params)
        return self.data_loss(params) + self.penalty.smooth_value(layers)

    def kkt_residual(self, params):
        """How far from stationary the objective is: ``(n_models,)``.

        The larger of the penalty's `stationarity` and of the largest slope of an
        intercept.
        """
        _, smooth_gradient = self.smooth_value_and_gradient(params)
        network = self.network
        residual = self.penalty.stationarity(
            network.weights(params), network.weights(smooth_gradient)
        )
        for block in network.blocks(smooth_gradient):
            residual = np.maximum(residual, np.abs(block[:, -1]).max(axis=1))
        return residual
