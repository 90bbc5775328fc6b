"""Networks are the same whoever trains them: compiled functions against NumPy's step.

The oracle is the step in NumPy, which has tests of its own. What is compared are whole
fits of twenty epochs; 61 rows in minibatches of 16 leave a partial one.
"""

import numpy as np
import pytest
from helpers import (
    LOSSES,
    assert_same_training,
    by_each_engine,
    fitted_by_each_engine,
)
from scipy import sparse
from sklearn.base import clone

from skreg import MLPClassifier, MLPRegressor
from skreg._core.activations import ACTIVATIONS
from skreg._core.schedules import DROPOUT_SCHEDULES, SCHEDULES
from skreg.augmentation import FeatureDropout, GaussianNoise, Mixup

pytest.importorskip("numba")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS = 61
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N_ROWS, 6)) * (_rng.random((N_ROWS, 6)) < 0.7)
Z = X @ _rng.normal(size=(6, 3)) + 0.5 * _rng.normal(size=(N_ROWS, 3))
WEIGHTS = _rng.uniform(0.1, 3, N_ROWS)

TARGETS = {
    "binary": (Z[:, 0] > 0).astype(int),
    "multiclass": Z.argmax(axis=1),
    "multilabel": (Z > 0.3).astype(int),
    "regression": Z[:, 0] / 2,
    "counts": _rng.poisson(np.exp(0.3 * Z[:, 0])).astype(float),
    "several": Z / 2,
}
# The losses of classifiers go by their targets.
CLASSES = ["binary", "multiclass", "multilabel"]

OPTIMIZERS = {
    "adam": dict(solver="adam", learning_rate_init=0.01),
    "sgd": dict(solver="sgd", learning_rate_init=0.05, momentum=0.0),
    "momentum": dict(
        solver="sgd", learning_rate_init=0.02, momentum=0.9, nesterovs_momentum=False
    ),
    "nesterov": dict(solver="sgd", learning_rate_init=0.02, momentum=0.9),
}
EACH_OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS)


def network(loss="multiclass", **params):
    """An estimator of a loss, and its targets."""
    params = {
        "quantile": 0.3 if loss == "quantile" else None,
        "hidden_layer_sizes": (7, 4),
        "activation": "tanh",
        "alpha": 0.01,
        "l1_ratio": 0.5,
        "batch_size": 16,
        "max_iter": 20,
        "n_iter_no_change": 100,
        "random_state": 0,
        **params,
    }
    if loss in CLASSES:
        del params["quantile"]
        return MLPClassifier(**params), TARGETS[loss]
    if loss == "several":
        return MLPRegressor(**params), TARGETS["several"]
    target = TARGETS["counts" if loss == "poisson" else "regression"]
    return MLPRegressor(**params, loss=loss), target


def check(X, model, y, sample_weight=None, **tolerance):
    fitted, expected = fitted_by_each_engine(model, X, y, sample_weight=sample_weight)
    assert expected.n_iter_ == 20
    assert_same_training(fitted, expected, **tolerance)
    return fitted


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@EACH_OPTIMIZER
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, optimizer, l1_ratio):
    params = OPTIMIZERS[optimizer] | {"alpha": 0.05, "l1_ratio": l1_ratio}
    check(X, *network(activation=activation, **params))


@pytest.mark.parametrize("is_weighted", [False, True])
@EACH_OPTIMIZER
@pytest.mark.parametrize("loss", [*LOSSES, *CLASSES, "several"])
def test_losses(loss, optimizer, is_weighted):
    weight = WEIGHTS if is_weighted else None
    check(X, *network(loss, **OPTIMIZERS[optimizer]), weight)


