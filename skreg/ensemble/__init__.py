"""Ensembles: networks, or other estimators, that are each fitted without a fold."""

from ._fold_ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor

__all__ = ["FoldEnsembleClassifier", "FoldEnsembleRegressor"]
