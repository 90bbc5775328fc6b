"""Ctrl-C: a network keeps what it has, and what is made of networks ends at once."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from unittest import mock

import joblib
import numpy as np
import pytest
import sklearn.model_selection
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg._core import training
from skreg._core.process import interrupts_wait
from skreg._utils import calls
from skreg._utils.calls import run_calls
from skreg._utils.progress import ProgressLines
from skreg.augmentation import ResampledClassifier
from skreg.diagnosis import bias_variance_decomposition
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV
from skreg.model_selection._lockstep_run import LockstepRun
from skreg.neural_network._base import BaseMLP

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.default_rng(0)
X = _rng.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def ctrl_c_in_fit(monkeypatch):
    """Ctrl-C comes in the second epoch of every `fit` of a network."""
    fit = BaseMLP.fit

    def interrupted_fit(self, *args, **kwargs):
        epochs = iter([None])

        def end_if_cancelled():
            for _ in epochs:
                return
            raise KeyboardInterrupt

        with mock.patch("skreg._core.training.end_if_cancelled", end_if_cancelled):
            return fit(self, *args, **kwargs)

    # Whoever trains networks without their `fit` asks whether it is this one.
    monkeypatch.setattr(BaseMLP, "fit", interrupted_fit)


def attributes(estimator):
    return {name: value for name, value in vars(estimator).items() if name[-1] == "_"}


@pytest.mark.both_engines
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_partial_fit_lets_it_through_and_is_as_it_was(Estimator, monkeypatch):
    """Otherwise a loop of calls would go on."""
    network = Estimator((3,), random_state=0).partial_fit(X, Y, **classes(Estimator))
    before = attributes(network)

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("skreg._core.training.end_if_cancelled", interrupt)
    with pytest.raises(KeyboardInterrupt):
        network.partial_fit(X, Y)
    after = attributes(network)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def classes(Estimator):
    return {"classes": [0, 1]} if Estimator is MLPClassifier else {}


NETWORK = MLPClassifier((3,), max_iter=5, random_state=0)


@pytest.mark.usefixtures("ctrl_c_in_fit")
@pytest.mark.parametrize("around", [(), (StandardScaler(),)], ids=["alone", "piped"])
def test_a_network_by_itself_keeps_what_it_has(around):
    piped = make_pipeline(*around, clone(NETWORK))
    with pytest.warns(UserWarning, match="interrupted"):
        piped.fit(X, Y)
    assert piped[-1].stop_reason_ == "interrupted" and piped[-1].n_iter_ == 1


MADE_OF_NETWORKS = {
    "ensemble": FoldEnsembleClassifier(ResampledClassifier(NETWORK), cv=2),
    "last fit of a selector": SparseInputSelector(NETWORK, n_features_to_select=2),
    "last fit of a search": GridSearchCV(NETWORK, {"alpha": [1e-3, 1e-2]}, cv=2),
    "search of others": GridSearchCV(ResampledClassifier(NETWORK), {}, cv=2),
}


@pytest.mark.usefixtures("ctrl_c_in_fit")
@pytest.mark.parametrize("name", MADE_OF_NETWORKS)
def test_what_is_made_of_networks_ends(name):
    """A network that ended early would pass for one of those that were asked for."""
    estimator = MADE_OF_NETWORKS[name]
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y)
    assert not attributes(estimator)


@pytest.mark.usefixtures("ctrl_c_in_fit")
def test_a_search_of_scikit_learns_goes_on():
    """It cannot know that a network ended early, nor of one of scikit-learn's."""
    search = sklearn.model_selection.GridSearchCV(
        NETWORK, {"alpha": [1e-3, 1e-2]}, cv=2
    )
    with pytest.warns(UserWarning, match="interrupted") as record:
        search.fit(X, Y)
    assert sum("interrupted" in str(each.message) for each in record) == 5
    assert search.best_estimator_.stop_reason_ == "interrupted"


