"""How many models to train side by side, and with how many threads."""

from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

__all__ = ["chunk_size", "one_blas_thread"]

# Parameters, moments, gradients and activations of a chunk that trains fastest: more
# fall out of the cache, fewer leave the overhead of a step on too few (measured on
# grids of 16 penalties: best at 4 to 8 models of 100 hidden units, 1 or 2 of two layers
# of 256).
_CHUNK_BYTES = 3_000_000


def chunk_size(network, batch_size, dtype):
    """The number of models to train side by side, at least one.

    Parameters
    ----------
    network : network.Network
    batch_size : int
    dtype : dtype

    Returns
    -------
    int
    """
    activations = 2 * batch_size * sum(network.layer_units[1:])
    n_bytes = np.dtype(dtype).itemsize * (4 * network.n_params + activations)
    return max(1, _CHUNK_BYTES // n_bytes)


@cache
def _blas_libraries():
    # Looking for them takes milliseconds, as long as training a small network.
    return ThreadpoolController().select(user_api="blas")


def one_blas_thread():
    """A context in which BLAS has one thread.

    Products of small networks are small: more threads would spend their time waiting,
    and be in the way of other processes'.
    """
    return _blas_libraries().limit(limits=1)
