"""From fitted networks of this package to those of scikit-learn, which predict alike.

scikit-learn's networks have no scaled targets: with the last layer ``z = W' h + b``,
predictions ``y_mean + y_scale z`` are those of the layer ``W diag(y_scale)`` and ``b
y_scale + y_mean``. They have no waves either, but a wave that no unit reads needs none.
"""

from __future__ import annotations

import copy
from inspect import signature
from typing import Any

import numpy as np
from sklearn import neural_network as sklearn_networks
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._fitting.automatic import (
    THIRTIETH,
    batch_rule_of,
    batch_size_of,
    learning_rate_of,
    max_iter_of,
    patience_of,
)

__all__ = ["network_to_sklearn", "to_sklearn"]

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SCHEDULES = ("constant", "invscaling", "adaptive")

# The parameters that mean the same there and here.
_SAME = (
    *("power_t", "shuffle", "tol", "verbose", "warm_start", "momentum"),
    *("nesterovs_momentum", "early_stopping", "beta_1", "beta_2", "epsilon"),
    *("max_fun", "random_state"),
)


def to_sklearn(estimator: Any) -> Any:
    """A fitted estimator with scikit-learn's networks in place of this package's.

    The result predicts the same up to rounding, without skreg, and what converts
    scikit-learn's estimators converts it: skl2onnx, for example. Transformers are
    copied as they are: with one of skreg's, such as a selection, it still needs skreg.

    Parameters
    ----------
    estimator : estimator
        A fitted network, FoldEnsembleClassifier or FoldEnsembleRegressor, or another
        estimator of scikit-learn. A Pipeline is converted step by step, a
        TransformedTargetRegressor has its regressor converted, and of a search it is
        the best estimator that is.

    Returns
    -------
    estimator : estimator
        It shares nothing with the one that was given.

    Raises
    ------
    ValueError
        If scikit-learn's estimators cannot predict what this one predicts: networks
        with waves or with an activation of skreg's own, ensembles of them, and
        MLPClassifierCV and MLPRegressorCV.

    See Also
    --------
    skreg.MLPClassifier.to_sklearn : What becomes of a network.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import MLPClassifier
    >>> from skreg.neural_network import to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(solver="lbfgs", alpha=0.01, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> theirs = to_sklearn(model)
    >>> type(theirs[-1]).__module__.partition(".")[0]
    'sklearn'
    >>> bool(np.allclose(theirs.predict_proba(X), model.predict_proba(X)))
    True
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "to_sklearn"):
        return estimator.to_sklearn()
    if hasattr(estimator, "best_estimator_"):
        return to_sklearn(estimator.best_estimator_)
    if isinstance(estimator, Pipeline):
        copied = copy.copy(estimator)
        copied.steps = [(name, _step(step)) for name, step in estimator.steps]
        return copied
    if isinstance(estimator, TransformedTargetRegressor):
        copied = copy.copy(estimator)
        copied.transformer_ = copy.deepcopy(estimator.transformer_)
        copied.regressor_ = to_sklearn(estimator.regressor_)
        copied.regressor = clone(copied.regressor_)
        return copied
    _check_has_no_network(estimator)
    return copy.deepcopy(estimator)


def _step(step):
    """A step of a Pipeline: "passthrough", None, or an estimator."""
    if not isinstance(step, BaseEstimator):
        return copy.deepcopy(step)
    if hasattr(step, "to_sklearn") or not hasattr(step, "transform"):
        return to_sklearn(step)
    # A transformer predicts nothing by a network.
    return copy.deepcopy(step)


def _check_has_no_network(estimator):
    """Raise a ValueError for estimators that may predict by a network of skreg's."""
    parameters = estimator.get_params(deep=True) if _has_params(estimator) else {}
    for each in (estimator, *parameters.values()):
        if any(kind.__module__.split(".")[0] == "skreg" for kind in type(each).__mro__):
            raise ValueError(
                f"There is no estimator of scikit-learn that predicts as this "
                f"{type(estimator).__name__} does: to_sklearn converts networks, "
                "Pipelines and target transformers around them, and "
                "FoldEnsembleClassifier and FoldEnsembleRegressor with such members."
            )


def _has_params(estimator):
    return hasattr(estimator, "get_params") and not isinstance(estimator, type)


