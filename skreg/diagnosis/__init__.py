"""Bias and variance: how much of an estimator's error is which, and what to change."""

from ._decomposition import BiasVarianceDecomposition, bias_variance_decomposition
from ._diagnose import diagnose
from ._diagnosis import Diagnosis, Remedy

__all__ = [
    "BiasVarianceDecomposition",
    "Diagnosis",
    "Remedy",
    "bias_variance_decomposition",
    "diagnose",
]
