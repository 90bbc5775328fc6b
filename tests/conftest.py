"""Settings that must stand before NumPy and matplotlib are imported."""

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

# Its asserts say as much as those of the tests.
pytest.register_assert_rewrite("helpers")
