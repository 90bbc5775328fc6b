"""The constructors of the two estimators, one beside the other.

Most parameters are in both, and scikit-learn reads them from signatures, which must
name each of them. The docstrings of `MLPClassifier` and `MLPRegressor` say what they
mean; what values they may have stands with the fields of `FitConfig`.
"""

import numpy as np

from .._fitting.problems import Classification, Regression

__all__ = ["ClassifierParameters", "RegressorParameters"]


class ClassifierParameters:
    """The constructor of `MLPClassifier`."""

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        n_frequencies=0,
        frequency_scale=0.1,
        solver="adam",
        alpha=1e-4,
        l1_ratio=0.0,
        feature_alpha=0.0,
        feature_penalty="log_sum",
        feature_epsilon="auto",
        feature_groups=None,
        dropout=0.0,
        dropout_schedule="constant",
        augmentation=None,
        class_weight=None,
        label_smoothing=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init="auto",
        power_t=0.5,
        warmup_fraction=0.0,
        max_iter="auto",
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
        validation_splitter=None,
        scoring="loss",
        n_iter_no_change="auto",
        min_iter=0,
        stopping_criterion="patience",
        refit=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_averaging=0.0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.feature_alpha = feature_alpha
        self.feature_penalty = feature_penalty
        self.feature_epsilon = feature_epsilon
        self.feature_groups = feature_groups
        self.dropout = dropout
        self.dropout_schedule = dropout_schedule
        self.augmentation = augmentation
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_fraction = warmup_fraction
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
        self.validation_splitter = validation_splitter
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.min_iter = min_iter
        self.stopping_criterion = stopping_criterion
        self.refit = refit
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_averaging = weight_averaging

    def _target_parameters(self):
        """The fields of `FitConfig` that only this kind of estimator has."""
        return {
            "problem_type": Classification,
            "class_weight": self.class_weight,
            "label_smoothing": self.label_smoothing,
        }


def _as_tuple(quantile):
    """Several quantiles as a tuple, whatever sequence they come in."""
    return tuple(map(float, quantile)) if np.ndim(quantile) else quantile


class RegressorParameters:
    """The constructor of `MLPRegressor`."""

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        n_frequencies=0,
        frequency_scale=0.1,
        loss="squared_error",
        huber_delta=1.35,
        quantile=None,
        normalize_y=False,
        solver="adam",
        alpha=1e-4,
        l1_ratio=0.0,
        feature_alpha=0.0,
        feature_penalty="log_sum",
        feature_epsilon="auto",
        feature_groups=None,
        dropout=0.0,
        dropout_schedule="constant",
        augmentation=None,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init="auto",
        power_t=0.5,
        warmup_fraction=0.0,
        max_iter="auto",
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
        validation_splitter=None,
        scoring="loss",
        n_iter_no_change="auto",
        min_iter=0,
        stopping_criterion="patience",
        refit=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_averaging=0.0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.normalize_y = normalize_y
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.feature_alpha = feature_alpha
        self.feature_penalty = feature_penalty
        self.feature_epsilon = feature_epsilon
        self.feature_groups = feature_groups
        self.dropout = dropout
        self.dropout_schedule = dropout_schedule
        self.augmentation = augmentation
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_fraction = warmup_fraction
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
        self.validation_splitter = validation_splitter
        self.scoring = scoring
        self.n_iter_no_change = n_iter_no_change
        self.min_iter = min_iter
        self.stopping_criterion = stopping_criterion
        self.refit = refit
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_averaging = weight_averaging

    def _target_parameters(self):
        """The fields of `FitConfig` that only this kind of estimator has."""
        return {
            "problem_type": Regression,
            "loss": self.loss,
            "huber_delta": self.huber_delta,
            "quantile": _as_tuple(self.quantile),
            "normalize_y": self.normalize_y,
        }
