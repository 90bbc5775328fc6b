"""How many models to train side by side."""

import numpy as np

__all__ = ["chunk_size"]

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
