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
from .._utils.presentation import PresentationMixin
from .._utils.publishing import fitted_at_once
from .._utils.sklearn_private import Interval, check_sample_weight
from .._utils.warnings import each_warning_once, warn
from ..neural_network import MLPClassifier, MLPRegressor
from ._folds import OutOfFold, draw_folds
from ._measures import make_measure
from ._outputs import Numbers, Probabilities
from ._search import Candidate, FoldSearch
from ._selection import select_greedily
from ._space import build, default_distributions, draw_candidates, starting_points
from ._table import table_of
from ._together import predict_together

__all__ = ["MLPClassifierCV", "MLPRegressorCV"]


_SMALLEST_BATCH = 64


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
        n_candidates=16,
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
        # Smaller minibatches cost large networks more time than they are worth.
        batch_size = min(max(_SMALLEST_BATCH, n_train // 30), n_train)
        network = self._network().set_params(batch_size=batch_size)
        drawn = []
        distributions = self.param_distributions
        if distributions is None:
            drawn = starting_points(self._is_classification)
            distributions = default_distributions(self._is_classification)
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

    def _mean(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return sum(
            weight
            * self._measure.at_temperature(
                predict_together(members, X, self._output).mean(axis=0), temperature
            )
            for weight, temperature, members in self._kept
        )


class MLPClassifierCV(ClassifierMixin, _MLPCV):
    _is_classification = True

    def _network(self):
        return MLPClassifier(early_stopping=True)

    def _validate_data(self, X, y):
        check_labels(y, "y")
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], order="C", multi_output=True
        )
        return X, MLPClassifier._one_column(y)

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
        return self._mean(X)

    def predict_log_proba(self, X):
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X):
        mean = self.predict_proba(X)
        return self._output.decoded(mean)


class MLPRegressorCV(RegressorMixin, _MLPCV):
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
        return X, MLPRegressor._one_column(y)

    def _output_of(self, y):
        return Numbers()

    def _strata(self, y):
        return None

    def _file_out_of_fold(self, mean):
        self.oof_prediction_ = mean

    def _score_of(self, y, mean, sample_weight):
        return float(r2_score(y, mean, sample_weight=sample_weight))

    def predict(self, X, return_std=False):
        mean = self._mean(X)
        return mean


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
