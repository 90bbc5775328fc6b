"""How the columns of a numeric table are given to a network."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.sklearn_private import Interval, Options, StrOptions

__all__ = ["NetworkInputs"]

# Columns of no more distinct values have no splines: their steps are few anyway, and
# those of one-hot columns are in the columns themselves.
_FEW_VALUES = 10


class NetworkInputs(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale the columns of a numeric table for a network, and put splines beside them.

    Parameters
    ----------
    scaling : {"standard", "robust", "none"}, default="standard"
        `'standard'` subtracts the mean and divides by the standard deviation.
        `'robust'` subtracts the median, divides by the distance of the quartiles, and
        clips smoothly by ``z / sqrt(1 + (z / 3)^2)`` [1]_, so that no value is beyond
        3: for columns with a few values far out. `'none'` leaves the columns as they
        are, as for the pixels of images.
    n_knots : int, default=0
        Knots, at its quantiles, of the splines of degree one that stand beside each
        scaled column: a network of few units then fits steps and bends of single
        columns [2]_. Columns of ten or fewer values have none, nor have those of which
        two quantiles are equal. 0 is none at all; otherwise there are at least 2.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names that are all strings.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn and I. Steinwart, "Better by default: strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.
    .. [2] Y. Gorishniy, I. Rubachev and A. Babenko, "On embeddings for numerical
       features in tabular deep learning", NeurIPS 2022.
    """

    _parameter_constraints: dict = {
        "scaling": [StrOptions({"standard", "robust", "none"})],
        "n_knots": [Options(Integral, {0}), Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, scaling="standard", *, n_knots=0):
        self.scaling = scaling
        self.n_knots = n_knots

    def fit(self, X, y=None):
        """Find the scale, and the knots, of each column."""
        self._validate_params()
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        X = X.astype(np.float64, copy=False)
        self._center, self._scale = _SCALES[self.scaling](X)
        self._splines, self._encoded = None, np.arange(0)
        if self.n_knots > 0:
            self._fit_splines(X)
        return self

    def _fit_splines(self, X):
        knots = np.quantile(X, np.linspace(0, 1, self.n_knots), axis=0)
        has_many = [len(np.unique(column)) > _FEW_VALUES for column in X.T]
        # Splines need knots that differ.
        differ = (np.diff(knots, axis=0) > 0).all(axis=0)
        self._encoded = np.flatnonzero(has_many & differ)
        if len(self._encoded):
            splines = SplineTransformer(
                degree=1, knots=knots[:, self._encoded], extrapolation="constant"
            )
            self._splines = splines.fit(X[:, self._encoded])

    def transform(self, X):
        """The scaled columns, and beside them the splines.

        Returns
        -------
        ndarray of float32
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        X = X.astype(np.float64, copy=False)
        scaled = (X - self._center) / self._scale
        if self.scaling == "robust":
            # No square, of which those of the largest numbers overflow.
            scaled = scaled / np.hypot(1, scaled / 3)
        if self._splines is not None:
            scaled = np.hstack([scaled, self._splines.transform(X[:, self._encoded])])
        return scaled.astype(np.float32)

    def to_sklearn(self):
        """A fitted StandardScaler that scales alike, if there is one.

        Returns
        -------
        StandardScaler

        Raises
        ------
        ValueError
            With the robust scaling, or with splines.
        """
        check_is_fitted(self)
        if self.scaling == "robust" or self._splines is not None:
            raise ValueError(
                "scikit-learn has no transformer of these inputs: it has one for "
                "scaling='standard' or 'none' without splines (n_knots=0)."
            )
        scaler = StandardScaler()
        scaler.mean_, scaler.scale_ = self._center.copy(), self._scale.copy()
        scaler.var_, scaler.n_samples_seen_ = self._scale**2, 1
        scaler.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            scaler.feature_names_in_ = self.feature_names_in_.copy()
        return scaler

    def get_feature_names_out(self, input_features=None):
        """The names of the scaled columns, and of the splines beside them."""
        names = super().get_feature_names_out(input_features)
        if self._splines is None:
            return names
        encoded = self._splines.get_feature_names_out(names[self._encoded])
        return np.concatenate([names, encoded])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _no_scale(X):
    return np.zeros(X.shape[1]), np.ones(X.shape[1])


def _standard_scale(X):
    scaler = StandardScaler().fit(X)
    return scaler.mean_, scaler.scale_


def _robust_scale(X):
    """Medians, and the distances of quartiles; half the range where these are zero."""
    lowest, first, median, third, highest = np.quantile(
        X, [0, 0.25, 0.5, 0.75, 1], axis=0
    )
    scale = third - first
    scale = np.where(scale > 0, scale, (highest - lowest) / 2)
    return median, np.where(scale > 0, scale, 1.0)


_SCALES = {
    "none": _no_scale,
    "standard": _standard_scale,
    "robust": _robust_scale,
}
