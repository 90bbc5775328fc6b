"""The estimators, the criteria that end training early, and what converts networks."""

from .._core.stopping import (
    GeneralizationLoss,
    Patience,
    ProgressQuotient,
    StoppingCriterion,
    SuccessiveIncreases,
)
from ._classifier import MLPClassifier
from ._export import to_sklearn
from ._regressor import MLPRegressor

__all__ = [
    "GeneralizationLoss",
    "MLPClassifier",
    "MLPRegressor",
    "Patience",
    "ProgressQuotient",
    "StoppingCriterion",
    "SuccessiveIncreases",
    "to_sklearn",
]
