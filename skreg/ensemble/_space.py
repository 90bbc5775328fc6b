"""What the CV estimators search: settings, and the estimator of each.

A setting is a dict of parameters: those of `NetworkInputs`, which say how the columns
are given to the network, and those of the network itself. `starting_points` and
`default_distributions` were made on one half of the tables, and judged on the other, of
benchmarks/results/generalization.md.
"""

import numpy as np
from scipy.stats import loguniform
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from ..augmentation import CutMix, GaussianNoise, Mixup
from ._default_network import MOST_WAVY_COLUMNS, batch_size_for
from ._inputs import NetworkInputs

__all__ = ["build", "draw_settings"]

_OF_INPUTS = ("scaling", "n_knots")

# Half a cosine to the end of training, and dropout that falls to zero with it.
_COSINE = {"learning_rate": "cosine", "dropout_schedule": "cosine"}


def starting_points(is_classification, n_columns):
    """The settings that every search begins with: each good on many tables.

    They differ in what tables differ in: whether columns act by waves, or by thresholds
    of their own (splines), whether rows follow a complicated function (depth), and how
    much of the target is noise.

    Parameters
    ----------
    is_classification : bool
    n_columns : int
        Of many columns there are no waves, and no splines.

    Returns
    -------
    list of dict
    """
    smoothed = {"label_smoothing": 0.1} if is_classification else {}
    waves = {"n_frequencies": 16, "frequency_scale": 0.3}
    wide = {
        "hidden_layer_sizes": (256,),
        "learning_rate_init": 1e-2,
        "n_iter_no_change": 40,
    }
    deep = {
        "hidden_layer_sizes": (128, 128, 128),
        "learning_rate_init": 6e-3,
        "max_iter": 120,
        "n_iter_no_change": 40,
        **_COSINE,
    }
    broad = {**deep, "hidden_layer_sizes": (256, 256), "max_iter": 80}
    small = {**wide, "hidden_layer_sizes": (128,), "learning_rate_init": 6e-3}
    points = [
        {**wide, **waves, **smoothed},
        {**deep, **waves, "beta_2": 0.95, **smoothed},
        {**deep, **waves, "dropout": 0.1, "scaling": "robust", **smoothed},
        {**broad, **waves, "beta_2": 0.95, **smoothed},
        {**small, "alpha": 1e-3},
        {**wide, "learning_rate_init": 6e-3, "n_knots": 8, **smoothed},
    ]
    if n_columns > MOST_WAVY_COLUMNS:
        points = [_without_encoding(point) for point in points]
    return points


def _without_encoding(setting):
    """A setting without waves and splines."""
    of_encoding = ("n_frequencies", "frequency_scale", "n_knots")
    return {name: each for name, each in setting.items() if name not in of_encoding}


def default_distributions(is_classification, n_columns):
    """The space: by parameter a list of values, or a distribution to draw from.

    Parameters
    ----------
    is_classification : bool
    n_columns : int
        Of many columns there are no waves, and no splines.

    Returns
    -------
    list of dict
        One for each schedule of the learning rate and each encoding of the inputs.
    """
    shared = {
        "scaling": ["standard", "robust"],
        "activation": ["relu", "relu", "relu", "silu"],
        "alpha": loguniform(1e-6, 1e-2),
        "l1_ratio": [0.0, 0.0, 0.5],
        "learning_rate_init": loguniform(2e-3, 2e-2),
        "beta_2": [0.999, 0.95],
        "dropout": [0.0, 0.0, 0.1, 0.2],
        "augmentation": [*[None] * 9, GaussianNoise(0.1)],
    }
    if is_classification:
        shared["augmentation"] = [*[None] * 8, CutMix(), Mixup(0.2)]
        shared["label_smoothing"] = [0.0, 0.1]
    sizes = [(128,), (256,), (128,) * 2, (256,) * 2, (128,) * 3, (256,) * 3]
    schedules = [
        {"hidden_layer_sizes": sizes[:4], "n_iter_no_change": [40]},
        {
            "hidden_layer_sizes": sizes[1:],
            "max_iter": [60, 100, 150],
            "n_iter_no_change": [40],
            **{name: [value] for name, value in _COSINE.items()},
        },
    ]
    if n_columns > MOST_WAVY_COLUMNS:
        encodings = [{}]
    else:
        encodings = [
            {"n_knots": [0, 8]},
            {"n_frequencies": [16], "frequency_scale": [0.1, 0.3, 1.0]},
        ]
    return [
        {**shared, **schedule, **encoding}
        for schedule in schedules
        for encoding in encodings
    ]


