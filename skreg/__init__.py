"""skreg: regularized neural networks for scikit-learn."""

from .neural_network import MLPClassifier, MLPRegressor

__version__ = "0.1.0.dev0"

__all__ = ["MLPClassifier", "MLPRegressor", "__version__"]
