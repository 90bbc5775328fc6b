"""Pictures of what was fitted; matplotlib is needed for `plot` alone."""

from ._augmentation import AugmentationDisplay

__all__ = ["AugmentationDisplay"]
