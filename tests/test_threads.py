"""BLAS threads: one for small products, never more than the user's, and restored."""

import threading

import joblib
import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import ThreadpoolController, threadpool_limits

from skreg import MLPClassifier, MLPRegressor
from skreg._core import threads
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.objective import Objective
from skreg._core.predictions import Chunks, predict_raw
from skreg._core.threads import blas_threads_for, blas_threads_for_layers
from skreg.feature_selection import feature_path
from skreg.model_selection import GridSearchCV

CONTROLLERS = ThreadpoolController().select(user_api="blas").lib_controllers
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(not CONTROLLERS, reason="a BLAS whose threads cannot be set"),
]

IS_SCIPYS = [threads._Library(controller).is_scipys for controller in CONTROLLERS]

ONE = [1] * len(CONTROLLERS)
TWO = [2] * len(CONTROLLERS)
# What a large product has: NumPy's step leaves SciPy's library with vectors, and the
# compiled one leaves NumPy's with little.
LARGE = {
    "numpy": [1 if is_scipys else 2 for is_scipys in IS_SCIPYS],
    "compiled": [2 if is_scipys else 1 for is_scipys in IS_SCIPYS],
}

SMALL_PRODUCT, LARGE_PRODUCT = 1_000, 10**12

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5))
Y = (X[:, 0] > 0).astype(int)


def blas_threads():
    return [controller.get_num_threads() for controller in CONTROLLERS]


@pytest.fixture(autouse=True)
def two_threads():
    """What a user has who has set nothing, on a machine of two cores."""
    with threadpool_limits(limits=2, user_api="blas"):
        assert blas_threads() == TWO
        yield
        assert blas_threads() == TWO, "not restored"


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(threads, "_THREADED_FIT", 1)


class Watcher:
    """A scorer that notes the threads which BLAS has while training."""

    def __init__(self, error=None):
        self.seen, self._error = [], error

    def __deepcopy__(self, memo):
        # Clones of an estimator report here as well.
        return self

    def __call__(self, estimator, X, y, **kwargs):
        self.seen.append(blas_threads())
        if self._error is not None:
            raise self._error
        return estimator.score(X, y)


def network(watcher, kind=MLPClassifier, **kwargs):
    shared = dict(early_stopping=True, max_iter=3, random_state=0, scoring=watcher)
    return kind(**{"hidden_layer_sizes": (4,), **shared, **kwargs})


# -- the contexts --------------------------------------------------------------------


def test_libraries_of_numpy_and_scipy_are_told_apart():
    libraries = threads._find_libraries()
    assert libraries is threads._find_libraries()
    assert len(libraries.all) == len(CONTROLLERS) == len(IS_SCIPYS)
    assert sum(IS_SCIPYS) < len(IS_SCIPYS)


@pytest.mark.parametrize(
    "path, expected",
    [
        ("site-packages/scipy.libs/libscipy_openblas-6c.so", True),
        ("site-packages/scipy/.dylibs/libscipy_openblas.dylib", True),
        ("site-packages/numpy.libs/libscipy_openblas64_-32.so", False),
        ("site-packages/numpy/.dylibs/libscipy_openblas64_.dylib", False),
        ("/home/me/scipy/venv/lib/site-packages/numpy.libs/libopenblas.so", False),
        ("/opt/conda/lib/libopenblasp-r0.3.21.so", False),
        ("/usr/lib/libmkl_rt.so.2", False),
    ],
)
def test_scipys_library_is_known_by_its_directory(path, expected):
    controller = type("Controller", (), {"filepath": path})()
    assert threads._Library(controller).is_scipys == expected


@pytest.mark.parametrize(
    "api, version, smallest",
    [
        ("openblas", "0.3.26", 9_216),
        ("openblas", "0.3.27", 460_800),
        ("openblas", "0.3.31.188.0", 460_800),
        ("openblas", "0.4.0.dev", 460_800),
        ("openblas", None, 9_216),
        ("mkl", "2024.0", 9_216),
    ],
)
def test_vectors_start_threads_later_since_openblas_0_3_27(api, version, smallest):
    controller = type("Controller", (), {"internal_api": api, "version": version})()
    assert threads._Library(controller).smallest_of_vectors == smallest