def network_to_sklearn(network):
    """scikit-learn's network for a fitted one; see `DeploymentMixin.to_sklearn`."""
    if getattr(network, "_quantiles", None) is not None:
        raise ValueError(
            f"quantile={network.quantile!r}: scikit-learn's networks do not sort their "
            "outputs, as several quantiles are. Fit a network for each to convert them."
        )
    coefs, intercepts = _layers(network)
    kind = "MLPClassifier" if is_classifier(network) else "MLPRegressor"
    theirs = getattr(sklearn_networks, kind)
    parameters = _parameters(network, [len(b) for b in intercepts[:-1]])
    if kind == "MLPRegressor":
        parameters |= _loss(network, theirs)
    converted = theirs(**parameters)
    attributes = {
        "coefs_": coefs,
        "intercepts_": intercepts,
        "_no_improvement_count": 0,
        "_random_state": check_random_state(converted.random_state),
    }
    if network.early_stopping:
        # Nothing else reads them, and they double the size.
        attributes["_best_coefs"] = [W.copy() for W in coefs]
        attributes["_best_intercepts"] = [b.copy() for b in intercepts]
    for name in (
        *("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_"),
        *("best_validation_score_", "n_layers_", "n_outputs_", "out_activation_"),
        *("n_features_in_", "feature_names_in_"),
    ):
        if hasattr(network, name):
            attributes[name] = copy.deepcopy(getattr(network, name))
    if kind == "MLPClassifier":
        attributes |= _labels(network)
    vars(converted).update(attributes)
    return converted


def _layers(network):
    """Copies of the weights and intercepts of all layers, as scikit-learn has them."""
    coefs = [np.array(W) for W in network.coefs_]
    intercepts = [np.array(b) for b in network.intercepts_]
    activation = network._hidden_activation
    if len(coefs) > 1 and activation not in _ACTIVATIONS:
        raise ValueError(
            f"activation={activation!r} is none of scikit-learn's networks: fit the "
            f"network with one of {_ACTIVATIONS} to convert it."
        )
    if network._periodic_features is not None:
        waves = coefs[0][network.n_features_in_ :]
        if waves.any():
            raise ValueError(
                f"n_frequencies={network.input_frequencies_.shape[1]}: scikit-learn's "
                "networks have no waves of their inputs. Fit the network with "
                "n_frequencies=0 to convert it."
            )
        coefs[0] = coefs[0][: network.n_features_in_]
    encoding = network._fitted_encoding
    if not is_classifier(network) and encoding is not None:
        # In float64, as the predictions of such a network are.
        coefs[-1] = coefs[-1] * encoding.scale
        intercepts[-1] = encoding.decode(intercepts[-1])
    return coefs, intercepts


def _parameters(network, hidden_layer_sizes):
    """Parameters of scikit-learn's constructor that are nearest to the network's."""
    activation, solver = network._hidden_activation, network.solver
    n_rows = _n_rows(network)
    rule = batch_rule_of(network)
    batch_size = batch_size_of(rule, n_rows)
    is_stochastic = solver in ("adam", "sgd")
    fraction = network.validation_fraction
    if not 0 <= fraction < 1:
        # A number of rows.
        fraction = fraction / (fraction + n_rows)
    return {
        "hidden_layer_sizes": tuple(hidden_layer_sizes),
        "activation": activation if activation in _ACTIVATIONS else "identity",
        "solver": solver if is_stochastic else "lbfgs",
        # Their penalty is divided by the rows of a minibatch.
        "alpha": float(
            network.alpha
            * (1 - network.l1_ratio)
            * (batch_size if is_stochastic else n_rows)
        ),
        "batch_size": batch_size if rule == THIRTIETH else rule,
        "learning_rate": network.learning_rate
        if network.learning_rate in _SCHEDULES
        else "constant",
        "learning_rate_init": learning_rate_of(network),
        "max_iter": max_iter_of(network),
        "n_iter_no_change": patience_of(network),
        "validation_fraction": fraction,
        **{name: copy.deepcopy(getattr(network, name)) for name in _SAME},
    }


def _n_rows(network):
    """About the number of training rows: those that an epoch has seen in the mean."""
    n_epochs = len(getattr(network, "loss_curve_", None) or ())
    state = getattr(network, "_training_state", None)
    if state is not None and network.refit_n_updates_ is not None:
        # `t_` counts the rows of the second training, and the curve is of the first.
        n_epochs += state.progress.n_epochs - network.n_iter_
    return max(1, round(getattr(network, "t_", 0) / max(1, n_epochs)))


def _loss(network, theirs):
    """The parameter `loss`, where scikit-learn's regressor has one."""
    has_losses = "loss" in signature(theirs).parameters
    if network.out_activation_ != "exp":
        # The other losses predict what the last layer is, too.
        return {"loss": "squared_error"} if has_losses else {}
    if not has_losses:
        raise ValueError(
            "loss='poisson' needs scikit-learn 1.7: the networks of the installed "
            "version have no such loss."
        )
    return {"loss": "poisson"}


def _labels(network):
    """The attributes about the classes."""
    classes, kind = network.classes_, network._encoding.kind
    if len(classes) == 1:
        raise ValueError(
            f"The target had the single class {classes[0]!r}, of which scikit-learn's "
            "networks predict another probability: there is no network to convert."
        )
    target = np.eye(len(classes), dtype=int) if kind == "multilabel" else classes
    binarizer = LabelBinarizer().fit(target)
    return {"classes_": classes.copy(), "_label_binarizer": binarizer}
