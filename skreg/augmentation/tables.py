"""Augmentations of the rows of a table.

All are vectorised over the minibatch. A *unit* is swapped, dropped or given noise as a
whole: it is a column, or a group of one-hot columns, which stays one-hot.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Literal

import numpy as np

from .._utils.publishing import quiet_numpy
from .._utils.sklearn_private import Interval, StrOptions
from ._base import BaseAugmentation, Mixing, choose_rows
from ._fast import COIN_SIDES, select, standard_normal, toss_coins

_PROBABILITY = [Interval(Real, 0, 1, closed="both")]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]
_GROUPS = ["array-like", None]


class Units:
    """The columns of a table, and which of them form a unit.

    Parameters
    ----------
    n_features : int
    one_hot_groups : list of lists of column indices, or None
        Columns not listed are units of one.

    Attributes
    ----------
    n_units : int
    grouped : ndarray of int
        The columns that belong to a group.
    unit_of_column : ndarray of shape (n_features,) or None
        None when every column is a unit of its own.
    """

    def __init__(self, n_features, one_hot_groups=None):
        groups = [_check_group(g, n_features) for g in one_hot_groups or []]
        self.groups = groups
        self.grouped = np.concatenate([np.empty(0, int), *groups])
        if len(np.unique(self.grouped)) != len(self.grouped):
            raise ValueError(
                "The groups of 'one_hot_groups' must not overlap. Got "
                f"{one_hot_groups!r}."
            )
        self.n_units = n_features - len(self.grouped) + len(groups)
        self.unit_of_column = None
        if groups:
            self.unit_of_column = np.full(n_features, -1)
            for unit, group in enumerate(groups):
                self.unit_of_column[group] = unit
            single = self.unit_of_column < 0
            self.unit_of_column[single] = np.arange(len(groups), self.n_units)

    def toss(self, n_rows, probability, rng):
        """Choose each unit of each row with `probability`.

        Parameters
        ----------
        n_rows : int
        probability : float or ndarray of shape (n_rows,)
        rng : numpy.random.Generator

        Returns
        -------
        chosen : ndarray of bool of shape (n_rows, n_units)
        """
        threshold = np.rint(np.asarray(probability) * COIN_SIDES).astype(np.uint32)
        return toss_coins((n_rows, self.n_units), rng) < threshold[..., None]

    def columns(self, chosen):
        """Spread a mask of units, of shape (n_rows, n_units), over the columns."""
        if self.unit_of_column is None:
            return chosen
        return chosen[:, self.unit_of_column]


def _check_group(group, n_features):
    columns = np.asarray(group)
    valid = columns.ndim == 1 and columns.size and columns.dtype.kind in "iu"
    if not valid or columns.min() < 0 or columns.max() >= n_features:
        raise ValueError(
            "Each group of 'one_hot_groups' must list column indices from 0 to "
            f"{n_features - 1}. Got {group!r} instead."
        )
    return columns


class _TableAugmentation(BaseAugmentation):
    """Base of the augmentations of tables, which learns the units."""

    def _learn(self, X, Y):
        self.units_ = Units(X.shape[1], self.one_hot_groups)

    def _learns_from_rows(self):
        return False


def _in_range(statistic, X):
    """The mean or standard deviation of every column, for values of any size.

    Sums are in float64, because sums of many rows in float32 lose small spreads.
    """
    with quiet_numpy():
        values = statistic(X, axis=0, dtype=np.float64)
        # Squares of larger values overflow, and those of smaller ones vanish.
        if not ((1e-150 < np.abs(values)) & (np.abs(values) < 1e150)).all():
            scale = np.abs(X).max(axis=0).astype(np.float64)
            scale[scale == 0] = 1
            values = statistic(X / scale, axis=0) * scale
    return values


class GaussianNoise(_TableAugmentation):
    """Add Gaussian noise in units of each feature's spread.

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation of the noise, as a multiple of the standard deviation of
        the feature over the training rows. A constant feature stays as it is.
    p : float, default=1.0
        Probability that a row is augmented.
    one_hot_groups : list of lists of int, default=None
        Groups of one-hot columns. They get no noise, with which they would not be
        one-hot.

    Attributes
    ----------
    scale_ : ndarray of shape (n_features,)
        Standard deviation of the noise of each feature. Only the object that `prepare`
        returns has it.

    References
    ----------
    C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization",
    Neural Computation 7(1), 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import GaussianNoise
    >>> X = np.array([[0.0, 0.0, 5.0], [2.0, 200.0, 5.0]])
    >>> prepared = GaussianNoise(sigma=0.1).prepare(X)
    >>> prepared.scale_.tolist()
    [0.1, 10.0, 0.0]
    """

    _parameter_constraints: dict = {
        "sigma": [Interval(Real, 0, None, closed="left")],
        "p": _PROBABILITY,
        "one_hot_groups": _GROUPS,
    }

    def __init__(
        self,
        sigma: float = 0.1,
        *,
        p: float = 1.0,
        one_hot_groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.sigma = sigma
        self.p = p
        self.one_hot_groups = one_hot_groups

    def _learn(self, X, Y):
        super()._learn(X, Y)
        self.scale_ = self.sigma * _in_range(np.std, X)
        self.scale_[self.units_.grouped] = 0.0

    def _augment(self, X, rng):
        noise = standard_normal(X.shape, X.dtype, rng)
        noise *= self.scale_.astype(X.dtype)
        chosen = choose_rows(len(X), self.p, rng)
        if chosen is not None:
            noise[~chosen] = 0.0
        noise += X
        return noise, None

    def _learns_from_rows(self):
        return True

    def _keeps_zeros(self):
        return False


class SwapNoise(_TableAugmentation):
    """Replace values by those of other rows of the minibatch, column by column.

    Every new value is one that the feature really takes. So this suits categories and
    skewed features, for which Gaussian noise gives impossible values.

    Parameters
    ----------
    rate : float, default=0.1
        Probability that a value is replaced.
    p : float, default=1.0
        Probability that a row is augmented.
    one_hot_groups : list of lists of int, default=None
        Groups of one-hot columns, each replaced as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import SwapNoise
    >>> X = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    >>> X_new, _, _ = SwapNoise(rate=1.0)(X, None, None, np.random.default_rng(0))
    >>> X_new.tolist()
    [[2.0, 20.0], [3.0, 30.0], [1.0, 20.0]]
    """

    _parameter_constraints: dict = {
        "rate": _PROBABILITY,
        "p": _PROBABILITY,
        "one_hot_groups": _GROUPS,
    }

    def __init__(
        self,
        rate: float = 0.1,
        *,
        p: float = 1.0,
        one_hot_groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.rate = rate
        self.p = p
        self.one_hot_groups = one_hot_groups

    def _augment(self, X, rng):
        n_rows = len(X)
        if n_rows == 1:
            return X.copy(), None
        swapped = self.units_.toss(n_rows, self.rate, rng)
        chosen = choose_rows(n_rows, self.p, rng)
        if chosen is not None:
            swapped &= chosen[:, None]
        positions = np.flatnonzero(swapped)
        # 1 to n_rows - 1 rows further on is any row but the value's own.
        steps = rng.integers(1, n_rows, len(positions))
        if self.units_.unit_of_column is None:
            values = X.ravel()
            X_new = values.copy()
            X_new[positions] = values[(positions + steps * X.shape[1]) % X.size]
            return X_new.reshape(X.shape), None
        # All columns of a unit have the same source.
        sources = np.repeat(np.arange(n_rows)[:, None], self.units_.n_units, axis=1)
        sources.flat[positions] = (sources.flat[positions] + steps) % n_rows
        return np.take_along_axis(X, self.units_.columns(sources), axis=0), None


class FeatureDropout(_TableAugmentation):
    """Blank out values.

    Parameters
    ----------
    rate : float, default=0.1
        Probability that a value is blanked out.
    p : float, default=1.0
        Probability that a row is augmented.
    fill : float or "mean", default=0.0
        The value in place of one that is blanked out: a number (0 is the mean of a
        standardized feature) or the feature's mean over the training rows. The other
        values are not scaled up, as dropout would do.
    one_hot_groups : list of lists of int, default=None
        Groups of one-hot columns, each blanked out as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import FeatureDropout
    >>> X = np.array([[1.0, 10.0], [3.0, 20.0]])
    >>> drop = FeatureDropout(rate=1.0, fill="mean")
    >>> drop(X, None, None, np.random.default_rng(0))[0].tolist()
    [[2.0, 15.0], [2.0, 15.0]]
    """

    _parameter_constraints: dict = {
        "rate": _PROBABILITY,
        "p": _PROBABILITY,
        "fill": [Interval(Real, None, None, closed="neither"), StrOptions({"mean"})],
        "one_hot_groups": _GROUPS,
    }

    def __init__(
        self,
        rate: float = 0.1,
        *,
        p: float = 1.0,
        fill: Literal["mean"] | float = 0.0,
        one_hot_groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.rate = rate
        self.p = p
        self.fill = fill
        self.one_hot_groups = one_hot_groups

    def _learn(self, X, Y):
        super()._learn(X, Y)
        self.fill_ = self.fill
        if isinstance(self.fill, str):
            self.fill_ = _in_range(np.mean, X)

    def _augment(self, X, rng):
        dropped = self.units_.toss(len(X), self.rate, rng)
        chosen = choose_rows(len(X), self.p, rng)
        if chosen is not None:
            dropped &= chosen[:, None]
        fill = np.asarray(self.fill_, dtype=X.dtype)
        return select(self.units_.columns(dropped), fill, X), None

    def _learns_from_rows(self):
        return isinstance(self.fill, str)

    def _keeps_zeros(self):
        return not isinstance(self.fill, str) and self.fill == 0


class Mixup(_TableAugmentation):
    """Mix each row with another of the minibatch, features and target alike.

    Parameters
    ----------
    alpha : float, default=0.2
        The share lambda of each row is drawn from Beta(alpha, alpha): with a small
        `alpha` most rows are nearly unmixed, and 1 draws shares uniformly.
    p : float, default=1.0
        Probability that a row is mixed.
    one_hot_groups : list of lists of int, default=None
        Groups of one-hot columns. A whole group is taken from the row or from its
        partner, with the probabilities lambda and 1 - lambda. So it stays one-hot, and
        is on average what mixing would give.

    Notes
    -----
    The target and the weights are mixed with the same lambda.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import Mixup
    >>> X = np.array([[0.0], [1.0]])
    >>> Y = np.array([[0.0], [100.0]])
    >>> X_new, Y_new, _ = Mixup(alpha=1.0)(X, Y, None, np.random.default_rng(3))
    >>> bool(np.allclose(100 * X_new, Y_new))
    True
    """

    _parameter_constraints: dict = {
        "alpha": _POSITIVE,
        "p": _PROBABILITY,
        "one_hot_groups": _GROUPS,
    }

    def __init__(
        self,
        alpha: float = 0.2,
        *,
        p: float = 1.0,
        one_hot_groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.alpha = alpha
        self.p = p
        self.one_hot_groups = one_hot_groups

    def _augment(self, X, rng):
        mixing = _draw_mixing(len(X), self.alpha, self.p, rng)
        partner_share = (1 - mixing.own_share).astype(X.dtype)[:, None]
        partner = X.take(mixing.partners, axis=0)
        X_new = partner - X
        X_new *= partner_share
        X_new += X
        for group in self.units_.groups:
            from_partner = rng.random((len(X), 1)) < partner_share
            X_new[:, group] = np.where(from_partner, partner[:, group], X[:, group])
        return X_new, mixing


class CutMix(_TableAugmentation):
    """Replace some columns of each row by those of another row of the minibatch.

    Parameters
    ----------
    alpha : float, default=1.0
        For each row a share lambda is drawn from Beta(alpha, alpha), and every column
        of the row is kept with the probability lambda.
    p : float, default=1.0
        Probability that a row is mixed.
    one_hot_groups : list of lists of int, default=None
        Groups of one-hot columns, each kept or replaced as a whole and counted as one
        column.

    Notes
    -----
    The target and the weights are mixed with the share of columns that were kept.

    References
    ----------
    S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.augmentation import CutMix
    >>> X = np.repeat([[0.0], [1.0]], 4, axis=1)
    >>> Y = np.array([[0.0], [1.0]])
    >>> X_new, Y_new, _ = CutMix()(X, Y, None, np.random.default_rng(1))
    >>> bool(np.allclose(X_new.mean(axis=1), Y_new.ravel()))
    True
    """

    _parameter_constraints: dict = {
        "alpha": _POSITIVE,
        "p": _PROBABILITY,
        "one_hot_groups": _GROUPS,
    }

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        p: float = 1.0,
        one_hot_groups: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.alpha = alpha
        self.p = p
        self.one_hot_groups = one_hot_groups

    def _augment(self, X, rng):
        drawn = _draw_mixing(len(X), self.alpha, self.p, rng)
        replaced = self.units_.toss(len(X), 1 - drawn.own_share, rng)
        partner = X.take(drawn.partners, axis=0)
        X_new = select(self.units_.columns(replaced), partner, X)
        kept = 1 - np.count_nonzero(replaced, axis=1) / self.units_.n_units
        return X_new, drawn._replace(own_share=kept)


def _draw_mixing(n_rows, alpha, p, rng):
    partners = rng.permutation(n_rows)
    # Beta(1, 1) is the uniform distribution, which is drawn in a tenth of the time.
    own_share = rng.random(n_rows) if alpha == 1 else rng.beta(alpha, alpha, n_rows)
    chosen = choose_rows(n_rows, p, rng)
    if chosen is not None:
        partners[~chosen] = np.flatnonzero(~chosen)
        own_share[~chosen] = 1.0
    return Mixing(partners, own_share)
