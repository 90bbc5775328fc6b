"""Candidates of a search, and the data that their networks train on."""

import copy
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone

from .._fitting.config import extras_of, key_of
from .._fitting.keys import identity_key, value_key
from .._fitting.splits import splits_by_groups
from .._utils.columns import columns_of
from .._utils.publishing import quietly
from .._utils.wrappers import find_model, fit_parameter, transforms_target
from ..augmentation import ResampledClassifier, ResampledRegressor
from ._sklearn_private import check_method_params, safe_split

__all__ = [
    "Candidate",
    "Fold",
    "make_candidate",
    "nbytes_of",
    "prepare_fold",
    "with_groups",
    "with_parameters",
]

_VALIDATION = ("X_val", "y_val", "sample_weight_val")
_NETWORK_PARAMETERS = {"sample_weight", "groups", *_VALIDATION}

_Y_VAL_IN_ANOTHER_UNIT = (
    "y_val is passed through a TransformedTargetRegressor, which transforms y and not "
    "y_val: the network would validate in another unit than it trains in. Leave out "
    "X_val and y_val and set validation_fraction or validation_splitter, or search "
    "over the network alone with a target that is transformed beforehand."
)


@dataclass
class Candidate:
    """One setting of the parameters.

    Attributes
    ----------
    index : int
        The position of the candidate in the search.
    parameters : dict
    estimator : estimator
        The estimator with these parameters, not fitted.
    network : MLPClassifier, MLPRegressor or None
        The network at the end of the estimator's Pipelines and inside its target
        transformers, or the estimator itself. None if it cannot train in lockstep.
    prefix : str
        The prefix of the network's parameters, ending with two underscores, or empty.
    setting : hashable
        A key that is equal for candidates whose networks are given the same data.
    error : Exception or None
        The error of every fit, if the network's parameters are invalid.
    """

    index: int
    parameters: dict
    estimator: Any
    network: Any = None
    prefix: str = ""
    setting: Any = None
    error: Exception | None = None


def with_parameters(base_estimator, parameters):
    """A clone with some parameters; estimators among the parameters are cloned, too."""
    return clone(base_estimator).set_params(**clone(parameters, safe=False))


def with_groups(estimator, fit_params, groups):
    """The parameters of `fit`, with a search's groups if the network needs them.

    Parameters
    ----------
    estimator : estimator
        An estimator that is not fitted.
    fit_params : dict
        The user's parameters for its `fit`.
    groups : array-like or None
        The groups by which the search splits its rows. scikit-learn gives them to the
        splitter alone.

    Returns
    -------
    dict
    """
    _, network = find_model(estimator, exact=True)
    name = fit_parameter(estimator, "groups")
    if isinstance(network, (ResampledClassifier, ResampledRegressor)):
        # It hands the groups on to its own estimator, one for each resampled row.
        inner = network.estimator
        _, network = find_model(inner, exact=True)
        name = name.removesuffix("groups") + fit_parameter(inner, "groups")
    try:
        needs_groups = network._is_one_task() and splits_by_groups(network)
    except AttributeError:
        # Another library's estimator.
        return fit_params
    if get_config()["enable_metadata_routing"]:
        name = "groups"
        needs_groups = network.get_metadata_routing().fit.requests[name] is True
    if groups is None or not needs_groups or name in fit_params:
        return fit_params
    return {**fit_params, name: groups}


def make_candidate(index, base_estimator, parameters):
    """A candidate; its network is found in the estimator if there is one.

    Parameters
    ----------
    index : int
    base_estimator : estimator
    parameters : dict

    Returns
    -------
    Candidate
    """
    estimator = with_parameters(base_estimator, parameters)
    # Other kinds of Pipeline do more in `fit`.
    prefix, network = find_model(estimator, exact=True)
    candidate = Candidate(index, parameters, estimator, prefix=prefix)
    try:
        if not network._is_one_task():
            return candidate
    except AttributeError:
        # Another library's estimator.
        return candidate
    candidate.network = network
    try:
        network._validate_params()
        network._check_parameters_together()
    except Exception as error:
        candidate.error = error
    before = {
        name: value
        for name, value in parameters.items()
        if prefix and not f"{name}__".startswith(prefix)
    }
    candidate.setting = (
        # The key reads the estimator and not its configuration, because parameters
        # may be invalid.
        key_of(network, "data", type(network), extras_of(network)),
        prefix,
        # The metadata that the wrappers hand on to the network.
        value_key(getattr(network, "_metadata_request", None)),
        splits_by_groups(network),
        *((name, identity_key(before[name])) for name in sorted(before)),
    )
    return candidate


