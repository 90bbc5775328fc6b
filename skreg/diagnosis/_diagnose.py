"""Whether a model is too simple or too flexible, and what to change about it."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable

from .._fitting.splits import may_split_by_groups
from .._utils.publishing import quietly
from .._utils.tables import short_number
from .._utils.warnings import each_warning_once
from ..model_selection._splits import list_splits
from ._evaluation import Measure, make_error
from ._references import references_for
from ._remedies import UNFINISHED, changes_for
from ._report import as_html, as_text, explain, is_cut_short
from ._rounds import with_seed
from ._verdict import judge

__all__ = ["Diagnosis", "Remedy", "diagnose"]

# Of the training rows of a fold; all of them are measured anyway.
_CURVE_SHARES = (0.25, 0.5)
# A class with this share of the rows can make a constant look as good as a model.
_DOMINANT_SHARE = 0.8
# Training longer comes first if it brings this part of the best change's gain.
_ENOUGH = 0.5
# What lowers the validation error by a smaller share than this is no remedy, however
# surely it does.
_SMALLEST_GAIN = 0.01
# Standard errors by which something must be better than a constant prediction.
_CLEARLY = 2.0
# Equal errors differ by less than this share.
_ROUNDING = 1e-9


@dataclass
class Remedy:
    """A change that was tried.

    Attributes
    ----------
    params : dict
        For the estimator's `set_params`.
    aim : {"bias", "variance"}
        What it is meant to lower.
    cause : str
        What is wrong with the estimator if it helps, such as "too small".
    train_error, validation_error : float
    change, change_se : float
        Of the validation error, on the same folds; negative is better.
    """

    params: dict
    aim: str
    cause: str
    train_error: float
    validation_error: float
    change: float
    change_se: float

    def __str__(self):
        return ", ".join(f"{name}={value!r}" for name, value in self.params.items())


@dataclass(repr=False)
class Diagnosis:
    """What `diagnose` found. Print it; in a notebook it shows as a table.

    Attributes
    ----------
    verdict : str
        "high bias", "high variance", "high bias and high variance", "neither" or
        "inconclusive".
    cause : str or None
        What the first remedy says is wrong, such as "too small" or "trained too
        little". None without remedies.
    remedies : list of Remedy
        Changes aimed at what the verdict names that lowered the validation error by
        more than the standard error of the difference, best first.
    tried : list of Remedy
        All changes, best first.
    train_error, validation_error, gap : float
        Means over folds; `gap` is the difference.
    train_error_se, validation_error_se, gap_se : float
        Standard errors over folds.
    reference_error : float
        What bias is measured against.
    reference : str
        Where that is from.
    avoidable_error, avoidable_error_se : float
        Validation error minus reference.
    bias_share : float
        Share of the avoidable error that is in the training error already.
    baseline_error : float
        Of a constant prediction.
    stop_reasons : dict of str to int
        Why training ended, in how many folds; empty for models without iterations.
    learning_curve : dict of str to list
        ``"n_rows"``, ``"train_error"`` and ``"validation_error"``.
    n_folds : int
        Of the cross-validation.
    only_class : object
        The one class that is predicted for all rows of all folds; None where there are
        several.
    class_counts : dict
        Then, or if nothing had a clearly smaller error than predicting one frequent
        class, the number of rows of each class; otherwise empty.
    better_scoring : list of str or None
        Then values of `scoring` that would tell such a model from a good one, if the
        present one hardly does.
    evidence : list of str
        Why.
    """

    verdict: str
    cause: str | None
    remedies: list
    tried: list
    train_error: float
    validation_error: float
    gap: float
    train_error_se: float
    validation_error_se: float
    gap_se: float
    reference_error: float
    reference: str
    avoidable_error: float
    avoidable_error_se: float
    bias_share: float
    baseline_error: float
    stop_reasons: dict = field(default_factory=dict)
    learning_curve: dict = field(default_factory=dict)
    n_folds: int = 0
    only_class: object = None
    class_counts: dict = field(default_factory=dict)
    better_scoring: list | None = None

    @property
    def evidence(self):
        """Why, as a list of sentences."""
        return explain(self)

    def __repr__(self):
        return (
            f"Diagnosis(verdict={self.verdict!r}, cause={self.cause!r}, "
            f"{len(self.remedies)} remedies of {len(self.tried)} tried, "
            f"train_error={short_number(self.train_error)}, "
            f"validation_error={short_number(self.validation_error)}, "
            f"reference_error={short_number(self.reference_error)})"
        )

    def __str__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)


@each_warning_once()
@quietly
def diagnose(
    estimator,
    X,
    y,
    *,
    cv=None,
    target_error=None,
    scoring=None,
    groups=None,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    """Tell high bias from high variance, and try what may help.

    Training error, validation error and a short learning curve are measured by
    cross-validation; then changes of the estimator's own parameters, and, without a
    `target_error`, a few stronger models. The errors of networks are on clean rows and
    with dropout off. Candidates train side by side.

    Parameters
    ----------
    estimator : estimator
        Any classifier or regressor, a Pipeline included. Changes are known for
        networks, of skreg and of scikit-learn, and for the usual parameters of other
        estimators (`alpha`, `C`, `min_samples_leaf`, `max_depth`, `n_neighbors`).

    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)

    cv : int, splitter or iterable, default=None
        As in scikit-learn: None is 5 folds, stratified for classifiers, in the order of
        the rows.

    target_error : float, default=None
        The error that is good enough or known to be possible (a human's, an earlier
        model's), in the unit of the errors below. Bias is measured against it. None
        takes the least validation error of all models and changes tried.

    scoring : str, callable or None, default=None
        What is scored. Errors are one minus a score whose best value is one (accuracy,
        R^2, AUC), and the absolute value of a ``neg_`` score. None is the estimator's
        `score`: error rate, or the share of the target's variance not explained.

    groups : array-like of shape (n_samples,), default=None
        Group of each row, for a group-wise `cv`, and for networks whose
        `validation_splitter` keeps groups together.

    random_state : int, RandomState instance or None, default=None
        Seed of the estimator where it has none, of the learning curve's rows and of
        the references.

    n_jobs : int or None, default=None
        Processes, as in joblib.

    verbose : int, default=0
        Above zero it is printed how many settings are measured, above one also what the
        searches say that measure them.

    Returns
    -------
    Diagnosis

    See Also
    --------
    bias_variance_decomposition : Bias and variance of the definition.

    Notes
    -----
    **The verdict.** Avoidable is what lies between the validation error and the
    reference. It matters if it is a quarter of the validation error, a twentieth of
    what can be learned at all (the constant's error minus the reference), and two
    standard errors of the paired difference over folds, which are corrected for
    overlapping training sets [1]_. It is due to bias as far as the *training* error
    exceeds the reference, to variance as far as the validation error exceeds the
    training error. A part below 30 % is not named; where both are larger, those are
    for which a change surely helped.

    A gap between training and validation error of 30 % of the constant's error is high
    variance even if nothing tried reduces it: then more rows are what is left, and the
    learning curve says whether they would help. Smaller gaps that nothing reduces are
    not: every flexible model has one.

    Otherwise the verdict is "inconclusive" if much may be avoidable but the folds
    disagree, or if nothing beats the constant, and "neither" if not.

    **Remedies** are ranked by the measured change in validation error, except that
    training longer comes first where it brings half of the best gain: unfinished
    training misleads about all else. They are single changes; the best of many looks a
    little better than it is, so check it on rows that were not used here. Training
    longer is tried only where `max_iter` ended training in half of the folds or more,
    and never where early stopping did.

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
    _check_target_error(target_error)
    random_state = check_random_state(random_state)
    seed = int(random_state.randint(2**31 - 1))
    estimator = with_seed(estimator, seed)
    X, y, groups = indexable(X, y, groups)
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    split_params = {"groups": groups} if may_split_by_groups(splitter) else {}
    splits = list_splits(splitter, X, y, **split_params)
    if len(splits) < 2:
        raise ValueError("cv gives 1 split: the standard errors need at least two.")
    measure = Measure(
        X,
        y,
        splits,
        make_error(estimator, scoring),
        n_jobs,
        estimator,
        verbose,
        groups,
    )
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
    changes = changes_for(estimator, is_cut_short(base.stop_reasons))
    models = []
    if target_error is None:
        models = references_for(estimator, measure.n_train, sparse.issparse(X), seed)
    # With the estimator as it is and the constant.
    measure.lines.n_total = 2 + len(changes) + len(models) + len(_CURVE_SHARES)
    measure.lines.say(f"2 of {measure.lines.n_total} settings done")
    tried = _try_changes(measure, estimator, base, changes)
    if target_error is None:
        reference, errors, found = _best_of_all(measure, models, base, tried)
        reference_error, differences = errors.mean(), base.validation - errors
    else:
        reference, reference_error = "target_error", target_error
        found = [base.validation, *(errors for _, errors in tried)]
        differences = base.validation - target_error
    verdict = judge(
        base.train.mean(),
        base.validation.mean(),
        reference_error,
        baseline.validation.mean(),
        avoidable_se=measure.se(differences),
        gap_se=_se(base.validation - base.train),
        helpful={each.aim for each, _ in tried if _helps(each, 2)},
    )
    beats_constant = any(_beats(errors, baseline, measure) for errors in found)
    # (What brings a target out of reach near to its mean may be on a good way.)
    most = baseline.validation.mean() if is_classifier(estimator) else np.inf
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
        baseline_error=float(baseline.validation.mean()),
        stop_reasons=dict(Counter(base.stop_reasons)),
        learning_curve=_learning_curve(measure, estimator, base, random_state),
        n_folds=len(splits),
        **_on_classes(measure, base, beats_constant, scoring),
    )


@contextmanager
def _about_folds_without_a_class(measure, scoring):
    """Say in an error of the score that there are such folds, where there are."""
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
    """Whether a model is better than a constant, by more than the luck of a row."""
    differences = baseline.validation - errors
    if not np.isfinite(errors).all():
        return False
    return differences.mean() > max(_CLEARLY * measure.se(differences), 0)


def _on_classes(measure, base, beats_constant, scoring):
    """What a Diagnosis says if the model, or the score, tells no classes apart."""
    if measure.classes is None or len(measure.classes) < 2:
        return {}
    counts = measure.class_counts
    # Where one class dominates, what is scored by default is about the share of the
    # others, which a useful model can hardly lower.
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
            # It is not defined on others.
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
    """Best first, but training longer before all where it brings about as much."""
    pairs = sorted(pairs, key=lambda pair: pair[0].change)
    longer = [pair for pair in pairs if pair[0].cause == UNFINISHED]
    if longer and longer[0][0].change < _ENOUGH * pairs[0][0].change:
        # Unfinished training misleads about all else: a larger network, say, goes
        # further in as many epochs. First finish.
        pairs.remove(longer[0])
        pairs.insert(0, longer[0])
    return pairs


def _remedies_of(verdict, tried, constant_error=np.inf):
    """What helped by more than its standard error, and is aimed at the verdict.

    What has only brought the model to the error of a constant is no remedy.
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
        # Never true of a model that failed.
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
        # Too few rows for a fit are no point of the curve.
        if result.is_complete:
            add(np.mean([len(train) for train, _ in splits]), result)
    add(measure.n_train, base)
    return curve
