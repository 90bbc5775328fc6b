"""What the CV estimators search: candidates, and how each is built.

A candidate is a dict of parameters: those of `NetworkInputs`, which say how the columns
are given to the network, and those of the network itself. `starting_points` and
`default_distributions` were made on 13 tables and judged on 12 others, see
benchmarks/results/generalization.md.
"""

from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler
from sklearn.pipeline import Pipeline

from ..augmentation import CutMix, GaussianNoise, Mixup
from ._default_network import MOST_WAVY_COLUMNS
from ._inputs import NetworkInputs

__all__ = ["build", "default_distributions", "draw_candidates", "starting_points"]

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


def draw_candidates(distributions, n_candidates, random_state):
    """Settings drawn at random."""
    sampler = ParameterSampler(distributions, n_candidates, random_state=random_state)
    return list(sampler)


def build(network, candidate):
    """The estimator of a candidate, not fitted.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        What all candidates have in common; it is cloned.
    candidate : dict

    Returns
    -------
    Pipeline
    """
    of_inputs = {name: candidate[name] for name in _OF_INPUTS if name in candidate}
    own = {name: each for name, each in candidate.items() if name not in of_inputs}
    return Pipeline(
        [
            ("inputs", NetworkInputs(**of_inputs)),
            ("network", clone(network).set_params(**clone(own, safe=False))),
        ]
    )