@pytest.mark.parametrize("loss", [*LOSSES[1:4], "several"])
def test_losses_of_several_outputs(loss):
    model, _ = network("several", learning_rate_init=0.01)
    if loss == "quantile":
        model.set_params(loss=loss, quantile=0.3)
    elif loss != "several":
        model.set_params(loss=loss)
    check(X, model, TARGETS["several"], WEIGHTS)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule, optimizer):
    # Nothing is an improvement of so much, after which the adaptive rate falls.
    params = dict(learning_rate=schedule, power_t=0.3, tol=10.0)
    params |= {"n_iter_no_change": 5 if schedule == "adaptive" else 100}
    check(X, *network(**(OPTIMIZERS[optimizer] | params)))


def test_a_momentum_of_one():
    params = dict(solver="sgd", momentum=1.0, learning_rate_init=1e-3, l1_ratio=0.0)
    check(X, *network(**params))


GROUPS = {"alone": None, "groups": [0, 0, 1, 2, 1, 3]}


@pytest.mark.filterwarnings("ignore:The network predicts no better than a constant")
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("feature_alpha", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nesterov"])
@pytest.mark.parametrize("kind", ["log_sum", "group_lasso"])
def test_penalties_of_inputs(kind, optimizer, feature_alpha, l1_ratio, groups):
    params = dict(feature_penalty=kind, feature_groups=GROUPS[groups])
    params |= dict(feature_epsilon=0.5) if kind == "log_sum" else {}
    model, y = network(
        l1_ratio=l1_ratio, warm_start=True, **OPTIMIZERS[optimizer], **params
    )
    # A fit without coefficients would first go all the way from no penalty to this one.
    model.max_iter = 1

    def fit():
        fitted = clone(model).fit(X, y)
        return fitted.set_params(feature_alpha=feature_alpha, max_iter=20).fit(X, y)

    fitted, expected = by_each_engine(fit)
    assert (fitted.engine_, expected.engine_) == ("compiled", "numpy")
    assert expected.n_iter_ == 20
    assert_same_training(fitted, expected)
    left = (expected.coefs_[0] != 0).any(axis=1)
    assert left.all() if feature_alpha < 0.5 else not left.all()


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("hidden", [(), (5,), (6, 5, 4)])
@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
def test_layers_and_dropout(optimizer, hidden, dropout, is_sparse):
    rows = sparse.csr_matrix(X) if is_sparse else X
    for activation in ("relu", "gelu"):
        params = dict(hidden_layer_sizes=hidden, activation=activation, dropout=dropout)
        check(rows, *network(**params, **OPTIMIZERS[optimizer]))


AUGMENTATIONS = {
    "noise": GaussianNoise(0.2),
    "mixup": Mixup(),
    "dropout": FeatureDropout(0.3),
}


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize(
    "name, is_sparse",
    # Noise leaves no zeros.
    [
        ("noise", False),
        ("mixup", False),
        ("mixup", True),
        ("dropout", False),
        ("dropout", True),
    ],
)
def test_augmentations(name, is_sparse, is_weighted, dropout):
    rows = sparse.csr_matrix(X) if is_sparse else X
    params = dict(augmentation=AUGMENTATIONS[name], learning_rate_init=0.01)
    weight = WEIGHTS if is_weighted else None
    for loss in ("squared_error", "multiclass"):
        check(rows, *network(loss, dropout=dropout, **params), weight)


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64, None])
def test_indices_of_sparse_rows(index_dtype, is_weighted):
    rows = sparse.csr_matrix(X)
    rows.indices = rows.indices.astype(index_dtype or np.int32)
    rows.indptr = rows.indptr.astype(index_dtype or np.int64)
    check(rows, *network(), WEIGHTS if is_weighted else None)
    dense = check(X, *network(), WEIGHTS if is_weighted else None)
    with_zeros = rows.copy()
    with_zeros.data[::7] = 0
    assert check(with_zeros, *network()).loss_ != dense.loss_


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 1.0, 2: 0.2}])
def test_weights_of_classes(class_weight):
    check(X, *network(class_weight=class_weight), WEIGHTS)
    check(X, *network(class_weight=class_weight))


