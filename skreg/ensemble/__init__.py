"""Ensembles: networks, or other estimators, that are each fitted without a fold."""

from ._fold_ensemble import FoldEnsembleClassifier, FoldEnsembleRegressor
from ._mlp_cv import MLPClassifierCV, MLPRegressorCV

__all__ = [
    "FoldEnsembleClassifier",
    "FoldEnsembleRegressor",
    "MLPClassifierCV",
    "MLPRegressorCV",
]
