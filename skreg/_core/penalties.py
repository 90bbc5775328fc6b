r"""Penalties of the weights: value, smooth gradient, proximal step, stationarity.

A penalty of a batch holds its strengths as vectors over models. :class:`ElasticNet`
works on all *layers* of a buffer, the list of weight views ``W_l : (n_models, fan_in,
fan_out)`` (see `network.Network.weights`); the group penalties work on the first of
them, whose rows belong to the inputs. :class:`ElasticNetOfInputs` is their
sum. Intercepts are never penalized.

A new penalty of the inputs is a subclass of `_GroupPenalty` with a value and a slope.
"""

import numpy as np

__all__ = [
    "ElasticNet",
    "ElasticNetOfInputs",
    "GroupLasso",
    "GroupLogSum",
    "InputGroups",
    "make_penalty",
    "soft_threshold",
]


def soft_threshold(W, threshold):
    r"""``sign(W) max(|W| - threshold, 0)`` in place: the proximal operator of L1.

    It is the minimizer over ``x`` of ``(x - W)^2 / 2 + threshold |x|``.

    Parameters
    ----------
    W : ndarray
        Overwritten.
    threshold : ndarray, broadcastable to W
        Not negative.
    """
    # W - W is exactly zero, and that is what an entry below its threshold becomes.
    W -= np.clip(W, -threshold, threshold)


def _per_model(values, dtype):
    return np.asarray(values, dtype=dtype).reshape(-1, 1, 1)


class ElasticNet:
    r"""``alpha * sum_l (l1_ratio |W_l|_1 + (1 - l1_ratio) / 2 |W_l|_F^2)``.

    The L2 part is smooth and goes into the gradient; the L1 part is a proximal step, so
    its zeros are exact (Zou & Hastie 2005; Parikh & Boyd 2014, section 6.5.2).

    Parameters
    ----------
    alpha, l1_ratio : array-like of shape (n_models,)
    dtype : dtype
    """

    def __init__(self, alpha, l1_ratio, dtype):
        alpha = np.asarray(alpha, dtype=np.float64)
        l1_ratio = np.asarray(l1_ratio, dtype=np.float64)
        self.l1 = _per_model(alpha * l1_ratio, dtype)
        self.l2 = _per_model(alpha * (1 - l1_ratio), dtype)

    @property
    def has_l1(self):
        """Whether any model has an L1 part."""
        return bool(self.l1.any())

    @property
    def is_proximal(self):
        """Whether any model needs a proximal step."""
        return self.has_l1

    def keep(self, models):
        """Forget all models but these (an index array)."""
        self.l1, self.l2 = self.l1[models], self.l2[models]

    def smooth_value(self, layers):
        """The L2 part of every model: ``(n_models,)``."""
        flat = [W.reshape(len(W), -1) for W in layers]
        squares = [
            sum(float(np.vdot(w, w)) for w in ws) for ws in zip(*flat, strict=True)
        ]
        return 0.5 * self.l2[:, 0, 0] * np.array(squares)

    def value(self, layers):
        """The penalty of every model: ``(n_models,)``."""
        value = self.smooth_value(layers)
        if self.has_l1:
            value = value + sum(
                self.l1[:, 0, 0] * np.abs(W).sum(axis=(1, 2)) for W in layers
            )
        return value

    def add_smooth_gradient(self, layers, gradients):
        """Add ``l2 * W`` to the gradients of the weights, in place."""
        for W, G in zip(layers, gradients, strict=True):
            G += self.l2 * W

    # The penalty of the inputs, where there is one.
    inputs = None

    def majorize(self, layers):
        """Take the tangents of what is concave; `prox` leaves them at its result."""

    def prox(self, layers, step_sizes, group_step_sizes=None):
        """The proximal step, in place, in the metric ``1 / step_sizes``.

        Parameters
        ----------
        layers : list of ndarray of shape (n_models, fan_in, fan_out)
        step_sizes : list of ndarray, broadcastable to the layers
            The step that the smooth part just took along each coordinate.
        group_step_sizes : ndarray of shape (n_models, n_groups or 1), default=None
            The same, of each group of inputs.
        """
        for W, step_size in zip(layers, step_sizes, strict=True):
            soft_threshold(W, self.l1 * step_size)

    def subdifferential_distance(self, layers, gradients):
        """Distance of minus the gradient to the subdifferential of what is not smooth.

        Parameters
        ----------
        layers, gradients : list of ndarray of shape (n_models, fan_in, fan_out)
            Weights, and the gradient of the smooth part (L2 included).

        Returns
        -------
        list of ndarray of shape (n_models, fan_in, fan_out)
            Zero everywhere at a stationary point. Where inputs are penalized in groups
            only the norm over a group has this meaning.
        """
        return [np.abs(residual) for residual in self._residual(layers, gradients)]

    def _residual(self, layers, gradients):
        """What of minus the gradient the L1 part cannot cancel."""
        residuals = []
        for W, G in zip(layers, gradients, strict=True):
            at_zero = -G
            soft_threshold(at_zero, self.l1)
            residuals.append(np.where(W == 0, at_zero, -G - self.l1 * np.sign(W)))
        return residuals


