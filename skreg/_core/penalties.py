r"""Penalties of the weights: value, smooth gradient, proximal step, stationarity.

A penalty of a batch holds its strengths as vectors over models and works on the
*layers* of a buffer: the list of weight views ``W_l : (n_models, fan_in, fan_out)``
(see `network.Network.weights`). Intercepts are never penalized. A new penalty is a
class with the methods of :class:`ElasticNet`.
"""

import numpy as np

__all__ = ["ElasticNet", "soft_threshold"]


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
    def is_proximal(self):
        """Whether any model needs a proximal step."""
        return bool(self.l1.any())

    def keep(self, models):
        """Forget all models but these (an index array)."""
        self.l1, self.l2 = self.l1[models], self.l2[models]

    def smooth_value(self, layers):
        """The L2 part of every model: ``(n_models,)``."""
        squares = [[np.vdot(w, w) for w in W.reshape(len(W), -1)] for W in layers]
        return 0.5 * self.l2[:, 0, 0] * np.sum(squares, axis=0, dtype=np.float64)

    def value(self, layers):
        """The penalty of every model: ``(n_models,)``."""
        value = self.smooth_value(layers)
        if self.is_proximal:
            value = value + sum(
                self.l1[:, 0, 0] * np.abs(W).sum(axis=(1, 2)) for W in layers
            )
        return value

    def add_smooth_gradient(self, layers, gradients):
        """Add ``l2 * W`` to the gradients of the weights, in place."""
        for W, G in zip(layers, gradients, strict=True):
            G += self.l2 * W

    def prox(self, layers, step_sizes):
        """The proximal step, in place, in the metric ``1 / step_sizes``.

        Parameters
        ----------
        layers : list of ndarray of shape (n_models, fan_in, fan_out)
        step_sizes : list of ndarray, broadcastable to the layers
            The step that the smooth part just took along each coordinate.
        """
        for W, step_size in zip(layers, step_sizes, strict=True):
            soft_threshold(W, self.l1 * step_size)

    def subdifferential_distance(self, layers, gradients):
        """Distance of ``-gradient`` to the subdifferential of the L1 part, elementwise.

        Zero everywhere at a stationary point of the objective.

        Parameters
        ----------
        layers, gradients : list of ndarray of shape (n_models, fan_in, fan_out)
            Weights, and the gradient of the smooth part (L2 included).

        Returns
        -------
        list of ndarray of shape (n_models, fan_in, fan_out)
        """
        return [
            np.where(
                W == 0,
                np.maximum(np.abs(G) - self.l1, 0),
                np.abs(G + self.l1 * np.sign(W)),
            )
            for W, G in zip(layers, gradients, strict=True)
        ]
