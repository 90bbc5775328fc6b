"""Selecting the inputs of a network: the path, the selector, stability selection."""

from ._path import FeaturePath, feature_path
from ._selector import SparseInputSelector
from ._stability import StabilitySelection

__all__ = [
    "FeaturePath",
    "SparseInputSelector",
    "StabilitySelection",
    "feature_path",
]
