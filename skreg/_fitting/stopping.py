"""When training ends: `stopping_criterion`."""

import copy

from .._core.schedules import DROPOUT_SCHEDULES
from .._core.stopping import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)
from .solvers import solver_of

__all__ = [
    "CRITERIA",
    "check_criterion",
    "make_criterion",
    "needs_validation_rows",
    "schedules_to_the_end",
]

# The criteria by name. Each entry makes a criterion from the patience and the tolerance
# of a fit.
CRITERIA = {
    "patience": Patience,
    "generalization_loss": lambda patience, tol: GeneralizationLoss(),
    "progress_quotient": lambda patience, tol: ProgressQuotient(),
    "successive_increases": lambda patience, tol: SuccessiveIncreases(),
}


def schedules_to_the_end(estimator):
    """The parameters whose schedules run to the end of training, and with it.

    They are followed by any phase of training that knows the end of the whole, and to
    reach this end is what they are for.

    Parameters
    ----------
    estimator : FitConfig, or an estimator

    Returns
    -------
    dict of str to str
        Their values by their names; empty if there are none.
    """
    found = {}
    schedule = solver_of(estimator.solver).schedule_of(estimator.learning_rate)
    if schedule.depends_on_end:
        found["learning_rate"] = estimator.learning_rate
    if estimator.dropout > 0 and DROPOUT_SCHEDULES[estimator.dropout_schedule]:
        found["dropout_schedule"] = estimator.dropout_schedule
    return found


def make_criterion(config):
    """The stopping criterion of a fit, which has seen nothing yet."""
    criterion = config.stopping_criterion
    if isinstance(criterion, StoppingCriterion):
        return copy.deepcopy(criterion)
    return CRITERIA[criterion](config.n_iter_no_change, config.tol)


def needs_validation_rows(criterion):
    """Whether a `stopping_criterion` judges validation rows."""
    return not (isinstance(criterion, Patience) or criterion == "patience")


def check_criterion(estimator):
    """Raise a ValueError if the criterion needs validation rows and there are none."""
    criterion = estimator.stopping_criterion
    if estimator.early_stopping or not needs_validation_rows(criterion):
        return
    raise ValueError(
        f"stopping_criterion={criterion!r} needs early_stopping=True: it judges the "
        "validation rows. Without them only 'patience' can end training."
    )
