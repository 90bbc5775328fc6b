"""Penalties of single weights."""

import numpy as np

from .contract import Penalty, smallest_positive

__all__ = ["WEIGHT_PENALTIES", "ElasticNet", "soft_threshold"]


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


class ElasticNet(Penalty):
    r"""``alpha * sum_l (l1_ratio |W_l|_1 + (1 - l1_ratio) / 2 |W_l|_F^2)``.

    The L2 part is the smooth one (Zou & Hastie 2005; Parikh & Boyd 2014, section
    6.5.2).

    Parameters
    ----------
    alpha, l1_ratio : array-like of shape (n_models,)
    dtype : dtype
    """

    parameters = ("alpha", "l1_ratio")

    @classmethod
    def is_proximal_in(cls, model):
        """Whether a model has an L1 part: the L2 part is in the gradient."""
        return model.alpha * model.l1_ratio > 0

    def __init__(self, alpha, l1_ratio, dtype):
        alpha = np.asarray(alpha, dtype=np.float64)
        l1_ratio = np.asarray(l1_ratio, dtype=np.float64)
        self._l1 = _per_model(alpha * l1_ratio, dtype)
        self._l2 = _per_model(alpha * (1 - l1_ratio), dtype)
        self._update()

    def _update(self):
        self.is_proximal = self.needs_elementwise_steps = bool(self._l1.any())

    @property
    def weight_decay(self):
        return self._l2[:, 0, 0]

    def keep(self, models):
        self._l1, self._l2 = self._l1[models], self._l2[models]
        self._update()

    def value(self, layers):
        value = self.smooth_value(layers)
        if self.is_proximal:
            value = value + sum(
                self._l1[:, 0, 0] * np.abs(W).sum(axis=(1, 2)) for W in layers
            )
        return value

    def prox(self, layers, step_sizes, group_step_sizes=None):
        for W, step_size in zip(layers, step_sizes, strict=True):
            soft_threshold(W, self._l1 * step_size)

    def cancel(self, layers, forces):
        left = []
        for W, force in zip(layers, forces, strict=True):
            at_zero = force.copy()
            soft_threshold(at_zero, self._l1)
            left.append(np.where(W == 0, at_zero, force - self._l1 * np.sign(W)))
        return left

    def smallest_strength(self):
        return smallest_positive(self._l1)

    def linear_strength(self):
        return self._l1[:, 0, 0]


# Any number of these may be in a penalty: each that a model has a strength for.
WEIGHT_PENALTIES = {"elastic_net": ElasticNet}
