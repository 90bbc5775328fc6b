"""What several test files share; fixtures of theirs are in conftest.py."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erf, expit, logsumexp, xlogy
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skreg import MLPClassifier, MLPRegressor, config_context
from skreg._core.losses import (
    AbsoluteError,
    HalfBinomial,
    HalfMultinomial,
    HalfPoisson,
    Huber,
    Quantile,
    SquaredError,
)
from skreg._core.objective import Objective
from skreg._core.penalties import make_penalty
from skreg._fitting import sparse_path
from skreg._fitting.fit import fit_many, task_of

# -- pages -----------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[1]

# What `make docs` builds in docs/ is none of ours.
_BUILT = {"_build", "auto_gallery", "generated"}

# The README, and every page of the site that is written in Markdown.
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in sorted((ROOT / "docs").glob("**/*.md"))
        if not _BUILT & set(page.relative_to(ROOT).parts)
    ),
]


# -- kinds of estimators ---------------------------------------------------------------

BOTH = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
EACH_SOLVER = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
LOSSES = ["squared_error", "absolute_error", "huber", "quantile", "poisson"]


def all_checks(generator, estimators):
    """What `parametrize_with_checks` does, as a list, which pytest wants."""
    checks = [pair for estimator in estimators for pair in generator(estimator)]
    return pytest.mark.parametrize(("estimator", "check"), checks)


# -- data ------------------------------------------------------------------------------


def scaled(load, n_rows=None):
    """The first rows of one of scikit-learn's data sets, its inputs scaled by all."""
    X, y = load(return_X_y=True)
    return scale(X)[:n_rows], y[:n_rows]


def noisy(n=700, n_classes=4, seed=0):
    """Rows that tell nothing of their classes."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)), rng.integers(n_classes, size=n)


# -- what must be equal ----------------------------------------------------------------


def assert_same_parameters(actual, expected, rtol=1e-7, atol=1e-12):
    for a, b in zip(
        actual.coefs_ + actual.intercepts_,
        expected.coefs_ + expected.intercepts_,
        strict=True,
    ):
        assert_allclose(a, b, rtol=rtol, atol=atol)


def assert_rows_equal_training_alone(search, X, y, rows=slice(None)):
    """Each row of a table against scikit-learn's search over its parameters alone."""
    results = search.cv_results_
    for row, params in list(enumerate(results["params"]))[rows]:
        alone = GridSearchCV(
            clone(search.estimator),
            {name: [value] for name, value in params.items()},
            scoring=search.scoring,
            cv=search.cv,
            refit=False,
        ).fit(X, y)
        for split in range(search.n_splits_):
            name = f"split{split}_test_score"
            assert_allclose(
                results[name][row],
                alone.cv_results_[name][0],
                rtol=1e-9,
                err_msg=f"{params} on split {split}",
            )


def with_scaled_moments(state):
    """Adam may keep a factor in the moment or beside it: put it inside."""
    state = dict(state)
    for moment, factor in (("_M", "_m_scale"), ("_V", "_v_scale")):
        if factor in state:
            state[moment] = state[moment] * state.pop(factor)
    return state


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


# -- stopping --------------------------------------------------------------------------


def first_stop(criterion, validation_losses, data_losses=None, scores=None):
    """The epoch, from 1, after which a criterion fires first; None if it does not."""
    data_losses = data_losses or [1.0] * len(validation_losses)
    scores = scores or [-loss for loss in validation_losses]
    epochs = zip(scores, data_losses, validation_losses, strict=True)
    for epoch, numbers in enumerate(epochs, start=1):
        if criterion.update(*numbers):
            return epoch
    return None


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


# -- linear models ---------------------------------------------------------------------

N_ROWS, N_FEATURES = 150, 20


