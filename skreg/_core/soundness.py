r"""Whether networks predict finite values on their training rows.

Finite parameters may have products that are not: what training keeps is checked on
rows. It is *sound* if no sum of the forward pass can overflow there, in whatever order
it is taken, for `predict` may take another one than training. With ``N_l`` the
Frobenius norm of layer ``l`` (intercepts included), ``u`` units in the widest layer and
``r`` the largest norm of a row of X, the constant one of the intercept included, the
inequality of Cauchy and Schwarz bounds them all::

    |z_l| <= N_l a_{l-1},    a_0 = r,    a_l = |(h_l, 1)| <= |z_l| + sqrt(u + 1)

because every activation has ``|phi(z)| <= |z|`` or ``|phi(z)| <= 1``. As no ``a_l`` is
below one, the raw predictions of L layers are at most ``(N + sqrt(u + 1))^L r``, with
``N`` the norm of all parameters. And as no slope of the activation is above ``s`` (one
for most), parameters that differ by ``D_l`` in layer ``l`` change the sums by at most::

    d_l = D_l a_{l-1} + N_l s d_{l-1},    d_0 = 0

Periodic features (see `periodic`) stand between the row and the first layer. With ``T``
the norm of all frequencies and phases, ``M`` that of all mixing matrices and ``k``
frequencies of an input, the turns are at most ``T r``, and as a cosine is at most one
and has no slope above one::

    a_0 = |(r, sqrt(k) M)|,    d_0 = sqrt(k) D_M + 2 pi M D_T r,    s = 1 into layer 1

Hence ``a_0 <= sqrt(k) r (N + sqrt(u + 1))``: such a network is bounded as one with a
layer more, on rows that are longer by ``sqrt(k)``.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .predictions import forward_passes
from .properties import cached_property

__all__ = ["FinitePredictions", "RowNorms"]

# More than rounding can take from a norm, in float32 and over many rows.
_ROUNDING = 1.5


class RowNorms:
    """Bounds of the norms of X's rows with a one appended; for many networks.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    """

    def __init__(self, X):
        self.X = X
        self._values = X.data if sparse.issparse(X) else X

    @cached_property
    def total(self):
        """Not below any row's, and read in one call of BLAS; may be infinite."""
        square = float(np.vdot(self._values, self._values))
        return _ROUNDING * np.sqrt(square + 1)

    @cached_property
    def each(self):
        """Those of the rows: ``(n_samples,)``."""
        X, norms = self.X, np.empty(self.X.shape[0])
        for start in range(0, X.shape[0], 1024):
            part = X[start : start + 1024]
            part = part.toarray() if sparse.issparse(part) else part
            norms[start : start + 1024] = _norms_with_one(part, axis=1)
        return norms


class _Parts(NamedTuple):
    """The parameters of one network; what it has none of is of no length."""

    turns: np.ndarray  # frequencies and phases
    mixing: np.ndarray
    layers: list


