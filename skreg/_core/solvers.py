r"""Full-batch solvers: L-BFGS on SciPy, and accelerated proximal gradient.

For L-BFGS the L1 part is made smooth by splitting the weights into their positive
and negative parts, ``w = p - q`` with ``p, q >= 0``: then ``|w|_1 = sum p + q`` is
linear, the bounds are simple ones, and L-BFGS-B ends with entries at their bound, exact
zeros (the solver of Byrd, Lu, Nocedal & Zhu 1995 applied as in Andrew & Gao 2007,
section 2).
"""

import numpy as np
from scipy import optimize

from .stopping import StopReason

__all__ = ["fista", "lbfgs"]

# SciPy's default, which scikit-learn keeps: the relative decrease that counts as none.
# It holds at the default tol and follows tol down.
_FTOL = 2.220446049250313e-09
_DEFAULT_TOL = 1e-4

# In units of the objective, or of one. At rest, networks on scaled inputs (diabetes,
# breast cancer, digits, a curve; relu and tanh; both dtypes) had residuals below 0.01;
# with a column of timestamps or of raw areas it was 0.4 to 1e9.
_LARGE_RESIDUAL = 0.1


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
            "the L1 and L2 norms of all weights alone. Use solver='adam', 'sgd' or "
            "'fista'."
        )
    if strength[0] == 0:
        return _Smooth(objective, params)
    return _Split(objective, params, float(strength[0]))


def _end_iteration(objective, row, loss, progress, is_sound, validate, report):
    """Record an iteration; the reason to stop, or None."""
    penalty = objective.penalty.value(objective.network.weights(row[None]))[0]
    validation = None if validate is None else validate(row)
    stop_reason = progress.end_epoch(row, loss, loss - penalty, validation, is_sound)
    if validate is None and stop_reason is progress.criterion.reason:
        # Without a validation score it is the solver that knows when it is done.
        stop_reason = None
    asked = None if report is None else report(progress)
    return stop_reason or asked


def lbfgs(
    objective,
    params,
    progress,
    *,
    max_iter,
    max_fun,
    tol,
    is_sound=None,
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
    is_sound : callable, default=None
        As for `Progress.end_epoch`.
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
    problem = _problem_of(objective, params)
    stop_reason = value_at_x = None

    def evaluate(x):
        nonlocal value_at_x
        value_at_x, gradient = problem.value_and_gradient(x)
        return value_at_x, gradient

    def end_iteration(x):
        nonlocal stop_reason
        # An iteration ends where the objective was evaluated last.
        value = problem.objective_value(x, value_at_x)
        stop_reason = _end_iteration(
            objective, problem.params_of(x), value, progress, is_sound, validate, report
        )
        if stop_reason is not None:
            raise StopIteration

    try:
        with np.errstate(all="ignore"), objective.blas_threads():
            result = optimize.minimize(
                evaluate,
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
    except StopIteration:
        # SciPy before 1.11 lets it through.
        pass
    if stop_reason is not None:
        return stop_reason
    if not np.isfinite(result.fun):
        return StopReason.DIVERGED
    if progress.n_epochs == 0:
        # A start that is stationary already has a loss and a score, too.
        _end_iteration(
            objective, params, result.fun, progress, is_sound, validate, report
        )
    best = problem.params_of(result.x)
    if validate is None and (is_sound is None or is_sound(best)):
        progress.kept = best
    if result.nit >= max_iter:
        return StopReason.MAX_ITER
    if result.nfev >= max_fun:
        return StopReason.MAX_FUN
    # SciPy's success may mean that an iteration gained next to nothing.
    residual = problem.residual(result.x, result.jac)
    return _reason_at_rest(residual, tol, result.fun)


def _reason_at_rest(residual, tol, value):
    """Why a solver has come to rest: whether it is where it should be.

    Parameters
    ----------
    residual : float
        How far from stationary the objective is: an entry of its gradient.
    tol : float
        Of the residual.
    value : float
        The objective.

    Returns
    -------
    StopReason
        Of those that have not converged, relu networks stop at kinks, where no small
        residual is to be had, and float32 ones where rounding hides the rest. These
        have small residuals for their objectives, other than those that an ill-scaled
        input keeps from moving.
    """
    if residual <= tol:
        return StopReason.CONVERGED
    if residual <= _LARGE_RESIDUAL * max(1.0, abs(value)):
        return StopReason.SMALL_DECREASE
    return StopReason.NO_DESCENT


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


def fista(
    objective,
    params,
    progress,
    *,
    max_iter,
    tol,
    max_fun=None,
    is_sound=None,
    validate=None,
    report=None,
    keep_interrupted=False,
):
    r"""Minimize the objective of one model by accelerated proximal gradient steps.

    From the extrapolated point ``z``: ``x_new = prox_s(z - s grad(z))``, with ``s``
    halved until the quadratic model at ``z`` bounds the smooth part at ``x_new``; then
    ``z = x_new + (t - 1) / t_new (x_new - x)`` (Beck & Teboulle 2009). Where the
    objective would rise, momentum starts again from ``x`` (O'Donoghue & Candes 2015):
    it never rises. A concave penalty is majorized at ``z``. Where progress is slow, or
    no step of the present size helps, steps of many other sizes are tried.

    Parameters
    ----------
    objective, params, progress, max_iter, is_sound, validate, report, keep_interrupted
        As for :func:`lbfgs`.
    tol : float
        Of the residual (see `Objective.kkt_residual`) in units of the smallest
        positive strength of a penalty that is not smooth, or of 1 where there is none.
    max_fun : int, default=None
        Ignored: each iteration has as many evaluations as it needs.

    Returns
    -------
    StopReason
    """
    unit = objective.penalty.smallest_strength() or 1.0
    try:
        with np.errstate(all="ignore"), objective.blas_threads():
            iterates = _ProximalGradient(objective, params)
            value_at_last_look = iterates.value
            for iteration in range(1, max_iter + 1):
                goes_on = iterates.advance() or iterates.leap()
                is_last = iteration == max_iter
                looks = iteration % _LOOK_EVERY == 0 or is_last
                if looks and goes_on:
                    fall = value_at_last_look - iterates.value
                    if fall < _SLOW * abs(iterates.value):
                        iterates.leap(least_gain=fall)
                    value_at_last_look = iterates.value
                reason = _end_iteration(
                    objective,
                    iterates.params[0],
                    iterates.value,
                    progress,
                    is_sound,
                    validate,
                    report,
                )
                if reason is not None:
                    return reason
                if not goes_on:
                    residual = iterates.kkt_residual()
                    return _reason_at_rest(residual, tol * unit, iterates.value)
                if looks and iterates.kkt_residual() <= tol * unit:
                    return StopReason.CONVERGED
    except KeyboardInterrupt:
        if not keep_interrupted:
            raise
        return StopReason.INTERRUPTED
    return StopReason.MAX_ITER
