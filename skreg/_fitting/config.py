"""What the engine knows of an estimator: one frozen configuration, resolved once.

An estimator makes its configuration from its parameters when a task begins. From then
on training reads the configuration alone, and phases of a fit (dense before sparse, the
second network of a refit, folds) are copies of it by `dataclasses.replace`.

Every field is marked with its scope:

``model``
    a network has its own: within a batch the values may differ;
``batch``
    the networks of a batch must agree on it: what one step does to all of them;
``run``
    no matter to a batch: what is done before, around or after training.

The key by which networks find their batch, and the vectors over models that a step
works with, are derived from these marks. A mark also says which values that networks
may share depend on the field: ``data`` (what data are valid for a fold), ``target``
(the target as the numbers that the network is trained on) and ``start`` (initial
weights, validation split, order and augmentation of the minibatches). A wrong key gives
a network another one's rows without a sign of it, so a field without a mark is an error
when this module is imported, and a parameter that a subclass of an estimator adds
matters to everything.
"""

from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from inspect import signature
from math import inf
from numbers import Integral, Real
from typing import Any

from .._core.activations import ACTIVATIONS
from .._core.losses import REGRESSION_LOSSES
from .._core.penalties import INPUT_PENALTIES
from .._core.properties import cached_property
from .._core.schedules import DROPOUT_SCHEDULES
from .._core.stopping import StoppingCriterion
from .._utils.sklearn_private import (
    HasMethods,
    Interval,
    Options,
    RealNotInt,
    StrOptions,
)
from .automatic import (
    batch_rule_of,
    batch_size_of,
    learning_rate_of,
    max_iter_of,
    patience_of,
)
from .input_groups import parse_feature_groups
from .keys import value_key
from .solvers import SOLVERS
from .stopping import CRITERIA

__all__ = [
    "FitConfig",
    "check_marks",
    "constraints_of",
    "extras_of",
    "hidden_units_of",
    "key_of",
    "parameter_names",
]

SCOPES = ("model", "batch", "run")
SHARED = ("data", "target", "start")


def _mark(scope, *matters_to, in_step=False, allowed=None, default=MISSING):
    """A field with its scope, and the shared values that depend on it.

    Parameters
    ----------
    scope : {"model", "batch", "run"}
    *matters_to : {"data", "target", "start"}
    in_step : bool, default=False
        Whether a step works with a vector of it over the models.
    allowed : list, default=None
        What the estimator's parameter of this name may be, as scikit-learn's
        `_parameter_constraints` say it; None where there is no such parameter.
    default : object
        What stands in the field where only one of the two kinds of estimator has such a
        parameter. By default there is none.
    """
    return field(
        default=default,
        metadata={
            "scope": scope,
            "matters_to": matters_to,
            "in_step": in_step,
            "allowed": allowed,
        },
    )


_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_BELOW_ONE = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")
_COUNT_OR_NONE = Interval(Integral, 0, None, closed="left")
_AUTO = StrOptions({"auto"})
# No memory holds the weights of more, whose number NumPy could not count.
_MOST_UNITS = 2**31 - 1
_SCHEDULES = {name for solver in SOLVERS.values() for name in solver.schedules}


