"""How many models to train side by side."""

import numpy as np

from .engines import is_compiled_wanted

__all__ = ["chunk_size"]

# Parameters, moments, gradients and activations of a chunk that trains fastest: more
# fall out of the cache, fewer leave the overhead of a step on too few (measured on
# grids of 16 penalties: best at 4 to 8 models of 100 hidden units, 1 or 2 of two layers
# of 256).
_CHUNK_BYTES = 3_000_000
# The compiled step takes one model after the other, so that a chunk need not fit into
# any cache. The more models are in it, the fewer times Python begins and ends an epoch.
_COMPILED_CHUNK_BYTES = 8_000_000


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
    if network.periodic is not None:
        activations += batch_size * network.periodic.width
    n_bytes = np.dtype(dtype).itemsize * (4 * network.n_params + activations)
    most_bytes = _COMPILED_CHUNK_BYTES if is_compiled_wanted() else _CHUNK_BYTES
    return max(1, most_bytes // n_bytes)
