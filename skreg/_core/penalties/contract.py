"""The verbs of a penalty, and the sum of penalties."""

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["Penalty", "PenaltySum", "smallest_positive"]


class Penalty(ABC):
    r"""A penalty of a batch: ``smooth(W) + rest(W)`` for each of its models.

    The smooth part is L2, ``weight_decay / 2 * sum_l |W_l|_F^2``, and goes into the
    gradient. The rest is a proximal step, so that its zeros are exact.

    Attributes
    ----------
    parameters : tuple of str
        Of the class: the models' attributes that its constructor takes, by these names,
        as vectors over models. The first is the strength, of which zero (or False)
        means that a model does not have this penalty.
    is_proximal : bool
        Whether any model needs a proximal step. Asked in every step, like the next two,
        so an attribute that is set when models are forgotten.
    needs_elementwise_steps : bool
        Whether `prox` needs the step size of every single weight. An optimizer that has
        one step size a model hands that over in any case.
    tied_groups : InputGroups or None
        The groups of rows of the first layer inside of which step sizes must agree, so
        that an adaptive optimizer keeps one second moment for each.
    """

    parameters: tuple = ()

    is_proximal = True
    needs_elementwise_steps = False
    tied_groups = None

    @classmethod
    def is_proximal_in(cls, model):
        """Whether the parameters of a model ask for a proximal step of this penalty."""
        return getattr(model, cls.parameters[0], 0) > 0

    @property
    @abstractmethod
    def weight_decay(self):
        """The strength of the L2 part of every model: ``(n_models,)``."""

    @property
    def tied_models(self):
        """The models whose step sizes must agree in `tied_groups`, an index array."""
        return np.array([], dtype=int)

    @property
    def terms(self):
        """The penalties that this one is the sum of."""
        return [self]

    @abstractmethod
    def keep(self, models):
        """Forget all models but these (an index array)."""

    @abstractmethod
    def value(self, layers):
        """The penalty of every model, the smooth part included: ``(n_models,)``."""

    def smooth_value(self, layers):
        """The L2 part of every model: ``(n_models,)``."""
        squares = [0.0] * len(layers[0])
        for layer in layers:
            for k, W in enumerate(layer):
                squares[k] += float(np.vdot(W, W))
        return 0.5 * self.weight_decay * np.array(squares)

    def add_smooth_gradient(self, layers, gradients):
        """Add ``weight_decay * W`` to the gradients of the weights, in place."""
        decay = self.weight_decay[:, None, None]
        for W, G in zip(layers, gradients, strict=True):
            G += decay * W

    def majorize(self, layers):  # noqa: B027 (a convex penalty has nothing to do)
        """Take the tangents of what is concave; `prox` leaves them at its result."""

    @abstractmethod
    def prox(self, layers, step_sizes, group_step_sizes=None):
        """The proximal step, in place, in the metric ``1 / step_sizes``.

        Parameters
        ----------
        layers : list of ndarray of shape (n_models, fan_in, fan_out)
        step_sizes : list of ndarray, broadcastable to the layers
            The step that the smooth part just took along each coordinate. May be None
            where the penalty does not need elementwise steps.
        group_step_sizes : ndarray of shape (n_models, n_groups or 1), default=None
            The same, of each of the `tied_groups`.
        """

    @abstractmethod
    def cancel(self, layers, forces):
        """What of some forces on the weights the subgradients cannot cancel.

        Parameters
        ----------
        layers : list of ndarray of shape (n_models, fan_in, fan_out)
        forces : list of ndarray of the same shapes
            Minus the gradient of everything else; not changed.

        Returns
        -------
        list of ndarray of the same shapes
            Zero everywhere at a stationary point. Where inputs are penalized in groups
            only the norm over a group has a meaning: the distance of its part.
        """

    def subdifferential_distance(self, layers, gradients):
        """Distance of minus the gradient to the subdifferential of what is not smooth.

        Parameters
        ----------
        layers, gradients : list of ndarray of shape (n_models, fan_in, fan_out)
            Weights, and the gradient of the smooth part (L2 included).

        Returns
        -------
        list of ndarray of shape (n_models, fan_in, fan_out)
            See `cancel`.
        """
        return [np.abs(left) for left in self.cancel(layers, [-G for G in gradients])]

    def stationarity(self, layers, gradients):
        """How far from stationary the weights are: ``(n_models,)``.

        The largest entry of `subdifferential_distance`; in the first layer of a penalty
        with `tied_groups` the largest norm over a group, divided by the root of its
        size.
        """
        distances = self.subdifferential_distance(layers, gradients)
        groups = self.tied_groups
        if groups is not None:
            distances[0] = groups.norms(distances[0]) / np.sqrt(groups.sizes)
        n_models = len(layers[0])
        return np.max([d.reshape(n_models, -1).max(axis=1) for d in distances], axis=0)

    @abstractmethod
    def smallest_strength(self):
        """The smallest positive strength of what is not smooth; None if there is none.

        Full-batch solvers measure `stationarity` in this unit.
        """

    def linear_strength(self):
        """The ``s`` of every model if all but the smooth part is ``s |W|_1``, or None.

        Returns
        -------
        ndarray of shape (n_models,) or None
            Zeros if there is nothing but the smooth part. L-BFGS splits weights by it,
            and refuses a penalty that has None.
        """
        return None

    def __str__(self):
        return f"{type(self).__name__} ({', '.join(self.parameters)})"


class PenaltySum(Penalty):
    """The sum of some penalties.

    Parameters
    ----------
    terms : list of Penalty
        Those of single weights first, then at most one of groups of inputs. In this
        order the proximal steps make the proximal operator of the sum (Friedman, Hastie
        & Tibshirani 2010, section 3), and the same holds for what their subgradients
        cancel.
    """

    def __init__(self, terms):
        self._terms = list(terms)
        self._update()

    def _update(self):
        self._proximal = [term for term in self._terms if term.is_proximal]
        self.is_proximal = bool(self._proximal)
        self.needs_elementwise_steps = any(
            term.needs_elementwise_steps for term in self._terms
        )
        self.tied_groups = self._terms[-1].tied_groups

    @property
    def terms(self):
        return self._terms

    @property
    def weight_decay(self):
        return sum(term.weight_decay for term in self._terms)

    @property
    def tied_models(self):
        return self._terms[-1].tied_models

    def keep(self, models):
        for term in self._terms:
            term.keep(models)
        self._update()

    def value(self, layers):
        return sum(term.value(layers) for term in self._terms)

    def majorize(self, layers):
        for term in self._terms:
            term.majorize(layers)

    def prox(self, layers, step_sizes, group_step_sizes=None):
        for term in self._proximal:
            term.prox(layers, step_sizes, group_step_sizes)
        # The last one has left its tangent at the result; those before it have not seen
        # what came after them.
        for term in self._proximal[:-1]:
            term.majorize(layers)

    def cancel(self, layers, forces):
        for term in self._terms:
            forces = term.cancel(layers, forces)
        return forces

    def smallest_strength(self):
        strengths = [term.smallest_strength() for term in self._terms]
        return min((s for s in strengths if s is not None), default=None)

    def linear_strength(self):
        strengths = [term.linear_strength() for term in self._terms]
        return None if any(s is None for s in strengths) else sum(strengths)

    def __str__(self):
        return " + ".join(map(str, self._terms))


def smallest_positive(strengths):
    """The smallest positive entry as a float; None if there is none."""
    positive = strengths[strengths > 0]
    return float(positive.min()) if positive.size else None
