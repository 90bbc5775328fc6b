"""What calls have, wherever they run, of the place that they come from."""

import time
import warnings

import joblib
import numpy as np
import pytest
from sklearn.utils.parallel import delayed

from skreg._utils.calls import run_calls
from skreg._utils.warnings import warn


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_numpy_warns_in_workers_as_it_does_here(backend):
    calls = [delayed(np.multiply)(np.float64(1e300), 1e300) for _ in range(3)]
    with joblib.parallel_backend(backend, n_jobs=2):
        with np.errstate(over="ignore"):
            assert list(run_calls(calls)) == [np.inf] * 3
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            list(run_calls(calls))
        with pytest.warns(RuntimeWarning, match="overflow"):
            list(run_calls(calls))


def _begin_and_warn(folder, number):
    (folder / str(number)).touch()
    time.sleep(0.02)
    warn("of a call")


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_hardly_one_is_begun_after_a_warning_that_is_an_error(backend, tmp_path):
    calls = [delayed(_begin_and_warn)(tmp_path, number) for number in range(100)]
    with joblib.parallel_backend(backend, n_jobs=2), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="of a call") as error:
            list(run_calls(calls))
    # In this time all could have been done.
    time.sleep(1.5)
    assert len(list(tmp_path.iterdir())) < 50
    # It is held until here, and with it all that its traceback holds.
    del error
