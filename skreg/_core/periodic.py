r"""Trainable periodic features of single inputs: a layer below the dense ones.

Of an *embedded* input ``x`` the first dense layer sees ``x`` itself and, beside it,
``m`` numbers ``e : (m,)``::

    e = B' cos(2 pi (f x + p))

with ``k`` frequencies ``f``, ``k`` phases ``p`` and a mixing matrix ``B : (k, m)``, all
of them trained and of each input its own. Frequencies and phases are counted in turns.
There is no offset, because the dense layer has its intercepts. This is the embedding of
RealMLP ("PBLD": Holzmueller, Grinsztajn & Steinwart 2024), after the periodic features
of Gorishniy, Rubachev & Babenko (2022).

The first dense layer has a row of weights for each input, and after these ``m`` rows
for each embedded input. The *owner* of a row is the input that it belongs to.

A model's parameters stand before its dense layers: the *turns* ``(n_embedded, 2, k)``,
which are the frequencies and the phases of each embedded input, and then the transposed
mixing matrices ``(n_embedded, m, k)``. These are weights like those of a dense layer,
and penalized like them: otherwise they would grow while the weights that their features
meet shrink, the function would stay as it is, and its penalty would go to zero. Turns
are not penalized. A phase of zero is no simpler than another one, and a frequency of
zero makes a constant of what is penalized already.
"""

from typing import NamedTuple

import numpy as np

from .buffers import aligned_empty

__all__ = [
    "N_MIXED",
    "RATE",
    "PeriodicFeatures",
    "PeriodicLayer",
    "PeriodicRows",
    "has_many_values",
    "owners_of_rows",
]

# The features of an embedded input: RealMLP's three. So many stand beside the input for
# all of its waves, so that the first dense layer does not grow with their number.
N_MIXED = 3

# What minibatch steps multiply the learning rate of these parameters with: RealMLP's
# tenth. On 15 tables (3,000 rows, 256-256 units, rate 0.003, three seeds) the error was
# lower on eleven than with the same rate as the weights', by 4 % in the mean.
RATE = 0.1

# Bytes of waves that a chunk of rows has in a prediction: about a second-level cache.
_CHUNK_BYTES = 2**20


def owners_of_rows(n_inputs, embedded):
    """The input that each row of the first dense layer belongs to.

    Parameters
    ----------
    n_inputs : int
    embedded : ndarray of int of shape (n_embedded,)

    Returns
    -------
    ndarray of int of shape (n_inputs + m * n_embedded,)
    """
    return np.concatenate([np.arange(n_inputs), np.repeat(embedded, N_MIXED)])


def has_many_values(X, rows):
    """Whether each column of X has more than two distinct values on some rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    rows : ndarray of int

    Returns
    -------
    ndarray of bool of shape (n_features,)
    """
    if not len(rows):
        return np.zeros(X.shape[1], dtype=bool)
    one = X[rows[0]]
    # The second value of each column, once it is known.
    other, is_known = one.copy(), np.zeros(len(one), dtype=bool)
    has_third = np.zeros(len(one), dtype=bool)
    for start in range(0, len(rows), 1024):
        left = np.flatnonzero(~has_third)
        if not len(left):
            break
        part = X[rows[start : start + 1024]][:, left]
        is_new = part != one[left]
        finds = is_new.any(axis=0) & ~is_known[left]
        found = left[finds]
        other[found] = part[is_new[:, finds].argmax(axis=0), np.flatnonzero(finds)]
        is_known[found] = True
        has_third[left] = (is_new & (part != other[left])).any(axis=0)
    return has_third


