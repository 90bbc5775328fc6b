"""What can be changed about an estimator, in terms of its own parameters."""

from dataclasses import dataclass
from numbers import Integral
from types import SimpleNamespace

from .._core.losses import REGRESSION_LOSSES
from .._fitting.automatic import learning_rate_of, max_iter_of
from .._fitting.solvers import solver_of
from .._utils.wrappers import find_model
from ..augmentation import GaussianNoise, Mixup
from ._references import is_network

__all__ = ["UNFINISHED", "UNSCALED", "Change", "changes_for"]

# The cause that training longer removes.
UNFINISHED = "trained too little"
UNSCALED = "y is not scaled"

# On standardized data, a penalty below the first number makes no difference, and with
# one above the second nothing is learned.
_WEAKEST_ALPHA, _STRONGEST_ALPHA = 1e-4, 10.0
# Layers at least as wide are made twice as wide, narrower ones four times.
_WIDE = 64


@dataclass
class Change:
    """A change of an estimator's parameters that may help.

    Attributes
    ----------
    aim : {"bias", "variance"}
        What the change is meant to lower.
    cause : str
        What is wrong with the estimator if the change helps.
    params : dict
        The changed parameters, for `set_params`.
    """

    aim: str
    cause: str
    params: dict


def changes_for(estimator, cut_short):
    """Changes worth trying.

    Parameters
    ----------
    estimator : estimator
    cut_short : bool
        Whether `max_iter` ended training. Only then may training longer help.

    Returns
    -------
    list of Change
    """
    prefix, model = find_model(estimator)
    params = model.get_params(deep=False)
    find = _network_changes if is_network(model) else _other_changes
    changes = []
    for aim, cause, settings in find(params, cut_short):
        known = {name: value for name, value in settings.items() if name in params}
        if known != settings or all(params[n] is v for n, v in settings.items()):
            continue
        settings = {prefix + name: value for name, value in settings.items()}
        changes.append(Change(aim, cause, settings))
    return changes


def _network_changes(params, cut_short):
    takes_steps = solver_of(params["solver"]).has_minibatches
    if _can_scale_y(params):
        yield "bias", UNSCALED, {"normalize_y": True}
    yield from _training(params, cut_short, takes_steps)
    yield from _size(params)
    yield from _penalties(params, takes_steps)


def _can_scale_y(params):
    """Whether training on a scaled y is the same problem in another unit."""
    loss = REGRESSION_LOSSES.get(params.get("loss"))
    return loss is None or loss.degree is not None


def _training(params, cut_short, takes_steps):
    if cut_short:
        estimator = SimpleNamespace(**params)
        max_iter = max_iter_of(estimator)
        for factor in _factors_of(max_iter):
            yield "bias", UNFINISHED, {"max_iter": factor * max_iter}
        if takes_steps:
            rate = 5 * learning_rate_of(estimator)
            yield "bias", UNFINISHED, {"learning_rate_init": rate}
    if not params["early_stopping"]:
        yield "variance", "trained too long", {"early_stopping": True}


def _factors_of(max_iter):
    """The factors by which to train longer: larger ones if there were few epochs."""
    if max_iter <= 10:
        return 2, 8, 32
    return (2, 8) if max_iter <= 50 else (2, 4)


def _size(params):
    sizes = params["hidden_layer_sizes"]
    sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
    cause = "too small"
    if not sizes:
        yield "bias", cause, {"hidden_layer_sizes": (100,)}
        return
    factor = 2 if max(sizes) >= _WIDE else 4
    wider = tuple(factor * size for size in sizes)
    yield "bias", cause, {"hidden_layer_sizes": wider}
    if max(wider) < 100:
        yield "bias", cause, {"hidden_layer_sizes": (100,) * len(sizes)}
    yield "bias", cause, {"hidden_layer_sizes": (*sizes, sizes[-1])}
    if max(sizes) >= 8:
        narrower = tuple(max(2, size // 4) for size in sizes)
        yield "variance", "too large", {"hidden_layer_sizes": narrower}


def _penalties(params, takes_steps):
    alpha, cause = params["alpha"], "penalized too much"
    if alpha > 0:
        for divisor in (10, 100, 1000):
            # Rounded, for the division leaves digits such as 0.00010000000000000002.
            yield "bias", cause, {"alpha": float(f"{alpha / divisor:.6g}")}
    if params.get("feature_alpha", 0) > 0:
        yield "bias", cause, {"feature_alpha": params["feature_alpha"] / 10}
    dropout = params.get("dropout", 0)
    if dropout > 0:
        yield "bias", cause, {"dropout": 0.0}
    augmentation = params.get("augmentation")
    if augmentation is not None:
        yield "bias", cause, {"augmentation": None}

    cause = "penalized too little"
    base = max(alpha, _WEAKEST_ALPHA)
    for factor in (10, 100, 1000):
        if factor * base <= _STRONGEST_ALPHA:
            yield "variance", cause, {"alpha": factor * base}
    # Averages have no zeros, which an L1 penalty is for.
    if params.get("l1_ratio") == 0 and not params.get("weight_averaging"):
        yield "variance", cause, {"alpha": max(alpha, 3e-3), "l1_ratio": 1.0}
    if not takes_steps:
        return
    for rate in (0.2, 0.5):
        if rate > dropout:
            yield "variance", cause, {"dropout": rate}
    if augmentation is None:
        yield "variance", cause, {"augmentation": GaussianNoise(sigma=0.3)}
        yield "variance", cause, {"augmentation": Mixup()}


def _other_changes(params, cut_short):
    """Changes of other estimators, by scikit-learn's usual names of parameters."""
    if cut_short and isinstance(params.get("max_iter"), Integral):
        yield "bias", UNFINISHED, {"max_iter": 4 * params["max_iter"]}
    for name, stronger in (("alpha", 10), ("C", 0.1), ("gamma", 0.1)):
        value = params.get(name)
        if isinstance(value, (int, float)) and value > 0:
            yield "bias", "penalized too much", {name: value / stronger}
            yield "variance", "penalized too little", {name: value * stronger}
    leaf = params.get("min_samples_leaf")
    if isinstance(leaf, Integral):
        yield "variance", "too large", {"min_samples_leaf": 5 * leaf}
        if leaf > 1:
            yield "bias", "too small", {"min_samples_leaf": max(1, leaf // 5)}
    if "max_depth" in params:
        depth = params["max_depth"]
        yield (
            "variance",
            "too large",
            {"max_depth": 4 if depth is None else max(1, depth // 2)},
        )
        if depth is not None:
            yield "bias", "too small", {"max_depth": 3 * depth}
    neighbors = params.get("n_neighbors")
    if isinstance(neighbors, Integral):
        yield "variance", "too large", {"n_neighbors": 3 * neighbors}
        if neighbors > 1:
            yield "bias", "too small", {"n_neighbors": max(1, neighbors // 3)}