@pytest.mark.parametrize("name", LARGE)
def test_small_products_get_one_thread_and_large_ones_keep_theirs(name):
    with blas_threads_for(SMALL_PRODUCT, engine=name):
        assert blas_threads() == ONE
    with blas_threads_for(LARGE_PRODUCT, engine=name):
        assert blas_threads() == LARGE[name]


@pytest.mark.parametrize("product", [SMALL_PRODUCT, LARGE_PRODUCT])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_errors_and_interrupts_restore(product, error):
    with pytest.raises(error), blas_threads_for(product):
        raise error


@pytest.mark.parametrize("place", ["enter", "leave"])
def test_an_interrupt_of_entering_or_leaving_restores(place, monkeypatch):
    real = getattr(threads._Library, place)
    calls = []

    def interrupted(library, user):
        real(library, user)
        calls.append(library)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(threads._Library, place, interrupted)
    with pytest.raises(KeyboardInterrupt), blas_threads_for(SMALL_PRODUCT):
        assert place == "leave"
    assert len(calls) > 0


def test_contexts_nest():
    with blas_threads_for(LARGE_PRODUCT):
        with blas_threads_for(SMALL_PRODUCT):
            with blas_threads_for(LARGE_PRODUCT):
                assert blas_threads() == ONE
            with blas_threads_for(SMALL_PRODUCT):
                assert blas_threads() == ONE
            assert blas_threads() == ONE
        assert blas_threads() == LARGE["numpy"]


@pytest.mark.parametrize("product", [SMALL_PRODUCT, LARGE_PRODUCT])
@pytest.mark.parametrize("limit", [1, 3])
def test_the_users_limit_is_never_raised_and_comes_back(limit, product):
    with threadpool_limits(limits=limit, user_api="blas"):
        before = blas_threads()
        with blas_threads_for(product):
            assert all(a <= b for a, b in zip(blas_threads(), before, strict=True))
        assert blas_threads() == before == [limit] * len(before)


def test_the_users_limit_inside_ends_at_ours():
    with blas_threads_for(SMALL_PRODUCT):
        with threadpool_limits(limits=1, user_api="blas"):
            assert blas_threads() == ONE
        assert blas_threads() == ONE


def test_the_last_of_several_python_threads_restores():
    """Whoever came first: it is neither the first nor the main thread that restores."""
    is_in, may_leave = threading.Event(), threading.Event()
    inside = []

    def compute():
        with blas_threads_for(SMALL_PRODUCT):
            is_in.set()
            may_leave.wait(10)
            inside.append(blas_threads())

    other = threading.Thread(target=compute)
    with blas_threads_for(SMALL_PRODUCT):
        other.start()
        assert is_in.wait(10)
    assert blas_threads() == ONE
    may_leave.set()
    other.join()
    assert inside == [ONE]
    assert blas_threads() == TWO


def test_other_python_threads_can_set_limits_afterwards():
    # threadpoolctl gives the number of threads to the first that sets it.
    inside = []

    def limit():
        with threadpool_limits(limits=1, user_api="blas"):
            inside.append(blas_threads())

    with blas_threads_for(SMALL_PRODUCT):
        pass
    other = threading.Thread(target=limit)
    other.start()
    other.join()
    assert inside == [ONE]


