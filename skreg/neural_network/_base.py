"""The base of the two estimators: parameters, fitting, fitted attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .._core.activations import ACTIVATIONS
from .._core.network import Network
from .._core.penalties import InputGroups
from .._core.periodic import PeriodicFeatures, PeriodicLayer, owners_of_rows
from .._core.predictions import raw_predictions
from .._core.stopping import StopReason
from .._core.threads import blas_threads_for_layers
from .._fitting.config import FitConfig, constraints_of, hidden_units_of
from .._fitting.fit import TrainingState, Validation, fit_many, task_of
from .._fitting.judging import Judge
from .._fitting.solvers import solver_of
from .._fitting.splits import splits_by_groups
from .._fitting.tasks import PERIODIC_ATTRIBUTES
from .._typing import ArrayLike, Booleans, Floats, MatrixLike
from .._utils.huge_integers import check_integers, named_overflow
from .._utils.plain_arrays import is_plain_table
from .._utils.presentation import PresentationMixin
from .._utils.publishing import (
    fitted_at_once,
    is_part_of_a_fit,
    quiet_numpy,
    snapshot,
)
from .._utils.sklearn_private import (
    check_sample_weight,
    validate_parameter_constraints,
)
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once, is_one_of_many, warn
from ._callbacks import CallbackSupportMixin, FitCallbacks, with_callbacks
from ._deployment import DeploymentMixin
from ._parameters import (
    check_no_schedule_to_the_end,
    check_parameters_together,
    inert_parameters,
    valid_defaults,
)
from ._reporting import call_all, print_epoch, warn_about

__all__ = ["BaseMLP", "check_not_empty"]

_DTYPES = (np.float64, np.float32)


class BaseMLP(
    PresentationMixin,
    VersionedMixin,
    CallbackSupportMixin,
    DeploymentMixin,
    BaseEstimator,
    ABC,
):
    """Base of MLPClassifier and MLPRegressor; not to be used directly."""

    def __init_subclass__(cls, **kwargs):
        """Take the constraints of the parameters from the fields of `FitConfig`."""
        super().__init_subclass__(**kwargs)
        if "_parameter_constraints" not in vars(cls):
            cls._parameter_constraints = constraints_of(cls)

    @classmethod
    @cache
    def _get_param_names(cls):
        """The parameters' names, sorted, which scikit-learn asks for again and again.

        To read them in the signature of the constructor takes it as long as a minibatch
        step of a small network.
        """
        return super()._get_param_names()

    # -- what the subclasses say ---------------------------------------------------

    @abstractmethod
    def _target_parameters(self):
        """The fields of `FitConfig` about the target and its loss, as a dict."""

    @abstractmethod
    def _check_y(self, y):
        """The target, validated beyond `validate_data`."""

    @abstractmethod
    def _check_warm_start(self, y):
        """Raise a ValueError unless a target goes with the target of the last fit."""

    # -- fitting -------------------------------------------------------------------

    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to training data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. A C-contiguous float array is not copied; float32 data train
            a float32 network.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (an indicator matrix if rows have several labels), or targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in the loss and in the validation score. None means
            equal weights.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation data for early stopping; by default it holds out rows of X.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Target of `X_val`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a `validation_splitter` that keeps groups together.

        Returns
        -------
        self : object
            The fitted estimator. After an error it is as it was before the call. Ctrl-C
            in training is a warning: the network is what it was then, and has
            ``stop_reason_ == "interrupted"``. In a search or an ensemble of this
            package it ends the whole call.

        Raises
        ------
        ValueError
            If a parameter is invalid, if parameters do not go together, or if the data
            are invalid or do not go with the parameters.
        """
        self._validate_params()
        self._check_parameters_together()
        self._warn_about_inert_parameters(X_val is not None, groups is not None)
        # The callbacks know the user's object, not the copy that is fitted.
        callbacks = FitCallbacks.of(self, X, y, sample_weight)
        validation_data = X_val, y_val, sample_weight_val
        with fitted_at_once(self) as scratch:
            scratch._fit_callbacks = callbacks
            scratch._fit(X, y, sample_weight, validation_data, groups)
            del scratch._fit_callbacks
        if callbacks is not None:
            callbacks.end()
        return self

    def _fit(self, X, y, sample_weight, validation_data, groups):
        goes_on = self.warm_start and hasattr(self, "coefs_")
        if not goes_on:
            vars(self).pop("_pruned", None)

        def start(X, y):
            if not goes_on:
                return self._problem.encoding_of(y), None
            self._check_warm_start(y)
            return self._encoding_to_go_on_with(), self._state_at_coefs()

        self._train(
            X,
            y,
            sample_weight,
            validation_data,
            reset=not goes_on,
            start=start,
            groups=groups,
        )

    def _partial_fit(self, X, y, sample_weight, validation_data, first_encoding=None):
        """Train one more epoch. Each of the parameters is valid by itself.

        In the first call ``first_encoding(y)`` gives the encoding of the target.
        """
        self._check_solver()
        self._check_parameters_together()
        if self.early_stopping and validation_data[0] is None:
            raise ValueError(
                "partial_fit does not support early_stopping=True, unless X_val and "
                "y_val are given: it holds out no rows by itself."
            )
        check_no_schedule_to_the_end(
            self, "partial_fit", "an epoch does not know how many others will follow"
        )
        is_first = not hasattr(self, "coefs_")

        def start(X, y):
            if is_first:
                return None if first_encoding is None else first_encoding(y), None
            encoding = self._encoding_to_go_on_with()
            self._problem.check(y, encoding, self.n_outputs_, "y")
            return encoding, self._state_at_coefs(goes_on=True)

        self._train(
            X,
            y,
            sample_weight,
            validation_data,
            reset=is_first,
            start=start,
            max_iter=1,
        )

    @each_warning_once()
    def _train(
        self,
        X,
        y,
        sample_weight,
        validation_data,
        *,
        reset,
        start,
        max_iter=None,
        groups=None,
    ):
        X, y, sample_weight, validation = self._check_data(
            X, y, sample_weight, validation_data, reset
        )
        groups = self._check_groups(groups, X, validation)
        encoding, state = start(X, y)
        task = task_of(
            self,
            sample_weight=sample_weight,
            groups=groups,
            state=state,
            max_iter=max_iter,
            dense_first=max_iter is None,
            refit=max_iter is None,
            encoding=encoding,
        )
        # A call of `partial_fit` is an epoch of the user's loop, which is to end.
        keep_interrupted = max_iter is None and not is_part_of_a_fit()
        (outcome,) = fit_many(
            [task], X, y, validation=validation, keep_interrupted=keep_interrupted
        )
        if outcome.error is not None:
            raise outcome.error
        if max_iter is None or outcome.stop_reason is not StopReason.MAX_ITER:
            fault = None
            if max_iter is None:
                judge = Judge(X, y, sample_weight, validation=validation)
                fault = judge.fault_of(task.config, outcome)
            warn_about(self, outcome.stop_reason, outcome.progress, fault)
        outcome.apply_to(self)

    # -- validation of parameters and data -------------------------------------------

    def _validate_params(self):
        """Check every parameter by itself, but for those at their defaults.

        Most are, and to look at them all costs a fit of few steps a twentieth.
        """
        valid = valid_defaults(type(self))
        changed = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in valid or value is not valid[name]
        }
        check_integers(changed, type(self).__name__)
        validate_parameter_constraints(
            self._parameter_constraints, changed, type(self).__name__
        )

    def _check_parameters_together(self):
        """Raise a ValueError if parameters do not go together."""
        check_parameters_together(self)

    def _warn_about_inert_parameters(self, has_validation, has_groups):
        """Warn, once, of all parameters that do nothing beside the others."""
        inert = []
        if not is_one_of_many():
            inert = inert_parameters(self, has_validation, has_groups)
        if inert:
            warn(f"What is set here does nothing in this fit: {', '.join(inert)}.")

    def _check_data(self, X, y, sample_weight, validation_data, reset=True):
        """Validate all data of a fit, and set the attributes of the columns."""
        X, y = self._validate_data(X, y, reset)
        if sample_weight is not None:
            sample_weight = self._check_weight(sample_weight, X, "sample_weight")
        return X, y, sample_weight, self._check_validation_data(*validation_data)

    def _validate_data(self, X, y, reset):
        with named_overflow("X or y"):
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=["csr", "csc"],
                multi_output=True,
                y_numeric=is_regressor(self),
                dtype=_DTYPES,
                order="C",
                reset=reset,
            )
        self._check_has_arrays(X, "X")
        return _rows_first(X), self._check_y(y)

    def _check_has_arrays(self, X, name):
        if self.n_frequencies > 0 and sparse.issparse(X):
            raise ValueError(
                f"n_frequencies={self.n_frequencies} needs arrays, but {name} is a "
                "sparse matrix: the cosine of a zero is not zero. Use "
                f"{name}.toarray(), or n_frequencies=0."
            )

    def _check_weight(self, sample_weight, X, name):
        check_not_empty(sample_weight, name)
        with named_overflow(name):
            sample_weight = check_sample_weight(sample_weight, X, dtype=X.dtype)
        if (sample_weight < 0).any():
            raise ValueError(f"{name} has negative values.")
        if not sample_weight.any():
            raise ValueError(f"{name} is zero for all rows.")
        return sample_weight

    def _check_validation_data(self, X_val, y_val, sample_weight_val):
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is provided, but X_val was not.")
            return None
        if y_val is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X_val is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if not self.early_stopping:
            raise ValueError(
                "X_val and y_val are passed to fit while at the same time "
                "early_stopping is False. When passing X_val and y_val to fit, "
                "early_stopping should be set to True."
            )
        check_not_empty(X_val, "X_val")
        X_val = validate_data(
            self,
            X_val,
            accept_sparse=["csr", "csc"],
            dtype=_DTYPES,
            order="C",
            reset=False,
        )
        self._check_has_arrays(X_val, "X_val")
        y_val = self._check_y(
            check_array(
                y_val,
                accept_sparse="csr",
                ensure_2d=False,
                dtype="numeric" if is_regressor(self) else None,
                input_name="y_val",
            )
        )
        check_consistent_length(X_val, y_val)
        if sample_weight_val is not None:
            sample_weight_val = self._check_weight(
                sample_weight_val, X_val, "sample_weight_val"
            )
        return Validation(_rows_first(X_val), y_val, sample_weight_val)

    def _check_groups(self, groups, X, validation):
        if groups is None:
            return None
        splits = self.early_stopping and validation is None
        if splits and self.validation_splitter is None:
            raise ValueError(
                "groups is given, but the validation rows would be split off without "
                "regard to it: set validation_splitter, for example to "
                "GroupShuffleSplit(n_splits=1)."
            )
        check_not_empty(groups, "groups")
        groups = check_array(groups, ensure_2d=False, dtype=None, input_name="groups")
        check_consistent_length(X, groups)
        return groups

    # -- going on from earlier fits ----------------------------------------------------

    @property
    def _fitted_encoding(self):
        """The encoding of the target that `coefs_` are for, or None."""
        return getattr(self, "_encoding", None)

    def _encoding_to_go_on_with(self):
        """The encoding for more training; an error if the parameters forbid it."""
        return self._fitted_encoding

    def _state_at_coefs(self, goes_on=False):
        """The state at `coefs_` and `intercepts_`, which the user may have edited.

        With `goes_on` the state has the moments, the shuffles and the best parameters
        of earlier training as well.
        """
        earlier = getattr(self, "_training_state", None)
        dtype = self.coefs_[0].dtype
        features = self._periodic_features
        n_frequencies = 0 if features is None else features.frequencies.shape[1]
        if n_frequencies != self.n_frequencies:
            raise ValueError(
                f"n_frequencies={self.n_frequencies} differs from the {n_frequencies} "
                "of input_frequencies_, from which training would go on."
            )
        periodic = None
        if features is not None:
            n_inputs = self.n_features_in_
            periodic = PeriodicLayer(n_inputs, features.inputs, n_frequencies)
        units = [len(self.coefs_[0]), *(len(b) for b in self.intercepts_)]
        wanted = [
            self.n_features_in_ if periodic is None else periodic.n_outputs,
            *hidden_units_of(self.hidden_layer_sizes),
            units[-1],
        ]
        if units != wanted:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes} asks for layers of "
                f"{wanted} units, but training would go on from coefs_ with {units}."
            )
        layout = Network(units, self.activation, None, periodic)
        params = layout.pack(self.coefs_, self.intercepts_, dtype, features)
        embedded = layout.embedded_inputs
        if earlier is None:
            return TrainingState(params, embedded_inputs=embedded)
        if not goes_on:
            return TrainingState(
                params,
                progress=earlier.progress,
                n_samples_seen=earlier.n_samples_seen,
                embedded_inputs=embedded,
            )
        diverged = self.stop_reason_ == StopReason.DIVERGED
        average = earlier.average
        is_average = (
            average is not None
            and self.weight_averaging > 0
            and np.array_equal(params, average.params)
        )
        is_kept = self.early_stopping and np.array_equal(params, earlier.kept)
        if (is_average or is_kept) and not diverged:
            # `coefs_` are the average, or the best parameters so far; training goes on
            # from the last ones.
            params = earlier.params
        else:
            average = None
        return TrainingState(
            params,
            # Moments of training that diverged, or of another solver, are of no use.
            optimizer=None
            if diverged or earlier.solver != self.solver
            else earlier.optimizer,
            stream=earlier.stream,
            progress=earlier.progress,
            n_samples_seen=earlier.n_samples_seen,
            average=average,
            embedded_inputs=embedded,
        )

    # -- what training asks of an estimator --------------------------------------------

    def _is_one_task(self):
        """Whether `fit` is a task of `fit_many` and nothing more."""
        return type(self).fit is BaseMLP.fit

    def _make_config(self):
        """The configuration of a fit, in which "auto" parameters have values."""
        return FitConfig.of(self)

    @property
    def _problem(self):
        """The Problem, which knows how the parameters treat a target."""
        # It reads a few parameters, which the estimator has under the same names.
        return self._target_parameters()["problem_type"](self)

    def _report_on(self, phase, network, encoding):
        """The function to call after each epoch of a phase of a fit, or None."""
        reports = []
        if self.verbose:
            reports.append(partial(print_epoch, phase=phase))
        callbacks = getattr(self, "_fit_callbacks", None)
        if callbacks is not None:
            reports.append(callbacks.report(self, phase, network, encoding))
        return partial(call_all, reports) if reports else None

    # -- prediction ------------------------------------------------------------------

    @contextmanager
    def _predicting(self):
        """A copy of this network to predict with, which no other thread can change.

        The arithmetic is without NumPy's warnings: if rows far from the training rows
        overflow, the prediction is not finite.
        """
        with quiet_numpy():
            yield snapshot(self)

    def _is_plain(self, X):
        """Whether X needs no check by scikit-learn, nor do the names of its columns.

        A search predicts the same rows by each of its networks.
        """
        if not is_plain_table(X) or hasattr(self, "feature_names_in_"):
            return False
        return X.shape[1] == getattr(self, "n_features_in_", None)

    def _check_rows(self, X):
        """Rows to predict, validated."""
        if self._is_plain(X):
            return X
        return validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=_DTYPES,
            reset=False,
        )

    def _predict_raw(self, X):
        """Raw predictions ``(n_samples, n_outputs)`` by the fitted parameters."""
        check_is_fitted(self)
        X = self._check_rows(X)
        features = self._periodic_features
        if features is not None and sparse.issparse(X):
            raise ValueError(
                "A network with periodic features (n_frequencies > 0) predicts the "
                "rows of arrays, but X is a sparse matrix: use X.toarray()."
            )
        activation = ACTIVATIONS[self._hidden_activation]
        # BLAS does not compute products with a sparse matrix.
        dense = self.coefs_[1:] if sparse.issparse(X) else self.coefs_
        with blas_threads_for_layers(X.shape[0], dense):
            layers = self.coefs_, self.intercepts_
            return raw_predictions(*layers, activation, X, features)

    @property
    def _periodic_features(self):
        """The `PeriodicFeatures` that the user sees, or None."""
        if getattr(self, PERIODIC_ATTRIBUTES[0], None) is None:
            return None
        return PeriodicFeatures(*(getattr(self, name) for name in PERIODIC_ATTRIBUTES))

    def _inputs_as_groups(self):
        """Each input with its rows of `coefs_[0]`, as `InputGroups`."""
        features, n_inputs = self._periodic_features, self.n_features_in_
        owners = None
        if features is not None:
            owners = owners_of_rows(n_inputs, features.inputs)
        return InputGroups.singletons(n_inputs, owners)

    @property
    def feature_importances_(self) -> Floats:
        """Norm of each input's outgoing weights; exactly 0.0 for a removed input."""
        check_is_fitted(self)
        return self._inputs_as_groups().norms(self.coefs_[0][None])[0]

    @property
    def support_(self) -> Booleans:
        """Whether each input has a weight that is not zero."""
        check_is_fitted(self)
        has_weights = self.coefs_[0].any(axis=1)
        return self._inputs_as_groups().sum(has_weights).astype(bool)

    @property
    def n_features_selected_(self) -> int:
        """The number of inputs in `support_`."""
        return int(self.support_.sum())

    @property
    def sparsity_(self) -> float:
        """Share of the weights that are exactly zero."""
        check_is_fitted(self)
        coefs = self.coefs_
        n_weights = sum(W.size for W in coefs)
        return float(1 - sum(np.count_nonzero(W) for W in coefs) / n_weights)

    def get_metadata_routing(self) -> Any:
        """The metadata that the methods request if metadata routing is enabled.

        Unless `set_fit_request` says otherwise, `fit` requests `groups` if the
        `validation_splitter` keeps groups together. Otherwise it ignores them, because
        the groups given to a search are mostly meant for its `cv` alone.

        Returns
        -------
        routing : MetadataRequest
        """
        routing = super().get_metadata_routing()
        if routing.fit.requests.get("groups", False) is None:
            routing.fit.add_request(param="groups", alias=splits_by_groups(self))
        return routing

    def _check_solver(self):
        if not solver_of(self.solver).has_minibatches:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.n_frequencies == 0
        return tags


def check_not_empty(values, name):
    """Raise a ValueError that names the values if they have no rows."""
    shape = getattr(values, "shape", None)
    if shape is None and hasattr(values, "__len__"):
        shape = (len(values),)
    if shape is not None and tuple(shape[:1]) == (0,):
        raise ValueError(f"{name} has shape {shape}: it needs at least one row.")


def _rows_first(X):
    """X in the format whose rows are cheap to take."""
    return X.tocsr() if sparse.issparse(X) else X
