"""The constructors of the two estimators, one beside the other.

Most parameters are in both, and scikit-learn reads them from signatures, which must
name each of them. The docstrings of `MLPClassifier` and `MLPRegressor` say what they
mean; what values they may have stands with the fields of `FitConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._core.stopping import StoppingCriterion
from .._fitting.problems import Classification, Regression
from .._typing import (
    Activation,
    ArrayLike,
    Augmentation,
    DropoutSchedule,
    FeaturePenalty,
    LearningRate,
    RandomState,
    RegressionLoss,
    Resampler,
    Scoring,
    Solver,
    Splitter,
    StoppingRule,
)

__all__ = ["ClassifierParameters", "RegressorParameters"]


class ClassifierParameters:
    """The constructor of `MLPClassifier`."""

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (100,),
        activation: Activation = "relu",
        *,
        n_frequencies: int = 0,
        frequency_scale: float = 0.1,
        solver: Solver = "adam",
        alpha: float = 1e-4,
        l1_ratio: float = 0.0,
        feature_alpha: float = 0.0,
        feature_penalty: FeaturePenalty = "log_sum",
        feature_epsilon: Literal["auto"] | float = "auto",
        feature_groups: Literal["auto"] | Sequence[Any] | NDArray[Any] | None = None,
        dropout: float = 0.0,
        dropout_schedule: DropoutSchedule = "constant",
        augmentation: Augmentation | Resampler | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        label_smoothing: float = 0.0,
        batch_size: Literal["auto"] | int = "auto",
        learning_rate: LearningRate = "constant",
        learning_rate_init: Literal["auto"] | float = "auto",
        power_t: float = 0.5,
        warmup_fraction: float = 0.0,
        max_iter: Literal["auto"] | int = "auto",
        max_fun: int = 15000,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_splitter: Splitter | None = None,
        scoring: Scoring = "loss",
        n_iter_no_change: Literal["auto"] | float = "auto",
        min_iter: int = 0,
        stopping_criterion: StoppingRule | StoppingCriterion = "patience",
        refit: bool | int = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_averaging: float = 0.0,
    ) -> None:
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
        hidden_layer_sizes: ArrayLike = (100,),
        activation: Activation = "relu",
        *,
        n_frequencies: int = 0,
        frequency_scale: float = 0.1,
        loss: RegressionLoss = "squared_error",
        huber_delta: float = 1.35,
        quantile: float | ArrayLike | None = None,
        normalize_y: bool = False,
        solver: Solver = "adam",
        alpha: float = 1e-4,
        l1_ratio: float = 0.0,
        feature_alpha: float = 0.0,
        feature_penalty: FeaturePenalty = "log_sum",
        feature_epsilon: Literal["auto"] | float = "auto",
        feature_groups: Literal["auto"] | Sequence[Any] | NDArray[Any] | None = None,
        dropout: float = 0.0,
        dropout_schedule: DropoutSchedule = "constant",
        augmentation: Augmentation | Resampler | None = None,
        batch_size: Literal["auto"] | int = "auto",
        learning_rate: LearningRate = "constant",
        learning_rate_init: Literal["auto"] | float = "auto",
        power_t: float = 0.5,
        warmup_fraction: float = 0.0,
        max_iter: Literal["auto"] | int = "auto",
        max_fun: int = 15000,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_splitter: Splitter | None = None,
        scoring: Scoring = "loss",
        n_iter_no_change: Literal["auto"] | float = "auto",
        min_iter: int = 0,
        stopping_criterion: StoppingRule | StoppingCriterion = "patience",
        refit: bool | int = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_averaging: float = 0.0,
    ) -> None:
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
