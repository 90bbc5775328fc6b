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
import os, signal
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError
from skreg import MLPClassifier
from skreg.ensemble import FoldEnsembleClassifier
from skreg.model_selection import GridSearchCV

parent = os.getpid()

class Deadly(MLPClassifier):
    # In another process it ends that.
    def fit(self, X, y):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)

X, y = np.random.RandomState(0).normal(size=(60, 4)), np.arange(60) % 2
ensemble = FoldEnsembleClassifier(Deadly((3,), max_iter=1), cv=2, n_jobs=2)
before = set(vars(ensemble))
try:
    ensemble.fit(X, y)
except TerminatedWorkerError:
    assert set(vars(ensemble)) == before
    print("told")
network = MLPClassifier((3,), solver="lbfgs", max_iter=2)
GridSearchCV(network, {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=2).fit(X, y)
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
def test_a_member_that_kills_its_worker_is_an_error_at_once():
    assert run(KILLED_WORKER) == ["told", "goes on"]