@dataclass(frozen=True, kw_only=True, eq=False)
class FitConfig:
    """The parameters of a fit, with nothing left to be looked up or guessed.

    Attributes
    ----------
    kind : type
        The class of the estimator.
    extras : dict
        The parameters that a subclass of an estimator has added.
    problem_type : type
        `Classification` or `Regression`: what is known of the target.
    hidden_units : tuple of int
        The units of each hidden layer.
    max_iter : int
        The largest number of epochs ("auto" is resolved).
    n_iter_no_change : int or inf
        The patience ("auto" is resolved).
    learning_rate_init : float
        The learning rate at the start ("auto" is resolved).
    feature_names : ndarray of str or None
        The names of the columns of X.
    batch_size : int, "auto" or "thirtieth"
        The rule for the rows of a minibatch: see `batch_size_for`.
    feature_epsilon : float or "auto"
        It depends on the weights of the dense network.

    The other fields are the estimator's parameters, under their own names.
    """

    # What is trained.
    kind: type = _mark("batch", "data", "target", "start")
    extras: dict = _mark("batch", "data", "target", "start")
    problem_type: type = _mark("batch", "data", "target", "start")
    hidden_units: tuple = _mark("batch", allowed=["array-like", _COUNT])
    activation: str = _mark("batch", "start", allowed=[StrOptions(ACTIVATIONS.keys())])
    n_frequencies: int = _mark(
        "batch", "start", allowed=[Interval(Integral, 0, _MOST_UNITS, closed="both")]
    )
    frequency_scale: float = _mark("model", "start", allowed=[_POSITIVE])
    loss: str | None = _mark(
        "batch",
        "data",
        allowed=[StrOptions(REGRESSION_LOSSES.keys())],
        default=None,
    )
    huber_delta: float | None = _mark("batch", allowed=[_POSITIVE], default=None)
    # Several quantiles make as many columns of a target.
    quantile: float | tuple | None = _mark(
        "batch",
        "target",
        "start",
        allowed=[Interval(Real, 0, 1, closed="both"), "array-like", None],
        default=None,
    )
    # An augmentation prepares itself for the scaled target; all else has the scaling
    # itself in its key.
    normalize_y: bool = _mark("model", "start", allowed=["boolean"], default=False)
    class_weight: Any = _mark(
        "model",
        "start",
        allowed=[dict, StrOptions({"balanced"}), None],
        default=None,
    )
    # An augmentation prepares itself for the smoothed target.
    label_smoothing: float = _mark(
        "batch", "target", "start", allowed=[_BELOW_ONE], default=0.0
    )

    # The penalties.
    alpha: float = _mark("model", in_step=True, allowed=[_NOT_NEGATIVE])
    l1_ratio: float = _mark(
        "model", in_step=True, allowed=[Interval(Real, 0, 1, closed="both")]
    )
    feature_alpha: float = _mark("model", in_step=True, allowed=[_NOT_NEGATIVE])
    feature_penalty: str = _mark("batch", allowed=[StrOptions(INPUT_PENALTIES.keys())])
    # What "auto" stands for is found with the start, and then a vector.
    feature_epsilon: float | str = _mark("model", allowed=[_AUTO, _POSITIVE])
    # A batch agrees on the partition that is parsed from it.
    feature_groups: Any = _mark("model", allowed=["array-like", _AUTO, None])
    feature_names: Any = _mark("run")

    # The steps.
    solver: str = _mark("batch", allowed=[StrOptions(SOLVERS.keys())])
    dropout: float = _mark("model", in_step=True, allowed=[_BELOW_ONE])
    dropout_schedule: str = _mark(
        "batch", allowed=[StrOptions(DROPOUT_SCHEDULES.keys())]
    )
    augmentation: Any = _mark(
        "model", "start", allowed=[callable, HasMethods(["fit_resample"]), None]
    )
    # A batch agrees on the size that comes of it.
    batch_size: int | str = _mark("model", allowed=[_AUTO, _COUNT])
    shuffle: bool = _mark("batch", allowed=["boolean"])
    learning_rate: str = _mark("batch", allowed=[StrOptions(_SCHEDULES)])
    learning_rate_init: float = _mark("model", in_step=True, allowed=[_AUTO, _POSITIVE])
    power_t: float = _mark("model", in_step=True, allowed=[_NOT_NEGATIVE])
    warmup_fraction: float = _mark("model", in_step=True, allowed=[_BELOW_ONE])
    momentum: float = _mark(
        "model", in_step=True, allowed=[Interval(Real, 0, 1, closed="both")]
    )
    nesterovs_momentum: bool = _mark("batch", allowed=["boolean"])
    beta_1: float = _mark("model", in_step=True, allowed=[_BELOW_ONE])
    beta_2: float = _mark("model", in_step=True, allowed=[_BELOW_ONE])
    epsilon: float = _mark("model", in_step=True, allowed=[_POSITIVE])
    weight_averaging: float = _mark("model", allowed=[_BELOW_ONE])
    random_state: Any = _mark("model", "start", allowed=["random_state"])

    # When training ends, and what it is judged by.
    max_iter: int = _mark("model", allowed=[_AUTO, _COUNT])
    max_fun: int = _mark("model", allowed=[_COUNT])
    tol: float = _mark("model", allowed=[_NOT_NEGATIVE])
    early_stopping: bool = _mark("model", "data", "start", allowed=["boolean"])
    validation_fraction: float | int = _mark(
        "model", "start", allowed=[Interval(RealNotInt, 0, 1, closed="left"), _COUNT]
    )
    validation_splitter: Any = _mark(
        "model", "start", allowed=[HasMethods("split"), None]
    )
    scoring: Any = _mark("model", allowed=[str, callable, None])
    stopping_criterion: Any = _mark(
        "model", allowed=[StrOptions(CRITERIA.keys()), StoppingCriterion]
    )
    n_iter_no_change: float = _mark(
        "model", allowed=[_AUTO, _COUNT, Options(Real, {inf})]
    )
    min_iter: int = _mark("model", allowed=[_COUNT_OR_NONE])

    # Around training.
    refit: bool | int = _mark(
        "run", allowed=["boolean", Interval(Integral, 2, None, closed="left")]
    )
    verbose: bool | int = _mark("run", allowed=["verbose"])
    warm_start: bool = _mark("run", allowed=["boolean"])

    @classmethod
    def of(cls, estimator):
        """The configuration of an estimator whose parameters are valid."""
        return cls(
            kind=type(estimator),
            extras=extras_of(estimator),
            hidden_units=hidden_units_of(estimator.hidden_layer_sizes),
            activation=estimator.activation,
            n_frequencies=estimator.n_frequencies,
            frequency_scale=estimator.frequency_scale,
            alpha=estimator.alpha,
            l1_ratio=estimator.l1_ratio,
            feature_alpha=estimator.feature_alpha,
            feature_penalty=estimator.feature_penalty,
            feature_epsilon=estimator.feature_epsilon,
            feature_groups=estimator.feature_groups,
            feature_names=getattr(estimator, "feature_names_in_", None),
            solver=estimator.solver,
            dropout=estimator.dropout,
            dropout_schedule=estimator.dropout_schedule,
            augmentation=estimator.augmentation,
            batch_size=batch_rule_of(estimator),
            shuffle=estimator.shuffle,
            learning_rate=estimator.learning_rate,
            learning_rate_init=learning_rate_of(estimator),
            power_t=estimator.power_t,
            warmup_fraction=estimator.warmup_fraction,
            momentum=estimator.momentum,
            nesterovs_momentum=estimator.nesterovs_momentum,
            beta_1=estimator.beta_1,
            beta_2=estimator.beta_2,
            epsilon=estimator.epsilon,
            weight_averaging=estimator.weight_averaging,
            random_state=estimator.random_state,
            max_iter=max_iter_of(estimator),
            max_fun=estimator.max_fun,
            tol=estimator.tol,
            early_stopping=estimator.early_stopping,
            validation_fraction=estimator.validation_fraction,
            validation_splitter=estimator.validation_splitter,
            scoring=estimator.scoring,
            stopping_criterion=estimator.stopping_criterion,
            n_iter_no_change=patience_of(estimator),
            min_iter=estimator.min_iter,
            refit=estimator.refit,
            verbose=estimator.verbose,
            warm_start=estimator.warm_start,
            # What one of the two kinds of estimator has alone.
            **estimator._target_parameters(),
        )

    @cached_property
    def problem(self):
        """What is known of the target: a `Classification` or a `Regression`."""
        return self.problem_type(self)

    def batch_size_for(self, n_rows):
        """The rows of a minibatch, out of so many training rows."""
        return batch_size_of(self.batch_size, n_rows)

    def input_groups(self, X):
        """The partition of the columns of X, an `InputGroups`."""
        return parse_feature_groups(self.feature_groups, X, self.feature_names)

    def key(self, to):
        """Equal for networks between which something may be shared.

        Parameters
        ----------
        to : {"batch", "data", "target", "start"}

        Returns
        -------
        tuple
        """
        return key_of(self, to, self.kind, self.extras)

    def step_values(self):
        """By name, the numbers of which a step has a vector over the models."""
        return {name: getattr(self, name) for name in _IN_STEP}


