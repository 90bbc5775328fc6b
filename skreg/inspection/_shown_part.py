"""The part of an estimator that a display shows."""

from sklearn.utils.validation import check_is_fitted

from .._utils.wrappers import parts_of

__all__ = ["find_part", "model_of"]


def find_part(estimator, has_it, what, wanted):
    """The outermost part of a fitted estimator that has what a display shows.

    Parameters
    ----------
    estimator : estimator
        The parts of a fitted search are those of its best estimator. The parts of a
        Pipeline are its steps, and that of a target transformer is its regressor.
    has_it : callable
        ``has_it(part)`` is whether a part has what the display shows.
    what : str
        What the display shows, as the error says it after "has no".
    wanted : str
        What to pass instead, for the error.

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If no part has what the display shows.
    NotFittedError
        If the estimator is not fitted.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(f"{estimator!r} has no {what}: pass {wanted}.")
    check_is_fitted(estimator)
    name = type(estimator).__name__
    for part in parts_of(estimator):
        if has_it(part):
            return part
        if hasattr(part, "cv_results_") and getattr(part, "refit", True) is False:
            name = f"{type(part).__name__} with refit=False"
            wanted = f"one that has refit the best candidate, or {wanted}"
    raise TypeError(f"{name} has no {what}: pass {wanted}.")


def model_of(estimator):
    """The estimator to train: the one given, or the best one of a fitted search.

    Raises
    ------
    TypeError
        If `estimator` is no estimator.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"estimator must be an estimator, such as MLPRegressor(), got "
            f"{estimator!r}."
        )
    return getattr(estimator, "best_estimator_", estimator)
