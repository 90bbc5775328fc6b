"""The base of the ensembles over folds: fitting, routing, what members say together."""

from __future__ import annotations

import numbers
from contextlib import closing
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
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

from .._fitting.solvers import solver_of
from .._fitting.workers import prefer_threads
from .._typing import (
    ArrayLike,
    CrossValidation,
    Estimator,
    Floats,
    MatrixLike,
    RandomState,
)
from .._utils.calls import run_calls
from .._utils.decorators import available_if
from .._utils.presentation import PresentationMixin
from .._utils.progress import ProgressLines
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import HasMethods, Interval, check_sample_weight
from .._utils.versions import VersionedMixin
from .._utils.warnings import each_warning_once
from .._utils.wrappers import find_model, fit_parameter, has_steps, take_tags
from ._chunks import folds_of_values, trained_on_chunk
from ._default_network import default_estimator
from ._folds import OutOfFold, draw_folds
from ._importances import member_importances
from ._members import (
    fit_on_folds,
    network_in,
    warn_about_members,
    with_own_seeds,
)
from ._together import predict_together

__all__ = ["BaseFoldEnsemble"]

# NumPy trains so many networks as one; compiled functions take them one by one. The
# last bits of a sum depend on the batch, so the number is the same for any `n_jobs`: of
# eight members two workers train four each. (One worker trains eight at once a tenth
# faster on 569 rows, and as fast on 1797.)
_N_SIDE_BY_SIDE = 4


def _takes_chunks(ensemble):
    if hasattr(ensemble.estimator, "partial_fit"):
        return True
    raise AttributeError(
        f"partial_fit needs an estimator that has it, such as MLPClassifier() or "
        f"MLPRegressor() on columns that are scaled; got "
        f"estimator={ensemble.estimator!r}."
    )


