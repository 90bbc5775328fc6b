"""Which parameters of the two estimators go together, and which do nothing."""

from functools import cache
from inspect import signature

import numpy as np

from .._core.losses import REGRESSION_LOSSES
from .._core.penalties import INPUT_PENALTIES, WEIGHT_PENALTIES, penalties_of
from .._core.schedules import SCHEDULES
from .._fitting.config import hidden_units_of
from .._fitting.refit import check_refit
from .._fitting.solvers import SOLVERS, named, solver_of
from .._fitting.splits import splits_by_groups
from .._fitting.stopping import check_criterion, schedules_to_the_end
from .._utils.sklearn_private import validate_parameter_constraints
from ..augmentation import check_augmentation, is_resampler

__all__ = [
    "check_no_schedule_to_the_end",
    "check_parameters_together",
    "inert_parameters",
    "valid_defaults",
]


def _needs(name, *values):
    """The condition that a parameter has one of some values, and its text."""
    said = " or ".join(f"{name}={value!r}" for value in values)
    return lambda estimator: getattr(estimator, name) in values, said


def _needs_positive(name):
    return lambda estimator: getattr(estimator, name) > 0, f"{name} > 0"


def _is_patient(estimator):
    has_minibatches = solver_of(estimator.solver).has_minibatches
    is_monitored = has_minibatches or estimator.early_stopping
    return is_monitored and estimator.stopping_criterion == "patience"


def _needs_solver_that_reads(name):
    """The condition that the solver is one of those that read a parameter."""
    readers = [solver.name for solver in SOLVERS.values() if name in solver.reads]
    return _needs("solver", *readers)


def _needs_input_penalty_that_reads(name):
    """The condition that the penalty of inputs is one that reads a parameter."""
    readers = [
        penalty for penalty, kind in INPUT_PENALTIES.items() if name in kind.parameters
    ]
    return _needs("feature_penalty", *readers)


def _needs_loss_that_reads(name):
    """The condition that the loss is one of those that read a parameter."""
    readers = [
        loss
        for loss, kind in REGRESSION_LOSSES.items()
        if name in kind.parameters.values()
    ]
    return _needs("loss", *readers)


def _needs_schedule_that_reads(name):
    """The condition that the schedule is one of those that read a parameter."""
    readers = [
        schedule for schedule, kind in SCHEDULES.items() if name in kind.parameters
    ]
    return _needs("learning_rate", *readers)


def _needs_solver_that_follows(schedule):
    """The condition that a solver follows a schedule, if that is asked for."""
    followers = [
        solver.name for solver in SOLVERS.values() if schedule in solver.schedules
    ]
    follows, said = _needs("solver", *followers)

    def is_met(estimator):
        return estimator.learning_rate != schedule or follows(estimator)

    return is_met, said


def _has_hidden_layer(estimator):
    return len(hidden_units_of(estimator.hidden_layer_sizes)) > 0


def _is_split_off(estimator):
    # A number of folds as `refit` makes its own validation sets.
    return estimator.validation_splitter is None and isinstance(estimator.refit, bool)


_EARLY_STOPPING = _needs("early_stopping", True)
_FEATURE_ALPHA = _needs_positive("feature_alpha")
_HIDDEN_LAYER = (
    _has_hidden_layer,
    "a hidden layer, of which hidden_layer_sizes has none",
)

