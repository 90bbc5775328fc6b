"""Training and validation errors of an estimator, and of changes to it, fold by fold.

All goes through one search with `refit=False`, so networks train side by side whatever
they differ in, and any other estimator works.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.utils.metadata_routing import get_routing_for_object

from .._utils.progress import ProgressLines
from .._utils.warnings import warn
from .._utils.wrappers import find_model
from ..model_selection import GridSearchCV

__all__ = ["Evaluation", "Measure", "make_error"]

# Why training ended, as numbers that a search can carry.
_REASONS = ("max_iter", "no_improvement", "converged", "diverged", "other")


@dataclass
class Evaluation:
    """What one setting scored.

    Attributes
    ----------
    train, validation : ndarray of shape (n_splits,)
        Errors, NaN where the fit failed.
    stop_reasons : list of str
        Of the splits; empty for estimators that do not say.
    only_class : int or None
        The position, among all classes, of the one that is predicted for the training
        and the validation rows of all splits, if only one is.
    """

    train: np.ndarray
    validation: np.ndarray
    stop_reasons: list
    only_class: int | None = None

    @property
    def is_complete(self):
        return bool(np.isfinite(self.validation).all())


def make_error(estimator, scoring):
    """A function ``(estimator, X, y) -> error``, less is better, zero is perfect.

    A score of which one is the best possible becomes ``1 - score``, one that is a
    negative loss its absolute value.
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
    classes : ndarray or None
        Of a classifier's target: then it is told whether only one is predicted.
    """

    def __init__(self, error, classes):
        self._error, self._classes = error, classes

    def __call__(self, estimator, X, y):
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
        return reason if reason in _REASONS else "other"
    n_iter = np.max(getattr(model, "n_iter_", None) or [np.nan])
    max_iter = getattr(model, "max_iter", None)
    if max_iter is None or not np.isfinite(n_iter):
        return None
    return "max_iter" if n_iter >= max_iter else "other"


class Measure:
    """Trains and scores estimators, with changes, on the same splits.

    Parameters
    ----------
    X, y
    splits : list of (train, validation)
    error : callable
    n_jobs : int or None
    estimator : estimator
        What is measured, or like what.
    verbose : int
        Above zero a line is printed when settings are measured, above one also those of
        the searches. How many there are is to be set in `lines`.
    groups : array-like, default=None
        For the validation splits of networks.
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
        """What is given to the search's `fit` beside the data."""
        params = {"groups": self._groups}
        if get_config()["enable_metadata_routing"]:
            # The splits are made, and only who asks may be given any.
            routing = get_routing_for_object(estimator)
            return {name: params[name] for name in routing.consumes("fit", params)}
        return params

    def se(self, differences):
        """Standard error of a mean over folds, whose training sets overlap.

        Nadeau and Bengio (2003): ``sqrt(1 / k + n_validation / n_train)`` standard
        deviations. Without the second term, differences look surer than they are.
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
            Parameters to set; ``{}`` for none.
        splits : list of (train, validation), default=None
            In place of the usual ones.
        must_fit : bool, default=False
            Whether a failing fit raises; otherwise its errors are NaN.

        Returns
        -------
        list of Evaluation
        """
        splits = self.splits if splits is None else splits
        if not changes:
            return []
        search = GridSearchCV(
            estimator,
            [{name: [value] for name, value in change.items()} for change in changes],
            scoring=_Report(self._error, self.classes),
            cv=splits,
            refit=False,
            return_train_score=True,
            error_score="raise" if must_fit else np.nan,
            n_jobs=self._n_jobs,
            verbose=max(0, int(self._verbose) - 1),
        )
        params = {} if self._groups is None else self._params_for(estimator)
        with warnings.catch_warnings(record=True) as caught:
            # How training ended is a part of the report.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", FitFailedWarning)
            warnings.filterwarnings("ignore", "One or more of the .* non-finite")
            # The learning curve begins with fewer rows than a minibatch may have.
            warnings.filterwarnings("ignore", "Got .?batch_size")
            try:
                results = search.fit(self._X, self._y, **params).cv_results_
            except ValueError:
                # If every fit fails, scikit-learn makes an error of it.
                if must_fit:
                    raise
                results = None
        for warning in caught:
            # A metric says the same of every fold: once a call.
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