class FinitePredictions:
    """Says of a network, epoch by epoch, whether its predictions are finite.

    Ordinarily that costs the norm of the parameters: one call of BLAS, and the test
    that they are finite at the same time. Only a norm at which the bound passes what
    the dtype can hold, or what the loss can predict from, is looked into: layer by
    layer; by how far the network has moved since its rows were predicted; and where
    none of this rules out an overflow, by predicting the rows, which gives the ``a_l``
    themselves.

    Parameters
    ----------
    network : network.Network
    norms : RowNorms
        Of X.
    rows : ndarray of int
        The training rows in X.
    largest_raw : float, default=inf
        What raw predictions must not pass for the sake of what is made of them later,
        beside the limits of the dtype and of the loss.
    """

    def __init__(self, network, norms, rows, largest_raw=np.inf):
        self._network, self._norms, self._rows = network, norms, rows
        self._largest_row = None
        dtype = norms.X.dtype
        self._limit = min(network.loss.largest_raw(dtype), largest_raw)
        self._largest_sum = float(np.finfo(dtype).max) / _ROUNDING
        self._slack = np.sqrt(max(network.layer_units[1:]) + 1)
        periodic = network.periodic
        self._root_k = 1.0 if periodic is None else periodic.n_frequencies**0.5
        # Of the network whose rows were predicted last: its parts, their `a_l`, and
        # how far its raw predictions were from the limit.
        self._predicted = None

    @cached_property
    def _largest_norm(self):
        """The norm of all parameters up to which no prediction can pass the limit.

        Found in the first epoch, where the threads of BLAS are limited.
        """
        n_layers = len(self._network.shapes) + (self._network.periodic is not None)
        longest_row = self._root_k * self._norms.total
        largest = (self._limit / longest_row) ** (1 / n_layers)
        return (largest - self._slack) / _ROUNDING

    def __call__(self, params):
        """Whether all predictions of the training rows are finite.

        Parameters
        ----------
        params : ndarray of shape (n_params,)

        Returns
        -------
        bool
        """
        # False where a parameter is not finite, and where the square overflows.
        if np.vdot(params, params) ** 0.5 <= self._largest_norm:
            return True
        if not np.isfinite(params).all():
            return False
        if self._largest_row is None:
            self._largest_row = self._norms.each[self._rows].max()
        parts = self._parts(params)
        sums = self._bounds(parts)
        if max(sums) <= self._largest_sum:
            if sums[-1] <= self._limit or self._has_moved_little(parts):
                return True
        return self._predict(params, parts)

    def _parts(self, params):
        """The parts, in which squares overflow as late as can be."""
        row = params[None].astype(np.float64)
        nothing = np.empty(0), np.empty(0)
        turns, mixing = self._network.periodic_views(row) or nothing
        return _Parts(turns, mixing, self._network.blocks(row))

    def _bounds_of_features(self, parts):
        """The bounds of the turns and of the features, and ``a_0``."""
        turns = _norm(parts.turns) * self._largest_row
        features = self._root_k * _norm(parts.mixing)
        return turns, features, float(np.hypot(self._largest_row, features))

    def _bounds(self, parts):
        """The bounds of all sums, those of the last layer last."""
        *sums, incoming = self._bounds_of_features(parts)
        for layer in parts.layers:
            sums.append(_norm(layer) * incoming)
            incoming = sums[-1] + self._slack
        return sums

    def _has_moved_little(self, parts):
        """Whether no raw prediction can have come as far as the limit."""
        if self._predicted is None:
            return False
        *_, margin = self._predicted
        return self._change(parts) <= margin

    def _change(self, parts):
        """The bound of the raw predictions' change since the rows were predicted."""
        before, incoming, _ = self._predicted
        turns = _norm(parts.turns - before.turns) * self._largest_row
        change = self._root_k * _norm(parts.mixing - before.mixing)
        change += 2 * np.pi * _norm(parts.mixing) * turns
        slope = 1.0
        for layer, layer_before, a in zip(
            parts.layers, before.layers, incoming, strict=True
        ):
            change *= slope
            change = _norm(layer - layer_before) * a + _norm(layer) * change
            slope = self._network.activation.steepest
        return change * _ROUNDING

    def _predict(self, params, parts):
        """Judge by the rows, and remember what they said."""
        raw, incoming = 0.0, np.zeros(len(parts.layers))
        *sums, incoming[0] = self._bounds_of_features(parts)
        passes = forward_passes(self._network, params, self._norms.X, self._rows)
        for *hidden, outputs in passes:
            # What is not a number stays that.
            raw = np.maximum(raw, np.abs(outputs).max())
            norms = [_norms_with_one(H, axis=1).max() for H in hidden]
            incoming[1:] = np.maximum(incoming[1:], norms)
        sums += [_norm(W) * a for W, a in zip(parts.layers, incoming, strict=True)]
        is_sound = all(z <= self._largest_sum for z in sums) and raw <= self._limit
        if is_sound:
            self._predicted = parts, incoming, self._limit - raw
        return bool(is_sound)


def _norm(layer):
    return float(np.linalg.norm(layer))


def _norms_with_one(values, axis):
    """Norms along an axis, a one appended: of scaled values, whose squares are safe."""
    scale = np.maximum(np.abs(values).max(axis, keepdims=True, initial=0), 1)
    scale = scale.astype(np.float64)
    return scale.squeeze(axis) * np.sqrt(((values / scale) ** 2).sum(axis) + 1)
