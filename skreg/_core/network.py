"""The networks of a batch: parameter layout, initialization, forward, backward.

All parameters of ``n_models`` networks stand in one C-ordered buffer ``(n_models,
n_params)``. Layer ``l`` owns the block ``(fan_in + 1, fan_out)`` of every row, whose
last row is its intercept: with a constant one appended to the layer's input, one
product gives ``W' h + b``, and one product gives both gradients.

Activations are feature-major, ``(n_models, n_units + 1, n_rows)``, the constant
included.
"""

from functools import cached_property

import numpy as np

from .activations import ACTIVATIONS
from .buffers import aligned_empty

__all__ = ["Network", "Workspace"]


class Network:
    """The architecture that all networks of a batch share.

    Parameters
    ----------
    layer_units : sequence of int
        Inputs, hidden units, outputs; ``(d, c)`` is a generalized linear model.
    activation : {"identity", "logistic", "tanh", "relu"}
        Of the hidden layers.
    loss : losses.Loss
        Of the raw prediction; it also holds the inverse link.
    """

    def __init__(self, layer_units, activation, loss):
        self.layer_units = tuple(layer_units)
        self.activation = ACTIVATIONS[activation]
        self.loss = loss
        self.shapes = [
            (fan_in + 1, fan_out)
            for fan_in, fan_out in zip(
                self.layer_units[:-1], self.layer_units[1:], strict=True
            )
        ]
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])
        self.n_params = int(ends[-1])
        self._slices = [
            slice(int(end) - rows * columns, int(end))
            for end, (rows, columns) in zip(ends, self.shapes, strict=True)
        ]

    @property
    def n_outputs(self):
        return self.layer_units[-1]

    def blocks(self, buffer):
        """Views ``(n_models, fan_in + 1, fan_out)`` of a buffer's layers."""
        return [
            buffer[:, part].reshape(len(buffer), *shape)
            for part, shape in zip(self._slices, self.shapes, strict=True)
        ]

    def weights(self, buffer):
        """Views ``(n_models, fan_in, fan_out)`` of a buffer's weights."""
        return [block[:, :-1] for block in self.blocks(buffer)]

    def flat_weights(self, buffer):
        """Views ``(n_models, fan_in * fan_out)`` of a buffer's weights."""
        return [
            buffer[:, part.start : part.stop - shape[1]]
            for part, shape in zip(self._slices, self.shapes, strict=True)
        ]

    def unpack(self, row):
        """Copies of one model's weights and intercepts, as two lists."""
        blocks = [block[0] for block in self.blocks(row[None])]
        return [b[:-1].copy() for b in blocks], [b[-1].copy() for b in blocks]

    def pack(self, coefs, intercepts, dtype):
        """One model's parameters as a row of the buffer: ``(n_params,)``."""
        row = np.empty(self.n_params, dtype=dtype)
        for block, W, b in zip(self.blocks(row[None]), coefs, intercepts, strict=True):
            block[0, :-1] = W
            block[0, -1] = b
        return row

    def initialize(self, random_state, dtype):
        """Draw one model's parameters as scikit-learn does: per layer W, then b.

        Parameters
        ----------
        random_state : numpy.random.RandomState
        dtype : dtype

        Returns
        -------
        ndarray of shape (n_params,)
        """
        coefs, intercepts = [], []
        for rows, fan_out in self.shapes:
            fan_in = rows - 1
            bound = np.sqrt(self.activation.init_gain / (fan_in + fan_out))
            coefs.append(random_state.uniform(-bound, bound, (fan_in, fan_out)))
            intercepts.append(random_state.uniform(-bound, bound, fan_out))
        return self.pack(coefs, intercepts, dtype)


class Workspace:
    """Buffers for `n_models` networks on `n_rows` rows each, and the two passes.

    Parameters
    ----------
    network : Network
    n_models, n_rows : int
    dtype : dtype
    has_dropout : bool, default=False
        Whether activations with dropped units are kept beside the full ones.
    """

    def __init__(self, network, n_models, n_rows, dtype, has_dropout=False):
        self.network = network
        self._shape = n_models, n_rows, dtype
        hidden_units = network.layer_units[1:-1]

        def activations():
            buffers = [
                aligned_empty((n_models, units + 1, n_rows), dtype)
                for units in hidden_units
            ]
            for H in buffers:
                H[:, -1] = 1
            return buffers

        # The activation's derivative needs the value before units were dropped.
        self._hidden = activations()
        self._dropped = activations() if has_dropout else self._hidden
        self._masks = [
            aligned_empty((n_models, units, n_rows), dtype) if has_dropout else None
            for units in hidden_units
        ]

    @cached_property
    def _deltas(self):
        n_models, n_rows, dtype = self._shape
        return [
            aligned_empty((n_models, units, n_rows), dtype)
            for units in self.network.layer_units[1:]
        ]

    @property
    def output_delta(self):
        """Where the caller writes d loss / d raw: ``(n_models, n_outputs, n_rows)``."""
        return self._deltas[-1]

    def forward(self, blocks, inputs, raw, draw_masks=None):
        """Write the raw predictions into `raw`, ``(n_models, n_outputs, n_rows)``.

        Parameters
        ----------
        blocks : list of ndarray of shape (n_models, fan_in + 1, fan_out)
        inputs : rows.DenseRows or rows.SparseRows
            The first layer's input, loaded.
        raw : ndarray
        draw_masks : callable, default=None
            ``draw_masks(mask)`` fills one layer's dropout mask (0 or 1 / keep).
        """
        layer_input = inputs
        for layer, H in enumerate(self._hidden):
            H, dropped = H[:, :-1], self._dropped[layer][:, :-1]
            self._multiply(blocks[layer], layer_input, out=H)
            self.network.activation.apply(H)
            if draw_masks is not None:
                draw_masks(self._masks[layer])
                np.multiply(H, self._masks[layer], out=dropped)
            layer_input = self._dropped[layer]
        self._multiply(blocks[-1], layer_input, out=raw)

    def backward(self, blocks, inputs, gradient_blocks):
        """Write the gradients of all blocks, from what `output_delta` holds."""
        last = len(blocks) - 1
        for layer in range(last, -1, -1):
            delta = self._deltas[layer]
            if layer == 0:
                inputs.gradient(delta, out=gradient_blocks[0])
                return
            _gradient(self._dropped[layer - 1], delta, out=gradient_blocks[layer])
            below = self._deltas[layer - 1]
            _backpropagate(blocks[layer][:, :-1], delta, out=below)
            if self._masks[layer - 1] is not None:
                below *= self._masks[layer - 1]
            self.network.activation.multiply_derivative(
                self._hidden[layer - 1][:, :-1], below
            )

    @staticmethod
    def _multiply(block, layer_input, out):
        if isinstance(layer_input, np.ndarray):
            np.matmul(block.transpose(0, 2, 1), layer_input, out=out)
        else:
            layer_input.forward(block, out=out)


def _gradient(H, delta, out):
    np.matmul(H, delta.transpose(0, 2, 1), out=out)


def _backpropagate(W, delta, out):
    if W.shape[2] == 1:
        # An outer product is matmul's slow path.
        np.multiply(W, delta, out=out)
    else:
        np.matmul(W, delta, out=out)
