"""Whether a model is too simple or too flexible, and what to change about it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable

from .._fitting.splits import may_split_by_groups
from .._typing import (
    ArrayLike,
    CrossValidation,
    Estimator,
    MatrixLike,
    RandomState,
    Scoring,
)
from .._utils.publishing import quietly
from .._utils.scores import check_predicts_target
from .._utils.warnings import each_warning_once
from ..model_selection._splits import list_splits
from ._diagnosis import Diagnosis, Remedy
from ._evaluation import Measure, make_error
from ._references import references_for
from ._remedies import UNFINISHED, UNSCALED, changes_for
from ._report import is_cut_short
from ._rounds import with_seed
from ._verdict import judge

__all__ = ["diagnose"]

# The learning curve trains on these shares of a fold's training rows; its last point,
# of all the rows, is measured anyway.
_CURVE_SHARES = (0.25, 0.5)
# A class with this share of the rows makes a constant prediction look good.
_DOMINANT_SHARE = 0.8
# Training longer is named first if it brings this part of the best change's gain.
_ENOUGH = 0.5
# A change that lowers the validation error by a smaller share than this is no remedy,
# however certain the gain is.
_SMALLEST_GAIN = 0.01
# A model is better than a constant prediction if it is by so many standard errors.
_CLEARLY = 2.0
# Equal errors differ by less than this share.
_ROUNDING = 1e-9


@each_warning_once()
@quietly
def diagnose(
    estimator: Estimator,
    X: MatrixLike,
    y: ArrayLike,
    *,
    cv: CrossValidation = None,
    target_error: float | None = None,
    scoring: Scoring = None,
    groups: ArrayLike | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Diagnosis:
    """Tell high bias from high variance, and try what may help.

    Cross-validation measures the training error, the validation error and a short
    learning curve of the estimator, then the errors with changes of its parameters and,
    without a `target_error`, those of a few stronger models. The errors of networks are
    on clean rows and with dropout off. Candidates train side by side.

    Parameters
    ----------
    estimator : estimator
        Any classifier or regressor, a Pipeline included. Changes are known for
        networks, of skreg and of scikit-learn, and for the usual parameters of other
        estimators (`alpha`, `C`, `min_samples_leaf`, `max_depth`, `n_neighbors`).

    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    cv : int, splitter or iterable, default=None
        How rows are split, as in scikit-learn: None is 5 folds, stratified for
        classifiers, in the order of the rows.

    target_error : float, default=None
        The error that is good enough or known to be possible (a human's, an earlier
        model's), in the unit of the errors that `scoring` gives. Bias is measured
        against it. None takes the least validation error of all models and changes
        that are tried.

    scoring : str, callable or None, default=None
        The score that errors are made of: one minus a score whose best value is one
        (accuracy, R^2, AUC), the absolute value of a ``neg_`` score. None is the
        estimator's `score`; the errors are then the error rate, or the share of the
        target's variance that is not explained.

    groups : array-like of shape (n_samples,), default=None
        Group of each row, for a group-wise `cv`, and for networks whose
        `validation_splitter` keeps groups together.

    random_state : int, RandomState instance or None, default=None
        Seed of the estimator if it has none, of the learning curve's rows and of the
        stronger models.

    n_jobs : int or None, default=None
        Number of processes, as in joblib.

    verbose : int, default=0
        Above zero, `diagnose` prints how many settings are measured; above one, the
        searches that measure them print their lines as well.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError
        If the estimator is neither a classifier nor a regressor.
    ValueError
        If `target_error` is no number, if `cv` gives fewer than two splits, if a
        network has several quantiles, or if the score of the estimator or of a constant
        is not finite on some fold.

    See Also
    --------
    bias_variance_decomposition : Bias and variance by their definition.

    Notes
    -----
    **The verdict.** The avoidable error is the validation error minus the reference
    error. It matters if it is more than a quarter of the validation error, a twentieth
    of what can be learned at all (the constant's error minus the reference), and two
    standard errors of the paired difference over folds, which are corrected for
    overlapping training sets [1]_. It is due to bias as far as the *training* error
    exceeds the reference, and to variance as far as the validation error exceeds the
    training error. A part below 30 % is not named. Where both parts are larger and
    changes aimed at only one of them surely helped, that one is named; otherwise both.

    A gap between training and validation error of 30 % of the constant's error is high
    variance even if no change reduces it: then only more rows can help, and the
    learning curve says whether they would. A smaller gap that no change reduces is not
    high variance: every flexible model has one.

    Otherwise the verdict is "inconclusive" if much may be avoidable but the folds
    disagree, or if nothing beats the constant; if neither is so, it is "neither".

    **Remedies** are ranked by the measured change in validation error, except that
    training longer comes first if it brings half of the best gain: unfinished training
    misleads about the other changes. Each remedy is a single change. The best of many
    looks a little better than it is, so check it on rows that were not used here.
    Training longer is tried only if `max_iter` ended training in half of the folds or
    more, and never if early stopping did.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
       Learning 52, 2003.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skreg import MLPClassifier
    >>> from skreg.diagnosis import diagnose
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier((2,), batch_size=32, max_iter=30)
    >>> diagnosis = diagnose(network, X[:400] / 16, y[:400], cv=3, random_state=0)
    >>> diagnosis.verdict
    'high bias'
    """
    _check_estimator(estimator)
    check_predicts_target(estimator)
    _check_target_error(target_error)
    random_state = check_random_state(random_state)
    seed = int(random_state.randint(2**31 - 1))
    estimator = with_seed(estimator, seed)
    X, y, groups = indexable(X, y, groups)
    splits = _splits_of(cv, estimator, X, y, groups)
    error = make_error(estimator, scoring)
    measure = Measure(X, y, splits, error, n_jobs, estimator, verbose, groups)
    base, baseline = _measure_as_it_is(measure, estimator, scoring)
    changes = changes_for(estimator, is_cut_short(base.stop_reasons))
    models = []
    if target_error is None:
        models = references_for(estimator, measure.n_train, sparse.issparse(X), seed)
    # The estimator as it is and the constant are two more settings.
    measure.lines.n_total = 2 + len(changes) + len(models) + len(_CURVE_SHARES)
    measure.lines.say(f"2 of {measure.lines.n_total} settings done")
    tried = _try_changes(measure, estimator, base, changes)
    reference, reference_error, differences, found = _reference(
        measure, models, base, tried, target_error
    )
    constant_error = baseline.validation.mean()
    verdict = judge(
        base.train.mean(),
        base.validation.mean(),
        reference_error,
        constant_error,
        avoidable_se=measure.se(differences),
        gap_se=_se(base.validation - base.train),
        helpful={each.aim for each, _ in tried if _helps(each, 2)},
    )
    beats_constant = any(_beats(errors, baseline, measure) for errors in found)
    # A regressor whose y has a mean far from zero may be on a good way when a change
    # has only brought it near to that mean.
    most = constant_error if is_classifier(estimator) else np.inf
    remedies = _remedies_of(verdict, [remedy for remedy, _ in tried], most)
    return Diagnosis(
        verdict=verdict.name,
        cause=remedies[0].cause if remedies else None,
        remedies=remedies,
        tried=[remedy for remedy, _ in tried],
        **_errors(base),
        reference_error=float(reference_error),
        reference=reference,
        avoidable_error=float(verdict.avoidable),
        avoidable_error_se=float(verdict.avoidable_se),
        bias_share=verdict.bias_share,
        baseline_error=float(constant_error),
        stop_reasons=dict(Counter(base.stop_reasons)),
        learning_curve=_learning_curve(measure, estimator, base, random_state),
        n_folds=len(splits),
        **_on_classes(measure, base, beats_constant, scoring),
    )


def _splits_of(cv, estimator, X, y, groups):
    """The splits of `cv`, two or more, by the groups where they matter to it."""
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    split_params = {"groups": groups} if may_split_by_groups(splitter) else {}
    splits = list_splits(splitter, X, y, **split_params)
    if len(splits) < 2:
        raise ValueError("cv gives 1 split: the standard errors need at least two.")
    return splits


def _measure_as_it_is(measure, estimator, scoring):
    """The errors of the estimator without a change, and those of a constant."""
    with _about_folds_without_a_class(measure, scoring):
        (base,) = measure(estimator, [{}], must_fit=True)
    if not base.is_complete or not np.isfinite(base.train).all():
        raise ValueError(
            f"The score (scoring={scoring!r}) is not finite on some folds: diagnosis "
            "needs one that is defined on all of them."
        )
    dummy = DummyClassifier() if is_classifier(estimator) else DummyRegressor()
    (baseline,) = measure(dummy, [{}])
    if not baseline.is_complete:
        raise ValueError(
            f"The score (scoring={scoring!r}) of a constant prediction, which errors "
            "are measured by, is not finite on some folds: diagnosis needs one that is "
            "defined for constants as well."
        )
    return base, baseline


def _reference(measure, models, base, tried, target_error):
    """The reference error, which bias is measured against.

    Parameters
    ----------
    measure : Measure
    models : list of (name, estimator)
        Stronger models; none with a target error.
    base : Evaluation
        The errors of the estimator as it is.
    tried : list of (Remedy, ndarray)
        The changes with their validation errors.
    target_error : float or None

    Returns
    -------
    name : str
    error : float
        The reference error.
    differences : ndarray of shape (n_folds,)
        The estimator's validation errors minus those of the reference.
    found : list of ndarray
        The validation errors of all that was tried.
    """
    if target_error is None:
        name, errors, found = _best_of_all(measure, models, base, tried)
        return name, errors.mean(), base.validation - errors, found
    found = [base.validation, *(errors for _, errors in tried)]
    return "target_error", target_error, base.validation - target_error, found


@contextmanager
def _about_folds_without_a_class(measure, scoring):
    """Name the folds that lack a class in an error that they may have caused."""
    try:
        yield
    except ValueError as error:
        lacking = measure.folds_without_a_class()
        if not lacking:
            raise
        counts = dict(
            zip(measure.classes.tolist(), measure.class_counts.tolist(), strict=True)
        )
        raise ValueError(
            f"The score (scoring={scoring!r}) or the fit failed, and of the classes of "
            f"y, {counts}, some are missing in {len(lacking)} of {len(measure.splits)} "
            f"folds, such as the {lacking[0][1]} rows of fold {lacking[0][0]}. Give "
            "more rows of them, lower cv, or set scoring to one that is defined "
            f"without them, such as 'balanced_accuracy'. The error was: {error}"
        ) from error


def _beats(errors, baseline, measure):
    """Whether a model's errors are clearly below those of a constant prediction."""
    differences = baseline.validation - errors
    if not np.isfinite(errors).all():
        return False
    return differences.mean() > max(_CLEARLY * measure.se(differences), 0)


def _on_classes(measure, base, beats_constant, scoring):
    """What a Diagnosis says if the model or the score does not tell classes apart."""
    if measure.classes is None or len(measure.classes) < 2:
        return {}
    counts = measure.class_counts
    # Where one class dominates, the error rate of a constant is the small share of the
    # other classes, which a useful model can hardly lower.
    is_blind = scoring in (None, "accuracy") and (
        counts.max() >= _DOMINANT_SHARE * counts.sum()
    )
    if base.only_class is None and (beats_constant or not is_blind):
        return {}
    better = None
    if is_blind:
        better = ["balanced_accuracy"]
        if len(counts) > 2:
            better.append("f1_macro")
        elif not measure.folds_without_a_class():
            # The average precision is not defined on folds that lack a class.
            better.append("average_precision")
    classes = measure.classes.tolist()
    return {
        "only_class": None if base.only_class is None else classes[base.only_class],
        "class_counts": dict(zip(classes, counts.tolist(), strict=True)),
        "better_scoring": better,
    }


def _check_estimator(estimator):
    if is_classifier(estimator) or is_regressor(estimator):
        return
    raise TypeError(
        f"{type(estimator).__name__} is neither a classifier nor a regressor: diagnose "
        "needs something to fit and to score."
    )


def _check_target_error(target_error):
    is_number = isinstance(target_error, Real) and np.isfinite(target_error)
    if target_error is not None and not is_number:
        raise ValueError(f"target_error must be a number, got {target_error!r}.")


def _try_changes(measure, estimator, base, changes):
    """Pairs of a Remedy and its validation errors, best first."""
    results = measure(estimator, [change.params for change in changes])
    pairs = []
    for change, result in zip(changes, results, strict=True):
        if not result.is_complete:
            continue
        differences = result.validation - base.validation
        remedy = Remedy(
            params=change.params,
            aim=change.aim,
            cause=change.cause,
            train_error=float(result.train.mean()),
            validation_error=float(result.validation.mean()),
            change=float(differences.mean()),
            change_se=measure.se(differences),
        )
        pairs.append((remedy, result.validation))
    return _ranked(pairs)


def _ranked(pairs):
    """The changes, best first, but training longer first if it gains about as much."""
    pairs = sorted(pairs, key=lambda pair: pair[0].change)
    longer = [pair for pair in pairs if pair[0].cause == UNFINISHED]
    if pairs and pairs[0][0].cause == UNSCALED:
        # Training for longer is no substitute for a scaled target.
        return pairs
    if longer and longer[0][0].change < _ENOUGH * pairs[0][0].change:
        # Unfinished training misleads about the other changes: a larger network, say,
        # gets further in as many epochs. So training is to be finished first.
        pairs.remove(longer[0])
        pairs.insert(0, longer[0])
    return pairs


def _remedies_of(verdict, tried, constant_error=np.inf):
    """The changes that helped, and are aimed at what the verdict names.

    A change helped if it gained more than its standard error. One that has only brought
    the model to the error of a constant is no remedy.
    """
    return [
        remedy
        for remedy in tried
        if verdict.names(remedy.aim)
        and _helps(remedy, 1)
        and remedy.validation_error < (1 - _ROUNDING) * constant_error
    ]


def _helps(remedy, n_standard_errors):
    """Whether a change has lowered the validation error by a share that counts."""
    before = remedy.validation_error - remedy.change
    least = max(n_standard_errors * remedy.change_se, _SMALLEST_GAIN * before)
    return remedy.change < -least


def _best_of_all(measure, models, base, tried):
    """The name and the errors of the best of everything, and the errors of all."""
    best = "this estimator as it is", base.validation
    candidates = [(f"this estimator with {remedy}", errors) for remedy, errors in tried]
    for name, model in models:
        (result,) = measure(model, [{}])
        candidates.append((name, result.validation))
    for name, errors in candidates:
        # The errors of a model that failed are NaN, which is never less.
        if errors.mean() < best[1].mean():
            best = name, errors
    return *best, [base.validation, *(errors for _, errors in candidates)]


def _errors(base):
    """Means and standard errors of the estimator as it is."""
    errors = {
        "train_error": base.train,
        "validation_error": base.validation,
        "gap": base.validation - base.train,
    }
    means = {name: float(each.mean()) for name, each in errors.items()}
    return means | {f"{name}_se": _se(each) for name, each in errors.items()}


def _se(errors):
    """Standard error of a mean over folds."""
    return float(np.std(errors, ddof=1) / np.sqrt(len(errors)))


def _learning_curve(measure, estimator, base, random_state):
    curve = {"n_rows": [], "train_error": [], "validation_error": []}

    def add(n_rows, result):
        curve["n_rows"].append(int(n_rows))
        curve["train_error"].append(float(result.train.mean()))
        curve["validation_error"].append(float(result.validation.mean()))

    orders = [random_state.permutation(train) for train, _ in measure.splits]
    for share in _CURVE_SHARES:
        splits = [
            (np.sort(order[: max(1, round(share * len(order)))]), test)
            for order, (_, test) in zip(orders, measure.splits, strict=True)
        ]
        (result,) = measure(estimator, [{}], splits=splits)
        # If a fold has too few rows for a fit, the curve has no such point.
        if result.is_complete:
            add(np.mean([len(train) for train, _ in splits]), result)
    add(measure.n_train, base)
    return curve
