"""The types that the signatures of public functions and methods name.

Signatures are text at run time, so that importing the package computes no types and
`help` shows the short names. scikit-learn, SciPy and pandas come without types; what is
expected of their objects stands here as protocols.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Activation",
    "ArrayLike",
    "Augmentation",
    "Booleans",
    "Callback",
    "CrossValidation",
    "DropoutSchedule",
    "Engine",
    "Estimator",
    "FeaturePenalty",
    "Floats",
    "ImageShape",
    "Indices",
    "LearningRate",
    "Matrix",
    "MatrixLike",
    "MultiScoring",
    "ParamGrid",
    "PathOrStr",
    "Predictions",
    "RandomState",
    "Range",
    "RegressionLoss",
    "ResamplingStrategy",
    "Resampler",
    "Scoring",
    "Solver",
    "SparseMatrix",
    "Splitter",
    "StoppingRule",
]


class SparseMatrix(Protocol):
    """A sparse matrix or array of SciPy."""

    @property
    def shape(self) -> Any:
        """The number of rows and columns."""

    @property
    def nnz(self) -> int:
        """The number of stored values."""

    def toarray(self) -> Any:
        """The same numbers as an array of NumPy."""


class Estimator(Protocol):
    """An estimator of scikit-learn."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Learn from rows."""

    def get_params(self, deep: bool = ...) -> Any:
        """The parameters by name."""

    def set_params(self, **params: Any) -> Any:
        """Set parameters."""


class Resampler(Protocol):
    """A resampler by the protocol of imbalanced-learn."""

    def fit_resample(self, *args: Any, **kwargs: Any) -> Any:
        """New rows and their targets."""


class Splitter(Protocol):
    """A cross-validation generator of scikit-learn."""

    def split(self, *args: Any, **kwargs: Any) -> Any:
        """Yield the numbers of training and of test rows."""


# What numbers come in. Dataframes count as ArrayLike, for they have `__array__`.
MatrixLike: TypeAlias = ArrayLike | SparseMatrix
Matrix: TypeAlias = NDArray[Any] | SparseMatrix

# What is returned.
Floats: TypeAlias = NDArray[np.floating[Any]]
Indices: TypeAlias = NDArray[np.integer[Any]]
Booleans: TypeAlias = NDArray[np.bool_]
# Of classes, which have any type, or of numbers.
Predictions: TypeAlias = NDArray[Any]

# What scikit-learn's parameters accept.
RandomState: TypeAlias = int | np.random.RandomState | None
CrossValidation: TypeAlias = int | Splitter | Iterable[tuple[Any, Any]] | None
Scoring: TypeAlias = str | Callable[..., Any] | None
MultiScoring: TypeAlias = Scoring | Sequence[str] | Mapping[str, Any]
ParamGrid: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
ResamplingStrategy: TypeAlias = (
    str | float | Mapping[Any, int] | Callable[..., Any] | None
)

PathOrStr: TypeAlias = str | PathLike[str]
ImageShape: TypeAlias = Sequence[int]
Range: TypeAlias = tuple[float, float]
Augmentation: TypeAlias = Callable[..., Any]
# Of a search: the number of the rung and the results so far; true ends the search.
Callback: TypeAlias = Callable[[int, dict[str, Any]], Any]

# The values of parameters. A test compares them with the tables of the core.
Activation: TypeAlias = Literal["identity", "logistic", "tanh", "relu", "gelu", "silu"]
DropoutSchedule: TypeAlias = Literal["constant", "cosine"]
Engine: TypeAlias = Literal["auto", "compiled", "numpy"]
FeaturePenalty: TypeAlias = Literal["log_sum", "group_lasso"]
LearningRate: TypeAlias = Literal["constant", "invscaling", "adaptive", "cosine"]
RegressionLoss: TypeAlias = Literal[
    "squared_error", "absolute_error", "huber", "quantile", "poisson"
]
Solver: TypeAlias = Literal["adam", "sgd", "lbfgs", "fista"]
StoppingRule: TypeAlias = Literal[
    "patience", "generalization_loss", "progress_quotient", "successive_increases"
]