@pytest.mark.usefixtures("ctrl_c_in_fit")
def test_a_diagnosis_of_other_estimators_ends():
    with pytest.raises(KeyboardInterrupt):
        bias_variance_decomposition(
            ResampledClassifier(NETWORK), X, Y, X_test=X, y_test=Y, n_rounds=2
        )


# -- in any epoch ----------------------------------------------------------------------


def network(**params):
    params = {"max_iter": 3, "alpha": 1e-3, "random_state": 0} | params
    return MLPClassifier((3,), **params)


class InterruptedEpoch:
    """Ctrl-C in one of the epochs of minibatch solvers."""

    def __init__(self, monkeypatch, at):
        self.at, self.n_epochs = at, 0
        run_epoch = training._Batch.run_epoch

        def interrupted(batch):
            self.n_epochs += 1
            if self.n_epochs == self.at:
                raise KeyboardInterrupt
            return run_epoch(batch)

        monkeypatch.setattr(training._Batch, "run_epoch", interrupted)


def test_the_first_partial_fit_leaves_nothing(monkeypatch):
    estimator = MLPRegressor((3,))
    InterruptedEpoch(monkeypatch, at=1)
    with pytest.raises(KeyboardInterrupt):
        estimator.partial_fit(X, Y)
    assert vars(estimator) == vars(MLPRegressor((3,)))


def test_a_loop_over_chunks_ends(monkeypatch):
    ensemble = FoldEnsembleClassifier(network(), cv=3).partial_fit(X, Y, classes=[0, 1])
    before = dict(vars(ensemble))
    # In the epoch of the second of three members.
    epochs = InterruptedEpoch(monkeypatch, at=2)
    with pytest.raises(KeyboardInterrupt):
        ensemble.partial_fit(X, Y)
    assert epochs.n_epochs == 2
    assert vars(ensemble) == before


def several(**params):
    """Of another package, so that its networks do not train side by side."""
    return BaggingClassifier(network(**params), n_estimators=2, random_state=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GridSearchCV(several(), {"estimator__alpha": [1e-3, 1e-2]}, cv=2),
        lambda: GridSearchCV(network(), {"alpha": [1e-3, 1e-2]}, cv=2),
        lambda: HalvingGridSearchCV(network(), {"alpha": [1e-3, 1e-2]}, cv=2),
        lambda: FoldEnsembleClassifier(several(), cv=2),
    ],
    ids=["bagging", "grid", "halving", "members"],
)
def test_a_call_that_fits_many_ends_at_once(make, monkeypatch):
    estimator = make()
    count = InterruptedEpoch(monkeypatch, at=np.inf)
    estimator.fit(X, Y)
    # In each epoch that there is, that of the refit at the end included.
    for at in range(1, count.n_epochs + 1):
        estimator = make()
        before = set(vars(estimator))
        with monkeypatch.context() as patch:
            epochs = InterruptedEpoch(patch, at)
            with pytest.raises(KeyboardInterrupt):
                estimator.fit(X, Y)
        assert epochs.n_epochs == at
        assert set(vars(estimator)) == before


