"""One call on a numeric table: search the regularization, return an ensemble."""

import numbers
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._fitting.targets import LabelEncoding
from .._utils.labels import check_labels
from .._utils.one_column import one_column
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import Interval, check_sample_weight
from .._utils.warnings import each_warning_once, warn
from ..neural_network import MLPClassifier, MLPRegressor
from ._default_network import batch_size_for
from ._folds import OutOfFold, draw_folds
from ._measures import make_measure
from ._outputs import Numbers, Probabilities
from ._search import Candidate, FoldSearch
from ._selection import select_greedily
from ._space import build, default_distributions, draw_candidates, starting_points
from ._table import table_of
from ._together import predict_together

__all__ = ["MLPClassifierCV", "MLPRegressorCV"]


class _MLPCV(PresentationMixin, BaseEstimator):
    """Base of MLPClassifierCV and MLPRegressorCV."""

    _parameter_constraints: dict = {
        "param_distributions": [dict, list, None],
        "n_candidates": [Interval(numbers.Integral, 1, None, closed="left")],
        "time_budget": [Interval(numbers.Real, 0, None, closed="neither"), None],
        "cv": ["cv_object"],
        "scoring": [str, callable],
        "keep_interrupted": ["boolean"],
        "callback": [callable, None],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        param_distributions=None,
        *,
        n_candidates=12,
        time_budget=None,
        cv=8,
        scoring="loss",
        keep_interrupted=False,
        callback=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.time_budget = time_budget
        self.cv = cv
        self.scoring = scoring
        self.keep_interrupted = keep_interrupted
        self.callback = callback
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @each_warning_once()
    def fit(self, X, y, sample_weight=None, *, groups=None):
        """Search, and keep an ensemble of what was found.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The training rows: numbers, in whatever unit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target, in its own unit.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in training, in the comparison and in `oof_score_`.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a `cv` that keeps groups together.

        Returns
        -------
        self : object
            The fitted ensemble. After an error it is as it was before the call.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if no candidate can be trained.
        KeyboardInterrupt
            Unless `keep_interrupted` and a first rung is done.
        """
        self._validate_params()
        with fitted_at_once(self) as scratch:
            scratch._fit(X, y, sample_weight, groups)
        return self

    def _fit(self, X, y, sample_weight, groups):
        started = time.perf_counter()
        X, y = self._validate_data(X, y)
        weight = sample_weight
        if weight is not None:
            weight = check_sample_weight(weight, X, ensure_non_negative=True)
        random_state = check_random_state(self.random_state)
        self._output = self._output_of(y)
        self._measure = make_measure(self._output, y, weight, self.scoring)
        strata = self._strata(y)
        splits = draw_folds(
            *(self.cv, 1, X, y, strata, weight, random_state),
            **({} if groups is None else {"groups": groups}),
        )
        candidates = self._candidates(len(splits[0][0]), random_state)
        search = FoldSearch(
            candidates,
            splits,
            X,
            y,
            fit_params={} if weight is None else {"network__sample_weight": weight},
            output=self._output,
            measure=self._measure,
            n_jobs=self.n_jobs,
            deadline=started + (self.time_budget or np.inf),
            report=self._report,
        )
        try:
            search.run()
        except KeyboardInterrupt:
            if not (self.keep_interrupted and search.finalists):
                raise
            warn("The search was interrupted: the ensemble is of what there was.")
        self._keep(search, candidates, splits, y, weight)

    def _candidates(self, n_train, random_state):
        network = self._network().set_params(batch_size=batch_size_for(n_train))
        drawn = []
        distributions = self.param_distributions
        if distributions is None:
            space = self._is_classification, self.n_features_in_
            drawn, distributions = (
                starting_points(*space),
                default_distributions(*space),
            )
        n_more = max(0, self.n_candidates - len(drawn))
        drawn = drawn[: self.n_candidates]
        if n_more:
            drawn = drawn + draw_candidates(distributions, n_more, random_state)
        seeds = random_state.randint(2**31 - 1, size=len(drawn))
        candidates = []
        for parameters, seed in zip(drawn, seeds, strict=True):
            estimator = build(network, parameters)
            estimator.set_params(network__random_state=int(seed))
            candidates.append(Candidate(parameters, estimator))
        return candidates

    def _report(self, number, rungs, standing):
        best = min(standing, key=lambda each: each.loss)
        if self.verbose:
            n_candidates, n_folds = rungs[number]
            print(
                f"Rung {number + 1} of {len(rungs)}: {len(standing)} candidates on "
                f"{n_folds} folds, lowest loss {best.loss:.4g}",
                flush=True,
            )
        if self.callback is None:
            return False
        return bool(self.callback(number, list(standing)))

    def _keep(self, search, candidates, splits, y, weight):
        """Choose the ensemble among the finalists, and keep nothing else."""
        finalists, rows = search.finalists, search.rows
        finalists = [each for each in finalists if np.isfinite(each.loss)]
        if not finalists:
            raise ValueError("No candidate has a finite loss on rows it has not seen.")
        predictions = [
            self._measure.at_temperature(
                search.prediction_of(each)[rows], each.temperature
            )
            for each in finalists
        ]
        weights = select_greedily(np.array(predictions), self._measure.on(rows))
        self._kept = [
            (float(own), each.temperature, [m.estimator for m in each.members.values()])
            for own, each in zip(weights, finalists, strict=True)
            if own > 0
        ]
        self.estimators_ = [each for *_, members in self._kept for each in members]
        by_candidate = dict(zip(map(id, finalists), weights, strict=True))
        self.weights_ = np.array([by_candidate.get(id(c), 0.0) for c in candidates])
        mean = np.full((len(y), *predictions[0].shape[1:]), np.nan)
        mean[rows] = np.tensordot(weights, np.array(predictions), axes=1)
        self._file_out_of_fold(mean)
        self.oof_fold_ = OutOfFold(len(y), splits[: finalists[0].n_folds]).fold
        own_weight = None if weight is None else weight[rows]
        self.oof_score_ = self._score_of(y[rows], mean[rows], own_weight)
        self.best_index_ = candidates.index(finalists[0])
        self.best_params_ = finalists[0].parameters
        self.best_score_ = -finalists[0].loss
        self.n_iter_ = round(finalists[0].n_iter)
        self.cv_results_ = _results_of(candidates, self.weights_)
        if self.verbose:
            print(self.summary())

    def summary(self):
        """What was tried, and what won, as the lines of a table.

        Returns
        -------
        str
        """
        check_is_fitted(self)
        return table_of(self.cv_results_)

    def _mean_and_deviation(self, X):
        """The ensemble's prediction, and the spread of its networks."""
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        mean, square = 0.0, 0.0
        for weight, temperature, members in self._kept:
            each = predict_together(members, X, self._output)
            own = self._measure.at_temperature(each.mean(axis=0), temperature)
            mean = mean + weight * own
            square = square + weight * (each**2).mean(axis=0)
        return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


class MLPClassifierCV(ClassifierMixin, _MLPCV):
    """An ensemble of networks whose regularization is searched, in one call.

    For numeric tables without missing values, in whatever unit: columns are scaled
    inside. Random settings of a network are trained on folds, the best go on, and
    the ensemble is of the finalists' networks.

    Parameters
    ----------
    param_distributions : dict, list of dict or None, default=None
        What is searched: by parameter a list of values or a distribution of
        `scipy.stats`, as in RandomizedSearchCV. The parameters are those of
        :class:`MLPClassifier`, and ``scaling`` and ``n_knots`` of the inputs (see
        `Notes`). None is the space that `default_distributions` gives, after six
        starting points that are good on many tables.

    n_candidates : int, default=12
        Number of settings that are tried.

    time_budget : float, default=None
        Seconds after which no further rung of the search begins; the ensemble is of
        what there is then.

    cv : int, splitter or iterable, default=8
        The folds, as in :class:`FoldEnsembleClassifier`.

    scoring : str or callable, default="loss"
        What settings and ensembles are compared by, on rows that their networks have
        not seen. "loss" is the log-loss. Otherwise what scikit-learn's searches take.

    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the search with an ensemble of what there is, once the first
        rung is done. Otherwise it propagates, and the estimator is not fitted.

    callback : callable, default=None
        ``callback(rung, candidates)`` is called after each rung, with the number of the
        rung and the candidates that stood in it. If it returns true, the search ends.

    n_jobs : int or None, default=None
        Number of workers that share the candidates, as in joblib. The result is the
        same for any number.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the candidates, and the networks' weights and minibatches.

    verbose : int, default=0
        Above zero, a line a rung, and at the end the table that `summary` gives.

    Attributes
    ----------
    estimators_ : list of Pipeline
        The networks of the ensemble with what prepares their inputs: of each chosen
        setting one for every fold.
    weights_ : ndarray of shape (n_candidates,)
        The weight of each setting in the ensemble; they sum to one.
    cv_results_ : dict
        A column an entry: "params", "oof_loss" (on the rows of "n_folds" folds, at
        "temperature"), "rank", "weight", "n_iter" (epochs), "fit_time" (seconds of all
        its networks), "error". `pandas.DataFrame` takes it.
    best_params_, best_index_, best_score_ : dict, int, float
        The single setting with the lowest loss on all folds; the score is minus that.
    n_iter_ : int
        Epochs that its networks were trained, in the mean.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    oof_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities that the ensemble's networks give to rows that they have not seen;
        NaN where there are none.
    oof_fold_ : ndarray of int of shape (n_samples,)
        The fold of each row, -1 where it is in none.
    oof_score_ : float
        Accuracy of these predictions. Each is by the network of one fold for each
        setting, where `predict` averages eight, and setting, epoch and weights were
        chosen on the same rows.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    FoldEnsembleClassifier : The ensemble of one setting.
    MLPClassifier : A single network.

    Notes
    -----
    The steps of `fit`:

    1. `n_candidates` settings are drawn. A setting says how the columns are given to
       the network: ``scaling="standard"``, ``"robust"`` (with a smooth clip) or
       ``"none"``; beside them splines of degree one at quantiles (``n_knots=8``) or
       trainable waves (``n_frequencies=16``); the architecture, from one layer of 128
       units to three of 256; and the regularization: `alpha`, `l1_ratio`, `dropout`,
       `label_smoothing`, `augmentation`, the steps and their schedule. All
       else is prepared for each fold by its training rows: columns are scaled.
    2. Successive halving on folds: all settings are trained without an eighth of
       the folds, one network a fold, which its own fold stops; five twelfths of them
       go on to three eighths of the folds, and a fourth to all. Networks have float32
       parameters.
    3. The finalists are averaged with the weights that greedy selection finds on their
       out-of-fold predictions [1]_. Before that the probabilities of each setting are
       brought to the temperature that is best for them [2]_.

    No network is trained twice, and those of settings that are left behind are dropped.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection
       from libraries of models", ICML 2004.
    .. [2] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern
       neural networks", ICML 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierCV(n_candidates=4, cv=4, random_state=0).fit(X, y)
    >>> model.oof_score_ > 0.9, float(model.weights_.sum().round(6))
    (True, 1.0)
    """

    _is_classification = True

    def _network(self):
        return MLPClassifier(early_stopping=True)

    def _validate_data(self, X, y):
        check_labels(y, "y")
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True
        )
        return X, one_column(y)

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
        """Predict probabilities: the weighted mean of the settings' ensembles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_proba : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        mean, _ = self._mean_and_deviation(X)
        return mean

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_log_proba : ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        """Predict labels: the class with the largest mean probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        mean = self.predict_proba(X)
        return self._output.decoded(mean)


