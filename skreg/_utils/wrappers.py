"""From an estimator to the model inside it, and back.

Pipelines and target transformers may stand around a model. The searches, the grid of
penalties, the feature paths, the diagnosis and the displays use these functions to find
the model, to replace it, and to prepare data for it.
"""

import copy

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import process_routing

from .columns import take_attributes

__all__ = [
    "find_model",
    "around_model",
    "fit_parameter",
    "fit_params_of_model",
    "has_steps",
    "names_before_model",
    "parts_of",
    "replace_model",
    "take_tags",
    "transform_before_model",
    "transform_target_before_model",
    "transforms_target",
]


def _inner_of(estimator, fitted, exact):
    """The name and the estimator one level further inside, or None."""

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
    # The last step may be "passthrough", and a regressor of None is the default one.
    return None if inner is None or isinstance(inner, str) else (name, inner)


def find_model(estimator, fitted=False, *, exact=False):
    """The model at the end of Pipelines and inside target transformers.

    Parameters
    ----------
    estimator : estimator
    fitted : bool, default=False
        Whether to find the fitted model.
    exact : bool, default=False
        Whether to stop at subclasses of Pipeline and TransformedTargetRegressor, whose
        `fit` may do more (resample the rows, for example).

    Returns
    -------
    prefix : str
        The prefix of the model's parameters, ending with two underscores, or empty.
    model : estimator
    """
    prefix, model = "", estimator
    while (inner := _inner_of(model, fitted, exact)) is not None:
        name, model = inner
        prefix += f"{name}__"
    return prefix, model


def replace_model(estimator, model):
    """A clone of an estimator with another model inside."""
    prefix, _ = find_model(estimator)
    if not prefix:
        return model
    return clone(estimator).set_params(**{prefix.removesuffix("__"): model})


def take_tags(tags, estimator):
    """Give the tags of what wraps an estimator those of it that are about its data.

    Parameters
    ----------
    tags : sklearn.utils.Tags
        They keep those of their own that the estimator does not have.
    estimator : estimator
    """
    inner = get_tags(estimator)
    for name in ("input_tags", "target_tags", "classifier_tags", "regressor_tags"):
        if getattr(inner, name) is not None:
            setattr(tags, name, getattr(inner, name))


def transforms_target(estimator):
    """Whether a transformer changes the target that the model inside is given."""
    while (inner := _inner_of(estimator, False, False)) is not None:
        if isinstance(estimator, TransformedTargetRegressor):
            return True
        _, estimator = inner
    return False


def fit_parameter(estimator, name):
    """The name that an estimator's `fit` has for a parameter of the model's `fit`.

    This is its name without metadata routing.
    """
    prefix = ""
    while (inner := _inner_of(estimator, False, False)) is not None:
        # Target transformers hand on parameters under the same name.
        if isinstance(estimator, Pipeline):
            prefix += f"{inner[0]}__"
        _, estimator = inner
    return prefix + name


def fit_params_of_model(estimator, params):
    """What the model's `fit` is given of the parameters of an estimator's `fit`.

    Parameters
    ----------
    estimator : estimator
    params : dict
        With metadata routing enabled they go to whoever requests them.

    Returns
    -------
    dict
        By the names that the model's `fit` has for them.
    """
    while (inner := _inner_of(estimator, False, False)) is not None:
        name, model = inner
        if get_config()["enable_metadata_routing"]:
            params = process_routing(estimator, "fit", **params)[name]["fit"]
        elif isinstance(estimator, Pipeline):
            prefix = f"{name}__"
            params = {
                key.removeprefix(prefix): value
                for key, value in params.items()
                if key.startswith(prefix)
            }
        estimator = model
    return params


def has_steps(estimator):
    """Whether steps before the model may change the columns that it is given."""
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
        The fitted wrappers, with any object in the model's place.
    original : estimator
        The estimator of which they were fitted: wrappers and model, not fitted.
    model : estimator
        The fitted model.
    steps : bool, default=True
        Whether the result has the steps before the model. Without them it is for rows
        that have gone through `transform_before_model`.

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
    """Yield an estimator and the fitted estimators in it, from the outside inwards.

    The parts of a Pipeline are its steps, from the last one on, that of a target
    transformer is its regressor, and that of a search is its best estimator.
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
    """Names of the columns that the model is given, or None if a step has no names."""
    names = None
    while (inner := _inner_of(fitted, True, False)) is not None:
        if isinstance(fitted, Pipeline) and len(fitted.steps) > 1:
            try:
                names = fitted[:-1].get_feature_names_out(names)
            except (AttributeError, ValueError, TypeError):
                # Some steps do not say which columns they make.
                return None
        _, fitted = inner
    return names


def transform_before_model(fitted, X):
    """Rows transformed by the fitted steps before the model."""
    while (inner := _inner_of(fitted, True, False)) is not None:
        if isinstance(fitted, Pipeline) and len(fitted.steps) > 1:
            X = fitted[:-1].transform(X)
        _, fitted = inner
    return X


def transform_target_before_model(fitted, y):
    """A target as the fitted target transformers around the model hand it on."""
    while (inner := _inner_of(fitted, True, False)) is not None:
        if isinstance(fitted, TransformedTargetRegressor):
            # As its `fit` does: a transformer knows tables alone, and may give vectors.
            y = np.asarray(y)
            is_vector = y.ndim == 1
            y = fitted.transformer_.transform(y[:, None] if is_vector else y)
            if is_vector and y.ndim == 2 and y.shape[1] == 1:
                y = y[:, 0]
        _, fitted = inner
    return y
