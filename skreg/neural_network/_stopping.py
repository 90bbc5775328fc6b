"""The parameter `stopping_criterion`: names and objects."""

import copy

from .._core.stopping import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)

__all__ = ["CRITERIA", "check_criterion", "make_criterion"]

# The criteria that have a name, with their own defaults.
CRITERIA = {
    "patience": lambda estimator: Patience(estimator.n_iter_no_change, estimator.tol),
    "generalization_loss": lambda estimator: GeneralizationLoss(),
    "progress_quotient": lambda estimator: ProgressQuotient(),
    "successive_increases": lambda estimator: SuccessiveIncreases(),
}


def make_criterion(estimator):
    """The stopping criterion of an estimator, which has seen nothing yet."""
    criterion = estimator.stopping_criterion
    if isinstance(criterion, StoppingCriterion):
        return copy.deepcopy(criterion)
    return CRITERIA[criterion](estimator)


def check_criterion(estimator):
    """Raise a ValueError for a criterion that would have nothing to judge."""
    if estimator.early_stopping or isinstance(make_criterion(estimator), Patience):
        return
    raise ValueError(
        f"stopping_criterion={estimator.stopping_criterion!r} needs "
        "early_stopping=True: it judges the validation rows. Without them only "
        "'patience' can end training."
    )
