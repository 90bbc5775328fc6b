r"""Penalties of the weights: value, smooth gradient, proximal step, stationarity.

:class:`Penalty` is the contract: what optimizers, full-batch solvers and the objective
know of a penalty, they know by its verbs. A penalty of a batch holds its strengths as
vectors over models and works on all *layers* of a buffer, the list of weight views
``W_l : (n_models, fan_in, fan_out)`` (see `network.Network.weights`); the first is that
of the inputs. Intercepts are never penalized.

There are penalties of single weights (`weights.WEIGHT_PENALTIES`, such as
:class:`ElasticNet`) and penalties of whole inputs (`inputs.INPUT_PENALTIES`, subclasses
of :class:`InputPenalty`), whose groups are rows of the first layer. A class that stands
in one of these two tables is known to all: :func:`make_penalty` looks there. How to add
one: `docs/developers/adding_a_penalty.md`.
"""

from ..tables import entry_of
from .contract import Penalty, PenaltySum
from .inputs import (
    INPUT_PENALTIES,
    GroupLasso,
    GroupLogSum,
    InputGroups,
    InputPenalty,
)
from .weights import WEIGHT_PENALTIES, ElasticNet, soft_threshold

__all__ = [
    "INPUT_PENALTIES",
    "WEIGHT_PENALTIES",
    "ElasticNet",
    "GroupLasso",
    "GroupLogSum",
    "InputGroups",
    "InputPenalty",
    "Penalty",
    "PenaltySum",
    "input_penalty_named",
    "make_input_penalty",
    "make_penalty",
    "penalties_of",
    "soft_threshold",
]


def input_penalty_named(name):
    """The class of a `feature_penalty`.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    return entry_of(INPUT_PENALTIES, name, "feature_penalty")


def _values(models, kind):
    """The parameters of a class of penalties, as vectors over models."""
    return {name: [getattr(m, name) for m in models] for name in kind.parameters}


def penalties_of(feature_penalty):
    """The classes of all penalties that an estimator may have at once.

    Parameters
    ----------
    feature_penalty : str
        A key of `INPUT_PENALTIES`.

    Returns
    -------
    list of subclasses of Penalty
        The first of the `parameters` of each is its strength.
    """
    return [*WEIGHT_PENALTIES.values(), input_penalty_named(feature_penalty)]


def make_input_penalty(models, feature_penalty, groups, dtype):
    """The penalty of the inputs alone; see `make_penalty`.

    Returns
    -------
    InputPenalty
    """
    kind = input_penalty_named(feature_penalty)
    return kind(groups=groups, dtype=dtype, **_values(models, kind))


def make_penalty(models, feature_penalty, groups, dtype):
    """The penalty of a batch.

    Parameters
    ----------
    models : list of objects with the strengths as attributes
        The `parameters` of all `WEIGHT_PENALTIES` and of the input penalty: `alpha`,
        `l1_ratio`, `feature_alpha`, and those of its own.
    feature_penalty : str
        A key of `INPUT_PENALTIES`.
    groups : InputGroups
    dtype : dtype

    Returns
    -------
    Penalty

    Raises
    ------
    ValueError
        If there is no such `feature_penalty`.
    """

    def is_wanted(kind):
        return any(getattr(model, kind.parameters[0], 0) for model in models)

    terms = [
        kind(dtype=dtype, **_values(models, kind))
        for kind in WEIGHT_PENALTIES.values()
        # The elastic net is always there: of strength zero it penalizes nothing.
        if kind is ElasticNet or is_wanted(kind)
    ]
    if is_wanted(input_penalty_named(feature_penalty)):
        terms.append(make_input_penalty(models, feature_penalty, groups, dtype))
    return terms[0] if len(terms) == 1 else PenaltySum(terms)
