"""What several test files share; fixtures of theirs are in conftest.py."""

import numpy as np
import pytest

from skreg._fitting import sparse_path

# -- watching --------------------------------------------------------------------------


class Recorder:
    """A scorer that notes what it is given: rows, labels, weights and parameters.

    Parameters
    ----------
    scores : list of float, default=None
        What to return, the last one for ever; minus the calls so far where None.
    """

    def __init__(self, scores=None):
        self.scores = scores
        self.X, self.y, self.sample_weight, self.parameters = [], [], [], []

    def __call__(self, estimator, X, y, sample_weight=None):
        self.X.append(X.copy())
        self.y.append(y.copy())
        self.sample_weight.append(sample_weight)
        arrays = estimator.coefs_ + estimator.intercepts_
        self.parameters.append([array.copy() for array in arrays])
        if self.scores is None:
            return -float(len(self.y))
        return self.scores[min(len(self.y), len(self.scores)) - 1]


# -- paths from all inputs to none -----------------------------------------------------

# A network for the data of `make_data`.
NETWORK = dict(
    hidden_layer_sizes=(12,), alpha=1e-2, max_iter=30, learning_rate_init=0.01,
    batch_size=40, random_state=0,
)  # fmt: skip


def make_data(n_rows=160, n_features=10, seed=0, dtype=np.float64):
    """Two of the inputs matter, the first more."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    z = np.sin(2 * X[:, 0]) + 0.7 * X[:, 1]
    return X.astype(dtype), np.where(z > 0, "yes", "no")


def updates_per_point(n_updates):
    """A fixture for a module: so many updates at each value of a path, not 100.

    Workers do not know of it.
    """

    @pytest.fixture(autouse=True, scope="module")
    def quick_paths():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sparse_path, "_UPDATES_PER_POINT", n_updates)
            yield

    return quick_paths
