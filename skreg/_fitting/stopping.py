"""When training ends: `stopping_criterion`."""

import copy

from .._core.stopping import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)

__all__ = [
    "CRITERIA",
    "check_criterion",
    "make_criterion",
]

# The criteria by name. Each entry makes a criterion from the patience and the tolerance
# of a fit.
CRITERIA = {
    "patience": Patience,
    "generalization_loss": lambda patience, tol: GeneralizationLoss(),
    "progress_quotient": lambda patience, tol: ProgressQuotient(),
    "successive_increases": lambda patience, tol: SuccessiveIncreases(),
}


def make_criterion(config):
    """The stopping criterion of a fit, which has seen nothing yet."""
    criterion = config.stopping_criterion
    if isinstance(criterion, StoppingCriterion):
        return copy.deepcopy(criterion)
    return CRITERIA[criterion](config.n_iter_no_change, config.tol)


def check_criterion(estimator):
    """Raise a ValueError if the criterion needs validation rows and there are none."""
    criterion = estimator.stopping_criterion
    needs_no_rows = criterion == "patience" or isinstance(criterion, Patience)
    if estimator.early_stopping or needs_no_rows:
        return
    raise ValueError(
        f"stopping_criterion={criterion!r} needs early_stopping=True: it judges the "
        "validation rows. Without them only 'patience' can end training."
    )
