"""What calls have, wherever they run, of the place that they come from."""

import joblib
import numpy as np
import pytest
from sklearn.utils.parallel import delayed

from skreg._utils.calls import run_calls


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