def hidden_units_of(hidden_layer_sizes):
    """The units of each hidden layer, as a tuple of ints.

    Raises
    ------
    ValueError
        If one of them is not a positive integer.
    """
    sizes = hidden_layer_sizes
    sizes = tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)
    for size in sizes:
        if not isinstance(size, Integral) or size <= 0:
            raise ValueError(
                f"hidden_layer_sizes must be > 0, got {list(sizes)}: give one "
                "positive integer a hidden layer, or () for none."
            )
        if size > _MOST_UNITS:
            raise ValueError(
                f"hidden_layer_sizes must be <= {_MOST_UNITS}: no memory holds the "
                "weights of larger layers."
            )
    return tuple(int(size) for size in sizes)


# The parameter that a field does not bear the name of.
_PARAMETER_OF = {"hidden_units": "hidden_layer_sizes"}


def constraints_of(kind):
    """What each parameter of an estimator may be by itself, in scikit-learn's terms.

    Parameters
    ----------
    kind : type
        The class of the estimator.

    Returns
    -------
    dict of str to list
        The names in a table are a view of it: what is added later is allowed, too.
    """
    constraints = {
        _PARAMETER_OF.get(each.name, each.name): each.metadata["allowed"]
        for each in fields(FitConfig)
        if each.metadata["allowed"] is not None
    }
    names = parameter_names(kind)
    return {name: constraints[name] for name in names if name in constraints}


