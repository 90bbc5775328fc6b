"""What is the same number again, and what is so up to rounding.

The page ``docs/user_guide/reproducibility.md`` has a table of it. `holds` says which of
its rows a test is about, and a row without a test is an error.
"""

import os
import pickle
import re
import subprocess
import sys
from functools import cache

import joblib
import numpy as np
import pytest
from helpers import PAGES
from numpy.testing import assert_allclose
from scipy import sparse
from threadpoolctl import ThreadpoolController, threadpool_limits

import skreg
from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor
from skreg._core import batching, rows, threads
from skreg.diagnosis import diagnose
from skreg.ensemble import FoldEnsembleRegressor
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The best value is at the edge"),
]
HAS_BLAS = bool(ThreadpoolController().select(user_api="blas").lib_controllers)
needs_blas = pytest.mark.skipif(not HAS_BLAS, reason="threads cannot be set")

# What the page calls rounding: of parameters after some epochs, and of predictions.
ROUNDING = {"float64": 1e-9, "float32": 1e-4}
ROUNDING_OF_PREDICTIONS = {"float64": 1e-12, "float32": 1e-5}
# A line search decides by differences of values that are nearly equal.
ROUNDING_OF_LBFGS = {"float64": 1e-6, "float32": 1e-2}


def rounding_by(solver):
    return ROUNDING_OF_LBFGS if solver == "lbfgs" else ROUNDING


_held = set()


def holds(row):
    """A decorator of a test that holds the row of the table that begins like this."""
    _held.add(row)
    return lambda test: test


# -- what is compared ------------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 8))
Y = X[:, 0] + X[:, 1] ** 2 + 0.3 * RNG.normal(size=240)
CLASSES = (Y > 1).astype(int)
ALPHAS = [1e-5, 1e-3, 1e-2, 0.1, 1.0]


def network(kind=MLPClassifier, **params):
    shared = dict(hidden_layer_sizes=(20,), max_iter=20, random_state=0)
    return kind(**shared | params)


def numbers_of(fitted):
    """All parameters of a network, in one array."""
    return np.concatenate([W.ravel() for W in fitted.coefs_ + fitted.intercepts_])


def fitted_numbers(kind, X=X, **params):
    y = CLASSES if kind is MLPClassifier else Y
    return numbers_of(network(kind, **params).fit(X, y))


def numbers_of_search(search):
    scores = [
        values for name, values in search.cv_results_.items() if "_test_score" in name
    ]
    return np.concatenate([*scores, numbers_of(search.best_estimator_)])


def grid(n_jobs=None, X=X, **params):
    estimator = network(early_stopping=True, **params)
    search = GridSearchCV(
        estimator, {"alpha": ALPHAS}, scoring="neg_log_loss", cv=3, n_jobs=n_jobs
    )
    return numbers_of_search(search.fit(X, CLASSES))


def full_batch_grid(n_jobs=None):
    return grid(n_jobs, solver="lbfgs")


def float32_grid(n_jobs=None):
    return grid(n_jobs, X.astype(np.float32))


def halving(n_jobs=None):
    search = HalvingGridSearchCV(
        network(), {"alpha": ALPHAS}, scoring="neg_log_loss", cv=3, n_jobs=n_jobs
    )
    return numbers_of_search(search.fit(X, CLASSES))


def ensemble(n_jobs=None):
    estimator = network(MLPRegressor, early_stopping=True)
    fitted = FoldEnsembleRegressor(estimator, random_state=0, n_jobs=n_jobs).fit(X, Y)
    return np.concatenate([*map(numbers_of, fitted.estimators_), fitted.predict(X)])


def automatic_ensemble(n_jobs=None):
    fitted = MLPClassifierCV(n_candidates=2, cv=2, random_state=0, n_jobs=n_jobs)
    return fitted.fit(X[:60], CLASSES[:60]).predict_proba(X)


def stability(n_jobs=None):
    selection = StabilitySelection(
        network(alpha=1e-3, max_iter=4),
        threshold=0.7,
        q=3,
        n_pairs=1,
        random_state=0,
        n_jobs=n_jobs,
    )
    return selection.fit(X[:80], CLASSES[:80]).stability_scores_


