"""What trains: the configuration, what falls back to NumPy, and how that is told."""

import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skreg import MLPClassifier, MLPRegressor, config_context, get_config, set_config
from skreg._core import engines, losses, optimizers
from skreg._core.activations import ACTIVATIONS, Activation
from skreg._core.engines import compiled_package
from skreg._core.losses import SquaredError
from skreg._core.network import Network
from skreg._core.penalties import (
    INPUT_PENALTIES,
    WEIGHT_PENALTIES,
    ElasticNet,
    GroupLasso,
)
from skreg._core.step import engine_for
from skreg.model_selection import GridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(40, 3))
Y_CLASSES = (X[:, 0] > 0).astype(int)
Y_REAL = X[:, 0] - X[:, 1]

needs_numba = pytest.mark.skipif(
    isinstance(compiled_package(), Exception), reason="numba is missing"
)


def engine_now():
    return get_config()["engine"]


@pytest.fixture(autouse=True)
def fresh_configuration(monkeypatch):
    """None of this file's choices is left to others."""
    monkeypatch.delenv("SKREG_ENGINE", raising=False)
    monkeypatch.setitem(engines._of_process, "engine", None)
    with config_context():
        yield


@pytest.fixture
def fresh_import():
    """The module is looked for anew, and once more afterwards."""
    compiled_package.cache_clear()
    yield
    compiled_package.cache_clear()


def fit(**params):
    return MLPRegressor((4,), max_iter=2, random_state=0, **params).fit(X, Y_REAL)


# -- configuration ---------------------------------------------------------------------


def test_auto_is_the_beginning():
    assert get_config() == {"engine": "auto"}
    assert set(engines.ENGINES) == {"auto", "compiled", "numpy"}


def test_contexts_nest_and_end_with_errors_too():
    with config_context(engine="numpy"):
        assert engine_now() == "numpy"
        with config_context(engine="compiled"):
            assert engine_now() == "compiled"
            with config_context():
                assert engine_now() == "compiled"
        assert engine_now() == "numpy"
        with pytest.raises(KeyError), config_context(engine="auto"):
            assert engine_now() == "auto"
            raise KeyError
        assert engine_now() == "numpy"
    assert engine_now() == "auto"


@pytest.mark.parametrize("bad", ["cython", "", "NumPy", 1, True])
def test_what_is_no_engine_is_named(bad):
    message = f"engine must be one of auto, compiled, numpy. Got {bad!r}"
    with pytest.raises(ValueError, match=message):
        set_config(engine=bad)
    with pytest.raises(ValueError, match=message), config_context(engine=bad):
        pass
    assert engine_now() == "auto"
    with config_context(engine="numpy"):
        with pytest.raises(ValueError), config_context(engine=bad):
            pass
        assert engine_now() == "numpy"


