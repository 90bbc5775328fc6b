"""The regressor."""

import numbers

import numpy as np
from scipy import sparse
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from .._core.losses import AbsoluteError, HalfPoisson, Huber, Quantile, SquaredError
from ._base import BaseMLP

__all__ = ["MLPRegressor"]

# Each by the regressor's parameters.
_LOSSES = {
    "squared_error": lambda estimator: SquaredError(),
    "absolute_error": lambda estimator: AbsoluteError(),
    "huber": lambda estimator: Huber(estimator.huber_delta),
    "quantile": lambda estimator: Quantile(estimator.quantile),
    "poisson": lambda estimator: HalfPoisson(),
}


class MLPRegressor(RegressorMixin, BaseMLP):
    """Regularized multi-layer perceptron regressor."""

    _parameter_constraints: dict = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES))],
        "huber_delta": [Interval(numbers.Real, 0, None, closed="neither")],
        "quantile": [Interval(numbers.Real, 0, 1, closed="both"), None],
    }

    _estimator_type_is_regressor = True

    _shared_parameters = (
        *BaseMLP._shared_parameters,
        "loss",
        "huber_delta",
        "quantile",
    )

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="squared_error",
        huber_delta=1.35,
        quantile=None,
        solver="adam",
        alpha=1e-4,
        l1_ratio=0.0,
        dropout=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=1e-3,
        power_t=0.5,
        max_iter=200,
        max_fun=15000,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring="loss",
        n_iter_no_change=10,
        min_iter=0,
        stopping_criterion="patience",
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.min_iter = min_iter
        self.stopping_criterion = stopping_criterion
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    @available_if(lambda estimator: estimator._check_solver())
    def partial_fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Update the network with one epoch over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data of this epoch.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        X_val, y_val, sample_weight_val : default=None
            Validation data as in `fit`, required with ``early_stopping=True``. `coefs_`
            are then those of the best epoch so far, while training goes on from the
            last; whether to go on is for the caller to decide.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        prediction = self._make_loss(None).predict(self._predict_raw(X))
        return prediction[:, 0] if prediction.shape[1] == 1 else prediction

    # -- what BaseMLP asks ---------------------------------------------------------

    def _check_parameters_together(self):
        super()._check_parameters_together()
        if self.loss == "quantile" and self.quantile is None:
            raise ValueError("loss='quantile' needs the parameter quantile in [0, 1].")
        if self.solver == "lbfgs" and not self._make_loss(None).is_differentiable:
            raise ValueError(
                f"loss={self.loss!r} is not differentiable, which solver='lbfgs' "
                "needs: use solver='adam' or 'sgd', or loss='huber'."
            )

    def _make_loss(self, encoding):
        return _LOSSES[self.loss](self)

    def _encoding_of(self, y):
        return None

    def _check_warm_start(self, y, encoding):
        self._check_target(y, encoding, self.n_outputs_, "y")

    def _encode(self, y, encoding, dtype):
        Y = y[:, None] if y.ndim == 1 else y
        return np.ascontiguousarray(Y, dtype=dtype)

    def _check_y(self, y):
        if sparse.issparse(y):
            raise TypeError("A sparse y is for multilabel classification only.")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("loss='poisson' needs y >= 0; some values are negative.")
        return y

    def _check_target(self, y, encoding, n_outputs, name):
        n_columns = 1 if y.ndim == 1 else y.shape[1]
        if n_columns != n_outputs:
            raise ValueError(
                f"`{name}` has {n_columns} columns, but training is on {n_outputs}."
            )

    def _loss_unit(self, loss, Y, stream):
        """The loss of the best constant, so that `tol` does not depend on y's unit."""
        Y = Y[stream.rows].T
        weight = stream.sample_weight
        constant = loss.best_constant(Y, weight).astype(Y.dtype)
        unit = np.average(loss.value(constant, Y), weights=weight)
        return float(unit) if unit > 0 else 1.0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
