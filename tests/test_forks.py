"""Processes that were forked from one that has trained on workers."""

import os
import signal
import subprocess
import sys

import pytest

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
@pytest.mark.parametrize("method", ["fork", "spawn"])
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
