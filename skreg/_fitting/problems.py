"""The two kinds of targets, classes and numbers, and all that depends on the kind.

A Problem encodes a target as the outputs of a network, makes the loss of these outputs,
weights rows by their class, and refuses targets that do not go with the training's.
"""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.utils import compute_sample_weight

from .._core.losses import HalfBinomial, HalfMultinomial, make_loss
from .targets import LabelEncoding, TargetScaling, parts_of_rows

__all__ = ["Classification", "Problem", "Regression"]

# The smallest unit of a loss: losses up to 1e154 divided by it are finite.
_SMALLEST_UNIT = float(np.sqrt(np.finfo(np.float64).tiny))


class Problem(ABC):
    """What the parameters say of the target.

    Parameters
    ----------
    parameters : FitConfig, or an estimator
        What it reads of them are the parameters of the loss, `class_weight`,
        `label_smoothing` and `normalize_y`.

    Attributes
    ----------
    is_regression : bool
    """

    is_regression = False

    def __init__(self, parameters):
        self._parameters = parameters

    @abstractmethod
    def make_loss(self, encoding):
        """The loss of a network's outputs for a target with this encoding."""

    @abstractmethod
    def encoding_of(self, y):
        """The encoding that depends on the whole target, before any split, or None."""

    def encoding_on(self, y, sample_weight):
        """The encoding that depends on the training rows alone, or None."""
        return None

    @abstractmethod
    def n_outputs(self, y, encoding):
        """The number of outputs that a network has for a target."""

    @abstractmethod
    def encode(self, y, encoding, dtype):
        """The target as floats: an array ``(n_samples, n_outputs)``."""

    def encode_for_training(self, y, encoding, dtype):
        """The same in little memory: an array, or a `OneHot` of classes."""
        return self.encode(y, encoding, dtype)

    def training_target(self, Y, encoding):
        """The encoded target as networks are trained on it; validation takes it as is.

        Parameters
        ----------
        Y : ndarray or OneHot of shape (n_samples, n_outputs)
            What `encode` or `encode_for_training` gave.
        encoding : LabelEncoding, TargetScaling or None
        """
        return Y

    @abstractmethod
    def check(self, y, encoding, n_outputs, name):
        """Raise a ValueError unless a target goes with the training's encoding."""

    @abstractmethod
    def loss_unit(self, loss, Y, stream):
        """The number to divide a validation loss by before it is compared to `tol`."""

    def training_weight(self, sample_weight, y, rows, encoding, counted=None):
        """The weights of some rows in training; None where all are one.

        Parameters
        ----------
        sample_weight : ndarray of shape (n_samples,) or None
        y : ndarray or sparse matrix of n_samples rows
        rows : ndarray of int
        encoding : LabelEncoding, TargetScaling or None
        counted : ndarray of int, default=None
            Positions in `rows` of those whose classes are counted to balance them, all
            by default.
        """
        return None if sample_weight is None else sample_weight[rows]


class Classification(Problem):
    """Labels of two or more classes, or several of them a row."""

    def make_loss(self, encoding):
        """The log-loss of one class out of several, or of each output by itself."""
        return HalfMultinomial() if encoding.kind == "multiclass" else HalfBinomial()

    def encoding_of(self, y):
        """The classes of a target."""
        return LabelEncoding.of(y)

    def n_outputs(self, y, encoding):
        """One for two classes, else one a class."""
        return encoding.n_outputs

    def encode(self, y, encoding, dtype):
        """One column a class; see `LabelEncoding.encode`."""
        return encoding.encode(y, dtype)

    def encode_for_training(self, y, encoding, dtype):
        """One number a row; see `LabelEncoding.encode_for_training`."""
        return encoding.encode_for_training(y, dtype)

    def training_target(self, Y, encoding):
        """The target with smoothed labels: a new one where they are smoothed."""
        smoothing = self._parameters.label_smoothing
        return encoding.smoothed(Y, smoothing) if smoothing > 0 else Y

    def check(self, y, encoding, n_outputs, name):
        """Raise a ValueError for labels that training has not seen."""
        encoding.check(y, name)

    def loss_unit(self, loss, Y, stream):
        """One: a log-loss has no unit."""
        return 1.0

    def training_weight(self, sample_weight, y, rows, encoding, counted=None):
        """The weights of some rows times those of their classes.

        Balanced, a class of which no row is counted has no weight.

        Raises
        ------
        ValueError
            If `class_weight` has negative values, or the target several labels a row.
        """
        weight = super().training_weight(sample_weight, y, rows, encoding)
        if self._parameters.class_weight is None:
            return weight
        by_class = self._class_weight_of(y[rows], encoding, counted)
        return by_class if weight is None else weight * by_class

    def _class_weight_of(self, y, encoding, counted):
        class_weight = self._parameters.class_weight
        if encoding.kind == "multilabel":
            raise ValueError(
                f"class_weight={class_weight!r} is not supported for multilabel "
                "targets: pass sample_weight instead."
            )
        # Other weights of classes are given, and not counted.
        counted = counted if class_weight == "balanced" else None
        weight = compute_sample_weight(class_weight, y, indices=counted)
        if (weight < 0).any():
            raise ValueError(f"class_weight={class_weight} has negative values.")
        return weight


