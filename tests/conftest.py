"""Settings that must stand before NumPy and matplotlib are imported, and fixtures."""

import os
from importlib.util import find_spec

import pytest

# skreg chooses the number of BLAS threads by itself, but scikit-learn does not, with
# which it is compared: with threads test_same_as_sklearn.py takes twice as long.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# imbalanced-learn has no release for the oldest versions that we support.
collect_ignore = []
if find_spec("imblearn") is None:
    collect_ignore += [
        "test_augmentation_in_fit.py",
        "test_augmentation_leaks.py",
        "test_resampled_estimator.py",
        "test_resampler.py",
        "test_resampler_in_fit.py",
    ]

# What draws by Hypothesis.
if find_spec("hypothesis") is None:
    collect_ignore += ["fuzz.py", "strategies.py", "test_properties.py"]

HAS_NUMBA = find_spec("numba") is not None

# Its asserts say as much as those of the tests.
pytest.register_assert_rewrite("helpers")

from helpers import scaled  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn.preprocessing import scale  # noqa: E402

import skreg  # noqa: E402

# -- the implementation of the step ----------------------------------------------------

# Full batches have no step.
_WITHOUT_STEP = ("lbfgs", "fista")


def pytest_generate_tests(metafunc):
    """Tests with the marker `both_engines` run once with each."""
    if metafunc.definition.get_closest_marker("both_engines") is not None:
        metafunc.parametrize("engine", ["compiled", "numpy"], indirect=True)


def pytest_collection_modifyitems(items):
    """Leave out the second run where a test's parameter `solver` has no step."""

    def is_needed(item):
        params = getattr(getattr(item, "callspec", None), "params", {})
        with_step = params.get("solver") not in _WITHOUT_STEP
        return with_step or params.get("engine") != "compiled"

    items[:] = [item for item in items if is_needed(item)]


@pytest.fixture(autouse=True)
def engine(request):
    """What trains in a test: by `both_engines`, or by an indirect parameter.

    Every test has it, for a fixture that no argument asks for would be left out. What
    fixtures of a wider scope train is not trained by it.
    """
    name = getattr(request, "param", None)
    if name == "compiled" and not HAS_NUMBA:
        pytest.skip("numba is missing")
    with skreg.config_context(engine=name):
        yield name


# -- data and figures of several files; nothing changes the data -----------------------


@pytest.fixture(scope="module")
def iris():
    return scaled(datasets.load_iris)


@pytest.fixture(scope="module")
def cancer():
    return scaled(datasets.load_breast_cancer)


@pytest.fixture(scope="module")
def diabetes():
    X, y = scaled(datasets.load_diabetes)
    return X, (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def regression():
    X, y = datasets.make_regression(120, 5, noise=20.0, random_state=0)
    return X, scale(y)


@pytest.fixture
def plt():
    """Matplotlib, whose figures are closed after the test."""
    plt = pytest.importorskip("matplotlib.pyplot")
    yield plt
    plt.close("all")
