"""The network inside an estimator, with the data as the network is given them."""

from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.utils.validation import check_array, validate_data

from .._fitting.stopping import needs_validation_rows
from .._utils.wrappers import (
    around_model,
    find_model,
    has_steps,
    names_before_model,
    replace_model,
    transform_before_model,
    transforms_target,
)
from ..model_selection._candidates import make_candidate, prepare_fold

__all__ = ["OpenedEstimator", "check_path_estimator", "open_estimator"]


def check_path_estimator(estimator):
    """A clone of an estimator that can go down a path; an error if it cannot.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor

    Returns
    -------
    MLPClassifier or MLPRegressor

    Raises
    ------
    TypeError
        If the estimator is no network of skreg, or has a `fit` of its own.
    ValueError
        If its parameters are invalid or do not allow a feature penalty.
    """
    if not hasattr(estimator, "feature_alpha"):
        raise TypeError(
            "estimator must be an MLPClassifier or MLPRegressor of skreg, alone or in "
            f"a Pipeline or TransformedTargetRegressor, got {type(estimator).__name__}."
        )
    if not estimator._is_one_task():
        raise TypeError(
            f"{type(estimator).__name__} has a `fit` of its own, which a path of its "
            "networks would not call: give the class that it is derived from."
        )
    estimator = clone(estimator)
    estimator._validate_params()
    if not estimator.feature_alpha > 0:
        # The path sets the penalty. A value above zero makes the next check ask whether
        # the other parameters allow one.
        estimator.feature_alpha = 1.0
    estimator._check_parameters_together()
    estimator.early_stopping, estimator.warm_start = False, False
    if needs_validation_rows(estimator.stopping_criterion):
        # Without early stopping there are none.
        estimator.stopping_criterion = "patience"
    return estimator


@dataclass
class OpenedEstimator:
    """The network inside an estimator, with the data as the network is given them.

    Attributes
    ----------
    network : MLPClassifier or MLPRegressor
        The network, ready to go down a path, with the attributes of its columns.
    X, y, sample_weight
        The validated data that the steps before the network, and the transformers of
        its target, hand on to it.
    y_scored : array-like
        The target in the unit that the estimator predicts.
    estimator : estimator
        The whole estimator, not fitted.
    wrappers : estimator or None
        The fitted Pipelines and target transformers around the network, with a
        placeholder in the network's place.
    """

    network: Any
    X: Any
    y: Any
    sample_weight: Any
    y_scored: Any
    estimator: Any
    wrappers: Any

    def around(self, network):
        """An estimator that predicts in the unit of `y_scored` from rows like `X`."""
        return around_model(self.wrappers, self.estimator, network, steps=False)

    def transform(self, X):
        """The user's rows as the network is given them."""
        X = transform_before_model(self.wrappers, X)
        return validate_data(
            self.network,
            X,
            accept_sparse=["csr", "csc"],
            dtype=self.X.dtype,
            reset=False,
        )

    @property
    def feature_names(self):
        """The names of the network's columns, or None."""
        names = getattr(self.network, "feature_names_in_", None)
        return names_before_model(self.wrappers) if names is None else names


def open_estimator(
    estimator, X, y, sample_weight=None, *, rows=None, needs_columns=False
):
    """Fit what stands around a network, for a path of the network inside.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or one in a Pipeline or target transformer
    X, y, sample_weight
        The data as the user gave them. With `rows`, weights must be an array.
    rows : ndarray of int, default=None
        The rows of these data to take; all by default.
    needs_columns : bool, default=False
        Whether the network's inputs must be the columns of X.

    Returns
    -------
    OpenedEstimator

    Raises
    ------
    ValueError
        If `needs_columns` is true and the steps of a Pipeline make other columns.
    """
    network = check_path_estimator(find_model(estimator, exact=True)[1])
    if needs_columns and has_steps(estimator):
        raise ValueError(
            "estimator is a Pipeline whose steps make other columns of those of X, "
            "among which inputs are to be selected: put the steps before the "
            "selection, as in make_pipeline(StandardScaler(), "
            "SparseInputSelector(network))."
        )
    candidate = make_candidate(0, replace_model(estimator, network), {})
    network = candidate.network
    fold = prepare_fold(candidate, 0, X, y, rows, {})
    if fold.error is not None:
        raise fold.error
    vars(network).update(fold.columns)
    if sample_weight is not None:
        if rows is not None:
            sample_weight = sample_weight[rows]
        sample_weight = network._check_weight(sample_weight, fold.X, "sample_weight")
    y_scored = fold.y
    if transforms_target(estimator):
        y_scored = check_array(y, ensure_2d=False, input_name="y")
        y_scored = y_scored if rows is None else y_scored[rows]
    return OpenedEstimator(
        network,
        fold.X,
        fold.y,
        sample_weight,
        y_scored,
        candidate.estimator,
        fold.wrappers,
    )
