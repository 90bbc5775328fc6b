"""The network of an ensemble that was given no estimator, and its inputs.

It was chosen on 11 tables, by the test errors of eight networks each: those of one
layer of 256 units that sees each column by waves as well are within 6 % of those of
three such layers of 128, in about a fourth of their time, and mostly lower than with
splines. benchmarks/results/generalization.md has the tables that were held back.
"""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..neural_network import MLPClassifier, MLPRegressor
from ._inputs import NetworkInputs

__all__ = ["MOST_WAVY_COLUMNS", "batch_size_for", "default_estimator"]

# Of more columns, waves and splines make a first layer that takes most of the time.
MOST_WAVY_COLUMNS = 200

_SMALLEST_BATCH = 64

_SHARED = {
    "hidden_layer_sizes": (256,),
    "early_stopping": True,
    "learning_rate_init": 0.01,
    "n_iter_no_change": 40,
}
_WAVES = {"n_frequencies": 16, "frequency_scale": 0.3}


def batch_size_for(n_rows):
    """Rows of a minibatch: large networks on smaller ones cost more than they gain."""
    return max(1, min(max(_SMALLEST_BATCH, n_rows // 30), n_rows))


def default_estimator(kind, n_rows, n_columns, is_sparse):
    """Scaled inputs, as float32, in front of a network.

    Parameters
    ----------
    kind : {"classifier", "regressor"}
    n_rows, n_columns : int
        The size of the training data.
    is_sparse : bool
        Whether the inputs are sparse: they are then scaled without a centre, and the
        network has no waves.

    Returns
    -------
    Pipeline
    """
    parameters = {**_SHARED, "batch_size": batch_size_for(n_rows)}
    if not is_sparse and n_columns <= MOST_WAVY_COLUMNS:
        parameters |= _WAVES
    if kind == "classifier":
        network = MLPClassifier(label_smoothing=0.1, **parameters)
    else:
        network = MLPRegressor(normalize_y=True, **parameters)
    inputs = StandardScaler(with_mean=False) if is_sparse else NetworkInputs()
    return make_pipeline(inputs, network)