# -- workers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "method", "run"),
    [
        (
            *(ProgressLines, "advance"),
            lambda: StabilitySelection(
                network(), q=2, threshold=0.6, n_pairs=2, n_jobs=2, random_state=0
            ).fit(X, Y),
        ),
        (
            *(ProgressLines, "advance"),
            lambda: SparseInputSelector(network(), cv=2, n_jobs=2).fit(X, Y),
        ),
        (
            *(ProgressLines, "advance"),
            lambda: FoldEnsembleClassifier(network(), cv=2, n_jobs=2).fit(X, Y),
        ),
        (
            *(ProgressLines, "advance"),
            lambda: bias_variance_decomposition(
                network(), X, Y, X_test=X, y_test=Y, n_rounds=4, n_jobs=2
            ),
        ),
        (
            *(LockstepRun, "_file"),
            lambda: GridSearchCV(
                network(), {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=2
            ).fit(X, Y),
        ),
    ],
    ids=["stability", "selector", "ensemble", "rounds", "grid"],
)
def test_an_interrupt_between_two_results_ends_the_workers(
    owner, method, run, monkeypatch
):
    closed = []

    def interrupted(*args):
        raise KeyboardInterrupt

    class Told:
        """The event of a call, which says when it is set."""

        def is_set(self):
            return bool(closed)

        def set(self):
            closed.append(True)

    # A debugger, or a terminal's `sys.last_traceback`, keeps the frames of the call.
    monkeypatch.setattr(calls, "Event", Told)
    monkeypatch.setattr(owner, method, interrupted)
    with joblib.parallel_config("threading"):
        with pytest.raises(KeyboardInterrupt) as caught:
            run()
    assert closed and caught.value.__traceback__ is not None


def test_an_interrupt_while_workers_start_is_an_interrupt(monkeypatch):
    """joblib wants to end workers that have not begun, which is an error."""

    class Starting:
        def __init__(self, **options):
            pass

        def __call__(self, calls):
            try:
                raise KeyboardInterrupt
            finally:
                raise RuntimeError("cannot join thread before it is started")

    monkeypatch.setattr(calls, "Parallel", Starting)
    with pytest.raises(KeyboardInterrupt):
        list(run_calls([joblib.delayed(int)()]))


# -- what must not be left half-made ---------------------------------------------------


def test_what_must_come_to_its_end_does():
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt):
            with interrupts_wait():
                with interrupts_wait():
                    signal.raise_signal(signal.SIGINT)
                    done.append("inner")
                done.append("outer")
        assert done == ["inner", "outer"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        # Ignored it stays, and another thread has nothing to wait for.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, handler)
    thread = threading.Thread(target=interrupts_wait().__enter__)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is handler


FIRST_FIT = """
import _thread, signal, sys, time
import numpy as np
import skreg

signal.signal(signal.SIGINT, signal.default_int_handler)

class Pressing:
    # Presses Ctrl-C while numba is imported, half of which is there then.
    def find_spec(self, name, path=None, target=None):
        if name == "numba.np.arrayobj":
            sys.meta_path.remove(self)
            _thread.interrupt_main()

sys.meta_path.insert(0, Pressing())
X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 2
network = skreg.MLPClassifier((3,), max_iter=2, random_state=0)
with skreg.config_context(engine="compiled"):
    try:
        network.fit(X, y)
        print("not interrupted")
    except KeyboardInterrupt:
        print("interrupted")
    print(network.fit(X, y).engine_)
"""


def test_an_interrupt_of_the_first_fit_spares_numba():
    pytest.importorskip("numba")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FIRST_FIT],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.split() == ["interrupted", "compiled"], done.stderr


def test_numba_compiles_what_it_has_begun(monkeypatch):
    pytest.importorskip("numba")
    from skreg._core.compiled import jit

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def decorator(cache):
        def compiled(function):
            signal.raise_signal(signal.SIGINT)
            done.append(function)

        return compiled

    try:
        with pytest.raises(KeyboardInterrupt):
            jit._with_cache(decorator, len)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert done == [len]


# -- at any moment ---------------------------------------------------------------------