def make_X(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    X[:, 1] += 0.7 * X[:, 0]  # correlated columns make supports less obvious
    X[:, 5] -= 0.5 * X[:, 4]
    return X * rng.uniform(0.5, 2, N_FEATURES), rng


def make_regression(n_outputs=1):
    X, rng = make_X()
    coef = np.zeros((N_FEATURES, n_outputs))
    coef[:6] = rng.normal(size=(6, n_outputs))
    Y = 3 + X @ coef + rng.normal(size=(N_ROWS, n_outputs))
    return X, Y[:, 0] if n_outputs == 1 else Y


def make_classification(n_classes):
    X, rng = make_X(1)
    coef = np.zeros((N_FEATURES, n_classes))
    coef[:5] = rng.normal(size=(5, n_classes))
    Z = X @ coef + rng.gumbel(size=(N_ROWS, n_classes))
    return X, np.array(["a", "b", "c", "d"])[Z.argmax(axis=1)]


def make_counts():
    X, rng = make_X(2)
    rate = np.exp(0.5 + 0.2 * X[:, :4] @ rng.normal(size=4))
    return X, rng.poisson(rate)


def penalty(coef, alpha, l1_ratio):
    l1, l2 = np.abs(coef).sum(), (coef**2).sum()
    return alpha * (l1_ratio * l1 + (1 - l1_ratio) / 2 * l2)


def half_squared_error(y, prediction, weight):
    losses = (y - prediction) ** 2 / 2
    losses = losses if losses.ndim == 1 else losses.sum(axis=1)
    return np.average(losses, weights=weight)


def draw_weight(weighted):
    if not weighted:
        return None
    return np.random.default_rng(3).integers(4, size=N_ROWS).astype(float)


def logistic_regression(C, l1_ratio):
    """scikit-learn's, whose way to name the penalty changed in 1.8."""
    settings = dict(C=C, max_iter=100_000, tol=1e-7)
    penalty_parameter = inspect.signature(LogisticRegression).parameters["penalty"]
    if l1_ratio > 0 and penalty_parameter.default != "deprecated":
        settings["penalty"] = "elasticnet"
    if l1_ratio == 0:
        return LogisticRegression(**settings)
    return LogisticRegression(
        l1_ratio=l1_ratio, solver="saga", random_state=0, **settings
    )


# -- stationary points -----------------------------------------------------------------


def objective_of(model, X, y):
    """The objective that a fitted network minimized, and its parameters."""
    (outcome,) = fit_many(
        [task_of(model.set_params(max_iter=1), dense_first=False)], X, y
    )
    network = outcome.network
    Y = model._problem.encode(y, outcome.encoding, X.dtype)
    objective_penalty = make_penalty(
        [model],
        model.feature_penalty,
        model._make_config().input_groups(X),
        X.dtype,
    )
    objective = Objective(network, objective_penalty, X, Y, np.arange(len(X)))
    return objective, network.pack(model.coefs_, model.intercepts_, X.dtype)[None]


def residual_by_definition(model, objective, params):
    """max_g dist(-grad_g, subdifferential_g) / sqrt(size_g), and of other weights."""
    network = objective.network
    _, gradient = objective.smooth_value_and_gradient(params)
    weights = [W[0] for W in network.weights(params)]
    gradients = [G[0] for G in network.weights(gradient)]
    l1 = model.alpha * model.l1_ratio
    worst = max(np.abs(block[0, -1]).max() for block in network.blocks(gradient))
    for W, G in zip(weights[1:], gradients[1:], strict=True):
        worst = max(worst, l1_distance(W, G, l1).max())
    groups = model._make_config().input_groups(np.empty((0, len(weights[0]))))
    for g in range(groups.n_groups):
        members = groups.labels == g
        W, G = weights[0][members], gradients[0][members]
        size, norm = members.sum(), np.linalg.norm(W)
        strength = model.feature_alpha * np.sqrt(size)
        if model.feature_alpha > 0 and model.feature_penalty == "log_sum":
            strength /= 1 + norm / model.feature_epsilon
        if norm == 0:
            left = np.sqrt((l1_distance(W, G, l1) ** 2).sum()) - strength
            left = max(left, 0)
        else:
            left = np.linalg.norm(l1_distance(W, G + strength * W / norm, l1))
        worst = max(worst, left / np.sqrt(size))
    return worst


def l1_distance(W, G, l1):
    at_zero = np.maximum(np.abs(G) - l1, 0)
    return np.where(W == 0, at_zero, np.abs(G + l1 * np.sign(W)))


# -- objectives by their formulas ------------------------------------------------------

# The loss, and its value written out for raw predictions (n_rows, n_outputs).
RAW_LOSSES = {
    "squared_error": (SquaredError(), lambda y, z: (y - z) ** 2 / 2),
    "absolute_error": (AbsoluteError(), lambda y, z: abs(y - z)),
    "huber": (
        Huber(0.7),
        lambda y, z: np.where(
            abs(y - z) <= 0.7, (y - z) ** 2 / 2, 0.7 * (abs(y - z) - 0.35)
        ),
    ),
    "quantile": (
        Quantile(0.2),
        lambda y, z: np.where(y > z, 0.2 * (y - z), 0.8 * (z - y)),
    ),
    "poisson": (HalfPoisson(), lambda y, z: np.exp(z) - y + xlogy(y, y) - y * z),
    "binomial": (
        HalfBinomial(),
        lambda y, z: -xlogy(y, expit(z)) - xlogy(1 - y, expit(-z)),
    ),
    "multinomial": (
        HalfMultinomial(),
        lambda y, z: -y * (z - logsumexp(z, axis=1, keepdims=True)),
    ),
}
ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z * expit(z),
}
# Without a hidden layer there is no activation.
ARCHITECTURES = [((), "identity")] + [
    (hidden, activation) for hidden in ((5,), (5, 3)) for activation in ACTIVATIONS
]
OUTPUTS = [
    (name, n_outputs)
    for name in RAW_LOSSES
    for n_outputs in (1, 3)
    if name != "multinomial" or n_outputs > 1
]


