"""The estimators, and the criteria that end their training early."""

from .._core.stopping import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)
from ._classifier import MLPClassifier
from ._regressor import MLPRegressor

__all__ = [
    "GeneralizationLoss",
    "MLPClassifier",
    "MLPRegressor",
    "Patience",
    "ProgressQuotient",
    "StoppingCriterion",
    "SuccessiveIncreases",
]
