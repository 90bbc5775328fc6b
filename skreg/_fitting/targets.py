"""How targets become numbers for training, and predictions become targets again."""

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._core.targets import OneHot

__all__ = ["LabelEncoding", "TargetScaling", "fitted_attributes", "parts_of_rows"]

_KINDS_OF_CLASSES = {
    "binary",
    "multiclass",
    "multiclass-multioutput",
    "multilabel-indicator",
}

# Of a target that is encoded, a part at a time. Little beside what a minibatch costs.
_ROWS_OF_A_PART = 2**13

# A standard deviation below this share of the mean is rounding.
_ROUNDING = 10 * np.finfo(np.float64).eps


def fitted_attributes(encoding):
    """The attributes of a fitted estimator that its target's encoding gives."""
    attributes = {"_encoding": encoding}
    if isinstance(encoding, LabelEncoding):
        attributes["classes_"] = encoding.classes
    return attributes


def _kind_of_classes(y):
    """The `type_of_target`, or scikit-learn's error if there are no classes in it.

    ``check_classification_targets`` looks for it as well, which takes a tenth of a
    small fit.
    """
    target = type_of_target(y, input_name="y")
    if target not in _KINDS_OF_CLASSES:
        check_classification_targets(y)
    return target


class LabelEncoding:
    """How the labels of a classification target are encoded as network outputs.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted labels; the column numbers for multilabel targets.
    kind : {"binary", "multiclass", "multilabel"}
        A target of one class is "binary".
    n_outputs : int
        1 for binary targets, else the number of classes.
    """

    def __init__(self, classes, kind):
        self.classes = classes
        self.kind = kind
        self.n_outputs = 1 if kind == "binary" else len(classes)

    @classmethod
    def of(cls, y, classes=None):
        """The encoding of a target; `classes` are its classes if they are known."""
        target = _kind_of_classes(y)
        if target == "multilabel-indicator":
            return cls(np.arange(y.shape[1]), "multilabel")
        if target == "multiclass-multioutput":
            raise ValueError(
                "y has several columns of classes, which is not supported: give one "
                "column of labels, or an indicator matrix of zeros and ones."
            )
        classes = np.unique(y if classes is None else classes)
        return cls(classes, "multiclass" if len(classes) > 2 else "binary")

    def check(self, y, name):
        """Raise a ValueError unless this encoding can encode a target.

        Parameters
        ----------
        y : ndarray or sparse matrix
        name : str
            What the error calls the target.
        """
        target = _kind_of_classes(y)
        if (target == "multilabel-indicator") != (self.kind == "multilabel"):
            raise ValueError(
                f"`{name}` is a {target} target, but training is on a {self.kind} one."
            )
        if self.kind == "multilabel":
            if y.shape[1] != self.n_outputs:
                raise ValueError(
                    f"`{name}` has {y.shape[1]} labels, but training is on "
                    f"{self.n_outputs}."
                )
            return
        labels = np.unique(y)
        # Sets compare labels of another type than the classes by value.
        if not set(labels.tolist()) <= set(self.classes.tolist()):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes}. '{name}' has {labels}."
            )

    @property
    def key(self):
        """Equal for encodings that make the same numbers of the same labels."""
        return self.kind, tuple(self.classes)

    def for_other_rows(self):
        """The encoding to train with on more rows of the same target."""
        return self

    def loss_unit(self, loss):
        """One: the log-loss of labels has no unit."""
        return 1.0

    def strata(self, y):
        """The class of each row, whose shares a split keeps; None for multilabel."""
        if self.kind == "multilabel":
            return None
        return self._codes_by_parts(y, np.min_scalar_type(-len(self.classes)))

    def encode(self, y, dtype):
        """The target as floats: ``(n_rows, n_outputs)``.

        Rows whose label is not among `classes` are all zeros.
        """
        Y = self.encode_for_training(y, dtype)
        return Y.toarray() if isinstance(Y, OneHot) else Y

    def encode_for_training(self, y, dtype):
        """The same, where there are more than two classes as a `OneHot`."""
        if self.kind == "multilabel":
            dense = y.toarray() if sparse.issparse(y) else np.asarray(y)
            return np.ascontiguousarray(dense, dtype=dtype)
        if self.kind == "multiclass":
            codes = self._codes_by_parts(y, np.int32)
            return OneHot(codes, np.array([0, 1], dtype), self.n_outputs)
        Y = np.empty((len(y), 1), dtype=dtype)
        for part in parts_of_rows(len(y)):
            Y[part, 0] = self.codes(y[part]) == 1
        return Y

    def smoothed(self, Y, share):
        """Encoded targets of which a share is spread evenly over what a label may be.

        That is all classes, or yes and no of binary targets and of each of several
        labels.

        Parameters
        ----------
        Y : ndarray or OneHot of shape (n_samples, n_outputs)
        share : float
        """
        n_alternatives = self.n_outputs if self.kind == "multiclass" else 2
        if isinstance(Y, OneHot):
            return Y.with_values((1 - share) * Y.values + share / n_alternatives)
        smoothed = (1 - share) * Y + share / n_alternatives
        return smoothed.astype(Y.dtype, copy=False)

    def codes(self, y):
        """The position of each label in `classes`, -1 if it is not there."""
        positions = np.searchsorted(self.classes, y)
        positions[positions == len(self.classes)] = 0
        positions[self.classes[positions] != y] = -1
        return positions

    def _codes_by_parts(self, y, dtype):
        codes = np.empty(len(y), dtype)
        for part in parts_of_rows(len(y)):
            codes[part] = self.codes(y[part])
        return codes

    def decode(self, raw):
        """The labels of raw predictions ``(n_rows, n_outputs)``."""
        if self.kind == "multilabel":
            return (raw > 0).astype(int)
        if len(self.classes) == 1:
            return np.repeat(self.classes, len(raw))
        if self.kind == "binary":
            return self.classes[(raw[:, 0] > 0).astype(int)]
        return self.classes[raw.argmax(axis=1)]