# Parameters that do nothing unless some conditions hold. For each parameter there are
# the conditions, each followed by its text. Parameters that raise an error in such a
# case (a splitter without early stopping) are not here.
_NEEDS = {
    **{
        name: _needs_solver_that_reads(name)
        for solver in SOLVERS.values()
        for name in solver.reads
    },
    **{
        name: _needs_loss_that_reads(name)
        for loss in REGRESSION_LOSSES.values()
        for name in loss.parameters.values()
    },
    **{
        name: _needs_positive(kind.parameters[0])
        for kind in WEIGHT_PENALTIES.values()
        for name in kind.parameters[1:]
    },
    "feature_penalty": _FEATURE_ALPHA,
    **{
        name: (*_FEATURE_ALPHA, *_needs_input_penalty_that_reads(name))
        for kind in INPUT_PENALTIES.values()
        for name in kind.parameters[1:]
    },
    "feature_groups": _FEATURE_ALPHA,
    "activation": _HIDDEN_LAYER,
    "frequency_scale": _needs_positive("n_frequencies"),
    "dropout": _HIDDEN_LAYER,
    "dropout_schedule": (*_needs_positive("dropout"), *_HIDDEN_LAYER),
    "learning_rate": tuple(
        part for schedule in SCHEDULES for part in _needs_solver_that_follows(schedule)
    ),
    **{
        name: (*_needs_schedule_that_reads(name), *_needs_solver_that_reads(name))
        for name in ("power_t", "warmup_fraction")
    },
    "validation_fraction": (
        *_EARLY_STOPPING,
        _is_split_off,
        "validation_splitter=None and refit=False or True",
    ),
    "scoring": _EARLY_STOPPING,
    "n_iter_no_change": (
        _is_patient,
        "stopping_criterion='patience', and early_stopping=True or minibatches",
    ),
}


# Parameters that do nothing if validation data are given.
_OF_OWN_VALIDATION = ("validation_fraction", "validation_splitter")


def inert_parameters(estimator, has_validation=False, has_groups=False):
    """The parameters that do nothing although they are not at their defaults.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Each of its parameters is valid by itself.
    has_validation, has_groups : bool, default=False
        Whether `fit` is given `X_val`, and whether it is given `groups`.

    Returns
    -------
    list of str
        Texts such as "momentum=0.5 (needs solver='sgd')".
    """
    found = []
    for name, default in _defaults_of(type(estimator)):
        value = getattr(estimator, name)
        if not _is_default(value, default):
            needs = _NEEDS[name]
            for is_met, condition in zip(needs[::2], needs[1::2], strict=True):
                if not is_met(estimator):
                    found.append(f"{name}={value!r} (needs {condition})")
                    break
    if has_validation:
        # These parameters do nothing with X_val, whatever they needed without it.
        found = [text for text in found if not text.startswith(_OF_OWN_VALIDATION)]
        for name in _OF_OWN_VALIDATION:
            value = getattr(estimator, name)
            if not _is_default(value, _default_of(type(estimator), name)):
                found.append(f"{name}={value!r} (needs fit without X_val)")
    if has_groups and (has_validation or not splits_by_groups(estimator)):
        found.append(
            "groups (needs early_stopping=True with a validation_splitter that splits "
            "by them, and fit without X_val)"
        )
    return found


@cache
def valid_defaults(kind):
    """By name, those defaults of a class that its constraints allow.

    Parameters
    ----------
    kind : type
        The class of an estimator.

    Returns
    -------
    dict of str to object
    """
    valid = {}
    for name, parameter in signature(kind.__init__).parameters.items():
        value = {name: parameter.default}
        try:
            validate_parameter_constraints(kind._parameter_constraints, value, "")
        except ValueError:
            # It is looked at in every fit.
            continue
        valid |= value
    return valid


def _default_of(kind, name):
    return signature(kind.__init__).parameters[name].default


@cache
def _defaults_of(kind):
    """Pairs (name, default) of those parameters of a class that may do nothing."""
    parameters = signature(kind.__init__).parameters
    return [(name, parameters[name].default) for name in _NEEDS if name in parameters]


def _is_default(value, default):
    # A number of NumPy may equal a default, but an array never does.
    return value is default or (np.isscalar(value) and value == default)


def check_no_schedule_to_the_end(estimator, name, reason):
    """Raise a ValueError if a schedule runs to an end that is not known.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    name, reason : str
        What has no such end, and why.
    """
    found = schedules_to_the_end(estimator)
    if found:
        given = " and ".join(f"{key}={value!r}" for key, value in found.items())
        instead = " and ".join(f"{key}='constant'" for key in found)
        raise ValueError(
            f"{name} with {given} is not possible: {reason}. Use {instead}."
        )