RANDOM_MOMENTS = """
import gc, os, random, signal, sys, threading, time
import numpy as np
import skreg
from skreg import MLPClassifier
from skreg.diagnosis import bias_variance_decomposition
from skreg.ensemble import FoldEnsembleClassifier
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import GridSearchCV, HalvingGridSearchCV

signal.signal(signal.SIGINT, signal.default_int_handler)
skreg.set_config(engine=sys.argv[1])
workers, longest = {"n_jobs": int(sys.argv[2])}, float(sys.argv[3])
X = np.random.default_rng(0).normal(size=(600, 6))
y = (X[:, 0] > 0).astype(int)
folds, grid = {"cv": 2, **workers}, {"alpha": [1e-4, 1e-3, 1e-2, 0.1]}

def network(**params):
    params = {"max_iter": 10**7, "n_iter_no_change": np.inf} | params
    return MLPClassifier((8,), random_state=0, **params)

def halves():
    given = {"q": 2, "threshold": 0.6, "n_pairs": 10**4, **workers}
    return StabilitySelection(network(max_iter=20), **given)

def fit(estimator):
    return estimator.fit(X, y)

# Nearly all of its time is training.
def loop(network):
    while True:
        network.partial_fit(X, y, classes=[0, 1])

def rounds(network):
    given = {"X_test": X, "y_test": y, "n_rounds": 10**4, **workers}
    bias_variance_decomposition(network, X, y, **given)

# Each would take hours. The last four have ways of their own to share work.
CALLS = [
    (network, fit),
    (lambda: network(batch_size=1), loop),
    (lambda: HalvingGridSearchCV(network(), grid, **folds), fit),
    (lambda: SparseInputSelector(network(), **folds), fit),
    (lambda: GridSearchCV(network(), grid, **folds), fit),
    (lambda: FoldEnsembleClassifier(network(), **folds), fit),
    (halves, fit),
    (lambda: network(max_iter=200), rounds),
]

# What is imported and compiled once takes longer.
fit(SparseInputSelector(network(max_iter=9), cv=2))
fitted = vars(fit(network(max_iter=9))).keys()
of_partial_fit = vars(network().partial_fit(X, y, classes=[0, 1])).keys()
pressed = []

def press(has_ended):
    pressed.append(time.perf_counter())
    # As in a terminal, workers hear it as well.
    os.killpg(0, signal.SIGINT)
    if not has_ended.wait(2.5):
        # Python loses a signal that comes while it collects certain garbage.
        os.killpg(0, signal.SIGINT)

moments = random.Random(0)
for number in range(3):
    for make, call in CALLS if workers["n_jobs"] == 1 else CALLS[4:]:
        if number == 0:
            # The workers of the other calls have yet to start.
            fit(GridSearchCV(network(max_iter=9), grid, **folds))
        gc.collect()
        estimator, is_interrupted, has_ended = make(), False, threading.Event()
        before = dict(vars(estimator))
        moment = longest * (number + moments.random()) / 3
        try:
            threading.Timer(moment, press, [has_ended]).start()
            call(estimator)
        except KeyboardInterrupt:
            is_interrupted = True
        has_ended.set()
        seconds = time.perf_counter() - pressed[-1]
        after = vars(estimator)
        is_as_it_was = after.keys() == before.keys() and all(
            after[name] is before[name] for name in before
        )
        case = f"{estimator} after {moment:.3f} s: {is_interrupted}, {sorted(after)}"
        assert seconds < 5, case
        if not is_interrupted:
            assert (make, call) == (network, fit), case
            assert after.keys() == fitted, case
            assert estimator.stop_reason_ == "interrupted", case
        elif call is loop:
            assert is_as_it_was or after.keys() == of_partial_fit, case
        else:
            assert is_as_it_was, case
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups.")
@pytest.mark.parametrize(
    ("engine", "n_jobs", "longest"),
    [("numpy", 1, 0.2), ("compiled", 1, 0.2), ("numpy", 2, 1)],
)
def test_signals_at_random_moments(engine, n_jobs, longest, tmp_path):
    if engine == "compiled":
        pytest.importorskip("numba")
    log = tmp_path / "log"
    command = [sys.executable, "-W", "ignore", "-c", RANDOM_MOMENTS]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, engine, str(n_jobs), str(longest)],
            stderr=file,
            start_new_session=True,
        )
        try:
            assert process.wait(90) == 0, log.read_text(encoding="utf-8")
        finally:
            # Nothing is left of it where there were no workers.
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