def parts_of_rows(n_rows):
    """Slices that cut rows into parts, whose intermediate arrays are small."""
    return [slice(i, i + _ROWS_OF_A_PART) for i in range(0, n_rows, _ROWS_OF_A_PART)]


class TargetScaling:
    """How a regression target is centred and scaled, output by output.

    All arithmetic is in float64, whatever the network's dtype: in float32 a target
    around 1e8 has steps of 8.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_outputs,)
        The mean and the standard deviation; the scale is 1 for a constant output.
    """

    def __init__(self, mean, scale):
        self.mean = mean
        self.scale = scale

    @classmethod
    def of(cls, y, sample_weight=None):
        """The scaling that gives these rows mean 0 and variance 1.

        Parameters
        ----------
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        sample_weight : ndarray of shape (n_rows,), default=None
            Weights of the rows, in the mean and in the variance.
        """
        Y = _columns(y)
        weight = None
        if sample_weight is not None:
            weight = np.asarray(sample_weight, dtype=np.float64)
        mean = np.average(Y, axis=0, weights=weight)
        centred = Y - mean
        # In units of the largest value no square overflows, and not all vanish.
        unit = np.abs(centred).max(axis=0)
        unit[unit == 0] = 1.0
        variance = np.average((centred / unit) ** 2, axis=0, weights=weight)
        scale = unit * np.sqrt(variance)
        is_constant = scale <= _ROUNDING * np.abs(mean)
        return cls(mean, np.where(is_constant, 1.0, scale))

    @property
    def n_outputs(self):
        """The number of outputs."""
        return len(self.mean)

    @property
    def largest_raw(self):
        """Up to this size of the scaled predictions, those in y's unit are finite."""
        room = np.finfo(np.float64).max - np.abs(self.mean)
        # A scale below one makes nothing larger.
        return float((room / np.maximum(self.scale, 1.0)).min())

    @property
    def key(self):
        """Equal for scalings that make the same numbers of the same targets."""
        return "scaled", self.mean.tobytes(), self.scale.tobytes()

    def for_other_rows(self):
        """None: the mean and scale are found anew for other rows."""
        return None

    def loss_unit(self, loss):
        """The factor that turns a loss of scaled targets into the unit of the target.

        The network sums the losses of several outputs, each in a unit of its own; then
        the factor is the mean of the outputs' factors.

        Parameters
        ----------
        loss : losses.Loss

        Returns
        -------
        float
        """
        return float(np.mean(self.scale**loss.degree))

    def strata(self, y):
        """None: there are no classes whose shares a split could keep."""
        return None

    def encode(self, y, dtype):
        """The target as the network sees it: ``(n_rows, n_outputs)``."""
        scaled = (_columns(y) - self.mean) / self.scale
        return np.ascontiguousarray(scaled, dtype=dtype)

    def decode(self, prediction):
        """Predictions ``(n_rows, n_outputs)`` in the unit of the target, as float64."""
        return prediction * self.scale + self.mean


def _columns(y):
    Y = np.asarray(y, dtype=np.float64)
    return Y[:, None] if Y.ndim == 1 else Y