class InputGroups:
    """A partition of the inputs.

    Parameters
    ----------
    labels : array-like of int of shape (n_features,)
        The group of each input, numbered from 0 without gaps.
    """

    def __init__(self, labels):
        self.labels = np.asarray(labels)
        self.n_groups = int(self.labels.max()) + 1
        self.sizes = np.bincount(self.labels, minlength=self.n_groups)
        # The first input of each group.
        self.first = np.unique(self.labels, return_index=True)[1]
        self._order = None
        if self.n_groups < len(self.labels) or (np.diff(self.labels) != 1).any():
            self._order = np.argsort(self.labels, kind="stable")
            self._starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])

    @classmethod
    def singletons(cls, n_features):
        """Each input by itself."""
        return cls(np.arange(n_features))

    def sum(self, values):
        """Sums over each group: ``(..., n_features)`` to ``(..., n_groups)``."""
        if self._order is None:
            return values
        return np.add.reduceat(values[..., self._order], self._starts, axis=-1)

    def spread(self, values):
        """Each group's value at its inputs: the way back."""
        return values if self._order is None else values[..., self.labels]

    def norms(self, W):
        """Frobenius norm of each group's rows of W, ``(n_models, n_groups)``."""
        return np.sqrt(self.sum(np.einsum("kij,kij->ki", W, W)))

    def restrict(self, kept):
        """The partition of some inputs (an index array), and its groups' old numbers.

        Groups are kept whole.
        """
        numbers, labels = np.unique(self.labels[kept], return_inverse=True)
        return InputGroups(labels), numbers


