r"""L-BFGS, by SciPy's L-BFGS-B.

The L1 part is made smooth by splitting the weights into their positive and negative
parts, ``w = p - q`` with ``p, q >= 0``: then ``|w|_1 = sum p + q`` is linear, the
bounds are simple ones, and L-BFGS-B ends with entries at their bound, exact zeros (the
solver of Byrd, Lu, Nocedal & Zhu 1995 applied as in Andrew & Gao 2007, section 2).
"""

import numpy as np
from scipy import optimize

from ..stopping import StopReason
from .run import Run, reason_at_rest

__all__ = ["lbfgs"]

# SciPy's default, which scikit-learn keeps: the relative decrease that counts as none.
# It holds at the default tol and follows tol down.
_FTOL = 2.220446049250313e-09
_DEFAULT_TOL = 1e-4


def lbfgs(objective, params, progress, **options):
    """Minimize the objective of one model with L-BFGS.

    Parameters
    ----------
    objective : objective.Objective
    params : ndarray of shape (n_params,)
        The start; not changed.
    progress : stopping.Progress
    **options
        See :class:`run.Run`. `tol` is that of the largest entry of the (projected)
        gradient.

    Returns
    -------
    StopReason

    Raises
    ------
    ValueError
        If a part of the penalty is neither L1 nor L2 of all weights.
    """
    return Run(objective, progress, **options).minimize(_iterate, params)


def _iterate(run, params):
    problem = _problem_of(run.objective, params)
    stop_reason = value_at_x = None

    def evaluate(x):
        nonlocal value_at_x
        value_at_x, gradient = problem.value_and_gradient(x)
        return value_at_x, gradient

    def end_iteration(x):
        nonlocal stop_reason
        # An iteration ends where the objective was evaluated last.
        value = problem.objective_value(x, value_at_x)
        stop_reason = run.end_iteration(problem.params_of(x), value)
        if stop_reason is not None:
            raise StopIteration

    try:
        result = optimize.minimize(
            evaluate,
            problem.start,
            method="L-BFGS-B",
            jac=True,
            bounds=problem.bounds,
            callback=end_iteration,
            options={
                "maxiter": run.max_iter,
                "maxfun": run.max_fun,
                "gtol": run.tol,
                "ftol": _FTOL * min(1.0, run.tol / _DEFAULT_TOL),
            },
        )
    except StopIteration:
        # SciPy before 1.11 lets it through.
        pass
    return stop_reason or _end(run, params, problem, result)


def _end(run, params, problem, result):
    """Take SciPy's result where no iteration had a reason to stop; why it stopped."""
    if not np.isfinite(result.fun):
        return StopReason.DIVERGED
    if run.progress.n_epochs == 0:
        # A start that is stationary already has a loss and a score, too.
        run.end_iteration(params, result.fun)
    run.keep(problem.params_of(result.x))
    if result.nit >= run.max_iter:
        return StopReason.MAX_ITER
    if result.nfev >= run.max_fun:
        return StopReason.MAX_FUN
    # SciPy's success may mean that an iteration gained next to nothing.
    residual = problem.residual(result.x, result.jac)
    return reason_at_rest(residual, run.tol, result.fun)


class _Smooth:
    """The parameters themselves as SciPy's variables, which are float64."""

    bounds = None

    def __init__(self, objective, params):
        self._objective, self._dtype = objective, params.dtype
        self.start = params.astype(np.float64)

    def params_of(self, x):
        return x.astype(self._dtype)

    def objective_value(self, x, value):
        """The objective at these variables, where SciPy minimizes `value`."""
        return value

    def residual(self, x, gradient):
        """The largest entry of the gradient, projected on the bounds."""
        if self.bounds is not None:
            gradient = x - np.maximum(x - gradient, self.bounds.lb)
        return float(np.abs(gradient).max())

    def value_and_gradient(self, x):
        params = self.params_of(x)[None]
        value, gradient = self._objective.smooth_value_and_gradient(params)
        return value[0], gradient[0].astype(np.float64)


class _Split(_Smooth):
    """Variables ``(p and intercepts, q)`` with ``w = p - q``."""

    def __init__(self, objective, params, l1):
        super().__init__(objective, params)
        penalized = np.zeros((1, len(params)))
        for W in objective.network.weights(penalized):
            W[...] = 1
        self._is_weight = penalized[0] > 0
        self._l1 = l1
        weights = self.start[self._is_weight]
        self.start[self._is_weight] = np.maximum(weights, 0)
        self.start = np.concatenate([self.start, np.maximum(-weights, 0)])
        lower = np.concatenate(
            [np.where(self._is_weight, 0, -np.inf), np.zeros(len(weights))]
        )
        self.bounds = optimize.Bounds(lower, np.inf)

    def params_of(self, x):
        params = x[: len(self._is_weight)].copy()
        params[self._is_weight] -= x[len(self._is_weight) :]
        return super().params_of(params)

    def objective_value(self, x, value):
        # p + q is |p - q| only where one of them is zero, as it is in the end.
        positive = x[: len(self._is_weight)][self._is_weight]
        both = np.minimum(positive, x[len(self._is_weight) :])
        return value - 2 * self._l1 * both.sum()

    def value_and_gradient(self, x):
        value, gradient = super().value_and_gradient(x)
        positive = np.where(self._is_weight, x[: len(self._is_weight)], 0)
        value += self._l1 * (positive.sum() + x[len(self._is_weight) :].sum())
        split = np.concatenate(
            [
                gradient + self._l1 * self._is_weight,
                self._l1 - gradient[self._is_weight],
            ]
        )
        return value, split


def _problem_of(objective, params):
    """What SciPy is to minimize; a ValueError names a penalty that it cannot."""
    strength = objective.penalty.linear_strength()
    if strength is None:
        refused = " and ".join(
            str(term)
            for term in objective.penalty.terms
            if term.linear_strength() is None
        )
        raise ValueError(
            f"solver='lbfgs' has no step for the penalty {refused}: it can minimize "
            "the L1 and L2 norms of all weights alone. Use a solver with proximal "
            "steps, such as solver='fista'."
        )
    if strength[0] == 0:
        return _Smooth(objective, params)
    return _Split(objective, params, float(strength[0]))
