"""What a display shows of an estimator: the part inside that has it."""

from sklearn.utils.validation import check_is_fitted

from .._utils.wrappers import parts_of

__all__ = ["find_part", "model_of"]


def find_part(estimator, has_it, what, wanted):
    """The outermost part of a fitted estimator that has what is shown.

    Parameters
    ----------
    estimator : estimator
        Of a fitted search the best estimator is looked through, of a Pipeline all
        steps, of a target transformer its regressor.
    has_it : callable
        ``has_it(part) -> bool``.
    what : str
        That is shown, to go on "has no".
    wanted : str
        What to pass instead.

    Returns
    -------
    estimator

    Raises
    ------
    TypeError
        If no part has it.
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
    """An estimator that is to be trained; of a fitted search the best one."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"estimator must be an estimator, such as MLPRegressor(), got "
            f"{estimator!r}."
        )
    return getattr(estimator, "best_estimator_", estimator)
