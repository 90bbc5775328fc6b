"""What `MLPClassifierCV` and `MLPRegressorCV` search: candidates, and how each is built.

A candidate is a dict of parameters: those of `NetworkInputs`, which say how the columns
are given to the network, and those of the network itself.
"""

from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler
from sklearn.pipeline import Pipeline

from ._inputs import NetworkInputs

__all__ = ["build", "default_distributions", "draw_candidates", "starting_points"]

_OF_INPUTS = ("scaling", "n_knots")

# Half a cosine to the end of training, and dropout that falls to zero with it.
_COSINE = {"learning_rate": "cosine", "dropout_schedule": "cosine"}


def starting_points(is_classification):
    """The settings that every search begins with: each good on many tables.

    They differ in what tables differ in: whether columns act by thresholds of their own
    (splines), and whether rows follow a complicated function (depth).
    """
    smoothed = {"label_smoothing": 0.1} if is_classification else {}
    wide = {"hidden_layer_sizes": (256,), **smoothed}
    deep = {
        "hidden_layer_sizes": (128, 128, 128),
        "max_iter": 150,
        **_COSINE,
        **smoothed,
    }
    return [
        wide,
        {**wide, "n_knots": 8},
        deep,
        {**deep, "n_knots": 8, "dropout": 0.15, "scaling": "robust"},
    ]


def default_distributions(is_classification):
    """The space: by parameter a list of values, or a distribution to draw from.

    Returns
    -------
    list of dict
        One for each schedule of the learning rate.
    """
    shared = {
        "scaling": ["standard", "robust"],
        "n_knots": [0, 8],
        "activation": ["relu", "relu", "relu", "silu"],
        "alpha": loguniform(1e-6, 1e-2),
        "learning_rate_init": loguniform(1e-3, 1e-2),
        "beta_2": [0.999, 0.95],
        "dropout": [0.0, 0.0, 0.1, 0.2],
    }
    if is_classification:
        shared["label_smoothing"] = [0.0, 0.1]
    sizes = [(128,), (256,), (128, 128), (256, 256), (128,) * 3, (256,) * 3]
    constant = {"hidden_layer_sizes": sizes[:4], "n_iter_no_change": [30]}
    cosine = {
        "hidden_layer_sizes": sizes[1:],
        "max_iter": [60, 120, 200],
        **{name: [value] for name, value in _COSINE.items()},
    }
    return [{**shared, **constant}, {**shared, **cosine}]


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
