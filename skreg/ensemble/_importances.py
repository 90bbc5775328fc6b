"""How much the inputs matter to each member of an ensemble."""

import numpy as np

from .._utils.wrappers import find_model, names_before_model

__all__ = ["member_importances"]


def member_importances(estimators):
    """The importances of the columns that the members' models are given.

    Parameters
    ----------
    estimators : list of estimator
        Fitted.

    Returns
    -------
    importances : ndarray of shape (n_members, n_columns)
    names : ndarray of shape (n_columns,) or None
        The names of the columns where steps before the models make them. None without
        such steps, or if one does not say.

    Raises
    ------
    AttributeError
        If a model has no `feature_importances_`, or if the models are given different
        columns.
    """
    rows, names = [], []
    for estimator in estimators:
        _, model = find_model(estimator, fitted=True)
        rows.append(model.feature_importances_)
        names.append(names_before_model(estimator))
    are_alike = len({len(row) for row in rows}) == 1 and all(
        np.array_equal(own, names[0]) for own in names
    )
    if not are_alike:
        raise AttributeError(
            "The members have no feature_importances_ in common: the steps before "
            "their models give each of them other columns."
        )
    return np.array(rows), names[0]