@dataclass
class Fold:
    """The data that the networks of one setting are given on one split.

    Attributes
    ----------
    split : int
        The number of the split.
    X, y, sample_weight, validation
        The validated training data that the steps before the network, and the target
        transformers around it, hand on to it.
    groups : array-like or None
        Groups of the rows, for the networks' own validation splits.
    encoding : LabelEncoding or None
        The encoding of the target of these rows, if it has classes.
    columns : dict
        The network's attributes about the columns of X.
    wrappers : estimator or None
        The fitted Pipelines and target transformers around the network; None if there
        are none, or if one of them could not be fitted.
    seconds : float
        The seconds that the preparation took.
    error : Exception or None
        The error that ended the preparation.
    is_refused : bool
        Whether `fit` has parameters that training in lockstep does not know.
    """

    split: int
    X: Any = None
    y: Any = None
    sample_weight: Any = None
    validation: Any = None
    groups: Any = None
    encoding: Any = None
    columns: dict = field(default_factory=dict)
    wrappers: Any = None
    seconds: float = 0.0
    error: Exception | None = None
    is_refused: bool = False


@quietly
def prepare_fold(candidate, split, X, y, train, fit_params):
    """Fit what is around the network, and validate the data that it hands on.

    Parameters
    ----------
    candidate : Candidate
        Any candidate of the setting.
    split : int
    X, y
        All data, as the user gave them.
    train : ndarray of int or None
        The rows to train on; None takes all of them without a copy.
    fit_params : dict
        The parameters of the estimator's `fit`.

    Returns
    -------
    Fold
    """
    started = time.perf_counter()
    fold = Fold(split)
    try:
        _fill_fold(fold, candidate, X, y, train, fit_params)
    except Exception as error:
        fold.error = error
    fold.seconds = time.perf_counter() - started
    return fold


def _fill_fold(fold, candidate, X, y, train, fit_params):
    params = check_method_params(X, params=fit_params, indices=train)
    if train is not None:
        X, y = safe_split(candidate.estimator, X, y, train)
    # Validation sets attributes, so it works on a copy of the candidate's network.
    network = copy.copy(candidate.network)
    if candidate.prefix:
        recorder = _Recorder(network)
        path = candidate.prefix.removesuffix("__")
        wrappers = clone(candidate.estimator).set_params(**{path: recorder})
        fold.wrappers = wrappers.fit(X, y, **params)
        X, y, params = recorder.received
        recorder.received = None
        if params.get("y_val") is not None and transforms_target(candidate.estimator):
            raise ValueError(_Y_VAL_IN_ANOTHER_UNIT)
    fold.is_refused = not _NETWORK_PARAMETERS.issuperset(params)
    if fold.is_refused:
        return
    fold.X, fold.y, fold.sample_weight, fold.validation = network._check_data(
        X,
        y,
        params.get("sample_weight"),
        tuple(params.get(name) for name in _VALIDATION),
    )
    fold.groups = params.get("groups")
    fold.encoding = network._problem.encoding_of(fold.y)
    fold.columns = columns_of(network)


class _Recorder:
    """Stands in the network's place in its wrappers and keeps what `fit` is given."""

    def __init__(self, network):
        self._network = network
        self.received = None

    def fit(self, X, y=None, **params):
        self.received = X, y, params
        return self

    def predict(self, X):
        """A target transformer requires that its regressor has this method."""
        raise NotImplementedError

    def __sklearn_clone__(self):
        # A target transformer fits a clone of its regressor.
        return self

    def get_metadata_routing(self):
        return self._network.get_metadata_routing()

    def __sklearn_tags__(self):
        return self._network.__sklearn_tags__()

    def get_params(self, deep=True):
        return {}


def nbytes_of(X):
    """The approximate memory of X in bytes, whatever its type."""
    nbytes = getattr(X, "nbytes", None)
    if isinstance(nbytes, (int, np.integer)):
        return int(nbytes)
    if hasattr(X, "data") and hasattr(X, "indices"):
        return X.data.nbytes + X.indices.nbytes
    return 8 * int(np.prod(np.shape(X)))
