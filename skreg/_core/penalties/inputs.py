"""Penalties of whole inputs: of groups of rows of the first layer."""

from abc import abstractmethod

import numpy as np

from .contract import Penalty, smallest_positive

__all__ = [
    "INPUT_PENALTIES",
    "GroupLasso",
    "GroupLogSum",
    "InputGroups",
    "InputPenalty",
]


class InputGroups:
    """A partition of the inputs.

    Parameters
    ----------
    labels : array-like of int of shape (n_features,)
        The group of each input, numbered from 0 without gaps.
    owners : ndarray of int of shape (n_rows,), default=None
        The input that each row of the first layer belongs to, for networks with
        periodic features (see `periodic.owners_of_rows`). By default each input has
        one row.

    Attributes
    ----------
    sizes : ndarray of int of shape (n_groups,)
        The number of inputs in each group. The rows of an input's periodic features do
        not count: they make the penalty no stronger.
    row_counts : ndarray of int of shape (n_groups,)
        The number of rows of the first layer that belong to each group.
    row_labels : ndarray of int of shape (n_rows,)
        The group of each row.
    first : ndarray of int of shape (n_groups,)
        The first input of each group, and the first of its rows.
    """

    def __init__(self, labels, owners=None):
        self.labels = np.asarray(labels)
        self.n_groups = int(self.labels.max()) + 1
        self.sizes = np.bincount(self.labels, minlength=self.n_groups)
        self.first = np.unique(self.labels, return_index=True)[1]
        self.row_labels, self.row_counts = self.labels, self.sizes
        if owners is not None:
            self.row_labels = self.labels[owners]
            self.row_counts = np.bincount(self.row_labels, minlength=self.n_groups)
        self._order = None
        n_rows = len(self.row_labels)
        if self.n_groups < n_rows or (np.diff(self.row_labels) != 1).any():
            self._order = np.argsort(self.row_labels, kind="stable")
            self._starts = np.concatenate([[0], np.cumsum(self.row_counts)[:-1]])

    @classmethod
    def singletons(cls, n_features, owners=None):
        """Each input by itself."""
        return cls(np.arange(n_features), owners)

    def of_rows(self, owners):
        """The same partition, for networks whose rows have these owners, or None."""
        return self if owners is None else InputGroups(self.labels, owners)

    def sum(self, values):
        """Sums over each group's rows: ``(..., n_rows)`` to ``(..., n_groups)``."""
        if self._order is None:
            return values
        return np.add.reduceat(values[..., self._order], self._starts, axis=-1)

    def spread(self, values):
        """Each group's value at its rows: the way back."""
        return values if self._order is None else values[..., self.row_labels]

    def norms(self, W):
        """Frobenius norm of each group's rows of W, ``(n_models, n_groups)``."""
        return np.sqrt(self.sum(np.einsum("kij,kij->ki", W, W)))