def draw_settings(distributions, n_settings, network, n_columns, random_state):
    """The settings that a search tries.

    Parameters
    ----------
    distributions : dict, list of dict or None
        As `param_distributions`. None is the default space, after the starting points.
    n_settings : int
        Fewer are drawn if lists have fewer combinations.
    network : MLPClassifier or MLPRegressor
        What the settings are of.
    n_columns : int
        On which the default space depends.
    random_state : RandomState

    Returns
    -------
    list of dict

    Raises
    ------
    TypeError, ValueError
        If the distributions are not such, or not of what can be searched.
    """
    if distributions == []:
        raise ValueError("param_distributions=[] is empty: there is nothing to search.")
    first = []
    if distributions is None:
        table = is_classifier(network), n_columns
        first = starting_points(*table)[:n_settings]
        distributions = default_distributions(*table)
    sampler = ParameterSampler(
        distributions, n_settings - len(first), random_state=random_state
    )
    spaces = sampler.param_distributions
    _check_quantiles(spaces)
    _check_groups(spaces)
    _check_names({name for space in spaces for name in space}, network)
    if not any(hasattr(each, "rvs") for space in spaces for each in space.values()):
        # Asked for more than there are, the sampler would warn.
        sampler.n_iter = min(sampler.n_iter, len(ParameterGrid(spaces)))
    return first + list(sampler)


# The search itself says how networks are seeded and which rows stop them.
_NOT_SEARCHED = {
    "random_state",
    "refit",
    "validation_fraction",
    "validation_splitter",
    "verbose",
    "warm_start",
}


def _check_quantiles(spaces):
    """Raise a ValueError for several quantiles at once: losses compare one number."""
    for space in spaces:
        values = space.get("quantile", [])
        several = [] if hasattr(values, "rvs") else [v for v in values if np.ndim(v)]
        if several:
            raise ValueError(
                f"param_distributions has quantile={several[0]!r}: the search compares "
                "predictions of the target itself. For several quantiles use "
                "FoldEnsembleRegressor(MLPRegressor(loss='quantile', quantile=...))."
            )


def _check_groups(spaces):
    """Raise a ValueError for 'auto': it needs names, which scaled columns do not have.

    Scaled columns are not zeros and ones either.
    """
    for space in spaces:
        values = space.get("feature_groups", [])
        if not hasattr(values, "rvs") and any(isinstance(v, str) for v in values):
            raise ValueError(
                "param_distributions has feature_groups='auto', which does not find "
                "one-hot columns once they are scaled, as they are here: give lists of "
                "column numbers."
            )


def _check_names(names, network):
    of_network = set(network.get_params(deep=False)) - _NOT_SEARCHED
    known = sorted({*_OF_INPUTS, *of_network})
    unknown = sorted(name for name in names if name.partition("__")[0] not in known)
    if unknown:
        raise ValueError(
            f"param_distributions has {', '.join(map(repr, unknown))}, which cannot be "
            f"searched. What can: {', '.join(known)}; with two underscores parameters "
            "of these, such as augmentation__sigma."
        )


def build(network, setting, n_train, seed):
    """The estimator of a setting, not fitted.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        With what all settings have in common; it is cloned.
    setting : dict
    n_train : int
        The rows that it is trained on, at least.
    seed : int

    Returns
    -------
    Pipeline
        Of the steps "inputs" and "network".
    """
    # A setting may hold estimators, such as augmentations.
    setting = clone(setting, safe=False)
    of_inputs = {name: setting.pop(name) for name in _OF_INPUTS if name in setting}
    shared = {"batch_size": batch_size_for(n_train), "random_state": seed}
    network = clone(network).set_params(**shared | setting)
    # Arrays, whatever scikit-learn is set to: networks need no names.
    inputs = NetworkInputs(**of_inputs).set_output(transform="default")
    return Pipeline([("inputs", inputs), ("network", network)])
