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
    is_classifier,
    is_regressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    get_tags,
    indexable,
)
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from .._fitting.targets import LabelEncoding
from .._fitting.workers import prefer_threads
from .._utils.labels import check_labels
from .._utils.one_column import one_column
from .._utils.presentation import PresentationMixin
from .._utils.progress import ProgressLines, run_calls
from .._utils.publishing import fitted_at_once, snapshot
from .._utils.sklearn_private import HasMethods, Interval, check_sample_weight
from .._utils.warnings import each_warning_once, warn
from .._utils.wrappers import fit_parameter
from ..neural_network import MLPClassifier, MLPRegressor
from ._folds import OutOfFold, draw_folds
from ._importances import member_importances
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

    # It has no use for groups itself: they go to a splitter that requests them.
    __metadata_request__fit = {"groups": UNUSED}

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

    # -- fitting ---------------------------------------------------------------------

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
            Weights of the rows, in training, in stopping and in `oof_score_`. With an
            integer `cv`, rows without weight are left out altogether.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a `cv` that keeps groups together.
        **fit_params : dict
            Further parameters of the estimator's `fit`; of those with an entry for each
            row a member is given the entries of its own rows. With metadata routing
            enabled they go to whoever requests them. Networks take none, because folds
            are their validation data.

        Returns
        -------
        self : object
            The fitted ensemble. After an error it is as it was before the call.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if a member cannot be fitted.
            Errors of a member are its own, with a note that says on which fold.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight, groups, fit_params)
        return self

    def _fit(self, X, y, sample_weight, groups, fit_params):
        X = self._check_rows(X, reset=True)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        y = self._check_y(y)
        check_consistent_length(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, ensure_non_negative=True
            )
        estimator = self._estimator_for(X)
        fit_params, split_params = self._routed(
            estimator, sample_weight, groups, fit_params
        )
        random_state = check_random_state(self.random_state)
        self._output = self._output_of(y)
        splits = draw_folds(
            *(self.cv, self.n_repeats, X, y, self._strata(y)),
            *(sample_weight, random_state),
            **split_params,
        )
        members = self._fit_members(estimator, X, y, splits, random_state, fit_params)
        _raise_first_error(members)
        _warn_about_faults(members)
        self.estimators_ = [member.estimator for member in members]
        out_of_fold = OutOfFold(len(y), splits)
        self.oof_fold_ = out_of_fold.fold
        prediction = out_of_fold.mean([member.prediction for member in members])
        self._set_oof_prediction(prediction)
        is_scored = out_of_fold.is_predicted
        if sample_weight is not None:
            is_scored &= sample_weight > 0
            sample_weight = sample_weight[is_scored]
        self.oof_score_ = self._oof_score(
            y[is_scored], prediction[is_scored], sample_weight
        )

    def _check_rows(self, X, reset):
        """X in a container of which rows can be taken; the members check the rest."""
        (X,) = indexable(X)
        if not reset and hasattr(self, "n_features_in_") and getattr(X, "ndim", 2) != 2:
            # scikit-learn's error says how to reshape it.
            check_array(X, dtype=None)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _estimator_for(self, X):
        if self.estimator is None:
            return self._default_estimator(is_sparse=hasattr(X, "tocsr"))
        if not self._is_right_kind(self.estimator):
            raise ValueError(
                f"{type(self).__name__} needs a {self._kind}, got "
                f"estimator={self.estimator!r}."
            )
        return self.estimator

    def _default_estimator(self, is_sparse=False):
        # Centred, a sparse table would be full.
        scaler, network = (
            StandardScaler(with_mean=not is_sparse),
            self._default_network(),
        )
        if get_config()["enable_metadata_routing"]:
            # There is no estimator of the user's that could request weights.
            scaler.set_fit_request(sample_weight=False)
            network.set_fit_request(sample_weight=True)
        return make_pipeline(scaler, network)

    def _routed(self, estimator, sample_weight, groups, fit_params):
        """The parameters of the members' `fit`, and those of the splitter's `split`."""
        if get_config()["enable_metadata_routing"]:
            given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
            given = {name: each for name, each in given.items() if each is not None}
            routed = process_routing(self, "fit", **given)
            return routed.estimator.fit, routed.splitter.split
        if sample_weight is not None:
            name = fit_parameter(estimator, "sample_weight")
            fit_params = {**fit_params, name: sample_weight}
        return fit_params, {} if groups is None else {"groups": groups}

    def _fit_members(self, estimator, X, y, splits, random_state, fit_params):
        """The members, in the order of the splits."""
        estimators = [with_own_seeds(estimator, random_state) for _ in splits]
        network, n_calls, prefers_threads = (
            network_in(estimators[0]),
            len(splits),
            False,
        )
        if network is not None:
            # What is wrong with the parameters is not the fault of a fold.
            network._validate_params()
            network._check_parameters_together()
            # The networks of a call train side by side.
            n_calls = min(n_calls, max(1, joblib.effective_n_jobs(self.n_jobs)))
            prefers_threads = prefer_threads([network], around=[estimator])
        calls = [
            delayed(fit_on_folds)(
                [estimators[number] for number in part],
                [splits[number] for number in part],
                *(X, y),
                fit_params=fit_params,
                output=self._output,
            )
            for part in np.array_split(np.arange(len(splits)), n_calls)
        ]
        lines = ProgressLines(type(self).__name__, self.verbose, len(splits), "members")
        members = []
        for some in run_calls(calls, self.n_jobs, prefers_threads=prefers_threads):
            members += some
            lines.advance(len(some))
        return members

    def _oof_score(self, y, prediction, sample_weight):
        """The score of predictions; NaN where there are none, or not of all rows."""
        if not len(y) or not np.isfinite(prediction).all():
            return np.nan
        predicted = self._output.decoded(prediction)
        return float(self._metric(y, predicted, sample_weight=sample_weight))

    # -- prediction ------------------------------------------------------------------

    def _predict_members(self, X):
        """What each member predicts: ``(n_members, n_samples, ...)``."""
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        return predict_together(self.estimators_, X, self._output)

    # -- what the members say of the inputs --------------------------------------------

    def _member_importances(self):
        """See `member_importances`; the columns have X's names where no step is."""
        check_is_fitted(self)
        importances, names = member_importances(self.estimators_)
        if names is None and importances.shape[1] == getattr(self, "n_features_in_", 0):
            names = getattr(self, "feature_names_in_", None)
        return importances, names

    @property
    def feature_importances_(self):
        """The mean of the members' `feature_importances_`."""
        importances, _ = self._member_importances()
        return importances.mean(axis=0)

    @property
    def feature_importances_std_(self):
        """The standard deviation of `feature_importances_` over the members."""
        importances, _ = self._member_importances()
        return importances.std(axis=0)

    # -- what scikit-learn asks --------------------------------------------------------

    def get_metadata_routing(self):
        """Get the metadata routing of this object.

        `fit` uses `sample_weight` itself, as far as `set_fit_request` says so, and
        hands on metadata to the `fit` of the estimator and to the `split` of `cv`.

        Returns
        -------
        routing : MetadataRouter
        """
        estimator = self.estimator
        if estimator is None:
            estimator = self._default_estimator()
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self):
        """The tags of the estimator, as far as they are about its data."""
        tags = super().__sklearn_tags__()
        # The steps of the default are chosen by the data, and take whatever it takes.
        inner = get_tags(
            self._default_network() if self.estimator is None else self.estimator
        )
        for name in ("input_tags", "target_tags"):
            setattr(tags, name, getattr(inner, name))
        if tags.classifier_tags is not None and inner.classifier_tags is not None:
            tags.classifier_tags = inner.classifier_tags
        return tags


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """Networks, or other classifiers, that are each fitted without a fold of the rows.

    The rows are cut into folds. For each of them a member is fitted on the other rows,
    and a network with early stopping is stopped by the fold: so all rows are trained
    on, by most of the members, and every member has unseen rows that say when to stop.
    The ensemble predicts the mean of the members' probabilities. What they predict of
    their own folds is kept: an estimate of the error without rows set aside.

    Networks of this package train side by side, alone or in Pipelines. A Pipeline is
    fitted as a whole on each member's training rows, so that neither a scaler nor a
    step that looks at `y` has seen the fold.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier to fit without each fold; it is cloned, and each member has seeds
        of its own. None is ``make_pipeline(StandardScaler(),
        MLPClassifier(early_stopping=True))``. A network without early stopping trains
        to its end on the other rows, and so does any other classifier. Inside of the
        ensemble a network's `refit`, `validation_fraction` and `validation_splitter`
        have no effect: the folds are its validation rows, and other members are trained
        on them. Classifiers without `predict_proba` vote.

    cv : int, splitter or iterable, default=8
        The folds. With the default each member trains on seven eighths of the rows,
        about as many as a network that holds out a tenth by itself. An int draws folds
        at random, in which each class has its share; a class with a single row is in no
        fold. A splitter keeps groups together or rows in order. Rows that it leaves out
        never, as :class:`~sklearn.model_selection.TimeSeriesSplit` does with the first
        ones, have no out-of-fold prediction.

    n_repeats : int, default=1
        How often an integer `cv` draws folds anew. More members cost time in
        proportion, and each of them brings less than the one before.

    n_jobs : int, default=None
        Number of workers that share the members, as in joblib. The result does not
        depend on it.

    random_state : int, RandomState instance or None, default=None
        Draws the folds and the members' seeds.

    verbose : int, default=0
        Above zero, lines say how many of the members are fitted.

    Attributes
    ----------
    estimators_ : list of classifier
        The members. The rows that ``estimators_[k]`` has not seen are those with ``k``
        in `oof_fold_`.

    classes_ : ndarray of shape (n_classes,)
        The classes; the column numbers for multilabel targets.

    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the training rows by the members that have not seen them: the
        mean if there are several, NaN if there is none.

    oof_fold_ : ndarray of int of shape (n_samples,) or (n_samples, n_repeats)
        The member that has not seen each row, or the members. -1 where there is none.

    oof_score_ : float
        The accuracy of `oof_decision_function_`, on the rows that have one. It is
        pessimistic, for each row is predicted by single members that are fitted on
        fewer rows, and `predict` averages all of them. And it is optimistic, for the
        same rows chose the epoch at which a network stopped. Which of the two weighs
        more depends on the data.

    feature_importances_ : ndarray of shape (n_columns,)
        The mean of the members' `feature_importances_`, if they have them: of the
        columns that the steps of a Pipeline hand on. There are none in common if the
        steps choose other columns for each member.

    feature_importances_std_ : ndarray of shape (n_columns,)
        Their standard deviation over the members.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    FoldEnsembleRegressor : The same for real targets.
    skreg.MLPClassifier : One network; ``refit=True`` trains it on all rows.
    sklearn.ensemble.BaggingClassifier : Members on bootstrap samples.

    Notes
    -----
    Two members of eight folds share six sevenths of their training rows; they differ by
    their folds, their initial weights and their minibatches. Networks with other
    initial weights err differently, and the error of the mean is the mean error of the
    members less what they differ by [1]_. Estimates by rows that a member has not seen
    are those of cross-validation [2]_; for members on bootstrap samples see [3]_.

    References
    ----------
    .. [1] A. Krogh and J. Vedelsby, "Neural network ensembles, cross validation, and
       active learning", NIPS 1995.
    .. [2] L. Breiman, "Stacked regressions", Machine Learning 24, 1996.
    .. [3] L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from skreg.ensemble import FoldEnsembleClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> ensemble = FoldEnsembleClassifier(random_state=0).fit(X_train, y_train)
    >>> len(ensemble.estimators_), ensemble.oof_decision_function_.shape
    (8, (426, 2))
    >>> ensemble.oof_score_
    0.97...
    >>> ensemble.score(X_test, y_test)
    0.97...
    """

    _kind, _is_right_kind = "classifier", staticmethod(is_classifier)
    _default_network = staticmethod(lambda: MLPClassifier(early_stopping=True))
    _metric = staticmethod(accuracy_score)

    def predict(self, X):
        """Predict labels: the class with the largest mean probability.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels from `classes_`. An indicator matrix for multilabel targets, of the
            labels with a mean probability above a half.
        """
        fitted = snapshot(self)
        mean = fitted.predict_proba(X)
        return fitted._output.decoded(mean)

    def predict_proba(self, X):
        """Predict probabilities: the mean of those of the members.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The probability of each class, or for multilabel targets of each label, in
            the order of `classes_`. Of members that vote it is the share of the votes.
        """
        return snapshot(self)._predict_members(X).mean(axis=0)

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``; minus infinity where the probability is zero.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _check_y(self, y):
        check_labels(y, "y")
        if hasattr(y, "tocsr"):
            y = y.toarray()
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        return one_column(y)

    def _output_of(self, y):
        encoding = LabelEncoding.of(y)
        self.classes_ = encoding.classes
        return Probabilities(encoding)

    def _strata(self, y):
        return self._output.encoding.strata(y)

    def _set_oof_prediction(self, prediction):
        self.oof_decision_function_ = prediction


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """Networks, or other regressors, that are each fitted without a fold of the rows.

    The rows are cut into folds. For each of them a member is fitted on the other rows,
    and a network with early stopping is stopped by the fold: so all rows are trained
    on, by most of the members, and every member has unseen rows that say when to stop.
    The ensemble predicts the mean of the members' predictions. What they predict of
    their own folds is kept: an estimate of the error without rows set aside.

    Networks of this package train side by side, alone or in Pipelines and target
    transformers. These are fitted as a whole on each member's training rows, so that
    neither a scaler nor a step that looks at `y` has seen the fold.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor to fit without each fold; it is cloned, and each member has seeds
        of its own. None is ``make_pipeline(StandardScaler(),
        MLPRegressor(early_stopping=True, normalize_y=True))``. A network without early
        stopping trains to its end on the other rows, and so does any other regressor.
        Inside of the ensemble a network's `refit`, `validation_fraction` and
        `validation_splitter` have no effect: the folds are its validation rows, and
        other members are trained on them.

    cv : int, splitter or iterable, default=8
        The folds. With the default each member trains on seven eighths of the rows,
        about as many as a network that holds out a tenth by itself. An int draws folds
        at random. A splitter keeps groups together or rows in order. Rows that it
        leaves out never, as :class:`~sklearn.model_selection.TimeSeriesSplit` does with
        the first ones, have no out-of-fold prediction.

    n_repeats : int, default=1
        How often an integer `cv` draws folds anew. More members cost time in
        proportion, and each of them brings less than the one before.

    n_jobs : int, default=None
        Number of workers that share the members, as in joblib. The result does not
        depend on it.

    random_state : int, RandomState instance or None, default=None
        Draws the folds and the members' seeds.

    verbose : int, default=0
        Above zero, lines say how many of the members are fitted.

    Attributes
    ----------
    estimators_ : list of regressor
        The members. The rows that ``estimators_[k]`` has not seen are those with ``k``
        in `oof_fold_`.

    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions of the training rows by the members that have not seen them: the
        mean if there are several, NaN if there is none.

    oof_fold_ : ndarray of int of shape (n_samples,) or (n_samples, n_repeats)
        The member that has not seen each row, or the members. -1 where there is none.

    oof_score_ : float
        The R^2 of `oof_prediction_`, on the rows that have one, averaged over the
        outputs. It is pessimistic, for each row is predicted by single members that are
        fitted on fewer rows, and `predict` averages all of them. And it is optimistic,
        for the same rows chose the epoch at which a network stopped. Which of the two
        weighs more depends on the data.

    feature_importances_ : ndarray of shape (n_columns,)
        The mean of the members' `feature_importances_`, if they have them: of the
        columns that the steps of a Pipeline hand on. There are none in common if the
        steps choose other columns for each member.

    feature_importances_std_ : ndarray of shape (n_columns,)
        Their standard deviation over the members.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    FoldEnsembleClassifier : The same for classes.
    skreg.MLPRegressor : One network; ``refit=True`` trains it on all rows.
    sklearn.ensemble.BaggingRegressor : Members on bootstrap samples.

    Notes
    -----
    Two members of eight folds share six sevenths of their training rows; they differ by
    their folds, their initial weights and their minibatches. The squared error of the
    mean is the mean squared error of the members less the variance of their predictions
    [1]_. Estimates by rows that a member has not seen are those of cross-validation
    [2]_; for members on bootstrap samples see [3]_.

    References
    ----------
    .. [1] A. Krogh and J. Vedelsby, "Neural network ensembles, cross validation, and
       active learning", NIPS 1995.
    .. [2] L. Breiman, "Stacked regressions", Machine Learning 24, 1996.
    .. [3] L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from skreg.ensemble import FoldEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> ensemble = FoldEnsembleRegressor(random_state=0).fit(X_train, y_train)
    >>> prediction, spread = ensemble.predict(X_test, return_std=True)
    >>> prediction.shape, spread.shape
    ((111,), (111,))
    >>> bool(ensemble.oof_score_ > 0.4)
    True
    """

    _kind, _is_right_kind = "regressor", staticmethod(is_regressor)
    _default_network = staticmethod(
        lambda: MLPRegressor(early_stopping=True, normalize_y=True)
    )
    _metric = staticmethod(r2_score)

    def predict(self, X, return_std=False):
        """Predict targets: the mean of the members' predictions.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.

        return_std : bool, default=False
            Whether to return the spread of the members as well.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.

        std : ndarray of the shape of `mean`
            With `return_std`, the standard deviation of the members' predictions. It
            says where they disagree, as they do far from the training rows. It is no
            interval for new targets, which have noise that no member predicts and
            errors that all members share.
        """
        predictions = snapshot(self)._predict_members(X)
        mean = predictions.mean(axis=0)
        return (mean, predictions.std(axis=0)) if return_std else mean

    def _check_y(self, y):
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        return one_column(y)

    def _output_of(self, y):
        return Numbers()

    def _strata(self, y):
        return None

    def _set_oof_prediction(self, prediction):
        self.oof_prediction_ = prediction


def _raise_first_error(members):
    for fold, member in enumerate(members):
        if member.error is not None:
            member.error.add_note(f"This happened on fold {fold} of {len(members)}.")
            raise member.error


def _warn_about_faults(members):
    """Warn, once, if at least half of the members are of no use."""
    faults = [member.fault for member in members if member.fault is not None]
    if faults and 2 * len(faults) >= len(members):
        warn(
            f"{len(faults)} of {len(members)} members are of no use. Of the first: "
            f"{faults[0].message}",
            ConvergenceWarning,
        )
