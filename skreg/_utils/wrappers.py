"""Looking through what stands around a model: Pipelines and target transformers.

One place knows how to go from an estimator to the model that it ends in and back. The
searches, the penalties' grid, the feature paths, the diagnosis and the displays ask it.
"""

import copy

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from .columns import take_attributes

__all__ = [
    "find_model",
    "around_model",
    "fit_parameter",
    "has_steps",
    "names_before_model",
    "parts_of",
    "replace_model",
    "transform_before_model",
    "transforms_target",
]


def _inner_of(estimator, fitted, exact):
    """The name and the estimator one level down, or None where there is none."""

    def is_a(kind):
        return type(estimator) is kind if exact else isinstance(estimator, kind)

    if is_a(Pipeline):
        name, inner = estimator.steps[-1]
    elif is_a(TransformedTargetRegressor):
        name, inner = "regressor", estimator.regressor
        if fitted:
            inner = getattr(estimator, "regressor_", inner)
    else:
        return None
    # "passthrough", or the regressor that a target transformer has by default.
    return None if inner is None or isinstance(inner, str) else (name, inner)


def find_model(estimator, fitted=False, *, exact=False):
    """The model at the end of Pipelines and inside target transformers.

    Parameters
    ----------
    estimator : estimator
    fitted : bool, default=False
        Whether to go down the fitted copies.
    exact : bool, default=False
        Whether to stop at subclasses, which may do more in `fit` (resample the rows,
        for one).

    Returns
    -------
    prefix : str
        Of its parameters, ending with two underscores, or empty.
    model : estimator
    """
    prefix, model = "", estimator
    while (inner := _inner_of(model, fitted, exact)) is not None:
        name, model = inner
        prefix += f"{name}__"
    return prefix, model


def replace_model(estimator, model):
    """A clone with another model behind the same steps."""
    prefix, _ = find_model(estimator)
    if not prefix:
        return model
    return clone(estimator).set_params(**{prefix.removesuffix("__"): model})


def transforms_target(estimator):
    """Whether the model inside is given another target than the estimator."""
    while (inner := _inner_of(estimator, False, False)) is not None:
        if isinstance(estimator, TransformedTargetRegressor):
            return True
        _, estimator = inner
    return False


def fit_parameter(estimator, name):
    """What `fit` calls a parameter of the model's `fit`, without metadata routing."""
    prefix = ""
    while (inner := _inner_of(estimator, False, False)) is not None:
        # Target transformers hand on everything under its own name.
        if isinstance(estimator, Pipeline):
            prefix += f"{inner[0]}__"
        _, estimator = inner
    return prefix + name


def has_steps(estimator):
    """Whether the model may be given other columns than the estimator."""
    while (inner := _inner_of(estimator, False, False)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            return True
        _, estimator = inner
    return False


def around_model(fitted, original, model, *, steps=True):
    """Fitted wrappers around a fitted model, as shallow copies.

    Parameters
    ----------
    fitted : estimator
        With anything in the model's place.
    original : estimator
        The same wrappers with the model that is not fitted in its place.
    model : estimator
        Fitted.
    steps : bool, default=True
        Whether the steps before the model come along. Without them the result is for
        rows that have gone through `transform_before_model`.

    Returns
    -------
    estimator
    """
    inner = _inner_of(original, False, False)
    if inner is None:
        return model
    name, original_inner = inner
    copied = copy.copy(fitted)
    if isinstance(fitted, Pipeline):
        last = around_model(fitted.steps[-1][1], original_inner, model, steps=steps)
        if not steps:
            return last
        copied.steps = [*fitted.steps[:-1], (name, last)]
        return copied
    copied.regressor = original.regressor
    copied.regressor_ = around_model(
        fitted.regressor_, original_inner, model, steps=steps
    )
    take_attributes(copied, copied.regressor_, ["feature_names_in_"])
    return copied


def parts_of(estimator):
    """Yield an estimator and the fitted ones in it, from the outside to the inside.

    Beside Pipelines, of which all steps count and the last one first, and target
    transformers these are what a search has chosen.
    """
    yield estimator
    if hasattr(estimator, "best_estimator_"):
        yield from parts_of(estimator.best_estimator_)
    elif isinstance(estimator, Pipeline):
        for _, step in reversed(estimator.steps):
            yield from parts_of(step)
    elif (inner := _inner_of(estimator, True, False)) is not None:
        yield from parts_of(inner[1])


def names_before_model(fitted):
    """Names of the columns that the model is given, or None where a step has none."""
    names = None
    while (inner := _inner_of(fitted, True, False)) is not None:
        if isinstance(fitted, Pipeline) and len(fitted.steps) > 1:
            try:
                names = fitted[:-1].get_feature_names_out(names)
            except (AttributeError, ValueError, TypeError):
                # A step that does not say what becomes of its columns.
                return None
        _, fitted = inner
    return names


def transform_before_model(fitted, X):
    """Rows as the model is given them: gone through the fitted steps before it."""
    while (inner := _inner_of(fitted, True, False)) is not None:
        if isinstance(fitted, Pipeline) and len(fitted.steps) > 1:
            X = fitted[:-1].transform(X)
        _, fitted = inner
    return X