class PeriodicFeatures(NamedTuple):
    """The parameters of one network's periodic features, as its user sees them.

    Attributes
    ----------
    inputs : ndarray of int of shape (n_embedded,)
        The columns of X that are embedded.
    frequencies, phases : ndarray of shape (n_embedded, k)
        In turns: for a unit of the input, and at zero.
    mixing : ndarray of shape (n_embedded, k, m)
    """

    inputs: np.ndarray
    frequencies: np.ndarray
    phases: np.ndarray
    mixing: np.ndarray

    def beside(self, X):
        """X with the features beside its columns: what the first dense layer sees.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs)

        Returns
        -------
        ndarray of shape (n_rows, n_inputs + m * n_embedded)
        """
        n_rows, (n_embedded, k, m) = len(X), self.mixing.shape
        dtype = np.result_type(X, *self[1:])
        features = np.empty((n_embedded, n_rows, m), dtype)
        size = max(1, _CHUNK_BYTES // max(1, n_embedded * k * dtype.itemsize))
        for start in range(0, n_rows, size):
            part = slice(start, start + size)
            x = X[part].T[self.inputs][:, :, None]
            turns = x * self.frequencies[:, None] + self.phases[:, None]
            np.matmul(_cos(turns), self.mixing, out=features[:, part])
        features = features.transpose(1, 0, 2).reshape(n_rows, n_embedded * m)
        return np.concatenate([X, features], axis=1)


def _reduce(turns):
    """Turns to the angles of their parts of a whole turn, in place."""
    # Whole turns are taken away while they are exact: the cosine of a large angle has
    # lost the digits of a product with 2 pi.
    turns -= np.rint(turns)
    turns *= 2 * np.pi
    return turns


def _cos(turns):
    """``cos(2 pi turns)``, in place."""
    return np.cos(_reduce(turns), out=turns)


class PeriodicLayer:
    """The layout of the parameters of periodic features.

    Parameters
    ----------
    n_inputs : int
    inputs : ndarray of int of shape (n_embedded,)
        Those that are embedded, in rising order.
    n_frequencies : int
        Waves of each embedded input: ``k``.
    frequency_scale : float, default=0.1
        Standard deviation of the initial frequencies.

    Attributes
    ----------
    n_params, n_turns : int
        The number of all parameters, and of those that are not penalized.
    n_outputs : int
        Inputs and features: what the first dense layer sees.
    owners : ndarray of int of shape (n_outputs,)
        See `owners_of_rows`.

    Raises
    ------
    ValueError
        If there are no such inputs. Nobody looks at them again.
    """

    def __init__(self, n_inputs, inputs, n_frequencies, frequency_scale=0.1):
        self.n_inputs = n_inputs
        self.inputs = np.asarray(inputs, dtype=np.intp)
        if ((self.inputs < 0) | (self.inputs >= n_inputs)).any():
            raise ValueError(f"The embedded inputs must be in 0 to {n_inputs - 1}.")
        self.n_frequencies, self._scale = n_frequencies, frequency_scale
        n_waves = len(self.inputs) * n_frequencies
        self.n_turns, self.n_params = 2 * n_waves, (2 + N_MIXED) * n_waves
        self.owners = owners_of_rows(n_inputs, self.inputs)
        self.n_outputs = len(self.owners)

    @property
    def width(self):
        """The numbers that a row has on its way through the layer."""
        return self.n_outputs + 2 * len(self.inputs) * self.n_frequencies

    @property
    def key(self):
        """Equal for layers of one layout."""
        return self.n_inputs, self.inputs.tobytes(), self.n_frequencies

    def views(self, buffer):
        """Turns and mixing matrices of a buffer of networks.

        Returns
        -------
        turns : ndarray of shape (n_models, n_embedded, 2, k)
        mixing : ndarray of shape (n_models, n_embedded, m, k)
        """
        n_models, n_embedded, k = len(buffer), len(self.inputs), self.n_frequencies
        turns = buffer[:, : self.n_turns].reshape(n_models, n_embedded, 2, k)
        mixing = buffer[:, self.n_turns : self.n_params]
        return turns, mixing.reshape(n_models, n_embedded, N_MIXED, k)

    def unpack(self, row):
        """Copies of one model's parameters: `PeriodicFeatures`."""
        (turns,), (mixing,) = self.views(row[None])
        parameters = turns[:, 0], turns[:, 1], mixing.transpose(0, 2, 1)
        return PeriodicFeatures(
            self.inputs.copy(), *(np.array(each, order="C") for each in parameters)
        )

    def pack(self, features, row):
        """Write one model's parameters into its row of a buffer."""
        (turns,), (mixing,) = self.views(row[None])
        turns[:, 0], turns[:, 1] = features.frequencies, features.phases
        mixing[...] = features.mixing.transpose(0, 2, 1)

    def initialize(self, random_state):
        """Draw one model's parameters: `PeriodicFeatures`.

        Frequencies are normal, phases uniform over a turn, and the entries of the
        mixing matrix uniform with variance ``1 / (3 k)``, as of a linear layer's that
        sees k waves.
        """
        shape = len(self.inputs), self.n_frequencies
        frequencies = random_state.normal(0, self._scale, shape)
        phases = random_state.uniform(0, 1, shape)
        bound = 1 / np.sqrt(self.n_frequencies)
        mixing = random_state.uniform(-bound, bound, (*shape, N_MIXED))
        return PeriodicFeatures(self.inputs, frequencies, phases, mixing)


class PeriodicRows:
    """Rows with the periodic features that each network makes of them.

    It has the verbs ``forward`` and ``gradient`` of `rows.DenseRows`, whose rows it
    reads after they are loaded, and ``backward`` for the gradient of its own.

    Parameters
    ----------
    layer : PeriodicLayer
    params : ndarray of shape (n_models, n_params)
        Read at each pass; may change between passes.
    rows : rows.DenseRows
    n_rows : int
    """

    def __init__(self, layer, params, rows, n_rows):
        self._layer, self._rows = layer, rows
        n_models, dtype, d = len(params), params.dtype, layer.n_inputs
        self._turns, self._mixing = layer.views(params)
        # Feature-major as the activations are, with the constant one of the intercept.
        self._outputs = aligned_empty((n_models, layer.n_outputs + 1, n_rows), dtype)
        self._outputs[:, -1] = 1
        n_embedded, k = len(layer.inputs), layer.n_frequencies
        shape = n_models, n_embedded, N_MIXED, n_rows
        self._features = self._outputs[:, d:-1].reshape(shape)
        self._x = aligned_empty((n_models, n_embedded, n_rows), dtype)
        self._angles = aligned_empty((n_models, n_embedded, k, n_rows), dtype)
        self._waves = aligned_empty(self._angles.shape, dtype)

    def forward(self, block, out):
        d, inputs = self._layer.n_inputs, self._layer.inputs
        for models, columns in self._rows.columns():
            self._outputs[models, :d] = columns
            self._x[models] = columns[inputs]
        frequencies, phases = self._turns[:, :, 0], self._turns[:, :, 1]
        angles = self._angles
        np.multiply(frequencies[..., None], self._x[:, :, None], out=angles)
        angles += phases[..., None]
        np.cos(_reduce(angles), out=self._waves)
        np.matmul(self._mixing, self._waves, out=self._features)
        np.matmul(block.transpose(0, 2, 1), self._outputs, out=out)

    def gradient(self, delta, out):
        np.matmul(self._outputs, delta.transpose(0, 2, 1), out=out)

    def backward(self, W, delta, out):
        """Write the gradient of the layer's own parameters; once a forward pass.

        Parameters
        ----------
        W : ndarray of shape (n_models, n_outputs, n_units)
            The first dense layer's weights.
        delta : ndarray of shape (n_models, n_units, n_rows)
            The gradient by that layer's sums.
        out : tuple of ndarray
            The turns and mixing matrices of a buffer of gradients: see `PeriodicLayer`.
        """
        by_turn_parts, by_mixing = out
        shape = self._features.shape
        slopes = np.matmul(W[:, self._layer.n_inputs :], delta).reshape(shape)
        np.matmul(slopes, self._waves.transpose(0, 1, 3, 2), out=by_mixing)
        # The gradient by the turns takes the place of the waves.
        sines = np.sin(self._angles, out=self._angles)
        np.matmul(self._mixing.transpose(0, 1, 3, 2), slopes, out=self._waves)
        by_turns = np.multiply(self._waves, sines, out=self._waves)
        by_turns *= -2 * np.pi
        by_turn_parts[:, :, 0] = np.matmul(by_turns, self._x[..., None])[..., 0]
        by_turn_parts[:, :, 1] = by_turns.sum(axis=-1)
