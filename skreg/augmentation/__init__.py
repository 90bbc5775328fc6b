"""Augmentation of training data: minibatch by minibatch in ``fit``, or as a resampler.

An augmentation is anything of the form ``(X, Y, sample_weight, rng) -> (X, Y,
sample_weight)`` that keeps the number of rows: one of the classes below, a subclass of
:class:`BaseAugmentation` or a plain function.
"""

# Names that are not in `__all__` are for the other packages of skreg.
from ._base import (
    BaseAugmentation,
    Mixing,
    PreparedAugmentation,  # noqa: F401
    accepts_sparse,  # noqa: F401
    check_augmentation,  # noqa: F401
    is_resampler,  # noqa: F401
    prepare_augmentation,  # noqa: F401
)
from ._compose import Compose
from ._resampled_estimator import ResampledClassifier, ResampledRegressor
from ._resampler import AugmentingResampler
from ._resampling import resample_training_rows  # noqa: F401
from .images import HorizontalFlip, RandomAffine, RandomErasing
from .tables import CutMix, FeatureDropout, GaussianNoise, Mixup, SwapNoise

__all__ = [
    "AugmentingResampler",
    "BaseAugmentation",
    "Compose",
    "CutMix",
    "FeatureDropout",
    "GaussianNoise",
    "HorizontalFlip",
    "Mixing",
    "Mixup",
    "RandomAffine",
    "RandomErasing",
    "ResampledClassifier",
    "ResampledRegressor",
    "SwapNoise",
]
