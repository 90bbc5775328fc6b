"""What a diagnosis finds: the verdict, the errors and the changes that were tried."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._utils.tables import short_number
from ._report import as_html, as_text, explain

__all__ = ["Diagnosis", "Remedy"]


@dataclass
class Remedy:
    """A change of an estimator's parameters that was tried.

    Attributes
    ----------
    params : dict
        The changed parameters, for the estimator's `set_params`.
    aim : {"bias", "variance"}
        What the change is meant to lower.
    cause : str
        What is wrong with the estimator if the change helps, such as "too small".
    train_error, validation_error : float
        The errors with the change, averaged over folds.
    change, change_se : float
        By how much the change moved the validation error on the same folds (a negative
        number is better), and the standard error of that.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skreg import MLPClassifier
    >>> from skreg.diagnosis import diagnose
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier((2,), batch_size=32, max_iter=30)
    >>> diagnosis = diagnose(network, X[:400] / 16, y[:400], cv=3, random_state=0)
    >>> remedy = diagnosis.remedies[0]
    >>> remedy.aim, remedy.change < 0
    ('bias', True)
    >>> better = MLPClassifier((2,), batch_size=32).set_params(**remedy.params)
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
        What is wrong with the estimator according to the first remedy, such as "too
        small" or "trained too little". None without remedies.
    remedies : list of Remedy
        The changes that are aimed at what the verdict names and lowered the validation
        error by more than the standard error of the difference, best first.
    tried : list of Remedy
        All changes that were tried, best first.
    train_error, validation_error, gap : float
        Mean errors over the folds, and the validation error minus the training error.
    train_error_se, validation_error_se, gap_se : float
        Standard errors of these means over folds.
    reference_error : float
        The error that bias is measured against.
    reference : str
        Where the reference error comes from: "target_error", or the name of the best
        model.
    avoidable_error, avoidable_error_se : float
        The validation error minus the reference error, and its standard error.
    bias_share : float
        The share of the avoidable error that the training error has already.
    baseline_error : float
        The validation error of a constant prediction.
    stop_reasons : dict of str to int
        In how many folds training ended for which reason; empty for models without
        iterations. Where `max_iter` is the end of a network's schedule, the reason is
        "end_of_schedule".
    learning_curve : dict of str to list
        The errors with fewer training rows: ``"n_rows"``, ``"train_error"`` and
        ``"validation_error"``.
    n_folds : int
        Number of folds of the cross-validation.
    only_class : object
        The one class that the estimator predicts for all rows of all folds; None if it
        predicts several.
    class_counts : dict
        The number of rows of each class, if the estimator predicts only one class or if
        nothing had a clearly smaller error than predicting one frequent class;
        otherwise empty.
    better_scoring : list of str or None
        Values of `scoring` that would tell a useful model from one that predicts the
        most frequent class. None unless there are `class_counts` and the present
        score hardly tells them apart.
    evidence : list of str
        The reasons for the verdict, in sentences.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skreg.diagnosis import diagnose
    >>> X, y = load_diabetes(return_X_y=True)
    >>> diagnosis = diagnose(Ridge(alpha=100), X, y, random_state=0)
    >>> diagnosis.verdict
    'high bias'
    >>> diagnosis.validation_error < diagnosis.baseline_error
    True
    >>> all(isinstance(reason, str) for reason in diagnosis.evidence)
    True
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
    def evidence(self) -> list[str]:
        """The reasons for the verdict, as a list of sentences."""
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