def test_many_python_threads_at_once():
    start = threading.Barrier(8)
    wrong = []

    def compute(seed):
        rng = np.random.default_rng(seed)
        start.wait(10)
        for product in rng.choice([SMALL_PRODUCT, LARGE_PRODUCT], size=300):
            with blas_threads_for(product):
                found = blas_threads()
            if product == SMALL_PRODUCT and found != ONE:
                wrong.append(found)

    workers = [threading.Thread(target=compute, args=(seed,)) for seed in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    assert blas_threads() == TWO


def test_limits_that_belong_to_a_python_thread_are_counted_there():
    """With OpenMP every Python thread has a number of its own."""
    numbers = threading.local()

    class OpenMP:
        threading_layer = "openmp"

        def get_num_threads(self):
            return getattr(numbers, "value", 2)

        def set_num_threads(self, value):
            numbers.value = value

    library = threads._Library(OpenMP())
    found = []

    def compute():
        library.enter("other")
        found.append(OpenMP().get_num_threads())
        library.leave("other")
        found.append(OpenMP().get_num_threads())

    library.enter("main")
    other = threading.Thread(target=compute)
    other.start()
    other.join()
    assert found == [1, 2]
    assert OpenMP().get_num_threads() == 1
    library.leave("main")
    assert OpenMP().get_num_threads() == 2


# -- one product a layer -------------------------------------------------------------


@pytest.mark.parametrize(
    "n_rows, shape, is_limited",
    [
        (100, (20, 100), False),  # below what OpenBLAS threads
        (100, (100, 100), True),
        (10_000, (100, 100), False),  # at the constant
        # A matrix and a vector, as the oldest OpenBLAS has it.
        (1, (92, 100), False),
        (1, (93, 100), True),
        (92, (100, 1), False),
        (93, (100, 1), True),
    ],
)
def test_layers_are_limited_where_blas_would_start_threads_too_soon(
    n_rows, shape, is_limited, monkeypatch
):
    monkeypatch.setattr(threads, "_THREADED_PREDICTION", 100_000_000)
    monkeypatch.setattr(threads._find_libraries(), "smallest_of_vectors", 9_216)
    with blas_threads_for_layers(n_rows, [np.empty((2, 3)), np.empty(shape)]):
        one = [2 if is_scipys else 1 for is_scipys in IS_SCIPYS]
        assert blas_threads() == (one if is_limited else TWO)


def test_no_layers():
    with blas_threads_for_layers(1_000_000, []):
        assert blas_threads() == TWO


# -- what trains and predicts --------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.both_engines
def test_a_small_fit_has_one_thread(kind, solver, is_sparse):
    watcher = Watcher()
    network(watcher, kind, solver=solver).fit(
        sparse.csr_matrix(X) if is_sparse else X, Y
    )
    assert watcher.seen == [ONE] * len(watcher.seen) != []


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "fista"])
def test_a_large_fit_keeps_its_threads(solver, everything_is_large, engine):
    watcher = Watcher()
    network(watcher, solver=solver).fit(X, Y)
    assert watcher.seen == [LARGE[engine]] * len(watcher.seen) != []


@pytest.mark.both_engines
def test_what_is_large_is_a_minibatch_times_a_layer(monkeypatch, engine):
    def threads_at(constant, X=X, **kwargs):
        monkeypatch.setattr(threads, "_THREADED_FIT", constant)
        watcher = Watcher()
        network(watcher, max_iter=1, **kwargs).fit(X, Y)
        return watcher.seen[0]

    # 6 inputs with the constant, 4 units, minibatches of 20 rows.
    assert threads_at(20 * 6 * 4, batch_size=20) == LARGE[engine]
    assert threads_at(20 * 6 * 4 + 1, batch_size=20) == ONE
    # A sparse matrix is not multiplied by BLAS: 5 units times 1 output are left.
    X_sparse = sparse.csr_matrix(X)
    assert threads_at(20 * 5, X_sparse, batch_size=20) == LARGE[engine]
    assert threads_at(20 * 5 + 1, X_sparse, batch_size=20) == ONE
    assert threads_at(1, X_sparse, hidden_layer_sizes=()) == ONE


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "fista"])
def test_a_search_that_fails_restores(solver, error):
    watcher = Watcher(error())
    search = GridSearchCV(
        network(watcher, solver=solver), {"alpha": [0, 1]}, cv=2, error_score="raise"
    )
    with pytest.raises(error):
        search.fit(X, Y)
    assert watcher.seen[0] == ONE
    assert blas_threads() == TWO


@pytest.mark.both_engines
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "fista"])
def test_an_interrupted_fit_restores(solver):
    watcher = Watcher(KeyboardInterrupt())
    with pytest.warns(UserWarning, match="interrupted"):
        network(watcher, solver=solver).fit(X, Y)
    assert watcher.seen == [ONE]
    assert blas_threads() == TWO


def test_a_fit_under_the_users_limit_stays_there(everything_is_large):
    watcher = Watcher()
    with threadpool_limits(limits=1, user_api="blas"):
        network(watcher).fit(X, Y)
        assert blas_threads() == ONE
    assert watcher.seen == [ONE] * len(watcher.seen) != []


def test_a_fit_that_ends_leaves_another_ones_limit():
    """Two Python threads fit at once; the second one ends while the first trains."""
    first_trains, second_is_done = threading.Event(), threading.Event()
    seen = []

    def wait_and_watch(estimator, X, y):
        first_trains.set()
        assert second_is_done.wait(30)
        seen.append(blas_threads())
        return estimator.score(X, y)

    first = network(wait_and_watch)
    worker = threading.Thread(target=first.fit, args=(X, Y))
    worker.start()
    assert first_trains.wait(30)
    network(Watcher()).fit(X, Y)
    assert blas_threads() == ONE
    second_is_done.set()
    worker.join()
    assert seen == [ONE] * len(seen) != []
    assert blas_threads() == TWO


