"""What networks predict before the inverse link: of many on the same rows, of one.

:func:`predict_raw` is for networks of the engine, rows of a buffer; where more than the
predictions is wanted, :class:`Chunks` and :func:`forward_passes` hand out the layers.
:func:`raw_predictions` is for a fitted estimator, whose truth is its lists of weights.
"""

import numpy as np
from scipy import sparse

from .engines import compiled_or_none, compiled_package, is_compiled_wanted
from .loop import computing
from .network import Workspace
from .rows import make_rows
from .threads import blas_threads_for

__all__ = [
    "Chunks",
    "compiled_evaluation",
    "forward_passes",
    "predict_raw",
    "raw_predictions",
]

# Bytes of activations of a chunk: about a second-level cache.
_CHUNK_BYTES = 2**20

# Of chunks, of which the one is taken that leaves the fewest rows over.
_MOST_SIZES = 256


def _chunk_rows(network, n_models, n_rows, dtype):
    width = network.layer_units[0] + n_models * sum(network.layer_units[1:])
    if network.periodic is not None:
        width += n_models * network.periodic.width
    rows = _CHUNK_BYTES // (width * np.dtype(dtype).itemsize)
    rows = int(min(max(rows, 64), n_rows))
    # What is left over has buffers of its own, which are small where few rows are.
    sizes = np.arange(rows, 3 * rows // 4, -1)[:_MOST_SIZES]
    return int(sizes[np.argmin(n_rows % sizes)])


class Chunks:
    """Iterates over chunks of rows with the networks' raw predictions on each.

    A chunk is so large that its activations stay in cache, and memory does not grow
    with the number of rows.

    Parameters
    ----------
    network : network.Network
    n_models : int
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    rows : ndarray of int of shape (n_rows,)
    """

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
    for _, workspace, raw in Chunks(network, 1, X, rows).forward(params):
        yield [*workspace.hidden, raw]


def compiled_evaluation(network, X, rows, Y=None, sample_weight=None):
    """What evaluates networks on some rows by compiled functions.

    The parameters are those of `compiled.evaluation.CompiledEvaluation`.

    Returns
    -------
    CompiledEvaluation or None
        None if that is not wanted (see `engines`), or if functions are missing.
    """
    if not is_compiled_wanted():
        return None
    module = compiled_package().evaluation
    if not module.is_covered(network):
        return None
    arguments = network, X, rows, Y, sample_weight
    return compiled_or_none(module.CompiledEvaluation, *arguments)


def predict_raw(network, params, X, rows=None):
    """The raw predictions of many networks on the same rows.

    Rows are gathered a chunk at a time and multiplied with all networks; a network's
    predictions are those that it would have alone, up to rounding.

    Parameters
    ----------
    network : network.Network
    params : ndarray of shape (n_models, n_params)
        Of X's dtype, which the result has, too.
    X : ndarray (C-ordered) or CSR matrix of shape (n_samples, n_features)
    rows : ndarray of int of shape (n_rows,), default=None
        All by default.

    Returns
    -------
    ndarray of shape (n_models, n_rows, n_outputs)
        Not finite where a network's are not; no warning says so.
    """
    rows = np.arange(X.shape[0]) if rows is None else np.asarray(rows)
    evaluation = compiled_evaluation(network, X, rows)
    if evaluation is not None:
        n_multiply_adds = evaluation.largest_product
        with computing(blas_threads_for(n_multiply_adds, engine="compiled")):
            return evaluation.predictions(params)
    chunks = Chunks(network, len(params), X, rows)
    predicted = np.empty((len(params), len(rows), network.n_outputs), X.dtype)
    with computing(blas_threads_for(chunks.largest_product)):
        for part, _, raw in chunks.forward(params):
            predicted[:, part] = raw.transpose(0, 2, 1)
    return predicted


def raw_predictions(coefs, intercepts, activation, X, features=None):
    """What a fitted network predicts before the inverse link, by its lists of weights.

    The weights are those that its user sees and may have edited, of whatever dtype; all
    rows are predicted at once.

    Parameters
    ----------
    coefs, intercepts : list of ndarray
        A layer each, ``(fan_in, fan_out)`` and ``(fan_out,)``.
    activation : activations.Activation
    X : ndarray or sparse matrix of shape (n_rows, n_features)
    features : periodic.PeriodicFeatures, default=None
        Then X is an array.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    H = X if features is None else features.beside(X)
    last = len(coefs) - 1
    for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        H = H @ W
        H += b
        if layer < last:
            activation.apply(H)
    return H
