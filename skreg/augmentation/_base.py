"""What an augmentation is, and the one way in which everything else calls it.

An augmentation maps a minibatch to a minibatch of the same shape::

    (X, Y, sample_weight, rng) -> (X, Y, sample_weight)

    X : ndarray of shape (n_rows, n_features), float32 or float64
    Y : ndarray of shape (n_rows, n_outputs), the encoded float target
    sample_weight : ndarray of shape (n_rows,) or None
    rng : numpy.random.Generator, the only source of randomness

Callers go through :func:`prepare_augmentation`, once on the training rows, and call
what it returns on minibatches.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state

from .._utils.presentation import PresentationMixin, short_arrays


class Mixing(NamedTuple):
    """A convex combination of every row with one partner from its minibatch.

    Parameters
    ----------
    partners : ndarray of int of shape (n_rows,)
        The row mixed in. A row that is not mixed is its own partner.
    own_share : ndarray of shape (n_rows,)
        The share of the row itself, lambda in the literature; the partner has the
        rest.
    """

    partners: np.ndarray
    own_share: np.ndarray

    def __repr__(self):
        with short_arrays():
            return f"Mixing(partners={self.partners!r}, own_share={self.own_share!r})"

    def apply(self, values):
        """Mix the rows of `values`, of shape (n_rows,) or (n_rows, n_columns)."""
        share = self.own_share
        if values.dtype.kind == "f":
            share = share.astype(values.dtype, copy=False)
        if values.ndim == 2:
            share = share[:, None]
        return share * values + (1 - share) * values.take(self.partners, axis=0)


class BaseAugmentation(PresentationMixin, BaseEstimator):
    """Base of the augmentations.

    A subclass stores its parameters in ``__init__``, may override `_learn` (what the
    training rows have to tell, as attributes that end in an underscore) and defines
    `_augment`. One that learns nothing but the number and type of the columns says so
    in `_learns_from_rows`, which spares a copy. It never touches the target: a mixture
    is returned as a :class:`Mixing`, which is applied to target and weights alike here.
    """

    _parameter_constraints: dict = {}

    def prepare(self, X, Y=None, rows=None):
        """Return a copy of this augmentation that knows the training rows.

        The augmentation itself is left as it is, so the same object can be prepared
        on the folds of a cross-validation side by side. No random number is drawn
        here.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The data, already validated.
        Y : ndarray of shape (n_samples, n_outputs), default=None
            Their encoded target.
        rows : ndarray of int, default=None
            The training rows among them, all by default. No other is looked at.

        Returns
        -------
        prepared : object of the same class
            To be called on minibatches.
        """
        self._validate_params()
        if issparse(X) and not accepts_sparse(self):
            raise TypeError(
                f"{type(self).__name__} was given a sparse X, but its result has no "
                "zeros left to leave out. Convert to dense with X.toarray()."
            )
        # Not `clone`: parameters are shared, they are never changed.
        prepared = type(self)(**self.get_params(deep=False))
        prepared.n_features_in_ = X.shape[1]
        if rows is not None:
            if not self._learns_from_rows():
                rows = rows[:0]
            X, Y = X[rows], None if Y is None else Y[rows]
        prepared._learn(X, Y)
        return prepared

    def __call__(self, X, Y, sample_weight, rng):
        """Augment one minibatch.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The minibatch. It is not changed.
        Y : ndarray of shape (n_rows, n_outputs) or None
            Its encoded float target.
        sample_weight : ndarray of shape (n_rows,) or None
            Its weights.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        X, Y, sample_weight : as they came, with as many rows
        """
        if hasattr(self, "n_features_in_"):
            return self._trace(X, Y, sample_weight, rng)[:3]
        # Called without `prepare`: the minibatch is all there is to learn from.
        X = check_array(X, dtype=[np.float64, np.float32])
        return self.prepare(X, Y)(X, Y, sample_weight, rng)

    def _trace(self, X, Y, sample_weight, rng):
        """`__call__` that also returns the mixings applied, in their order."""
        X, mixing = self._augment(X, rng)
        if mixing is None:
            return X, Y, sample_weight, ()
        Y = None if Y is None else mixing.apply(Y)
        if sample_weight is not None:
            sample_weight = mixing.apply(sample_weight)
        return X, Y, sample_weight, (mixing,)

    def _learn(self, X, Y):
        """Set what the training rows teach. Called on the prepared copy only."""

    def _learns_from_rows(self):
        """Whether `_learn` needs the rows; if not, it may be shown none of them."""
        return True

    def _augment(self, X, rng):
        """Return the new X, and a Mixing or None."""
        raise NotImplementedError

    def _keeps_zeros(self):
        """Whether a sparse X stays sparse."""
        return True


class PreparedAugmentation:
    """An augmentation at work: calls it, and holds it to the contract.

    Parameters
    ----------
    augmentation : prepared augmentation or callable
    """

    def __init__(self, augmentation):
        self.augmentation = augmentation

    def __repr__(self):
        return f"{type(self).__name__}({self.augmentation!r})"

    def __call__(self, X, Y, sample_weight, rng):
        """Augment one minibatch: ``(X, Y, sample_weight)``."""
        return self.trace(X, Y, sample_weight, rng)[:3]

    def trace(self, X, Y, sample_weight, rng):
        """Augment one minibatch: ``(X, Y, sample_weight, mixings)``.

        The mixings of a plain callable are not known and count as none.
        """
        if isinstance(self.augmentation, BaseAugmentation):
            result = self.augmentation._trace(X, Y, sample_weight, rng)
        else:
            result = self.augmentation(X, Y, sample_weight, rng)
            if not isinstance(result, tuple) or len(result) != 3:
                raise TypeError(
                    f"The augmentation {self.augmentation!r} must return the tuple "
                    f"(X, Y, sample_weight). Got {type(result).__name__} instead."
                )
            result = (*result, ())
        for name, before, after in zip(
            ("X", "Y", "sample_weight"), (X, Y, sample_weight), result, strict=False
        ):
            self._check_shape(name, before, after)
        return result

    def _check_shape(self, name, before, after):
        if before is None and after is None:
            return
        if before is None or after is None:
            raise ValueError(
                f"The augmentation {self.augmentation!r} was given {name}="
                f"{_none_or_array(before)} and returned {_none_or_array(after)}."
            )
        shape_before, shape_after = np.shape(before), np.shape(after)
        if shape_before == shape_after:
            return
        if shape_before[:1] != shape_after[:1]:
            raise ValueError(
                f"The augmentation {self.augmentation!r} changed the number of rows of "
                f"{name}: it was given shape {shape_before} and returned "
                f"{shape_after}. An augmentation keeps the rows of its minibatch; use "
                "a resampler, such as AugmentingResampler, to add rows."
            )
        raise ValueError(
            f"The augmentation {self.augmentation!r} changed the shape of {name} from "
            f"{shape_before} to {shape_after}."
        )


def _none_or_array(values):
    return "None" if values is None else f"an array of shape {np.shape(values)}"


def is_resampler(obj):
    """Whether `obj` is a resampler rather than an augmentation of minibatches."""
    return hasattr(obj, "fit_resample") and not isinstance(obj, type)


def check_augmentation(augmentation, name="augmentation"):
    """Check that `augmentation` can work on minibatches.

    Parameters
    ----------
    augmentation : object
        One of the augmentations of this package or any callable
        ``(X, Y, sample_weight, rng) -> (X, Y, sample_weight)`` that keeps the rows.
    name : str, default="augmentation"
        How the error names the parameter.

    Returns
    -------
    augmentation : the same object

    Raises
    ------
    TypeError
        If it cannot be called, or is a class instead of an instance.
    """
    if isinstance(augmentation, type):
        raise TypeError(
            f"The {name!r} parameter is the class {augmentation.__name__}; pass an "
            f"instance instead, {augmentation.__name__}(...)."
        )
    if not callable(augmentation):
        raise TypeError(
            f"The {name!r} parameter must be an augmentation or a callable "
            "(X, Y, sample_weight, rng) -> (X, Y, sample_weight). Got "
            f"{augmentation!r} instead."
        )
    return augmentation


def accepts_sparse(augmentation):
    """Whether `augmentation` keeps the zeros of a sparse X.

    Minibatches are dense even then; the answer says whether storing the result as
    sparse makes sense. A plain callable is believed to keep them.
    """
    if isinstance(augmentation, BaseAugmentation):
        return augmentation._keeps_zeros()
    return True


def learns_from_rows(augmentation):
    """Whether preparing `augmentation` takes more than the columns of X."""
    if isinstance(augmentation, BaseAugmentation):
        return augmentation._learns_from_rows()
    return hasattr(augmentation, "prepare")


def prepare_augmentation(augmentation, X, Y=None, rows=None):
    """Prepare an augmentation on the training rows.

    Parameters
    ----------
    augmentation : augmentation or callable
        See :func:`check_augmentation`.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The data.
    Y : ndarray of shape (n_samples, n_outputs), default=None
        Their encoded float target.
    rows : ndarray of int, default=None
        The training rows among them, and none of the validation rows; all by default.

    Returns
    -------
    prepared : PreparedAugmentation
        ``prepared(X, Y, sample_weight, rng)`` augments a minibatch and raises a
        ValueError when its shape changes. It holds no random state and can be pickled
        and shared.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import GaussianNoise, prepare_augmentation
    >>> X, Y = np.arange(8.0).reshape(4, 2), np.eye(4)
    >>> noise = prepare_augmentation(GaussianNoise(sigma=0.1), X, Y)
    >>> rng = np.random.default_rng(0)
    >>> X_new, Y_new, weight = noise(X[:2], Y[:2], None, rng)
    >>> X_new.shape
    (2, 2)
    """
    check_augmentation(augmentation)
    if isinstance(augmentation, BaseAugmentation):
        augmentation = augmentation.prepare(X, Y, rows)
    elif hasattr(augmentation, "prepare"):
        if rows is not None:
            X, Y = X[rows], None if Y is None else Y[rows]
        augmentation = augmentation.prepare(X, Y)
    return PreparedAugmentation(augmentation)


def generator_from(random_state):
    """A numpy Generator from scikit-learn's `random_state`."""
    words = check_random_state(random_state).randint(0, 2**31 - 1, size=4)
    return np.random.default_rng(words)


def choose_rows(n_rows, p, rng):
    """A mask of the rows an augmentation with probability `p` applies to.

    None stands for all of them, which costs no draw.
    """
    return None if p == 1 else rng.random(n_rows) < p
