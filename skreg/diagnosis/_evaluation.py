"""Training and validation errors of an estimator, and of changes to it, fold by fold.

Each measurement is a grid search with `refit=False`. So networks train side by side
whatever they differ in, and other estimators are measured as well.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.utils.metadata_routing import get_routing_for_object

from .._core.stopping import StopReason
from .._fitting.stopping import schedules_to_the_end
from .._utils.progress import ProgressLines
from .._utils.warnings import warn
from .._utils.wrappers import find_model
from ..model_selection import GridSearchCV

__all__ = ["Evaluation", "Measure", "make_error"]

# Why training ended. A search reports a reason by its position here, because its scores
# must be numbers. A schedule ends with `max_iter`, but training is then done.
_REASONS = (
    "max_iter",
    "end_of_schedule",
    "no_improvement",
    "converged",
    "diverged",
    "other",
)


@dataclass
class Evaluation:
    """The errors of one setting of an estimator's parameters.

    Attributes
    ----------
    train, validation : ndarray of shape (n_splits,)
        Errors on each split, NaN if the fit failed.
    stop_reasons : list of str
        Why training ended on each split; empty for estimators that do not say.
    only_class : int or None
        If the same one class is predicted for all rows of all splits, its position
        among the classes.
    """

    train: np.ndarray
    validation: np.ndarray
    stop_reasons: list
    only_class: int | None = None

    @property
    def is_complete(self):
        return bool(np.isfinite(self.validation).all())


def make_error(estimator, scoring):
    """A function ``(estimator, X, y) -> error``: less is better, and zero is perfect.

    The error is ``1 - score`` for a score whose best value is one, and the absolute
    value of a score that is a negative loss.
    """
    scorer = check_scoring(estimator, scoring=scoring)
    return _Error(scorer, best=0.0 if getattr(scorer, "_sign", 1) < 0 else 1.0)


class _Error:
    def __init__(self, scorer, best):
        self._scorer, self._best = scorer, best

    def __call__(self, estimator, X, y):
        return self._best - self._scorer(estimator, X, y)


class _Report:
    """The scorer of the searches: the error, how training ended, what is predicted.

    Parameters
    ----------
    error : callable
        See `make_error`.
    classes : ndarray or None
        The classes of a classifier's target. With them the scorer reports whether only
        one class is predicted.
    error_score : float or "raise"
        The error where there is none, such as of predictions that are not finite. What
        a search does about a scorer that fails is for scorers of one number.
    """

    def __init__(self, error, classes, error_score):
        self._error, self._classes = error, classes
        self._error_score = error_score

    def __call__(self, estimator, X, y):
        try:
            return self._report_on(estimator, X, y)
        except Exception:
            if self._error_score == "raise":
                raise
            return {"error": self._error_score, "reason": -1.0, "only_class": -1.0}

    def _report_on(self, estimator, X, y):
        _, model = find_model(estimator, fitted=True)
        reason = _stop_reason_of(model)
        return {
            "error": self._error(estimator, X, y),
            "reason": -1.0 if reason is None else _REASONS.index(reason),
            "only_class": self._only_class(estimator, X),
        }

    def _only_class(self, estimator, X):
        """The position of the one class that is predicted, or -1."""
        if self._classes is None:
            return -1.0
        predicted = np.unique(estimator.predict(X))
        if len(predicted) > 1:
            return -1.0
        return float(np.searchsorted(self._classes, predicted).item())


def _stop_reason_of(model):
    """One of `_REASONS`, or None for estimators without iterations."""
    reason = getattr(model, "stop_reason_", None)
    if reason is not None:
        if reason == StopReason.MAX_ITER and schedules_to_the_end(model):
            return "end_of_schedule"
        return reason if reason in _REASONS else "other"
    # One number, or one of each class, pair of classes or output.
    n_iter = np.max(np.asarray(getattr(model, "n_iter_", None), dtype=float))
    max_iter = getattr(model, "max_iter", None)
    if max_iter is None or not np.isfinite(n_iter):
        return None
    # A support vector machine has no limit if it is -1.
    return "max_iter" if 0 <= max_iter <= n_iter else "other"


class Measure:
    """Trains and scores estimators, with changes, on the same splits.

    Parameters
    ----------
    X, y
        All data, as the user gave them.
    splits : list of (train, validation)
    error : callable
        See `make_error`.
    n_jobs : int or None
    estimator : estimator
        The estimator to diagnose; it tells whether the target has classes.
    verbose : int
        Above zero, a line is printed when settings are measured; above one, the
        searches print their lines as well. The caller sets the number of settings in
        ``lines.n_total``.
    groups : array-like, default=None
        Groups of the rows, for the validation splits of networks.
    """

    def __init__(self, X, y, splits, error, n_jobs, estimator, verbose=0, groups=None):
        self.lines = ProgressLines("diagnose", verbose, what="settings")
        self._verbose = verbose
        self._X, self._y, self.splits = X, y, splits
        self._error, self._n_jobs = error, n_jobs
        self._groups = groups
        self.n_train = len(splits[0][0])
        target = np.asarray(y)
        self.classes, self.class_counts = None, None
        if is_classifier(estimator) and target.ndim == 1:
            self.classes, self.class_counts = np.unique(target, return_counts=True)

    def folds_without_a_class(self):
        """(number, "training" or "validation") of the folds that miss some class."""
        if self.classes is None:
            return []
        target = np.asarray(self._y)
        return [
            (number, part)
            for number, split in enumerate(self.splits)
            for part, rows in zip(("training", "validation"), split, strict=True)
            if len(np.unique(target[rows])) < len(self.classes)
        ]

    def _params_for(self, estimator):
        """The parameters of the search's `fit` beside the data."""
        params = {"groups": self._groups}
        if get_config()["enable_metadata_routing"]:
            # Metadata go only to an estimator that requests them; the splits, which
            # might also use groups, are made already.
            routing = get_routing_for_object(estimator)
            return {name: params[name] for name in routing.consumes("fit", params)}
        return params

    def se(self, differences):
        """Standard error of a mean over folds, whose training sets overlap.

        It is ``sqrt(1 / k + n_validation / n_train)`` standard deviations (Nadeau &
        Bengio 2003). Without the second term, differences look surer than they are.
        """
        overlap = len(self.splits[0][1]) / self.n_train
        factor = np.sqrt(1 / len(differences) + overlap)
        return float(np.std(differences, ddof=1) * factor)

    def __call__(self, estimator, changes, *, splits=None, must_fit=False):
        """Evaluate changes of an estimator.

        Parameters
        ----------
        estimator : estimator
        changes : list of dict
            The parameters that each change sets; ``{}`` is no change.
        splits : list of (train, validation), default=None
            Splits in place of those of all measurements.
        must_fit : bool, default=False
            Whether the error of a fit that fails is raised. Otherwise the setting's
            errors are NaN.

        Returns
        -------
        list of Evaluation
            One for each change.
        """
        splits = self.splits if splits is None else splits
        if not changes:
            return []
        error_score = "raise" if must_fit else np.nan
        search = GridSearchCV(
            estimator,
            [{name: [value] for name, value in change.items()} for change in changes],
            scoring=_Report(self._error, self.classes, error_score),
            cv=splits,
            refit=False,
            return_train_score=True,
            error_score=error_score,
            n_jobs=self._n_jobs,
            verbose=max(0, int(self._verbose) - 1),
        )
        params = {} if self._groups is None else self._params_for(estimator)
        with warnings.catch_warnings(record=True) as caught:
            # The scorer reports how training ended, so no warning need say it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", FitFailedWarning)
            warnings.filterwarnings("ignore", "One or more of the .* non-finite")
            # scikit-learn's workers are not as quiet as this thread.
            warnings.filterwarnings("ignore", ".* encountered in ", RuntimeWarning)
            # The learning curve may begin with fewer rows than a minibatch has.
            warnings.filterwarnings("ignore", "Got .?batch_size")
            try:
                results = search.fit(self._X, self._y, **params).cv_results_
            except ValueError:
                # scikit-learn raises this error if every fit fails.
                if must_fit:
                    raise
                results = None
        for warning in caught:
            # A metric gives the same warning on every fold; the user sees it once.
            warn(warning.message)
        self.lines.advance(len(changes))
        if results is None:
            nothing = np.full(len(splits), np.nan)
            return [Evaluation(nothing, nothing, []) for _ in changes]
        return [
            _evaluation(results, index, len(splits)) for index in range(len(changes))
        ]


def _evaluation(results, index, n_splits):
    def of_splits(what):
        columns = [results[f"split{split}_{what}"] for split in range(n_splits)]
        return np.array([column[index] for column in columns])

    codes = of_splits("test_reason")
    predicted = np.unique([of_splits("train_only_class"), of_splits("test_only_class")])
    is_one = len(predicted) == 1 and predicted[0] >= 0
    return Evaluation(
        train=of_splits("train_error"),
        validation=of_splits("test_error"),
        stop_reasons=[_REASONS[int(code)] for code in codes[codes >= 0]],
        only_class=int(predicted[0]) if is_one else None,
    )
