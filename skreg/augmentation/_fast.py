"""Vectorised versions of functions that NumPy computes value by value.

The docstrings give the times with and without, measured on 200 rows of 617 float32
features, where a training step with 100 hidden units takes 800 us.
"""

import numpy as np

# Coins have 16 random bits, so a probability is resolved to 1.5e-5.
COIN_SIDES = 2**16


def random_words(n_words, rng):
    """Random 64-bit words."""
    return rng.integers(0, 2**64 - 1, n_words, dtype=np.uint64, endpoint=True)


def toss_coins(shape, rng):
    """Uniform numbers from 0 to `COIN_SIDES` - 1, as uint16.

    One random word gives four of them. This takes 70 us instead of the 130 of
    ``rng.integers(dtype=uint16)`` and the 220 of ``rng.random(dtype=float32)``.
    """
    size = int(np.prod(shape))
    coins = random_words(-(-size // 4), rng).view(np.uint16)
    return coins[:size].reshape(shape)


def standard_normal(shape, dtype, rng):
    """Standard normal numbers with the resolution of float32.

    The Box-Muller transform, whose logarithm, sine and cosine are vectorised, takes 350
    us instead of the 1100 of ``rng.standard_normal``. The tails end at 6.5, beyond
    which one in 10^10 numbers would lie.
    """
    size = int(np.prod(shape))
    n_pairs = -(-size // 2)
    # One word gives a pair. The integers are signed, because only the conversion of
    # signed ones is vectorised.
    uniform = random_words(n_pairs, rng).view(np.int32).astype(np.float32)
    angle, radius = uniform[:n_pairs], uniform[n_pairs:]
    angle *= np.float32(np.pi / 2**31)
    # The magnitude has the fine resolution of floats near zero. One is added because
    # zero has no logarithm.
    np.abs(radius, out=radius)
    radius += 1
    radius *= np.float32(2**-31)
    np.log(radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    normal = np.empty(2 * n_pairs, dtype=dtype)
    np.multiply(np.cos(angle), radius, out=normal[:n_pairs])
    np.multiply(np.sin(angle), radius, out=normal[n_pairs:])
    return normal[:size].reshape(shape)


def select(chosen, replacement, X):
    """``np.where(chosen, replacement, X)`` on the bits.

    Random masks make ``where`` mispredict its branches: 110 us instead of 280.

    Parameters
    ----------
    chosen : ndarray of bool of shape (n_rows, n_features)
    replacement : ndarray of the dtype of X, that broadcasts to it
    X : ndarray of shape (n_rows, n_features), float32 or float64
    """
    word = np.dtype(f"i{X.itemsize}")
    bits = X.view(word)
    # Minus one is the word whose bits are all ones.
    changed = np.negative(chosen.view(np.int8)).astype(word)
    changed &= bits ^ replacement.view(word)
    changed ^= bits
    return changed.view(X.dtype)
