"""The streams of random numbers, and the minibatches that come out of them.

A single fit consumes scikit-learn's stream in its order: parameters, validation split,
then one permutation an epoch. What scikit-learn does not draw (dropout, augmentation)
comes from generators of their own, seeded from a copy of that stream: switching them on
moves no initial weight and no minibatch.
"""

import copy
import pickle

import numpy as np

from .buffers import numbers_of_rows
from .properties import cached_property

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

    Attributes
    ----------
    noise_seed : tuple of int
        What the generators of their own are seeded with.
    dropout_rng, augmentation_rng : numpy.random.Generator
        These generators.
    """

    def __init__(self, rows, random_state, sample_weight=None, augmentation=None):
        self.rows = rows
        self.sample_weight = sample_weight
        self.augmentation = augmentation
        self._random_state = random_state
        # That of an epoch. Solvers that see all rows at a time have none.
        self._order = None
        self._noise = _Noise(random_state)

    @property
    def noise_seed(self):
        return self._noise.seed

    @property
    def dropout_rng(self):
        return self._noise.dropout_rng

    @property
    def augmentation_rng(self):
        return self._noise.augmentation_rng

    @property
    def n_rows(self):
        return len(self.rows)

    def goes_on_like(self, other):
        """Whether both give the same minibatches from here on, to the last bit.

        All that the coming minibatches depend on is compared, but for the augmentation:
        that is an object of the caller's, who knows what to compare.

        Parameters
        ----------
        other : Stream

        Returns
        -------
        bool
        """
        return self is other or (
            np.array_equal(self.rows, other.rows)
            and _equal_or_none(self._order, other._order)
            and _equal_or_none(self.sample_weight, other.sample_weight)
            and self._generator_states() == other._generator_states()
        )

    def _generator_states(self):
        shuffles = self._random_state.get_state(legacy=False)
        noises = (self.dropout_rng, self.augmentation_rng)
        return pickle.dumps((shuffles, *(rng.bit_generator.state for rng in noises)))

    def next_epoch(self, shuffle):
        """The order in which an epoch visits ``rows``: positions ``(n_rows,)``.

        Each permutation is of the previous order, as in scikit-learn, and takes its
        place: the array is the same one.
        """
        if self._order is None:
            self._order = numbers_of_rows(self.n_rows)
        if shuffle:
            self._random_state.shuffle(self._order)
        return self._order

    def copy(self):
        """A stream that goes on as this one would, by itself."""
        other = copy.copy(self)
        other._order = None if self._order is None else self._order.copy()
        other._random_state = _copy_of(self._random_state)
        other._noise = self._noise.copy()
        return other

    def without_rows(self):
        """The generators alone, to go on with on other rows; they are shared."""
        other = copy.copy(self)
        other.rows = numbers_of_rows(0)
        other._order = other.sample_weight = other.augmentation = None
        return other

    def on_rows(self, rows, sample_weight=None, augmentation=None):
        """A stream that goes on with these training rows, in their own order."""
        other = self.copy()
        other.rows, other.sample_weight = rows, sample_weight
        other.augmentation = augmentation
        other._order = None
        return other


class _Noise:
    """The generators of what scikit-learn does not draw, made when they are asked for.

    Most networks never ask, and to copy a stream and to seed generators takes as long
    as some of their minibatches. Hence it is the state of scikit-learn's stream that is
    kept, and the seed drawn from it later is the same.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        Nothing is drawn from it.
    """

    def __init__(self, random_state):
        self._state = random_state.get_state(legacy=False)
        if not _is_enough(self._state):
            self.seed = _seed_from(copy.deepcopy(random_state))

    @cached_property
    def seed(self):
        return _seed_from(_in_state(self._state))

    @cached_property
    def dropout_rng(self):
        return self._make_rng()

    @cached_property
    def augmentation_rng(self):
        # A child of the seed, so that neither generator moves the other.
        return self._make_rng(spawn_key=(1,))

    def _make_rng(self, spawn_key=()):
        seed = np.random.SeedSequence(self.seed, spawn_key=spawn_key)
        return np.random.Generator(np.random.SFC64(seed))

    def copy(self):
        """Generators that go on as these would, by themselves."""
        other = copy.copy(self)
        for name in ("dropout_rng", "augmentation_rng"):
            if name in vars(self):
                setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other


def _seed_from(random_state):
    return tuple(random_state.randint(2**31, size=4).tolist())


def _is_enough(state):
    """Whether a state is all of its RandomState: that of NumPy's usual generator is."""
    return state["bit_generator"] == "MT19937"


def _in_state(state):
    random_state = np.random.RandomState()
    random_state.set_state(state)
    return random_state


def _copy_of(random_state):
    """As `copy.deepcopy`, in two thirds of its quarter of a millisecond."""
    state = random_state.get_state(legacy=False)
    return _in_state(state) if _is_enough(state) else copy.deepcopy(random_state)


def _equal_or_none(one, other):
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
