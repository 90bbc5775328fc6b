"""Attributes that one fitted estimator has from another, such as those of its columns.

The columns of X are described by `n_features_in_` and, where they have names, by
`feature_names_in_`.
"""

__all__ = ["columns_of", "take_attributes"]

_OF_COLUMNS = ("n_features_in_", "feature_names_in_")


def columns_of(estimator):
    """The attributes of the columns that an estimator was fitted to.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    dict of str to object
        Only those attributes that the estimator has.
    """
    return {
        name: getattr(estimator, name)
        for name in _OF_COLUMNS
        if hasattr(estimator, name)
    }


def take_attributes(estimator, source, names=_OF_COLUMNS):
    """Give an estimator some attributes of another one.

    Parameters
    ----------
    estimator : estimator
        Loses those attributes, of an earlier fit, that the other one does not have.
    source : estimator
        The other estimator.
    names : sequence of str
        The attributes; by default those of the columns.
    """
    for name in names:
        if hasattr(source, name):
            setattr(estimator, name, getattr(source, name))
        else:
            vars(estimator).pop(name, None)
