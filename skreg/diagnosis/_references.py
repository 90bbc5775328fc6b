"""What kind a model is, and which others to compare it with."""

from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .._utils.wrappers import replace_model
from ..neural_network import MLPClassifier, MLPRegressor

__all__ = ["is_network", "references_for"]


def is_network(model):
    """Whether it is a multi-layer perceptron, of this package or scikit-learn's."""
    return "hidden_layer_sizes" in model.get_params(deep=False)


def references_for(estimator, n_rows, is_sparse, seed):
    """Models that may show that a smaller error is possible: (name, estimator) pairs.

    Two networks that are large enough for most tables, one stopped early and one
    penalized, trees and a linear model, behind the same preprocessing.
    """
    scaler = StandardScaler(with_mean=not is_sparse)
    network = {
        # Enough updates where rows are few.
        "batch_size": min(200, max(16, n_rows // 20)),
        "max_iter": 100,
        "random_state": seed,
    }
    # The patience that is meant for 600 epochs could not end 100.
    stopped = {**network, "early_stopping": True, "n_iter_no_change": 50}
    if is_classifier(estimator):
        models = {
            "a network of 100 units, stopped early": MLPClassifier(**stopped),
            "a network of 100 units with alpha=0.01": MLPClassifier(
                **network, alpha=0.01
            ),
            "extremely randomized trees": ExtraTreesClassifier(random_state=seed),
            "logistic regression": LogisticRegression(max_iter=1000),
        }
    else:
        models = {
            "a network of 100 units, stopped early": _with_scaled_target(
                MLPRegressor(**stopped)
            ),
            "a network of 100 units with alpha=0.01": _with_scaled_target(
                MLPRegressor(**network, alpha=0.01)
            ),
            "extremely randomized trees": ExtraTreesRegressor(random_state=seed),
            "ridge regression": Ridge(),
        }
    return [
        (name, replace_model(estimator, make_pipeline(clone(scaler), model)))
        for name, model in models.items()
    ]


def _with_scaled_target(model):
    return TransformedTargetRegressor(model, transformer=StandardScaler())