def in_thread(function):
    """What a function returns in another Python thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_a_context_belongs_to_its_thread():
    with config_context(engine="numpy"):
        assert in_thread(engine_now) == "auto"

        def elsewhere():
            with config_context(engine="compiled"):
                return engine_now()

        assert in_thread(elsewhere) == "compiled"
        assert engine_now() == "numpy"


def test_a_choice_of_the_process_is_for_threads_that_made_none():
    set_config(engine="numpy")
    assert engine_now() == in_thread(engine_now) == "numpy"
    set_config()
    assert engine_now() == "numpy"

    def elsewhere():
        set_config(engine="compiled")
        return engine_now()

    assert in_thread(elsewhere) == "compiled"
    # This thread has made its own.
    assert engine_now() == "numpy"
    assert in_thread(engine_now) == "compiled"


def test_the_environment_is_what_nobody_has_chosen(monkeypatch):
    monkeypatch.setenv("SKREG_ENGINE", "numpy")
    assert engine_now() == "numpy" == fit().engine_
    with config_context(engine="auto"):
        assert engine_now() == "auto"
    monkeypatch.setenv("SKREG_ENGINE", "fortran")
    with pytest.raises(ValueError, match="SKREG_ENGINE must be one of.*'fortran'"):
        fit()


# Whether numba is imported before and after a fit, and what has trained.
PROGRAM = """
import sys, warnings
import skreg
before = "numba" in sys.modules
warnings.simplefilter("ignore")
X = [[0.0], [1.0], [2.0], [3.0]]
model = skreg.MLPClassifier((2,), max_iter=1, random_state=0).fit(X, [0, 0, 1, 1])
print(before, "numba" in sys.modules, model.engine_)
"""


@pytest.mark.parametrize(
    "engine, expected",
    [
        ("numpy", "False False numpy"),
        pytest.param("compiled", "False True compiled", marks=needs_numba),
    ],
)
def test_numba_is_imported_when_a_network_is_trained(engine, expected):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"SKREG_ENGINE": engine},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == expected


# -- numba that is missing or broken ---------------------------------------------------


def test_without_numba(monkeypatch, fresh_import):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert fit().engine_ == "numpy"
    with config_context(engine="compiled"):
        with pytest.raises(ImportError, match=r"pip install 'skreg\[fast\]'") as caught:
            fit()
        with pytest.raises(ImportError, match="engine='compiled'"):
            fit(solver="lbfgs")
    assert "engine='compiled'" in str(caught.value)


@pytest.mark.parametrize(
    "error", [ImportError("NumPy"), AttributeError("core"), OSError()]
)
def test_a_numba_that_is_broken(error, monkeypatch, fresh_import):
    def broken(*args):
        raise error

    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    monkeypatch.setattr(engines, "import_module", broken)
    assert fit().engine_ == "numpy"
    with config_context(engine="compiled"):
        with pytest.raises(ImportError, match="engine='compiled'") as caught:
            fit()
    assert caught.value.__cause__ is not None


@needs_numba
@pytest.mark.parametrize("part", ["step.trainer_for", "evaluation.evaluator_for"])
def test_what_cannot_be_compiled_is_done_by_numpy(part, monkeypatch):
    def fails(*args):
        raise engines.CompilationError("Not here.")

    def lbfgs_or_adam():
        return fit(solver="lbfgs" if part.startswith("evaluation") else "adam")

    monkeypatch.setattr(f"skreg._core.compiled.{part}", fails)
    monkeypatch.setattr(engines, "_failures", [])
    with config_context(engine="compiled"):
        with pytest.raises(engines.CompilationError, match="Not here"):
            lbfgs_or_adam()
    assert not engines._failures
    assert lbfgs_or_adam().engine_ == "numpy"
    # Nothing else is tried from then on, and who insists is told why.
    assert fit(solver="sgd").engine_ == "numpy"
    with config_context(engine="compiled"):
        with pytest.raises(ImportError, match="Not here"):
            fit()


# -- what has not been compiled --------------------------------------------------------


def engine_of(activation="relu", loss=None, penalty=None, solver="adam"):
    network = Network((3, 4, 1), activation, loss or SquaredError())
    penalty = ElasticNet([0.1], [0.5], float) if penalty is None else penalty
    return engine_for(network, penalty, solver)


@needs_numba
def test_what_comes_with_skreg_is_compiled():
    for activation in ACTIVATIONS:
        assert engine_of(activation) == "compiled"
    for solver in optimizers.OPTIMIZERS:
        assert engine_of(solver=solver) == "compiled"
    for kind in (losses.SquaredError, losses.HalfPoisson, losses.HalfBinomial):
        assert engine_of(loss=kind()) == "compiled"
    with config_context(engine="numpy"):
        assert engine_of() == "numpy"


@needs_numba
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_what_is_not_known_is_trained_by_numpy(engine, monkeypatch):
    class OwnLoss(SquaredError):
        pass

    class OwnPenalty(ElasticNet):
        pass

    class OwnInputPenalty(GroupLasso):
        pass

    class OwnSolver(optimizers.Adam):
        pass

    sine = Activation(
        lambda H: np.sin(H, out=H),
        lambda Z, delta: np.multiply(delta, np.cos(Z), out=delta),
        needs_input=True,
    )
    monkeypatch.setitem(ACTIVATIONS, "sine", sine)
    monkeypatch.setitem(optimizers.OPTIMIZERS, "own", OwnSolver)
    with config_context(engine=engine):
        assert engine_of("sine") == "numpy"
        assert engine_of(loss=OwnLoss()) == "numpy"
        assert engine_of(penalty=OwnPenalty([0.1], [0.5], float)) == "numpy"
        assert engine_of(solver="own") == "numpy"
        model = MLPRegressor((4,), "sine", max_iter=2, random_state=0)
        assert model.fit(X, Y_REAL).engine_ == "numpy"


@needs_numba
@pytest.mark.parametrize("table", ["activation", "solver", "weights", "inputs", "loss"])
def test_an_entry_that_was_replaced_is_trained_by_numpy(table, monkeypatch):
    """What stands under a name that is known may be something else."""
    params = {}
    if table == "activation":
        own = ACTIVATIONS["tanh"]._replace(apply=lambda H: np.sin(H, out=H))
        monkeypatch.setitem(ACTIVATIONS, "tanh", own)
        params = {"activation": "tanh"}
    elif table == "solver":
        own = type("OwnAdam", (optimizers.Adam,), {})
        monkeypatch.setitem(optimizers.OPTIMIZERS, "adam", own)
    elif table == "weights":
        own = type("OwnElasticNet", (ElasticNet,), {})
        name = next(key for key, kind in WEIGHT_PENALTIES.items() if kind is ElasticNet)
        monkeypatch.setitem(WEIGHT_PENALTIES, name, own)
    elif table == "inputs":
        own = type("OwnGroupLasso", (GroupLasso,), {})
        monkeypatch.setitem(INPUT_PENALTIES, "group_lasso", own)
        params = {"feature_penalty": "group_lasso", "feature_alpha": 0.01}
    else:
        own = type("OwnSquaredError", (SquaredError,), {})
        monkeypatch.setitem(losses.REGRESSION_LOSSES, "squared_error", own)
    assert fit(**params).engine_ == "numpy"
    if table in ("activation", "loss"):
        # What evaluates all rows reads these two alone.
        assert fit(**params, solver="lbfgs").engine_ == "numpy"


# -- these tests -----------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_marker_chooses_without_an_argument(request):
    name = request.node.callspec.params["engine"]
    assert engine_now() == name == fit().engine_


@pytest.mark.both_engines
def test_the_marker_chooses_with_an_argument(engine):
    assert engine_now() == engine == fit().engine_


@pytest.mark.parametrize("engine", ["numpy"], indirect=True)
def test_an_indirect_parameter_chooses(request):
    assert engine_now() == "numpy" == fit().engine_


# -- what is told ----------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_attribute_says_who_trained(engine):
    assert fit().engine_ == engine
    assert fit(solver="sgd").engine_ == engine
    assert fit(solver="lbfgs").engine_ == engine
    assert fit(early_stopping=True, refit=True).engine_ == engine
    classifier = MLPClassifier((3,), max_iter=2, random_state=0)
    assert classifier.fit(X, Y_CLASSES).engine_ == engine
    assert classifier.partial_fit(X, Y_CLASSES).engine_ == engine


@pytest.mark.skipif(
    not hasattr(joblib, "parallel_config"), reason="parallel_config came with 1.3"
)
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_train_with_what_was_chosen_here(backend):
    network = MLPRegressor((3,), max_iter=2, random_state=0)

    def is_numpys(network, X, y):
        return float(network.engine_ == "numpy")

    search = GridSearchCV(
        network, {"alpha": [0.1, 1.0]}, scoring=is_numpys, cv=2, refit=False, n_jobs=2
    )
    with joblib.parallel_config(backend):
        for engine in ("numpy", "auto"):
            with config_context(engine=engine):
                scores = clone(search).fit(X, Y_REAL).cv_results_["mean_test_score"]
                assert (scores == (fit().engine_ == "numpy")).all()


@pytest.mark.both_engines
def test_verbose_says_who_trains_before_it_does(engine, capsys):
    fit(verbose=True)
    first = capsys.readouterr().out.splitlines()[0]
    names = {"numpy": "NumPy", "compiled": "compiled functions"}
    assert first.startswith(f"Training with {names[engine]}.")
    assert ("compiled when they are first needed" in first) == (engine == "compiled")