def diagnosis(n_jobs=None):
    estimator = network(max_iter=4)
    found = diagnose(
        estimator, X[:120], CLASSES[:120], cv=2, random_state=0, n_jobs=n_jobs
    )
    remedies = [remedy.validation_error for remedy in found.remedies]
    return np.array([found.train_error, found.validation_error, *remedies])


def path():
    points = feature_path(network(alpha=1e-3, max_iter=4), X[:100, :3], CLASSES[:100])
    weights = [W.ravel() for layers in points.coefs for W in layers]
    return np.concatenate([points.feature_alphas, points.kkt_residuals, *weights])


def selector(n_jobs=None):
    estimator = network(alpha=1e-3, max_iter=2, hidden_layer_sizes=(5,))
    fitted = SparseInputSelector(estimator, cv=2, n_jobs=n_jobs)
    fitted.fit(X[:60, :4], CLASSES[:60])
    scores = fitted.cv_results_["mean_test_score"]
    return np.concatenate([fitted.ranking_, scores, numbers_of(fitted.estimator_)])


WITH_WORKERS = [
    grid,
    full_batch_grid,
    float32_grid,
    halving,
    ensemble,
    automatic_ensemble,
    selector,
    stability,
    diagnosis,
]


@cache
def in_one_process(function, engine):
    return function()


def rounding_of(function):
    return ROUNDING["float32" if function is float32_grid else "float64"]


def close(a, b, rtol):
    """Whether arrays differ by so much of their largest entry, and no more."""
    return np.abs(a - b).max() <= rtol * np.abs(b).max()


BOTH = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
EACH_SOLVER = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
EACH_ENGINE = pytest.mark.parametrize("engine", ["compiled", "numpy"], indirect=True)
EACH_DTYPE = pytest.mark.parametrize("dtype", ["float64", "float32"])
EACH_WITH_WORKERS = pytest.mark.parametrize("function", WITH_WORKERS)


# -- the same again --------------------------------------------------------------------


@holds("nothing")
@EACH_ENGINE
@EACH_SOLVER
@BOTH
def test_the_same_fit_again(kind, solver, engine):
    params = dict(solver=solver, early_stopping=True, dropout=0.1 * (solver == "adam"))
    first = fitted_numbers(kind, **params)
    # Arrays lie elsewhere in memory.
    keep = [np.empty(n) for n in range(1, 2_000, 7)]
    np.testing.assert_array_equal(fitted_numbers(kind, **params), first)
    del keep


@holds("nothing")
@EACH_ENGINE
def test_the_same_path_again(engine):
    np.testing.assert_array_equal(path(), in_one_process(path, engine))


@holds("how X is stored")
@EACH_ENGINE
def test_the_same_numbers_in_other_containers(engine):
    pd = pytest.importorskip("pandas")
    wide = np.repeat(X, 2, axis=1)
    others = [np.asfortranarray(X), X.tolist(), wide[:, ::2], pd.DataFrame(X)]
    for solver in ("adam", "lbfgs"):
        expected = fitted_numbers(MLPClassifier, solver=solver)
        for other in others:
            found = fitted_numbers(MLPClassifier, other, solver=solver)
            np.testing.assert_array_equal(found, expected)


@holds("X is sparse")
@EACH_ENGINE
@EACH_DTYPE
@EACH_SOLVER
def test_a_sparse_matrix_of_the_same_numbers(solver, dtype, engine):
    dense = np.where(X > 0.5, X, 0).astype(dtype)
    params = dict(solver=solver, max_iter=15)
    found = fitted_numbers(MLPRegressor, sparse.csr_array(dense), **params)
    expected = fitted_numbers(MLPRegressor, dense, **params)
    assert close(found, expected, rounding_by(solver)[dtype])


# -- engines ---------------------------------------------------------------------------


@holds("the engine")
@EACH_DTYPE
@EACH_SOLVER
@BOTH
def test_engines_agree(kind, solver, dtype):
    pytest.importorskip("numba")
    # Full batches of float32 end early, at the precision of their objective.
    params = dict(solver=solver, max_iter=15)
    found = []
    for name in ("compiled", "numpy"):
        with skreg.config_context(engine=name):
            found.append(fitted_numbers(kind, X.astype(dtype), **params))
    assert close(*found, rounding_by(solver)[dtype])