def check_parameters_together(estimator):
    """Raise a ValueError if parameters do not go together.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Each of its parameters is valid by itself.
    """
    has_hidden_layers = len(hidden_units_of(estimator.hidden_layer_sizes)) > 0
    solver = solver_of(estimator.solver)
    with_minibatches = named(lambda solver: solver.has_minibatches)
    if estimator.feature_alpha > 0 and not solver.penalizes_inputs:
        able = named(lambda solver: solver.penalizes_inputs)
        raise ValueError(
            f"feature_alpha={estimator.feature_alpha} needs solver={able}: "
            f"{solver.name!r} has no step for penalties of whole inputs."
        )
    if estimator.feature_alpha > 0 and estimator.alpha == 0 and has_hidden_layers:
        raise ValueError(
            f"feature_alpha={estimator.feature_alpha} needs alpha > 0 where there is a "
            "hidden layer: with nothing to hold the later layers, their weights "
            "grow while the first layer's shrink, and removed inputs come back."
        )
    has_waves = estimator.n_frequencies > 0
    if estimator.feature_alpha > 0 and estimator.alpha == 0 and has_waves:
        raise ValueError(
            f"feature_alpha={estimator.feature_alpha} with n_frequencies="
            f"{estimator.n_frequencies} needs alpha > 0: with nothing to hold the "
            "matrices that mix an input's waves, they grow while the weights of the "
            "first layer shrink, and removed inputs come back."
        )
    if estimator.feature_alpha > 0:
        check_no_schedule_to_the_end(
            estimator,
            f"feature_alpha={estimator.feature_alpha}",
            "training goes on along a path of penalties whose end is found on the way",
        )
    if estimator.dropout > 0 and not solver.has_minibatches:
        raise ValueError(
            f"dropout={estimator.dropout} needs solver={with_minibatches}: with "
            f"{solver.name!r} the objective would change from one evaluation to "
            "the next."
        )
    if estimator.augmentation is not None and not is_resampler(estimator.augmentation):
        check_augmentation(estimator.augmentation)
        if not solver.has_minibatches:
            raise ValueError(
                f"augmentation={estimator.augmentation!r} needs solver="
                f"{with_minibatches}: {solver.name!r} has no minibatches. A resampler "
                "such as AugmentingResampler works with every solver."
            )
    if estimator.feature_alpha > 0 and is_resampler(estimator.augmentation):
        raise ValueError(
            f"feature_alpha={estimator.feature_alpha} takes an augmentation of "
            f"minibatches, not the resampler {estimator.augmentation!r}: training goes "
            "on along a path of penalties, and the rows would change under it."
        )
    proximal = [
        " and ".join(f"{name}={getattr(estimator, name)}" for name in kind.parameters)
        for kind in penalties_of(estimator.feature_penalty)
        if kind.is_proximal_in(estimator)
    ]
    if "momentum" in solver.reads and estimator.momentum == 1 and proximal:
        raise ValueError(
            "momentum=1 has no proximal step, which a penalty that makes zeros needs "
            f"(here by {', and by '.join(proximal)}): use momentum < 1 with "
            f"solver={solver.name!r}."
        )
    averages = "weight_averaging" in solver.reads and estimator.weight_averaging > 0
    if averages and proximal:
        raise ValueError(
            f"weight_averaging={estimator.weight_averaging} is not possible with a "
            f"penalty that makes zeros (here by {', and by '.join(proximal)}): the "
            "average of a weight is zero only if it was zero after every epoch. Use "
            "weight_averaging=0, or no such penalty."
        )
    if estimator.validation_splitter is not None and not estimator.early_stopping:
        raise ValueError(
            f"validation_splitter={estimator.validation_splitter!r} needs "
            "early_stopping=True: without it no rows are held out."
        )
    check_criterion(estimator)
    check_refit(estimator)
