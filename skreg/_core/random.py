"""The streams of random numbers, and the minibatches that come out of them.

A single fit consumes scikit-learn's stream in its order: parameters, validation split,
then one permutation an epoch. What scikit-learn does not draw (dropout, augmentation)
comes from generators of their own, seeded from a copy of that stream: switching them on
moves no initial weight and no minibatch.
"""

import copy

import numpy as np

__all__ = ["Stream"]


class Stream:
    """The minibatches of one set of training rows.

    Models that hold the same stream share their minibatches, their dropout uniforms
    and one reading of X.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        The training rows, as indices into X (repeats allowed).
    random_state : numpy.random.RandomState
        Consumed by one permutation an epoch.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of these rows, in their order.
    augmentation : callable, default=None
        ``augmentation(X, Y, sample_weight, rng)`` gives what a minibatch is trained on.
    """

    def __init__(self, rows, random_state, sample_weight=None, augmentation=None):
        self.rows = rows
        self.sample_weight = sample_weight
        self.augmentation = augmentation
        self._random_state = random_state
        self._order = np.arange(len(rows))
        self._n_epochs = 0
        noise_seed = copy.deepcopy(random_state).randint(2**31, size=4)
        self._noise_seed = tuple(noise_seed.tolist())
        self.dropout_rng = self._make_rng()
        # A child of the seed, so that neither generator moves the other.
        self.augmentation_rng = self._make_rng(spawn_key=(1,))

    def _make_rng(self, spawn_key=()):
        seed = np.random.SeedSequence(self._noise_seed, spawn_key=spawn_key)
        return np.random.Generator(np.random.SFC64(seed))

    @property
    def n_rows(self):
        return len(self.rows)

    @property
    def position(self):
        """Equal for copies of a stream that have come equally far."""
        return self._noise_seed, self._n_epochs, self.n_rows, id(self.augmentation)

    def next_epoch(self, shuffle):
        """The order in which an epoch visits ``rows``: positions ``(n_rows,)``.

        Each permutation is of the previous order, as in scikit-learn.
        """
        self._n_epochs += 1
        if shuffle:
            permutation = np.arange(self.n_rows)
            self._random_state.shuffle(permutation)
            self._order = self._order[permutation]
        return self._order

    def copy(self):
        """A stream that goes on as this one would, by itself."""
        other = copy.copy(self)
        other._random_state = copy.deepcopy(self._random_state)
        other.dropout_rng = copy.deepcopy(self.dropout_rng)
        other.augmentation_rng = copy.deepcopy(self.augmentation_rng)
        return other

    def on_rows(self, rows, sample_weight=None, augmentation=None):
        """A stream that goes on with these training rows, in their own order."""
        other = self.copy()
        other.rows, other.sample_weight = rows, sample_weight
        other.augmentation = augmentation
        other._order = np.arange(len(rows))
        return other
