"""From fitted ensembles over folds to those of scikit-learn, which predict alike."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from .._utils.publishing import snapshot
from ..neural_network import to_sklearn

__all__ = ["ClassifierExportMixin", "RegressorExportMixin"]


class ClassifierExportMixin:
    """The method `to_sklearn` of ensembles of classifiers."""

    def to_sklearn(self) -> Any:
        """A fitted VotingClassifier of scikit-learn with the same predictions.

        Returns
        -------
        ensemble : VotingClassifier
            With ``voting="soft"``, and the members as estimators of scikit-learn. It
            shares nothing with this one, and predicts the same up to rounding.

        Raises
        ------
        ValueError
            If scikit-learn's estimators cannot predict this: with several labels, with
            members that vote or have not seen all classes, and with networks that
            ``skreg.MLPClassifier.to_sklearn`` does not convert. With
            ``estimator=None`` the networks have waves, unless X is sparse or has more
            than 200 columns: give the ensemble an estimator without them.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        classes = fitted.classes_
        if fitted._output.encoding.kind == "multilabel":
            raise ValueError(
                "The target has several labels, which scikit-learn's VotingClassifier "
                "does not predict. Its members can be converted one by one, with "
                "skreg.neural_network.to_sklearn."
            )
        for member in fitted.estimators_:
            if not hasattr(member, "predict_proba"):
                raise ValueError(
                    "Members without predict_proba vote, and a VotingClassifier of "
                    "scikit-learn cannot average their votes."
                )
            if len(member.classes_) < len(classes):
                raise ValueError(
                    f"A member has seen {len(member.classes_)} of {len(classes)} "
                    "classes, and a VotingClassifier of scikit-learn cannot average "
                    "its probabilities with the others."
                )
        members = _members(fitted)
        voting = VotingClassifier(members, voting="soft", flatten_transform=False)
        voting.le_ = LabelEncoder().fit(classes)
        voting.classes_ = voting.le_.classes_
        return _fitted(voting, fitted)


class RegressorExportMixin:
    """The method `to_sklearn` of ensembles of regressors."""

    def to_sklearn(self) -> Any:
        """A fitted VotingRegressor of scikit-learn with the same predictions.

        Returns
        -------
        ensemble : VotingRegressor
            With the members as estimators of scikit-learn. It shares nothing with this
            one, and predicts the same up to rounding.

        Raises
        ------
        ValueError
            If scikit-learn's estimators cannot predict this: with several outputs, and
            with networks that ``skreg.MLPRegressor.to_sklearn`` does not convert. With
            ``estimator=None`` the networks have waves, unless X is sparse or has more
            than 200 columns: give the ensemble an estimator without them.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        if fitted._output.n_columns > 1:
            raise ValueError(
                "The target has several outputs, which scikit-learn's VotingRegressor "
                "does not predict. Its members can be converted one by one, with "
                "skreg.neural_network.to_sklearn."
            )
        return _fitted(VotingRegressor(_members(fitted)), fitted)


def _members(ensemble):
    with _explained(ensemble):
        return [
            (f"member{number}", to_sklearn(member))
            for number, member in enumerate(ensemble.estimators_)
        ]


@contextmanager
def _explained(ensemble):
    """Add to an error that the networks are those of the default, if they are."""
    try:
        yield
    except ValueError as error:
        if ensemble.estimator is None:
            error.add_note(
                f"The networks of {type(ensemble).__name__}(estimator=None) have "
                "waves: give it an estimator, such as a Pipeline of a StandardScaler "
                "and a network with early_stopping=True."
            )
        raise


def _fitted(voting, ensemble):
    """Scikit-learn's ensemble with what its `fit` would set."""
    voting.estimators_ = [member for _, member in voting.estimators]
    voting.named_estimators_ = Bunch(**dict(voting.estimators))
    if hasattr(ensemble, "feature_names_in_"):
        voting.feature_names_in_ = ensemble.feature_names_in_.copy()
    return voting
