r"""Full-batch solvers: L-BFGS on SciPy.

The L1 part is not smooth. It is made so by splitting the weights into their positive
and negative parts, ``w = p - q`` with ``p, q >= 0``: then ``|w|_1 = sum p + q`` is
linear, the bounds are simple ones, and L-BFGS-B ends with entries at their bound, exact
zeros (the solver of Byrd, Lu, Nocedal & Zhu 1995 applied as in Andrew & Gao 2007,
section 2).
"""

import numpy as np
from scipy import optimize

from .stopping import StopReason

__all__ = ["lbfgs"]

# SciPy's default, which scikit-learn keeps: the relative decrease that counts as none.
# It holds at the default tol and follows tol down.
_FTOL = 2.220446049250313e-09
_DEFAULT_TOL = 1e-4


class _Smooth:
    """The parameters themselves as SciPy's variables, which are float64."""

    bounds = None

    def __init__(self, objective, params):
        self._objective, self._dtype = objective, params.dtype
        self.start = params.astype(np.float64)

    def params_of(self, x):
        return x.astype(self._dtype)

    def value_and_gradient(self, x):
        params = self.params_of(x)[None]
        value, gradient = self._objective.smooth_value_and_gradient(params)
        return value[0], gradient[0].astype(np.float64)


class _Split(_Smooth):
    """Variables ``(p and intercepts, q)`` with ``w = p - q``."""

    def __init__(self, objective, params):
        super().__init__(objective, params)
        penalized = np.zeros((1, len(params)))
        for W in objective.network.weights(penalized):
            W[...] = 1
        self._is_weight = penalized[0] > 0
        self._l1 = float(objective.penalty.l1[0, 0, 0])
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


def lbfgs(
    objective,
    params,
    progress,
    *,
    max_iter,
    max_fun,
    tol,
    validate=None,
    report=None,
    keep_interrupted=False,
):
    """Minimize the objective of one model from `params` with L-BFGS.

    Parameters
    ----------
    objective : objective.Objective
        Of one model.
    params : ndarray of shape (n_params,)
        The start; not changed.
    progress : stopping.Progress
        Gets an entry an iteration, and the parameters to keep.
    max_iter, max_fun : int
        Bounds on iterations and on evaluations.
    tol : float
        Of the largest entry of the (projected) gradient.
    validate : callable, default=None
        ``validate(params)`` gives (score, loss) of the validation rows; with it the
        criterion in `progress` can end the iterations.
    report : callable, default=None
        ``report(progress)`` after each iteration; may return a reason to stop.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the iterations with what there is, instead of propagating.

    Returns
    -------
    StopReason
    """
    problem = _Split if objective.penalty.is_proximal else _Smooth
    problem = problem(objective, params)
    stop_reason = None

    def end_iteration(intermediate_result):
        nonlocal stop_reason
        row = problem.params_of(intermediate_result.x)
        loss = intermediate_result.fun
        penalty = objective.penalty.value(objective.network.weights(row[None]))[0]
        validation = None if validate is None else validate(row)
        stop_reason = progress.end_epoch(row, loss, loss - penalty, validation)
        if validate is None and stop_reason is StopReason.NO_IMPROVEMENT:
            # Without a validation score it is the solver that knows when it is done.
            stop_reason = None
        if report is not None:
            stop_reason = report(progress) or stop_reason
        if stop_reason is not None:
            raise StopIteration

    try:
        with np.errstate(all="ignore"):
            result = optimize.minimize(
                problem.value_and_gradient,
                problem.start,
                method="L-BFGS-B",
                jac=True,
                bounds=problem.bounds,
                callback=end_iteration,
                options={
                    "maxiter": max_iter,
                    "maxfun": max_fun,
                    "gtol": tol,
                    "ftol": _FTOL * min(1.0, tol / _DEFAULT_TOL),
                },
            )
    except KeyboardInterrupt:
        if not keep_interrupted:
            raise
        return StopReason.INTERRUPTED
    if stop_reason is not None:
        return stop_reason
    if not np.isfinite(result.fun):
        return StopReason.DIVERGED
    if validate is None:
        progress.kept = problem.params_of(result.x)
    if result.nit >= max_iter:
        return StopReason.MAX_ITER
    if result.nfev >= max_fun:
        return StopReason.MAX_FUN
    return StopReason.CONVERGED
