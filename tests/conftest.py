"""Settings that must stand before NumPy and matplotlib are imported."""

import os

# The networks of the tests are too small for BLAS threads, and workers would fight.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
