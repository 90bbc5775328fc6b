"""The form of an augmentation, and how the rest of the package calls one.

An augmentation maps a minibatch to a minibatch of the same shape::

    (X, Y, sample_weight, rng) -> (X, Y, sample_weight)

    X : ndarray of shape (n_rows, n_features), float32 or float64
    Y : ndarray of shape (n_rows, n_outputs), the encoded float target
    sample_weight : ndarray of shape (n_rows,) or None
    rng : numpy.random.Generator, the only source of randomness

Callers give the training rows to :func:`prepare_augmentation` once, and then call the
object that it returns with minibatches.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state

from .._typing import Indices, Matrix
from .._utils.presentation import PresentationMixin, short_arrays
from .._utils.versions import VersionedMixin


class Mixing(NamedTuple):
    """A convex combination of every row with one partner from its minibatch.

    Parameters
    ----------
    partners : ndarray of int of shape (n_rows,)
        The row that is mixed into each row. A row that is not mixed is its own partner.
    own_share : ndarray of shape (n_rows,)
        The share of the row itself, from 0 to 1, lambda in the literature; the partner
        has the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import Mixing
    >>> mixing = Mixing(partners=np.array([1, 1]), own_share=np.array([0.75, 1.0]))
    >>> mixing.apply(np.array([0.0, 4.0])).tolist()
    [1.0, 4.0]
    """

    partners: np.ndarray
    own_share: np.ndarray

    def __repr__(self):
        with short_arrays():
            return f"Mixing(partners={self.partners!r}, own_share={self.own_share!r})"

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Mix rows.

        Parameters
        ----------
        values : ndarray of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        ndarray of the same shape
            Each row with its share of itself and of its partner.
        """
        share = self.own_share
        if values.dtype.kind == "f":
            share = share.astype(values.dtype, copy=False)
        if values.ndim == 2:
            share = share[:, None]
        return share * values + (1 - share) * values.take(self.partners, axis=0)


class BaseAugmentation(PresentationMixin, VersionedMixin, BaseEstimator):
    """Base of the augmentations.

    A subclass stores its parameters in ``__init__`` and defines `_augment`. It may
    override `_learn`, which sets what it learns from the training rows as attributes
    that end in an underscore. If it learns only the number and type of the columns, its
    `_learns_from_rows` returns False, which saves a copy of the rows. A subclass never
    changes the target: it returns a mixture as a :class:`Mixing`, which the base class
    applies to target and weights.

    Examples
    --------
    Rows in another unit, by a factor of their own:

    >>> import numpy as np
    >>> from skreg.augmentation import BaseAugmentation
    >>> class Stretch(BaseAugmentation):
    ...     def __init__(self, by=0.1):
    ...         self.by = by
    ...
    ...     def _augment(self, X, rng):
    ...         factors = rng.uniform(1 - self.by, 1 + self.by, size=(len(X), 1))
    ...         return (X * factors).astype(X.dtype), None
    >>> X = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> stretched, _, _ = Stretch()(X, None, None, np.random.default_rng(0))
    >>> (stretched[:, 1] / stretched[:, 0]).tolist()
    [2.0, 2.0]
    """

    _parameter_constraints: dict = {}

    def prepare(
        self, X: Matrix, Y: NDArray[Any] | None = None, rows: Indices | None = None
    ) -> Self:
        """Return a copy of this augmentation that knows the training rows.

        The augmentation itself does not change, so the same object can be prepared on
        the folds of a cross-validation side by side. No random number is drawn.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The data, already validated.
        Y : ndarray of shape (n_samples, n_outputs), default=None
            Their encoded target.
        rows : ndarray of int, default=None
            The training rows of X, all by default. Other rows are not used.

        Returns
        -------
        prepared : object of the same class
            The copy, which can be called with minibatches.

        Raises
        ------
        TypeError
            If X is sparse and augmented rows would have no zeros.
        ValueError
            If a parameter is invalid or does not go with the columns of X.
        """
        self._validate_params()
        if issparse(X) and not accepts_sparse(self):
            raise TypeError(
                f"{type(self).__name__} was given a sparse X, but its result has no "
                "zeros left to leave out. Convert to dense with X.toarray()."
            )
        # Parameters are never changed, so the copy shares them; `clone` would not.
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
        X, Y, sample_weight
            The augmented minibatch, of the same shapes.
        """
        if hasattr(self, "n_features_in_"):
            return self._trace(X, Y, sample_weight, rng)[:3]
        # Without `prepare` it learns from the minibatch.
        X = check_array(X, dtype=[np.float64, np.float32])
        return self.prepare(X, Y)(X, Y, sample_weight, rng)

    def _trace(self, X, Y, sample_weight, rng):
        """As `__call__`, and return the applied mixings in their order as well."""
        X, mixing = self._augment(X, rng)
        if mixing is None:
            return X, Y, sample_weight, ()
        Y = None if Y is None else mixing.apply(Y)
        if sample_weight is not None:
            sample_weight = mixing.apply(sample_weight)
        return X, Y, sample_weight, (mixing,)

    def _learn(self, X, Y):
        """Set the attributes that are learned. Only the prepared copy calls this."""

    def _learns_from_rows(self):
        """Whether `_learn` needs the rows; if not, it may be given none of them."""
        return True

    def _augment(self, X, rng):
        """Return the new X, and a Mixing or None."""
        raise NotImplementedError

    def _keeps_zeros(self):
        """Whether a sparse X stays sparse."""
        return True


class PreparedAugmentation:
    """Calls an augmentation with minibatches and checks the shapes that it returns.

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

        Raises
        ------
        TypeError
            If a callable does not return a tuple of three.
        ValueError
            If a shape has changed.
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
        ``(X, Y, sample_weight, rng) -> (X, Y, sample_weight)`` that keeps the number
        of rows.
    name : str, default="augmentation"
        The name of the parameter in the error.

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

    Minibatches are always dense; the answer says whether it makes sense to store the
    augmented rows as sparse. A plain callable is assumed to keep the zeros.
    """
    if isinstance(augmentation, BaseAugmentation):
        return augmentation._keeps_zeros()
    return True


def learns_from_rows(augmentation):
    """Whether preparing `augmentation` needs the rows of X, not only its columns."""
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
        The training rows of X, without the validation rows; all by default.

    Returns
    -------
    prepared : PreparedAugmentation
        ``prepared(X, Y, sample_weight, rng)`` augments a minibatch and raises a
        ValueError if a shape changes. It holds no random state and can be pickled and
        shared.

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
    """A random mask of rows, each of which is chosen with probability `p`.

    If all rows are chosen it is None, and no random number is drawn.
    """
    return None if p == 1 else rng.random(n_rows) < p
