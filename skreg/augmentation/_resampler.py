"""A resampler that adds augmented rows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils import TargetTags, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from .._typing import (
    ArrayLike,
    Augmentation,
    MatrixLike,
    RandomState,
    ResamplingStrategy,
)
from .._utils.labels import check_labels
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import Interval, StrOptions
from .._utils.versions import VersionedMixin
from ._base import (
    accepts_sparse,
    check_augmentation,
    generator_from,
    prepare_augmentation,
)
from ._containers import concatenate_rows, rows_like, take_rows, target_like
from ._sampler_tags import ResamplerInputTags, ResamplerTags
from ._sampling_strategy import STRATEGIES, n_rows_to_add

# Number of rows that are augmented together. Mixtures are made of these rows.
_MINIBATCH_SIZE = 256

# Attributes with an entry for each row of the result.
_OF_ROWS = ("sample_indices_", "partner_indices_", "partner_shares_")


class AugmentingResampler(
    PresentationMixin, VersionedMixin, OneToOneFeatureMixin, BaseEstimator
):
    """Add augmented copies of rows to a data set.

    It has imbalanced-learn's method ``fit_resample(X, y)``, which returns more rows. As
    a step of an imbalanced-learn Pipeline it works on the training folds alone. In
    scikit-learn's own Pipeline and searches, use :class:`ResampledClassifier` and
    :class:`ResampledRegressor`.

    Parameters
    ----------
    augmentation : augmentation or callable
        One of the augmentations of this package or a callable ``(X, Y, sample_weight,
        rng) -> (X, Y, sample_weight)`` that keeps the rows. `X` is a dense minibatch,
        `Y` the one-hot target, or the target itself in regression, and
        `sample_weight` is None.
    n_copies : int, default=1
        How many augmented copies each row gets if there is no `sampling_strategy`.
    sampling_strategy : {"auto", "all", "not majority", "not minority", "minority"}, \
            float, dict, callable or None, default=None
        None adds copies of all rows. Otherwise classes are brought to given sizes, as
        by imbalanced-learn's over-samplers:

        - a str names the classes that gain rows until they are as large as the
          largest; "auto" is "not majority";
        - a float, for two classes, is the size of the smaller class divided by that of
          the larger one in the end;
        - a dict gives the number of rows that each class has in the end;
        - a callable is given `y` and returns such a dict.

        The rows of a class are used in turn, each as often as any other. Rows are mixed
        only with rows of their own class.
    keep_original : bool, default=True
        Whether the original rows stand at the start of the result. If not, augmented
        rows replace them: the result has `n_copies` of each row, or the class sizes of
        `sampling_strategy`.
    random_state : int, RandomState instance or None, default=None
        Draws the augmented rows. Pass an int for the same result in every call.

    Attributes
    ----------
    sampling_strategy_ : dict
        The number of augmented rows of each class; absent after
        `fit_resample_regression`.
    sample_indices_ : ndarray of shape (n_samples_new,)
        For every row of the result, the row of `X` that it was made from.
    partner_indices_ : ndarray of shape (n_samples_new,) or (n_samples_new, n_partners)
        For every row of the result, the row of `X` that was mixed into it; a row that
        was not mixed has itself. There are several columns if a :class:`Compose` mixes
        more than once. Absent if nothing mixes; the mixtures of a plain callable are
        not known.
    partner_shares_ : ndarray of the same shape
        The share of each partner. The row itself has the rest.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if `X` has names that are all strings.

    See Also
    --------
    ResampledClassifier : A classifier with a resampler in front of its `fit`.

    Notes
    -----
    A mixture has one label, which is drawn with the shares of its sources as
    probabilities, so that the log-loss is right on average. In regression the target of
    a mixture is interpolated and is a float.

    `X` and `y` come back in containers of the same type, with the same dtypes and
    names. Values in integer columns are rounded. `X` may be sparse if the augmentation
    keeps its zeros.

    Resample the training rows only: an augmented copy of a training row among the
    validation rows makes every score look better than it is.

    Examples
    --------
    >>> from collections import Counter
    >>> from sklearn.datasets import make_classification
    >>> from skreg.augmentation import AugmentingResampler, GaussianNoise
    >>> X, y = make_classification(weights=[0.9], flip_y=0, random_state=0)
    >>> sorted(Counter(y.tolist()).items())
    [(0, 91), (1, 9)]
    >>> resampler = AugmentingResampler(
    ...     GaussianNoise(sigma=0.1), sampling_strategy="auto", random_state=0
    ... )
    >>> X_resampled, y_resampled = resampler.fit_resample(X, y)
    >>> sorted(Counter(y_resampled.tolist()).items())
    [(0, 91), (1, 91)]
    """

    _parameter_constraints: dict = {
        "augmentation": [callable],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "sampling_strategy": [
            Interval(Real, 0, 1, closed="right"),
            StrOptions(STRATEGIES),
            Mapping,
            callable,
            None,
        ],
        "keep_original": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        augmentation: Augmentation,
        n_copies: int = 1,
        sampling_strategy: ResamplingStrategy = None,
        keep_original: bool = True,
        random_state: RandomState = None,
    ) -> None:
        self.augmentation = augmentation
        self.n_copies = n_copies
        self.sampling_strategy = sampling_strategy
        self.keep_original = keep_original
        self.random_state = random_state

    def fit(self, X: MatrixLike, y: ArrayLike) -> Self:
        """Check the input and count the rows to add; `fit_resample` adds them.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError
            If `augmentation` cannot be called.
        ValueError
            If a parameter or the data are invalid, or if y has a single class.
        """
        with fitted_at_once(self) as scratch:
            X, Y = scratch._check_classes(X, y)
            prepare_augmentation(self.augmentation, X, Y)
        return self

    def fit_resample(self, X: MatrixLike, y: ArrayLike) -> tuple[Any, Any]:
        """Add augmented rows to a data set with classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or one-hot of shape (n_samples, n_classes)
            Their classes.

        Returns
        -------
        X_resampled : of the type of X, of shape (n_samples_new, n_features)
            The rows, first the original and then the augmented ones.
        y_resampled : of the type of y
            Their classes.

        Raises
        ------
        TypeError
            If `augmentation` cannot be called.
        ValueError
            If a parameter or the data are invalid, or if y has a single class.
        """
        with fitted_at_once(self) as scratch:
            return scratch._fit_resample(X, y)

    def _fit_resample(self, X, y):
        X_valid, Y = self._check_classes(X, y)
        rng = generator_from(self.random_state)
        sources, minibatches = self._plan(len(Y), rng, Y.argmax(axis=1))
        X_new, Y_new = self._augment(X_valid, Y, sources, minibatches, rng)
        label_rows = Y.argmax(axis=0)[_draw_labels(Y_new, rng)]
        if self.keep_original:
            label_rows = np.concatenate([np.arange(len(Y)), label_rows])
        return self._finish(X, X_new), take_rows(y, label_rows)

    def fit_resample_regression(self, X: MatrixLike, y: ArrayLike) -> tuple[Any, Any]:
        """Add augmented rows to a data set with a numeric target.

        This is a method of its own because by imbalanced-learn's protocol
        `fit_resample` refuses a continuous target.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target.

        Returns
        -------
        X_resampled : of the type of X, of shape (n_samples_new, n_features)
            The rows, first the original and then the augmented ones.
        y_resampled : of the type of y
            Their target. If rows are mixed, their targets are mixed as well and y is a
            float.

        Raises
        ------
        TypeError
            If `augmentation` cannot be called.
        ValueError
            If a parameter or the data are invalid, or with a `sampling_strategy`.
        """
        with fitted_at_once(self) as scratch:
            return scratch._fit_resample_regression(X, y)

    def _fit_resample_regression(self, X, y):
        self._validate_params()
        if self.sampling_strategy is not None:
            raise ValueError(
                "The 'sampling_strategy' parameter counts rows of classes and must be "
                f"None in regression. Got {self.sampling_strategy!r} instead."
            )
        X_valid, y_valid = self._check_rows(X, y, multi_output=True, y_numeric=True)
        y_valid = np.asarray(y_valid)
        if y_valid.dtype.kind != "f":
            y_valid = y_valid.astype(np.float64)
        Y = y_valid.reshape(len(y_valid), -1)
        rng = generator_from(self.random_state)
        sources, minibatches = self._plan(len(Y), rng)
        X_new, Y_new = self._augment(X_valid, Y, sources, minibatches, rng)
        X_resampled = self._finish(X, X_new)
        if np.array_equal(Y_new, Y[sources]):
            # The targets have not changed, so they keep their dtype, even an integer.
            return X_resampled, take_rows(y, self.sample_indices_)
        y_new = Y_new.reshape(len(Y_new), *y_valid.shape[1:])
        if self.keep_original:
            y_new = np.concatenate([y_valid, y_new])
        return X_resampled, target_like(y_new, y)

    def _check_classes(self, X, y):
        """Validate X, make Y one-hot, and set `sampling_strategy_`."""
        self._validate_params()
        y_raw, y = y, self._check_labels(y)
        X, y = self._check_rows(X, y)
        labels, y = np.unique(y, return_inverse=True)
        if len(labels) < 2:
            raise ValueError(
                f"{type(self).__name__} needs more than one class in y. Got the single "
                f"class {labels.tolist()[0]!r}."
            )
        counts = dict(zip(labels.tolist(), np.bincount(y).tolist(), strict=True))
        if self.sampling_strategy is None:
            n_new = {c: n * self.n_copies for c, n in counts.items()}
        else:
            n_new = n_rows_to_add(self.sampling_strategy, counts, y_raw)
            if not self.keep_original:
                n_new = {c: n + n_new.get(c, 0) for c, n in counts.items()}
        self.sampling_strategy_ = n_new
        # For `_plan`, in the order of the columns of Y.
        self._n_new = [n_new.get(c, 0) for c in counts]
        return X, np.eye(len(labels), dtype=X.dtype)[y]

    def _check_labels(self, y):
        """The labels as one column; a one-hot y gives column numbers."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        check_labels(y, "y")
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            y = np.asarray(y.toarray() if sparse.issparse(y) else y)
            if (y.sum(axis=1) != 1).any():
                raise ValueError(
                    "Multilabel and multioutput targets are not supported. A "
                    "two-dimensional y must be one-hot."
                )
            return y.argmax(axis=1)
        return column_or_1d(y)

    def _check_rows(self, X, y, **check_params):
        check_augmentation(self.augmentation)
        if hasattr(X, "sparse") and not accepts_sparse(self.augmentation):
            # The result for a DataFrame is a DataFrame, even if its sparse columns have
            # few zeros left. `prepare` refuses a sparse matrix in this case.
            X = X.sparse.to_dense()
        return validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            **check_params,
        )

    def _plan(self, n_samples, rng, y=None):
        """Which row each new row is made from, and which are augmented together.

        Returns
        -------
        sources : ndarray of shape (n_new,)
            Rows of X.
        minibatches : list of ndarray
            Positions in `sources`. Each minibatch is shuffled.
        """
        if self.sampling_strategy is None:
            sources = [np.arange(n_samples)] * self.n_copies
        else:
            sources = [
                _in_turn(np.flatnonzero(y == c), n_new, rng)
                for c, n_new in enumerate(self._n_new)
                if n_new > 0
            ]
        minibatches, start = [], 0
        for part in sources:
            positions = start + rng.permutation(len(part))
            n_minibatches = -(-len(part) // _MINIBATCH_SIZE)
            minibatches += np.array_split(positions, n_minibatches)
            start += len(part)
        return np.concatenate([np.empty(0, dtype=np.intp), *sources]), minibatches

    def _augment(self, X, Y, sources, minibatches, rng):
        """Make the new rows and targets, and set the attributes of their sources."""
        prepared = prepare_augmentation(self.augmentation, X, Y)
        is_sparse = sparse.issparse(X)
        parts, Y_new = [], np.empty((len(sources), Y.shape[1]), dtype=Y.dtype)
        X_new = None if is_sparse else np.empty((len(sources), X.shape[1]), X.dtype)
        origins, shares = [], []
        for positions in minibatches:
            rows = sources[positions]
            X_rows = X[rows].toarray() if is_sparse else X[rows]
            X_rows, Y_rows, _, mixings = prepared.trace(X_rows, Y[rows], None, rng)
            if is_sparse:
                parts.append(sparse.csr_array(X_rows))
            else:
                X_new[positions] = X_rows
            Y_new[positions] = Y_rows
            origin, share = _follow(rows, mixings)
            origins.append(origin)
            shares.append(share)
        order = np.argsort(np.concatenate([np.empty(0, np.intp), *minibatches]))
        if is_sparse:
            empty = sparse.csr_array((0, X.shape[1]), dtype=X.dtype)
            X_new = sparse.vstack([empty, *parts], format="csr")[order]
        self._record(len(Y), sources, origins, shares, order)
        return X_new, Y_new

    def _record(self, n_samples, sources, origins, shares, order):
        n_kept = n_samples if self.keep_original else 0
        for name in _OF_ROWS:
            self.__dict__.pop(name, None)
        self.sample_indices_ = np.concatenate([np.arange(n_kept), sources])
        if not origins or origins[0].shape[1] == 1:
            return
        partners = np.concatenate(origins)[order, 1:]
        partner_shares = np.concatenate(shares)[order, 1:]
        n_partners = partners.shape[1]
        kept = np.repeat(np.arange(n_kept)[:, None], n_partners, axis=1)
        partners = np.concatenate([kept, partners])
        partner_shares = np.concatenate([np.zeros(kept.shape), partner_shares])
        if n_partners == 1:
            partners, partner_shares = partners[:, 0], partner_shares[:, 0]
        self.partner_indices_, self.partner_shares_ = partners, partner_shares

    def _without_rows(self):
        """A copy without the attributes that have an entry for each row."""
        copied = copy.copy(self)
        for name in _OF_ROWS:
            vars(copied).pop(name, None)
        return copied

    def _finish(self, X, X_new):
        """The resulting rows in a container like that of X."""
        X_new = rows_like(X_new, X)
        return concatenate_rows(X, X_new) if self.keep_original else X_new

    def __sklearn_tags__(self):
        """Tags for scikit-learn and imbalanced-learn."""
        return ResamplerTags(
            estimator_type="sampler",
            target_tags=TargetTags(required=True),
            input_tags=ResamplerInputTags(sparse=accepts_sparse(self.augmentation)),
        )


def _in_turn(rows, n, rng):
    """Draw `n` rows in random order, each as often as any other."""
    rounds = -(-n // len(rows))
    return rng.permuted(np.tile(rows, (rounds, 1)), axis=1).ravel()[:n]


def _follow(rows, mixings):
    """The sources of each row of a minibatch, first the row itself, and their shares.

    Both arrays have the shape (n_rows, 2 ** n_mixings).
    """
    origin, share = rows[:, None], np.ones((len(rows), 1))
    for partners, own_share in mixings:
        own_share = own_share[:, None]
        origin = np.hstack([origin, origin[partners]])
        share = np.hstack([own_share * share, (1 - own_share) * share[partners]])
    return origin, share


def _draw_labels(Y, rng):
    """One class for each row, with the probabilities in its row of Y."""
    cumulative = np.cumsum(Y, axis=1)
    if not (np.all(Y >= 0) and np.all(cumulative[:, -1] > 0)):
        raise ValueError(
            "The augmentation returned a Y whose rows are not probabilities of the "
            "classes; labels cannot be drawn from it."
        )
    threshold = rng.random(len(Y)) * cumulative[:, -1]
    # The last bound is not compared, for rounding might put a threshold above it.
    return (cumulative[:, :-1] <= threshold[:, None]).sum(axis=1)
