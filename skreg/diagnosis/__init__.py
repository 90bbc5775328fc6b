"""Bias and variance: how much of an estimator's error is which."""

from ._decomposition import BiasVarianceDecomposition, bias_variance_decomposition

__all__ = ["BiasVarianceDecomposition", "bias_variance_decomposition"]