class _GroupPenalty:
    r"""``feature_alpha * sum_g sqrt(size_g) phi(|W_1[g]|_F)`` over groups of inputs.

    Parameters
    ----------
    feature_alpha : array-like of shape (n_models,)
    groups : InputGroups
    dtype : dtype

    Notes
    -----
    A concave ``phi`` is majorized by its tangent at the iterate before a step, which is
    a group lasso with weights ``phi'(|W_1[g]|)`` (Candes, Wakin & Boyd 2008).
    `majorize` takes the tangent, `prox` uses it.
    """

    def __init__(self, feature_alpha, groups, dtype):
        self.feature_alpha = np.asarray(feature_alpha, dtype=dtype).reshape(-1, 1)
        self.groups = groups
        self._root_sizes = np.sqrt(groups.sizes).astype(dtype)
        self._slopes = None

    def keep(self, models):
        self.feature_alpha = self.feature_alpha[models]
        self._slopes = None

    def value(self, W):
        """The penalty of every model: ``(n_models,)``."""
        values = self._root_sizes * self._phi(self.groups.norms(W))
        return self.feature_alpha[:, 0] * values.sum(axis=1)

    def majorize(self, W):
        """Take the tangent at W."""
        self._slopes = self._slope(self.groups.norms(W))

    def prox(self, W, step_sizes):
        """Shrink each group's rows towards zero, in place.

        ``w_g <- max(0, 1 - t_g / |w_g|) w_g`` with ``t_g = step_g feature_alpha
        sqrt(size_g) phi'_g``: the proximal operator of the tangent where the metric is
        a multiple of the identity within each group. The tangent is then moved to the
        result, where the next of a chain of steps needs it.

        Parameters
        ----------
        W : ndarray of shape (n_models, n_features, fan_out)
        step_sizes : ndarray of shape (n_models, n_groups) or (n_models, 1)
        """
        norms = self.groups.norms(W)
        left = norms - self._thresholds(self._slopes) * step_sizes
        np.maximum(left, 0, out=left)
        # What is left of the norm, as a share of it: none of zero, and exactly one in a
        # model without this penalty.
        factors = left / np.maximum(norms, np.finfo(norms.dtype).tiny)
        W *= self.groups.spread(factors)[:, :, None]
        # The tangent for the next step, from norms that are known.
        self._slopes = self._slope(left)

    def residual(self, W, residual):
        """What of `residual` the penalty's subdifferential cannot cancel.

        Parameters
        ----------
        W : ndarray of shape (n_models, n_features, fan_out)
        residual : ndarray of the same shape
            Minus the gradient of everything else, where W is zero already
            soft-thresholded.

        Returns
        -------
        ndarray of the same shape
            Its norm over a group is the distance of that group's part.
        """
        norms = self.groups.norms(W)
        bounds = self._thresholds(self._slope(norms))
        sizes = self.groups.norms(residual)
        excess = np.maximum(sizes - bounds, 0)
        scale = np.divide(excess, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        at_zero = residual * self.groups.spread(scale)[:, :, None]
        pull = np.divide(bounds, norms, out=np.zeros_like(norms), where=norms > 0)
        elsewhere = residual - self.groups.spread(pull)[:, :, None] * W
        is_zero = self.groups.spread(norms == 0)[:, :, None]
        return np.where(is_zero, at_zero, elsewhere)

    def _thresholds(self, slopes):
        return self.feature_alpha * self._root_sizes * slopes


class GroupLasso(_GroupPenalty):
    """The convex one: ``phi(t) = t`` (Yuan & Lin 2006)."""

    def _phi(self, norms):
        return norms

    def _slope(self, norms):
        return np.ones_like(norms)


class GroupLogSum(_GroupPenalty):
    """The concave one: ``phi(t) = eps log(1 + t / eps)``.

    Its slope is 1 at zero and falls to zero for norms far above `eps`: it removes small
    groups and leaves large ones almost alone. As `eps` grows it becomes the group
    lasso.

    Parameters
    ----------
    epsilon : array-like of shape (n_models,)
        In the unit of the norms.
    """

    def __init__(self, feature_alpha, groups, dtype, epsilon):
        super().__init__(feature_alpha, groups, dtype)
        self.epsilon = np.asarray(epsilon, dtype=dtype).reshape(-1, 1)

    def keep(self, models):
        super().keep(models)
        self.epsilon = self.epsilon[models]

    def _phi(self, norms):
        return self.epsilon * np.log1p(norms / self.epsilon)

    def _slope(self, norms):
        return 1 / (1 + norms / self.epsilon)


class ElasticNetOfInputs(ElasticNet):
    """The elastic net of all weights plus a group penalty of the inputs.

    Parameters
    ----------
    alpha, l1_ratio : array-like of shape (n_models,)
    dtype : dtype
    inputs : GroupLasso or GroupLogSum
    """

    def __init__(self, alpha, l1_ratio, dtype, inputs):
        super().__init__(alpha, l1_ratio, dtype)
        self.inputs = inputs

    @property
    def is_proximal(self):
        return True

    def keep(self, models):
        super().keep(models)
        self.inputs.keep(models)

    def value(self, layers):
        return super().value(layers) + self.inputs.value(layers[0])

    def majorize(self, layers):
        self.inputs.majorize(layers[0])

    def prox(self, layers, step_sizes, group_step_sizes=None):
        # Soft-threshold, then the groups: in this order the two make the proximal
        # operator of their sum (Friedman, Hastie & Tibshirani 2010, section 3).
        if self.has_l1:
            super().prox(layers, step_sizes)
        self.inputs.prox(layers[0], group_step_sizes)

    def _residual(self, layers, gradients):
        residuals = super()._residual(layers, gradients)
        residuals[0] = self.inputs.residual(layers[0], residuals[0])
        return residuals


def make_penalty(models, feature_penalty, groups, dtype):
    """The penalty of a batch.

    Parameters
    ----------
    models : list of objects with the strengths as attributes
        `alpha`, `l1_ratio`, `feature_alpha`, `feature_epsilon`.
    feature_penalty : {"log_sum", "group_lasso"}
    groups : InputGroups
    dtype : dtype

    Returns
    -------
    ElasticNet
    """

    def values(name):
        return [getattr(model, name) for model in models]

    alpha, l1_ratio = values("alpha"), values("l1_ratio")
    if not any(values("feature_alpha")):
        return ElasticNet(alpha, l1_ratio, dtype)
    if feature_penalty == "group_lasso":
        inputs = GroupLasso(values("feature_alpha"), groups, dtype)
    else:
        # Models without the penalty need none; any will do.
        epsilon = [value or 1.0 for value in values("feature_epsilon")]
        inputs = GroupLogSum(values("feature_alpha"), groups, dtype, epsilon)
    return ElasticNetOfInputs(alpha, l1_ratio, dtype, inputs)
