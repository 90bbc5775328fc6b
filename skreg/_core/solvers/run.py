"""What the full-batch solvers share: their options, their record, when they rest."""

from collections.abc import Callable
from dataclasses import dataclass

from ..loop import computing, end_if_cancelled, reported, unless_interrupted
from ..objective import Objective
from ..stopping import Progress, StopReason

__all__ = ["Run", "reason_at_rest"]

# In units of the objective, or of one. At rest, networks on scaled inputs (diabetes,
# breast cancer, digits, iris, wine, a curve; relu and tanh; both dtypes) had residuals
# up to 0.006, linear ones with an L1 penalty up to 0.045 (3,600 of diabetes); with a
# column of timestamps or of raw areas it was 0.06 to 1e9 in all regressions.
_LARGE_RESIDUAL = 0.05


@dataclass
class Run:
    """The minimization of one model's objective.

    Parameters
    ----------
    objective : objective.Objective
        Of one model.
    progress : stopping.Progress
        Gets an entry an iteration, and the parameters to keep.
    max_iter : int
        Bound on the iterations.
    tol : float
        Of the residual that the solver looks at; it says which.
    max_fun : int, default=15000
        Bound on the evaluations, for a solver that counts them: `lbfgs`.
    is_sound : callable, default=None
        As for `Progress.end_epoch`.
    validate : callable, default=None
        ``validate(params)`` gives (score, loss) of the validation rows; with it the
        criterion in `progress` can end the iterations.
    report : callable, default=None
        ``report(progress)`` after each iteration; may return a reason to stop.
    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the iterations with what there is, instead of propagating.
    """

    objective: Objective
    progress: Progress
    max_iter: int
    tol: float
    max_fun: int = 15_000
    is_sound: Callable | None = None
    validate: Callable | None = None
    report: Callable | None = None
    keep_interrupted: bool = False

    def minimize(self, iterate, params):
        """What ``iterate(run, params)`` returns, the reason why it has stopped.

        Parameters
        ----------
        iterate : callable
            The solver's own iterations.
        params : ndarray of shape (n_params,)
            The start; not changed.

        Returns
        -------
        StopReason
        """
        with computing(self.objective.blas_threads()):
            return unless_interrupted(
                lambda: iterate(self, params),
                StopReason.INTERRUPTED,
                self.keep_interrupted,
            )

    def end_iteration(self, row, loss):
        """Record an iteration; the reason to stop, or None."""
        end_if_cancelled()
        progress, layers = self.progress, self.objective.network.weights(row[None])
        penalty = self.objective.penalty.value(layers)[0]
        validation = None if self.validate is None else self.validate(row)
        reason = progress.end_epoch(
            row, loss, loss - penalty, validation, self.is_sound
        )
        if self.validate is None and reason is progress.criterion.reason:
            # Without a validation score it is the solver that knows when it is done.
            reason = None
        return reported(reason, self.report, progress)

    def keep(self, params):
        """Keep the parameters at rest, where no validation score chooses others."""
        if self.validate is None and (self.is_sound is None or self.is_sound(params)):
            self.progress.kept = params


def reason_at_rest(residual, tol, value):
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
