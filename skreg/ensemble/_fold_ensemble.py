"""Ensembles of estimators that are each fitted without a fold of the rows."""

import numbers

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
)
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    column_or_1d,
    get_tags,
)
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from .._fitting.targets import LabelEncoding
from .._fitting.workers import prefer_threads
from .._utils.labels import check_labels
from .._utils.presentation import PresentationMixin
from .._utils.progress import ProgressLines, run_calls
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import HasMethods, Interval, check_sample_weight
from .._utils.warnings import each_warning_once, warn
from .._utils.wrappers import find_model, fit_parameter
from ..neural_network import MLPClassifier, MLPRegressor
from ._folds import OutOfFold, draw_folds
from ._members import fit_on_folds, network_in, with_own_seeds
from ._outputs import Numbers, Probabilities
from ._together import predict_together

__all__ = ["FoldEnsembleClassifier", "FoldEnsembleRegressor"]


class _FoldEnsemble(PresentationMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of FoldEnsembleClassifier and FoldEnsembleRegressor."""

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "cv": ["cv_object"],
        "n_repeats": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        cv=8,
        n_repeats=1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.cv = cv
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @each_warning_once()
    def fit(self, X, y, sample_weight=None, *, groups=None, **fit_params):
        """Fit a member without the rows of each fold.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in training, in stopping and in `oof_score_`.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a `cv` that keeps groups together.
        **fit_params : dict
            Further parameters of the estimator's `fit`; of those with an entry for each
            row a member is given the entries of its own rows. With metadata routing
            enabled they go to whoever requests them.

        Returns
        -------
        self : object
            The fitted ensemble. After an error it is as it was before the call.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if a member cannot be fitted: the
            message says on which fold.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight, groups, fit_params)
        return self

    def _fit(self, X, y, sample_weight, groups, fit_params):
        X = self._rows_of(X, reset=True)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        y = self._check_y(y)
        check_consistent_length(X, y)
        random_state = check_random_state(self.random_state)
        estimator = self._estimator_for(X)
        weight = sample_weight
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, X, ensure_non_negative=True)
        fit_params, split_params = self._routed(estimator, weight, groups, fit_params)
        self._output = self._output_of(y)
        splits = draw_folds(
            *(self.cv, self.n_repeats, X, y, self._strata(y), weight, random_state),
            **split_params,
        )
        members = self._fit_members(estimator, X, y, splits, random_state, fit_params)
        _raise_first(members)
        _warn_of_faults(members)
        self.estimators_ = [member.estimator for member in members]
        out_of_fold = OutOfFold(len(y), splits)
        mean = out_of_fold.mean([member.prediction for member in members])
        self._file_out_of_fold(mean)
        self.oof_fold_ = out_of_fold.fold
        seen = out_of_fold.is_predicted
        self.oof_score_ = self._score_of(
            y[seen], mean[seen], None if weight is None else weight[seen]
        )

    def _rows_of(self, X, reset):
        """X in a container of which rows can be taken; members check the rest."""
        if hasattr(X, "tocsr"):
            X = X.tocsr()
        elif not hasattr(X, "iloc") and not hasattr(X, "__dataframe__"):
            X = np.asarray(X)
            if X.ndim != 2:
                # scikit-learn's error says how to reshape it.
                check_array(X, dtype=None)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _estimator_for(self, X):
        if self.estimator is not None:
            return self.estimator
        return make_pipeline(
            # A sparse table stays sparse.
            StandardScaler(with_mean=not hasattr(X, "tocsr")),
            self._default_network(),
        )

    def _routed(self, estimator, sample_weight, groups, fit_params):
        """The parameters of the members' `fit`, and those of the splitter's `split`."""
        if get_config()["enable_metadata_routing"]:
            given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
            given = {name: each for name, each in given.items() if each is not None}
            routed = process_routing(self, "fit", **given)
            return dict(routed.estimator.fit), dict(routed.splitter.split)
        fit_params = dict(fit_params)
        if sample_weight is not None:
            fit_params[fit_parameter(estimator, "sample_weight")] = sample_weight
        return fit_params, {} if groups is None else {"groups": groups}

    def _fit_members(self, estimator, X, y, splits, random_state, fit_params):
        """The members, in the order of the splits."""
        estimators = [with_own_seeds(estimator, random_state) for _ in splits]
        network, n_parts = network_in(estimators[0]), len(splits)
        prefers_threads = False
        if network is not None:
            network._validate_params()
            network._check_parameters_together()
            # Networks of a part train side by side.
            n_parts = min(n_parts, max(1, joblib.effective_n_jobs(self.n_jobs)))
            prefers_threads = prefer_threads([network], around=[estimator])
        name = type(self).__name__
        lines = ProgressLines(name, self.verbose, len(splits), "members")
        calls = [
            delayed(fit_on_folds)(
                [estimators[number] for number in part],
                [splits[number] for number in part],
                *(X, y),
                fit_params=fit_params,
                output=self._output,
            )
            for part in np.array_split(np.arange(len(splits)), n_parts)
        ]
        members = []
        for some in run_calls(calls, self.n_jobs, prefers_threads=prefers_threads):
            members += some
            lines.advance(len(some))
        return members

    def _mean_and_deviation(self, X):
        X = self._rows_of(X, reset=False)
        predictions = predict_together(self.estimators_, X, self._output)
        return predictions.mean(axis=0), predictions.std(axis=0)

    @property
    def _member_importances(self):
        check_is_fitted(self)
        rows = [
            np.ravel(find_model(each, fitted=True)[1].feature_importances_)
            for each in self.estimators_
        ]
        if len({len(row) for row in rows}) > 1:
            raise AttributeError(
                "The members have no feature_importances_ in common: the steps before "
                "them leave each with other columns."
            )
        return np.array(rows)

    @property
    def feature_importances_(self):
        """The mean of the members' importances of the columns that they are given."""
        return self._member_importances.mean(axis=0)

    @property
    def feature_importances_std_(self):
        """The standard deviation of these importances over the members."""
        return self._member_importances.std(axis=0)

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        router.add(
            estimator=self.estimator or self._default_network(), method_mapping=to_fit
        )
        to_split = MethodMapping().add(caller="fit", callee="split")
        if hasattr(self.cv, "split"):
            router.add(splitter=self.cv, method_mapping=to_split)
        return router

    def __sklearn_tags__(self):
        """The tags of the estimator, as far as they are about its data."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator or self._default_network())
        for name in ("input_tags", "target_tags", "classifier_tags", "regressor_tags"):
            setattr(tags, name, getattr(inner, name))
        return tags


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    _default_network = staticmethod(lambda: MLPClassifier(early_stopping=True))

    def _check_y(self, y):
        check_labels(y, "y")
        if hasattr(y, "tocsr"):
            y = y.toarray()
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _output_of(self, y):
        encoding = LabelEncoding.of(y)
        self.classes_ = encoding.classes
        return Probabilities(encoding)

    def _strata(self, y):
        return self._output.encoding.strata(y)

    def _file_out_of_fold(self, mean):
        self.oof_decision_function_ = mean

    def _score_of(self, y, mean, sample_weight):
        decoded = self._output.decoded(mean)
        return float(accuracy_score(y, decoded, sample_weight=sample_weight))

    def predict_proba(self, X):
        check_is_fitted(self)
        mean, _ = self._mean_and_deviation(X)
        return mean

    def predict_log_proba(self, X):
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        mean = self.predict_proba(X)
        return self._output.decoded(mean)


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    _default_network = staticmethod(
        lambda: MLPRegressor(early_stopping=True, normalize_y=True)
    )

    def _check_y(self, y):
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _output_of(self, y):
        return Numbers()

    def _strata(self, y):
        return None

    def _file_out_of_fold(self, mean):
        self.oof_prediction_ = mean

    def _score_of(self, y, mean, sample_weight):
        return float(r2_score(y, mean, sample_weight=sample_weight))

    def predict(self, X, return_std=False):
        check_is_fitted(self)
        mean, deviation = self._mean_and_deviation(X)
        return (mean, deviation) if return_std else mean


def _raise_first(members):
    for fold, member in enumerate(members):
        if member.error is not None:
            member.error.add_note(f"This happened on fold {fold}.")
            raise member.error


def _warn_of_faults(members):
    """Warn, once, if at least half of the members are of no use."""
    faults = [member.fault for member in members if member.fault is not None]
    if faults and 2 * len(faults) >= len(members):
        warn(
            f"{len(faults)} of {len(members)} members are of no use. Of the first: "
            f"{faults[0].message}"
        )
