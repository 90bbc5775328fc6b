"""Stronger models to compare an estimator with."""

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
    """Whether a model is a multi-layer perceptron, of skreg or of scikit-learn."""
    return "hidden_layer_sizes" in model.get_params(deep=False)


def references_for(estimator, n_rows, is_sparse, seed):
    """Models that may show that a smaller error is possible: (name, estimator) pairs.

    There are two networks that are large enough for most tables, one stopped early and
    one penalized, trees, and a linear model. Each comes after the steps that the
    estimator has before its own model.
    """
    scaler = StandardScaler(with_mean=not is_sparse)
    network = {
        # Small minibatches give enough updates if there are few rows.
        "batch_size": min(200, max(16, n_rows // 20)),
        "max_iter": 100,
        "random_state": seed,
    }
    # The "auto" patience is 100 epochs, all that there are here.
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