@pytest.mark.parametrize("batch_size", [1, 7, 60, 61])
@pytest.mark.parametrize("shuffle", [False, True])
def test_sizes_of_minibatches(batch_size, shuffle):
    check(X, *network(batch_size=batch_size, shuffle=shuffle), WEIGHTS)


@pytest.mark.parametrize("seed", range(40))
def test_everything_at_once(seed):
    """Random combinations of what the tests above look at one by one."""
    rng = np.random.default_rng(seed)

    def any_of(values):
        values = list(values)
        return values[rng.integers(len(values))]

    model, y = network(
        any_of([*LOSSES, *CLASSES, "several"]),
        hidden_layer_sizes=any_of([(), (9,), (5, 3), (4, 3, 2)]),
        activation=any_of(ACTIVATIONS),
        l1_ratio=any_of([0.0, 0.3, 1.0]),
        dropout=any_of([0.0, 0.0, 0.2]),
        learning_rate=any_of(SCHEDULES),
        dropout_schedule=any_of(DROPOUT_SCHEDULES),
        augmentation=any_of([None, None, Mixup(), FeatureDropout(0.3)]),
        batch_size=any_of([5, 16, 61]),
        beta_1=any_of([0.0, 0.9]),
        beta_2=any_of([0.9, 0.999]),
        epsilon=any_of([1e-8, 1e-3]),
        **OPTIMIZERS[any_of(OPTIMIZERS)],
    )
    rows = any_of([X, sparse.csr_matrix(X)])
    check(rows, model, y, any_of([None, WEIGHTS]))


# -- single precision, and memory that is not ours -------------------------------------


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@EACH_OPTIMIZER
def test_float32(optimizer, activation, is_sparse, is_weighted):
    rows = X.astype(np.float32)
    weight = WEIGHTS if is_weighted else None
    model, y = network(activation=activation, **OPTIMIZERS[optimizer])
    rows = sparse.csr_matrix(rows) if is_sparse else rows
    fitted, expected = fitted_by_each_engine(model, rows, y, sample_weight=weight)
    for ours, W in zip(fitted.coefs_, expected.coefs_, strict=True):
        assert ours.dtype == W.dtype == np.float32
        np.testing.assert_allclose(ours, W, rtol=0, atol=1e-4)
    np.testing.assert_allclose(fitted.loss_curve_, expected.loss_curve_, rtol=1e-5)


@pytest.mark.parametrize("loss", [*LOSSES, *CLASSES, "several"])
def test_losses_in_float32(loss):
    model, y = network(loss, l1_ratio=0.0)
    y = y.astype(np.float32) if isinstance(model, MLPRegressor) else y
    rows = X.astype(np.float32)
    fitted, expected = fitted_by_each_engine(model, rows, y, sample_weight=WEIGHTS)
    for ours, W in zip(fitted.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(ours, W, rtol=0, atol=1e-4)
    np.testing.assert_allclose(fitted.loss_curve_, expected.loss_curve_, rtol=1e-5)


@pytest.mark.parametrize("augmentation", [None, Mixup()])
@pytest.mark.parametrize("kind", ["memmap", "flag", "sparse"])
def test_rows_that_are_read_only(kind, augmentation, tmp_path):
    model, y = network(augmentation=augmentation)
    y, weight = y.copy(), WEIGHTS.copy()
    y.flags.writeable = weight.flags.writeable = False
    if kind == "sparse":
        rows = sparse.csr_matrix(X)
        for array in (rows.data, rows.indices, rows.indptr):
            array.flags.writeable = False
    elif kind == "flag":
        rows = X.copy()
        rows.flags.writeable = False
    else:
        np.save(tmp_path / "X.npy", X)
        rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    check(rows, model, y, weight)


@pytest.mark.parametrize("order", ["F", "strided"])
def test_rows_that_are_not_next_to_each_other(order):
    rows = np.asfortranarray(X) if order == "F" else np.repeat(X, 2, axis=0)[::2]
    check(rows, *network())
