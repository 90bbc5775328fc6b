"""Targets: labels to numbers for training, raw predictions to labels afterwards."""

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

__all__ = ["LabelEncoding"]


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
        """The encoding of a target; `classes` where they are known beforehand."""
        check_classification_targets(y)
        target = type_of_target(y)
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
        """Raise a ValueError unless a target is one of this encoding.

        Parameters
        ----------
        y : ndarray or sparse matrix
        name : str
            What the error calls it.
        """
        target = type_of_target(y)
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
        check_classification_targets(y)
        labels = np.unique(y)
        # As sets, for labels of another type than the classes.
        if not set(labels.tolist()) <= set(self.classes.tolist()):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes}. '{name}' has {labels}."
            )

    def encode(self, y, dtype):
        """The target as floats: ``(n_rows, n_outputs)``.

        Rows whose label is not among `classes` are all zeros.
        """
        if self.kind == "multilabel":
            dense = y.toarray() if sparse.issparse(y) else np.asarray(y)
            return np.ascontiguousarray(dense, dtype=dtype)
        codes = self.codes(y)
        if self.kind == "binary":
            return (codes == 1).astype(dtype)[:, None]
        Y = np.zeros((len(codes), self.n_outputs), dtype=dtype)
        known = codes >= 0
        Y[np.flatnonzero(known), codes[known]] = 1
        return Y

    def codes(self, y):
        """Positions of labels in `classes`, -1 for others: ``(n_rows,)``."""
        positions = np.searchsorted(self.classes, y)
        positions[positions == len(self.classes)] = 0
        positions[self.classes[positions] != y] = -1
        return positions

    def decode(self, raw):
        """The labels of raw predictions ``(n_rows, n_outputs)``."""
        if self.kind == "multilabel":
            return (raw > 0).astype(int)
        if len(self.classes) == 1:
            return np.repeat(self.classes, len(raw))
        if self.kind == "binary":
            return self.classes[(raw[:, 0] > 0).astype(int)]
        return self.classes[raw.argmax(axis=1)]
