"""A full disk, and workers that are killed."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

# Files of joblib's are larger than what a file may be here. X is 1.6 MB.
FULL_DISK = """
import resource
import numpy as np
import skreg
from skreg import MLPClassifier
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import StabilitySelection
from skreg.model_selection import GridSearchCV

skreg.set_config(engine="numpy")
X, y = np.random.RandomState(0).normal(size=(1000, 200)), np.arange(1000) % 2
network = MLPClassifier((3,), max_iter=1, random_state=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
for estimator in (
    GridSearchCV(network, {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=2),
    FoldEnsembleClassifier(network, cv=2, n_jobs=2),
    StabilitySelection(network, q=2, threshold=0.6, n_pairs=1, n_jobs=2),
):
    before = set(vars(estimator))
    try:
        estimator.fit(X, y)
    except OSError as error:
        assert set(vars(estimator)) == before
        print(error)
"""

FULL_MEMORY = """
import sys, warnings
import resource
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skreg import MLPClassifier

X, y = np.random.RandomState(0).normal(size=(1000, 200)), np.arange(1000) % 2
pipeline = make_pipeline(
    StandardScaler(), MLPClassifier((3,), max_iter=1), memory=sys.argv[1]
)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
for _ in range(2):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline.fit(X, y)
    print(sum("Unable to cache" in str(each.message) for each in caught))
"""

KILLED_WORKER = """
import os, signal, time
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError
import skreg
from skreg import MLPClassifier
from skreg.diagnosis import bias_variance_decomposition
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import StabilitySelection

skreg.set_config(engine="numpy")
parent = os.getpid()

class Deadly(MLPClassifier):
    # In another process it ends that.
    def fit(self, X, y):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)

def deadly(X, Y, sample_weight, rng):
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return X, Y, sample_weight

def members(network):
    return FoldEnsembleClassifier(network, cv=2, n_jobs=2)

def halves(network):
    return StabilitySelection(network, q=2, threshold=0.6, n_pairs=1, n_jobs=2)

class Rounds:
    def __init__(self, network):
        self.network = network

    def fit(self, X, y):
        given = dict(X_test=X, y_test=y, n_rounds=4, n_jobs=2)
        bias_variance_decomposition(self.network, X, y, **given)

X, y = np.random.RandomState(0).normal(size=(60, 4)), np.arange(60) % 2
params = dict(hidden_layer_sizes=(3,), max_iter=1, random_state=0)
for make, network in (
    (members, Deadly(**params)),
    (members, MLPClassifier(augmentation=deadly, **params)),
    (halves, MLPClassifier(augmentation=deadly, **params)),
    (Rounds, MLPClassifier(augmentation=deadly, **params)),
):
    estimator, started = make(network), time.perf_counter()
    before, of_network = dict(vars(estimator)), dict(vars(network))
    try:
        estimator.fit(X, y)
    except TerminatedWorkerError:
        assert vars(estimator) == before and vars(network) == of_network
        assert time.perf_counter() - started < 30
        print(make.__name__, "told")
    make(MLPClassifier(**params)).fit(X, y)
    print("goes on")
"""


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_full_disk_is_named():
    """joblib could not "pickle the task to send it to the workers"."""
    lines = run(FULL_DISK)
    assert len(lines) == 3
    for line in lines:
        assert "File too large" in line and "JOBLIB_TEMP_FOLDER" in line


@pytest.mark.slow
def test_a_pipeline_without_room_for_its_memory_is_fitted(tmp_path):
    assert run(FULL_MEMORY, str(tmp_path)) == ["1", "1"]


@pytest.mark.slow
def test_a_call_whose_worker_is_killed_ends_at_once():
    told = [f"{name} told" for name in ("members", "members", "halves", "Rounds")]
    assert run(KILLED_WORKER) == [line for each in told for line in (each, "goes on")]
