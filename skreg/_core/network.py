"""The networks of a batch: parameter layout, initialization, forward, backward.

All parameters of ``n_models`` networks stand in one C-ordered buffer ``(n_models,
n_params)``. Layer ``l`` owns the block ``(fan_in + 1, fan_out)`` of every row, whose
last row is its intercept: with a constant one appended to the layer's input, one
product gives ``W' h + b``, and one product gives both gradients. Before the layers are
the parameters of periodic features, if a network has any (see `periodic`).

Activations are feature-major, ``(n_models, n_units + 1, n_rows)``, the constant
included.
"""

import numpy as np

from .activations import ACTIVATIONS
from .buffers import aligned_empty
from .periodic import PeriodicRows
from .properties import cached_property

__all__ = ["Network", "Workspace"]


class Network:
    """The architecture that all networks of a batch share.

    Parameters
    ----------
    layer_units : sequence of int
        Inputs, hidden units, outputs; ``(d, c)`` is a generalized linear model.
    activation : str
        Of the hidden layers; a key of `activations.ACTIVATIONS`.
    loss : losses.Loss
        Of the raw prediction; it also holds the inverse link.
    periodic : periodic.PeriodicLayer, default=None
        The periodic features of the inputs.

    Attributes
    ----------
    layer_units : tuple of int
        Those of the dense layers: periodic features count as inputs.
    n_periodic : int
        The number of parameters of periodic features, with which a row begins.
    """

    def __init__(self, layer_units, activation, loss, periodic=None):
        self.layer_units = tuple(layer_units)
        self.periodic = periodic
        self.n_periodic = 0
        if periodic is not None:
            self.layer_units = periodic.n_outputs, *self.layer_units[1:]
            self.n_periodic = periodic.n_params
            self._mixing_slice = slice(periodic.n_turns, periodic.n_params)
        self.activation_name = activation
        self.activation = ACTIVATIONS[activation]
        self.loss = loss
        self.shapes = [
            (fan_in + 1, fan_out)
            for fan_in, fan_out in zip(
                self.layer_units[:-1], self.layer_units[1:], strict=True
            )
        ]
        sizes = [rows * columns for rows, columns in self.shapes]
        ends = self.n_periodic + np.cumsum(sizes)
        self.n_params = int(ends[-1])
        self._slices = [
            slice(int(end) - rows * columns, int(end))
            for end, (rows, columns) in zip(ends, self.shapes, strict=True)
        ]

        hidden_units = self.layer_units[1:-1]
        self._hidden_slices = [
            slice(int(end) - units, int(end))
            for end, units in zip(np.cumsum(hidden_units), hidden_units, strict=True)
        ]

    @property
    def n_outputs(self):
        return self.layer_units[-1]

    @property
    def key(self):
        """Equal for networks of one layout, up to activation and loss."""
        return self.layer_units, self.periodic and self.periodic.key

    @property
    def n_inputs(self):
        """The number of inputs, periodic features not counted."""
        return self.layer_units[0] if self.periodic is None else self.periodic.n_inputs

    @property
    def owners(self):
        """The input that each row of the first layer belongs to; None if each its own.

        See `periodic.owners_of_rows`.
        """
        return None if self.periodic is None else self.periodic.owners

    @property
    def embedded_inputs(self):
        """The inputs that have periodic features; None without such a layer."""
        return None if self.periodic is None else self.periodic.inputs

    def largest_product(self, n_rows, is_sparse):
        """Multiply-adds of the largest matrix product with so many rows.

        The first layer's product with a sparse matrix is none of BLAS's.
        """
        dense = self.shapes[1:] if is_sparse else self.shapes
        return n_rows * max((rows * columns for rows, columns in dense), default=0)

    def blocks(self, buffer):
        """Views ``(n_models, fan_in + 1, fan_out)`` of a buffer's layers."""
        return [
            buffer[:, part].reshape(len(buffer), *shape)
            for part, shape in zip(self._slices, self.shapes, strict=True)
        ]

    def weights(self, buffer):
        """Views of all that is penalized: ``(n_models, fan_in, fan_out)``.

        The weights of the dense layers, the first one first, and then, if there are
        any, the mixing matrices of the periodic features as one, ``(n_models,
        n_embedded * m, n_frequencies)``.
        """
        weights = [block[:, :-1] for block in self.blocks(buffer)]
        if self.n_periodic:
            mixing = buffer[:, self._mixing_slice]
            shape = len(buffer), -1, self.periodic.n_frequencies
            weights.append(mixing.reshape(shape))
        return weights

    def flat_weights(self, buffer):
        """The same, as views ``(n_models, fan_in * fan_out)``."""
        weights = [
            buffer[:, part.start : part.stop - shape[1]]
            for part, shape in zip(self._slices, self.shapes, strict=True)
        ]
        if self.n_periodic:
            weights.append(buffer[:, self._mixing_slice])
        return weights

    def hidden_layers(self, stacked):
        """Views of ``(n_models, n_hidden_units, n_rows)``: one a hidden layer."""
        return [stacked[:, part] for part in self._hidden_slices]

    def periodic_views(self, buffer):
        """Turns and mixing matrices of a buffer (see `PeriodicLayer`), or None."""
        return None if self.periodic is None else self.periodic.views(buffer)

    def unpack(self, row):
        """Copies of one model's weights and intercepts, as two lists."""
        blocks = [block[0] for block in self.blocks(row[None])]
        return [b[:-1].copy() for b in blocks], [b[-1].copy() for b in blocks]

    def unpack_periodic(self, row):
        """Copies of one model's `periodic.PeriodicFeatures`, or None."""
        return None if self.periodic is None else self.periodic.unpack(row)

    def pack(self, coefs, intercepts, dtype, features=None):
        """One model's parameters as a row of the buffer: ``(n_params,)``.

        Parameters
        ----------
        coefs, intercepts : list of ndarray
        dtype : dtype
        features : periodic.PeriodicFeatures, default=None
            If the network has them.
        """
        row = np.empty(self.n_params, dtype=dtype)
        if self.periodic is not None:
            self.periodic.pack(features, row)
        for block, W, b in zip(self.blocks(row[None]), coefs, intercepts, strict=True):
            block[0, :-1] = W
            block[0, -1] = b
        return row

    def initialize(self, random_state, dtype):
        """Draw one model's parameters as scikit-learn does: per layer W, then b.

        Periodic features are drawn last.

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
        features = self.periodic and self.periodic.initialize(random_state)
        return self.pack(coefs, intercepts, dtype, features)

    def places_with(self, inputs):
        """Where the parameters of the network with some of the inputs stand in a row.

        Parameters
        ----------
        inputs : ndarray of int
            In rising order.

        Returns
        -------
        ndarray of int
        """
        rows, is_embedded = inputs, None
        if self.periodic is not None:
            rows = np.flatnonzero(np.isin(self.owners, inputs))
            is_embedded = np.isin(self.embedded_inputs, inputs)
        units = [np.arange(n) for n in self.layer_units[1:-1]]
        return self.places_of(rows, units, is_embedded)

    def places_of(self, rows, units, is_embedded=None):
        """Where the parameters of a part of the network stand in a row.

        Parameters
        ----------
        rows : ndarray of int
            The rows of the first layer that the part has.
        units : list of ndarray of int
            The units that it has of each hidden layer.
        is_embedded : ndarray of bool, default=None
            Which of the embedded inputs it has, where there is a periodic layer.

        Returns
        -------
        ndarray of int
        """
        places = np.arange(self.n_params)[None]
        parts = []
        if self.periodic is not None:
            waves = self.periodic.views(places)
            parts = [part[0, is_embedded].ravel() for part in waves]
        layers = [rows, *units, np.arange(self.n_outputs)]
        blocks = self.blocks(places)
        for (block,), fan_in, fan_out in zip(blocks, layers, layers[1:], strict=False):
            # The last row is the intercept.
            with_intercept = np.append(fan_in, len(block) - 1)
            parts.append(block[np.ix_(with_intercept, fan_out)].ravel())
        return np.concatenate(parts)


class Workspace:
    """The two passes through a buffer of networks, on `n_rows` rows at a time.

    All views that a pass needs are made once: on small networks making them anew costs
    as much as the arithmetic.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_models, n_params)
        Read at each pass; may change between passes.
    inputs : rows.DenseRows or rows.SparseRows
        The first layer's input; loaded before each pass.
    n_rows : int
    has_dropout : bool, default=False
        Whether activations with dropped units are kept beside the full ones.
    """

    def __init__(self, network, params, inputs, n_rows, has_dropout=False):
        if network.periodic is not None:
            inputs = PeriodicRows(network.periodic, params, inputs, n_rows)
        self._network, self._inputs = network, inputs
        n_models, dtype = len(params), params.dtype
        self._shape = n_models, n_rows, dtype
        hidden_units = network.layer_units[1:-1]
        blocks = network.blocks(params)
        self._first_block = blocks[0]
        self._transposed_blocks = [block.transpose(0, 2, 1) for block in blocks]
        self._weights = [block[:, :-1] for block in blocks]

        def activations():
            buffers = [
                aligned_empty((n_models, units + 1, n_rows), dtype)
                for units in hidden_units
            ]
            for H in buffers:
                H[:, -1] = 1
            return buffers

        # The activation's derivative needs the value before units were dropped, the
        # products the value after.
        hidden = activations()
        self._outgoing = activations() if has_dropout else hidden
        self._hidden = [H[:, :-1] for H in hidden]
        self._dropped = [H[:, :-1] for H in self._outgoing]
        # What the derivatives are functions of: the values, or copies of what they are
        # the values of.
        self._keeps_inputs = network.activation.needs_input
        self._kept = self._hidden
        if self._keeps_inputs:
            self._kept = [
                aligned_empty((n_models, units, n_rows), dtype)
                for units in hidden_units
            ]

    # What follows is only made where there is a backward pass.

    @cached_property
    def _deltas(self):
        layer_units = self._network.layer_units[1:]
        return [
            delta[:, :units]
            for delta, units in zip(self._padded_deltas, layer_units, strict=True)
        ]

    @cached_property
    def _padded_deltas(self):
        # A layer of one unit gets a second one that is always zero: an outer product is
        # matmul's slow path, and broadcasting takes three to five times as long as the
        # product with the padding.
        n_models, n_rows, dtype = self._shape
        deltas = []
        for units in self._network.layer_units[1:]:
            delta = aligned_empty((n_models, max(units, 2), n_rows), dtype)
            delta[:, units:] = 0
            deltas.append(delta)
        return deltas

    @cached_property
    def _padded_weights(self):
        n_models, _, dtype = self._shape
        return [
            np.zeros((n_models, W.shape[1], 2), dtype) if W.shape[2] == 1 else None
            for W in self._weights
        ]

    @cached_property
    def _transposed_deltas(self):
        return [delta.transpose(0, 2, 1) for delta in self._deltas]

    @property
    def output_delta(self):
        """Where the caller writes d loss / d raw: ``(n_models, n_outputs, n_rows)``."""
        return self._deltas[-1]

    @property
    def hidden(self):
        """The hidden activations of the last pass, ``(n_models, n_units, n_rows)``."""
        return self._hidden

    def forward(self, raw, masks=None):
        """Write the raw predictions into `raw`, ``(n_models, n_outputs, n_rows)``.

        Parameters
        ----------
        raw : ndarray of shape (n_models, n_outputs, n_rows)
        masks : list of ndarray of shape (n_models, n_units, n_rows), default=None
            With dropout, what the activations of each hidden layer are multiplied by: 0
            or the inverse of the share of units that is kept.
        """
        last = len(self._hidden)
        for layer in range(last + 1):
            out = raw if layer == last else self._hidden[layer]
            if layer == 0:
                self._inputs.forward(self._first_block, out)
            else:
                incoming = self._outgoing[layer - 1]
                np.matmul(self._transposed_blocks[layer], incoming, out=out)
            if layer == last:
                return
            if self._keeps_inputs:
                self._kept[layer][...] = out
            self._network.activation.apply(out)
            if masks is not None:
                np.multiply(out, masks[layer], out=self._dropped[layer])

    def backward(self, gradient_blocks, masks=None, periodic_gradient=None):
        """Write the gradients of all blocks, from what `output_delta` holds.

        Parameters
        ----------
        gradient_blocks : list of ndarray of shape (n_models, fan_in + 1, fan_out)
        masks : list of ndarray, default=None
            Those of the forward pass.
        periodic_gradient : tuple of ndarray, default=None
            The gradients of periodic features: `Network.periodic_views` of a buffer.
        """
        for layer in range(len(self._hidden), 0, -1):
            delta, below = self._deltas[layer], self._deltas[layer - 1]
            transposed = self._transposed_deltas[layer]
            np.matmul(self._outgoing[layer - 1], transposed, out=gradient_blocks[layer])
            W = self._weights[layer]
            if W.shape[2] == 1:
                padded = self._padded_weights[layer]
                padded[:, :, :1] = W
                W, delta = padded, self._padded_deltas[layer]
            np.matmul(W, delta, out=below)
            if masks is not None:
                below *= masks[layer - 1]
            self._network.activation.multiply_derivative(self._kept[layer - 1], below)
        self._inputs.gradient(self._deltas[0], gradient_blocks[0])
        if periodic_gradient is not None:
            own = self._weights[0], self._deltas[0], periodic_gradient
            self._inputs.backward(*own)