class InputPenalty(Penalty):
    r"""``feature_alpha * sum_g sqrt(size_g) phi(|W_1[g]|_F)`` over groups of inputs.

    A subclass gives `phi`, a function of a group's norm with slope 1 at zero, and its
    derivative `slope`. If it has parameters of its own, it takes them in `__init__`,
    names them in `parameters` and shortens them in `keep`.

    Parameters
    ----------
    feature_alpha : array-like of shape (n_models,)
    groups : InputGroups
    dtype : dtype

    Attributes
    ----------
    is_convex : bool
        Of the class. A convex penalty of a linear model has one minimum, which any
        start finds; every other one is led there from the network without it.

    Notes
    -----
    A concave ``phi`` is majorized by its tangent at the iterate before a step, which is
    a group lasso with weights ``phi'(|W_1[g]|)`` (Candes, Wakin & Boyd 2008).
    `majorize` takes the tangent, `prox` uses it.
    """

    parameters = ("feature_alpha",)
    is_convex = False

    def __init__(self, feature_alpha, groups, dtype):
        self._strength = np.asarray(feature_alpha, dtype=dtype).reshape(-1, 1)
        self._root_sizes = np.sqrt(groups.sizes).astype(dtype)
        self._slopes = None
        self.tied_groups = groups

    @abstractmethod
    def phi(self, norms):
        """The function of the norms, ``(n_models, n_groups)``, of this shape."""

    @abstractmethod
    def slope(self, norms):
        """The derivative of `phi`, of the same shape."""

    @classmethod
    def is_absorbing(cls, settings):
        """Whether a removed input stays away, however long training goes on.

        Then its column may leave the computation.

        Parameters
        ----------
        settings : object
            With the `parameters` as attributes, as the user has set them.
        """
        return False

    @property
    def strength(self):
        """The `feature_alpha` of every model: ``(n_models,)``."""
        return self._strength[:, 0]

    @property
    def weight_decay(self):
        return np.zeros_like(self.strength)

    @property
    def tied_models(self):
        return np.flatnonzero(self._strength)

    def keep(self, models):
        self._strength = self._strength[models]
        self._slopes = None

    def value(self, layers):
        values = self._root_sizes * self.phi(self.tied_groups.norms(layers[0]))
        return self.strength * values.sum(axis=1)

    def majorize(self, layers):
        """Take the tangent at the first layer."""
        self._slopes = self.slope(self.tied_groups.norms(layers[0]))

    def prox(self, layers, step_sizes, group_step_sizes=None):
        """Shrink each group's rows of the first layer towards zero, in place.

        ``w_g <- max(0, 1 - t_g / |w_g|) w_g`` with ``t_g = step_g feature_alpha
        sqrt(size_g) phi'_g``: the proximal operator of the tangent where the metric is
        a multiple of the identity within each group. The tangent is then moved to the
        result, where the next of a chain of steps needs it.

        Parameters
        ----------
        layers : list of ndarray of shape (n_models, fan_in, fan_out)
        step_sizes : None
            Not used.
        group_step_sizes : ndarray of shape (n_models, n_groups) or (n_models, 1)
        """
        W, groups = layers[0], self.tied_groups
        norms = groups.norms(W)
        left = norms - self._thresholds(self._slopes) * group_step_sizes
        np.maximum(left, 0, out=left)
        # What is left of the norm, as a share of it: none of zero, and exactly one in a
        # model without this penalty.
        factors = left / np.maximum(norms, np.finfo(norms.dtype).tiny)
        W *= groups.spread(factors)[:, :, None]
        # The tangent for the next step, from norms that are known.
        self._slopes = self.slope(left)

    def cancel(self, layers, forces):
        """What the subgradients leave of the forces on the groups of inputs.

        Where other penalties have been at the forces before, the norm of a group's part
        is the distance to the sum of all subdifferentials if the others are of single
        weights.
        """
        W, force, groups = layers[0], forces[0], self.tied_groups
        norms = groups.norms(W)
        bounds = self._thresholds(self.slope(norms))
        sizes = groups.norms(force)
        excess = np.maximum(sizes - bounds, 0)
        scale = np.divide(excess, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        at_zero = force * groups.spread(scale)[:, :, None]
        pull = np.divide(bounds, norms, out=np.zeros_like(norms), where=norms > 0)
        elsewhere = force - groups.spread(pull)[:, :, None] * W
        is_zero = groups.spread(norms == 0)[:, :, None]
        return [np.where(is_zero, at_zero, elsewhere), *forces[1:]]

    def smallest_strength(self):
        return smallest_positive(self._strength)

    def _thresholds(self, slopes):
        return self._strength * self._root_sizes * slopes


class GroupLasso(InputPenalty):
    """The convex one: ``phi(t) = t`` (Yuan & Lin 2006)."""

    is_convex = True

    def phi(self, norms):
        return norms

    def slope(self, norms):
        return np.ones_like(norms)


class GroupLogSum(InputPenalty):
    """The concave one: ``phi(t) = eps log(1 + t / eps)``.

    Its slope is 1 at zero and falls to zero for norms far above `eps`: it removes small
    groups and leaves large ones almost alone. As `eps` grows it becomes the group
    lasso.

    Parameters
    ----------
    feature_alpha, groups, dtype
        As for :class:`InputPenalty`.
    feature_epsilon : array-like of shape (n_models,)
        In the unit of the norms. Models without the penalty need none (None).
    """

    parameters = ("feature_alpha", "feature_epsilon")

    def __init__(self, feature_alpha, groups, dtype, feature_epsilon):
        super().__init__(feature_alpha, groups, dtype)
        # Where there is none any will do. A network that is zero has one of zero.
        epsilon = [value or 1.0 for value in feature_epsilon]
        self._epsilon = np.asarray(epsilon, dtype=dtype).reshape(-1, 1)

    @property
    def epsilon(self):
        """The `feature_epsilon` of every model: ``(n_models,)``."""
        return self._epsilon[:, 0]

    @classmethod
    def is_absorbing(cls, settings):
        # The automatic epsilon is small enough; a larger one lets inputs come back.
        return settings.feature_epsilon == "auto"

    def keep(self, models):
        super().keep(models)
        self._epsilon = self._epsilon[models]

    def phi(self, norms):
        return self._epsilon * np.log1p(norms / self._epsilon)

    def slope(self, norms):
        return 1 / (1 + norms / self._epsilon)


# One of these may be: `feature_penalty` says which.
INPUT_PENALTIES = {"log_sum": GroupLogSum, "group_lasso": GroupLasso}
