"""Pictures of what was fitted; matplotlib is needed for `plot` alone."""

from ._augmentation import AugmentationDisplay
from ._bias_variance import BiasVarianceDisplay
from ._loss_curve import LossCurveDisplay
from ._penalty_grid import PenaltyGridDisplay

__all__ = [
    "AugmentationDisplay",
    "BiasVarianceDisplay",
    "LossCurveDisplay",
    "PenaltyGridDisplay",
]
