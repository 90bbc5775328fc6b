"""What numba compiles, how often, and where it keeps it."""

import ctypes
import errno
from types import SimpleNamespace

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from numba import types  # noqa: E402
from numba.core import caching, event  # noqa: E402
from numba.core.errors import NumbaError  # noqa: E402

from skreg import MLPRegressor, config_context  # noqa: E402
from skreg._core.compiled import blocks, jit, primitives  # noqa: E402
from skreg._core.engines import CompilationError  # noqa: E402


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_is_compiled_for_other_shapes():
    rng = np.random.default_rng(0)

    def fit(n_rows, n_features, hidden, n_outputs, batch_size, **params):
        X, Y = (
            rng.normal(size=(n_rows, n_features)),
            rng.normal(size=(n_rows, n_outputs)),
        )
        network = MLPRegressor(hidden, max_iter=2, batch_size=batch_size, **params)
        assert network.fit(X, Y.squeeze()).engine_ == "compiled"

    with config_context(engine="compiled"):
        fit(20, 3, (4,), 1, 8)
        n_kernels = jit._compiled_kernel.cache_info().misses
        with event.install_recorder("numba:compile") as recorder:
            fit(33, 7, (5, 6, 2), 3, 5)
            fit(12, 1, (), 1, 12, dropout=0.0)
            fit(50, 4, (9,), 2, 1, dropout=0.4, alpha=0.1)
            fit(50, 4, (9,), 2, 7, learning_rate_init=0.1, l1_ratio=0.5, alpha=0.1)
    assert recorder.buffer == []
    assert jit._compiled_kernel.cache_info().misses == n_kernels
    trainer = blocks.trainer_for(np.dtype("f8"), np.dtype("i4"))
    assert len(trainer.signatures) == 1


def doubled(x):
    return 2 * x


def compiled_doubled():
    return jit._with_cache(
        lambda cache: numba.njit(types.float64(types.float64), cache=cache), doubled
    )


def leave_places(monkeypatch, *kept):
    """Leave only some of the places where numba keeps what it has compiled."""
    locators = [
        locator
        for locator in caching.CacheImpl._locator_classes
        if any(name in locator.__name__ for name in kept)
    ]
    assert len(locators) == len(kept)
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", locators)
    return locators


def test_what_is_compiled_is_kept_beside_its_file(monkeypatch, tmp_path):
    (in_tree,) = leave_places(monkeypatch, "InTree")
    monkeypatch.setattr(in_tree, "get_cache_path", lambda locator: str(tmp_path))
    assert compiled_doubled()(2.0) == 4.0
    assert list(tmp_path.glob("*.nbi"))


def test_in_a_package_that_is_read_only_the_users_cache_keeps_it(monkeypatch, tmp_path):
    def refused(locator):
        raise OSError("read-only")

    in_tree, user_wide = leave_places(monkeypatch, "InTree", "UserWide")
    monkeypatch.setattr(in_tree, "ensure_cache_path", refused)
    monkeypatch.setattr(user_wide, "get_cache_path", lambda locator: str(tmp_path))
    assert compiled_doubled()(2.0) == 4.0
    assert list(tmp_path.glob("*.nbi"))


def test_without_a_place_nothing_is_kept(monkeypatch):
    leave_places(monkeypatch)
    function = compiled_doubled()
    assert function(2.0) == 4.0
    assert function._cache.cache_path is None


def test_on_a_full_disk_nothing_is_kept(monkeypatch, tmp_path):
    def full(file, *args):
        raise OSError(errno.ENOSPC, "No space left on device")

    (in_tree,) = leave_places(monkeypatch, "InTree")
    monkeypatch.setattr(in_tree, "get_cache_path", lambda locator: str(tmp_path))
    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert compiled_doubled()(2.0) == 4.0


def test_other_errors_of_compiling_are_errors():
    def fails(cache):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        jit._with_cache(fails, doubled)


def test_errors_of_numba_have_a_name_that_the_core_knows():
    def typed_wrongly(x):
        return x + None

    signature = types.float64(types.float64)
    with pytest.raises(CompilationError, match="typed_wrongly") as caught:
        jit.compiled_for(signature, typed_wrongly)
    assert isinstance(caught.value.__cause__, NumbaError)


def test_a_product_of_other_integers_is_refused(monkeypatch):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    name = b"void (char *, char *, blas_int *, blas_int *, blas_int *, d *)"
    exported = SimpleNamespace(__pyx_capi__={"dgemm": new(1, name, None)})
    monkeypatch.setattr(primitives, "cython_blas", exported)
    with pytest.raises(ImportError, match="SciPy declares dgemm .*blas_int"):
        primitives._exported_address("dgemm")
