"""Regularized neural networks for scikit-learn.

Networks with L1, L2 and feature penalties, exact zeros, early stopping, dropout and
augmentation, in estimators for pipelines and for searches that train all candidates
side by side.

MLPClassifier, MLPRegressor
    The networks: scikit-learn's parameters and more.
MLPClassifierCV, MLPRegressorCV
    One call: a search of the regularization that returns an ensemble.
config_context, get_config, set_config
    Whether compiled functions train, or NumPy.
skreg.neural_network
    The networks, and the criteria that end their training early.
skreg.ensemble
    Ensembles of networks, or other estimators, each fitted without a fold.
skreg.model_selection
    Searches over penalties in lockstep, successive halving, and values to try.
skreg.feature_selection
    Which inputs matter: the path, a selector, stability selection.
skreg.augmentation
    More training rows, in a network's fit or as a resampler.
skreg.diagnosis
    Bias or variance, and which changes help.
skreg.inspection
    Pictures of all of these, with matplotlib.

``python -m skreg`` prints the versions that a report of a bug should name.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._core.engines import config_context, get_config, set_config
from .neural_network import MLPClassifier, MLPRegressor

if _TYPE_CHECKING:
    from . import (
        augmentation,
        diagnosis,
        ensemble,
        feature_selection,
        inspection,
        model_selection,
        neural_network,
    )
    from .ensemble import MLPClassifierCV, MLPRegressorCV

__version__ = "0.1.0.dev0"

# Loaded when they are first asked for, so that importing skreg stays light.
_SUBMODULES = (
    "augmentation",
    "diagnosis",
    "ensemble",
    "feature_selection",
    "inspection",
    "model_selection",
    "neural_network",
)
_FROM_ENSEMBLE = ("MLPClassifierCV", "MLPRegressorCV")

__all__ = [
    "MLPClassifier",
    "MLPClassifierCV",
    "MLPRegressor",
    "MLPRegressorCV",
    "__version__",
    "augmentation",
    "config_context",
    "diagnosis",
    "ensemble",
    "feature_selection",
    "get_config",
    "inspection",
    "model_selection",
    "neural_network",
    "set_config",
]


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return _import_module(f"{__name__}.{name}")
    if name in _FROM_ENSEMBLE:
        return getattr(_import_module(f"{__name__}.ensemble"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