@pytest.mark.skipif(
    not hasattr(joblib, "parallel_config"), reason="parallel_config came with 1.3"
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_trains_with_one_thread(n_jobs):
    watcher = Watcher()
    search = GridSearchCV(
        network(watcher), {"alpha": [1e-3, 1e-1]}, cv=2, n_jobs=n_jobs
    )
    # Threads, not processes, so that they are seen here.
    with joblib.parallel_config("threading"):
        search.fit(X, Y)
    assert watcher.seen == [ONE] * len(watcher.seen) != []


def test_gradients_between_the_fits_of_a_path_have_one_thread(monkeypatch):
    seen, gradient = [], Objective.smooth_value_and_gradient

    def watched(*args):
        seen.append(blas_threads())
        return gradient(*args)

    monkeypatch.setattr(Objective, "smooth_value_and_gradient", watched)
    path = feature_path(network(None), X, Y)
    # One to find the first penalty, and one a point for its residual.
    assert len(seen) == 1 + len(path.feature_alphas)
    assert seen == [ONE] * len(seen)


@pytest.mark.both_engines
def test_large_predictions_of_many_networks_keep_threads(
    everything_is_large, engine, monkeypatch
):
    kind, name, seen = Chunks, "forward", []
    if engine == "compiled":
        from skreg._core.compiled.evaluation import CompiledEvaluation

        kind, name = CompiledEvaluation, "predictions"
    evaluate = getattr(kind, name)

    def watched(*args):
        seen.append(blas_threads())
        return evaluate(*args)

    monkeypatch.setattr(kind, name, watched)
    architecture = Network((5, 4, 1), "relu", SquaredError())
    predict_raw(architecture, np.ones((2, architecture.n_params)), X)
    assert seen == [LARGE[engine]]


class _Products:
    """Notes the threads of BLAS at each product of `predict`."""

    def __init__(self, monkeypatch):
        from skreg.neural_network import _base

        self.seen, product = [], _base.raw_predictions

        def watched(*args):
            self.seen.append(blas_threads())
            return product(*args)

        monkeypatch.setattr(_base, "raw_predictions", watched)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score"])
def test_predicting_small_products_with_one_thread(method, monkeypatch):
    model = MLPClassifier((60,), max_iter=1).fit(X, Y)
    X_new = RNG.normal(size=(1_000, 5))
    arguments = [X_new] if method != "score" else [X_new, X_new[:, 0] > 0]
    products = _Products(monkeypatch)
    getattr(model, method)(*arguments)
    numpys = [2 if is_scipys else 1 for is_scipys in IS_SCIPYS]
    assert products.seen == [numpys]
    products.seen.clear()
    getattr(model, method)(*(part[:1] for part in arguments))
    assert products.seen == [TWO]


def test_predicting_large_products_with_all_threads(monkeypatch):
    model = MLPClassifier((60,), max_iter=1).fit(X, Y)
    monkeypatch.setattr(threads, "_THREADED_PREDICTION", 1_000 * 5 * 60)
    products = _Products(monkeypatch)
    model.predict(RNG.normal(size=(1_000, 5)))
    assert products.seen == [TWO]


def test_predicting_sparse_rows_counts_the_dense_layers(monkeypatch):
    X_wide = sparse.random(200, 300, random_state=0, format="csr")
    model = MLPClassifier((60, 40), max_iter=1).fit(X_wide, np.arange(200) % 2)
    # The first layer's product would be above this, the second one's is below.
    monkeypatch.setattr(threads, "_THREADED_PREDICTION", 1_000_000)
    products = _Products(monkeypatch)
    model.predict(X_wide)
    numpys = [2 if is_scipys else 1 for is_scipys in IS_SCIPYS]
    assert products.seen == [numpys]


def test_an_error_of_predict_restores(monkeypatch):
    model = MLPClassifier((60,), max_iter=1).fit(X, Y)
    model.intercepts_[0] = np.zeros(7)
    with pytest.raises(ValueError):
        model.predict(RNG.normal(size=(1_000, 5)))
    assert blas_threads() == TWO
