"""Pictures of fitted estimators; only the `plot` methods need matplotlib."""

from ._augmentation import AugmentationDisplay
from ._bias_variance import BiasVarianceDisplay
from ._feature_importances import FeatureImportancesDisplay
from ._feature_path import FeaturePathDisplay
from ._loss_curve import LossCurveDisplay
from ._penalty_grid import PenaltyGridDisplay
from ._stability import StabilityDisplay

__all__ = [
    "AugmentationDisplay",
    "BiasVarianceDisplay",
    "FeatureImportancesDisplay",
    "FeaturePathDisplay",
    "LossCurveDisplay",
    "PenaltyGridDisplay",
    "StabilityDisplay",
]
