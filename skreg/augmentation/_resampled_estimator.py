"""Any estimator with a resampler in front of its `fit`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
)
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from .._typing import ArrayLike, Estimator, Floats, MatrixLike, Predictions, Resampler
from .._utils.columns import take_attributes
from .._utils.decorators import available_if
from .._utils.labels import check_labels
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.scores import QuantileScoreMixin, quantiles_of
from .._utils.sklearn_private import HasMethods, num_samples
from .._utils.versions import VersionedMixin
from .._utils.wrappers import take_tags
from ._resampler import AugmentingResampler
from ._resampling import resample_training_rows


def _estimator_has(name):
    """Whether the fitted estimator, or before the fit the given one, has a method."""

    def check(self):
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class _ResampledEstimator(
    PresentationMixin, VersionedMixin, MetaEstimatorMixin, BaseEstimator
):
    """Base of ResampledClassifier and ResampledRegressor."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "resampler": [HasMethods(["fit_resample"]), None],
    }

    def __init__(
        self, estimator: Estimator, resampler: Resampler | None = None
    ) -> None:
        self.estimator = estimator
        self.resampler = resampler

    def fit(self, X: MatrixLike, y: ArrayLike, **fit_params: Any) -> Self:
        """Resample the rows and fit the estimator on the result.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,)
            Their target.
        **fit_params : dict
            Parameters for the estimator's `fit`; with metadata routing enabled, only
            those that it requests. Parameters with an entry for each row are resampled
            as well: a mixture gets the mixed `sample_weight`, and for other parameters
            the entry of its own row. Parameters whose names end in ``_val`` are not
            resampled.

        Returns
        -------
        self : object
            The fitted estimator. After an error it is as it was before the call.

        Raises
        ------
        ValueError
            If the resampler leaves no row, or does not record the sources of its rows
            although there are parameters with an entry for each row.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, fit_params)
        return self

    def _fit(self, X, y, fit_params):
        if not self._is_regression:
            check_labels(y, "y")
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        if self.resampler is None:
            # An earlier fit may have had a resampler.
            self.__dict__.pop("resampler_", None)
        else:
            by_row = {
                name: value
                for name, value in fit_params.items()
                if not name.endswith("_val") and _has_entry_per_row(value, X)
            }
            X, y, by_row, self.resampler_ = resample_training_rows(
                self.resampler, X, y, by_row, regression=self._is_regression
            )
            fit_params = {**fit_params, **by_row}
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        names = ("classes_", "n_features_in_", "feature_names_in_")
        take_attributes(self, self.estimator_, names)

    def predict(self, X: MatrixLike) -> Predictions:
        """Predict with the fitted estimator.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows, which are not resampled.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def __getstate__(self):
        """The state to pickle, without an AugmentingResampler's entries of each row."""
        state = super().__getstate__()
        resampler = state.get("resampler_")
        if isinstance(resampler, AugmentingResampler):
            state = {**state, "resampler_": resampler._without_rows()}
        return state

    def get_metadata_routing(self) -> Any:
        """Get the metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def _with_inner_tags(self, tags):
        """The tags of the estimator, as far as they are the resampler's, too."""
        take_tags(tags, self.estimator)
        if self.resampler is not None:
            accepted = get_tags(self.resampler).input_tags
            for name in ("sparse", "allow_nan", "string", "categorical"):
                both = getattr(tags.input_tags, name) and getattr(accepted, name)
                setattr(tags.input_tags, name, both)
            if tags.classifier_tags is not None:
                tags.classifier_tags.multi_label = False
        return tags


class ResampledClassifier(ClassifierMixin, _ResampledEstimator):
    """A classifier with a resampler in front of its `fit`.

    The resampler is given only the rows that `fit` is given. In a cross-validation
    these are the training folds, so that no augmented copy of a training row gets into
    the test fold, as copies made before the split would. It works in scikit-learn's own
    Pipeline and searches.

    Parameters
    ----------
    estimator : classifier
        The classifier, which is cloned.
    resampler : object with ``fit_resample`` or None, default=None
        An :class:`AugmentingResampler` or a resampler of imbalanced-learn, which is
        cloned. None fits the rows without resampling.

    Attributes
    ----------
    estimator_ : classifier
        The fitted estimator.
    resampler_ : object
        The fitted resampler, if there is one. A pickle of this estimator does not have
        the attributes of an :class:`AugmentingResampler` with an entry for each row.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of features, if the estimator has this attribute.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the estimator has this attribute.

    See Also
    --------
    ResampledRegressor : A regressor with a resampler.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skreg.augmentation import AugmentingResampler, Mixup, ResampledClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ResampledClassifier(
    ...     LogisticRegression(max_iter=1000),
    ...     AugmentingResampler(Mixup(alpha=0.2), random_state=0),
    ... )
    >>> bool(cross_val_score(model, X, y).mean() > 0.9)
    True
    """

    _is_regression = False

    def __sklearn_tags__(self):
        # The mixin begins its tags anew.
        return self._with_inner_tags(super().__sklearn_tags__())

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: MatrixLike) -> Floats:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_proba : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_log_proba : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: MatrixLike) -> Floats:
        """The estimator's decision function.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)


class ResampledRegressor(QuantileScoreMixin, RegressorMixin, _ResampledEstimator):
    """A regressor with a resampler in front of its `fit`.

    The resampler is given only the rows that `fit` is given; see
    :class:`ResampledClassifier`.

    Parameters
    ----------
    estimator : regressor
        The regressor, which is cloned.
    resampler : object with ``fit_resample`` or None, default=None
        The resampler, which is cloned. Its ``fit_resample_regression`` is used if it
        has this method, as :class:`AugmentingResampler` does. None fits the rows
        without resampling.

    Attributes
    ----------
    estimator_ : regressor
        The fitted estimator.
    resampler_ : object
        The fitted resampler, if there is one. A pickle of this estimator does not have
        the attributes of an :class:`AugmentingResampler` with an entry for each row.
    n_features_in_ : int
        Number of features, if the estimator has this attribute.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the estimator has this attribute.

    See Also
    --------
    ResampledClassifier : A classifier with a resampler.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skreg.augmentation import (
    ...     AugmentingResampler, GaussianNoise, ResampledRegressor
    ... )
    >>> X, y = load_diabetes(return_X_y=True)
    >>> resampler = AugmentingResampler(GaussianNoise(0.1), random_state=0)
    >>> model = ResampledRegressor(Ridge(alpha=0.1), resampler).fit(X, y)
    >>> len(y), len(model.resampler_.sample_indices_)
    (442, 884)
    """

    _is_regression = True

    @property
    def _quantiles(self):
        """The quantiles that the columns of predictions are; None of a single one."""
        return quantiles_of(self.estimator_)

    def __sklearn_tags__(self):
        return self._with_inner_tags(super().__sklearn_tags__())


def _has_entry_per_row(value, X):
    has_length = hasattr(value, "shape") or hasattr(value, "__len__")
    if not has_length or isinstance(value, (str, dict)) or np.ndim(value) == 0:
        return False
    return num_samples(value) == num_samples(X)