def check_marks(config_type):
    """Raise a TypeError for a field without a mark, or with an unknown one."""
    for each in fields(config_type):
        mark = each.metadata
        if mark.get("scope") not in SCOPES:
            raise TypeError(
                f"The field {each.name} of {config_type.__name__} has no scope: mark "
                f"it as one of {SCOPES}, and say which of {SHARED} depend on it."
            )
        unknown = set(mark["matters_to"]) - set(SHARED)
        if unknown:
            raise TypeError(
                f"The field {each.name} of {config_type.__name__} matters to "
                f"{sorted(unknown)}, which is none of {SHARED}."
            )


check_marks(FitConfig)

_IN_STEP = tuple(each.name for each in fields(FitConfig) if each.metadata["in_step"])
# These are in every key as they are; a kind of estimator has one type of problem.
_BY_ITSELF = {"kind", "extras", "problem_type"}
# By what they matter to, the names of the fields that a key is made of.
_IN_KEY = {
    to: tuple(
        each.name
        for each in fields(FitConfig)
        if (each.metadata["scope"] == to or to in each.metadata["matters_to"])
        and each.name not in _BY_ITSELF
    )
    for to in ("batch", *SHARED)
}


def key_of(source, to, kind, extras):
    """The key of a configuration, or of an estimator whose fields are as they stand."""
    key = [kind]
    key += [value_key(getattr(source, name, None)) for name in _IN_KEY[to]]
    key += [(name, value_key(value)) for name, value in extras.items()]
    return tuple(key)


@cache
def parameter_names(kind):
    """The names of the constructor's parameters of an estimator's class."""
    return tuple(name for name in signature(kind.__init__).parameters if name != "self")


@cache
def _names_of_extras(kind):
    known = {_PARAMETER_OF.get(each.name, each.name) for each in fields(FitConfig)}
    return tuple(name for name in parameter_names(kind) if name not in known)


def extras_of(estimator):
    """The parameters of an estimator that no field of `FitConfig` stands for."""
    return {
        name: getattr(estimator, name) for name in _names_of_extras(type(estimator))
    }