class MLPRegressorCV(RegressorMixin, _MLPCV):
    """An ensemble of networks whose regularization is searched, in one call.

    For numeric tables without missing values, in whatever unit: columns and target are
    scaled inside. Random settings of a network are trained on folds, the best go on,
    and the ensemble is of the finalists' networks.

    Parameters
    ----------
    param_distributions : dict, list of dict or None, default=None
        What is searched: by parameter a list of values or a distribution of
        `scipy.stats`, as in RandomizedSearchCV. The parameters are those of
        :class:`MLPRegressor`, and ``scaling`` and ``n_knots`` of the inputs (see
        `Notes`). None is the space that `default_distributions` gives, after six
        starting points that are good on many tables.

    n_candidates : int, default=12
        Number of settings that are tried.

    time_budget : float, default=None
        Seconds after which no further rung of the search begins; the ensemble is of
        what there is then.

    cv : int, splitter or iterable, default=8
        The folds, as in :class:`FoldEnsembleRegressor`.

    scoring : str or callable, default="loss"
        What settings and ensembles are compared by, on rows that their networks have
        not seen. "loss" is the squared error in units of the target's variance.
        Otherwise what scikit-learn's searches take.

    keep_interrupted : bool, default=False
        Whether Ctrl-C ends the search with an ensemble of what there is, once the first
        rung is done. Otherwise it propagates, and the estimator is not fitted.

    callback : callable, default=None
        ``callback(rung, candidates)`` is called after each rung, with the number of the
        rung and the candidates that stood in it. If it returns true, the search ends.

    n_jobs : int or None, default=None
        Number of workers that share the candidates, as in joblib. The result is the
        same for any number.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the candidates, and the networks' weights and minibatches.

    verbose : int, default=0
        Above zero, a line a rung, and at the end the table that `summary` gives.

    Attributes
    ----------
    estimators_ : list of Pipeline
        The networks of the ensemble with what prepares their inputs: of each chosen
        setting one for every fold.
    weights_ : ndarray of shape (n_candidates,)
        The weight of each setting in the ensemble; they sum to one.
    cv_results_ : dict
        A column an entry: "params", "oof_loss" (on the rows of "n_folds" folds, at
        "temperature"), "rank", "weight", "n_iter" (epochs), "fit_time" (seconds of all
        its networks), "error". `pandas.DataFrame` takes it.
    best_params_, best_index_, best_score_ : dict, int, float
        The single setting with the lowest loss on all folds; the score is minus that.
    n_iter_ : int
        Epochs that its networks were trained, in the mean.
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        What the ensemble's networks predict of rows that they have not seen; NaN where
        there are none.
    oof_fold_ : ndarray of int of shape (n_samples,)
        The fold of each row, -1 where it is in none.
    oof_score_ : float
        R^2 of these predictions. Each is by the network of one fold for each
        setting, where `predict` averages eight, and setting, epoch and weights were
        chosen on the same rows.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    FoldEnsembleRegressor : The ensemble of one setting.
    MLPRegressor : A single network.

    Notes
    -----
    The steps of `fit`:

    1. `n_candidates` settings are drawn. A setting says how the columns are given to
       the network: ``scaling="standard"``, ``"robust"`` (with a smooth clip) or
       ``"none"``; beside them splines of degree one at quantiles (``n_knots=8``) or
       trainable waves (``n_frequencies=16``); the architecture, from one layer of 128
       units to three of 256; and the regularization: `alpha`, `l1_ratio`, `dropout`,
       `augmentation`, the steps and their schedule. All else is prepared for each fold
       by its training rows: columns are scaled, and the
       target with them.
    2. Successive halving on folds: all settings are trained without an eighth of
       the folds, one network a fold, which its own fold stops; five twelfths of them
       go on to three eighths of the folds, and a fourth to all. Networks have float32
       parameters.
    3. The finalists are averaged with the weights that greedy selection finds on their
       out-of-fold predictions [1]_.

    No network is trained twice, and those of settings that are left behind are dropped.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection
       from libraries of models", ICML 2004.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import MLPRegressorCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressorCV(n_candidates=4, cv=4, random_state=0).fit(X, y)
    >>> model.oof_score_ > 0.4
    True
    """

    _is_classification = False

    def _network(self):
        return MLPRegressor(early_stopping=True, normalize_y=True)

    def _validate_data(self, X, y):
        X, y = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=True,
            y_numeric=True,
        )
        return X, one_column(y)

    def _output_of(self, y):
        return Numbers()

    def _strata(self, y):
        return None

    def _file_out_of_fold(self, mean):
        self.oof_prediction_ = mean

    def _score_of(self, y, mean, sample_weight):
        return float(r2_score(y, mean, sample_weight=sample_weight))

    def predict(self, X, return_std=False):
        """Predict targets: the weighted mean of the settings' ensembles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        return_std : bool, default=False
            Whether to return the spread of the networks, too.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        y_std : ndarray of the same shape
            The standard deviation of what the networks predict, with their weights: how
            much they differ, which is not how far new targets are off. Only with
            `return_std`.
        """
        check_is_fitted(self)
        mean, deviation = self._mean_and_deviation(X)
        return (mean, deviation) if return_std else mean


def _results_of(candidates, weights):
    """`cv_results_`: an array a column, an entry a candidate."""
    losses = np.array([each.loss for each in candidates])
    n_folds = np.array([each.n_folds for each in candidates])
    # Those that got further are better, whatever the losses on fewer folds were.
    order = np.lexsort((losses, -n_folds))
    ranks = np.empty(len(candidates), dtype=int)
    ranks[order] = np.arange(1, len(candidates) + 1)
    return {
        "params": [each.parameters for each in candidates],
        "oof_loss": losses,
        "n_folds": n_folds,
        "rank": ranks,
        "weight": weights,
        "temperature": np.array([each.temperature for each in candidates]),
        "n_iter": np.array([each.n_iter for each in candidates]),
        "fit_time": np.array([each.seconds for each in candidates]),
        "error": [each.error and str(each.error) for each in candidates],
    }