class Regression(Problem):
    """One or several numbers a row."""

    is_regression = True

    def make_loss(self, encoding):
        """The loss that the parameters name."""
        return make_loss(self._parameters.loss, self._parameters)

    def encoding_of(self, y):
        """None: only training rows say how numbers are scaled, see `encoding_on`."""
        return None

    def encoding_on(self, y, sample_weight):
        """The scaling by the training rows with ``normalize_y=True``, else None."""
        return (
            TargetScaling.of(y, sample_weight) if self._parameters.normalize_y else None
        )

    def n_outputs(self, y, encoding):
        """One a column of the target, or one a quantile of a single column.

        Raises
        ------
        ValueError
            If there are several columns and several quantiles.
        """
        n_columns = 1 if y.ndim == 1 else y.shape[1]
        each = self.make_loss(encoding).n_outputs_a_target
        if each > 1 and n_columns > 1:
            raise ValueError(
                f"quantile={self._parameters.quantile!r} has {each} values, which is "
                f"for a target of one column; y has {n_columns}. Fit a network for "
                "each column (MultiOutputRegressor), or give one quantile."
            )
        return n_columns * each

    def encode(self, y, encoding, dtype):
        """The target as columns, one an output, scaled where there is a scaling.

        Raises
        ------
        ValueError
            If the type of X cannot hold the target.
        """
        if encoding is not None:
            Y = encoding.encode(y, dtype)
        else:
            Y = y[:, None] if y.ndim == 1 else y
            Y = np.ascontiguousarray(Y, dtype=dtype)
            if Y.dtype != y.dtype and not np.isfinite(Y).all():
                raise ValueError(
                    f"y (or y_val) has values too large for {Y.dtype}, the type of X: "
                    "scale y, or pass X as float64."
                )
        each = self.make_loss(encoding).n_outputs_a_target
        return Y if each == 1 else np.repeat(Y, each, axis=1)

    def check(self, y, encoding, n_outputs, name):
        """Raise a ValueError unless the target has as many columns as in training."""
        n_columns = 1 if y.ndim == 1 else y.shape[1]
        each = self.make_loss(encoding).n_outputs_a_target
        if each > 1 and each != n_outputs:
            raise ValueError(
                f"quantile={self._parameters.quantile!r} has {each} values, but the "
                f"network has {n_outputs} outputs: set it back, or fit a new estimator."
            )
        if n_columns * each != n_outputs:
            raise ValueError(
                f"`{name}` has {n_columns} columns, but training is on "
                f"{n_outputs // each}."
            )

    def loss_unit(self, loss, Y, stream):
        """The loss of the best constant, so that `tol` does not depend on y's unit."""
        Y = Y[stream.rows].T
        weight = stream.sample_weight
        constant = loss.best_constant(Y, weight).astype(Y.dtype)
        losses = np.empty(stream.n_rows, Y.dtype)
        for part in parts_of_rows(stream.n_rows):
            losses[part] = loss.value(constant, Y[:, part])
        unit = float(np.average(losses, weights=weight))
        # A loss divided by a smaller unit could be infinite.
        return max(unit, _SMALLEST_UNIT) if unit > 0 else 1.0
