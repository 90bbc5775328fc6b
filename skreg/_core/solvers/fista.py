r"""Accelerated proximal gradient.

From the extrapolated point ``z``: ``x_new = prox_s(z - s grad(z))``, with ``s`` halved
until the quadratic model at ``z`` bounds the smooth part at ``x_new``; then ``z = x_new
+ (t - 1) / t_new (x_new - x)`` (Beck & Teboulle 2009). Where the objective would rise,
momentum starts again from ``x`` (O'Donoghue & Candes 2015): it never rises. A concave
penalty is majorized at ``z``. Where progress is slow, or no step of the present size
helps, steps of many other sizes are tried.
"""

import numpy as np

from ..stopping import StopReason
from .run import Run, reason_at_rest

__all__ = ["fista"]

# How the step grows after an iteration and shrinks where it was too long.
_GROWTH, _SHRINKAGE = 1.2, 0.5
_SMALLEST_STEP = 1e-12

# Iterations between two looks at the residual, which cost a gradient each.
_LOOK_EVERY = 10

# Steps of other sizes are tried where the objective falls by a smaller part than this
# between two looks, and taken if one of them lowers it by more than those iterations
# did: a concave penalty, or relu, may have a lower valley next to a flat one.
_SLOW = 1e-6
# A smaller part than this is no gain.
_SMALLEST_GAIN = 1e-9
_OTHER_STEPS = 10.0 ** np.arange(-10, 3)


class _ProximalGradient:
    """The iterates of :func:`fista`."""

    def __init__(self, objective, params):
        self._objective = objective
        self._network, self._penalty = objective.network, objective.penalty
        self.params = params[None].copy()
        self.value = objective.value(self.params)[0]
        self._start_from = self.params
        self._inertia = 1.0
        self._step = 1.0
        # Differences below this are rounding.
        self._rounding = 10 * np.finfo(params.dtype).eps

    def advance(self):
        """One iteration; False where no step of any size lowers the objective."""
        while True:
            new, value = self._proximal_step()
            if value < self.value:
                break
            if self._start_from is self.params:
                # The full step from here did not help: a smaller one may.
                self._step *= _SHRINKAGE
                if self._step < _SMALLEST_STEP or not np.isfinite(value):
                    return False
            # The momentum led uphill: start again from the best point.
            self._start_from, self._inertia = self.params, 1.0
        inertia = (1 + np.sqrt(1 + 4 * self._inertia**2)) / 2
        weight = self.params.dtype.type((self._inertia - 1) / inertia)
        self._start_from = new + weight * (new - self.params)
        self.params, self.value, self._inertia = new, value, inertia
        self._step *= _GROWTH
        return True

    def leap(self, least_gain=0.0):
        """The best step of many sizes from here; False where none gains enough."""
        _, gradient = self._objective.smooth_value_and_gradient(self.params)
        values_and_steps = []
        for size in _OTHER_STEPS:
            new, smooth = self._step_from(self.params, gradient, size)
            values_and_steps.append((self._objective.value_given(new, smooth), size))
        value, size = min(values_and_steps)
        least_gain = max(least_gain, _SMALLEST_GAIN * abs(self.value))
        if not value < self.value - least_gain:
            return False
        self.params, _ = self._step_from(self.params, gradient, size)
        self.value, self._step = value, size
        self._start_from, self._inertia = self.params, 1.0
        return True

    def _step_from(self, start, gradient, size):
        """Where a step leads, and the smooth part there."""
        # Anew for every size: the proximal step leaves the tangents at its result.
        self._penalty.majorize(self._network.weights(start))
        step = start.dtype.type(size)
        new = start - step * gradient
        layers = self._network.weights(new)
        column = np.full((1, 1, 1), step)
        self._penalty.prox(layers, [column] * len(layers), column[:, :, 0])
        return new, self._objective.smooth_value(new)[0]

    def _proximal_step(self):
        """A proximal step whose quadratic model bounds the smooth part."""
        start = self._start_from
        (smooth,), gradient = self._objective.smooth_value_and_gradient(start)
        slack = self._rounding * max(1.0, abs(smooth))
        while True:
            new, value = self._step_from(start, gradient, self._step)
            move = new - start
            bound = smooth + np.vdot(gradient, move)
            bound += np.vdot(move, move) / (2 * self._step)
            if value <= bound + slack or self._step < _SMALLEST_STEP:
                break
            self._step *= _SHRINKAGE
        return new, self._objective.value_given(new, value)

    def kkt_residual(self):
        return self._objective.kkt_residual(self.params)[0]


def fista(objective, params, progress, **options):
    r"""Minimize the objective of one model by accelerated proximal gradient steps.

    Parameters
    ----------
    objective : objective.Objective
    params : ndarray of shape (n_params,)
        The start; not changed.
    progress : stopping.Progress
    **options
        See :class:`run.Run`. `tol` is that of the residual (see
        `Objective.kkt_residual`) in units of the smallest positive strength of a
        penalty that is not smooth, or of 1 where there is none.

    Returns
    -------
    StopReason
    """
    return Run(objective, progress, **options).minimize(_iterate, params)


def _iterate(run, params):
    tol = run.tol * (run.objective.penalty.smallest_strength() or 1.0)
    iterates = _ProximalGradient(run.objective, params)
    value_at_last_look = iterates.value
    for iteration in range(1, run.max_iter + 1):
        goes_on = iterates.advance() or iterates.leap()
        looks = iteration % _LOOK_EVERY == 0 or iteration == run.max_iter
        if looks and goes_on:
            fall = value_at_last_look - iterates.value
            if fall < _SLOW * abs(iterates.value):
                iterates.leap(least_gain=fall)
            value_at_last_look = iterates.value
        reason = run.end_iteration(iterates.params[0], iterates.value)
        if reason is not None:
            return reason
        if not goes_on:
            residual = iterates.kkt_residual()
            return reason_at_rest(residual, tol, iterates.value)
        if looks and iterates.kkt_residual() <= tol:
            return StopReason.CONVERGED
    return StopReason.MAX_ITER
