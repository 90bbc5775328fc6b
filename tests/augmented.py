"""What the tests of augmentation inside `fit` share: data, and one who watches."""

import numpy as np

from skreg import MLPClassifier, MLPRegressor
from skreg._fitting.tasks import TrainingState
from skreg.augmentation import AugmentingResampler, GaussianNoise

N_ROWS, N_FEATURES = 120, 6


def make_data(n_rows=N_ROWS, n_classes=3):
    """Rows whose first value is their number, in classes that can be told apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES))
    y = X[:, 1 : 1 + n_classes].argmax(axis=1)
    X[:, 0] = np.arange(n_rows)
    return X, y


X, Y_CLASSES = make_data()
SCALED = X / [N_ROWS, 1, 1, 1, 1, 1]  # for networks that are to learn something
TARGET = X[:, 1] + 0.1 * X[:, 2] ** 2


# Near copies of all rows, as a resampler makes them.
COPIES = AugmentingResampler(GaussianNoise(0.02), n_copies=3, random_state=0)


class Watcher:
    """An augmentation, or nothing, that notes what it is given and what it gives."""

    def __init__(self, augmentation=None):
        self.augmentation = augmentation
        self.given, self.made, self.rngs = [], [], []

    def __call__(self, X, Y, sample_weight, rng):
        self.given.append(copies(X, Y, sample_weight))
        self.rngs.append(rng)
        result = X, Y, sample_weight
        if self.augmentation is not None:
            result = self.augmentation(*result, rng)
        self.made.append(copies(*result))
        return result

    def rows(self):
        return sorted({int(row) for X, _, _ in self.given for row in X[:, 0]})


def copies(*arrays):
    return tuple(None if array is None else np.array(array) for array in arrays)


def classifier(**params):
    params = {"max_iter": 4, "batch_size": 32, "random_state": 0, **params}
    return MLPClassifier((5,), **params)


def regressor(**params):
    params = {"max_iter": 4, "batch_size": 32, "random_state": 0, **params}
    return MLPRegressor((5,), **params)


def assert_same_weights(one, other, equal=True):
    same = [
        np.array_equal(a, b)
        for a, b in zip(
            one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
        )
    ]
    assert all(same) if equal else not any(same)


def keep_rows(monkeypatch):
    """Let fitted estimators show the rows that they were trained on."""
    monkeypatch.setattr(TrainingState, "without_rows", lambda state: state)


def rows_held_out(fitted):
    """The validation rows of an estimator that was fitted under `keep_rows`."""
    return fitted._training_state.validation_rows[0]
