r"""The objective on all rows: network, loss and penalty together.

::

    (1 / sum s_i) sum_i s_i loss(y_i, f(x_i)) + penalty(W)

evaluated some rows at a time, in NumPy or by compiled functions.
"""

import numpy as np

from .predictions import Chunks, compiled_evaluation
from .threads import blas_threads_for

__all__ = ["Objective"]


class Objective:
    """Value and gradient of the objective of `n_models` networks on the same rows.

    Parameters
    ----------
    network : network.Network
    penalty : penalties.Penalty
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    Y : ndarray or OneHot of shape (n_samples, n_outputs)
    rows : ndarray of int of shape (n_rows,)
        The rows that count.
    sample_weight : ndarray of shape (n_rows,), default=None
    n_models : int, default=1
    """

    def __init__(self, network, penalty, X, Y, rows, sample_weight=None, n_models=1):
        self.network, self.penalty = network, penalty
        self.n_models = n_models
        self._total = len(rows) if sample_weight is None else sample_weight.sum()
        arguments = network, X, rows, Y, sample_weight
        self._evaluation = compiled_evaluation(*arguments)
        if self._evaluation is None:
            self._evaluation = _NumpyEvaluation(*arguments, n_models)

    @property
    def engine(self):
        """The implementation that evaluates: "numpy" or "compiled"."""
        return self._evaluation.engine

    def blas_threads(self):
        """The context in which to evaluate it: see `threads.blas_threads_for`."""
        return blas_threads_for(self._evaluation.largest_product, engine=self.engine)

    def data_loss(self, params):
        """The mean loss of every model, without the penalty: ``(n_models,)``."""
        return self._evaluation.losses(params) / self._total

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
        value, gradient = self._evaluation.losses_and_gradients(params)
        gradient /= self._total
        layers = self.network.weights(params)
        self.penalty.add_smooth_gradient(layers, self.network.weights(gradient))
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

        The larger of the penalty's `stationarity` and of the largest slope of what is
        not penalized: an intercept, or a frequency or phase of a periodic feature.
        """
        _, smooth_gradient = self.smooth_value_and_gradient(params)
        network = self.network
        residual = self.penalty.stationarity(
            network.weights(params), network.weights(smooth_gradient)
        )
        for block in network.blocks(smooth_gradient):
            residual = np.maximum(residual, np.abs(block[:, -1]).max(axis=1))
        if network.n_periodic:
            turns, _ = network.periodic_views(smooth_gradient)
            residual = np.maximum(residual, np.abs(turns).max(axis=(1, 2, 3)))
        return residual


class _NumpyEvaluation:
    """Summed losses and their gradients, in NumPy.

    The parameters are those of `Objective`. `compiled.evaluation` has the same members.
    """

    engine = "numpy"

    def __init__(self, network, X, rows, Y, sample_weight, n_models):
        self._network, self._n_models = network, n_models
        self._Y, self._rows = Y, rows
        self._weight = sample_weight
        self._chunks = Chunks(network, n_models, X, rows)

    @property
    def largest_product(self):
        return self._chunks.largest_product

    def _weighted(self, values, part):
        return values if self._weight is None else values * self._weight[part]

    def _targets(self, part):
        """The targets of some rows by outputs: ``(n_outputs, n_rows)``."""
        return np.ascontiguousarray(self._Y[self._rows[part]].T)

    def losses(self, params):
        """The summed losses: ``(n_models,)``."""
        total = np.zeros(self._n_models)
        for part, _, raw in self._chunks.forward(params):
            losses = self._network.loss.value(raw, self._targets(part))
            total += self._weighted(losses, part).sum(axis=-1)
        return total

    def losses_and_gradients(self, params):
        """The same, and the gradients of the sums: ``(n_models, n_params)``."""
        network = self._network
        total, gradient = np.zeros(self._n_models), np.zeros_like(params)
        part_gradient = np.empty_like(params)
        part_blocks = network.blocks(part_gradient)
        periodic_part = network.periodic_views(part_gradient)
        for part, workspace, raw in self._chunks.forward(params):
            Y = self._targets(part)
            losses = network.loss.value(raw, Y)
            total += self._weighted(losses, part).sum(axis=-1)
            delta = workspace.output_delta
            network.loss.gradient(raw, Y, out=delta)
            if self._weight is not None:
                delta *= self._weight[part]
            workspace.backward(part_blocks, periodic_gradient=periodic_part)
            gradient += part_gradient
        return total, gradient