@holds("the engine")
@pytest.mark.parametrize("function", [grid, float32_grid, halving, ensemble, path])
def test_engines_agree_where_many_networks_train(function):
    pytest.importorskip("numba")
    found = []
    for name in ("compiled", "numpy"):
        with skreg.config_context(engine=name):
            found.append(in_one_process(function, name))
    assert close(*found, rounding_of(function))


# -- threads ---------------------------------------------------------------------------


def wide_fit(solver):
    """Parameters of a network whose products BLAS would share among its threads."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(250, 700))
    estimator = network(solver=solver, hidden_layer_sizes=(120,), max_iter=2)
    return numbers_of(estimator.fit(X, (X[:, 0] > 0).astype(int)))


@needs_blas
@EACH_ENGINE
@EACH_SOLVER
class TestThreadsOfBlas:
    @holds("threads of BLAS, in a fit")
    def test_small_products(self, solver, engine):
        found = []
        for limit in (1, 2):
            with threadpool_limits(limits=limit, user_api="blas"):
                found.append(wide_fit(solver))
        np.testing.assert_array_equal(*found)

    @holds("the same, in a fit with products beyond 3e9 multiply-adds")
    def test_large_products(self, solver, engine, monkeypatch):
        monkeypatch.setattr(threads, "_THREADED_FIT", 1)
        found = []
        for limit in (1, 2):
            with threadpool_limits(limits=limit, user_api="blas"):
                found.append(wide_fit(solver))
        assert close(*found, rounding_by(solver)["float64"])


@pytest.mark.slow
@holds("threads of BLAS, in a fit")
@EACH_ENGINE
def test_other_variables_for_threads(engine):
    """Fresh processes in which OMP_NUM_THREADS is 1, 2 and not set."""
    script = (
        "import pickle, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "import skreg, test_determinism as t\n"
        f"with skreg.config_context(engine={engine!r}):\n"
        "    found = [t.wide_fit('adam'), t.wide_fit('lbfgs'), t.grid()]\n"
        "sys.stdout.buffer.write(pickle.dumps(found))\n"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    bare["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    found = []
    for n_threads in ("1", "2", None):
        given = dict.fromkeys(names, n_threads) if n_threads else {}
        command = [sys.executable, "-c", script]
        output = subprocess.run(command, env=bare | given, capture_output=True)
        assert output.returncode == 0, output.stderr.decode()
        found.append(pickle.loads(output.stdout))
    for others in found[1:]:
        for actual, expected in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(actual, expected)


# -- predictions -----------------------------------------------------------------------


@cache
def predicting(dtype, kind=MLPClassifier):
    """A wide network, and rows to be predicted."""
    X = np.random.default_rng(2).normal(size=(5_000, 700)).astype(dtype)
    y = X[:100, 0] > 0
    return network(kind, hidden_layer_sizes=(300,), max_iter=1).fit(X[:100], y), X


def predicted(fitted, X, n_threads):
    with threadpool_limits(limits=n_threads, user_api="blas"):
        return fitted.predict_proba(X)


@needs_blas
@EACH_DTYPE
@holds("threads of BLAS, in a prediction")
def test_predictions_with_other_threads(dtype):
    fitted, X = predicting(dtype)
    for n_rows in (1, 2, 200, 2_000):
        one, two = (predicted(fitted, X[:n_rows], n_threads) for n_threads in (1, 2))
        np.testing.assert_array_equal(one, two)


@needs_blas
@EACH_DTYPE
@holds("the same, in a prediction with products beyond 1e9 multiply-adds")
def test_large_predictions_with_other_threads(dtype):
    fitted, X = predicting(dtype)
    assert len(X) * 700 * 300 > 1e9
    one, two = (predicted(fitted, X, n_threads) for n_threads in (1, 2))
    assert close(two, one, ROUNDING_OF_PREDICTIONS[dtype])


@EACH_DTYPE
@holds("how many rows are predicted at a time")
@pytest.mark.parametrize("size", [1, 7, 64, 499])
def test_predictions_in_parts(size, dtype):
    fitted, X = predicting(dtype)
    X = X[: 40 if size == 1 else 1_000]
    parts = [fitted.predict_proba(X[i : i + size]) for i in range(0, len(X), size)]
    whole = fitted.predict_proba(X)
    assert close(np.concatenate(parts), whole, ROUNDING_OF_PREDICTIONS[dtype])


# -- workers, and networks that train together -----------------------------------------


def assert_same(found, expected, function, engine):
    if engine == "compiled":
        np.testing.assert_array_equal(found, expected)
    else:
        assert close(found, expected, rounding_of(function))


def assert_same_with_workers(function, engine, backend):
    expected = in_one_process(function, engine)
    for n_jobs in (2, 3):
        with joblib.parallel_backend(backend):
            found = function(n_jobs=n_jobs)
        assert_same(found, expected, function, engine)


@holds("`n_jobs`, and workers that are threads or processes")
@EACH_ENGINE
@EACH_WITH_WORKERS
def test_workers_that_are_threads(function, engine):
    assert_same_with_workers(function, engine, "threading")


@pytest.mark.slow
@holds("`n_jobs`, and workers that are threads or processes")
@EACH_ENGINE
@EACH_WITH_WORKERS
def test_workers_that_are_processes(function, engine):
    assert_same_with_workers(function, engine, "loky")


@holds("which networks train together")
@EACH_ENGINE
@pytest.mark.parametrize("function", [grid, float32_grid, halving, ensemble])
def test_each_network_by_itself(function, engine, monkeypatch):
    # First, for what is computed once is kept.
    expected = in_one_process(function, engine)
    monkeypatch.setattr(batching, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(batching, "_COMPILED_CHUNK_BYTES", 1)
    assert_same(function(), expected, function, engine)


@holds("which networks train together")
@EACH_ENGINE
def test_a_candidate_alone(engine):
    search = GridSearchCV(network(), {"alpha": ALPHAS}, cv=2).fit(X, CLASSES)
    best = fitted_numbers(MLPClassifier, **search.best_params_)
    np.testing.assert_array_equal(numbers_of(search.best_estimator_), best)


# -- large products, which are cut into parts ------------------------------------------


@pytest.mark.parametrize("n_columns", [150, 151, 399, 401])
def test_products_of_a_minibatch_that_are_cut(n_columns):
    """NumPy's first layer: two to four parts, of which the last one is smaller."""
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 101, 95)), rng.normal(size=(95, n_columns))
    n_parts = -(-101 * 95 * n_columns // rows._UNPACKED_PRODUCT)
    assert 2 <= n_parts <= 4
    # What stood there before is not read.
    out = np.full((2, 101, n_columns), np.nan)
    rows._multiply(A, B, out, most_parts=4)
    assert_allclose(out, np.einsum("kij,jl->kil", A, B), rtol=0, atol=1e-12)


@EACH_ENGINE
def test_a_layer_whose_products_are_cut(engine, monkeypatch):
    """One epoch of 211 rows, with parts of products, is that without parts."""
    X = np.random.default_rng(0).normal(size=(211, 71))
    y = X[:, 0]
    params = dict(hidden_layer_sizes=(103,), max_iter=1, batch_size=211, momentum=0)
    assert 71 * 103 * 211 > rows._UNPACKED_PRODUCT
    fitted = network(MLPRegressor, solver="sgd", **params).fit(X, y)
    start = network(MLPRegressor, solver="sgd", learning_rate_init=1e-300, **params)
    start.fit(X, y)
    W, V = start.coefs_
    b, c = start.intercepts_
    # The gradient by hand, in products that nobody cuts.
    H = np.maximum(np.einsum("ij,jk->ik", X, W) + b, 0)
    delta = (np.einsum("ij,jk->ik", H, V) + c)[:, 0] - y
    delta_hidden = delta[:, None] * V[:, 0] * (H > 0)
    gradient = np.einsum("ij,ik->jk", X, delta_hidden) / len(X) + start.alpha * W
    assert_allclose(fitted.coefs_[0], W - 1e-3 * gradient, rtol=0, atol=1e-12)


# -- the page --------------------------------------------------------------------------


def test_every_row_of_the_page_is_held():
    (page,) = (page for page in PAGES if page.name == "reproducibility.md")
    table = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", page.read_text("utf-8"), re.M)
    assert set(table[1:]) == _held