class BaseFoldEnsemble(
    PresentationMixin, VersionedMixin, MetaEstimatorMixin, BaseEstimator
):
    """Base of the classifier and the regressor; not to be used directly."""

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
        estimator: Estimator | None = None,
        *,
        cv: CrossValidation = 8,
        n_repeats: int = 1,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.n_repeats = n_repeats
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # -- fitting ---------------------------------------------------------------------

    @each_warning_once()
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
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
            If a parameter or the data are invalid.
        TypeError
            If a network's `fit` would be given anything but weights.
        Exception
            Whatever error a member's `fit` raises, with a note that says on which fold.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight, groups, fit_params)
        return self

    @available_if(_takes_chunks)
    @each_warning_once()
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Train all members one more epoch, each on its rows of a chunk.

        For data that do not fit into memory. A member is not trained on the rows of its
        fold, and a row's fold is a hash of its values: it is the same in every pass,
        and that of an equal row. There are no out-of-fold predictions. After `fit` its
        members go on, with these folds.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            Some of the rows: numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        **fit_params : dict
            Given to the `partial_fit` of each member: `classes` of a classifier, in the
            first call; of networks also `X_val` and `y_val`, which `early_stopping`
            needs.

        Returns
        -------
        self : object
            The ensemble. After an error it is as it was before the call.

        Raises
        ------
        AttributeError
            If `estimator` has no `partial_fit`: the default has none, nor have
            Pipelines.
        ValueError
            If `cv` is not a number of folds, if it or `n_repeats` has changed, if the
            first chunk has too few rows, or if parameters or data are invalid.
        KeyboardInterrupt
            After Ctrl-C, which ends the caller's loop; the ensemble is as it was before
            the call.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._partial_fit(X, y, sample_weight, fit_params)
        return self

    def _partial_fit(self, X, y, sample_weight, fit_params):
        self._check_kind()
        n_folds = 5 if self.cv is None else self.cv
        if not isinstance(n_folds, numbers.Integral):
            raise ValueError(
                f"partial_fit needs the number of folds, because the rows of all folds "
                f"are not known: got cv={self.cv!r}."
            )
        is_first = not hasattr(self, "estimators_")
        X, y, sample_weight = self._check_data(X, y, sample_weight, is_first)
        random_state = check_random_state(self.random_state)
        if is_first:
            self._output = self._output_of(y, fit_params.get("classes"))
            self.estimators_ = [
                with_own_seeds(self.estimator, random_state)
                for _ in range(n_folds * self.n_repeats)
            ]
        if not hasattr(self, "_fold_seeds"):
            # What a `fit` before has said of its folds is not true of these.
            for name in [name for name in vars(self) if name.startswith("oof_")]:
                delattr(self, name)
            self._fold_seeds = random_state.randint(2**31 - 1, size=self.n_repeats)
        sizes = len(self._fold_seeds), len(self.estimators_)
        if sizes != (self.n_repeats, n_folds * self.n_repeats):
            raise ValueError(
                f"cv={self.cv!r} and n_repeats={self.n_repeats} do not go with the "
                f"{sizes[1]} members, which were trained on rows of other folds: set "
                "them back, or train a new ensemble."
            )
        folds = [folds_of_values(X, n_folds, seed) for seed in self._fold_seeds]
        held_out = [own == fold for own in folds for fold in range(n_folds)]
        counts = True if sample_weight is None else sample_weight > 0
        if is_first and not all((counts & ~rows).any() for rows in held_out):
            raise ValueError(
                f"The {len(y)} rows of the first chunk that have a weight are all in "
                "one fold, whose member has none to begin with: give more rows, of "
                "different values."
            )
        self.estimators_ = trained_on_chunk(
            self.estimators_, held_out, X, y, sample_weight, fit_params
        )

    def _fit(self, X, y, sample_weight, groups, fit_params):
        self._check_kind()
        vars(self).pop("_fold_seeds", None)
        X, y, sample_weight = self._check_data(X, y, sample_weight, reset=True)
        fit_params, split_params = self._routed(sample_weight, groups, fit_params)
        random_state = check_random_state(self.random_state)
        self._output = self._output_of(y)
        splits = draw_folds(
            *(self.cv, self.n_repeats, X, y, self._strata(y)),
            *(sample_weight, random_state),
            **split_params,
        )
        estimator = self._estimator_for(X, splits)
        members = self._fit_members(estimator, X, y, splits, random_state, fit_params)
        _raise_first_error(members)
        warn_about_members(members)
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

    def _check_data(self, X, y, sample_weight, reset):
        X = self._check_rows(X, reset)
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
        return X, y, sample_weight

    def _check_rows(self, X, reset):
        """X in a container of which rows can be taken; the members check the rest."""
        (X,) = indexable(X)
        if not reset and hasattr(self, "n_features_in_") and getattr(X, "ndim", 2) != 2:
            # scikit-learn's error says how to reshape it.
            check_array(X, dtype=None)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _check_kind(self):
        if self.estimator is not None and not self._is_right_kind(self.estimator):
            raise ValueError(
                f"{type(self).__name__} needs a {self._kind}, got "
                f"estimator={self.estimator!r}."
            )

    def _estimator_for(self, X, splits):
        """The estimator that the members are clones of, but for their seeds."""
        n_rows = min(len(train) for train, _ in splits)
        n_columns = getattr(self, "n_features_in_", 1)
        return self._given_or_default(n_rows, n_columns, hasattr(X, "tocsr"))

    def _given_or_default(self, n_rows=1, n_columns=1, is_sparse=False):
        if self.estimator is not None:
            return self.estimator
        estimator = default_estimator(self._kind, n_rows, n_columns, is_sparse)
        if get_config()["enable_metadata_routing"]:
            # There is no estimator of the user's that could request weights.
            estimator[-1].set_fit_request(sample_weight=True)
            if is_sparse:
                estimator[0].set_fit_request(sample_weight=False)
        return estimator

    def _routed(self, sample_weight, groups, fit_params):
        """The parameters of the members' `fit`, and those of the splitter's `split`."""
        if get_config()["enable_metadata_routing"]:
            given = {"sample_weight": sample_weight, "groups": groups, **fit_params}
            given = {name: each for name, each in given.items() if each is not None}
            routed = process_routing(self, "fit", **given)
            return routed.estimator.fit, routed.splitter.split
        if sample_weight is not None:
            name = fit_parameter(self._given_or_default(), "sample_weight")
            fit_params = {**fit_params, name: sample_weight}
        return fit_params, {} if groups is None else {"groups": groups}

    def _fit_members(self, estimator, X, y, splits, random_state, fit_params):
        """The members, in the order of the splits."""
        estimators = [with_own_seeds(estimator, random_state) for _ in splits]
        n_side_by_side, prefers_threads = 1, False
        network = network_in(estimators[0])
        if network is not None:
            # What is wrong with the parameters is not the fault of a fold.
            network._validate_params()
            network._check_parameters_together()
            prefers_threads = prefer_threads([network], around=[estimator])
            is_stacked = solver_of(network.solver).has_minibatches
            if is_stacked and not prefers_threads:
                n_side_by_side = _N_SIDE_BY_SIDE
        starts = range(0, len(splits), n_side_by_side)
        calls = [
            delayed(fit_on_folds)(
                *(estimators[part], splits[part], X, y),
                fit_params=fit_params,
                output=self._output,
            )
            for part in (slice(start, start + n_side_by_side) for start in starts)
        ]
        name = type(self).__name__
        lines = ProgressLines(name, self.verbose, len(splits), "members")
        members = []
        results = run_calls(calls, self.n_jobs, prefers_threads=prefers_threads)
        with closing(results):
            for some in results:
                members += some
                lines.advance(len(some))
        return members

    def _oof_score(self, y, prediction, sample_weight):
        """The score of predictions; NaN if there are none, or if one is not finite."""
        if not len(y) or not np.isfinite(prediction).all():
            return np.nan
        predicted = self._output.decoded(prediction)
        return float(self._metric(y, predicted, sample_weight))

    # -- prediction ------------------------------------------------------------------

    def _predict_members(self, X):
        """What each member predicts: ``(n_members, n_samples, ...)``."""
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        return predict_together(self.estimators_, X, self._output)

    # -- what the members say of the inputs --------------------------------------------

    def _member_importances(self):
        """See `member_importances`; without steps the columns have the names of X."""
        check_is_fitted(self)
        importances, names = member_importances(self.estimators_)
        if not has_steps(self.estimators_[0]):
            names = getattr(self, "feature_names_in_", None)
        return importances, names

    @property
    def feature_importances_(self) -> Floats:
        """The mean of the members' `feature_importances_`."""
        importances, _ = self._member_importances()
        return importances.mean(axis=0)

    @property
    def feature_importances_std_(self) -> Floats:
        """The standard deviation of `feature_importances_` over the members."""
        importances, _ = self._member_importances()
        return importances.std(axis=0)

    # -- what scikit-learn asks --------------------------------------------------------

    def get_metadata_routing(self) -> Any:
        """Get the metadata routing of this object.

        `fit` uses `sample_weight` itself, as far as `set_fit_request` says so, and
        hands on metadata to the `fit` of the estimator and to the `split` of `cv`.

        Returns
        -------
        routing : MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self._given_or_default(),
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def _with_inner_tags(self, tags):
        """The tags of the estimator, as far as they are about its data."""
        # The steps of the default are chosen by the data, and take whatever it takes.
        estimator = self.estimator
        if estimator is None:
            _, estimator = find_model(self._given_or_default(is_sparse=True))
        take_tags(tags, estimator)
        return tags


def _raise_first_error(members):
    for fold, member in enumerate(members):
        if member.error is not None:
            member.error.add_note(f"This happened on fold {fold} of {len(members)}.")
            raise member.error
