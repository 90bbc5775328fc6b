"""Processes that were forked from one that has trained on workers."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from joblib.externals.loky import reusable_executor

from skreg import MLPClassifier
from skreg._core import threads

# What starts workers knows of forks from when it is imported.
from skreg._utils import joblib_processes  # noqa: F401

# Of Python's, since 3.12: that it is multi-threaded is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="There is no fork.")

# Without numba's threads: NumPy's steps are run by processes.
SCRIPT = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import skreg
from skreg.model_selection import GridSearchCV

skreg.set_config(engine="numpy")
X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)

def search(scores=None):
    network = skreg.MLPClassifier((3,), max_iter=5, random_state=0)
    grid = GridSearchCV(network, {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=2).fit(X, y)
    if scores is None:
        return grid.best_score_
    scores.put(grid.best_score_)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    before = search()
    scores = context.Queue()
    process = context.Process(target=search, args=(scores,))
    process.start()
    process.join(20)
    is_alive = process.is_alive()
    process.kill()
    assert not is_alive, "the search in the other process hangs"
    assert scores.get() == before == search()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups.")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_search_after_one_in_the_process_before(method, tmp_path):
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text(SCRIPT, encoding="utf-8")
    # Workers of the other process live on for a while. A pipe would wait for them.
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, script, method], stderr=file, start_new_session=True
        )
        try:
            assert process.wait(60) == 0, log.read_text(encoding="utf-8")
        finally:
            os.killpg(process.pid, signal.SIGKILL)


# -- within the tests' process ---------------------------------------------------------


def in_child(function, seconds=30):
    """Whether ``function()`` is true in a forked child; False after some seconds."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if function() else 1)
        except BaseException:
            os._exit(2)
    for _ in range(100 * seconds):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@NEEDS_FORK
def test_a_child_forgets_the_workers_of_its_parent(monkeypatch):
    workers = object()
    monkeypatch.setattr(reusable_executor, "_executor", workers)
    assert in_child(lambda: reusable_executor._executor is None)
    assert reusable_executor._executor is workers


@NEEDS_FORK
@pytest.mark.parametrize("lock", ["blas", "compiler"])
def test_a_lock_of_another_thread_is_not_inherited(lock):
    if lock == "blas":
        lock = threads._lock
    else:
        pytest.importorskip("numba")
        from skreg._core.compiled import jit

        lock = jit._compiling
    held = threading.Event()

    def hold():
        with lock:
            held.set()
            time.sleep(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert in_child(lambda: lock.acquire(timeout=5))
    finally:
        thread.join()
    # Nor is it kept by the parent.
    free = threading.Thread(target=lambda: (lock.acquire(), lock.release()))
    free.start()
    free.join(10)
    assert not free.is_alive()


@NEEDS_FORK
@pytest.mark.both_engines
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_child_trains_as_its_parent():
    """While other threads of the parent train."""
    X, y = np.random.RandomState(0).normal(size=(60, 4)), np.arange(60) % 2
    network = MLPClassifier((5,), max_iter=5, random_state=0)
    expected = network.fit(X, y).predict_proba(X)
    going_on = threading.Event()
    going_on.set()

    def train():
        while going_on.is_set():
            MLPClassifier((5,), max_iter=5, random_state=0).fit(X, y)

    others = [threading.Thread(target=train) for _ in range(2)]
    for thread in others:
        thread.start()

    def agrees():
        return np.array_equal(network.fit(X, y).predict_proba(X), expected)

    try:
        assert all(in_child(agrees) for _ in range(5))
    finally:
        going_on.clear()
        for thread in others:
            thread.join()
