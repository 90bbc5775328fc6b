"""What full-batch solvers call converged is; what they do not is named."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPClassifier, MLPRegressor
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.penalties import make_penalty
from skreg.model_selection import GridSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
CURVE = X[:, 0] + np.sin(2 * X[:, 1]) + 0.1 * rng.normal(size=len(X))
COLUMNS = {
    "timestamps": 1.6e9 + 1e7 * rng.random(len(X)),
    "areas": 1e6 * rng.lognormal(size=len(X)),
    "file sizes": 10.0 ** rng.uniform(2, 10, len(X)),
}


def residual(model, X, y):
    """How far from stationary the objective is at a fitted network."""
    state = model._training_state
    kept = state.progress.kept
    penalty = make_penalty([model], model.feature_penalty, None, X.dtype)
    encoding = model._fitted_encoding
    network = model_network(model, encoding)
    Y = model._problem.encode(y, encoding, X.dtype)
    rows = np.arange(len(X))
    return Objective(network, penalty, X, Y, rows).kkt_residual(kept[None])[0]


def model_network(model, encoding):
    units = [len(model.coefs_[0]), *(len(b) for b in model.intercepts_)]
    return Network(units, model.activation, model._problem.make_loss(encoding))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), (10,)])
@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
@pytest.mark.parametrize("column", COLUMNS)
def test_unscaled_inputs_are_named(column, solver, kind, hidden, dtype):
    bad = np.column_stack([X, COLUMNS[column]]).astype(dtype)
    y = CURVE if kind is MLPRegressor else CURVE > 0
    model = kind(hidden, solver=solver, alpha=1e-2, max_iter=1000, random_state=0)
    with pytest.warns(ConvergenceWarning, match="scale the data") as caught:
        model.fit(bad, y)
    assert len(caught) == 1
    assert model.stop_reason_ in ("no_descent", "max_iter")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("l1_ratio", [0, 1])
@pytest.mark.parametrize("hidden", [(), (10,)])
@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_converged_means_within_tol(solver, kind, hidden, l1_ratio, activation):
    y = CURVE if kind is MLPRegressor else CURVE > 0
    model = kind(hidden, activation, solver=solver, alpha=1e-2, l1_ratio=l1_ratio)
    model.set_params(max_iter=3000, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # The table has an activation also where there is no hidden layer.
        warnings.filterwarnings("ignore", "What is set here does nothing")
        model.fit(X, y)
    found = residual(model, X, y)
    unit = 1e-2 if solver == "fista" and l1_ratio else 1.0
    reason = model.stop_reason_
    # Where p and q of `w = p - q` are both positive, L-BFGS knows more than w does.
    slack = 1.1 if l1_ratio else 1.0
    assert reason in ("converged", "small_decrease", "max_iter")
    if reason == "converged":
        assert found <= slack * model.tol * unit
    else:
        assert found > model.tol * unit
    assert found < 0.1
    assert len(caught) == (reason == "max_iter")


@pytest.mark.parametrize("solver", ["lbfgs", "fista"])
def test_a_float32_network_cannot_see_a_target_that_is_far_away(solver):
    model = MLPRegressor(solver=solver, random_state=0)
    for mean in (1e7, 1e8):
        with pytest.warns(ConvergenceWarning, match="normalize_y=True"):
            model.fit(X.astype(np.float32), mean + CURVE)


def test_a_search_goes_on_and_warns():
    bad = np.column_stack([X, COLUMNS["timestamps"]])
    model = MLPRegressor((), solver="lbfgs", random_state=0)
    with pytest.warns(ConvergenceWarning, match="no way down"):
        search = GridSearchCV(model, {"alpha": [1e-4, 1e-2]}, cv=3).fit(bad, CURVE)
    assert search.n_batched_ == 2