def draw_problem(loss, n_outputs, rng):
    """X of 23 rows and four inputs, and targets of a loss."""
    n_rows = 23
    X = rng.normal(size=(n_rows, 4))
    shape = (n_rows, n_outputs)
    if loss == "multinomial":
        return X, np.eye(n_outputs)[rng.integers(n_outputs, size=n_rows)]
    if loss == "binomial":
        return X, rng.integers(2, size=shape).astype(float)
    if loss == "poisson":
        return X, rng.poisson(2.0, shape).astype(float)
    return X, rng.normal(size=shape)


def central_differences(value, params, step=1e-6):
    """Derivatives of ``value(params) : (n_models,)``: ``(n_models, n_params)``."""
    slopes = np.empty_like(params)
    for k in range(params.shape[1]):
        shift = np.zeros(params.shape[1])
        shift[k] = step
        slopes[:, k] = (value(params + shift) - value(params - shift)) / (2 * step)
    return slopes


# -- the implementations of the step ---------------------------------------------------

# How many bytes of rows each engine evaluates at a time.
CHUNK_BYTES = {
    "numpy": "skreg._core.predictions._CHUNK_BYTES",
    "compiled": "skreg._core.compiled.evaluation._CHUNK_BYTES",
}


def by_each_engine(function):
    """What a function returns where compiled functions train, and where NumPy does."""
    results = []
    for engine in ("compiled", "numpy"):
        with config_context(engine=engine):
            results.append(function())
    return results


def fitted_by_each_engine(estimator, X, y, **kwargs):
    """Clones of an estimator, fitted by each; the second one is the oracle."""
    pair = by_each_engine(lambda: clone(estimator).fit(X, y, **kwargs))
    assert [each.engine_ for each in pair] == ["compiled", "numpy"]
    return pair


def assert_same_training(actual, expected, rtol=1e-9, atol=1e-12):
    """That two fitted estimators tell of the same training, up to rounding."""
    assert actual.n_iter_ == expected.n_iter_
    assert actual.stop_reason_ == expected.stop_reason_
    assert actual.best_iter_ == expected.best_iter_
    assert_same_parameters(actual, expected, rtol, atol)
    for W, expected_W in zip(actual.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(W == 0, expected_W == 0)
    assert_allclose(actual.loss_curve_, expected.loss_curve_, rtol=rtol)
    if expected.validation_scores_ is not None:
        scores = actual.validation_scores_, expected.validation_scores_
        assert_allclose(*scores, rtol=rtol, atol=atol)
