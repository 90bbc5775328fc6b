"""Compiled functions in several Python threads at once, and Ctrl-C while they run."""

import _thread
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits

from skreg import MLPClassifier, config_context
from skreg._core import training
from skreg.model_selection import GridSearchCV

pytest.importorskip("numba")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def arrays_of(network):
    return [*network.coefs_, *network.intercepts_, np.array(network.loss_curve_)]


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_fits_at_once_have_the_bits_they_have_alone(digits, solver):
    X, y = digits

    def fit(k):
        # Other shapes, both precisions, dense and sparse rows.
        rows = X[: 300 + 40 * k, : 20 + 5 * k].astype(["f8", "f4"][k % 2])
        rows = sparse.csr_matrix(rows) if k % 3 == 2 else rows
        network = MLPClassifier(
            (10 + k, 5),
            ["tanh", "relu", "gelu"][k % 3],
            solver=solver,
            dropout=0.1 * (k % 2),
            batch_size=32 + k,
            max_iter=15,
            random_state=k,
        )
        with config_context(engine="compiled"):
            network.fit(rows, y[: rows.shape[0]])
        assert network.engine_ == "compiled"
        return arrays_of(network)

    alone = [fit(k) for k in range(8)]
    start = threading.Barrier(8)

    def fit_with_the_others(k):
        start.wait(30)
        return fit(k)

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit_with_the_others, range(8)))
    for one, other in zip(together, alone, strict=True):
        for array, expected in zip(one, other, strict=True):
            assert_array_equal(array, expected)


def test_other_python_threads_run_meanwhile(digits, monkeypatch):
    """A block holds no lock of the interpreter: here one takes all of an epoch."""
    monkeypatch.setattr("skreg._core.compiled.step._BLOCK_WORK", 10**12)
    n_turns, is_done = [0, 0], threading.Event()

    def fit():
        with config_context(engine="compiled"):
            MLPClassifier((600, 400), batch_size=32, max_iter=1).fit(*digits)
        is_done.set()

    # The first one may compile.
    for k in range(2):
        is_done.clear()
        worker = threading.Thread(target=fit)
        worker.start()
        while not is_done.wait(1e-3):
            n_turns[k] += 1
        worker.join()
    assert n_turns[1] > 20


class Interrupt:
    """Ctrl-C in a while, and how long it took the main thread to come back."""

    def __init__(self, seconds):
        self._seconds, self.at = seconds, None

    def _press(self):
        self.at = time.perf_counter()
        _thread.interrupt_main()

    def __enter__(self):
        # Whoever runs the tests in the background may have it ignored.
        self._handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._timer = threading.Timer(self._seconds, self._press)
        self._timer.start()
        return self

    def __exit__(self, *error):
        self.took = time.perf_counter() - self.at if self.at else np.nan
        self._timer.cancel()
        self._timer.join()
        signal.signal(signal.SIGINT, self._handler)


@pytest.mark.both_engines
def test_an_interrupt_is_heard_within_an_epoch(digits):
    """One that takes more than two seconds."""
    X, y = (np.repeat(array, 10, axis=0) for array in digits)
    network = MLPClassifier((1000, 1000), batch_size=32, random_state=0)
    # What has to be compiled is compiled before.
    network.set_params(max_iter=1).fit(X[:64], y[:64])
    network.set_params(max_iter=200)
    with Interrupt(0.5) as interrupt:
        with pytest.warns(UserWarning, match="interrupted"):
            network.fit(X, y)
    assert interrupt.took < 1
    assert network.n_iter_ == 0 and network.stop_reason_ == "interrupted"
    assert all(np.isfinite(array).all() for array in network.coefs_)


@pytest.mark.both_engines
@pytest.mark.parametrize("hidden, max_iter", [((20,), 5_000), ((400, 200), 500)])
def test_an_interrupt_is_heard_within_a_second(hidden, max_iter, digits, engine):
    network = MLPClassifier(hidden, n_iter_no_change=max_iter, random_state=0)
    network.set_params(max_iter=1).fit(*digits)
    # More than half a minute.
    network.set_params(max_iter=max_iter)
    with Interrupt(0.5) as interrupt:
        with pytest.warns(UserWarning, match="interrupted"):
            network.fit(*digits)
    assert interrupt.took < 1
    assert network.stop_reason_ == "interrupted"
    assert network.engine_ == engine
    assert len(network.loss_curve_) == network.n_iter_ > 0
    assert all(np.isfinite(array).all() for array in arrays_of(network))
    # The next fit is as if nothing had been.
    network.set_params(max_iter=2).fit(*digits)
    expected = MLPClassifier(**network.get_params()).fit(*digits)
    for array, other in zip(arrays_of(network), arrays_of(expected), strict=True):
        assert_array_equal(array, other)


def test_an_interrupted_search_trains_no_more(digits, monkeypatch):
    """Other threads do not hear Ctrl-C by themselves."""
    n_epochs, run_epoch = [0], training._Batch.run_epoch

    def counted(batch):
        n_epochs[0] += 1
        return run_epoch(batch)

    monkeypatch.setattr(training._Batch, "run_epoch", counted)
    network = MLPClassifier((50,), max_iter=5_000, n_iter_no_change=5_000)
    search = GridSearchCV(network, {"alpha": [1e-4, 1e-3]}, cv=2, n_jobs=2)
    with Interrupt(0.5) as interrupt:
        with pytest.raises(KeyboardInterrupt):
            search.fit(*digits)
    assert interrupt.took < 1
    time.sleep(0.5)
    n_until_then = n_epochs[0]
    time.sleep(0.3)
    assert n_epochs[0] == n_until_then > 0
