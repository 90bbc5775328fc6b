"""What networks that train side by side may share, and the keys by which they do.

Networks of a search, a path or an ensemble share what would come out alike for each of
them: the checked data of a fold, the start of training, the arithmetic of a batch. A
wrong key gives a network another one's rows without a sign of it. So a key is made of
all that the shared value depends on: every parameter counts unless the table below says
that the value does not depend on it, and values that are not plain count by their
content.
"""

from functools import cache
from inspect import signature

import joblib
import numpy as np

__all__ = [
    "Same",
    "identity_key",
    "is_plain",
    "parameter_names",
    "sharing_key",
    "value_key",
]

# What a network's parameters matter to:
#
# "data"   which data are valid for a fold;
# "target" the target as numbers that the network is trained on;
# "start"  the initial weights, the validation split, and the order and augmentation of
#          the minibatches;
# "batch"  what one step does to all networks of a batch alike.
#
# A parameter that is missing here matters to all of them, so a new one costs some
# sharing until it gets its line, and never a right answer. An empty line is for what
# one network has for itself (the penalties, the step sizes, the stopping rule), and for
# those that the keys hold in another form: the layers' units, the resolved size of a
# minibatch, the parsed groups of inputs.
_MATTERS_TO = {
    "hidden_layer_sizes": (),
    "activation": ("start", "batch"),
    "loss": ("data", "batch"),
    "huber_delta": ("batch",),
    "quantile": ("batch",),
    # By what an augmentation prepares of the target; all else has the scaling itself in
    # its key.
    "normalize_y": ("start",),
    "solver": ("batch",),
    "alpha": (),
    "l1_ratio": (),
    "feature_alpha": (),
    "feature_penalty": ("batch",),
    "feature_epsilon": (),
    "feature_groups": (),
    "dropout": (),
    "augmentation": ("start",),
    "class_weight": ("start",),
    "batch_size": (),
    "learning_rate": ("batch",),
    "learning_rate_init": (),
    "power_t": (),
    "max_iter": (),
    "max_fun": (),
    "shuffle": ("batch",),
    "random_state": ("start",),
    "tol": (),
    "verbose": (),
    "warm_start": (),
    "momentum": (),
    "nesterovs_momentum": ("batch",),
    "early_stopping": ("data", "start"),
    "validation_fraction": ("start",),
    "validation_splitter": ("start",),
    "scoring": (),
    "n_iter_no_change": (),
    "min_iter": (),
    "stopping_criterion": (),
    "refit": (),
    "beta_1": (),
    "beta_2": (),
    "epsilon": (),
}

_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


class Same:
    """A key that is equal for one and the same object alone, which it keeps alive."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Same) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def is_plain(value):
    """Whether it is a number, a string, a truth value or None."""
    return isinstance(value, _PLAIN)


def identity_key(value):
    """A key for plain values by what they are, for all others by which object it is."""
    return (type(value), value) if is_plain(value) else Same(value)


def value_key(value):
    """A key that is equal only for values that do the same.

    Objects are known by their content, because a search gives each candidate a clone of
    its own; not by their `repr`, which may leave out a part. What has no content that
    can be read (a lambda, an open file) is known by its identity.

    Parameters
    ----------
    value : object

    Returns
    -------
    hashable
    """
    if is_plain(value):
        return type(value), value
    try:
        return type(value), joblib.hash(value)
    except Exception:
        # What pickling raises depends on what it meets inside.
        return Same(value)


@cache
def parameter_names(kind):
    """The names of the constructor's parameters of an estimator's class."""
    return tuple(name for name in signature(kind.__init__).parameters if name != "self")


@cache
def _names_that_matter(kind, to):
    return tuple(
        name for name in parameter_names(kind) if to in _MATTERS_TO.get(name, (to,))
    )


def sharing_key(estimator, to):
    """Equal for networks between which this may be shared.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    to : {"data", "target", "start", "batch"}
        What the parameters in the key matter to.

    Returns
    -------
    tuple
    """
    kind = type(estimator)
    values = (getattr(estimator, name) for name in _names_that_matter(kind, to))
    return (kind, *map(value_key, values))
