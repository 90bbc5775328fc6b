"""Augmentation of training data: minibatch by minibatch in ``fit``, or as a resampler.

An augmentation is anything of the form ``(X, Y, sample_weight, rng) -> (X, Y,
sample_weight)`` that keeps the number of rows: one of the classes below or a plain
function. :func:`prepare_augmentation` shows it the training rows.
"""

from ._base import (
    PreparedAugmentation,
    accepts_sparse,
    check_augmentation,
    is_resampler,
    prepare_augmentation,
)
from ._compose import Compose
from ._resampled_estimator import ResampledClassifier, ResampledRegressor
from ._resampler import AugmentingResampler
from ._resampling import resample_training_rows
from .images import HorizontalFlip, RandomAffine, RandomErasing
from .tables import CutMix, FeatureDropout, GaussianNoise, Mixup, SwapNoise

__all__ = [
    "AugmentingResampler",
    "Compose",
    "CutMix",
    "FeatureDropout",
    "GaussianNoise",
    "HorizontalFlip",
    "Mixup",
    "PreparedAugmentation",
    "RandomAffine",
    "RandomErasing",
    "ResampledClassifier",
    "ResampledRegressor",
    "SwapNoise",
    "accepts_sparse",
    "check_augmentation",
    "is_resampler",
    "prepare_augmentation",
    "resample_training_rows",
]
